//! Whom the client believes: the system's root certificates and the operator's own.

use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Why the client cannot be made: the operator's settings are wrong. Files are counted from 1.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not PEM, or the certificate in it cannot be a root.
    #[error("extra root certificates, file {0}: {1}")]
    BadRoot(usize, String),
    /// PEM without any certificate: a key, or the wrong file.
    #[error("extra root certificates, file {0}: no certificate in it")]
    NoCertificate(usize),
    /// The cryptography library offers no suitable version of TLS.
    #[error("tls cannot be set up: {0}")]
    Tls(String),
}

/// A connector for TLS 1.2 and 1.3 that speaks HTTP/1.1 and checks chain, host name and validity.
pub(crate) fn connector(extra_roots_pem: &[Vec<u8>]) -> Result<TlsConnector, Error> {
    let mut roots = system_roots();
    for (number, pem) in (1..).zip(extra_roots_pem) {
        add(&mut roots, number, pem)?;
    }
    if roots.is_empty() {
        tracing::warn!("no root certificates: every https platform will be refused");
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| Error::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The system's, so that its updates count. A broken one among them must not keep the server from starting.
fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!("a system root certificate is left out: {error}");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    roots
}

fn add(roots: &mut RootCertStore, number: usize, pem: &[u8]) -> Result<(), Error> {
    let bad = |error: String| Error::BadRoot(number, error);
    let mut found = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots.add(certificate).map_err(|error| bad(error.to_string()))?;
        found += 1;
    }
    if found == 0 {
        return Err(Error::NoCertificate(number));
    }
    Ok(())
}
