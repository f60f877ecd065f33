//! Transformations of endpoints: kept sealed, looked at when they are saved, tried out before.

use serde_json::{Value, json};

use crate::harness::World;

const CODE: &str =
    "function handler(webhook) {\n  webhook.payload.region = webhook.variables.region;\n  return webhook\n}";
const PATH: &str = "/app/a/endpoint/e/transformation";

async fn world() -> World {
    let world = World::new();
    world.app("a").await;
    world.event_type("order.paid").await;
    world.endpoint("a", json!({ "url": "https://a.example/in", "uid": "e", "eventTypes": ["order.paid"] })).await;
    world
}

#[tokio::test]
async fn a_transformation_is_set_read_changed_in_parts_and_taken_away() {
    let world = world().await;
    let none = world.get(PATH).await.expect(200);
    assert_eq!(none, json!({ "code": null, "enabled": false, "variables": {}, "updatedAt": null }));
    world.patch(PATH, json!({ "code": CODE, "enabled": true, "variables": { "region": "eu" } })).await.expect(204);
    let kept = world.get(PATH).await.expect(200);
    assert_eq!(
        (&kept["code"], &kept["enabled"], &kept["variables"]["region"]),
        (&json!(CODE), &json!(true), &json!("eu"))
    );
    assert!(kept["updatedAt"].is_string());
    world.patch(PATH, json!({ "enabled": false })).await.expect(204);
    let kept = world.get(PATH).await.expect(200);
    assert_eq!(
        (&kept["code"], &kept["enabled"], &kept["variables"]["region"]),
        (&json!(CODE), &json!(false), &json!("eu"))
    );
    world.patch(PATH, json!({ "code": null, "variables": null })).await.expect(204);
    let kept = world.get(PATH).await.expect(200);
    assert_eq!((&kept["code"], &kept["variables"]), (&Value::Null, &json!({})));
    // What else is changed of an endpoint leaves it alone.
    world.patch(PATH, json!({ "code": CODE, "enabled": true })).await.expect(204);
    world.put("/app/a/endpoint/e", json!({ "url": "https://a.example/other", "uid": "e" })).await.expect(200);
    assert_eq!(world.get(PATH).await.expect(200)["enabled"], true);
    assert!(!world.get("/app/a/endpoint/e").await.text.contains("handler"), "it is shown by its own operation alone");
}

#[tokio::test]
async fn code_that_cannot_be_run_is_refused_with_the_line() {
    let world = world().await;
    for (body, place, word) in [
        (json!({ "code": "function handler(w) {\n return w ]" }), "code", "In line 2"),
        (json!({ "code": "1" }), "code", "function handler(webhook)"),
        (json!({ "code": "for (;;) {}" }), "code", "50 ms"),
        (json!({ "code": "x".repeat(51_201) }), "code", "51200"),
        (json!({ "enabled": true }), "enabled", "no code"),
        (json!({ "variables": { "": "x" } }), "variables", "1 to 64"),
    ] {
        let answer = world.patch(PATH, body.clone()).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
        assert!(answer.faults()[0].contains(place) && answer.text.contains(word), "{}", answer.text);
    }
    assert_eq!(world.get(PATH).await.expect(200)["code"], Value::Null, "nothing half");
}

#[tokio::test]
async fn a_trial_makes_the_request_of_a_delivery_and_keeps_nothing() {
    let world = world().await;
    let path = format!("{PATH}/simulate");
    world.patch(PATH, json!({ "variables": { "region": "eu" } })).await.expect(204);
    let made = world.post(&path, json!({ "code": CODE, "payload": { "n": 1 } })).await.expect(200);
    assert_eq!((&made["method"], &made["url"]), (&json!("POST"), &json!("https://a.example/in")));
    assert_eq!((&made["payload"], &made["cancel"]), (&json!(r#"{"n":1,"region":"eu"}"#), &json!(false)));
    let adds = "function handler(w) { w.headers['x-region'] = 'eu'; return w }";
    let headers = world.post(&path, json!({ "code": adds, "payload": {} })).await.expect(200)["headers"].clone();
    assert_eq!((&headers["x-region"], &headers["content-type"]), (&json!("eu"), &json!("application/json")));
    let off = "function handler(w) { w.cancel = true; return w }";
    let made = world.post(&path, json!({ "code": off, "payload": {} })).await.expect(200);
    assert_eq!(made["cancel"], true);
    let failed = world.post(&path, json!({ "code": "function handler() { x() }", "payload": {} })).await;
    assert_eq!(failed.faults(), ["body.code"], "{}", failed.text);
    assert!(failed.text.contains("In line 1: x is not defined."), "{}", failed.text);
    assert_eq!(world.get(PATH).await.expect(200)["code"], Value::Null);

    // That of the endpoint, whether it is run or not; and a preview goes through it once it is.
    world.patch(PATH, json!({ "code": CODE })).await.expect(204);
    let made = world.post(&path, json!({ "payload": { "n": 2 } })).await.expect(200);
    assert_eq!(made["payload"], r#"{"n":2,"region":"eu"}"#);
    let event = json!({ "endpointId": "e", "eventType": "order.paid", "payload": { "n": 3 } });
    let preview =
        async || world.post("/app/a/endpoint/preview", event.clone()).await.expect(200)["request"]["body"].clone();
    assert_eq!(preview().await, r#"{"n":3}"#);
    world.patch(PATH, json!({ "enabled": true })).await.expect(204);
    assert_eq!(preview().await, r#"{"n":3,"region":"eu"}"#);
}
