//! Whom we believe to be who they say: the compiled-in authorities and those of `tls.ca_file`.
//!
//! Never: reads a file, believes a certificate that is its own authority.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Why the content of `tls.ca_file` is no list of authorities.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum InvalidRoots {
    #[error("it holds no certificate: one begins with -----BEGIN CERTIFICATE-----")]
    Empty,
    #[error("it is not readable as PEM at certificate {number}, counted from 1")]
    Pem { number: usize },
    #[error("certificate {number}, counted from 1, is not the certificate of an authority: {why}")]
    Certificate { number: usize, why: String },
}

/// TLS 1.2 and 1.3, with the authorities in `pem` beside the compiled-in ones.
///
/// # Errors
/// [`InvalidRoots`] says which certificate is none.
pub(crate) fn trusting(pem: Option<&[u8]>) -> Result<ClientConfig, InvalidRoots> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(pem) = pem {
        add(&mut roots, pem)?;
    }
    let config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the cipher suites of TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
    Ok(config)
}

fn add(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), InvalidRoots> {
    let mut number = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        number += 1;
        let certificate = certificate.map_err(|_| InvalidRoots::Pem { number })?;
        roots
            .add(certificate)
            .map_err(|error| InvalidRoots::Certificate {
                number,
                why: error.to_string(),
            })?;
    }
    match number {
        0 => Err(InvalidRoots::Empty),
        _ => Ok(()),
    }
}
