use proptest::prelude::*;
use ringback_model::{
    Endpoint, EndpointSecrets, OrganizationSettings, Redacted, SeededRandom, SigningKey, SigningSecret, Timestamp,
    VerificationState,
};

use super::*;
use crate::Signer;

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
    let occasion = Occasion { target: &target, headers: &headers, send_method };
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
    let occasion = Occasion { target: &target, headers: &headers, send_method: SendMethod::Json };
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

fn signed(shape: serde_json::Value, secrets: &EndpointSecrets, send_method: SendMethod) -> Prepared {
    let id = "ep_27UH4WbU6Z5A5EzD8u03UvzRbpk".parse().unwrap();
    let mut endpoint = Endpoint::new(id, "https://h.example/cb".to_owned(), Timestamp::MIN);
    endpoint.shape = Some(Box::new(serde_json::from_value(shape).unwrap()));
    let recipe = Recipe::new(&endpoint, secrets, &OrganizationSettings::default()).unwrap();
    let (target, headers) = ("/cb".parse().unwrap(), HeaderMap::new());
    let occasion = Occasion { target: &target, headers: &headers, send_method };
    let verification = verification(VerificationKind::Token, VerificationMode::Default);
    let mut request = Handshake::new(&verification, KEY, &challenge()).request(&occasion).unwrap();
    sign_handshake(&recipe, &mut request, "msg_1", Timestamp::from_seconds(7)).unwrap();
    request
}

#[test]
fn every_handshake_is_signed_like_a_delivery() {
    let secret = SigningSecret::parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let keys = vec![SigningKey { secret, expires_at: None }];
    let signer = Signer::new(&keys);
    for (send_method, content) in [
        (SendMethod::Json, r#"{"validation_key":"9012XX","challenge":"a234qwe"}"#),
        (SendMethod::Get, "token=9012XX&validation_key=9012XX&challenge=a234qwe"),
    ] {
        let secrets = EndpointSecrets { keys: keys.clone(), ..Default::default() };
        let prepared = signed(serde_json::json!({}), &secrets, send_method);
        let expected = signer.sign("msg_1", "7", content.as_bytes(), Timestamp::from_seconds(7));
        assert_eq!(prepared.headers["webhook-signature"], expected.as_str());
        assert_eq!(prepared.headers["svix-id"], "msg_1");
    }
}

#[test]
fn a_handshake_in_a_dialect_that_signs_is_signed_by_it_too() {
    let secrets = EndpointSecrets { provider_secret: Some(Redacted::new("12345".to_owned())), ..Default::default() };
    let twilio = serde_json::json!({ "dialect": "twilio" });
    let by_get = signed(serde_json::json!({ "dialect": "twilio", "sendMethod": "get" }), &secrets, SendMethod::Get);
    // HMAC-SHA1 of the URL by the token, in base64; a body that is no form is vouched for in the URL.
    let url = "https://h.example/cb?token=9012XX&validation_key=9012XX&challenge=a234qwe";
    assert_eq!(by_get.headers["x-twilio-signature"], sha1_of(url));
    let by_post = signed(twilio, &secrets, SendMethod::Post);
    let target = by_post.target.as_str();
    assert!(target.starts_with("/cb?token=9012XX&bodySHA256="), "{target}");
    assert_eq!(by_post.headers["x-twilio-signature"], sha1_of(&format!("https://h.example{target}")));
}

fn sha1_of(url: &str) -> String {
    use base64::Engine as _;
    use hmac::{KeyInit as _, Mac as _};
    let mut mac = hmac::Hmac::<sha1::Sha1>::new_from_slice(b"12345").unwrap();
    mac.update(url.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
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
    assert!([one, other, both, "a234qwe", "\u{feff} a234qwe\n"].iter().all(|b| is_ok(VerificationMode::Lenient, b)));
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

#[test]
fn the_names_that_are_told_are_those_that_are_sent() {
    use VerificationKind::{Echo, HubChallenge, Ping, Token};
    for kind in [Token, HubChallenge, Echo, Ping] {
        for method in [SendMethod::Get, SendMethod::Post, SendMethod::Json, SendMethod::Xml] {
            for parameter in [None, Some("my key")] {
                let mut verification = verification(kind, VerificationMode::Default);
                verification.parameter = parameter.map(str::to_owned);
                let target = request(&verification, "/cb", method).1;
                let query = target.split_once('?').map(|(_, query)| query).unwrap_or_default();
                let sent: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name).collect();
                assert_eq!(Handshake::parameters(&verification, true, method), sent, "{kind:?} {method:?}");
            }
        }
    }
}
