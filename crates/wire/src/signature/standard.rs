//! Signatures as Standard Webhooks 1.0 has them, "Signature scheme": over `id.timestamp.body`, one per live key, with
//! spaces between them. `v1` is HMAC-SHA256, `v1a` ed25519; both as base64.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use ringback_model::{SigningKey, SigningSecret, Timestamp};
use sha2::Sha256;

use super::ed25519::Ed25519;
use super::explain::{Explanation, SignedWith, Written};

/// The keys of one endpoint, ready to sign.
pub struct Signer {
    keys: Vec<(Key, Option<Timestamp>)>,
}

enum Key {
    /// The state of the HMAC with its key taken in: cloned for each signature, which saves two blocks of hashing.
    Hmac(Box<Hmac<Sha256>>),
    Ed25519(Box<Ed25519>),
}

impl Signer {
    /// A signer with these keys.
    #[must_use]
    pub fn new(keys: &[SigningKey]) -> Self {
        let ready = |key: &SigningKey| {
            let ready = match &key.secret {
                SigningSecret::Hmac(bytes) => {
                    Key::Hmac(Box::new(Hmac::new_from_slice(bytes).expect("an HMAC takes a key of any length")))
                }
                SigningSecret::Ed25519(pair) => Key::Ed25519(Box::new(Ed25519::new(pair))),
            };
            (ready, key.expires_at)
        };
        Self { keys: keys.iter().map(ready).collect() }
    }

    /// The value of the signature header: one signature for each key that is live at `wall`, the current one first.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: &str, body: &[u8], wall: Timestamp) -> String {
        let mut text = String::with_capacity(48);
        for (key, _) in self.keys.iter().filter(|(_, end)| end.is_none_or(|end| wall < end)) {
            if !text.is_empty() {
                text.push(' ');
            }
            match key {
                Key::Hmac(state) => {
                    let mut mac = Hmac::clone(state);
                    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
                        mac.update(part);
                    }
                    text.push_str("v1,");
                    BASE64.encode_string(mac.finalize().into_bytes(), &mut text);
                }
                Key::Ed25519(pair) => {
                    let content = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
                    text.push_str("v1a,");
                    BASE64.encode_string(pair.sign(&content), &mut text);
                }
            }
        }
        text
    }
}

impl Signer {
    /// How [`Signer::sign`] makes its signatures, by the key that comes first; nothing if none is live.
    #[must_use]
    pub fn explain(&self, id: &str, timestamp: &str, body: &[u8], wall: Timestamp) -> Option<Explanation> {
        let (key, _) = self.keys.iter().find(|(_, end)| end.is_none_or(|end| wall < end))?;
        let (algorithm, digest) = match key {
            Key::Hmac(_) => ("HMAC-SHA256", Some("sha256")),
            Key::Ed25519(_) => ("ed25519", None),
        };
        Some(Explanation {
            algorithm: algorithm.to_owned(),
            digest,
            key: SignedWith::SigningSecret,
            pattern: "{webhook-id}.{webhook-timestamp}.{body}".to_owned(),
            content: [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat(),
            has_secret: false,
            written: Written::Base64,
            headers: vec!["webhook-id", "webhook-timestamp", "webhook-signature"],
        })
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("keys", &self.keys.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_614_265_330);

    fn key(text: &str, expires_at: Option<Timestamp>) -> SigningKey {
        SigningKey { secret: SigningSecret::parse(text).unwrap(), expires_at }
    }

    /// The vector that the reference server and all of its SDKs are tested with.
    #[test]
    fn the_vector_of_the_reference_server_is_reproduced() {
        let signer = Signer::new(&[key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", None)]);
        let signature = signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b"{\"test\": 2432232314}", NOW);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_rotated_key_signs_until_the_second_its_grace_ends() {
        let keys = [key("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", None), key("AfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Some(NOW))];
        let signer = Signer::new(&keys);
        let before = signer.sign("a", "1", b"", Timestamp::from_micros(NOW.as_micros() - 1));
        let after = signer.sign("a", "1", b"", NOW);
        assert_eq!(before.split(' ').count(), 2);
        assert!(before.starts_with(&after) && !after.contains(' '));
    }

    #[test]
    fn an_ed25519_signature_verifies_with_the_public_half() {
        let pair = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        let secret = SigningSecret::Ed25519(Box::new(pair.clone()));
        let signer = Signer::new(&[SigningKey { secret, expires_at: None }]);
        let text = signer.sign("msg_1", "2", b"body", NOW);
        let bytes: [u8; 64] = BASE64.decode(text.strip_prefix("v1a,").unwrap()).unwrap().try_into().unwrap();
        let signature = ed25519_dalek::Signature::from_bytes(&bytes);
        pair.verifying_key().verify_strict(b"msg_1.2.body", &signature).unwrap();
    }
}
