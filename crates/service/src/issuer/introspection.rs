//! Tokens that only their issuer can read: it is asked about them (RFC 7662).
//!
//! What it says is kept for a short while, under a hash of the token and never the token itself. A token that it has
//! taken back is therefore good for a minute at most.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ringback_engine::egress::TargetUrl;
use ringback_engine::{Inquiry, InquiryError};
use ringback_model::{Redacted, Timestamp};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use super::{Claims, IssuerError, Way};

/// How long it is believed that a token is good.
const ACTIVE: Duration = Duration::from_secs(60);
/// How long it is believed that a token is not.
const INACTIVE: Duration = Duration::from_secs(10);
/// Answers that are kept at most.
const KEPT_MAX: usize = 10_000;
/// How many questions are under way at most: whoever makes up tokens must not keep the issuer busy.
const AT_ONCE: usize = 16;
/// How long an issuer that could not be reached is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// What an issuer says about tokens.
pub(super) struct Introspection {
    url: TargetUrl,
    client_id: String,
    client_secret: Redacted,
    turns: Semaphore,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    answers: HashMap<[u8; 32], Answer>,
    unreachable: Option<Timestamp>,
}

#[derive(Clone)]
struct Answer {
    /// `None` if it is not active.
    claims: Option<Claims>,
    until: Timestamp,
}

impl Introspection {
    pub(super) fn new(url: TargetUrl, client_id: String, client_secret: Redacted) -> Self {
        Self { url, client_id, client_secret, turns: Semaphore::new(AT_ONCE), kept: Mutex::default() }
    }

    /// What the issuer says about a token that is active.
    pub(super) async fn about(&self, way: &Way, token: &str) -> Result<Claims, IssuerError> {
        let name: [u8; 32] = Sha256::digest(token).into();
        let now = way.clock.now();
        let known = self.kept(|kept| kept.answers.get(&name).filter(|answer| now < answer.until).cloned());
        let answer = match known {
            Some(answer) => answer,
            None => {
                let claims = self.ask(way, token).await?;
                let life = if claims.is_some() { ACTIVE } else { INACTIVE };
                let answer = Answer { claims, until: way.clock.now() + life };
                self.keep(name, answer.clone(), now);
                answer
            }
        };
        answer.claims.ok_or(IssuerError::Inactive)
    }

    async fn ask(&self, way: &Way, token: &str) -> Result<Option<Claims>, IssuerError> {
        let unavailable = || IssuerError::Unavailable { retry_after: PAUSE };
        let now = way.clock.now();
        if self.kept(|kept| kept.unreachable.is_some_and(|at| now < at + PAUSE)) {
            return Err(unavailable());
        }
        let Ok(_turn) = self.turns.try_acquire() else { return Err(unavailable()) };
        let members = [("token", token), ("token_type_hint", "access_token")];
        let inquiry = Inquiry::form(self.url.clone(), (&self.client_id, &self.client_secret), &members);
        let answer = way.ask(&inquiry).await;
        // Only silence: an answer that one token brings about says nothing of the next one.
        let is_silent = matches!(answer, Err(InquiryError::NoAnswer(_)));
        self.kept(|kept| kept.unreachable = is_silent.then(|| way.clock.now()));
        let why = match answer {
            Ok(answer) => match read(&answer) {
                Some(claims) => return Ok(claims),
                None => "its answer is not JSON with a member `active`".to_owned(),
            },
            Err(error @ InquiryError::Status(401 | 403)) => format!("{error}: check the client's id and secret"),
            Err(error) => error.to_string(),
        };
        tracing::warn!("the token issuer said nothing about a token: {why}");
        Err(unavailable())
    }

    fn keep(&self, name: [u8; 32], answer: Answer, now: Timestamp) {
        self.kept(|kept| {
            if kept.answers.len() >= KEPT_MAX {
                kept.answers.retain(|_, answer| now < answer.until);
            }
            if kept.answers.len() >= KEPT_MAX {
                kept.answers.clear();
            }
            kept.answers.insert(name, answer);
        });
    }

    fn kept<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The members of an answer about a token that is active, `Some(None)` for one that is not.
fn read(body: &[u8]) -> Option<Option<Claims>> {
    let members: Claims = serde_json::from_slice(body).ok()?;
    match members.get("active")? {
        Value::Bool(true) => Some(Some(members)),
        Value::Bool(false) => Some(None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_yes_or_no_is_an_answer() {
        assert!(read(br#"{"active": true, "scope": "a"}"#).is_some_and(|said| said.is_some()));
        assert!(read(br#"{"active": false, "scope": "a"}"#).is_some_and(|said| said.is_none()));
        for bad in ["", "{}", "[]", "true", r#"{"active": "true"}"#, r#"{"active": 1}"#, r#"{"active": true"#] {
            assert!(read(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
