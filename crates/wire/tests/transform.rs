//! Transformations: what code can change, what it cannot, and that whatever is wrong with it is said and harms nobody.

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

mod kit;

use proptest::prelude::*;
use ringback_model::Redacted;
use ringback_wire::{Prepared, RenderError, TransformationJob, prepare};
use serde_json::{Value, json};

/// The request that an endpoint with this code makes of this payload.
fn made(code: &str, payload: &Value) -> Result<Prepared, RenderError> {
    let said = json!({ "url": "https://h.example/in?a=1", "transformation": code });
    kit::request(&said, "order.paid", &payload.to_string())
}

/// The same of code that stands between `webhook` and `return webhook`.
fn with(statements: &str) -> Result<Prepared, RenderError> {
    made(&format!("function handler(webhook) {{ {statements}; return webhook }}"), &json!({ "n": 1 }))
}

fn check(code: &str) -> Result<(), String> {
    TransformationJob::check(&Redacted::new(code.to_owned())).run().map(drop)
}

fn body(request: &Prepared) -> &str {
    std::str::from_utf8(&request.body).unwrap()
}

/// What is said of statements that fail.
fn why(statements: &str) -> String {
    match with(statements).unwrap_err() {
        RenderError::Transformation { why } => why,
        other => panic!("{statements}: {other}"),
    }
}

#[test]
fn code_changes_payload_method_path_query_and_headers_and_the_signature_covers_it() {
    let code = "function handler(webhook) {
        webhook.method = 'put';
        webhook.url = webhook.url.replace('/in?a=1', `/out/${webhook.payload.id}?b=ü`);
        webhook.headers['X-Region'] = webhook.variables.region;
        webhook.payload = { id: webhook.payload.id, type: webhook.eventType };
        return webhook;
    }";
    let request = made(code, &json!({ "id": "o/1", "dropped": true })).unwrap();
    assert_eq!((request.method.as_str(), request.target.as_str()), ("PUT", "/out/o/1?b=%C3%BC"));
    assert_eq!(request.headers["x-region"], "eu");
    assert_eq!(body(&request), r#"{"id":"o/1","type":"order.paid"}"#);
    let plain = kit::request(&json!({}), "order.paid", r#"{"id":"o/1","type":"order.paid"}"#).unwrap();
    assert_eq!(request.headers["webhook-signature"], plain.headers["webhook-signature"]);
}

#[test]
fn what_is_handed_back_as_it_was_makes_the_same_request_as_no_code() {
    let payload = json!({ "a": [1, 2.5, null, "ü\n\u{1F600}"], "b": { "c": true } });
    let request = made("function handler(webhook) { return webhook }", &payload).unwrap();
    let plain =
        kit::request(&json!({ "url": "https://h.example/in?a=1" }), "order.paid", &payload.to_string()).unwrap();
    assert_eq!((request.method, request.target, request.headers), (plain.method, plain.target, plain.headers));
    assert_eq!(request.body, plain.body);
}

#[test]
fn a_report_is_changed_before_its_dialect_writes_it_and_method_and_url_stay_the_dialects() {
    let report = json!({ "message": { "id": "m", "to": "+254712345678", "status": "delivered", "sentAt": "2024-12-18T08:08:04Z" } });
    let said = |code: &str| json!({ "dialect": "ant", "product": "sms", "reportType": "dlr", "transformation": code });
    let request = |code: &str| kit::request(&said(code), "sms.dlr", &report.to_string());
    let changed =
        request("function handler(w) { w.payload.message.id = 'other'; w.headers.x = 'y'; return w }").unwrap();
    assert!(changed.target.as_str().contains("other") && changed.headers["x"] == "y", "{}", changed.target);
    for code in ["w.method = 'PUT'", "w.url = w.url + '?x=1'"] {
        let error = request(&format!("function handler(w) {{ {code}; return w }}")).unwrap_err();
        assert!(error.to_string().contains("dialect"), "{error}");
    }
    let error = request("function handler(w) { delete w.payload.message.id; return w }").unwrap_err();
    assert!(matches!(error, RenderError::Missing { .. }), "{error}");
}

#[test]
fn code_may_call_a_webhook_off() {
    assert_eq!(with("webhook.cancel = true").unwrap_err(), RenderError::CalledOff);
    for statements in ["webhook.cancel = false", "webhook.cancel = null", "delete webhook.cancel"] {
        assert!(with(statements).is_ok(), "{statements}");
    }
}

#[test]
fn whatever_is_wrong_with_code_is_said_with_its_line() {
    for (statements, word) in [
        ("\n\n throw new Error('no such customer')", "In line 3: no such customer."),
        ("throw 'bare'", "It threw: bare."),
        ("throw 7", "no error"),
        ("throw null", "no error"),
        ("missing.x", "missing is not defined"),
        ("return", "did not return the webhook"),
        ("return 'x'", "did not return the webhook"),
        ("return []", "did not return the webhook"),
        ("return () => webhook", "did not return the webhook"),
        ("return Promise.resolve(webhook)", "`async`"),
        ("return {}", "`payload` of what"),
        ("webhook.payload = undefined", "`payload` of what"),
        ("webhook.payload = () => 1", "`payload` of what"),
        ("webhook.payload = {}; webhook.payload.self = webhook.payload", "circular"),
        ("webhook.payload = 1n", "BigInt"),
        ("webhook.method = 'GET'", "`method` is `GET`"),
        ("webhook.method = 7", "`method` of what"),
        ("webhook.url = 'h.example'", "no URL"),
        ("webhook.url = 'https://h.example:8443/in'", "another server"),
        ("webhook.url = 'http://h.example/in'", "another server"),
        ("webhook.url = 'https://other.example/in'", "another server"),
        ("webhook.url = 'https://u:p@h.example/in'", "another server"),
        ("webhook.headers.host = 'x'", "The header `host` cannot be added"),
        ("webhook.headers['webhook-id'] = 'x'", "cannot be added"),
        ("webhook.headers['content-length'] = '1'", "cannot be added"),
        ("webhook.headers.a = 'x\\r\\nb: c'", "cannot be added"),
        ("webhook.headers['a b'] = 'x'", "cannot be added"),
        ("webhook.headers.a = 1", "is no text"),
        ("webhook.headers = 'q'", "`headers` of what"),
        ("webhook.headers = ['a']", "`headers` of what"),
        ("webhook.cancel = 'yes'", "`cancel` of what"),
        ("webhook.cancel = 1", "`cancel` of what"),
        ("for (let i = 0; i < 51; i++) webhook.headers['x' + i] = 'y'", "At most 50 headers"),
        ("webhook.payload = 'x'.repeat(4 << 20)", "more than 4 MiB"),
        ("Math.random()", "not a function"),
        ("fetch('https://h.example')", "fetch is not defined"),
        ("setTimeout(() => {}, 1)", "setTimeout is not defined"),
        ("new Proxy({}, {})", "Proxy is not defined"),
        ("require('fs')", "require is not defined"),
    ] {
        let why = why(statements);
        assert!(why.contains(word), "{statements}: {why}");
        assert!(why.ends_with('.') && why.chars().count() < 400, "{why}");
    }
}

#[test]
fn code_that_does_not_end_or_takes_all_memory_is_stopped_and_the_next_run_is_well() {
    for statements in ["for (;;) {}", "while (true) { try { for (;;) {} } catch {} }", "/(a+)+b/.test('a'.repeat(40))"]
    {
        assert_eq!(why(statements), "It took more than 50 ms of processor time.", "{statements}");
    }
    for statements in ["const a = []; for (;;) a.push('x'.repeat(1 << 20) + a.length)", "new Uint8Array(1 << 30)"] {
        let why = why(statements);
        assert!(why.contains("memory") || why.contains("processor time"), "{statements}: {why}");
    }
    let deep = why("const f = () => f() + 1; f()");
    assert!(deep.contains("stack"), "{deep}");
    let said = json!({ "transformation": "function handler(w) { if (w.payload.bad) for (;;) {} return w }" });
    let recipe = kit::recipe(&said).unwrap();
    let run = |payload: &str| prepare(&recipe, &kit::message("t", payload), kit::WALL);
    for _ in 0..3 {
        assert!(run(r#"{"bad":true}"#).is_err());
        assert_eq!(run(r#"{"n":1}"#).unwrap().body.as_ref(), br#"{"n":1}"#);
    }
}

#[test]
fn the_present_is_when_the_message_was_accepted() {
    let statements = "webhook.payload = [Date.now(), new Date().toISOString(), new Date(0).getTime(), Date.UTC(1970, 0), \
                      new Date() instanceof Date, typeof Date()]";
    let now = kit::WALL.as_millis();
    let expected = format!(r#"[{now},"2024-08-21T10:15:00.000Z",0,0,true,"string"]"#);
    assert_eq!(body(&with(statements).unwrap()), expected);
}

#[test]
fn nothing_of_one_message_is_there_at_the_next_one() {
    let code = "let count = 0; const seen = []; function handler(w) { count += 1; seen.push(w.payload.n); w.payload = [count, seen]; return w }";
    let recipe = kit::recipe(&json!({ "transformation": code })).unwrap();
    for n in 0..5 {
        let message = kit::message("t", &json!({ "n": n }).to_string());
        assert_eq!(prepare(&recipe, &message, kit::WALL).unwrap().body, format!("[1,[{n}]]"));
    }
}

#[test]
fn whatever_code_tries_to_leave_for_the_next_message_is_refused() {
    for statements in [
        "globalThis.n = 1",
        "Math.q = 1",
        "Array.prototype.zz = 1",
        "Array.prototype.map = () => 1",
        "Object.prototype.toString = () => 1",
        "Object.defineProperty(Object.prototype, 'zz', { value: 1 })",
        "Object.setPrototypeOf(Array.prototype, null)",
        "Error.prototype.name = 'x'",
        "JSON.stringify.seen = 1",
        "Date.prototype.zz = 1",
        "Date = 1",
        "Object.getPrototypeOf(function* () {}).zz = 1",
        "Object.getPrototypeOf(Object.getPrototypeOf([].values())).zz = 1",
        "Object.getPrototypeOf(async function () {}).zz = 1",
        "new Function('globalThis.zz = 1')()",
        "new Function('zz = 1')()",
        "eval('1')",
    ] {
        // Sloppy code passes over it, strict code is told; neither leaves anything.
        let said = with(&format!(
            "try {{ {statements} }} catch {{}} webhook.payload = [globalThis.n, Math.q, [].zz, ({{}}).zz]"
        ));
        assert_eq!(body(&said.unwrap()), "[null,null,null,null]", "{statements}");
    }
    assert!(why("globalThis.n = 1").contains("In line 1"), "{}", why("globalThis.n = 1"));
}

#[test]
fn what_code_assigns_in_objects_of_its_own_may_be_called_as_what_all_objects_have() {
    for (statements, wanted) in [
        (
            "class Odd extends Error { constructor() { super('m'); this.name = 'Odd' } } webhook.payload = String(new Odd())",
            r#""Odd: m""#,
        ),
        (
            "const o = {}; o.toString = () => 'mine'; o.constructor = 1; webhook.payload = [String(o), o.constructor]",
            r#"["mine",1]"#,
        ),
        (
            "const o = {}; for (const k of ['valueOf', '__proto__x', 'hasOwnProperty']) o[k] = k; webhook.payload = o",
            r#"{"valueOf":"valueOf","__proto__x":"__proto__x","hasOwnProperty":"hasOwnProperty"}"#,
        ),
        ("function F() {} F.prototype.go = () => 7; F.extra = 1; webhook.payload = [new F().go(), F.extra]", "[7,1]"),
        ("webhook.payload = [...new Map([[1, 2]]).entries(), [3, 1].sort().map((n) => n * 2)]", "[[1,2],[2,6]]"),
        ("const e = new Error('a'); e.message = 'b'; webhook.payload = e.message", r#""b""#),
    ] {
        assert_eq!(body(&with(statements).unwrap()), wanted, "{statements}");
    }
}

#[test]
fn bytes_that_a_producer_sends_as_they_are_go_past_the_code() {
    let recipe = kit::recipe(&json!({ "transformation": "function handler() { throw new Error('x') }" })).unwrap();
    let mut message = kit::message("t", "{}");
    message.raw = Some("a,b".into());
    assert_eq!(prepare(&recipe, &message, kit::WALL).unwrap().body.as_ref(), b"a,b");
    message.raw = None;
    message.payload = None;
    assert_eq!(prepare(&recipe, &message, kit::WALL).unwrap_err(), RenderError::PayloadGone);
}

#[test]
fn code_that_cannot_be_run_is_found_when_it_is_saved() {
    for (code, word) in [
        ("", "There is no `function handler"),
        ("const handler = 7", "there is no `function handler"),
        ("function other(w) { return w }", "there is no `function handler"),
        ("function handler(w) {\n  return w\n", "In line 2: the code ends too early"),
        ("function handler(w) { return w", "In line 1: the code ends too early"),
        ("function handler(w) { return w ]", "line 1"),
        ("}); let n = 0; (function () { function handler(w) { n += 1; w.payload = n; return w }", "line 1"),
        ("throw new Error('at the top'); function handler(w) { return w }", "at the top"),
        ("for (;;) {}", "50 ms"),
        ("async function handler(w) { return w }", "`async`"),
        ("const handler = async (w) => w", "`async`"),
        ("async function* handler(w) { yield w }", "`async`"),
    ] {
        let why = check(code).unwrap_err();
        assert!(why.to_lowercase().contains(&word.to_lowercase()), "{code}: {why}");
    }
    for code in [
        "const handler = (w) => w",
        "let handler; handler = function (w) { return w } // end",
        "function handler(w) { w.payload.to = w.payload.to.replace(/[^0-9]/g, '') ; return w }",
        "const kept = new Map([[1, new Uint8Array(2)]]); function handler(w) { return w }",
    ] {
        check(code).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Texts come through unharmed, whatever they are.
    #[test]
    fn a_text_is_the_same_behind_the_code(text in any::<String>()) {
        let request = made("function handler(w) { w.payload = { text: w.payload.text }; return w }", &json!({ "text": text })).unwrap();
        let read: Value = serde_json::from_slice(&request.body).unwrap();
        prop_assert_eq!(&read["text"], &text);
    }

    /// No code takes the process down or keeps it.
    #[test]
    fn nonsense_is_an_error_or_code(text in "[a-z(){};=+'\" \\[\\].,0-9\n]{0,120}") {
        if check(&text).is_ok() {
            let made = made(&text, &json!({}));
            prop_assert!(!matches!(made, Err(RenderError::PayloadGone)));
        }
        drop(with(&text));
    }
}
