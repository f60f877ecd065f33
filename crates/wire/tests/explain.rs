//! What is told of a signature is what was signed: whoever signs it anew gets the same.

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

mod kit;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ringback_model::Timestamp;
use ringback_wire::{Explanation, Prepared, SignedWith, explain, prepare};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;

const PAYLOAD: &str = r#"{"product":"sms","message":{"id":"1","to":"+4860","status":"delivered"}}"#;
const AT: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn told(said: &Value) -> (Prepared, Vec<Explanation>) {
    let recipe = kit::recipe(said).unwrap();
    let message = kit::message("sms.dlr", PAYLOAD);
    let request = prepare(&recipe, &message, AT).unwrap();
    let told = explain(&recipe, &request, &message, AT);
    (request, told)
}

fn header<'a>(request: &'a Prepared, name: &str) -> &'a str {
    request.headers[name].to_str().unwrap()
}

#[test]
fn the_standard_signature_is_made_of_the_text_that_is_told() {
    for method in ["json", "post", "get"] {
        let (request, told) =
            told(&json!({"url": "https://h.example/a?k=1", "dialect": "console", "sendMethod": method}));
        let [one] = &told[..] else { panic!("{told:?}") };
        assert_eq!(
            (one.algorithm.as_str(), one.digest, &one.key),
            ("HMAC-SHA256", Some("sha256"), &SignedWith::SigningSecret)
        );
        let text = String::from_utf8(one.content.clone()).unwrap();
        let beginning = format!("{}.{}.", header(&request, "webhook-id"), AT.as_seconds());
        assert!(text.starts_with(&beginning), "{text}");
        let (endpoint, secrets) = kit::endpoint(&json!({"url": "https://h.example/"}));
        drop(endpoint);
        let key = secrets.keys[0].secret.to_verifier_text();
        let key = BASE64.decode(key.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = <Hmac<Sha256>>::new_from_slice(&key).unwrap();
        mac.update(&one.content);
        let signature = format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()));
        assert_eq!(header(&request, "webhook-signature"), signature, "{method}");
    }
}

#[test]
fn the_signature_of_a_provider_is_made_of_the_text_that_is_told_and_comes_first() {
    for (method, beginning) in
        [("post", "https://h.example/aApiVersion2010-04-01"), ("json", "https://h.example/a?bodySHA256=")]
    {
        let said =
            json!({"url": "https://h.example/a", "dialect": "twilio", "sendMethod": method, "providerSecret": "t"});
        let (request, told) = told(&said);
        let one = &told[0];
        assert_eq!((one.algorithm.as_str(), one.pattern.as_str()), ("HMAC-SHA1", "{url}{params}"));
        let what = SignedWith::ProviderSecret { what: "the auth token of the account", is_base64: false };
        assert_eq!(one.key, what);
        let text = String::from_utf8(one.content.clone()).unwrap();
        assert!(text.starts_with(beginning), "{text}");
        let mut mac = <Hmac<Sha1>>::new_from_slice(b"t").unwrap();
        mac.update(&one.content);
        assert_eq!(header(&request, "x-twilio-signature"), BASE64.encode(mac.finalize().into_bytes()), "{method}");
        assert!(one.headers.contains(&"X-Twilio-Signature"));
    }
}
