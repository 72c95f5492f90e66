//! TLS: whose certificates are believed, and for which names.

use std::sync::Arc;

use kyc_outbound::{Error, HttpOutbound};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion};

use crate::support::{Names, answer, failure, get, listener, say_ok};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A platform with a certificate of the authority for one name. Answers every call with `ok`.
async fn platform(authority: &Authority, name: &str, version: &'static SupportedProtocolVersion) -> u16 {
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    platform_with(authority, params, version).await
}

/// The same with a certificate of one's own making.
async fn platform_with(
    authority: &Authority,
    params: CertificateParams,
    version: &'static SupportedProtocolVersion,
) -> u16 {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (listener, port) = listener().await;
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(tcp).await {
                say_ok(&mut stream).await;
            }
        }
    });
    port
}

fn trusting(roots: &[&Authority]) -> HttpOutbound {
    let roots: Vec<_> = roots.iter().map(|root| root.pem().into_bytes()).collect();
    let names = Names::new(&["127.0.0.1"]);
    HttpOutbound::new(&roots).unwrap().with_resolver(names)
}

#[tokio::test]
async fn an_operators_own_root_is_believed() {
    let authority = authority();
    for version in [&TLS12, &TLS13] {
        let port = platform(&authority, "platform.test", version).await;
        let url = format!("https://platform.test:{port}/");
        assert_eq!(answer(&trusting(&[&authority]), get(&url)).await.body, b"ok");
    }
}

#[tokio::test]
async fn an_unknown_root_is_not() {
    let known = authority();
    let port = platform(&authority(), "platform.test", &TLS13).await;
    let url = format!("https://platform.test:{port}/secret");
    for client in [trusting(&[]), trusting(&[&known])] {
        let text = failure(&client, get(&url)).await;
        let expected = format!("no tls with `platform.test:{port}`: invalid peer certificate: ");
        assert!(text.starts_with(&expected) && !text.contains("secret"), "{text}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_believed() {
    let authority = authority();
    let port = platform(&authority, "platform.test", &TLS13).await;
    for host in ["other.test", "127.0.0.1", "sub.platform.test"] {
        let text = failure(&trusting(&[&authority]), get(&format!("https://{host}:{port}/"))).await;
        assert!(text.contains("certificate not valid for name"), "{text}");
    }
}

#[tokio::test]
async fn a_certificate_is_believed_only_in_its_time() {
    let authority = authority();
    for (years, wrong) in [
        ((2000, 2001), Some("certificate expired")),
        ((4000, 4001), Some("certificate not valid yet")),
        ((2000, 4001), None),
    ] {
        let mut params = CertificateParams::new(vec!["platform.test".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
        for version in [&TLS12, &TLS13] {
            let port = platform_with(&authority, params.clone(), version).await;
            let (client, request) = (trusting(&[&authority]), get(&format!("https://platform.test:{port}/")));
            match wrong {
                Some(wrong) => {
                    let text = failure(&client, request).await;
                    assert!(text.contains(wrong), "{text}");
                }
                None => assert_eq!(answer(&client, request).await.status, 200),
            }
        }
    }
}

#[tokio::test]
async fn a_certificate_may_be_for_an_address() {
    let authority = authority();
    let port = platform(&authority, "127.0.0.1", &TLS13).await;
    let url = format!("https://127.0.0.1:{port}/");
    assert_eq!(answer(&trusting(&[&authority]), get(&url)).await.status, 200);
}

#[tokio::test]
async fn plain_http_on_a_tls_port_is_no_answer() {
    let authority = authority();
    let port = platform(&authority, "platform.test", &TLS13).await;
    failure(&trusting(&[&authority]), get(&format!("http://platform.test:{port}/"))).await;
}

#[test]
fn a_file_of_roots_must_hold_certificates() {
    let good = authority().pem().into_bytes();
    let key = KeyPair::generate().unwrap().serialize_pem().into_bytes();
    for wrong in [key, vec![], b"no pem".to_vec()] {
        let result = HttpOutbound::new(&[good.clone(), wrong]).err();
        assert!(matches!(result, Some(Error::NoCertificate(2))), "{result:?}");
    }
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
    let result = HttpOutbound::new(&[broken]).err();
    assert!(matches!(result, Some(Error::BadRoot(1, _))), "{result:?}");
}
