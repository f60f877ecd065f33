//! Whom TLS trusts, and what went wrong when it did not.
//!
//! There is one configuration: TLS 1.2 and 1.3, HTTP/1.1 by ALPN, the public roots and those that the operator adds. An
//! endpoint with authorities of its own or a client certificate has a copy of it with these (`identity.rs`). A
//! switch to skip verification does not exist. Nothing is sent before the handshake is complete (no early data).

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, ConfigBuilder, RootCertStore};
use tokio_rustls::TlsConnector;

use super::{Host, TlsIdentity};

/// A certificate that cannot be a root.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// It is none that others can be judged by.
    #[error("a certificate cannot be used as a root: {0}")]
    Root(rustls::Error),
    /// There is none in the text.
    #[error("it holds no certificate as PEM, from `-----BEGIN CERTIFICATE-----` on")]
    Pem,
}

/// Whose certificates are believed.
#[derive(Clone)]
pub struct Trust {
    roots: Arc<RootCertStore>,
    config: Arc<ClientConfig>,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").finish_non_exhaustive()
    }
}

impl Trust {
    /// The public certificate authorities.
    #[must_use]
    pub fn public() -> Self {
        Self::with_roots(public_roots())
    }

    /// The public certificate authorities and others beside them, such as that of a company.
    ///
    /// # Errors
    /// When one of the others is no certificate.
    pub fn with_extra(extra: impl IntoIterator<Item = CertificateDer<'static>>) -> Result<Self, TrustError> {
        let mut roots = public_roots();
        for certificate in extra {
            roots.add(certificate).map_err(TrustError::Root)?;
        }
        Ok(Self::with_roots(roots))
    }

    /// The same, with others as PEM: one at least.
    ///
    /// # Errors
    /// When there is none, or one is no certificate.
    pub fn with_pem(pem: &[u8]) -> Result<Self, TrustError> {
        let extra: Vec<_> =
            CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| TrustError::Pem)?;
        if extra.is_empty() { Err(TrustError::Pem) } else { Self::with_extra(extra) }
    }

    fn with_roots(roots: RootCertStore) -> Self {
        let mut config = builder(roots.clone()).with_no_client_auth();
        config.alpn_protocols = alpn();
        Self { roots: Arc::new(roots), config: Arc::new(config) }
    }

    /// The same trust for a mail server, whose protocol has no name in ALPN.
    pub(crate) fn connector_for_mail(&self) -> TlsConnector {
        TlsConnector::from(Arc::new(builder(RootCertStore::clone(&self.roots)).with_no_client_auth()))
    }

    pub(super) fn connector(&self, identity: Option<&TlsIdentity>) -> TlsConnector {
        TlsConnector::from(match identity {
            None => Arc::clone(&self.config),
            Some(identity) => identity.config(&self.roots, |roots, certificate| {
                let mut config = match certificate {
                    Some(certificate) => builder(roots).with_client_cert_resolver(certificate),
                    None => builder(roots).with_no_client_auth(),
                };
                config.alpn_protocols = alpn();
                config
            }),
        })
    }
}

fn builder(roots: RootCertStore) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("ring has cipher suites for both versions")
        .with_root_certificates(roots)
}

fn alpn() -> Vec<Vec<u8>> {
    vec![b"http/1.1".to_vec()]
}

fn public_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

/// The name that a receiver's certificate must be for.
pub(super) fn server_name(host: &Host) -> Result<ServerName<'static>, TlsProblem> {
    match host {
        Host::Name(name) => ServerName::try_from(name.to_string()).map_err(|_| TlsProblem::WrongHost),
        Host::Address(address) => Ok(ServerName::IpAddress((*address).into())),
    }
}

/// Why a TLS handshake failed, for the person who tests a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsProblem {
    /// The certificate has expired.
    #[error("the receiver's certificate has expired")]
    Expired,
    /// The certificate is for the future.
    #[error("the receiver's certificate is not valid yet")]
    NotYetValid,
    /// The certificate is for another host.
    #[error("the receiver's certificate is for another host name")]
    WrongHost,
    /// Nobody who is trusted vouches for the certificate.
    #[error("the receiver's certificate is not from a known authority, or an intermediate certificate is missing")]
    UnknownIssuer,
    /// Neither the endpoint's own authority nor a public one vouches for the certificate.
    #[error(
        "the receiver's certificate is neither from the endpoint's own authority (`ca`) nor from a public one, or an intermediate \
         certificate is missing"
    )]
    OtherAuthority,
    /// The certificate is that of an authority.
    #[error("the receiver shows the certificate of an authority as its own")]
    AuthorityAsServer,
    /// The certificate is unfit in another way.
    #[error("the receiver's certificate is not valid")]
    Certificate,
    /// The far end does not speak TLS.
    #[error("the receiver does not speak TLS on this port")]
    NotTls,
    /// There is no version or cipher that both ends have.
    #[error("the receiver offers no TLS version or cipher that is safe")]
    Incompatible,
    /// The far end said nothing in time.
    #[error("the receiver took the connection and said nothing to the TLS handshake")]
    Silent,
    /// The far end does not accept who this side is.
    #[error("the receiver does not accept the client certificate, or wants one and got none")]
    ClientCertificate,
    /// The far end ended the handshake.
    #[error("the receiver ended the TLS handshake")]
    Ended,
}

impl TlsProblem {
    /// What an error of the handshake means, for an endpoint that names an authority of its own or does not.
    pub(super) fn of(error: &io::Error, has_authority: bool) -> Self {
        let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
            return Self::Ended;
        };
        match tls {
            rustls::Error::InvalidCertificate(problem) => match problem {
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::WrongHost,
                CertificateError::UnknownIssuer if has_authority => Self::OtherAuthority,
                CertificateError::UnknownIssuer => Self::UnknownIssuer,
                CertificateError::Other(other) if is_authority(&*other.0) => Self::AuthorityAsServer,
                _ => Self::Certificate,
            },
            rustls::Error::InvalidMessage(_) => Self::NotTls,
            rustls::Error::PeerIncompatible(_) => Self::Incompatible,
            rustls::Error::AlertReceived(
                AlertDescription::NoCertificate
                | AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied
                | AlertDescription::CertificateRequired,
            ) => Self::ClientCertificate,
            _ => Self::Ended,
        }
    }
}

/// Whether a certificate is refused because it is one to issue others with.
fn is_authority(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_that_does_not_like_the_client_is_told_from_one_that_ends_the_handshake() {
        let problem = |alert| TlsProblem::of(&io::Error::other(rustls::Error::AlertReceived(alert)), false);
        for alert in [
            AlertDescription::BadCertificate,
            AlertDescription::CertificateExpired,
            AlertDescription::UnknownCA,
            AlertDescription::CertificateRequired,
        ] {
            assert_eq!(problem(alert), TlsProblem::ClientCertificate, "{alert:?}");
        }
        for alert in [AlertDescription::HandshakeFailure, AlertDescription::UnrecognisedName] {
            assert_eq!(problem(alert), TlsProblem::Ended, "{alert:?}");
        }
    }
}
