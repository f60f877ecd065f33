//! Endpoints in the dialect of a provider: which cannot be, and what vouches for a request.

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

mod kit;

use ringback_model::{Message, Timestamp};
use ringback_wire::{Prepared, Recipe, RecipeError, prepare};
use serde_json::{Value, json};

const SEED: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn recipe(url: &str, mut said: Value, secret: Option<&str>) -> Result<Recipe, RecipeError> {
    said["url"] = json!(url);
    if let Some(secret) = secret {
        said["providerSecret"] = json!(secret);
    }
    kit::recipe(&said)
}

fn request(recipe: &Recipe, id: &str, wall: i64) -> Prepared {
    let payload = r#"{"product":"sms","message":{"id":"1","to":"+4860","status":"delivered"}}"#;
    let message = Message { id: id.parse().unwrap(), ..kit::message("sms.dlr", payload) };
    prepare(recipe, &message, Timestamp::from_seconds(wall)).unwrap()
}

#[test]
fn an_endpoint_that_could_not_be_genuine_is_refused_in_words() {
    let twilio = json!({"dialect": "twilio"});
    let as_json = json!({"dialect": "twilio", "sendMethod": "json"});
    let telnyx = json!({"dialect": "telnyx"});
    let plain = "https://h.example/a";
    for (url, shape, secret, field, word) in [
        (plain, &twilio, None, "providerSecret", "the auth token of the account"),
        (plain, &twilio, Some(""), "providerSecret", "empty"),
        (plain, &telnyx, None, "providerSecret", "ed25519"),
        (plain, &telnyx, Some("token"), "providerSecret", "base64"),
        (plain, &telnyx, Some("AAAA"), "providerSecret", "32 bytes"),
        ("https://h.example:443/a", &twilio, Some("t"), "url", "`https://h.example/a`"),
        ("https://h.example/a?q='", &twilio, Some("t"), "url", "`https://h.example/a?q=%27`"),
        ("https://h.example/a?", &twilio, Some("t"), "url", "`?`"),
        ("https://h.example/a;", &twilio, Some("t"), "url", "`;`"),
        ("https://h.example/a?bodySHA256=1", &as_json, Some("t"), "url", "`bodySHA256`"),
    ] {
        let error = recipe(url, shape.clone(), secret).err().unwrap();
        assert_eq!(error.field, field, "{url}: {error}");
        assert!(error.message.contains(word), "{url}: {error}");
    }
    // Nothing of the URL is signed.
    assert!(recipe("https://h.example:443/a?q='", telnyx, Some(SEED)).is_ok());
}

#[test]
fn a_name_of_the_owner_cannot_stand_where_the_provider_has_an_object() {
    let named = |name: &str| {
        let shape = json!({"dialect": "telnyx", "customParameters": {name: ""}});
        recipe("https://h.example/a", shape, Some(SEED)).err().map(|error| error.field)
    };
    assert_eq!(named("data.note"), None);
    for name in ["data", "data.payload.from", "data.payload.id.mine"] {
        assert!(named(name).is_some(), "{name}");
    }
}

#[test]
fn an_attempt_has_one_agent_and_its_token_is_that_of_the_message() {
    let recipe = recipe("https://h.example/a", json!({"dialect": "twilio"}), Some("t")).unwrap();
    let first = request(&recipe, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 7);
    let again = request(&recipe, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 700);
    let other = request(&recipe, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpl", 7);
    assert_eq!(first.headers.get_all("user-agent").iter().count(), 1);
    let token = |request: &Prepared| request.headers["i-twilio-idempotency-token"].clone();
    assert_eq!(token(&first), token(&again));
    assert_ne!(token(&first), token(&other));
}

/// Receivers hash the body and compare that with the parameter; of a form alone they take the parameters.
#[test]
fn a_body_of_the_owners_own_is_vouched_for_as_one_of_its_content_type() {
    for (kind, is_hashed) in
        [("application/json", true), ("text/plain", true), ("application/x-www-form-urlencoded", false)]
    {
        for method in ["post", "json"] {
            let template = json!({ "contentType": kind, "body": "{\"a\":\"{{message.id}}\"}" });
            let said = json!({ "dialect": "twilio", "sendMethod": method, "template": template });
            let recipe = recipe("https://h.example/a", said, Some("t")).unwrap();
            let query = request(&recipe, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 7).target.query().map(str::to_owned);
            let is_there = query.is_some_and(|query| query.starts_with("bodySHA256="));
            assert_eq!(is_there, is_hashed, "{kind} {method}");
        }
    }
}
