//! Many messages in one request.

use serde_json::{Value, json};

use crate::harness::{Answer, World};

fn statuses(answer: &Answer) -> Vec<u64> {
    let data = answer.expect(202)["data"].clone();
    data.as_array().unwrap().iter().map(|item| item["status"].as_u64().unwrap()).collect()
}

fn message(event_id: &str) -> Value {
    json!({ "eventType": "t", "eventId": event_id, "payload": { "z": 1, "a": "1.0" } })
}

#[tokio::test]
async fn each_message_is_accepted_or_refused_on_its_own_and_in_its_place() {
    let world = World::new();
    world.app("a").await;
    world.endpoint("a", json!({ "url": "https://example.com/" })).await;
    world.post("/app/a/msg", message("old")).await.expect(202);
    let body = r#"{"messages":[{"eventType":"t","payload":{"b":1.50,"a":2}},{"eventType":"t","eventId":"old","payload":{}},
        {"payload":{}},7,{"eventType":"","payload":{}},{"eventType":"t","payload":[]},{"eventType":"t","eventId":"new","payload":{}}]}"#;
    let answer = world.ask(&world.token, "POST", "/app/a/msg/batch", &[], body).await;
    assert_eq!(statuses(&answer), [202, 409, 422, 422, 422, 422, 202]);
    let data = answer.json()["data"].clone();
    assert_eq!(data[1]["error"]["code"], "conflict");
    assert_eq!(data[4]["error"]["detail"][0]["loc"], json!(["body", "eventType"]));
    assert_eq!((&data[0]["message"]["payload"], &data[1]["message"]), (&json!({}), &Value::Null));
    for item in [&data[0], &data[6]] {
        let id = item["message"]["id"].as_str().unwrap();
        world.get(&format!("/app/a/msg/{id}")).await.expect(200);
        let deliveries = world.get(&format!("/app/a/msg/{id}/endpoint")).await.expect(200);
        assert_eq!(deliveries["data"].as_array().unwrap().len(), 1);
    }
    let id = data[0]["message"]["id"].as_str().unwrap();
    let read = world.get(&format!("/app/a/msg/{id}")).await;
    assert!(read.text.contains(r#"{"b":1.50,"a":2}"#), "{}", read.text);
    let with_content = world.post("/app/a/msg/batch?with_content=true", json!({ "messages": [message("x")] })).await;
    assert_eq!(with_content.expect(202)["data"][0]["message"]["payload"], json!({ "z": 1, "a": "1.0" }));
}

#[tokio::test]
async fn one_key_answers_for_all_of_them_again() {
    let world = World::new();
    world.app("a").await;
    let body = json!({ "messages": [message("1"), { "eventType": "t" }, message("1"), message("2")] }).to_string();
    let ask = |body: String| world.ask(&world.token, "POST", "/app/a/msg/batch", &[("idempotency-key", "k")], body);
    let first = ask(body.clone()).await;
    assert_eq!(statuses(&first), [202, 422, 409, 202]);
    world.advance(5);
    let again = ask(body.clone()).await;
    assert_eq!(again.text, first.text);
    assert_eq!(world.get("/app/a/msg").await.expect(200)["data"].as_array().unwrap().len(), 2);
    assert_eq!(ask(body.replace('2', "3")).await.expect(409)["code"], "idempotency_key_reused");
}

#[tokio::test]
async fn the_size_of_a_request_is_bounded() {
    let world = World::new();
    world.app("a").await;
    let send = |count: usize| {
        let messages: Vec<_> = (0..count).map(|_| json!({ "eventType": "t", "payload": {} })).collect();
        world.post("/app/a/msg/batch", json!({ "messages": messages }))
    };
    assert_eq!(statuses(&send(1_000).await), [202; 1_000]);
    for count in [0, 1_001] {
        assert_eq!(send(count).await.faults(), ["body.messages"]);
    }
    world.post("/app/none/msg/batch", json!({ "messages": [message("1")] })).await.expect(404);
    let large = |mib: usize| json!({ "eventType": "t", "payload": { "large": "x".repeat(mib * 1_023 * 1_024) } });
    let answer = world.post("/app/a/msg/batch", json!({ "messages": [large(2), large(3), large(1)] })).await;
    assert_eq!(statuses(&answer), [202, 413, 202]);
    world.post("/app/a/msg/batch", json!({ "messages": [large(9)] })).await.expect(413);
}

#[tokio::test]
async fn an_application_may_come_along_with_a_message() {
    let world = World::new();
    let message = json!({ "eventType": "t", "payload": {}, "application": { "name": "new", "uid": "new" } });
    let wrong = json!({ "eventType": "t", "payload": {}, "application": { "name": "new", "uid": "other" } });
    let answer = world.post("/app/new/msg/batch", json!({ "messages": [wrong, message] })).await;
    assert_eq!(statuses(&answer), [422, 202]);
}
