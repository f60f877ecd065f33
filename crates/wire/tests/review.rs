//! What an endpoint is told when it is saved, of what it says that would do nothing or not what its owner means.

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

mod kit;

use ringback_model::OrganizationSettings;
use serde_json::{Value, json};

/// The members at fault, and the warnings.
fn review(said: &Value, event_types: &[&str]) -> (Vec<String>, Vec<String>) {
    let (mut endpoint, _) = kit::endpoint(said);
    endpoint.event_types =
        Some(event_types.iter().map(|name| (*name).to_owned()).collect()).filter(|_| !event_types.is_empty());
    let review = kit::recipe(said).unwrap().review(&endpoint, &OrganizationSettings::default());
    (review.faults.into_iter().map(|fault| fault.field).collect(), review.warnings)
}

#[test]
fn a_mask_is_refused_where_numbers_go_out_as_they_stand_and_told_where_it_does_nothing() {
    let template = |body: &str| json!({ "mask": true, "template": { "contentType": "text/plain", "body": body } });
    let custom = json!({ "to": "{{message.to}}" });
    for said in [
        json!({ "mask": true }),
        json!({ "mask": true, "sendMethod": "get" }),
        json!({ "mask": true, "customParameters": custom }),
        json!({ "mask": true, "dialect": "antly" }),
        json!({ "mask": true, "dialect": "console", "product": "whatsapp", "reportType": "mo" }),
        template("{{message.to}} {{payload}}"),
    ] {
        assert_eq!(review(&said, &[]).0, ["mask"], "{said}");
    }
    for said in [
        json!({ "mask": true, "dialect": "ant" }),
        json!({ "mask": true, "dialect": "rich-dlr", "sendMethod": "get", "url": "https://h.example/?m={mobile}" }),
        template("{{message.to}}"),
    ] {
        assert_eq!(review(&said, &[]), (vec![], vec![]), "{said}");
    }
    let (faults, warnings) = review(&template("{{message.id}}"), &[]);
    assert!(faults.is_empty() && warnings[0].contains("no number of the report"), "{warnings:?}");
    let (faults, warnings) = review(&template("{{message.to}} {{payload.message.to}}"), &[]);
    assert_eq!((faults, warnings.len()), (vec![], 1));
    assert!(warnings[0].contains("`{{payload.message.to}}`"), "{warnings:?}");
    let (faults, warnings) = review(&json!({ "mask": true, "dialect": "console", "product": "whatsapp" }), &[]);
    assert!(faults.is_empty() && warnings[0].contains("inbound"), "{warnings:?}");
}

#[test]
fn a_format_that_changes_nothing_is_told() {
    let formats = json!({ "numberFormat": "digits", "timeFormat": "rfc3339", "timeZone": "UTC", "emptyValue": "omit" });
    let with = |more: Value| {
        let mut said = formats.clone();
        said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        review(&said, &[]).1.iter().map(|warning| warning.split('`').nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = ["numberFormat", "timeFormat", "timeZone", "emptyValue"];
    assert_eq!(with(json!({})), all);
    assert_eq!(with(json!({ "sendMethod": "xml" })), all);
    assert_eq!(with(json!({ "sendMethod": "get" })), all[..3], "members that are null are told there");
    assert_eq!(with(json!({ "customParameters": { "at": "{{message.sentAt}}" } })), ["numberFormat"]);
    let template = json!({ "contentType": "text/plain", "body": "{{message.to}}" });
    assert_eq!(with(json!({ "template": template })), all[1..]);
    for dialect in ["ant", "rich-dlr", "console"] {
        assert_eq!(with(json!({ "dialect": dialect })), [""; 0], "{dialect}");
    }
}

#[test]
fn a_dialect_without_a_form_for_what_an_endpoint_gets_is_refused() {
    for (said, event_types) in [
        (json!({ "dialect": "ant", "product": "whatsapp", "reportType": "mo" }), &[][..]),
        (json!({ "dialect": "rich-dlr", "product": "voice", "reportType": "ivr" }), &[]),
        (json!({ "dialect": "ant" }), &["whatsapp.mo", "lookup.result"]),
        (json!({ "dialect": "ant", "product": "lookup" }), &[]),
        (json!({ "dialect": "ant", "product": "otp" }), &[]),
        (json!({ "dialect": "rich-dlr", "product": "voice" }), &[]),
        (json!({ "dialect": "console", "product": "voice" }), &[]),
    ] {
        assert_eq!(review(&said, event_types).0, ["dialect"], "{said}");
    }
    for (said, event_types) in [
        (json!({ "product": "whatsapp", "reportType": "mo" }), &[][..]),
        (json!({ "dialect": "ant", "product": "voice", "reportType": "ivr" }), &[]),
        (json!({ "dialect": "ant", "product": "voice" }), &[]),
        (json!({ "dialect": "ant" }), &["whatsapp.mo", "sms.dlr"]),
        (json!({ "dialect": "ant" }), &["whatsapp.*"]),
        (json!({ "dialect": "ant" }), &["shop.note"]),
        (json!({ "dialect": "console", "product": "whatsapp", "reportType": "mo" }), &[]),
    ] {
        assert_eq!(review(&said, event_types).0, [""; 0], "{said}");
    }
}

#[test]
fn a_placeholder_without_an_end_is_refused_and_one_with_encoded_braces_told() {
    let rich = |query: &str| json!({ "dialect": "rich-dlr", "sendMethod": "get", "url": format!("https://h.example/in?m={query}") });
    let error = kit::recipe(&rich("{mobile")).unwrap_err();
    assert!(error.field == "url" && error.message.contains("no `}`"), "{error}");
    for (query, meant) in [
        ("%7Bmobile%7D", "`{mobile}`"),
        ("%7b%7bmessage.id%7d%7D", "`{{message.id}}`"),
        ("%7Bx%7D%7Bstatus%7D", "`{status}`"),
    ] {
        let warnings = review(&rich(query), &[]).1;
        assert!(warnings.len() == 1 && warnings[0].contains(meant), "{warnings:?}");
    }
    let plain = json!({ "url": "https://h.example/in?m=%7Bmobile%7D&n=%7B" });
    assert_eq!(review(&plain, &[]).1, [""; 0]);
}

#[test]
fn a_placeholder_of_another_dialect_is_told_and_what_stands_for_it() {
    let of = |dialect: &str, query: &str| {
        review(&json!({ "dialect": dialect, "sendMethod": "get", "url": format!("https://h.example/x?{query}") }), &[])
            .1
    };
    for name in ["{mobile}", "{Mobile}"] {
        let warnings = of("console", &format!("m={name}"));
        assert!(warnings.len() == 1 && warnings[0].contains("`{{message.to}}`"), "{name}: {warnings:?}");
    }
    let warnings = of("standard-webhooks", "m={whoever}");
    assert!(warnings.len() == 1 && warnings[0].contains("`{whoever}`"), "{warnings:?}");
    for meant in ["m={{message.to}}", "m={}", "m={a:b}", "m={a"] {
        assert_eq!(of("console", meant), Vec::<String>::new(), "{meant}");
    }
    assert_eq!(of("rich-dlr", "m={mobile}"), Vec::<String>::new());
}

#[test]
fn a_place_for_a_value_in_the_percent_signs_of_another_sender_is_told() {
    let of = |dialect: &str, query: &str| {
        review(&json!({ "dialect": dialect, "sendMethod": "get", "url": format!("https://h.example/x?{query}") }), &[])
            .1
    };
    for (dialect, query, written, meant) in [
        ("rich-dlr", "m=%mobile%", "`%mobile%`", "`{mobile}`"),
        ("rich-dlr", "m=%deliv_time%", "`%deliv_time%`", "`{deliv_time}`"),
        ("console", "m=%mobile%", "`%mobile%`", "`{{message.to}}`"),
        ("ant", "m=%d", "`%d`", "`%25`"),
        ("ant", "m=100%", "`%`", "`%25`"),
    ] {
        let warnings = of(dialect, query);
        let told = warnings.len() == 1 && warnings[0].contains(written) && warnings[0].contains(meant);
        assert!(told, "{dialect} {query}: {warnings:?}");
    }
    for query in ["m=a%2Fb%20c", "m=%7E%25", "m=1"] {
        assert_eq!(of("rich-dlr", query), Vec::<String>::new(), "{query}");
    }
}

#[test]
fn a_header_with_a_place_for_a_value_is_told_to_have_none() {
    let (_, warnings) = review(&json!({ "headers": { "X-Id": "{{message.id}}", "X-Env": "prod" } }), &[]);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("`X-Id`"), "{warnings:?}");
}

#[test]
fn what_stands_beside_something_that_does_without_it_is_told() {
    let key = json!("12345678901234567890123456789012");
    let template = json!({ "contentType": "text/plain", "body": "{{message.to}} {{message.sentAt}}" });
    let placed = "https://h.example/in?m={mobile}";
    for (said, members) in [
        (json!({ "dialect": "ant", "timeZone": "Asia/Kolkata" }), &["timeZone"][..]),
        (json!({ "dialect": "console", "timeZone": "Asia/Kolkata" }), &["timeZone"]),
        (json!({ "dialect": "console", "timeZone": "Asia/Kolkata", "timeFormat": "YYYY-MM-DD HH:MM:SS" }), &[]),
        (
            json!({ "dialect": "console", "template": template, "parameters": { "mobile": "m" }, "customParameters": { "a": "b" } }),
            &["parameters", "customParameters"],
        ),
        (
            json!({ "dialect": "rich-dlr", "sendMethod": "get", "url": placed, "parameters": { "mobile": "m" } }),
            &["parameters"],
        ),
        (json!({ "dialect": "console", "sendMethod": "json", "xmlRoot": "report" }), &["xmlRoot"]),
        (json!({ "dialect": "console", "sendMethod": "xml", "xmlRoot": "report" }), &[]),
        (json!({ "dialect": "ant", "emptyValue": "null" }), &["emptyValue"]),
        (json!({ "dialect": "console", "sendMethod": "xml", "emptyValue": "null" }), &["emptyValue"]),
        (json!({ "dialect": "ant", "sendMethod": "json", "emptyValue": "null" }), &[]),
        (json!({ "dialect": "ant", "emptyValue": "omit" }), &[]),
        (json!({ "dialect": "ant", "providerSecret": key }), &["providerSecret"]),
        (json!({ "dialect": "twilio", "providerSecret": key }), &[]),
    ] {
        let (faults, warnings) = review(&said, &[]);
        let named: Vec<_> = warnings.iter().map(|warning| warning.split('`').nth(1).unwrap()).collect();
        assert_eq!((faults, named.as_slice()), (vec![], members), "{said}: {warnings:?}");
        assert!(warnings.iter().all(|warning| warning.contains("changes nothing")), "{warnings:?}");
    }
    for root in ["xml", "XmlReport"] {
        let said = json!({ "dialect": "console", "sendMethod": "xml", "xmlRoot": root });
        assert_eq!(review(&said, &[]).0, ["xmlRoot"]);
    }
}

#[test]
fn a_parameter_of_the_owner_with_a_name_of_an_inbound_message_is_refused_where_such_a_message_may_come() {
    let custom = |name: &str| json!({ name: "z" });
    let console = |method: &str, name: &str, more: Value| {
        let mut said = json!({ "dialect": "console", "sendMethod": method, "customParameters": custom(name) });
        said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        said
    };
    for (method, name) in [("get", "from"), ("post", "media_id"), ("get", "payload"), ("json", "contacts")] {
        for (more, types) in [
            (json!({}), &["whatsapp.mo"][..]),
            (json!({}), &["*.mo"]),
            (json!({}), &["whatsapp.*", "sms.dlr"]),
            (json!({ "product": "whatsapp" }), &[]),
        ] {
            let said = console(method, name, more);
            assert_eq!(review(&said, types).0, ["customParameters.0.name"], "{said} {types:?}");
        }
        let (faults, warnings) = review(&console(method, name, json!({})), &[]);
        assert!(faults.is_empty() && warnings.iter().any(|one| one.contains("is held for that")), "{warnings:?}");
        for (more, types) in [
            (json!({ "product": "sms" }), &[][..]),
            (json!({}), &["sms.dlr"]),
            (json!({}), &["whatsapp.dlr", "sms.*"]),
            (json!({ "reportType": "dlr" }), &[]),
        ] {
            assert_eq!(review(&console(method, name, more), types), (vec![], vec![]));
        }
    }
    let nested = json!({ "nested": true });
    let said = console("json", "contacts.x", nested);
    assert_eq!(review(&said, &["whatsapp.mo"]).0, ["customParameters.0.name"], "dots make the member `contacts`");
    assert_eq!(review(&console("json", "contacts.x", json!({})), &["whatsapp.mo"]).0, [""; 0]);
}

#[test]
fn a_parameter_that_the_event_types_of_an_endpoint_do_not_have_is_refused() {
    let said = json!({ "dialect": "console", "parameters": { "readTime": "read" } });
    assert_eq!(review(&said, &["sms.dlr"]).0, ["parameters.readTime"]);
    for types in [&["sms.dlr", "whatsapp.dlr"][..], &["order.paid"], &["*.dlr"], &[]] {
        assert_eq!(review(&said, types).0, [""; 0], "{types:?}");
    }
}

#[test]
fn a_path_with_brackets_or_quotes_has_no_value_and_is_refused_with_how_it_is_written() {
    let template = |body: &str| json!({ "template": { "contentType": "text/plain", "body": body } });
    for (said, field, meant) in [
        (template("{{payload.l[0]}}"), "template.body", "`payload.l.0`"),
        (template("{{payload.\"x\"}}"), "template.body", "`payload.x`"),
        (json!({ "customParameters": { "a": "{{payload.l[0].b}}" } }), "customParameters.0.value", "`payload.l.0.b`"),
        (json!({ "url": "https://h.example/?a={{payload.['x']}}" }), "url", "`payload.x`"),
    ] {
        let (endpoint, _) = kit::endpoint(&said);
        let faults = kit::recipe(&said).unwrap().review(&endpoint, &OrganizationSettings::default()).faults;
        assert_eq!((faults.len(), faults[0].field.as_str()), (1, field), "{said}");
        assert!(faults[0].message.contains(meant), "{}", faults[0]);
    }
    assert_eq!(review(&template("{{payload.l.0}}"), &[]).0, [""; 0]);
    let error = kit::recipe(&template("{{message.custom}}")).unwrap_err();
    assert!(error.message.contains("`message.custom.NAME`"), "{error}");
}

#[test]
fn a_value_completes_no_encoded_byte_of_a_url() {
    for (url, is_refused) in [
        ("https://h.example/a%{{message.id}}", true),
        ("https://h.example/?a=%2{{message.id}}", true),
        ("https://h.example/%2e{{message.id}}?a=%25{{message.id}}", false),
        ("https://h.example/%25{{message.id}}", false),
    ] {
        let wanted: &[&str] = if is_refused { &["url"] } else { &[] };
        assert_eq!(review(&json!({ "url": url }), &[]).0, wanted, "{url}");
    }
}

#[test]
fn a_content_type_of_a_template_is_a_media_type() {
    let faults = |kind: &str| review(&json!({ "template": { "contentType": kind, "body": "1" } }), &[]).0;
    for bad in [
        "/",
        "text/",
        "not a/ type;;",
        "a/b/c",
        "text/plain; charset",
        "text/plain; a=\"b",
        "text/plain; a=b c",
        "text/plain; a=\"b\"c",
        "text/plain;;",
    ] {
        assert_eq!(faults(bad), ["template.contentType"], "{bad}");
    }
    for good in [
        "text/plain",
        "text/plain;",
        "text/plain; charset=utf-8",
        "multipart/mixed; boundary=\"a;\\\"b\"; c=d",
        "application/vnd.x+json ; v=1",
    ] {
        assert_eq!(faults(good), [""; 0], "{good}");
    }
}

#[test]
fn a_parameter_of_the_owner_makes_no_object_of_a_list() {
    let faults = |name: &str| {
        review(&json!({ "dialect": "telnyx", "providerSecret": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "customParameters": { name: "1" } }), &[]).0
    };
    assert_eq!(faults("data.payload.tags.x"), ["customParameters.0.name"]);
    for name in ["data.payload.tags.0", "data.payload.tagsx.y", "data.own.x"] {
        assert_eq!(faults(name), [""; 0], "{name}");
    }
}
