//! Hashes, and what is made of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

use super::ed25519::Ed25519;

/// A hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha512,
}

/// How a signature is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Algorithm {
    /// A hash of content that has the secret in it.
    Plain(Hash),
    /// An HMAC.
    Hmac(Hash),
    /// A JSON Web Token, signed with an HMAC.
    Jwt(Hash),
    /// An ed25519 signature.
    Ed25519,
}

/// How the bytes of a signature are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    #[default]
    Base64,
    Hex,
}

/// How the secret that the owner gives is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeyForm {
    /// Its bytes are the key.
    #[default]
    Text,
    /// It is the base64 of the key.
    Base64,
}

/// A key, ready to sign with.
pub(crate) enum Key {
    /// What stands in a content that is hashed.
    Plain {
        bytes: Zeroizing<Vec<u8>>,
        hash: Hash,
    },
    /// What a content is hashed with.
    Mac {
        bytes: Zeroizing<Vec<u8>>,
        ready: Box<MacKey>,
    },
    Ed25519(Box<Ed25519>),
}

impl Hash {
    const ALL: [(&'static str, Self); 4] =
        [("md5", Self::Md5), ("sha1", Self::Sha1), ("sha256", Self::Sha256), ("sha512", Self::Sha512)];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, hash)| *hash)
    }

    /// As it is written.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    /// The hash of a content.
    pub(crate) fn digest(self, content: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => Md5::digest(content).to_vec(),
            Self::Sha1 => Sha1::digest(content).to_vec(),
            Self::Sha256 => Sha256::digest(content).to_vec(),
            Self::Sha512 => Sha512::digest(content).to_vec(),
        }
    }

    /// The HMAC of a content (RFC 2104).
    pub(crate) fn mac(self, key: &[u8], content: &[u8]) -> Vec<u8> {
        MacKey::new(self, key).mac(content)
    }
}

/// The key of an HMAC, taken in by the hash: cloned for each use, which saves two blocks of hashing.
pub(crate) enum MacKey {
    Md5(Hmac<Md5>),
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl MacKey {
    fn new(hash: Hash, key: &[u8]) -> Self {
        fn ready<M: KeyInit>(key: &[u8]) -> M {
            M::new_from_slice(key).expect("an HMAC takes a key of any length")
        }
        match hash {
            Hash::Md5 => Self::Md5(ready(key)),
            Hash::Sha1 => Self::Sha1(ready(key)),
            Hash::Sha256 => Self::Sha256(ready(key)),
            Hash::Sha512 => Self::Sha512(ready(key)),
        }
    }

    fn mac(&self, content: &[u8]) -> Vec<u8> {
        fn of<M: Mac + Clone>(key: &M, content: &[u8]) -> Vec<u8> {
            key.clone().chain_update(content).finalize().into_bytes().to_vec()
        }
        match self {
            Self::Md5(key) => of(key, content),
            Self::Sha1(key) => of(key, content),
            Self::Sha256(key) => of(key, content),
            Self::Sha512(key) => of(key, content),
        }
    }
}

impl TryFrom<String> for Algorithm {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let found = match name.split_once('-') {
            Some(("hmac", hash)) => Hash::parse(hash).map(Self::Hmac),
            Some(("jwt", "hs256")) => Some(Self::Jwt(Hash::Sha256)),
            Some(("jwt", "hs512")) => Some(Self::Jwt(Hash::Sha512)),
            None if name == "ed25519" => Some(Self::Ed25519),
            None => Hash::parse(&name).map(Self::Plain),
            Some(_) => None,
        };
        found.ok_or_else(|| {
            format!("there is no algorithm `{name}`: it is `hmac-HASH`, `HASH`, `jwt-hs256`, `jwt-hs512` or `ed25519`")
        })
    }
}

impl std::fmt::Display for Algorithm {
    /// What people call it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |hash: &Hash| hash.name().to_uppercase().replace("SHA", "SHA-");
        match self {
            Self::Plain(hash) => write!(f, "{} of a text that holds the secret", name(hash)),
            Self::Hmac(hash) => write!(f, "HMAC-{}", hash.name().to_uppercase()),
            Self::Jwt(hash) => write!(f, "JSON Web Token, HMAC-{}", hash.name().to_uppercase()),
            Self::Ed25519 => f.write_str("ed25519"),
        }
    }
}

impl Encoding {
    pub(crate) fn write(self, bytes: &[u8]) -> String {
        match self {
            Self::Base64 => BASE64.encode(bytes),
            Self::Hex => hex(bytes),
        }
    }
}

impl Key {
    /// Reads the secret of a provider.
    ///
    /// # Errors
    /// A sentence that says how it is written.
    pub(crate) fn parse(secret: &str, form: KeyForm, algorithm: Algorithm) -> Result<Self, &'static str> {
        let bytes = || {
            let bytes = Zeroizing::new(match form {
                KeyForm::Text => secret.as_bytes().to_vec(),
                KeyForm::Base64 => BASE64.decode(secret).map_err(|_| "It is written as base64.")?,
            });
            if bytes.is_empty() { Err("It is empty.") } else { Ok(bytes) }
        };
        match algorithm {
            Algorithm::Ed25519 => ed25519(secret).map(|pair| Self::Ed25519(Box::new(Ed25519::new(&pair)))),
            Algorithm::Plain(hash) => Ok(Self::Plain { bytes: bytes()?, hash }),
            Algorithm::Hmac(hash) | Algorithm::Jwt(hash) => {
                let bytes = bytes()?;
                let ready = Box::new(MacKey::new(hash, &bytes));
                Ok(Self::Mac { bytes, ready })
            }
        }
    }

    /// The secret bytes: what a nonce follows from, and what is part of some contents.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Plain { bytes, .. } | Self::Mac { bytes, .. } => bytes,
            Self::Ed25519(key) => key.seed(),
        }
    }

    /// The signature of a content.
    pub(crate) fn sign(&self, content: &[u8]) -> Vec<u8> {
        match self {
            Self::Plain { hash, .. } => hash.digest(content),
            Self::Mac { ready, .. } => ready.mac(content),
            Self::Ed25519(key) => key.sign(content).to_vec(),
        }
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// Reads the base64 of a seed, or of a seed with the public half behind it.
fn ed25519(secret: &str) -> Result<ed25519_dalek::SigningKey, &'static str> {
    let rule = "It is the base64 of an ed25519 key: 32 bytes of seed, or 64 with the public half behind it.";
    let bytes = Zeroizing::new(BASE64.decode(secret).map_err(|_| rule)?);
    if let Ok(seed) = <&[u8; 32]>::try_from(bytes.as_slice()) {
        return Ok(ed25519_dalek::SigningKey::from_bytes(seed));
    }
    let pair: &[u8; 64] = bytes.as_slice().try_into().map_err(|_| rule)?;
    ed25519_dalek::SigningKey::from_keypair_bytes(pair)
        .map_err(|_| "The public half of the ed25519 key does not match its private half.")
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// A UUID that follows from a text (RFC 9562, version 8: the first half of its SHA-256).
pub(crate) fn uuid(text: &[u8]) -> String {
    let mut bytes = Sha256::digest(text).to_vec();
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex(&bytes[..16]);
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_its_provider_writes_it_or_refused_with_the_rule() {
        let seed: Vec<u8> = (0..32).collect();
        let pair = ed25519_dalek::SigningKey::from_bytes(seed.as_slice().try_into().unwrap());
        let parse = |bytes: &[u8]| Key::parse(&BASE64.encode(bytes), KeyForm::Text, Algorithm::Ed25519);
        assert_eq!(parse(&seed).unwrap().bytes(), seed);
        assert_eq!(parse(&pair.to_keypair_bytes()).unwrap().bytes(), seed);
        assert!(parse(&[1; 64]).unwrap_err().contains("public half"));
        assert!(parse(&[1; 31]).unwrap_err().contains("32 bytes"));
        let base64 = |text: &str| Key::parse(text, KeyForm::Base64, Algorithm::Hmac(Hash::Sha256));
        assert_eq!(base64("AAE=").unwrap().bytes(), [0, 1]);
        assert!(base64("?").is_err() && base64("").is_err());
    }

    #[test]
    fn a_uuid_is_one_of_version_8_and_always_the_same() {
        let token = uuid(b"msg_1");
        assert_eq!(token, uuid(b"msg_1"));
        assert_ne!(token, uuid(b"msg_2"));
        let parts: Vec<&str> = token.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(parts[2].starts_with('8') && "89ab".contains(&parts[3][..1]));
    }
}
