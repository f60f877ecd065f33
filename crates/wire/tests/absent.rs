//! What is sent of a report that lacks something: nothing is made up, and nothing goes out half.

mod kit;

use ringback_model::{OrganizationSettings, StatusPolicy};
use ringback_wire::report::{Report, Status};
use ringback_wire::{Recipe, RenderError, dialect, prepare};
use serde_json::{Value, json};

/// A report that has all that any dialect needs but a state.
fn report(status: &Value) -> String {
    let mut message = json!({ "id": "1", "groupId": "g", "to": "254712345678", "from": "254", "parts": 1 });
    if !status.is_null() {
        message["status"] = status.clone();
    }
    json!({ "message": message }).to_string()
}

fn endpoint(dialect: &str, policy: &Value) -> Value {
    let mut said = json!({ "dialect": dialect });
    if !policy.is_null() {
        said["statusPolicy"] = policy.clone();
    }
    let secret = match dialect {
        "twilio" => "12345678901234567890123456789012",
        "telnyx" => "nWGxne_",
        _ => return said,
    };
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    said["providerSecret"] = json!(if dialect == "telnyx" { key } else { secret });
    said
}

/// Dialects and policies that leave states out, by product.
fn choosy() -> Vec<(Value, &'static str)> {
    let mut found = Vec::new();
    for name in dialect::names() {
        for event_type in ["sms.dlr", "whatsapp.dlr"] {
            for policy in [json!(null), json!("all"), json!("final_only"), json!({ "mask": 3 })] {
                let by_policy = policy != json!(null) && policy != json!("all");
                let by_dialect =
                    matches!((name, event_type), ("ant" | "twilio" | "telnyx" | "rich-dlr" | "console", _));
                if by_policy || by_dialect {
                    found.push((endpoint(name, &policy), event_type));
                }
            }
        }
    }
    found
}

#[test]
fn a_report_without_a_state_is_not_sent_where_the_state_matters_and_the_field_is_named() {
    for (said, event_type) in choosy() {
        for absent in [Value::Null, json!("")] {
            let error = kit::request(&said, event_type, &report(&absent)).unwrap_err();
            assert!(error.to_string().contains("`message.status`"), "{said} {event_type}: {error}");
        }
        kit::request(&said, event_type, &report(&json!("delivered"))).unwrap();
    }
}

#[test]
fn a_word_that_is_no_state_is_not_sent_where_the_state_matters_and_the_words_are_told() {
    for (said, event_type) in choosy() {
        for word in ["pending", "Delivrd", "failed"] {
            let error = kit::request(&said, event_type, &report(&json!(word))).unwrap_err().to_string();
            let named = error.contains("`message.status`") && error.contains("delivered");
            assert!(named, "{said} {event_type} {word}: {error}");
        }
    }
}

#[test]
fn a_code_says_what_became_of_a_message_where_the_state_is_not_told() {
    let said = endpoint("console", &Value::Null);
    let payload = r#"{"message":{"id":"1","to":"254712345678","error":{"code":"27"}}}"#;
    let body = kit::request(&said, "sms.dlr", payload).unwrap().body;
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(body.contains("errorCode=27"), "{body}");
}

#[test]
fn a_report_whose_state_nobody_can_tell_makes_a_delivery_that_waits() {
    for (payload, policy) in [(report(&Value::Null), None), (report(&json!("pending")), Some(StatusPolicy::Mask(1)))] {
        let report = Report::parse(payload.as_bytes()).unwrap();
        for name in dialect::names() {
            assert_eq!(dialect::find(name).unwrap().admits(policy, "sms.dlr", &report), Ok(()), "{name}");
        }
    }
}

#[test]
fn what_is_not_about_a_state_goes_through_a_policy_as_it_is() {
    let said = json!({ "statusPolicy": "final_only" });
    for (event_type, payload) in [
        ("order.created", r#"{"message":{"text":"hello"}}"#),
        ("order.created", "[1]"),
        ("voice.call", r#"{"call":{"id":"1"}}"#),
        ("otp.feedback", r#"{"message":{"id":"1"},"feedback":{"result":"SUCCESS"}}"#),
    ] {
        assert_eq!(kit::request(&said, event_type, payload).unwrap().body, payload);
    }
    let error = kit::request(&said, "sms.dlr", "[1]").unwrap_err();
    assert!(matches!(error, RenderError::NotAReport { .. }), "{error}");
}

#[test]
fn a_state_before_those_that_a_dialect_has_words_for_is_not_sent_as_one_of_them() {
    for (name, event_type) in
        [("ant", "sms.dlr"), ("console", "whatsapp.dlr"), ("twilio", "sms.dlr"), ("telnyx", "sms.dlr")]
    {
        let early = Status::all().take_while(|status| status.rank() < 25);
        for status in early.map(Status::text) {
            let said = endpoint(name, &json!("all"));
            let error = kit::request(&said, event_type, &report(&json!(status))).unwrap_err();
            assert!(matches!(error, RenderError::Early { state, .. } if state == status), "{name} {status}: {error}");
        }
    }
}

#[test]
fn a_value_that_is_not_there_is_none_that_a_placeholder_in_the_url_needs() {
    let said =
        json!({ "url": "https://h.example/in?to={mobile}&s={status}", "dialect": "rich-dlr", "sendMethod": "get" });
    let error = kit::request(&said, "sms.dlr", &report(&Value::Null)).unwrap_err();
    assert!(error.to_string().contains("`message.status`"), "{error}");
}

#[test]
fn a_call_that_says_nothing_of_its_end_is_not_told_as_completed() {
    let call = |members: Value| {
        let mut call = json!({ "id": "1", "from": "254", "to": "255" });
        call.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        kit::request(&endpoint("twilio", &Value::Null), "voice.call", &json!({ "call": call }).to_string())
    };
    for unknown in [json!({}), json!({ "talkSeconds": 0 })] {
        let error = call(unknown).unwrap_err();
        assert!(error.to_string().contains("`call.endReason`"), "{error}");
    }
    for known in [json!({ "talkSeconds": 3 }), json!({ "endReason": "0" })] {
        assert!(String::from_utf8_lossy(&call(known).unwrap().body).contains("CallStatus=completed"));
    }
}

#[test]
fn what_is_a_number_in_json_is_null_there_without_a_value_and_empty_elsewhere() {
    let body = |said: &Value, event_type: &str, payload: &Value| {
        let request = kit::request(said, event_type, &payload.to_string()).unwrap();
        let query = request.target.query().unwrap_or_default().to_owned();
        query + std::str::from_utf8(&request.body).unwrap()
    };
    let sms = json!({ "product": "sms", "message": { "id": "1", "to": "1", "status": "delivered" } });
    let call = json!({ "product": "voice", "call": { "id": "1", "from": "1", "to": "2", "endedBy": "platform" } });
    let with = |dialect: &str, method: &str| json!({ "dialect": dialect, "sendMethod": method });
    for (dialect, event_type, payload, name) in [
        ("ant", "sms.dlr", &sms, "smsCount"),
        ("rich-dlr", "sms.dlr", &sms, "units"),
        ("ant", "voice.call", &call, "duration"),
        ("ant", "voice.call", &call, "endReason"),
        ("ant", "voice.call", &call, "endDirection"),
        ("ant", "voice.ivr", &call, "duration"),
    ] {
        let written = |method: &str, text: String| {
            let whole = body(&with(dialect, method), event_type, payload);
            assert!(whole.contains(&text), "{dialect} {event_type} {method}: {whole}");
        };
        written("json", format!(r#""{name}":null"#));
        written("get", format!("{name}="));
        written("post", format!("{name}="));
        written("xml", format!("<{name}></{name}>"));
        let mut omitted = with(dialect, "json");
        omitted["emptyValue"] = json!("omit");
        assert!(!body(&omitted, event_type, payload).contains(name));
    }
    let mut numbers = with("ant", "json");
    assert!(body(&numbers, "sms.dlr", &sms).contains(r#""sendTime":"","#), "text stays text");
    numbers["timeFormat"] = json!("epoch_ms");
    assert!(body(&numbers, "sms.dlr", &sms).contains(r#""sendTime":null,"#));
    let template = json!({ "template": { "contentType": "application/json", "body": r#"{"n":{{message.parts}},"s":"{{message.parts}}"}"# } });
    assert_eq!(body(&template, "sms.dlr", &sms), r#"{"n":null,"s":""}"#);
}

#[test]
fn a_code_that_is_empty_is_none_and_what_was_delivered_has_the_code_of_success() {
    for error in [json!(null), json!({}), json!({ "code": null }), json!({ "code": "" })] {
        let message = json!({ "id": "1", "to": "254712345678", "status": "delivered", "error": error });
        let payload = json!({ "message": message }).to_string();
        let query = |dialect: &str| {
            let request = kit::request(&json!({ "dialect": dialect, "sendMethod": "get" }), "sms.dlr", &payload);
            request.unwrap().target.query().unwrap_or_default().to_owned()
        };
        assert!(query("ant").contains("&dr=000&"), "{error}");
        assert!(query("console").contains("errorCode=000&"), "{error}");
    }
}

#[test]
fn a_failure_without_a_code_is_not_sent_where_a_code_is_all_that_tells_of_it() {
    let console = |parameters: Value| json!({ "dialect": "console", "parameters": parameters });
    let named = console(json!({ "status": "state" }));
    for (said, event_type, needs_code) in [
        (json!({ "dialect": "ant" }), "sms.dlr", true),
        (json!({ "dialect": "ant", "sendMethod": "json" }), "sms.dlr", true),
        (console(json!({})), "sms.dlr", true),
        (console(json!({})), "whatsapp.dlr", true),
        (named, "whatsapp.dlr", false),
        (json!({ "dialect": "console", "customParameters": { "s": "{{message.status}}" } }), "sms.dlr", false),
        (json!({ "dialect": "ant", "customParameters": { "why": "is {{message.reason}}" } }), "sms.dlr", false),
        (json!({ "dialect": "ant", "customParameters": { "to": "{{message.from}}" } }), "sms.dlr", true),
        (json!({ "dialect": "ant", "url": "https://h.example/{{message.status}}" }), "sms.dlr", false),
        (json!({ "dialect": "rich-dlr" }), "sms.dlr", false),
        (endpoint("twilio", &Value::Null), "sms.dlr", false),
        (endpoint("telnyx", &Value::Null), "sms.dlr", false),
    ] {
        for status in Status::all().filter(|status| status.rank() >= 30) {
            for code in [Value::Null, json!(""), json!("027")] {
                let mut payload: Value = serde_json::from_str(&report(&json!(status.text()))).unwrap();
                payload["message"]["error"] = json!({ "code": code });
                let sent = kit::request(&said, event_type, &payload.to_string());
                if needs_code && status.is_failure() && code != "027" {
                    let error = sent.unwrap_err();
                    let named = matches!(&error, RenderError::Missing { path, .. } if path == "message.error.code");
                    assert!(named, "{said} {event_type} {status:?}: {error}");
                } else {
                    assert!(sent.is_ok(), "{said} {event_type} {status:?}: {sent:?}");
                }
            }
        }
    }
}

#[test]
fn money_that_is_no_decimal_number_is_not_sent_and_the_field_is_named() {
    let template =
        json!({ "template": { "contentType": "application/json", "body": r#"{"a":{{message.price.amount}}}"# } });
    let custom = json!({ "dialect": "ant", "customParameters": { "price": "{{message.price.amount}}" } });
    for said in [json!({ "dialect": "rich-dlr" }), endpoint("telnyx", &json!(null)), template, custom] {
        let send = |amount: &Value| {
            let mut report: Value = serde_json::from_str(&report(&json!("delivered"))).unwrap();
            report["message"]["price"] = json!({ "amount": amount });
            kit::request(&said, "sms.dlr", &report.to_string())
        };
        for amount in ["NaN", "abc", "1e3", "1 000", "1,5", "+1", ".5", "5.", "-", "--1", "0x10"] {
            let error = send(&json!(amount)).unwrap_err().to_string();
            assert!(error.contains("`message.price.amount`") && error.contains("0.8000"), "{said} {amount}: {error}");
        }
        for amount in
            [json!("2.0000"), json!("-1.5"), json!(12), json!(0.25), json!("00012345678901234567890.1"), json!("")]
        {
            assert!(send(&amount).is_ok(), "{said} {amount}");
        }
    }
}

#[test]
fn a_member_that_is_true_is_no_id() {
    for payload in [
        r#"{"message":{"id":true,"to":"1","status":"delivered"}}"#,
        r#"{"message":{"id":{},"to":"1","status":"delivered"}}"#,
        r#"{"message":{"id":"1","to":"1","status":"delivered","parts":false}}"#,
    ] {
        let error = kit::request(&json!({ "dialect": "ant" }), "sms.dlr", payload).unwrap_err();
        assert!(matches!(error, RenderError::NotAReport { .. }), "{error}");
    }
    let flags = r#"{"message":{"id":"1","to":"1","status":"delivered","network":{"ported":true},"custom":{"a":false}},"lookup":{"reachable":true,"ported":"no"}}"#;
    assert!(kit::request(&json!({ "dialect": "ant" }), "sms.dlr", flags).is_ok());
}

#[test]
fn what_a_mapping_leaves_empty_is_named_with_the_path_of_the_producer() {
    let (endpoint, secrets) = kit::endpoint(&json!({ "dialect": "ant" }));
    let mapping = json!({
        "message.id": "data.id", "message.to": "data.to", "message.sentAt": "data.sent",
        "message.status": { "path": "data.state", "words": { "fine": "delivered" } },
    });
    let mappings = [("billing.dlr".to_owned(), serde_json::from_value(mapping).unwrap())];
    let settings = OrganizationSettings {
        report_mappings: std::sync::Arc::new(mappings.into_iter().collect()),
        ..OrganizationSettings::default()
    };
    let recipe = Recipe::new(&endpoint, &secrets, &settings).unwrap();
    let send =
        |data: Value| prepare(&recipe, &kit::message("billing.dlr", &json!({ "data": data }).to_string()), kit::WALL);
    assert!(send(json!({ "id": 1, "to": "254", "state": "DELIVRD" })).is_ok());
    assert!(send(json!({ "id": 1, "to": "254", "state": "fine" })).is_ok());
    for (data, named) in [
        (json!({ "id": 1, "to": "254" }), ["`message.status`", "`data.state`"]),
        (json!({ "id": 1, "to": "254", "state": "arrived" }), ["`message.status`", "`data.state`"]),
        (json!({ "id": 1, "state": "fine" }), ["`message.to`", "`data.to`"]),
        (json!({ "id": 1, "to": "254", "state": "fine", "sent": 1_734_509_284 }), ["`message.sentAt`", "`data.sent`"]),
        (json!({ "id": {}, "to": "254", "state": "fine" }), ["`message.id`", "`reportMapping`"]),
    ] {
        let error = send(data).unwrap_err().to_string();
        assert!(named.iter().all(|word| error.contains(word)) && error.contains("`billing.dlr`"), "{error}");
    }
}

#[test]
fn a_failure_whose_code_is_zero_is_held_where_the_code_is_all_that_tells_of_it() {
    let beside =
        json!({ "dialect": "console", "customParameters": { "s": "{{message.status}}" }, "sendMethod": "get" });
    for status in Status::all().filter(|status| status.is_failure()).map(Status::text) {
        for code in [json!("000"), json!("0"), json!("00"), json!(0), json!(" 0000 ")] {
            let mut payload: Value = serde_json::from_str(&report(&json!(status))).unwrap();
            payload["message"]["error"] = json!({ "code": code });
            for (name, event_type) in [("ant", "sms.dlr"), ("console", "sms.dlr"), ("console", "whatsapp.dlr")] {
                let said = json!({ "dialect": name });
                let error = kit::request(&said, event_type, &payload.to_string()).unwrap_err();
                assert!(matches!(&error, RenderError::ZeroCode { .. }), "{name} {status} {code}: {error}");
                let text = error.to_string();
                assert!(text.contains("`message.error.code`") && text.contains("zero stands for delivered"), "{text}");
            }
            let sent = kit::request(&beside, "sms.dlr", &payload.to_string()).unwrap();
            let query = sent.target.query().unwrap().to_owned();
            assert!(query.contains("errorCode=&") && query.ends_with(&format!("s={status}")), "{query}");
        }
    }
}

#[test]
fn what_was_delivered_has_the_code_of_success_whatever_code_came_and_nothing_else_has_it() {
    let query = |dialect: &str, message: Value| {
        let mut whole = json!({ "id": "1", "to": "254712345678" });
        whole.as_object_mut().unwrap().extend(message.as_object().unwrap().clone());
        let said = json!({ "dialect": dialect, "sendMethod": "get", "statusPolicy": "all" });
        let request = kit::request(&said, "sms.dlr", &json!({ "message": whole }).to_string());
        request.unwrap().target.query().unwrap_or_default().to_owned()
    };
    for code in [json!("027"), json!("0"), json!("ok"), json!(null)] {
        let message = json!({ "status": "delivered", "error": { "code": code } });
        assert!(query("ant", message.clone()).contains("&dr=000&"), "{code}");
        assert!(query("console", message).contains("errorCode=000&"), "{code}");
    }
    let sent = json!({ "status": "sent", "error": { "code": "000" } });
    assert!(query("console", sent).contains("errorCode=&"));
    assert!(query("console", json!({ "error": { "code": "000" } })).contains("errorCode=000&"), "nothing gainsays it");
}

#[test]
fn a_failure_has_no_time_of_delivery() {
    let message = json!({
        "id": "1", "to": "254712345678", "status": "expired", "error": { "code": "27" }, "acceptedAt": "2024-06-01T09:00:00Z",
        "deliveredAt": "2024-06-01T09:00:04Z", "readAt": "2024-06-01T09:00:05Z",
    });
    let payload = json!({ "product": "sms", "message": message }).to_string();
    for (said, empty) in [
        (json!({ "dialect": "console", "sendMethod": "json" }), r#""dlrTime":"""#),
        (json!({ "dialect": "rich-dlr" }), r#""deliv_time":"""#),
        (
            json!({ "dialect": "console", "sendMethod": "json", "customParameters": { "at": "{{message.deliveredAt}}" } }),
            r#""at":"1717232404000""#,
        ),
    ] {
        let sent = kit::request(&said, "sms.dlr", &payload).unwrap();
        let body = String::from_utf8_lossy(&sent.body);
        assert!(body.contains(empty), "{body}");
    }
}
