//! Bearer tokens: JWTs signed with HS256 whose subject is an organization or an application.
//!
//! A token that was verified once is remembered by its text, so that its signature is not computed for every request;
//! whether it is valid at this moment is looked at each time. A token that does not verify is never remembered, so that
//! nobody can fill the memory with made-up ones.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ringback_model::{AppId, Clock, OrgId, Random, Redacted, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Actor, Capabilities, PortalCapability, oauth_client};

/// Verified tokens that are remembered at most.
const REMEMBERED: usize = 10_000;
/// Longer texts are no token of ours: they are refused before any work is done for them.
pub(crate) const LENGTH_MAX: usize = 8_192;
/// By how much the clock of another server that mints tokens may be ahead of ours.
const LEEWAY: Duration = Duration::from_secs(60);
/// Characters of a token's name that tell it from others.
const NAMED: usize = 8;
/// Who we say minted a token.
const ISSUER: &str = "ringback";

/// Whom a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSubject {
    /// All of an organization.
    Organization(OrgId),
    /// One application, with the rights of its owner.
    Application {
        /// The organization that it belongs to.
        org: OrgId,
        /// The application.
        app: AppId,
        /// Flags of event types that the token may see.
        feature_flags: Vec<String>,
    },
}

/// Why a token does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No token of ours: signature, form or algorithm are wrong.
    #[error("Invalid token")]
    Invalid,
    /// The signing secret itself was sent as a token.
    #[error(
        "Authentication failed. JWT signing secrets can not be used as tokens, please refer to \
         https://github.com/svix/svix-webhooks#authentication for more information."
    )]
    IsTheSecret,
    /// It names nobody.
    #[error("Invalid token (missing `sub`).")]
    NoSubject,
    /// The subject or the organization is no id that we know how to read.
    #[error("Invalid token: `sub` is `org_…`, or `app_…` together with `org`.")]
    Subject,
    /// Its time is over.
    #[error("The token has expired. Ask for a new one.")]
    Expired,
    /// Its time has not come.
    #[error("The token is not valid yet. Check the clock of the machine that made it.")]
    NotYet,
    /// It could not be made.
    #[error("the token could not be signed")]
    Signing,
}

/// What tokens are signed and verified with.
#[derive(Clone)]
pub struct TokenKey {
    secret: Redacted,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey").finish_non_exhaustive()
    }
}

/// The claims of a token that we mint.
#[derive(Debug, Serialize)]
struct Minted {
    iss: &'static str,
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<String>,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    feature_flags: Vec<String>,
    /// When it was made, in microseconds: `iat` has whole seconds, and somebody may revoke and make anew within one.
    made_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    capabilities: Option<Vec<PortalCapability>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
}

/// What a token that we mint says beside whom it is for.
#[derive(Debug, Default)]
pub(crate) struct MintedFor<'a> {
    /// The client of the built-in issuer that gets it.
    pub(crate) client: Option<&'a str>,
    /// What a link to the portal may do; everything if absent.
    pub(crate) capabilities: Option<&'a [PortalCapability]>,
    /// The session that it ends with.
    pub(crate) session: Option<&'a str>,
}

/// A new token, and the name by which it is revoked.
#[derive(Debug)]
pub(crate) struct NewToken {
    pub(crate) token: Redacted,
    pub(crate) id: String,
}

/// The claims of a token that somebody shows: ours, or another server's with the same secret. Times may have fractions.
#[derive(Debug, Deserialize)]
struct Claims {
    sub: Option<String>,
    org: Option<String>,
    nbf: Option<f64>,
    exp: Option<f64>,
    client_id: Option<String>,
    #[serde(default)]
    feature_flags: Vec<String>,
    iat: Option<f64>,
    jti: Option<String>,
    made_at: Option<i64>,
    capabilities: Option<Vec<PortalCapability>>,
    session_id: Option<String>,
}

/// A token whose signature is good.
#[derive(Debug)]
pub(crate) struct Verified {
    /// Whom it speaks for.
    pub(crate) actor: Arc<Actor>,
    /// The client of the built-in issuer that got it, if one did: without it the token does not count either.
    pub(crate) client: Option<String>,
    /// What it can be revoked by: its own name, when it was made, and its session.
    pub(crate) id: Option<String>,
    pub(crate) made_at: Timestamp,
    pub(crate) session: Option<String>,
    not_before: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl TokenKey {
    /// The key with this secret.
    #[must_use]
    pub fn new(secret: Redacted) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // Times are compared with our own clock, each time the token is used.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let bytes = secret.reveal().as_bytes();
        Self {
            encoding: EncodingKey::from_secret(bytes),
            decoding: DecodingKey::from_secret(bytes),
            validation,
            secret,
        }
    }

    /// Makes a token that is valid from `now` for as long as `life`.
    ///
    /// # Errors
    /// [`TokenError::Signing`], which the kind of key rules out in practice.
    pub fn mint(
        &self,
        subject: &TokenSubject,
        now: Timestamp,
        life: Duration,
        random: &dyn Random,
    ) -> Result<Redacted, TokenError> {
        Ok(self.mint_for(subject, &MintedFor::default(), now, life, random)?.token)
    }

    fn mint_for(
        &self,
        subject: &TokenSubject,
        said: &MintedFor<'_>,
        now: Timestamp,
        life: Duration,
        random: &dyn Random,
    ) -> Result<NewToken, TokenError> {
        let mut id = [0; 16];
        random.fill(&mut id);
        let (sub, org, feature_flags) = match subject {
            TokenSubject::Organization(org) => (org.to_string(), None, Vec::new()),
            TokenSubject::Application { org, app, feature_flags } => {
                (app.to_string(), Some(org.to_string()), feature_flags.clone())
            }
        };
        let claims = Minted {
            iss: ISSUER,
            sub,
            org,
            iat: now.as_seconds(),
            nbf: now.as_seconds(),
            exp: (now + life).as_seconds(),
            jti: format!("{:032x}", u128::from_be_bytes(id)),
            client_id: said.client.map(str::to_owned),
            feature_flags,
            made_at: now.as_micros(),
            capabilities: said.capabilities.map(<[_]>::to_vec),
            session_id: said.session.map(str::to_owned),
        };
        match jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding) {
            Ok(token) => Ok(NewToken { token: Redacted::new(token), id: claims.jti }),
            Err(_) => Err(TokenError::Signing),
        }
    }

    fn open(&self, token: &str) -> Result<Verified, TokenError> {
        if token.len() > LENGTH_MAX {
            return Err(TokenError::Invalid);
        }
        let Ok(data) = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation) else {
            // Whoever holds the secret may know that it is the secret; nobody else can tell by this answer.
            let is_secret = !token.is_empty() && token == self.secret.reveal();
            return Err(if is_secret { TokenError::IsTheSecret } else { TokenError::Invalid });
        };
        let claims = data.claims;
        let actor = read_actor(&claims)?;
        let time = |seconds: f64| Timestamp::from_micros((seconds * 1e6) as i64);
        let made_at = claims.made_at.map(Timestamp::from_micros).or(claims.iat.map(time));
        Ok(Verified {
            actor: Arc::new(actor),
            id: claims.jti,
            // Of a token that does not say when it was made, it was before everything.
            made_at: made_at.unwrap_or(Timestamp::MIN),
            session: claims.session_id,
            // Tokens of other servers with this secret may say what they like.
            client: claims.client_id.filter(|id| id.starts_with(oauth_client::ID_PREFIX)),
            not_before: claims.nbf.map_or(Timestamp::MIN, |nbf| time(nbf) - LEEWAY),
            expires_at: claims.exp.map_or(Timestamp::MAX, time),
        })
    }
}

fn read_actor(claims: &Claims) -> Result<Actor, TokenError> {
    let subject = claims.sub.as_deref().ok_or(TokenError::NoSubject)?;
    let by = author(claims).into();
    if let Ok(org) = subject.parse() {
        return Ok(Actor { by, ..Actor::organization(org) });
    }
    let org = claims.org.as_deref().and_then(|org| org.parse().ok()).ok_or(TokenError::Subject)?;
    let Ok(app) = subject.parse() else { return Err(TokenError::Subject) };
    let capabilities = match &claims.capabilities {
        Some(words) => PortalCapability::together(words),
        None => Capabilities::ALL,
    };
    let feature_flags = claims.feature_flags.clone();
    Ok(Actor { app: Some(app), feature_flags, capabilities, by, ..Actor::organization(org) })
}

/// Who shows a token, as people are told: never so much of it that it could be used.
fn author(claims: &Claims) -> String {
    let kind = if claims.capabilities.is_some() { "portal link" } else { "token" };
    match (&claims.client_id, &claims.session_id, &claims.jti) {
        (Some(client), ..) => format!("client {client}"),
        (None, Some(session), _) => format!("{kind} of {session}"),
        (None, None, Some(id)) => format!("{kind} {}", id.chars().take(NAMED).collect::<String>()),
        (None, None, None) => kind.to_owned(),
    }
}

/// Tokens that were verified.
#[derive(Debug)]
pub(crate) struct Tokens {
    key: TokenKey,
    verified: RwLock<HashMap<Box<str>, Arc<Verified>>>,
}

impl Tokens {
    pub(crate) fn new(key: TokenKey) -> Self {
        Self { key, verified: RwLock::default() }
    }

    /// Makes a token that says more than whom it is for: see [`TokenKey::mint`].
    pub(crate) fn mint_for(
        &self,
        subject: &TokenSubject,
        said: &MintedFor<'_>,
        wall: Timestamp,
        life: Duration,
        random: &dyn Random,
    ) -> Result<NewToken, TokenError> {
        self.key.mint_for(subject, said, wall, life, random)
    }

    /// Who the token speaks for, by one of the clock's readings: when somebody sets the clock of the machine, be it right
    /// or wrong, nobody who has a token is locked out.
    pub(crate) fn verify_by(&self, token: &str, clock: &dyn Clock) -> Result<Arc<Verified>, TokenError> {
        match self.verify(token, clock.wall()) {
            Err(TokenError::Expired | TokenError::NotYet) => self.verify(token, clock.now()),
            verified => verified,
        }
    }

    /// Who the token speaks for at `wall`, as far as it says itself.
    fn verify(&self, token: &str, wall: Timestamp) -> Result<Arc<Verified>, TokenError> {
        let known = self.verified.read().unwrap_or_else(PoisonError::into_inner).get(token).cloned();
        let verified = match known {
            Some(verified) => verified,
            None => {
                let verified = Arc::new(self.key.open(token)?);
                let mut known = self.verified.write().unwrap_or_else(PoisonError::into_inner);
                if known.len() >= REMEMBERED {
                    known.clear();
                }
                known.insert(token.into(), verified.clone());
                verified
            }
        };
        if wall >= verified.expires_at {
            return Err(TokenError::Expired);
        }
        if wall < verified.not_before {
            return Err(TokenError::NotYet);
        }
        Ok(verified)
    }
}

#[cfg(test)]
mod tests {
    use ringback_model::{ManualClock, SeededRandom};

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn key() -> TokenKey {
        TokenKey::new(Redacted::new("a secret of the test".to_owned()))
    }

    fn mint(subject: &TokenSubject) -> Redacted {
        key().mint(subject, NOW, HOUR, &SeededRandom::new(1)).unwrap()
    }

    fn organization() -> TokenSubject {
        TokenSubject::Organization(OrgId::from_bytes([1; 20]))
    }

    fn sign(claims: &serde_json::Value, algorithm: Algorithm) -> String {
        let key = EncodingKey::from_secret(b"a secret of the test");
        jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
    }

    #[test]
    fn a_clock_that_is_set_locks_nobody_out() {
        let (tokens, clock) = (Tokens::new(key()), ManualClock::new(NOW));
        let token = mint(&organization());
        for skew in [-86_400, 86_400] {
            clock.step_wall(skew * 1_000_000);
            assert!(tokens.verify_by(token.reveal(), &clock).is_ok(), "{skew}");
        }
        clock.advance(HOUR);
        assert_eq!(tokens.verify_by(token.reveal(), &clock).err(), Some(TokenError::Expired));
    }

    #[test]
    fn a_token_speaks_for_whom_it_was_made() {
        let (org, app) = (OrgId::from_bytes([1; 20]), AppId::from_bytes([2; 20]));
        let flags = vec!["beta".to_owned()];
        let tokens = Tokens::new(key());
        let subject = TokenSubject::Application { org, app, feature_flags: flags.clone() };
        for _ in 0..2 {
            let verified = tokens.verify(mint(&subject).reveal(), NOW).unwrap();
            let by = verified.actor.by.clone();
            assert!(by.starts_with("token ") && by.len() == 14, "{by}");
            let expected = Actor { app: Some(app), feature_flags: flags.clone(), by, ..Actor::organization(org) };
            assert_eq!(*verified.actor, expected);
        }
        let verified = tokens.verify(mint(&organization()).reveal(), NOW).unwrap();
        let by = verified.actor.by.clone();
        assert_eq!(*verified.actor, Actor { by, ..Actor::organization(org) });
    }

    #[test]
    fn a_remembered_token_still_ends_at_its_time() {
        let (tokens, token) = (Tokens::new(key()), mint(&organization()));
        assert!(tokens.verify(token.reveal(), NOW + HOUR - Duration::from_secs(1)).is_ok());
        assert_eq!(tokens.verify(token.reveal(), NOW + HOUR).err(), Some(TokenError::Expired));
        assert!(tokens.verify(token.reveal(), NOW).is_ok());
        assert_eq!(tokens.verify(token.reveal(), NOW - HOUR).err(), Some(TokenError::NotYet));
    }

    #[test]
    fn other_secrets_other_algorithms_and_unsigned_tokens_are_refused_and_not_remembered() {
        let tokens = Tokens::new(key());
        let claims = serde_json::json!({ "sub": "org_23rb8YdGqMT0qIzpgGwdXfHirMu" });
        let foreign = TokenKey::new(Redacted::new("another".to_owned()));
        let foreign = foreign.mint(&organization(), NOW, HOUR, &SeededRandom::new(1)).unwrap();
        // {"alg":"none"} . {"sub":"org_23rb8YdGqMT0qIzpgGwdXfHirMu"} .
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJvcmdfMjNyYjhZZEdxTVQwcUl6cGdHd2RYZkhpck11In0.";
        let cut = &mint(&organization()).reveal()[1..].to_owned();
        let hs512 = sign(&claims, Algorithm::HS512);
        for token in [foreign.reveal(), unsigned, cut, &hs512, "", "a.b.c", &"x".repeat(100_000)] {
            assert_eq!(tokens.verify(token, NOW).err(), Some(TokenError::Invalid), "{token:.80}");
        }
        assert!(tokens.verified.read().unwrap().is_empty());
    }

    #[test]
    fn the_secret_itself_is_no_token_and_the_answer_says_so() {
        assert_eq!(Tokens::new(key()).verify("a secret of the test", NOW).err(), Some(TokenError::IsTheSecret));
    }

    #[test]
    fn subjects_that_name_nobody_are_refused() {
        let verify = |claims| Tokens::new(key()).verify(&sign(&claims, Algorithm::HS256), NOW);
        assert_eq!(verify(serde_json::json!({})).err(), Some(TokenError::NoSubject));
        assert_eq!(verify(serde_json::json!({ "sub": "admin" })).err(), Some(TokenError::Subject));
        let app_alone = serde_json::json!({ "sub": AppId::from_bytes([2; 20]) });
        assert_eq!(verify(app_alone).err(), Some(TokenError::Subject));
    }

    #[test]
    fn a_token_without_an_end_does_not_end() {
        let token = sign(&serde_json::json!({ "sub": "org_23rb8YdGqMT0qIzpgGwdXfHirMu" }), Algorithm::HS256);
        assert!(Tokens::new(key()).verify(&token, NOW).is_ok());
    }
}
