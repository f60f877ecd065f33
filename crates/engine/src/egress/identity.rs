//! What an endpoint brings into a TLS handshake of its own: the authorities that it trusts beside the public ones, and a
//! client certificate where its receiver asks for one.

use std::fmt;
use std::sync::{Arc, OnceLock};

use ringback_model::{Auth, Redacted};
use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};

/// Why a client certificate or an authority cannot be used. Its text is for whoever registers it, and repeats nothing of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Nothing in the text is a certificate.
    #[error("It holds no certificate: give PEM, from `-----BEGIN CERTIFICATE-----` on, with the chain behind it.")]
    NoCertificate,
    /// Something in the text is no certificate.
    #[error("One of its certificates cannot be read: give each as PEM, as the authority issued it.")]
    Certificate,
    /// The certificate is of the first version of X.509, which has no extensions.
    #[error("Its certificate is of X.509 version 1, which cannot be used: have it issued as version 3.")]
    Version,
    /// Nothing in the text is a private key.
    #[error(
        "It holds no private key that can be read: give PEM, from `-----BEGIN PRIVATE KEY-----` on, without a passphrase."
    )]
    NoKey,
    /// The kind of key is not supported.
    #[error("Keys of this kind cannot be used: RSA of 2048 bits or more, ECDSA P-256 or P-384 and Ed25519 can.")]
    KeyKind,
    /// Key and certificate do not belong together.
    #[error("The key is not that of the certificate.")]
    Mismatch,
    /// The authority that is named here cannot be one.
    #[error("It holds no certificate of an authority that can be read: give PEM.")]
    Authority(&'static str),
}

impl IdentityError {
    /// The member of the endpoint at fault.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::NoCertificate | Self::Certificate | Self::Version => "auth.certificate",
            Self::NoKey | Self::KeyKind | Self::Mismatch => "auth.key",
            Self::Authority(field) => field,
        }
    }
}

/// Authorities of an endpoint's own, or a client certificate with its key, or both.
pub struct TlsIdentity {
    client: Option<ClientCertificate>,
    authorities: Vec<CertificateDer<'static>>,
    /// Made at the first connection and kept, and with it the sessions that can be resumed.
    config: OnceLock<Arc<ClientConfig>>,
}

struct ClientCertificate {
    key: Arc<CertifiedKey>,
    /// What tells it from another one.
    certificates: Vec<CertificateDer<'static>>,
    secret: PrivateKeyDer<'static>,
}

impl ClientCertificate {
    fn new(certificate: &str, key: &Redacted) -> Result<Self, IdentityError> {
        let certificates = certificates(certificate).map_err(|_| IdentityError::Certificate)?;
        if certificates.is_empty() {
            return Err(IdentityError::NoCertificate);
        }
        let secret = PrivateKeyDer::from_pem_slice(key.reveal().as_bytes()).map_err(|_| IdentityError::NoKey)?;
        let provider = rustls::crypto::ring::default_provider();
        let signer = provider.key_provider.load_private_key(secret.clone_key()).map_err(|_| IdentityError::KeyKind)?;
        let key = CertifiedKey::new(certificates.clone(), signer);
        match key.keys_match() {
            Ok(()) => {}
            Err(rustls::Error::InconsistentKeys(_)) => return Err(IdentityError::Mismatch),
            Err(_) if is_version_1(&certificates[0]) => return Err(IdentityError::Version),
            Err(_) => return Err(IdentityError::Certificate),
        }
        Ok(Self { key: Arc::new(key), certificates, secret })
    }
}

impl PartialEq for ClientCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.certificates == other.certificates && self.secret == other.secret
    }
}

impl TlsIdentity {
    /// What an endpoint with this authentication and these authorities (PEM) brings; `None` if that is nothing.
    ///
    /// # Errors
    /// When what it has cannot be used.
    pub fn of(auth: Option<&Auth>, ca: Option<&str>) -> Result<Option<Self>, IdentityError> {
        let (client, of_auth) = match auth {
            Some(Auth::Mtls { certificate, key, ca }) => {
                (Some(ClientCertificate::new(certificate, key)?), ca.as_deref())
            }
            _ => (None, None),
        };
        let mut authorities = Vec::new();
        for (pem, field) in [(of_auth, "auth.ca"), (ca, "ca")] {
            if let Some(pem) = pem {
                authorities.extend(read_authorities(pem).ok_or(IdentityError::Authority(field))?);
            }
        }
        let is_something = client.is_some() || !authorities.is_empty();
        Ok(is_something.then(|| Self { client, authorities, config: OnceLock::new() }))
    }

    /// Whether it names authorities of its own.
    pub(super) fn has_authority(&self) -> bool {
        !self.authorities.is_empty()
    }

    /// The configuration for handshakes in which `make` sets all else, with these authorities and the certificate if
    /// there is one.
    pub(super) fn config(
        &self,
        roots: &RootCertStore,
        make: impl FnOnce(RootCertStore, Option<Arc<dyn ResolvesClientCert>>) -> ClientConfig,
    ) -> Arc<ClientConfig> {
        let config = self.config.get_or_init(|| {
            let mut roots = roots.clone();
            // All of them were read as roots before.
            roots.add_parsable_certificates(self.authorities.iter().cloned());
            let shown = |client: &ClientCertificate| -> Arc<dyn ResolvesClientCert> {
                Arc::new(SingleCertAndKey::from(Arc::clone(&client.key)))
            };
            Arc::new(make(roots, self.client.as_ref().map(shown)))
        });
        Arc::clone(config)
    }
}

impl PartialEq for TlsIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.client == other.client && self.authorities == other.authorities
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIdentity").field("authorities", &self.authorities.len()).finish_non_exhaustive()
    }
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, rustls::pki_types::pem::Error> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect()
}

/// Whether a certificate names no version, which is how the first one is written (RFC 5280, 4.1): the serial number is
/// then the first thing in what is signed.
fn is_version_1(certificate: &[u8]) -> bool {
    /// What a sequence holds.
    fn inside(der: &[u8]) -> Option<&[u8]> {
        let (&[tag, length], rest) = der.split_first_chunk()?;
        let more = usize::from(length.saturating_sub(0x80));
        rest.get(more..).filter(|_| tag == 0x30)
    }
    inside(certificate).and_then(inside).and_then(<[u8]>::first) == Some(&0x02)
}

fn read_authorities(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    let found = certificates(pem).ok()?;
    let mut roots = RootCertStore::empty();
    let fit = found.iter().all(|certificate| roots.add(certificate.clone()).is_ok());
    (fit && !found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn pair() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["a.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn read(certificate: &str, key: &str, ca: Option<&str>) -> Result<Option<TlsIdentity>, IdentityError> {
        let (certificate, key, ca) = (certificate.to_owned(), Redacted::new(key.to_owned()), ca.map(str::to_owned));
        TlsIdentity::of(Some(&Auth::Mtls { certificate, key, ca }), None)
    }

    #[test]
    fn a_certificate_with_its_key_is_an_identity_and_equal_to_itself_read_again() {
        let ((certificate, key), (other, other_key)) = (pair(), pair());
        let identity = |ca| read(&certificate, &key, ca).unwrap().unwrap();
        assert_eq!(identity(None), identity(None));
        assert_ne!(identity(None), identity(Some(&other)));
        assert_ne!(identity(None), read(&other, &other_key, None).unwrap().unwrap());
        assert!(!format!("{:?}", identity(None)).contains("PRIVATE"));
        let bearer = Auth::Bearer { token: Redacted::default() };
        assert!(TlsIdentity::of(Some(&bearer), None).unwrap().is_none());
        let trusting = |auth: Option<&Auth>| TlsIdentity::of(auth, Some(&other)).unwrap().unwrap();
        assert_eq!(trusting(None), trusting(Some(&bearer)), "an authority needs no certificate beside it");
        assert_ne!(trusting(None), identity(Some(&other)));
    }

    /// Of version 1, as `openssl x509 -req` makes one without extensions, and its key.
    const VERSION_1: (&str, &str) = (
        "-----BEGIN CERTIFICATE-----\n\
MIIBFDCBuwIUPRvx6BBYDHns/Q2OvHWbuWiH0VQwCgYIKoZIzj0EAwIwDDEKMAgG\n\
A1UEAwwBYTAgFw0yNjExMjcwNjQ4NTJaGA8yMTI2MTEwMzA2NDg1MlowDDEKMAgG\n\
A1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABJxhhwOHR2nvIEkh9wFI\n\
2PXWKiDYcdykkm04mucNGFcObCc+4V/Sa3AB1/c6RKO7NcwzV7Yi2dnbmLkDNCGr\n\
s2owCgYIKoZIzj0EAwIDSAAwRQIhAI684Yg1i1dzlmJxfImH/GTmhH0O3fCBv3vJ\n\
IFVn+pZDAiBwh3HsC4UEuF8fY5Z05FssM5j5vGbSNKVi1kJfMjngbQ==\n\
-----END CERTIFICATE-----",
        "-----BEGIN PRIVATE KEY-----\n\
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgM116L/ZUK44K4B4g\n\
h13YrY082yjNOk6S45YAF41bDzGhRANCAAScYYcDh0dp7yBJIfcBSNj11iog2HHc\n\
pJJtOJrnDRhXDmwnPuFf0mtwAdf3OkSjuzXMM1e2ItnZ25i5AzQhq7Nq\n\
-----END PRIVATE KEY-----",
    );

    #[test]
    fn a_certificate_of_version_1_is_refused_with_what_to_do_about_it() {
        let error = read(VERSION_1.0, VERSION_1.1, None).unwrap_err();
        assert_eq!((error, error.field()), (IdentityError::Version, "auth.certificate"));
        assert!(error.to_string().contains("version 3"));
        let (certificate, key) = pair();
        assert!(!is_version_1(&certificates(&certificate).unwrap()[0]) && read(&certificate, &key, None).is_ok());
        assert!(!is_version_1(&[]) && !is_version_1(&[0x30, 0x84]) && !is_version_1(&[0x30, 0]));
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_the_member_at_fault() {
        let ((certificate, key), (_, other_key)) = (pair(), pair());
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (certificate, key, ca, error) in [
            ("", key.as_str(), None, IdentityError::NoCertificate),
            (key.as_str(), key.as_str(), None, IdentityError::NoCertificate),
            (broken, key.as_str(), None, IdentityError::Certificate),
            (certificate.as_str(), "", None, IdentityError::NoKey),
            (certificate.as_str(), certificate.as_str(), None, IdentityError::NoKey),
            (certificate.as_str(), other_key.as_str(), None, IdentityError::Mismatch),
            (certificate.as_str(), key.as_str(), Some(""), IdentityError::Authority("auth.ca")),
            (certificate.as_str(), key.as_str(), Some(broken), IdentityError::Authority("auth.ca")),
        ] {
            assert_eq!(read(certificate, key, ca).err(), Some(error));
        }
        assert_eq!(TlsIdentity::of(None, Some(broken)).err(), Some(IdentityError::Authority("ca")));
    }
}
