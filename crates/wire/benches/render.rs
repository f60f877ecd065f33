//! What one request costs to make: a full delivery report parsed, rendered and signed, in each send method.
//!
//! `cargo bench -p ringback-wire --bench render`

#![expect(clippy::unwrap_used, reason = "a benchmark stops at what it does not expect")]

#[path = "../tests/kit/mod.rs"]
mod kit;

use criterion::{Criterion, criterion_group, criterion_main};
use ringback_wire::prepare;
use serde_json::json;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REPORT: &str = r#"{"product":"sms","category":"notification","message":{"id":"m-7042","groupId":"t-1001","to":"+254712345678","from":"ACME","status":"delivered","error":{"code":"000"},"parts":1,"price":{"amount":"0.8000"},"acceptedAt":"2024-06-01T09:00:00Z","sentAt":"2024-06-01T09:00:01.120Z","deliveredAt":"2024-06-01T09:00:04.250Z","clientRef":"order/42","custom":{"custom":"a","custom1":"b"},"network":{"countryName":"Kenya","countryCode":"ke","operatorName":"Safaricom","operatorCode":"63902"}}}"#;
/// Take six values each.
const AS_JSON: &str = r#"{"id":{{message.id}},"to":{{message.to}},"state":{{message.status}},"code":{{message.error.code}},"sent":{{message.sentAt}},"ref":{{message.clientRef}}}"#;
const AS_XML: &str = r#"<?xml version="1.0"?><report id="{{message.id}}"><to>{{message.to}}</to><state>{{message.status}}</state><code>{{message.error.code}}</code><sent>{{message.sentAt}}</sent><ref>{{message.clientRef}}</ref></report>"#;
const AS_HTML: &str = r#"<p id="{{message.id}}"><b>{{message.to}}</b> {{message.status}} {{message.error.code}} {{message.sentAt}} {{message.clientRef}}</p>"#;
const AS_CSV: &str = "{{message.id}},{{message.to}},{{message.status}},{{message.error.code}},{{message.sentAt}},{{message.clientRef}}\r\n";

/// A small transformation: a value is changed, one is added, one is taken away.
const SMALL: &str = "function handler(webhook) { const { message } = webhook.payload; message.status = message.status.toUpperCase(); message.sender = { name: message.from }; delete message.network; webhook.headers['x-region'] = webhook.variables.region; return webhook }";

fn render(criterion: &mut Criterion) {
    let report = |dialect: &str, method: &str| json!({"dialect": dialect, "sendMethod": method, "product": "sms", "reportType": "dlr"});
    let template = |kind: &str, body: &str| json!({"product": "sms", "reportType": "dlr", "template": {"contentType": kind, "body": body}});
    let token = json!({"dialect": "twilio", "providerSecret": "12345678901234567890123456789012"});
    let seed = json!({"dialect": "telnyx", "providerSecret": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="});
    let cases = [
        ("plain", json!({})),
        ("ant get", report("ant", "get")),
        ("ant form", report("ant", "post")),
        ("ant json", report("ant", "json")),
        ("ant xml", report("ant", "xml")),
        ("console form", report("console", "post")),
        ("console json", report("console", "json")),
        ("console xml", report("console", "xml")),
        ("rich-dlr json", report("rich-dlr", "json")),
        ("rich-dlr xml", report("rich-dlr", "xml")),
        ("twilio form", token),
        ("telnyx json", seed),
        ("template json", template("application/json", AS_JSON)),
        ("template xml", template("application/xml", AS_XML)),
        ("template html", template("text/html", AS_HTML)),
        ("template csv", template("text/csv", AS_CSV)),
        ("transformation", json!({ "transformation": SMALL })),
    ];
    let message = kit::message("sms.dlr", REPORT);
    let mut group = criterion.benchmark_group("render and sign");
    for (name, said) in &cases {
        let recipe = kit::recipe(said).unwrap();
        prepare(&recipe, &message, kit::WALL).unwrap();
        group.bench_function(*name, |bencher| bencher.iter(|| prepare(&recipe, &message, kit::WALL)));
    }
    group.finish();
}

criterion_group!(benches, render);
criterion_main!(benches);
