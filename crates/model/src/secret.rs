//! Signing secrets, and a wrapper that keeps any secret out of logs.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::SigningKey as Ed25519Key;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Random;

/// A text that must not be seen: `Debug` shows three dots, and it is wiped when dropped.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Redacted(Zeroizing<String>);

impl Redacted {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Every call is a place to check when secrets are hunted.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Why a text is no signing secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Not base64 behind the prefix.
    #[error("a secret is `whsec_` and base64, or `whsk_` and the base64 of an ed25519 key of 64 bytes")]
    Text,
    /// A symmetric secret with too few or too many bytes.
    #[error("a symmetric secret has 24 to 75 bytes, and this one has {0}")]
    Length(usize),
    /// The two halves of an asymmetric key do not belong together.
    #[error("the public half of the ed25519 key does not match its private half")]
    KeyPair,
}

/// What a webhook is signed with (Standard Webhooks 1.0, "Signature scheme").
#[derive(Clone, PartialEq, Eq)]
pub enum SigningSecret {
    /// `v1`: HMAC-SHA256 with these bytes. Written `whsec_…`.
    Hmac(Zeroizing<Vec<u8>>),
    /// `v1a`: an ed25519 key pair. Written `whsk_…`; its public half `whpk_…`.
    Ed25519(Box<Ed25519Key>),
}

impl SigningSecret {
    /// A fresh symmetric secret of 24 bytes.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new(vec![0; 24]);
        random.fill(&mut bytes);
        Self::Hmac(bytes)
    }

    /// Reads `whsec_…`, bare base64 or `whsk_…`.
    ///
    /// # Errors
    /// When it is neither, or its length is outside what the specification allows.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        if let Some(pair) = text.strip_prefix("whsk_") {
            let bytes = Zeroizing::new(BASE64.decode(pair).map_err(|_| SecretError::Text)?);
            let bytes: &[u8; 64] = bytes.as_slice().try_into().map_err(|_| SecretError::Text)?;
            return Ed25519Key::from_keypair_bytes(bytes)
                .map(|key| Self::Ed25519(Box::new(key)))
                .map_err(|_| SecretError::KeyPair);
        }
        let base64 = text.strip_prefix("whsec_").unwrap_or(text);
        let bytes = Zeroizing::new(BASE64.decode(base64).map_err(|_| SecretError::Text)?);
        match bytes.len() {
            24..=75 => Ok(Self::Hmac(bytes)),
            other => Err(SecretError::Length(other)),
        }
    }

    /// The secret as it is kept: [`SigningSecret::parse`] reads it back.
    #[must_use]
    pub fn to_private_text(&self) -> String {
        match self {
            Self::Hmac(bytes) => format!("whsec_{}", BASE64.encode(bytes.as_slice())),
            Self::Ed25519(key) => format!("whsk_{}", BASE64.encode(key.to_keypair_bytes())),
        }
    }

    /// What the owner of the receiving URL needs to verify: the shared secret, or the public key.
    #[must_use]
    pub fn to_verifier_text(&self) -> String {
        match self {
            Self::Hmac(_) => self.to_private_text(),
            Self::Ed25519(key) => format!("whpk_{}", BASE64.encode(key.verifying_key().as_bytes())),
        }
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hmac(_) => "whsec_…",
            Self::Ed25519(_) => "whsk_…",
        })
    }
}

impl Serialize for SigningSecret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(self.to_private_text()))
    }
}

impl<'de> Deserialize<'de> for SigningSecret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRandom;

    #[test]
    fn secrets_of_both_kinds_round_trip() {
        let random = SeededRandom::new(1);
        let secret = SigningSecret::generate(&random);
        assert_eq!(SigningSecret::parse(&secret.to_private_text()).unwrap(), secret);
        let key = SigningSecret::Ed25519(Box::new(Ed25519Key::from_bytes(&[9; 32])));
        assert_eq!(SigningSecret::parse(&key.to_private_text()).unwrap(), key);
        assert!(key.to_verifier_text().starts_with("whpk_"));
    }

    #[test]
    fn bare_base64_is_a_secret_too() {
        let bare = SigningSecret::parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(bare.to_private_text(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    }

    #[test]
    fn secrets_never_show_in_debug_output() {
        let shown =
            format!("{:?} {:?}", Redacted::new("hunter2".into()), SigningSecret::generate(&SeededRandom::new(1)));
        assert_eq!(shown, "… whsec_…");
    }

    #[test]
    fn short_long_and_mismatched_secrets_are_refused() {
        assert_eq!(SigningSecret::parse("whsec_AAAA"), Err(SecretError::Length(3)));
        assert_eq!(SigningSecret::parse("whsec_!"), Err(SecretError::Text));
        let mut pair = Ed25519Key::from_bytes(&[9; 32]).to_keypair_bytes();
        pair[40] ^= 1;
        assert_eq!(SigningSecret::parse(&format!("whsk_{}", BASE64.encode(pair))), Err(SecretError::KeyPair));
    }
}
