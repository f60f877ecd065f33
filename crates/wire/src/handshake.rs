//! The handshake before the first event: a request that somebody who agreed to get webhooks knows how to answer, and
//! what counts as the answer.
//!
//! Pure: whoever sends it draws the [`Challenge`], hands the answer to [`Handshake::judge`], and keeps what came of it.

use std::fmt;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method};
use ringback_model::{Random, SendMethod, Timestamp, Verification, VerificationKind, VerificationMode};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use subtle::ConstantTimeEq as _;

use crate::{ID, Prepared, SIGNATURE, Signer, TIMESTAMP};

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
    /// What signs, the id that is signed, and when.
    pub signature: Option<(&'a Signer, &'a str, Timestamp)>,
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

    /// Its request.
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
        if let Some(signature) = occasion.signature {
            let query = target.query().unwrap_or_default().as_bytes();
            sign(&mut headers, signature, if method == Method::GET { query } else { &body });
        }
        Ok(Prepared { method, target, headers, body })
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

fn sign(headers: &mut HeaderMap, (signer, id, wall): (&Signer, &str, Timestamp), content: &[u8]) {
    let timestamp = wall.as_seconds().to_string();
    let signature = signer.sign(id, &timestamp, content, wall);
    if signature.is_empty() {
        return;
    }
    for ([webhook, svix], text) in [(ID, id), (TIMESTAMP, &timestamp), (SIGNATURE, &signature)] {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(webhook, value.clone());
            headers.insert(svix, value);
        }
    }
}

/// Compares in a time that does not tell how much of it is right.
fn same(given: &[u8], wanted: &str) -> bool {
    given.ct_eq(wanted.as_bytes()).into()
}

/// The members that count of an answer, with everything that was said of each.
#[derive(Debug, Default)]
struct TokenAnswer {
    challenge: Said,
    validation_key: Said,
}

/// All values that one member was given.
#[derive(Debug, Default)]
struct Said(Vec<Value>);

impl Said {
    /// Whether it is there; an error if it is and is not `wanted`.
    fn holds(&self, name: &'static str, wanted: &str) -> Result<bool, Refusal> {
        let Some(first) = self.0.first() else { return Ok(false) };
        if self.0.iter().any(|other| other != first) {
            return Err(Refusal::Twice(name));
        }
        match first {
            Value::String(text) if same(text.as_bytes(), wanted) => Ok(true),
            _ => Err(Refusal::Wrong(name)),
        }
    }
}

impl<'de> Deserialize<'de> for TokenAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TokenAnswerVisitor)
    }
}

struct TokenAnswerVisitor;

impl<'de> Visitor<'de> for TokenAnswerVisitor {
    type Value = TokenAnswer;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TokenAnswer, A::Error> {
        let mut answer = TokenAnswer::default();
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "challenge" => answer.challenge.0.push(map.next_value()?),
                "validation_key" => answer.validation_key.0.push(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ringback_model::{SeededRandom, SigningKey, SigningSecret, VerificationState};

    use super::*;

    const KEY: &str = "9012XX";
    const CHALLENGE: &str = "a234qwe";

    fn verification(kind: VerificationKind, mode: VerificationMode) -> Verification {
        Verification {
            kind,
            mode,
            parameter: None,
            state: VerificationState::Unverified,
            reason: None,
            checked_at: None,
            pending_url: None,
        }
    }

    fn challenge() -> Challenge {
        Challenge::fixed(CHALLENGE.to_owned())
    }

    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer 1233XXX"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        headers
    }

    fn request(verification: &Verification, target: &str, send_method: SendMethod) -> (Method, String, String) {
        let target: PathAndQuery = target.parse().unwrap();
        let headers = headers();
        let occasion = Occasion { target: &target, headers: &headers, send_method, signature: None };
        let prepared = Handshake::new(verification, KEY, &challenge()).request(&occasion).unwrap();
        assert_eq!(prepared.headers["authorization"], "Bearer 1233XXX");
        let is_get = prepared.method == Method::GET;
        assert_eq!(is_get, !prepared.headers.contains_key(CONTENT_TYPE));
        (prepared.method, prepared.target.to_string(), String::from_utf8(prepared.body.to_vec()).unwrap())
    }

    fn ask(kind: VerificationKind, target: &str, send_method: SendMethod) -> (Method, String, String) {
        request(&verification(kind, VerificationMode::Default), target, send_method)
    }

    fn judge(mode: VerificationMode, status: u16, body: &[u8]) -> Result<(), Refusal> {
        let verification = verification(VerificationKind::Token, mode);
        Handshake::new(&verification, KEY, &challenge()).judge(status, Some(body))
    }

    fn is_ok(mode: VerificationMode, body: &str) -> bool {
        judge(mode, 200, body.as_bytes()).is_ok()
    }

    /// R1: one key, one challenge, `token` in the query.
    #[test]
    fn the_handshake_of_the_source_document_is_made_to_the_byte() {
        for method in [SendMethod::Json, SendMethod::Post, SendMethod::Xml] {
            let (verb, target, body) = ask(VerificationKind::Token, "/receive/callback", method);
            assert_eq!((verb, target.as_str()), (Method::POST, "/receive/callback?token=9012XX"));
            assert_eq!(body, r#"{"validation_key":"9012XX","challenge":"a234qwe"}"#);
            assert_eq!(body.len(), 49);
        }
    }

    /// R2.
    #[test]
    fn an_endpoint_that_gets_events_by_get_gets_its_handshake_by_get() {
        let (verb, target, body) = ask(VerificationKind::Token, "/receive/callback", SendMethod::Get);
        let expected = "/receive/callback?token=9012XX&validation_key=9012XX&challenge=a234qwe";
        assert_eq!((verb, target.as_str(), body.as_str()), (Method::GET, expected, ""));
    }

    #[test]
    fn the_key_stands_behind_the_urls_own_query_percent_encoded_under_the_chosen_name() {
        let mut verification = verification(VerificationKind::Token, VerificationMode::Default);
        verification.parameter = Some("my key".to_owned());
        let target: PathAndQuery = "/cb?a=%7b&b".parse().unwrap();
        let headers = HeaderMap::new();
        let occasion = Occasion { target: &target, headers: &headers, send_method: SendMethod::Json, signature: None };
        let prepared = Handshake::new(&verification, "a&b c+é", &challenge()).request(&occasion).unwrap();
        assert_eq!(prepared.target.as_str(), "/cb?a=%7b&b&my%20key=a%26b%20c%2B%C3%A9");
    }

    #[test]
    fn the_other_kinds_ask_as_their_inventors_do() {
        let hub = ask(VerificationKind::HubChallenge, "/cb?a=1", SendMethod::Json);
        let expected = "/cb?a=1&hub.mode=subscribe&hub.challenge=a234qwe&hub.verify_token=9012XX";
        assert_eq!(hub, (Method::GET, expected.to_owned(), String::new()));
        let echo = ask(VerificationKind::Echo, "/cb", SendMethod::Post);
        assert_eq!(echo, (Method::GET, "/cb?echostr=a234qwe".to_owned(), String::new()));
        let ping = |method| ask(VerificationKind::Ping, "/cb", method);
        assert_eq!(ping(SendMethod::Get), (Method::GET, "/cb".to_owned(), String::new()));
        assert_eq!(ping(SendMethod::Json), (Method::POST, "/cb".to_owned(), "{}".to_owned()));
        assert_eq!(ping(SendMethod::Post), (Method::POST, "/cb".to_owned(), String::new()));
        assert!(ping(SendMethod::Xml).2.ends_with("<webhook></webhook>"));
    }

    #[test]
    fn every_handshake_is_signed_like_a_delivery() {
        let secret = SigningSecret::parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signer = Signer::new(&[SigningKey { secret, expires_at: None }]);
        let (target, headers, wall) = ("/cb".parse().unwrap(), HeaderMap::new(), Timestamp::from_seconds(7));
        for (send_method, content) in [
            (SendMethod::Json, r#"{"validation_key":"9012XX","challenge":"a234qwe"}"#),
            (SendMethod::Get, "token=9012XX&validation_key=9012XX&challenge=a234qwe"),
        ] {
            let signature = Some((&signer, "msg_1", wall));
            let occasion = Occasion { target: &target, headers: &headers, send_method, signature };
            let verification = verification(VerificationKind::Token, VerificationMode::Default);
            let prepared = Handshake::new(&verification, KEY, &challenge()).request(&occasion).unwrap();
            let expected = signer.sign("msg_1", "7", content.as_bytes(), wall);
            assert_eq!(prepared.headers["webhook-signature"], expected.as_str());
            assert_eq!(prepared.headers["svix-id"], "msg_1");
        }
    }

    #[test]
    fn an_answer_with_challenge_or_key_passes_whatever_stands_around_it() {
        for body in [
            r#"{"challenge":"a234qwe"}"#,
            r#"{"validation_key":"9012XX"}"#,
            r#"{"validation_key":"9012XX","challenge":"a234qwe"}"#,
            r#"{"challenge":"a234qwe","challenge":"a234qwe"}"#,
            "\u{feff}{\"challenge\":\"a234qwe\"}",
            " \r\n\t{ \"other\": [1, {\"challenge\": \"zzz\"}], \"challenge\" : \"\\u0061234qwe\" }\n",
        ] {
            assert!(is_ok(VerificationMode::Default, body), "{body}");
        }
    }

    #[test]
    fn an_answer_that_is_wrong_in_any_way_is_refused_with_what_is_wrong() {
        use Refusal::{Empty, Form, Missing, Status, Twice, Wrong};
        let good = r#"{"challenge":"a234qwe"}"#;
        for status in [201, 202, 204, 299, 302, 401, 500] {
            assert_eq!(judge(VerificationMode::Default, status, good.as_bytes()), Err(Status(status)));
        }
        for (body, refusal) in [
            ("a234qwe", Form(EITHER)),
            ("\"a234qwe\"", Form(EITHER)),
            ("[]", Form(EITHER)),
            ("null", Form(EITHER)),
            ("{}{}", Form(EITHER)),
            ("", Empty(EITHER)),
            (" \n", Empty(EITHER)),
            ("{}", Missing("challenge", EITHER)),
            (r#"{"Challenge":"a234qwe"}"#, Missing("challenge", EITHER)),
            (r#"{"challenge":"zzz","validation_key":"9012XX"}"#, Wrong("challenge")),
            (r#"{"challenge":"a234qwe","validation_key":"9012XXXX"}"#, Wrong("validation_key")),
            (r#"{"challenge":null,"validation_key":"9012XX"}"#, Wrong("challenge")),
            (r#"{"challenge":"a234qwe "}"#, Wrong("challenge")),
            (r#"{"challenge":"a234qwe","challenge":"zzz"}"#, Twice("challenge")),
            (r#"{"validation_key":"9012XX","validation_key":1}"#, Twice("validation_key")),
        ] {
            assert_eq!(judge(VerificationMode::Default, 200, body.as_bytes()), Err(refusal), "{body}");
        }
    }

    #[test]
    fn an_answer_that_is_too_long_or_did_not_come_in_full_is_refused() {
        let long = format!("{}{}", " ".repeat(ANSWER_MAX), r#"{"challenge":"a234qwe"}"#);
        assert_eq!(judge(VerificationMode::Default, 200, long.as_bytes()), Err(Refusal::Body));
        let verification = verification(VerificationKind::Token, VerificationMode::Default);
        assert_eq!(Handshake::new(&verification, KEY, &challenge()).judge(200, None), Err(Refusal::Body));
    }

    #[test]
    fn strict_wants_both_and_lenient_takes_the_bare_challenge_too() {
        let (one, other, both) = (
            r#"{"challenge":"a234qwe"}"#,
            r#"{"validation_key":"9012XX"}"#,
            r#"{"challenge":"a234qwe","validation_key":"9012XX"}"#,
        );
        assert!(is_ok(VerificationMode::Strict, both));
        assert!(!is_ok(VerificationMode::Strict, one) && !is_ok(VerificationMode::Strict, other));
        assert!(
            [one, other, both, "a234qwe", "\u{feff} a234qwe\n"].iter().all(|b| is_ok(VerificationMode::Lenient, b))
        );
        for body in ["a234qw", "a234qwe a234qwe", "9012XX", r#"{"challenge":"zzz"}"#, ""] {
            assert!(!is_ok(VerificationMode::Lenient, body), "{body}");
        }
    }

    #[test]
    fn hub_and_echo_want_the_challenge_as_the_whole_body_and_a_ping_wants_nothing_of_it() {
        for kind in [VerificationKind::HubChallenge, VerificationKind::Echo] {
            let verification = verification(kind, VerificationMode::Default);
            let (challenge, judge) = (challenge(), |status, body: &str, challenge: &Challenge| {
                Handshake::new(&verification, KEY, challenge).judge(status, Some(body.as_bytes())).is_ok()
            });
            assert!(judge(200, "a234qwe", &challenge) && judge(200, "a234qwe\n", &challenge));
            assert!(!judge(200, r#"{"challenge":"a234qwe"}"#, &challenge) && !judge(201, "a234qwe", &challenge));
        }
        let ping = verification(VerificationKind::Ping, VerificationMode::Default);
        assert!(Handshake::new(&ping, "", &challenge()).judge(204, None).is_ok());
    }

    #[test]
    fn no_refusal_tells_the_key() {
        let body = br#"{"validation_key":"zzz"}"#;
        let refusal = judge(VerificationMode::Default, 200, body).unwrap_err();
        assert!(!refusal.to_string().contains(KEY) && refusal.to_string().contains("validation_key"));
    }

    proptest! {
        #[test]
        fn a_challenge_has_22_letters_and_digits_and_none_is_like_another(seed: u64) {
            let random = SeededRandom::new(seed);
            let (one, other) = (Challenge::draw(&random), Challenge::draw(&random));
            prop_assert_eq!(one.as_str().len(), 22);
            prop_assert!(one.as_str().bytes().all(|b| b.is_ascii_alphanumeric()));
            prop_assert_ne!(one, other);
        }

        #[test]
        fn no_answer_makes_the_judge_panic(status: u16, body: Vec<u8>) {
            judge(VerificationMode::Lenient, status, &body).ok();
        }
    }
}
