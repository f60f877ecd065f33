//! What a receiver does to know who called: the check of a Standard Webhooks signature (specification 1.0), of both
//! kinds. Written as the owner of the receiving URL would write it, without a line of the sender's code.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use ringback_model::Timestamp;
use sha2::Sha256;

use super::Arrival;

/// How old a request may be, and how far ahead: the specification's suggestion.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(300);

/// The two families of headers, of which one is enough.
const FAMILIES: [[&str; 3]; 2] =
    [["webhook-id", "webhook-timestamp", "webhook-signature"], ["svix-id", "svix-timestamp", "svix-signature"]];

/// Why a request is not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureError {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0} is no number of seconds")]
    Timestamp(&'static str),
    #[error("it was signed more than five minutes ago, or ahead")]
    Stale,
    #[error("the secret is not base64")]
    Secret,
    #[error("no signature matches")]
    Mismatch,
}

/// What signatures are checked with.
pub(crate) enum Key {
    /// A shared secret.
    Shared(Vec<u8>),
    /// The public half of a pair.
    Public(Box<VerifyingKey>),
}

impl Key {
    /// Reads `whsec_…`, bare base64 or `whpk_…`.
    pub(crate) fn parse(text: &str) -> Result<Self, SignatureError> {
        let bytes = |base64: &str| BASE64.decode(base64).or(Err(SignatureError::Secret));
        let Some(public) = text.strip_prefix("whpk_") else {
            return Ok(Self::Shared(bytes(text.trim_start_matches("whsec_"))?));
        };
        let public: [u8; 32] = bytes(public)?.try_into().or(Err(SignatureError::Secret))?;
        VerifyingKey::from_bytes(&public).map(|key| Self::Public(Box::new(key))).or(Err(SignatureError::Secret))
    }
}

/// What is said to be signed, and by which signatures.
#[derive(Clone, Debug)]
pub(crate) struct Signed<'a> {
    /// The id of the message.
    pub(crate) id: &'a str,
    /// When it was signed, as it stands in the header.
    pub(crate) timestamp: &'a str,
    /// When it was signed.
    pub(crate) at: Timestamp,
    /// The signatures, with spaces between them.
    pub(crate) signatures: &'a str,
    /// The body, or the query of a GET.
    pub(crate) content: &'a [u8],
}

impl<'a> Signed<'a> {
    /// What a request says of itself.
    pub(crate) fn of(arrival: &'a Arrival) -> Result<Self, SignatureError> {
        let has = |name: &&str| !arrival.header(name).is_empty();
        let names = FAMILIES
            .iter()
            .max_by_key(|names| (names.iter().filter(|name| has(name)).count(), names[0] == "webhook-id"));
        let [id, timestamp, signatures] = names.copied().unwrap_or(FAMILIES[0]);
        let header = |name: &'static str| {
            Some(arrival.header(name)).filter(|value| !value.is_empty()).ok_or(SignatureError::Missing(name))
        };
        let seconds = header(timestamp)?.parse().or(Err(SignatureError::Timestamp(timestamp)));
        // A GET has no body: what it says stands in its query.
        let query = arrival.target.split_once('?').map(|(_, query)| query.as_bytes()).unwrap_or_default();
        Ok(Self {
            id: header(id)?,
            signatures: header(signatures)?,
            timestamp: header(timestamp)?,
            at: Timestamp::from_seconds(seconds?),
            content: if arrival.method == Method::GET { query } else { &arrival.body },
        })
    }

    /// Whether the time when it was signed is near enough to `wall`.
    pub(crate) fn is_fresh(&self, wall: Timestamp) -> bool {
        wall.since(self.at).max(self.at.since(wall)) <= TOLERANCE
    }

    /// The bytes that are signed.
    pub(crate) fn canonical(&self) -> Vec<u8> {
        [self.id.as_bytes(), b".", self.timestamp.as_bytes(), b".", self.content].concat()
    }

    /// Whether one of the signatures is by this key. While a secret is rotated there are several.
    pub(crate) fn is_by(&self, key: &Key) -> bool {
        let content = self.canonical();
        let of_kind =
            |kind| self.signatures.split(' ').filter_map(move |one| BASE64.decode(one.strip_prefix(kind)?).ok());
        match key {
            // `verify_slice` takes constant time.
            Key::Shared(key) => of_kind("v1,").any(|signature| mac(key, &content).verify_slice(&signature).is_ok()),
            Key::Public(key) => of_kind("v1a,").any(|signature| {
                Signature::from_slice(&signature).is_ok_and(|signature| key.verify_strict(&content, &signature).is_ok())
            }),
        }
    }

    /// The signature that a shared secret makes, as it stands in the header.
    pub(crate) fn made_with(&self, key: &[u8]) -> String {
        format!("v1,{}", BASE64.encode(mac(key, &self.canonical()).finalize().into_bytes()))
    }
}

fn mac(key: &[u8], content: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length").chain_update(content)
}

/// Checks that `arrival` was signed with `secret`, by the time on the wall.
pub(crate) fn verify(arrival: &Arrival, secret: &str, wall: Timestamp) -> Result<(), SignatureError> {
    let signed = Signed::of(arrival)?;
    if !signed.is_fresh(wall) {
        return Err(SignatureError::Stale);
    }
    if signed.is_by(&Key::parse(secret)?) { Ok(()) } else { Err(SignatureError::Mismatch) }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};
    use http::StatusCode;

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SIGNED_AT: Timestamp = Timestamp::from_seconds(1_614_265_330);

    /// The request of the published test vector, with this body and these signatures.
    fn arrival(body: &'static str, signatures: &str) -> Arrival {
        let headers = [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", signatures),
        ];
        Arrival {
            method: Method::POST,
            target: "/".into(),
            headers: headers.into_iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect(),
            body: body.into(),
            answered: StatusCode::OK,
        }
    }

    const BODY: &str = r#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn the_published_vector_verifies_alone_and_among_others() {
        assert_eq!(verify(&arrival(BODY, SIGNATURE), SECRET, SIGNED_AT), Ok(()));
        assert_eq!(verify(&arrival(BODY, &format!("v1,AAAA v1a,x {SIGNATURE}")), SECRET, SIGNED_AT), Ok(()));
        let mut svix = arrival(BODY, SIGNATURE);
        svix.headers = svix
            .headers
            .iter()
            .map(|(n, v)| (n.as_str().replace("webhook", "svix").parse().unwrap(), v.clone()))
            .collect();
        assert_eq!(verify(&svix, SECRET, SIGNED_AT), Ok(()));
    }

    #[test]
    fn a_signature_of_a_pair_verifies_with_its_public_half() {
        let pair = SigningKey::from_bytes(&[7; 32]);
        let content = [b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.", BODY.as_bytes()].concat();
        let signature = format!("v1a,{}", BASE64.encode(pair.sign(&content).to_bytes()));
        let public = |pair: &SigningKey| format!("whpk_{}", BASE64.encode(pair.verifying_key().as_bytes()));
        assert_eq!(verify(&arrival(BODY, &signature), &public(&pair), SIGNED_AT), Ok(()));
        let other = public(&SigningKey::from_bytes(&[8; 32]));
        assert_eq!(verify(&arrival(BODY, &signature), &other, SIGNED_AT), Err(SignatureError::Mismatch));
        assert_eq!(verify(&arrival(BODY, &signature), "whpk_AAAA", SIGNED_AT), Err(SignatureError::Secret));
    }

    #[test]
    fn a_changed_body_another_secret_or_an_old_request_is_refused() {
        let changed = arrival(r#"{"test": 2432232315}"#, SIGNATURE);
        assert_eq!(verify(&changed, SECRET, SIGNED_AT), Err(SignatureError::Mismatch));
        let arrival = arrival(BODY, SIGNATURE);
        assert_eq!(verify(&arrival, "whsec_AAAA", SIGNED_AT), Err(SignatureError::Mismatch));
        let late = SIGNED_AT + Duration::from_secs(301);
        assert_eq!(verify(&arrival, SECRET, late), Err(SignatureError::Stale));
    }

    #[test]
    fn a_request_without_signature_is_refused_by_the_name_of_what_is_missing() {
        assert_eq!(verify(&arrival(BODY, ""), SECRET, SIGNED_AT), Err(SignatureError::Missing("webhook-signature")));
    }
}
