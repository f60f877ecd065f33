//! An event with several inbound messages goes out whole or not at all.

mod kit;

use ringback_wire::RenderError;
use serde_json::{Value, json};

/// An inbound event with so many messages, each with a text of this length.
fn inbound(count: usize, length: usize) -> String {
    let messages: Vec<Value> = (0..count)
        .map(|at| json!({ "from": "254", "id": format!("w{at}"), "type": "text", "text": { "body": "x".repeat(length) } }))
        .collect();
    let value = json!({ "metadata": { "display_phone_number": "254700000001" }, "messages": messages });
    json!({ "product": "whatsapp", "inbound": value }).to_string()
}

fn providers() -> [Value; 2] {
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    [
        json!({ "dialect": "twilio", "providerSecret": "12345678901234567890123456789012" }),
        json!({ "dialect": "telnyx", "providerSecret": key }),
    ]
}

fn template(body: &str) -> Value {
    json!({ "template": { "contentType": "text/plain", "body": body } })
}

#[test]
fn several_inbound_messages_are_held_where_the_request_carries_one() {
    let url = json!({ "url": "https://h.example/{{inbound.from}}", "template": { "contentType": "text/plain", "body": "x" } });
    let by_template = [template("{{inbound.text}}"), template("{{inbound.name}} {{message.id}}"), url];
    for said in providers().into_iter().chain(by_template) {
        assert!(kit::request(&said, "whatsapp.mo", &inbound(1, 2)).is_ok(), "{said}");
        let error = kit::request(&said, "whatsapp.mo", &inbound(2, 2)).unwrap_err();
        assert_eq!(error, RenderError::Several { count: 2 }, "{said}");
        let text = error.to_string();
        assert!(text.contains("`inbound.messages` has 2") && text.contains("an event of its own"), "{text}");
    }
}

#[test]
fn a_get_that_goes_without_its_payload_is_held_where_there_are_several_messages() {
    let said = json!({ "dialect": "console", "sendMethod": "get" });
    for (payload, is_sent) in
        [(inbound(2, 2), true), (inbound(1, 7_000), true), (inbound(2, 4_000), false), (inbound(3, 4_000), false)]
    {
        let sent = kit::request(&said, "whatsapp.mo", &payload);
        assert_eq!(sent.is_ok(), is_sent, "{sent:?}");
        if !is_sent {
            assert!(matches!(sent.unwrap_err(), RenderError::Several { count: 2 | 3 }));
        }
    }
}

#[test]
fn several_inbound_messages_go_out_where_all_of_them_are_in_the_request() {
    let custom = |value: &str| json!({ "all": value, "one": "{{inbound.text}}" });
    let mut twilio = providers()[0].clone();
    twilio["customParameters"] = custom("{{inbound}}");
    for said in [
        json!({ "dialect": "console" }),
        json!({ "dialect": "console", "sendMethod": "json" }),
        json!({ "dialect": "console", "sendMethod": "xml" }),
        json!({ "customParameters": { "one": "{{inbound.text}}" } }),
        json!({ "sendMethod": "post", "customParameters": { "one": "{{inbound.text}}" } }),
        twilio,
        template("{{inbound.text}} {{payload}}"),
        template("{{inbound.text}} {{payload.inbound}}"),
        template("{{inbound.text}} {{payload.inbound.messages}}"),
        template("{{inbound.to}} {{event.type}}"),
    ] {
        let sent = kit::request(&said, "whatsapp.mo", &inbound(2, 2));
        assert!(sent.is_ok(), "{said}: {sent:?}");
    }
}
