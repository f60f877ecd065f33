//! What nobody sends by mistake. It is refused with a reason, or taken; nothing breaks.

use axum::body::Body;
use http::Request;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::World;

const POSTS: &[&str] = &["/app", "/app/a/endpoint", "/app/a/endpoint/e/secret/rotate", "/app/a/msg", "/event-type"];

async fn world() -> World {
    let world = World::new();
    world.app("a").await;
    world.endpoint("a", json!({ "url": "https://example.com/", "uid": "e" })).await;
    world
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused_with_the_place() {
    let world = world().await;
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    let bodies: Vec<Vec<u8>> = [
        " ",
        "{",
        "}",
        "nonsense",
        "[]",
        "1",
        "null",
        "\"\"",
        "{}{}",
        "{\"a\":1}x",
        "{'a':1}",
        "{\"a\":NaN}",
        "{\"a\":01}",
        "{\"name\":\"\\ud800\"}",
        "\u{feff}{}",
        "{\"a\":1,}",
        "{\"a\" 1}",
    ]
    .iter()
    .map(|body| body.as_bytes().to_vec())
    .chain([
        deep("[", "]").into_bytes(),
        deep("{\"a\":", "}").into_bytes(),
        format!(r#"{{"eventType":"t","name":"n","url":"https://e.com","payload":{}}}"#, deep("[", "]")).into_bytes(),
        b"{\"name\":\"\xff\"}".to_vec(),
        vec![0xff, 0xfe, b'{', 0, b'}', 0],
    ])
    .collect();
    for path in POSTS {
        for body in &bodies {
            let answer = world.ask(&world.token, "POST", path, &[], body.clone()).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            assert!(answer.faults()[0].starts_with("body"), "{path} {shown}");
            assert_eq!(answer.json()["detail"][0]["type"], "value_error.jsondecode", "{path} {shown}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_in_words_of_json_at_the_member_that_it_is_about() {
    let world = world().await;
    for (path, body, place, message) in [
        ("/app/a/msg", r#"{"eventType":"t","payload":{},"payload":{}}"#, "body.payload", "twice"),
        ("/app/a/msg", r#"{"eventType":"t","payload":{},"data":{}}"#, "body.payload", "each of its names"),
        ("/app/a/msg", r#"{"eventType":"t"}"#, "body.payload", "has to be there"),
        ("/app/a/msg", "5", "body", "an object, not integer"),
        ("/app/a/endpoint", r#"{"url":"https://e.com","throttleRate":"5"}"#, "body.throttleRate", "a whole number"),
        ("/app/a/endpoint", r#"{"url":"https://e.com","timeout":true}"#, "body.timeout", "a length of time"),
        ("/app/a/endpoint", r#"{"url":"https://e.com","ordering":"lifo"}"#, "body.ordering", "one of `none`"),
        ("/app", r#"{"name":"a","metadata":{"k":1}}"#, "body.metadata.k", "a text, not integer"),
    ] {
        let answer = world.ask(&world.token, "POST", path, &[], body).await;
        assert_eq!(answer.faults(), [place], "{body}");
        let told = answer.json()["detail"][0]["msg"].as_str().unwrap().to_owned();
        assert!(told.contains(message) && !told.contains("struct") && !told.contains("u16"), "{body}: {told}");
    }
}

#[tokio::test]
async fn members_given_twice_are_refused_in_configuration() {
    let world = world().await;
    for (path, body) in [
        ("/app", r#"{"name":"a","name":"b"}"#),
        ("/app", r#"{"name":"a","metadata":{"k":"1","k":"2"}}"#),
        ("/app", r#"{"name":"a","unknown":{"k":1,"k":2}}"#),
        ("/app/a/endpoint", r#"{"url":"https://e.com","url":"https://f.com"}"#),
        ("/app/a/endpoint", r#"{"url":"https://e.com","headers":{"x":"1","x":"2"}}"#),
        ("/event-type", r#"{"name":"t","description":"","schemas":{"1":{"a":1,"a":2}}}"#),
    ] {
        let answer = world.ask(&world.token, "POST", path, &[], body).await;
        assert_eq!(answer.expect(422)["detail"][0]["type"], "value_error.jsondecode", "{body}");
    }
}

#[tokio::test]
async fn a_million_members_are_read_or_refused_without_delay() {
    let world = world().await;
    let members = (0..150_000).map(|n| format!("\"k{n}\":1")).collect::<Vec<_>>().join(",");
    for path in POSTS {
        let answer = world.ask(&world.token, "POST", path, &[], format!("{{{members}}}")).await;
        assert!(answer.status.as_u16() == 422 || answer.status.is_success(), "{path}: {}", answer.status);
    }
    let headers = (0..100_000).map(|n| format!("\"x{n}\":null")).collect::<Vec<_>>().join(",");
    let body = format!("{{\"headers\":{{{headers}}}}}");
    assert_eq!(
        world.ask(&world.token, "PATCH", "/app/a/endpoint/e/headers", &[], body).await.faults(),
        ["body.headers"]
    );
}

#[tokio::test]
async fn a_body_over_two_mebibytes_is_refused_and_one_below_is_taken() {
    let world = world().await;
    let message = |size: usize| {
        let frame = r#"{"eventType":"t","payload":{"a":""}}"#.len();
        format!(r#"{{"eventType":"t","payload":{{"a":"{}"}}}}"#, "x".repeat(size - frame))
    };
    let limit = 2 * 1_024 * 1_024;
    world.ask(&world.token, "POST", "/app/a/msg?with_content=false", &[], message(limit)).await.expect(202);
    let answer = world.ask(&world.token, "POST", "/app/a/msg", &[], message(limit + 1)).await;
    assert_eq!(answer.expect(413)["code"], "payload_too_large");
    assert_eq!(answer.headers["connection"], "close");
    let endless = futures_util::stream::iter(
        (0..100_000).map(|_| Ok::<_, std::io::Error>(bytes::Bytes::from_static(&[b' '; 1_024]))),
    );
    let answer = world.ask(&world.token, "POST", "/app/a/msg", &[], Body::from_stream(endless)).await;
    assert_eq!(answer.expect(413)["code"], "payload_too_large");
    let broken = futures_util::stream::iter([Ok(bytes::Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))]);
    let answer = world.ask(&world.token, "POST", "/app/a/msg", &[], Body::from_stream(broken)).await;
    answer.expect(400);
}

#[tokio::test]
async fn strange_paths_are_answered_as_json() {
    let world = world().await;
    for path in [
        "/api/v1/app/%00",
        "/api/v1/app/%ff",
        "/api/v1/app/..%2f..%2fetc",
        "/api/v1/app/%2e%2e/endpoint",
        "/api/v2/app",
        "/api",
        "/api/v1",
        "/../../etc/passwd",
        "/docs/../x",
        "/api/v1/app//endpoint",
        "/api/v1/app/a/msg/'%3B--",
        "/api/v1/app/%25_",
        &format!("/api/v1/app/{}", "x".repeat(10_000)),
        "/api/v1/app/a/endpoint/%F0%9F%98%80/secret",
    ] {
        let request = Request::builder().uri(path).header("authorization", format!("Bearer {}", world.token));
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.expect(404)["code"], "not_found", "{path}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("https://example.com/".to_owned()),
        Just("t".to_owned()),
        Just(String::new()),
        Just("5s".to_owned()),
        "\\PC{0,12}",
        Just("\0".to_owned()),
        Just("x".repeat(5_000)),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-1i64..300).prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::hash_map("[a-z-]{0,8}", inner, 0..5).prop_map(Value::from_iter),
        ]
    })
}

fn any_body() -> impl Strategy<Value = Value> {
    let names = vec![
        "name",
        "uid",
        "url",
        "description",
        "eventTypes",
        "filterTypes",
        "channels",
        "throttleRate",
        "rateLimit",
        "metadata",
        "timeout",
        "retrySchedule",
        "ordering",
        "onExhausted",
        "maxConcurrency",
        "batch",
        "headers",
        "secret",
        "key",
        "auth",
        "gracePeriodSeconds",
        "eventType",
        "payload",
        "data",
        "eventId",
        "orderingKey",
        "class",
        "occurredAt",
        "application",
        "payloadRetentionPeriod",
        "transformationsParams",
        "schemas",
        "archived",
        "featureFlag",
        "product",
        "reportType",
        "productUniqueId",
        "category",
        "dialect",
        "sendMethod",
        "parameters",
        "customParameters",
        "timeFormat",
        "timeZone",
        "numberFormat",
        "emptyValue",
        "nested",
        "xmlRoot",
        "template",
        "verification",
        "success",
        "statusPolicy",
        "statusMask",
        "providerSecret",
        "registeredBy",
        "productUniqueIds",
        "feedbackSecret",
        "callbackAllowList",
        "reportMapping",
        "retentionDays",
        "products",
        "strictEventTypes",
        "validatePayloads",
        "filter",
        "requireVerification",
        "version",
        "disabled",
    ];
    let member = (proptest::sample::select(names), any_json());
    proptest::collection::vec(member, 0..8).prop_map(|members| {
        let mut body =
            json!({ "name": "n", "url": "https://example.com/", "description": "", "eventType": "t", "payload": {} });
        body.as_object_mut().unwrap().extend(members.into_iter().map(|(name, value)| (name.to_owned(), value)));
        body
    })
}

#[test]
fn no_body_makes_the_server_fail() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(world());
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(body in any_body(), path in proptest::sample::select(POSTS), patch: bool)| {
        let answer = runtime.block_on(async {
            match (patch, path) {
                (true, "/app") => world.patch("/app/a", without(&body, &["uid"])).await,
                (true, "/event-type") => world.patch("/organization", body.clone()).await,
                (true, "/app/a/endpoint") => world.patch("/app/a/endpoint/e", without(&body, &["uid"])).await,
                _ => world.post(path, body.clone()).await,
            }
        });
        prop_assert!(!answer.status.is_server_error(), "{path} {body}: {}", answer.text);
        prop_assert!(answer.text.is_empty() || serde_json::from_str::<Value>(&answer.text).is_ok());
    });
}

/// The body without these members, so that the things of the world keep their names.
fn without(body: &Value, names: &[&str]) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().retain(|name, _| !names.contains(&name.as_str()));
    body
}
