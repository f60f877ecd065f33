//! What a template or a value of an event may not do to a request.

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

mod kit;

use ringback_model::{Endpoint, EndpointSecrets, OrganizationSettings, Redacted, StatusPolicy, Timestamp};
use ringback_wire::report::Report;
use ringback_wire::{Prepared, Recipe, RenderError, dialect, prepare};
use serde_json::{Value, json};

fn render(url: &str, shape: Value, payload: &Value) -> Result<Prepared, RenderError> {
    let id = "ep_27UH4WbU6Z5A5EzD8u03UvzRbpk".parse().unwrap();
    let endpoint = Endpoint {
        shape: Some(Box::new(serde_json::from_value(shape).unwrap())),
        ..Endpoint::new(id, url.to_owned(), Timestamp::from_seconds(0))
    };
    let recipe = Recipe::new(&endpoint, &EndpointSecrets::default(), &OrganizationSettings::default()).unwrap();
    let message = kit::message("sms.dlr", &payload.to_string());
    prepare(&recipe, &message, Timestamp::from_seconds(0))
}

#[test]
fn a_short_template_cannot_make_a_huge_body_of_a_long_value() {
    let template =
        |times: usize| json!({ "template": { "contentType": "text/plain", "body": "{{payload.text}}".repeat(times) } });
    let payload = json!({ "text": "x".repeat(100_000) });
    assert_eq!(render("https://h.example/", template(41), &payload).unwrap().body.len(), 4_100_000);
    assert_eq!(render("https://h.example/", template(42), &payload).unwrap_err(), RenderError::BodyTooLong);
}

#[test]
fn a_value_cannot_lead_out_of_its_place_in_the_path() {
    let to = |value: &str| {
        let payload = json!({ "message": { "clientRef": value } });
        render("https://h.example/p/{{message.clientRef}}/x?q={{message.clientRef}}", json!({}), &payload)
    };
    for out in [".", ".."] {
        assert_eq!(to(out).unwrap_err(), RenderError::Target, "{out}");
    }
    assert_eq!(to("...").unwrap().target.as_str(), "/p/.../x?q=...");
    assert_eq!(to("a/../b").unwrap().target.as_str(), "/p/a%2F..%2Fb/x?q=a%2F..%2Fb");
}

#[test]
fn a_word_that_is_no_state_is_none_that_a_policy_lets_through() {
    let admits = |payload: &str, policy| {
        let report = Report::parse(payload.as_bytes()).unwrap();
        dialect::find("ant").unwrap().admits(policy, "sms.dlr", &report).is_ok()
    };
    for word in ["pending", "Delivrd", "failed"] {
        let payload = format!(r#"{{"message":{{"status":"{word}"}}}}"#);
        assert!(!admits(&payload, None) && !admits(&payload, Some(StatusPolicy::FinalOnly)), "{word}");
    }
    assert!(admits(r#"{"call":{"id":"1"}}"#, None), "a report without a word is not about a state");
    assert!(admits(r#"{"message":{"status":"delivered"}}"#, None));
}

#[test]
fn a_parameter_of_the_owner_cannot_take_a_name_that_an_inbound_message_has_there() {
    let refused = |method: &str, name: &str| {
        let id = "ep_27UH4WbU6Z5A5EzD8u03UvzRbpk".parse().unwrap();
        let shape = json!({
            "dialect": "console", "sendMethod": method,
            "customParameters": [{ "name": name, "value": "x", "secret": false }],
        });
        let endpoint = Endpoint {
            shape: Some(Box::new(serde_json::from_value(shape).unwrap())),
            report_type: Some("mo".to_owned()),
            ..Endpoint::new(id, "https://h.example/".to_owned(), Timestamp::from_seconds(0))
        };
        let secrets = EndpointSecrets { custom_values: vec![Redacted::default()], ..EndpointSecrets::default() };
        Recipe::new(&endpoint, &secrets, &OrganizationSettings::default()).err().map(|error| error.field)
    };
    let at_the_name = Some("customParameters.0.name".to_owned());
    for (flat, whole) in [("get", "json"), ("post", "xml")] {
        for name in ["from", "text", "media_id", "payload"] {
            assert_eq!((refused(flat, name), refused(whole, name)), (at_the_name.clone(), None), "{name}");
        }
        assert_eq!((refused(flat, "messages"), refused(whole, "messages")), (None, at_the_name.clone()));
        assert_eq!((refused(flat, "team"), refused(whole, "team")), (None, None));
    }
}
