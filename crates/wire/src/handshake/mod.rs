//! The handshake before the first event: a request that somebody who agreed to get webhooks knows how to answer, and
//! what counts as the answer.
//!
//! Pure: whoever sends it draws the [`Challenge`], hands the answer to [`Handshake::judge`], and keeps what came of it.

mod answer;

use std::fmt;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method};
use ringback_model::{Random, SendMethod, Timestamp, Verification, VerificationKind, VerificationMode};
use serde::Serialize;

use self::answer::{TokenAnswer, same};
use crate::{Prepared, Recipe};

/// The query parameter that carries the key where the endpoint names no other.
pub const TOKEN_PARAMETER: &str = "token";
/// How much of an answer is looked at, in bytes: one that is longer is refused.
pub const ANSWER_MAX: usize = 64 * 1_024;

/// The letters of a challenge: none of them has to be encoded anywhere.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// So many of them hold 130 bits.
const CHALLENGE_LENGTH: usize = 22;

/// What has to come back. Drawn anew for each try and good for that one only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// A fresh one of more than 128 bits.
    #[must_use]
    pub fn draw(random: &dyn Random) -> Self {
        let mut text = String::with_capacity(CHALLENGE_LENGTH);
        let mut bytes = [0; 32];
        while text.len() < CHALLENGE_LENGTH {
            random.fill(&mut bytes);
            // Bytes beyond the last whole round of the alphabet would make its first letters likelier.
            let fair = bytes.iter().filter(|byte| **byte < 248).map(|byte| BASE62[usize::from(byte % 62)]);
            text.extend(fair.take(CHALLENGE_LENGTH - text.len()).map(char::from));
        }
        Self(text)
    }

    /// One with this text, for a test that has to know it.
    #[must_use]
    pub const fn fixed(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a handshake is made of beside the endpoint's verification.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// Path and query of the URL that is asked.
    pub target: &'a PathAndQuery,
    /// The headers that every request to it has.
    pub headers: &'a HeaderMap,
    /// How events are sent to it.
    pub send_method: SendMethod,
}

/// One handshake.
#[derive(Clone, Copy)]
pub struct Handshake<'a> {
    verification: &'a Verification,
    key: &'a str,
    challenge: &'a Challenge,
}

impl fmt::Debug for Handshake<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").field("kind", &self.verification.kind).finish_non_exhaustive()
    }
}

/// The URL and its query have no room for the handshake: together they are no target of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The URL leaves no room for the parameters of the handshake. Register a shorter one.")]
pub struct NoRoom;

/// Why an answer did not pass, as whole sentences for the owner of the URL. Never holds the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another status than 200.
    #[error("The URL answered {0}. The handshake needs exactly 200, with its answer in the body.")]
    Status(u16),
    /// The body was not to be had in full.
    #[error("The body of the answer broke off, did not come in time, or is longer than 64 KiB.")]
    Body,
    /// The body is empty.
    #[error("The body of the answer is empty. It has to be {0}.")]
    Empty(&'static str),
    /// The body is something else than what is asked for.
    #[error("The body of the answer has to be {0}.")]
    Form(&'static str),
    /// A member that has to be there is not.
    #[error("The answer has no `{0}`. It has to be {1}.")]
    Missing(&'static str, &'static str),
    /// A member is there and wrong.
    #[error("`{0}` in the answer is not what was sent. Answer with that of the same request, as text.")]
    Wrong(&'static str),
    /// A member is there twice, with different values.
    #[error("The answer has `{0}` twice with different values. Answer with one.")]
    Twice(&'static str),
}

/// What each kind asks for, in words.
const EITHER: &str = "a JSON object with the `challenge` or the `validation_key` of the request";
const BOTH: &str = "a JSON object with both the `challenge` and the `validation_key` of the request";
const LENIENT: &str = "the challenge of the request as text, or a JSON object with it or with the `validation_key`";
const HUB: &str = "the value of `hub.challenge` as plain text and nothing else";
const ECHO: &str = "the value of `echostr` as plain text and nothing else";

/// The body of the token handshake, in the order of the source document.
#[derive(Serialize)]
struct TokenBody<'a> {
    validation_key: &'a str,
    challenge: &'a str,
}

impl<'a> Handshake<'a> {
    /// The handshake that `verification` asks for. `key` is its validation key; empty if it has none.
    #[must_use]
    pub const fn new(verification: &'a Verification, key: &'a str, challenge: &'a Challenge) -> Self {
        Self { verification, key, challenge }
    }

    /// The names of the parameters that its request has behind those of the URL.
    #[must_use]
    pub fn parameters(verification: &'a Verification, has_key: bool, send_method: SendMethod) -> Vec<&'a str> {
        let token = verification.parameter.as_deref().unwrap_or(TOKEN_PARAMETER);
        match verification.kind {
            VerificationKind::Token if send_method == SendMethod::Get => vec![token, "validation_key", "challenge"],
            VerificationKind::Token => vec![token],
            VerificationKind::HubChallenge if has_key => vec!["hub.mode", "hub.challenge", "hub.verify_token"],
            VerificationKind::HubChallenge => vec!["hub.mode", "hub.challenge"],
            VerificationKind::Echo => vec!["echostr"],
            VerificationKind::Ping => Vec::new(),
        }
    }

    /// Its request, which is not signed yet: see [`crate::sign_handshake`].
    ///
    /// # Errors
    /// When the URL has no room for it.
    pub fn request(&self, occasion: &Occasion<'_>) -> Result<Prepared, NoRoom> {
        let by_get = occasion.send_method == SendMethod::Get;
        let challenge = self.challenge.as_str();
        let token = self.verification.parameter.as_deref().unwrap_or(TOKEN_PARAMETER);
        let (pairs, body) = match self.verification.kind {
            VerificationKind::Token if by_get => {
                (vec![(token, self.key), ("validation_key", self.key), ("challenge", challenge)], None)
            }
            VerificationKind::Token => {
                let body = TokenBody { validation_key: self.key, challenge };
                (vec![(token, self.key)], Some(("application/json", serde_json::to_vec(&body).unwrap_or_default())))
            }
            VerificationKind::HubChallenge => {
                let mut pairs = vec![("hub.mode", "subscribe"), ("hub.challenge", challenge)];
                pairs.extend((!self.key.is_empty()).then_some(("hub.verify_token", self.key)));
                (pairs, None)
            }
            VerificationKind::Echo => (vec![("echostr", challenge)], None),
            VerificationKind::Ping => (Vec::new(), least_body(occasion.send_method)),
        };
        let target = with_query(occasion.target, &pairs).ok_or(NoRoom)?;
        let mut headers = occasion.headers.clone();
        headers.remove(CONTENT_TYPE);
        let (method, body) = match body {
            Some((content_type, body)) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
                (Method::POST, Bytes::from(body))
            }
            None => (Method::GET, Bytes::new()),
        };
        Ok(Prepared { method, target, headers, body, left_out: None })
    }

    /// Whether an answer passes. A ping is judged by what counts as success for the endpoint, not here: any does.
    /// `body` is the body when all of it came, which is at most [`ANSWER_MAX`].
    ///
    /// # Errors
    /// Why it does not, in words for the owner of the URL.
    pub fn judge(&self, status: u16, body: Option<&[u8]>) -> Result<(), Refusal> {
        if self.verification.kind == VerificationKind::Ping {
            return Ok(());
        }
        if status != 200 {
            return Err(Refusal::Status(status));
        }
        let body = body.filter(|body| body.len() <= ANSWER_MAX).ok_or(Refusal::Body)?;
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
        let wanted = self.wanted();
        if body.is_empty() {
            return Err(Refusal::Empty(wanted));
        }
        let is_bare_challenge = same(body, self.challenge.as_str());
        match self.verification.kind {
            VerificationKind::HubChallenge | VerificationKind::Echo if is_bare_challenge => Ok(()),
            VerificationKind::HubChallenge | VerificationKind::Echo => Err(Refusal::Form(wanted)),
            VerificationKind::Token if self.is(VerificationMode::Lenient) && is_bare_challenge => Ok(()),
            VerificationKind::Token => self.judge_object(body, wanted),
            VerificationKind::Ping => Ok(()),
        }
    }

    fn judge_object(&self, body: &[u8], wanted: &'static str) -> Result<(), Refusal> {
        let answer: TokenAnswer = serde_json::from_slice(body).ok().ok_or(Refusal::Form(wanted))?;
        let challenge = answer.challenge.holds("challenge", self.challenge.as_str())?;
        let key = answer.validation_key.holds("validation_key", self.key)?;
        match (challenge, key) {
            (true, true) => Ok(()),
            (true, false) if self.is(VerificationMode::Strict) => Err(Refusal::Missing("validation_key", wanted)),
            (false, true) if self.is(VerificationMode::Strict) => Err(Refusal::Missing("challenge", wanted)),
            (true, false) | (false, true) => Ok(()),
            (false, false) => Err(Refusal::Missing("challenge", wanted)),
        }
    }

    fn is(&self, mode: VerificationMode) -> bool {
        self.verification.mode == mode
    }

    const fn wanted(&self) -> &'static str {
        match (self.verification.kind, self.verification.mode) {
            (VerificationKind::HubChallenge, _) => HUB,
            (VerificationKind::Echo, _) => ECHO,
            (VerificationKind::Token | VerificationKind::Ping, VerificationMode::Default) => EITHER,
            (VerificationKind::Token | VerificationKind::Ping, VerificationMode::Strict) => BOTH,
            (VerificationKind::Token | VerificationKind::Ping, VerificationMode::Lenient) => LENIENT,
        }
    }
}

/// Signs the request of a handshake with all that the endpoint's deliveries are signed with.
///
/// # Errors
/// When the URL has no room for what its dialect adds.
pub fn sign_handshake(recipe: &Recipe, request: &mut Prepared, id: &str, wall: Timestamp) -> Result<(), NoRoom> {
    if let Some(provider) = recipe.provider() {
        let method = written_as(request);
        if provider.appends(method) {
            let mut target = request.target.to_string();
            provider.append(method, &request.body, &mut target);
            request.target = PathAndQuery::try_from(target).map_err(|_| NoRoom)?;
        }
        provider.sign(request, id, wall);
    }
    crate::sign(recipe, request, id.to_owned(), wall);
    Ok(())
}

/// The send method of which this is a request.
fn written_as(request: &Prepared) -> SendMethod {
    let kind = request.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    match kind {
        _ if request.method == Method::GET => SendMethod::Get,
        kind if kind.starts_with("application/json") => SendMethod::Json,
        kind if kind.starts_with("application/xml") => SendMethod::Xml,
        _ => SendMethod::Post,
    }
}

/// The least that a receiver of this method can read.
fn least_body(method: SendMethod) -> Option<(&'static str, Vec<u8>)> {
    match method {
        SendMethod::Get => None,
        SendMethod::Post => Some(("application/x-www-form-urlencoded", Vec::new())),
        SendMethod::Json => Some(("application/json", b"{}".to_vec())),
        SendMethod::Xml => {
            let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><webhook></webhook>";
            Some(("application/xml; charset=utf-8", body.into()))
        }
    }
}

/// The target with these parameters behind those that it has.
fn with_query(target: &PathAndQuery, pairs: &[(&str, &str)]) -> Option<PathAndQuery> {
    let mut text = target.as_str().to_owned();
    for (name, value) in pairs {
        let has_query = text.contains('?');
        if !text.ends_with(['?', '&']) {
            text.push(if has_query { '&' } else { '?' });
        }
        push_encoded(&mut text, name);
        text.push('=');
        push_encoded(&mut text, value);
    }
    PathAndQuery::try_from(text).ok()
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn push_encoded(text: &mut String, value: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let digit = |at: u8| char::from(HEX[usize::from(at)]);
            text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

#[cfg(test)]
mod tests;
