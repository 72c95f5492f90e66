//! TLS for both listeners, when a certificate is set.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

use crate::Failure;
use crate::settings::ServeOptions;

/// What can be read and written.
pub(crate) trait Io: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}
impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Io for T {}

/// Speaks TLS on accepted connections, or leaves them plain.
#[derive(Clone)]
pub(crate) struct Tls(Option<TlsAcceptor>);

impl Tls {
    pub(crate) fn of(options: &ServeOptions) -> Result<Self, Failure> {
        let (Some(cert), Some(key)) = (&options.tls_cert, &options.tls_key) else {
            return Ok(Self(None));
        };
        let bad = |path: &Path, error: &dyn std::fmt::Display| Failure::setting(format!("{}: {error}", path.display()));
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
            .and_then(Iterator::collect)
            .map_err(|error| bad(cert, &error))?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| bad(key, &error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| bad(cert, &error))?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(|error| bad(cert, &error))?;
        Ok(Self(Some(TlsAcceptor::from(Arc::new(config)))))
    }

    /// `https` or `http`.
    pub(crate) const fn scheme(&self) -> &'static str {
        if self.0.is_some() { "https" } else { "http" }
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> std::io::Result<Box<dyn Io>> {
        match &self.0 {
            None => Ok(Box::new(stream)),
            Some(acceptor) => Ok(Box::new(acceptor.accept(stream).await?)),
        }
    }
}
