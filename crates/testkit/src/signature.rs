//! Standard Webhooks signatures, symmetric kind (`v1`): HMAC-SHA256 over `id.timestamp.content`.
//!
//! Written from the published specification and checked with a published vector, on purpose without a line of the
//! product's own signer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use sha2::Sha256;

/// Why a request is not what its sender signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header of the signature is absent or not text.
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// A header is not the same under its `svix-` name as under its `webhook-` name.
    #[error("header {0} differs from its webhook- twin")]
    TwinDiffers(&'static str),
    /// The secret is not base64, with or without `whsec_` in front.
    #[error("the secret is not base64")]
    BadSecret,
    /// None of the signatures is the right one.
    #[error("no signature matches the content")]
    Mismatch,
}

/// Each `webhook-` header with its `svix-` twin.
const TWINS: [(&str, &str); 3] =
    [("webhook-id", "svix-id"), ("webhook-timestamp", "svix-timestamp"), ("webhook-signature", "svix-signature")];

/// Checks the `webhook-` headers of a request against its content: the body, or for GET the raw query string.
/// Where `svix-` twins are present they must say the same. The age of the timestamp is the caller's to judge.
///
/// # Errors
/// A [`SignatureError`] that names what is missing, different or wrong.
pub fn verify(secret: &str, headers: &HeaderMap, content: &[u8]) -> Result<(), SignatureError> {
    let [id, timestamp, signatures] = TWINS.map(|(name, twin)| text(headers, name).map(|value| (value, name, twin)));
    let (id, timestamp, signatures) = (id?, timestamp?, signatures?);
    for (value, _, twin) in [id, timestamp, signatures] {
        if headers.contains_key(twin) && text(headers, twin)? != value {
            return Err(SignatureError::TwinDiffers(twin));
        }
    }
    let expected = sign(secret, id.0, timestamp.0, content)?;
    // A receiver of the wild compares in constant time; a test has no secret to lose.
    if signatures.0.split(' ').any(|one| one == expected) { Ok(()) } else { Err(SignatureError::Mismatch) }
}

/// The signature of a content, as it stands in `webhook-signature`: `v1,` and base64.
///
/// # Errors
/// [`SignatureError::BadSecret`] if the secret cannot be decoded.
pub fn sign(secret: &str, id: &str, timestamp: &str, content: &[u8]) -> Result<String, SignatureError> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).or(Err(SignatureError::BadSecret))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of every length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(content);
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

fn text<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<&'h str, SignatureError> {
    headers.get(name).and_then(|value| value.to_str().ok()).ok_or(SignatureError::Missing(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: &str = "1614265330";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_published_vector_comes_out_with_and_without_the_prefix() {
        assert_eq!(sign(SECRET, ID, AT, BODY).unwrap(), SIGNATURE);
        assert_eq!(sign("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", ID, AT, BODY).unwrap(), SIGNATURE);
    }

    #[test]
    fn one_right_signature_among_several_is_enough() {
        let several = "v1,AAAA v1a,BBBB v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let headers = headers(&[("webhook-id", ID), ("webhook-timestamp", AT), ("webhook-signature", several)]);
        assert_eq!(verify(SECRET, &headers, BODY), Ok(()));
    }

    #[test]
    fn one_changed_byte_or_another_secret_is_a_mismatch() {
        let headers = headers(&[("webhook-id", ID), ("webhook-timestamp", AT), ("webhook-signature", SIGNATURE)]);
        assert_eq!(verify(SECRET, &headers, br#"{"test": 2432232315}"#), Err(SignatureError::Mismatch));
        assert_eq!(verify("whsec_AAAA", &headers, BODY), Err(SignatureError::Mismatch));
        assert_eq!(verify("whsec_%", &headers, BODY), Err(SignatureError::BadSecret));
    }

    #[test]
    fn a_missing_header_and_a_twin_that_differs_are_named() {
        let bare = headers(&[("webhook-id", ID), ("webhook-signature", SIGNATURE)]);
        assert_eq!(verify(SECRET, &bare, BODY), Err(SignatureError::Missing("webhook-timestamp")));
        let mut twin = headers(&[("webhook-id", ID), ("webhook-timestamp", AT), ("webhook-signature", SIGNATURE)]);
        twin.insert("svix-id", "msg_other".parse().unwrap());
        assert_eq!(verify(SECRET, &twin, BODY), Err(SignatureError::TwinDiffers("svix-id")));
    }
}
