//! What a template or a value of an event may not do to a request.

mod kit;

use ringback_wire::{Prepared, RenderError};
use serde_json::{Value, json};

use crate::kit::refused;

fn render(url: &str, mut said: Value, payload: &Value) -> Result<Prepared, RenderError> {
    said["url"] = json!(url);
    kit::request(&said, "sms.dlr", &payload.to_string())
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
        let paths = "`message.clientRef`".to_owned();
        assert_eq!(to(out).unwrap_err(), RenderError::Segment { paths }, "{out}");
    }
    assert_eq!(to("...").unwrap().target.as_str(), "/p/.../x?q=...");
    assert_eq!(to("a/../b").unwrap().target.as_str(), "/p/a%2F..%2Fb/x?q=a%2F..%2Fb");
}

#[test]
fn a_parameter_of_the_owner_cannot_take_a_name_that_an_inbound_message_has_there() {
    let refused = |method: &str, name: &str| {
        let custom = json!({ name: "x" });
        refused(&json!({ "dialect": "console", "sendMethod": method, "reportType": "mo", "customParameters": custom }))
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

#[test]
fn what_is_told_as_a_number_is_a_whole_number_or_nothing_is_sent() {
    let sms = |dialect: &str, method: &str, parts: Value| {
        let payload = json!({ "product": "sms", "message": {
            "id": "1", "to": "1", "status": "delivered", "sentAt": "2024-12-18T08:08:04Z", "parts": parts } });
        kit::request(&json!({ "dialect": dialect, "sendMethod": method }), "sms.dlr", &payload.to_string())
    };
    let refused = |error: &RenderError, path: &str| matches!(error, RenderError::Value { path: at, wanted, .. } if at == path && wanted == "a whole number such as 3");
    for dialect in ["ant", "rich-dlr"] {
        for method in ["get", "post", "json", "xml"] {
            for wrong in [
                json!("two"),
                json!("2,0"),
                json!("1.0"),
                json!(2.5),
                json!("007"),
                json!(" 1"),
                json!("-"),
                json!("-7"),
            ] {
                let error = sms(dialect, method, wrong.clone()).unwrap_err();
                assert!(refused(&error, "message.parts"), "{dialect} {method} {wrong}: {error}");
                let told = wrong.as_str().map_or_else(|| wrong.to_string(), str::to_owned);
                assert!(error.to_string().contains(&format!("it is `{told}`")), "{error}");
            }
            for right in [json!(2), json!("2"), json!("0")] {
                assert!(sms(dialect, method, right).is_ok());
            }
            assert!(sms(dialect, method, Value::Null).is_ok(), "what is not there is empty");
        }
    }
    let call = |name: &str| {
        let mut payload =
            json!({ "product": "voice", "call": { "id": "1", "from": "1", "to": "2", "endReason": "0" } });
        payload["call"][name] = json!("soon");
        kit::request(&json!({ "dialect": "ant", "sendMethod": "json" }), "voice.call", &payload.to_string())
    };
    for name in ["talkSeconds", "endReason"] {
        assert!(refused(&call(name).unwrap_err(), &format!("call.{name}")));
    }
    let own = json!({ "customParameters": { "n": "{{message.parts}}" } });
    let error = kit::request(&own, "sms.dlr", r#"{"message":{"parts":"two"}}"#).unwrap_err();
    assert!(refused(&error, "message.parts"));
}

#[test]
fn a_parameter_of_the_owner_without_a_value_is_written_as_the_endpoint_says() {
    let body = |empty: &str| {
        let custom = json!({ "ref": "{{message.clientRef}}", "mixed": "a{{message.clientRef}}", "fixed": "" });
        let said =
            json!({ "dialect": "console", "sendMethod": "json", "emptyValue": empty, "customParameters": custom });
        let payload = r#"{"product":"sms","message":{"id":"1","to":"1","status":"sent"}}"#;
        let request = kit::request(&said, "sms.dlr", payload).unwrap();
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        body[body.find("\"mobile\"").unwrap()..].to_owned()
    };
    assert!(body("empty").ends_with(r#""ref":"","mixed":"a","fixed":""}"#), "{}", body("empty"));
    assert!(body("null").ends_with(r#""ref":null,"mixed":"a","fixed":""}"#), "{}", body("null"));
    assert_eq!(body("omit"), r#""mobile":"1","mixed":"a","fixed":""}"#);
}

#[test]
fn no_name_of_the_urls_query_is_one_that_a_get_appends() {
    let fault = |query: &str, mut said: Value| {
        said["url"] = json!(format!("https://h.example/in?{query}"));
        kit::recipe(&said).err().map(|error| (error.field, error.message))
    };
    let console =
        |method: &str| json!({ "dialect": "console", "sendMethod": method, "customParameters": { "team": "x" } });
    for (query, names) in [
        ("a=1&msgId=2", ["`msgId`", "`parameters.messageId`"]),
        ("%6dsgId=2", ["`msgId`", "`parameters.messageId`"]),
        ("team", ["`team`", "`customParameters.0`"]),
    ] {
        let (field, message) = fault(query, console("get")).unwrap();
        assert!(field == "url" && names.iter().all(|name| message.contains(name)), "{query}: {message}");
        for method in ["post", "json", "xml"] {
            assert_eq!(fault(query, console(method)), None, "a body has names of its own");
        }
    }
    assert_eq!(fault("token=1&msgid=2", console("get")), None);
    let placed = json!({ "dialect": "rich-dlr", "sendMethod": "get" });
    assert_eq!(fault("id={id}&status={status}", placed), None, "the URL says where values go: none is appended");
    let inbound = json!({ "dialect": "console", "sendMethod": "get", "product": "whatsapp", "reportType": "mo" });
    assert!(fault("from=1", inbound.clone()).unwrap().1.contains("the inbound message"));
    assert_eq!(fault("msgId=1", inbound), None, "an inbound message has no such name");
}

#[test]
fn a_parameter_that_nothing_has_that_the_endpoint_gets_is_refused() {
    let field = |product: &str, report_type: &str, parameters: Value| {
        refused(
            &json!({ "dialect": "console", "product": product, "reportType": report_type, "parameters": parameters }),
        )
    };
    assert_eq!(field("whatsapp", "mo", json!({ "mobile": "to" })).as_deref(), Some("parameters.mobile"));
    assert_eq!(field("sms", "dlr", json!({ "readTime": "read" })).as_deref(), Some("parameters.readTime"));
    assert_eq!(field("sms", "dlr", json!({ "readTime": "", "mobile": "to" })), None);
    assert_eq!(field("whatsapp", "dlr", json!({ "readTime": "read", "status": "state" })), None);
    assert_eq!(refused(&json!({ "dialect": "console", "parameters": { "mobile": "to" } })), None);
}

#[test]
fn a_get_never_has_a_name_of_the_urls_own_query_again() {
    let at = |query: &str| json!({ "sendMethod": "get", "url": format!("https://h.example/du{query}") });
    let send = |query: &str, payload: &Value| kit::request(&at(query), "order.paid", &payload.to_string());
    for (query, payload, name) in [
        ("?b=1", json!({ "b": 2 }), "b"),
        ("?a=1&b%20c", json!({ "x": 0, "b c": 2 }), "b c"),
        ("?b={{event.type}}", json!({ "b": null }), "b"),
    ] {
        let error = send(query, &payload).unwrap_err();
        assert_eq!(error, RenderError::QueryTaken { name: name.to_owned() }, "{query}");
        assert!(error.to_string().contains(name));
    }
    let sent = send("?b=1", &json!({ "c": 2 })).unwrap();
    assert_eq!(sent.target.query(), Some("b=1&c=2"));
    let form = json!({ "sendMethod": "post", "url": "https://h.example/du?b=1" });
    assert!(kit::request(&form, "order.paid", r#"{"b":2}"#).is_ok(), "a form is another place");
    let mo =
        json!({ "dialect": "console", "product": "whatsapp", "sendMethod": "get", "url": "https://h.example/?from=1" });
    let inbound =
        r#"{"product":"whatsapp","inbound":{"messages":[{"id":"w","from":"254","type":"text","text":{"body":"x"}}]}}"#;
    let error = kit::request(&mo, "whatsapp.mo", inbound).unwrap_err();
    assert_eq!(error, RenderError::QueryTaken { name: "from".to_owned() });
}

#[test]
fn a_value_that_would_lead_to_another_path_is_held_and_named() {
    let send = |url: &str, value: &str| {
        let payload = json!({ "v": value, "w": "." }).to_string();
        kit::request(&json!({ "url": format!("https://h.example{url}") }), "order.paid", &payload)
    };
    for (url, value, named) in [
        ("/a/{{payload.v}}/b", "..", "`payload.v`"),
        ("/a/{{payload.v}}?x={{payload.w}}", ".", "`payload.v`"),
        ("/{{payload.w}}{{payload.v}}", ".", "`payload.w` and `payload.v`"),
        ("/x{{payload.w}}/.{{payload.v}}", "", "`payload.v`"),
    ] {
        let error = send(url, value).unwrap_err();
        assert_eq!(error, RenderError::Segment { paths: named.to_owned() }, "{url}");
    }
    assert_eq!(send("/a/{{payload.v}}?x={{payload.w}}", "...").unwrap().target, "/a/...?x=.");
}
