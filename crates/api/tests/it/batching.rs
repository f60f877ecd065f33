//! Endpoints that take several messages in one request.

use serde_json::{Value, json};

use crate::harness::World;

const PATH: &str = "/app/a/endpoint/e";

async fn world() -> World {
    let world = World::new();
    world.app("a").await;
    world.event_type("order.paid").await;
    world
}

fn said(batch: &Value) -> Value {
    json!({ "url": "https://a.example/in", "uid": "e", "eventTypes": ["order.paid"], "batch": batch })
}

#[tokio::test]
async fn it_is_set_read_sent_back_and_taken_away() {
    let world = world().await;
    let batch = json!({ "maxMessages": 100, "maxWaitMs": 250 });
    let made = world.post("/app/a/endpoint", said(&batch)).await.expect(201);
    assert_eq!(made["batch"], batch);
    assert_eq!(world.put(PATH, made).await.expect(200)["batch"], batch, "what was read can be sent back as it is");
    assert_eq!(world.patch(PATH, json!({ "description": "d" })).await.expect(200)["batch"], batch);
    let patched = world.patch(PATH, json!({ "batch": { "maxMessages": 2 } })).await.expect(200);
    assert_eq!(patched["batch"], json!({ "maxMessages": 2, "maxWaitMs": 1_000 }));
    let patched = world.patch(PATH, json!({ "batch": null })).await.expect(200);
    assert!(patched.get("batch").is_none(), "{patched}");
    world.patch(PATH, json!({ "batch": batch })).await.expect(200);
    let put = json!({ "url": "https://a.example/in", "uid": "e" });
    assert!(world.put(PATH, put).await.expect(200).get("batch").is_none(), "PUT replaces");
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_its_member() {
    let world = world().await;
    for (batch, field) in [
        (json!({ "maxMessages": 1 }), "body.batch.maxMessages"),
        (json!({ "maxMessages": 1_001 }), "body.batch.maxMessages"),
        (json!({ "maxMessages": 70_000 }), "body.batch.maxMessages"),
        (json!({ "maxMessages": "many" }), "body.batch.maxMessages"),
        (json!({ "maxMessages": 10, "maxWaitMs": 60_001 }), "body.batch.maxWaitMs"),
        (json!({ "maxMessages": 10, "maxWaitMs": -1 }), "body.batch.maxWaitMs"),
        (json!({ "maxWaitMs": 10 }), "body.batch"),
        (json!(10), "body.batch"),
    ] {
        let answer = world.post("/app/a/endpoint", said(&batch)).await;
        let faults = answer.faults();
        assert!(faults.len() == 1 && faults[0].starts_with(field), "{batch}: {faults:?}");
    }
}

#[tokio::test]
async fn it_goes_with_payloads_as_they_are_and_says_what_else_is_in_the_way() {
    let world = world().await;
    let batch = json!({ "maxMessages": 10, "maxWaitMs": 100 });
    for (name, value, word) in [
        ("dialect", json!("rich-dlr"), "`rich-dlr`"),
        ("sendMethod", json!("xml"), "`sendMethod`"),
        ("sendMethod", json!("get"), "`sendMethod`"),
        ("sendMethod", json!("post"), "`sendMethod`"),
        ("template", json!({ "contentType": "application/json", "body": "{}" }), "`template`"),
        ("customParameters", json!({ "k": "v" }), "`customParameters`"),
        ("url", json!("https://a.example/{{message.id}}"), "places for values"),
    ] {
        let mut body = json!({ "url": "https://a.example/in", "batch": batch });
        body[name] = value.clone();
        let answer = world.post("/app/a/endpoint", body).await;
        assert_eq!(answer.faults(), ["body.batch"], "{name} {value}: {}", answer.text);
        assert!(answer.text.contains(word), "{name} {value}: {}", answer.text);
    }
    for ordering in ["none", "per_key", "fifo"] {
        let body = json!({ "url": "https://a.example/in", "batch": batch, "ordering": ordering,
            "dialect": "standard-webhooks", "sendMethod": "json", "headers": { "x-shop": "7" } });
        world.post("/app/a/endpoint", body).await.expect(201);
    }
}

#[tokio::test]
async fn a_transformation_and_a_batch_are_not_had_together() {
    let world = world().await;
    let transformation = format!("{PATH}/transformation");
    let batch = json!({ "maxMessages": 10, "maxWaitMs": 100 });
    let code = "function handler(webhook) { return webhook }";
    world.post("/app/a/endpoint", said(&batch)).await.expect(201);
    world.patch(&transformation, json!({ "code": code })).await.expect(204);
    let answer = world.patch(&transformation, json!({ "enabled": true })).await;
    assert_eq!(answer.faults(), ["body.enabled"]);
    assert!(answer.text.contains("`batch`"), "{}", answer.text);
    world.patch(PATH, json!({ "batch": null })).await.expect(200);
    world.patch(&transformation, json!({ "enabled": true })).await.expect(204);
    let answer = world.patch(PATH, json!({ "batch": batch })).await;
    assert_eq!(answer.faults(), ["body.batch"]);
    assert!(answer.text.contains("the transformation"), "{}", answer.text);
}

#[tokio::test]
async fn a_preview_is_a_batch_of_one() {
    let world = world().await;
    let batch = json!({ "maxMessages": 10, "maxWaitMs": 100 });
    world.post("/app/a/endpoint", said(&batch)).await.expect(201);
    let asked = json!({ "endpointId": "e", "eventType": "order.paid", "payload": { "n": 1 } });
    let preview = world.post("/app/a/endpoint/preview", asked).await.expect(200);
    let body: Value = serde_json::from_str(preview["request"]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body.as_array().map(Vec::len), Some(1), "{preview}");
    assert_eq!((&body[0]["eventType"], &body[0]["payload"]), (&json!("order.paid"), &json!({ "n": 1 })));
    assert!(body[0]["id"].as_str().unwrap().starts_with("msg_") && body[0]["timestamp"].is_string(), "{body}");
}
