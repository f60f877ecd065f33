//! What the documents of the platforms leave open, as far as it is about the bytes of a request: each rule over all that it
//! speaks of. `crates/api/tests/it/open_rules.rs` lists every such rule with its test.

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

mod kit;

use proptest::prelude::*;
use ringback_model::{OrganizationSettings, Timestamp};
use ringback_wire::report::Status;
use ringback_wire::{Prepared, Recipe, RenderError, prepare};
use serde_json::{Value, json};

use crate::kit::{endpoint, refused, request as try_render};

fn render(said: &Value, message: &Value) -> Prepared {
    try_render(said, "sms.dlr", &json!({ "product": "sms", "message": message }).to_string()).unwrap()
}

/// Names and values of a query or a form, as any receiver reads them.
fn pairs(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

fn query(request: &Prepared) -> Vec<(String, String)> {
    pairs(request.target.query().unwrap_or_default().as_bytes())
}

fn body(request: &Prepared) -> String {
    String::from_utf8(request.body.to_vec()).unwrap()
}

fn value<'p>(pairs: &'p [(String, String)], name: &str) -> &'p str {
    let mut found = pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let value = found.next().unwrap_or_else(|| panic!("no {name} in {pairs:?}"));
    assert_eq!(found.next(), None, "{name} stands there once");
    value
}

/// An emoji that was cut in two stands in JSON, and nowhere else: the rest of the text is delivered everywhere.
#[test]
fn of_half_a_character_the_text_around_it_is_left_in_every_method() {
    let payload = r#"{"product":"whatsapp","inbound":{"messages":[{"from":"1","id":"i","type":"text","text":{"body":"at nine \ud83d"}}]},"a":"at nine \ud83d"}"#;
    for (said, wanted) in [
        (json!({ "dialect": "console", "reportType": "mo", "sendMethod": "xml" }), "<body>at nine \u{fffd}</body>"),
        (json!({ "sendMethod": "xml" }), "<a>at nine \u{fffd}</a>"),
        (json!({ "template": { "contentType": "text/plain", "body": "[{{payload.a}}]" } }), "[at nine \u{fffd}]"),
    ] {
        let request = try_render(&said, "whatsapp.mo", payload).unwrap();
        assert!(body(&request).contains(wanted), "{said}: {}", body(&request));
    }
    let form = try_render(&json!({ "dialect": "console", "reportType": "mo" }), "whatsapp.mo", payload).unwrap();
    assert_eq!(value(&pairs(&form.body), "text"), "at nine \u{fffd}");
    let get = try_render(&json!({ "sendMethod": "get" }), "whatsapp.mo", payload).unwrap();
    assert_eq!(value(&query(&get), "a"), "at nine \u{fffd}");
    let custom = r#"{"product":"sms","message":{"id":"1","to":"2","status":"delivered","custom":{"custom":"\ud83d"}}}"#;
    assert!(try_render(&json!({ "dialect": "ant" }), "sms.dlr", custom).is_ok());
    let plain = try_render(&json!({}), "whatsapp.mo", payload).unwrap();
    assert_eq!(body(&plain), payload, "where it stands as it came, nothing is touched");
}

#[test]
fn an_inbound_message_of_which_nothing_could_be_said_is_held() {
    for (inbound, path) in [(json!({}), "inbound.messages"), (json!({ "messages": [] }), "inbound.messages")] {
        for method in ["get", "post"] {
            let said = json!({ "dialect": "console", "reportType": "mo", "sendMethod": method });
            let payload = json!({ "product": "whatsapp", "inbound": inbound }).to_string();
            let error = try_render(&said, "whatsapp.mo", &payload).unwrap_err();
            assert!(matches!(&error, RenderError::Missing { path: named, .. } if named == path), "{error}");
        }
    }
    for method in ["get", "post", "json", "xml"] {
        let said = json!({ "dialect": "console", "reportType": "mo", "sendMethod": method });
        let error = try_render(&said, "whatsapp.mo", r#"{"product":"whatsapp","inbound":"x"}"#).unwrap_err();
        assert!(matches!(&error, RenderError::Value { path, .. } if path == "inbound"), "{method}: {error}");
    }
}

const SIX: [&str; 6] = ["smsId", "sendTime", "sendResult", "smsCount", "dr", "destination"];

#[test]
fn ant_gets_all_six_in_every_state_that_it_has_words_for_and_only_a_refused_submission_is_a_failure() {
    for status in Status::all().filter(|status| status.rank() >= 30) {
        for sent_at in [None, Some("2024-12-18T08:08:04.831Z")] {
            for code in [None, Some("027")] {
                let mut message = json!({ "id": "1", "to": "+2348012345348", "status": status.text() });
                message["sentAt"] = json!(sent_at);
                message["error"] = json!({ "code": code });
                if status.is_failure() && code.is_none() {
                    // `dr` would be empty, which says that there is no report yet.
                    let payload = json!({ "product": "sms", "message": message }).to_string();
                    let error = try_render(&json!({ "dialect": "ant" }), "sms.dlr", &payload).unwrap_err();
                    assert!(matches!(&error, RenderError::Missing { path, .. } if path == "message.error.code"));
                    continue;
                }
                let request = render(&json!({ "dialect": "ant" }), &message);
                let sent = query(&request);
                assert_eq!(sent.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), SIX, "{message}");
                let refused = status == Status::Rejected && sent_at.is_none();
                assert_eq!(value(&sent, "sendResult"), if refused { "FAILURE" } else { "SUCCESS" }, "{message}");
                let delivered = matches!(status, Status::Delivered | Status::Read | Status::Played);
                let known = if delivered { "000" } else { code.unwrap_or("") };
                assert_eq!(value(&sent, "dr"), if status.is_final() { known } else { "" }, "{message}");
                let json = render(&json!({ "dialect": "ant", "sendMethod": "json" }), &message);
                let json: Value = serde_json::from_slice(&json.body).unwrap();
                assert_eq!(json.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>(), SIX);
            }
        }
    }
}

#[test]
fn an_id_is_what_it_was_and_its_batch_and_place_are_values_of_their_own() {
    let custom = json!({ "batch": "{{message.groupId}}", "place": "{{message.index}}", "id": "{{message.id}}" });
    let said = json!({ "dialect": "console", "sendMethod": "get", "customParameters": custom });
    for id in ["b34e35ad-fe34-4a8b-977c-b21cd76cd7d6:1", "a:b:007", ":", "B34E35AD", "00012"] {
        let sent =
            query(&render(&said, &json!({ "id": id, "groupId": "b34e", "index": 7, "to": "1", "status": "sent" })));
        assert_eq!((value(&sent, "id"), value(&sent, "msgId")), (id, id));
        assert_eq!((value(&sent, "batch"), value(&sent, "place"), value(&sent, "transId")), ("b34e", "7", "b34e"));
    }
}

#[test]
fn a_time_is_in_the_zone_of_the_endpoint_then_of_the_organization_then_utc_and_a_missing_one_is_empty() {
    let payload =
        json!({ "message": { "id": "1", "to": "1", "status": "sent", "acceptedAt": "2021-04-09T10:57:35Z" } });
    for (own, organization, written) in [
        (Some("Asia/Kolkata"), Some("Africa/Nairobi"), "2021-04-09 16:27:35"),
        (None, Some("Africa/Nairobi"), "2021-04-09 13:57:35"),
        (None, None, "2021-04-09 10:57:35"),
    ] {
        let settings =
            OrganizationSettings { time_zone: organization.map(str::to_owned), ..OrganizationSettings::default() };
        let mut said = json!({ "dialect": "rich-dlr" });
        if let Some(zone) = own {
            said["timeZone"] = json!(zone);
        }
        let (endpoint, secrets) = endpoint(&said);
        let recipe = Recipe::new(&endpoint, &secrets, &settings).unwrap();

        let message = kit::message("sms.dlr", &payload.to_string());
        let request = prepare(&recipe, &message, Timestamp::from_seconds(0)).unwrap();
        let sent: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!((&sent["sent_time"], &sent["deliv_time"]), (&json!(written), &json!("")));
    }
    let url = "https://h.example/in?at={sent_at}&done={deliv_at}";
    let said = json!({ "dialect": "rich-dlr", "sendMethod": "get", "url": url, "timeZone": "Asia/Kolkata" });
    let request = render(&said, &payload["message"]);
    assert_eq!(request.target.query(), Some("at=1617965855&done="), "seconds know no zone");
}

#[test]
fn post_is_a_form_get_a_query_json_and_xml_a_post_of_their_kind() {
    for (method, verb, kind) in [
        ("post", "POST", Some("application/x-www-form-urlencoded")),
        ("get", "GET", None),
        ("json", "POST", Some("application/json")),
        ("xml", "POST", Some("application/xml; charset=utf-8")),
    ] {
        for dialect in ["ant", "rich-dlr", "console"] {
            let said = json!({ "dialect": dialect, "sendMethod": method });
            let request = render(&said, &json!({ "id": "1", "to": "1", "status": "delivered" }));
            assert_eq!(request.method, verb, "{dialect} {method}");
            assert_eq!(request.headers.get("content-type").map(|kind| kind.to_str().unwrap()), kind);
            assert_eq!(request.body.is_empty(), method == "get");
            assert_eq!(request.target.query().is_some(), method == "get");
        }
    }
}

#[test]
fn names_of_elements_are_checked_where_xml_is_chosen_and_nowhere_else() {
    for (name, is_name) in
        [("a b", false), ("1st", false), ("a:b", false), ("<a>", false), ("é", true), ("_a-1.b", true)]
    {
        for method in ["get", "post", "json", "xml"] {
            let wrong = method == "xml" && !is_name;
            let renamed = json!({ "dialect": "console", "sendMethod": method, "parameters": { "mobile": name } });
            assert_eq!(refused(&renamed), wrong.then(|| "parameters.mobile".to_owned()), "{name} {method}");
            let added = json!({ "dialect": "console", "sendMethod": method, "customParameters": { name: "1" } });
            assert_eq!(refused(&added), wrong.then(|| "customParameters.0.name".to_owned()), "{name} {method}");
            let root = json!({ "dialect": "console", "sendMethod": method, "xmlRoot": name });
            assert_eq!(refused(&root), wrong.then(|| "xmlRoot".to_owned()), "{name} {method}");
        }
    }
}

/// Reads `<name>text</name>` after `<name>text</name>`: the elements of a flat document, references undone.
fn elements(document: &str, root: &str) -> Vec<(String, String)> {
    let inner = document.strip_prefix(r#"<?xml version="1.0" encoding="UTF-8"?>"#).unwrap();
    let inner = inner.strip_prefix(&format!("<{root}>")).unwrap().strip_suffix(&format!("</{root}>")).unwrap();
    let (mut rest, mut found) = (inner, Vec::new());
    while !rest.is_empty() {
        let (name, behind) = rest.strip_prefix('<').unwrap().split_once('>').unwrap();
        let (text, behind) = behind.split_once(&format!("</{name}>")).unwrap();
        assert!(!text.contains('<') && !text.contains("]]>"), "{text}");
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#13;", "\r");
        found.push((name.to_owned(), text.replace("&amp;", "&")));
        rest = behind;
    }
    found
}

/// A text as XML 1.0 can carry it (production 2).
fn carried(text: &str) -> String {
    let is_char = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}');
    text.chars().map(|letter| if is_char(&letter) { letter } else { '\u{fffd}' }).collect()
}

#[test]
fn xml_has_the_root_of_the_endpoints_choice_and_keeps_digits_and_empty_elements() {
    let said = json!({ "dialect": "console", "sendMethod": "xml", "xmlRoot": "report" });
    let request = render(&said, &json!({ "id": "007", "to": "+254712345678", "status": "sent" }));
    let sent = elements(&body(&request), "report");
    assert_eq!((value(&sent, "msgId"), value(&sent, "dlrTime")), ("007", ""));
    assert!(body(&request).contains("<dlrTime></dlrTime>"));
    let plain = render(
        &json!({ "dialect": "console", "sendMethod": "xml" }),
        &json!({ "id": "1", "to": "1", "status": "sent" }),
    );
    assert!(body(&plain).ends_with("</webhook>"));
    let forbidden = render(&said, &json!({ "id": "a\u{0}b\u{1f}\u{fffe}", "to": "1", "status": "sent" }));
    assert_eq!(value(&elements(&body(&forbidden), "report"), "msgId"), "a\u{fffd}b\u{fffd}\u{fffd}");
}

#[test]
fn the_outcome_is_always_sent_and_the_state_where_somebody_asks_for_it() {
    for status in Status::all() {
        for code in [None, Some("001")] {
            let mut message = json!({ "id": "1", "to": "1", "status": status.text() });
            message["error"] = json!({ "code": code });
            let said = json!({ "dialect": "console", "customParameters": { "state": "{{message.status}}" } });
            let sent = pairs(&render(&said, &message).body);
            let delivered = matches!(status, Status::Delivered | Status::Read | Status::Played);
            let known = if delivered { "000" } else { code.unwrap_or("") };
            assert_eq!((value(&sent, "errorCode"), value(&sent, "state")), (known, status.text()));
            let payload = json!({ "product": "sms", "message": message }).to_string();
            let bare = try_render(&json!({ "dialect": "console" }), "sms.dlr", &payload);
            if status.is_failure() && code.is_none() {
                let error = bare.unwrap_err();
                assert!(matches!(&error, RenderError::Missing { path, .. } if path == "message.error.code"));
                continue;
            }
            let bare = pairs(&bare.unwrap().body);
            let names: Vec<_> = bare.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["transId", "msgId", "errorCode", "mobile", "receivedTime", "dlrTime"]);
        }
    }
}

const SLOTS: [&str; 6] = ["transactionId", "messageId", "errorCode", "mobile", "receivedTime", "deliveredTime"];

#[test]
fn the_six_names_are_there_short_and_unlike_each_other_and_the_owners() {
    let refused = |parameters: Value, custom: Value| {
        refused(&json!({ "dialect": "console", "parameters": parameters, "customParameters": custom }))
    };
    for slot in SLOTS {
        let at = Some(format!("parameters.{slot}"));
        assert_eq!(refused(json!({ slot: "" }), json!({})), at);
        assert_eq!(refused(json!({ slot: "x".repeat(65) }), json!({})), at);
        assert_eq!(refused(json!({ slot: "x".repeat(64) }), json!({})), None);
        assert_eq!(refused(json!({ slot: "a" }), json!({ "a": "1" })), Some("customParameters.0.name".to_owned()));
        for other in SLOTS.into_iter().filter(|other| *other != slot) {
            let twice = refused(json!({ slot: "a", other: "a" }), json!({}));
            assert!(twice.as_ref().is_some_and(|field| field.starts_with("parameters.")), "{slot} {other}: {twice:?}");
        }
    }
    for slot in ["readTime", "status"] {
        assert_eq!(refused(json!({ slot: "" }), json!({})), None, "these two may be left blank");
    }
}

#[test]
fn the_console_writes_milliseconds_unless_told_otherwise() {
    let message = json!({ "id": "1", "to": "1", "status": "sent", "acceptedAt": "2024-06-01T09:00:00.250Z" });
    for (format, written) in [
        (json!(null), "1717232400250"),
        (json!("epoch_ms"), "1717232400250"),
        (json!("epoch_s"), "1717232400"),
        (json!("YYYY-MM-DD HH:MM:SS"), "2024-06-01 12:00:00"),
        (json!("rfc3339"), "2024-06-01T12:00:00+03:00"),
    ] {
        let mut said = json!({ "dialect": "console", "timeZone": "Africa/Nairobi" });
        said["timeFormat"] = format;
        assert_eq!(value(&pairs(&render(&said, &message).body), "receivedTime"), written);
    }
}

#[test]
fn dots_in_names_are_letters_unless_names_are_nested() {
    let parameters = json!({ "mobile": "to.number", "messageId": "to.id" });
    let mut said = json!({ "dialect": "console", "sendMethod": "json", "parameters": parameters });
    let message = json!({ "id": "7", "to": "254", "status": "sent" });
    let flat: Value = serde_json::from_slice(&render(&said, &message).body).unwrap();
    assert_eq!((&flat["to.number"], &flat["to.id"]), (&json!("254"), &json!("7")));
    said["nested"] = json!(true);
    let nested: Value = serde_json::from_slice(&render(&said, &message).body).unwrap();
    assert_eq!(nested["to"], json!({ "number": "254", "id": "7" }));
    said["sendMethod"] = json!("xml");
    assert!(body(&render(&said, &message)).contains("<to><number>254</number><id>7</id></to>"));
    said["parameters"] = json!({ "mobile": "to", "messageId": "to.id" });
    assert_eq!(refused(&said).as_deref(), Some("parameters.mobile"));
}

const FLAT: [&str; 9] =
    ["from", "id", "type", "timestamp", "text", "name", "wa_id", "phone_number_id", "display_phone_number"];

fn inbound(message: &Value) -> String {
    json!({ "product": "whatsapp", "inbound": {
        "metadata": { "display_phone_number": "254700000001", "phone_number_id": "1065" },
        "contacts": [{ "profile": { "name": "Asha" }, "wa_id": "254712345678" }], "messages": [message],
    } })
    .to_string()
}

#[test]
fn an_inbound_message_is_flat_with_the_whole_behind_it_and_a_medium_is_its_id_and_link() {
    let picture = inbound(&json!({
        "from": "254712345678", "id": "wamid.A", "timestamp": "1717232460", "type": "image",
        "image": { "id": "9001", "link": "https://media.example/9001", "caption": "a & b", "mime_type": "image/jpeg" },
    }));
    let raw = serde_json::from_str::<Value>(&picture).unwrap()["inbound"].to_string();
    for method in ["get", "post"] {
        let said = json!({ "dialect": "console", "sendMethod": method, "customParameters": { "team": "blue" } });
        let request = try_render(&said, "whatsapp.mo", &picture).unwrap();
        let sent = if method == "get" { query(&request) } else { pairs(&request.body) };
        let names: Vec<_> = sent.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [&FLAT[..], &["media_id", "media_link", "payload", "team"]].concat(), "{method}");
        assert_eq!((value(&sent, "text"), value(&sent, "type")), ("a & b", "image"));
        assert_eq!((value(&sent, "media_id"), value(&sent, "media_link")), ("9001", "https://media.example/9001"));
        assert_eq!(value(&sent, "payload"), raw);
    }
    let xml = try_render(&json!({ "dialect": "console", "sendMethod": "xml" }), "whatsapp.mo", &picture).unwrap();
    assert!(body(&xml).contains("<messages><from>254712345678</from>"), "{}", body(&xml));
    assert!(body(&xml).contains("<image><id>9001</id><link>https://media.example/9001</link>"));
    let json = try_render(&json!({ "dialect": "console", "sendMethod": "json" }), "whatsapp.mo", &picture).unwrap();
    assert_eq!(body(&json), raw);
}

#[test]
fn an_inbound_message_that_is_too_long_for_a_url_goes_without_the_whole_and_never_under_another_name() {
    let text = |length: usize| {
        json!({ "from": "1", "id": "a", "timestamp": "1", "type": "text", "text": { "body": "x" },
                "context": { "quoted": "y".repeat(length) } })
    };
    let said = json!({ "dialect": "console", "sendMethod": "get" });
    for (length, is_whole) in [(100, true), (9_000, false)] {
        let request = try_render(&said, "whatsapp.mo", &inbound(&text(length))).unwrap();
        assert_eq!(query(&request).iter().any(|(name, _)| name == "payload"), is_whole, "{length}");
        assert_eq!(request.left_out.is_none(), is_whole, "and the request says so");
        assert!(request.target.as_str().len() <= 8_192);
    }
    // What counts is the whole of path and query, to the byte.
    let whole = try_render(&said, "whatsapp.mo", &inbound(&text(7_000))).unwrap().target.as_str().len() - "/in".len();
    for (path, is_whole) in [(8_192 - whole, true), (8_193 - whole, false)] {
        let mut said = said.clone();
        said["url"] = json!(format!("https://h.example/{}", "p".repeat(path - 1)));
        let request = try_render(&said, "whatsapp.mo", &inbound(&text(7_000))).unwrap();
        assert_eq!(request.left_out.is_none(), is_whole, "{path}");
        assert!(request.target.as_str().len() <= 8_192);
    }
    let taken = json!({ "dialect": "console", "sendMethod": "json", "customParameters": { "messages": "1" } });
    let error = try_render(&taken, "whatsapp.mo", &inbound(&text(1))).unwrap_err();
    assert_eq!(error, RenderError::NameTaken { name: "messages".to_owned() });
    let mut told = taken;
    told["reportType"] = json!("mo");
    assert_eq!(
        refused(&told).unwrap(),
        "customParameters.0.name",
        "told at once where the endpoint is for inbound messages"
    );
}

proptest! {
    #[test]
    fn no_value_adds_a_parameter_an_element_or_a_member(id in "\\PC{1,40}|[&=+%<>\"'#;\\\\ \r\n\t\u{0}\u{fffe}]{1,12}") {
        let message = json!({ "id": id, "to": id, "status": "delivered" });
        let custom = json!({ "same": "a+ {{message.id}}" });
        let said = |method: &str| json!({ "dialect": "console", "sendMethod": method, "customParameters": custom });
        let names = ["transId", "msgId", "errorCode", "mobile", "receivedTime", "dlrTime", "same"];
        let same = format!("a+ {id}");
        let get = render(&said("get"), &message);
        let target = get.target.query().unwrap();
        prop_assert!(target.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%=&".contains(&b)), "{}", target);
        let json: Value = serde_json::from_slice(&render(&said("json"), &message).body).unwrap();
        let json = json.as_object().unwrap().iter();
        let json: Vec<_> = json.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
        let xml = elements(&body(&render(&said("xml"), &message)), "webhook");
        for (sent, is_xml) in [
            (query(&get), false), (pairs(&render(&said("post"), &message).body), false), (json, false), (xml, true),
        ] {
            let as_sent = |text: &str| if is_xml { carried(text) } else { text.to_owned() };
            prop_assert_eq!(sent.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), names);
            prop_assert_eq!(value(&sent, "msgId"), as_sent(&id));
            prop_assert_eq!(value(&sent, "same"), as_sent(&same));
        }
    }
}

#[test]
fn an_id_of_the_rich_family_gives_batch_and_place_where_the_report_names_neither() {
    let custom = json!({ "batch": "{{message.groupId}}", "place": "{{message.index}}" });
    let said = json!({ "dialect": "rich-dlr", "customParameters": custom });
    for (id, batch, place) in [("b34e35ad-fe34:1", "b34e35ad-fe34", "1"), ("a:b:007", "a:b", "7"), ("a-1", "", "")] {
        let sent = render(&said, &json!({ "id": id, "to": "1", "status": "sent", "parts": 2 }));
        let sent: Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!((&sent["id"], &sent["batch"], &sent["place"]), (&json!(id), &json!(batch), &json!(place)));
    }
}

#[test]
fn one_new_name_moves_no_parameter_and_several_stand_in_the_order_of_the_owner() {
    let names = |parameters: Value| {
        let said = json!({ "dialect": "rich-dlr", "parameters": parameters });
        let sent = body(&render(&said, &json!({ "id": "1", "to": "1", "status": "sent", "parts": 2 })));
        let sent: Value = serde_json::from_str(&sent).unwrap();
        sent.as_object().unwrap().keys().take(5).cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(json!({})), "id mobile status credits units");
    assert_eq!(names(json!({ "units": "parts" })), "id mobile status credits parts");
    assert_eq!(names(json!({ "units": "parts", "id": "ref" })), "parts mobile status credits ref");
    assert_eq!(names(json!({ "status": "s", "id": "i", "mobile": "m" })), "s i m credits units");
}

#[test]
fn a_url_of_the_rich_family_that_places_values_gets_none_appended() {
    let report = json!({ "id": "1", "to": "+254700", "status": "sent", "parts": 2 });
    for (url, target) in [
        ("https://h.example/r?m={{message.to}}", "/r?m=254700"),
        ("https://h.example/r/{mobile}", "/r/254700"),
        ("https://h.example/{{event.type}}", "/sms.dlr"),
    ] {
        let sent = render(&json!({ "dialect": "rich-dlr", "sendMethod": "get", "url": url }), &report);
        assert_eq!(sent.target.as_str(), target);
    }
    let sent = render(&json!({ "dialect": "rich-dlr", "sendMethod": "get" }), &report);
    assert_eq!(query(&sent).len(), 18);
}

#[test]
fn a_request_about_no_event_asks_for_a_path_without_gaps() {
    let target = |url: &str| {
        let target = kit::recipe(&json!({ "dialect": "rich-dlr", "sendMethod": "get", "url": url })).unwrap();
        target.blank_target().unwrap().to_string()
    };
    assert_eq!(target("https://h.example/r/{id}/x?m={mobile}&a=1"), "/r/verification/x?m=&a=1");
    assert_eq!(target("https://h.example/r?m={{message.to}}"), "/r?m=");
    assert_eq!(target("https://h.example/r?m=1"), "/r?m=1");
}

#[test]
fn a_parameter_in_two_braces_is_answered_with_how_it_is_written() {
    let told = |said: Value| kit::recipe(&said).unwrap_err().message;
    let rich = told(json!({ "dialect": "rich-dlr", "sendMethod": "get", "url": "https://h.example/?m={{mobile}}" }));
    assert!(rich.ends_with("is written `{mobile}`."), "{rich}");
    let console = told(json!({ "dialect": "console", "url": "https://h.example/?m={{mobile}}" }));
    assert!(console.ends_with("is written `{{message.to}}`."), "{console}");
    let custom = told(json!({ "dialect": "console", "customParameters": { "a": "{{messageId}}" } }));
    assert!(custom.ends_with("is written `{{message.id}}`."), "{custom}");
    let template = json!({ "contentType": "application/json", "body": r#"{"a":"{{mobile}}"}"# });
    let template = told(json!({ "dialect": "rich-dlr", "template": template }));
    assert!(template.ends_with("is written `{{message.to}}`."), "{template}");
}

/// What was registered before the names of an inbound message were known to be taken is held, not sent twice.
#[test]
fn no_request_has_a_name_of_an_inbound_message_twice() {
    let payload = r#"{"product":"whatsapp","inbound":{"contacts":[],"messages":[{"from":"1","id":"i","type":"image","image":{"id":"m"}}]}}"#;
    for (method, nested, names) in [
        ("get", false, &["from", "media_id", "payload"][..]),
        ("post", false, &["from", "media_id", "payload"]),
        ("json", false, &["contacts"]),
        ("json", true, &["contacts.x", "contacts"]),
        ("xml", true, &["messages.x.y"]),
    ] {
        for name in names {
            let custom = json!({ *name: "z" });
            let said =
                json!({ "dialect": "console", "sendMethod": method, "nested": nested, "customParameters": custom });
            let error = try_render(&said, "whatsapp.mo", payload).unwrap_err();
            let head = name.split('.').next().unwrap();
            assert!(matches!(&error, RenderError::NameTaken { name } if name == head), "{method} {name}: {error}");
        }
    }
    for method in ["json", "xml"] {
        let said = json!({ "sendMethod": method, "nested": true, "customParameters": { "inbound.x": "1" } });
        let error = try_render(&said, "whatsapp.mo", payload).unwrap_err();
        assert!(matches!(&error, RenderError::NameTaken { name } if name == "inbound"), "{method}: {error}");
        let said =
            json!({ "dialect": "console", "sendMethod": method, "nested": true, "customParameters": { "own.x": "1" } });
        assert!(try_render(&said, "whatsapp.mo", payload).is_ok());
    }
    let mo = json!({ "dialect": "console", "sendMethod": "json", "product": "whatsapp", "reportType": "mo", "nested": true, "customParameters": { "contacts.x": "1" } });
    assert_eq!(refused(&mo).as_deref(), Some("customParameters.0.name"));
}

#[test]
fn no_value_makes_a_part_of_the_path_that_leads_elsewhere_however_its_dots_are_written() {
    for (path, value, is_held) in [
        ("/a/%2e{{message.clientRef}}/b", ".", true),
        ("/a/{{message.clientRef}}%2E/b", ".", true),
        ("/a/%2e%2{{message.clientRef}}/b", "e", true),
        ("/a/{{message.clientRef}}", "..", true),
        ("/a/%2e{{message.clientRef}}/b", "x", false),
        ("/a/%2e{{message.clientRef}}/b", "..", false),
        ("/a/b?c=%2e{{message.clientRef}}", ".", false),
    ] {
        let said = json!({ "url": format!("https://h.example{path}") });
        let payload = json!({ "message": { "id": "1", "clientRef": value } }).to_string();
        let made = try_render(&said, "sms.dlr", &payload);
        let is_segment = matches!(&made, Err(RenderError::Segment { .. }));
        assert_eq!((is_segment, made.is_ok()), (is_held, !is_held), "{path} {value}");
    }
}
