//! Tokens that are JWTs, and the keys that their issuer publishes (RFC 7517).
//!
//! The keys are kept for some minutes. A token with a key that is not among them makes us look again, because issuers
//! change keys; but not often, because anybody can write such a token. What kind of signature is verified follows from
//! the kind of the key, never from the token alone: a public key is never taken for the secret of an HMAC.

mod source;

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use ringback_model::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Claims, IssuerError, Way};
pub(super) use source::KeySource;

/// How long keys are used before they are fetched again.
const LIFE: Duration = Duration::from_secs(300);
/// How long keys are used at most while their issuer cannot be asked.
const STALE_MAX: Duration = Duration::from_secs(3_600);
/// The least time between two fetches after one that came to an end.
const GAP: Duration = Duration::from_secs(30);
/// The same after one that failed.
const GAP_FAILED: Duration = Duration::from_secs(5);
/// Keys of one issuer that are looked at.
const KEYS_MAX: usize = 100;
/// The least bits of a key of RSA (RFC 7518, section 3.3), in bytes.
const RSA_MIN: usize = 256;

/// A kind of signature with a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSA with PKCS #1 v1.5 and SHA-256.
    Rs256,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// A word is no algorithm that is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("algorithms are `RS256`, `ES256` and `EdDSA`")]
pub struct AlgorithmError;

impl FromStr for SignatureAlgorithm {
    type Err = AlgorithmError;

    fn from_str(text: &str) -> Result<Self, AlgorithmError> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == text).ok_or(AlgorithmError)
    }
}

impl SignatureAlgorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// As `alg` writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    const fn in_jwt(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

/// The header of a token.
#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that have to be understood; we understand none.
    crit: Option<Value>,
}

/// A key that is published.
#[derive(Clone)]
struct Key {
    id: Option<String>,
    algorithm: SignatureAlgorithm,
    key: DecodingKey,
}

/// The keys of an issuer.
pub(super) struct KeyCache {
    source: KeySource,
    algorithms: Vec<SignatureAlgorithm>,
    kept: Mutex<Kept>,
    /// Held by the one who fetches.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    keys: Vec<Key>,
    fetched: Option<Timestamp>,
    /// When a fetch last began. One that is broken off counts as failed.
    tried: Option<Timestamp>,
    failed: bool,
}

impl KeyCache {
    pub(super) fn new(source: KeySource, algorithms: Vec<SignatureAlgorithm>) -> Self {
        Self { source, algorithms, kept: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    /// The claims of a token whose signature is good.
    pub(super) async fn open(&self, way: &Way, token: &str) -> Result<Claims, IssuerError> {
        let (header, algorithm) = self.header(token)?;
        let key = self.key(way, header.kid.as_deref(), algorithm).await?;
        verify(token, &key)
    }

    fn header(&self, token: &str) -> Result<(Header, SignatureAlgorithm), IssuerError> {
        let mut parts = token.split('.');
        let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(IssuerError::Form);
        };
        let header = BASE64.decode(header).map_err(|_| IssuerError::Form)?;
        let header: Header = serde_json::from_slice(&header).map_err(|_| IssuerError::Form)?;
        if header.crit.is_some() {
            return Err(IssuerError::Form);
        }
        match header.alg.parse() {
            Ok(algorithm) if self.algorithms.contains(&algorithm) => Ok((header, algorithm)),
            _ => {
                let names: Vec<_> = self.algorithms.iter().map(|algorithm| algorithm.name()).collect();
                Err(IssuerError::Algorithm(names.join(", ")))
            }
        }
    }

    async fn key(&self, way: &Way, id: Option<&str>, algorithm: SignatureAlgorithm) -> Result<Key, IssuerError> {
        if let Some(key) = self.kept(|kept| kept.find(id, algorithm, way.clock.now(), LIFE)) {
            return Ok(key);
        }
        // Those that miss a key at the same time wait for one fetch.
        let _turn = self.turn.lock().await;
        let now = way.clock.now();
        if let Some(key) = self.kept(|kept| kept.find(id, algorithm, now, LIFE)) {
            return Ok(key);
        }
        let may_ask = self.kept(|kept| kept.pause(now).is_zero());
        if may_ask {
            self.kept(|kept| (kept.tried, kept.failed) = (Some(now), true));
            match self.fetch(way).await {
                Ok(keys) => self.kept(|kept| {
                    *kept = Kept { keys, fetched: Some(now), tried: Some(now), failed: false };
                }),
                Err(why) => tracing::warn!("the keys of the token issuer cannot be had: {why}"),
            }
        }
        self.kept(|kept| match kept.find(id, algorithm, now, STALE_MAX) {
            Some(key) => Ok(key),
            None if kept.failed => {
                let retry_after = kept.pause(way.clock.now()).max(Duration::from_secs(1));
                Err(IssuerError::Unavailable { retry_after })
            }
            None => Err(IssuerError::Key),
        })
    }

    async fn fetch(&self, way: &Way) -> Result<Vec<Key>, String> {
        let answer = self.source.ask(way).await?;
        read(&answer).ok_or_else(|| "its answer is no set of keys (`{\"keys\": [...]}`)".to_owned())
    }

    fn kept<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Kept {
    /// The key of this id, if the keys are not older than `life`. A token that names none can only mean the one there is.
    fn find(&self, id: Option<&str>, algorithm: SignatureAlgorithm, now: Timestamp, life: Duration) -> Option<Key> {
        if self.fetched.is_none_or(|fetched| now >= fetched + life) {
            return None;
        }
        let mut fitting = self.keys.iter().filter(|key| key.algorithm == algorithm);
        match id {
            Some(id) => fitting.find(|key| key.id.as_deref() == Some(id)).cloned(),
            None => fitting.next().filter(|_| fitting.next().is_none()).cloned(),
        }
    }

    /// How long nobody asks the issuer yet.
    fn pause(&self, now: Timestamp) -> Duration {
        let gap = if self.failed { GAP_FAILED } else { GAP };
        self.tried.map_or(Duration::ZERO, |tried| (tried + gap).since(now))
    }
}

fn verify(token: &str, key: &Key) -> Result<Claims, IssuerError> {
    let mut validation = Validation::new(key.algorithm.in_jwt());
    // What the token says is looked at afterwards, by our own clock.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    let opened = jsonwebtoken::decode::<Map<String, Value>>(token, &key.key, &validation);
    opened.map(|data| data.claims).map_err(|_| IssuerError::Signature)
}

/// The keys of a set that can be used; `None` if it is no set. Others are passed over (RFC 7517, section 5).
fn read(body: &[u8]) -> Option<Vec<Key>> {
    let set: Value = serde_json::from_slice(body).ok()?;
    Some(set.get("keys")?.as_array()?.iter().take(KEYS_MAX).filter_map(read_key).collect())
}

fn read_key(jwk: &Value) -> Option<Key> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let bytes = |name: &str| BASE64.decode(text(name)?).ok();
    let (algorithm, key) = match (text("kty")?, text("crv")) {
        ("RSA", _) => {
            let (modulus, exponent) = (bytes("n")?, bytes("e")?);
            if modulus.len() < RSA_MIN {
                return None;
            }
            (SignatureAlgorithm::Rs256, DecodingKey::from_rsa_raw_components(&modulus, &exponent))
        }
        ("EC", Some("P-256")) if bytes("x")?.len() == 32 && bytes("y")?.len() == 32 => {
            (SignatureAlgorithm::Es256, DecodingKey::from_ec_components(text("x")?, text("y")?).ok()?)
        }
        ("OKP", Some("Ed25519")) if bytes("x")?.len() == 32 => {
            (SignatureAlgorithm::EdDsa, DecodingKey::from_ed_components(text("x")?).ok()?)
        }
        _ => return None,
    };
    let is_for_signatures = text("use").is_none_or(|purpose| purpose == "sig");
    let is_of_this_kind = text("alg").is_none_or(|name| name == algorithm.name());
    (is_for_signatures && is_of_this_kind).then(|| Key { id: text("kid").map(str::to_owned), algorithm, key })
}

#[cfg(test)]
mod tests;
