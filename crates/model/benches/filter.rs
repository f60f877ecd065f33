//! What a filter costs at the match: a full delivery report read for it, and each endpoint's conditions looked at.
//!
//! `cargo bench -p ringback-model --bench filter`

#![expect(clippy::unwrap_used, reason = "a benchmark stops at what it does not expect")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ringback_model::{Filter, FilterSubject};
use serde_json::{Value, json};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REPORT: &str = r#"{"product":"sms","category":"notification","message":{"id":"m-7042","groupId":"t-1001","to":"+254712345678","from":"ACME","status":"delivered","error":{"code":"000"},"parts":1,"price":{"amount":"0.8000"},"acceptedAt":"2024-06-01T09:00:00Z","sentAt":"2024-06-01T09:00:01.120Z","deliveredAt":"2024-06-01T09:00:04.250Z","clientRef":"order/42","custom":{"custom":"a","custom1":"b"},"network":{"countryName":"Kenya","countryCode":"ke","operatorName":"Safaricom","operatorCode":"63902"}}}"#;

fn cases() -> [(&'static str, Value); 4] {
    let status = json!({ "message": { "status": { "$in": ["delivered", "failed"] } } });
    let deep = json!({ "message": { "network": { "countryCode": "ke", "operatorCode": { "$startsWith": "639" } },
        "parts": { "$gte": 1, "$lt": 5 }, "status": { "$nin": ["queued", "sent"] }, "error": { "code": "000" } } });
    let many: Vec<_> =
        (0..16).map(|n| json!({ "payload": { "message": { "clientRef": format!("order/{n}") } } })).collect();
    [
        ("type", json!({ "type": { "$startsWith": "sms." } })),
        ("one member", json!({ "payload": status })),
        ("six members", json!({ "payload": deep, "channel": { "$neq": "north" } })),
        ("one of 16", json!({ "$or": many })),
    ]
}

/// One message for 1 and for 100 endpoints that all have the filter: the payload is read once.
fn filter(criterion: &mut Criterion) {
    for endpoints in [1, 100] {
        let mut group = criterion.benchmark_group(format!("match {endpoints}"));
        group.throughput(criterion::Throughput::Elements(endpoints));
        for (name, source) in cases() {
            let filter = Filter::compile(source).unwrap();
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    let subject = FilterSubject::new("sms.dlr", &[], None, Some(black_box(REPORT.as_bytes())));
                    (0..endpoints).filter(|_| black_box(&filter).matches(&subject)).count()
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, filter);
criterion_main!(benches);
