//! What one request costs to make: a full delivery report parsed, rendered and signed, in each send method.
//!
//! `cargo bench -p ringback-wire --bench render`

#![expect(clippy::unwrap_used, reason = "a benchmark stops at what it does not expect")]

#[path = "../tests/kit/mod.rs"]
mod kit;

use criterion::{Criterion, criterion_group, criterion_main};
use ringback_model::{Endpoint, EndpointSecrets, OrganizationSettings, SigningKey, SigningSecret, Timestamp};
use ringback_wire::{Recipe, prepare};
use serde_json::json;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REPORT: &str = r#"{"product":"sms","category":"notification","message":{"id":"m-7042","groupId":"t-1001","to":"+254712345678","from":"ACME","status":"delivered","error":{"code":"000"},"parts":1,"price":{"amount":"0.8000"},"acceptedAt":"2024-06-01T09:00:00Z","sentAt":"2024-06-01T09:00:01.120Z","deliveredAt":"2024-06-01T09:00:04.250Z","clientRef":"order/42","custom":{"custom":"a","custom1":"b"},"network":{"countryName":"Kenya","countryCode":"ke","operatorName":"Safaricom","operatorCode":"63902"}}}"#;
/// Takes six values.
const TEMPLATE: &str = r#"{"id":{{message.id}},"to":{{message.to}},"state":{{message.status}},"code":{{message.error.code}},"sent":{{message.sentAt}},"ref":{{message.clientRef}}}"#;

fn recipe(shape: serde_json::Value) -> Recipe {
    let id = "ep_27UH4WbU6Z5A5EzD8u03UvzRbpk".parse().unwrap();
    let endpoint = Endpoint {
        shape: Some(Box::new(serde_json::from_value(shape).unwrap())),
        ..Endpoint::new(id, "https://h.example/reports".to_owned(), Timestamp::from_seconds(0))
    };
    let secret = SigningSecret::parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let secrets = EndpointSecrets { keys: vec![SigningKey { secret, expires_at: None }], ..EndpointSecrets::default() };
    Recipe::new(&endpoint, &secrets, &OrganizationSettings::default()).unwrap()
}

fn render(criterion: &mut Criterion) {
    let report = |dialect: &str, method: &str| {
        recipe(json!({"dialect": dialect, "sendMethod": method, "product": "sms", "reportType": "dlr"}))
    };
    let template = json!({"sendMethod": "json", "product": "sms", "reportType": "dlr", "template": {"contentType": "application/json", "body": TEMPLATE}});
    let cases = [
        ("plain", recipe(json!({}))),
        ("ant get", report("ant", "get")),
        ("ant form", report("ant", "post")),
        ("ant json", report("ant", "json")),
        ("ant xml", report("ant", "xml")),
        ("console form", report("console", "post")),
        ("console json", report("console", "json")),
        ("console xml", report("console", "xml")),
        ("rich-dlr json", report("rich-dlr", "json")),
        ("template", recipe(template)),
    ];
    let message = kit::message("sms.dlr", REPORT);
    let wall = Timestamp::from_seconds(1_724_235_300);
    let mut group = criterion.benchmark_group("render and sign");
    for (name, recipe) in &cases {
        prepare(recipe, &message, wall).unwrap();
        group.bench_function(*name, |bencher| bencher.iter(|| prepare(recipe, &message, wall)));
    }
    group.finish();
}

criterion_group!(benches, render);
criterion_main!(benches);
