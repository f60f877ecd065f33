//! Payloads held against the schemas of their event types, where the organization asks for it.

use serde_json::json;

use crate::harness::World;

async fn world(validate: bool) -> World {
    let world = World::new();
    world.app("a").await;
    let schema = json!({
        "type": "object", "required": ["id"], "additionalProperties": false,
        "properties": { "id": { "type": "string" }, "items": { "type": "array", "items": { "type": "integer" } } },
    });
    let body =
        json!({ "name": "order.paid", "description": "", "schemas": { "1": { "type": "string" }, "10": schema } });
    world.post("/event-type", body).await.expect(201);
    world.patch("/organization", json!({ "validatePayloads": validate })).await.expect(200);
    world
}

async fn send(world: &World, event_type: &str, payload: serde_json::Value) -> crate::harness::Answer {
    world.post("/app/a/msg", json!({ "eventType": event_type, "payload": payload })).await
}

#[tokio::test]
async fn a_payload_that_does_not_keep_to_the_newest_schema_is_refused_and_each_place_is_named() {
    let world = world(true).await;
    send(&world, "order.paid", json!({ "id": "1", "items": [1, 2] })).await.expect(202);
    let answer = send(&world, "order.paid", json!({ "items": [1, "x"], "idd": "1" })).await;
    assert_eq!(answer.faults(), ["body.payload.id", "body.payload.items.1", "body.payload.idd"]);
    assert!(answer.text.contains("is it `id`?"), "{}", answer.text);
    send(&world, "order.other", json!({ "any": 1 })).await.expect(202);
    let batch = json!({ "messages": [
        { "eventType": "order.paid", "payload": { "id": "1" } }, { "eventType": "order.paid", "payload": {} },
    ] });
    let batch = world.post("/app/a/msg/batch", batch).await.expect(202);
    assert_eq!((&batch["data"][0]["status"], &batch["data"][1]["status"]), (&json!(202), &json!(422)));
}

#[tokio::test]
async fn reports_are_held_against_the_schema_that_every_server_knows() {
    let world = world(true).await;
    let report =
        |status: &str| json!({ "product": "sms", "message": { "id": "1", "to": "+254712345678", "status": status } });
    send(&world, "sms.dlr", report("delivered")).await.expect(202);
    let answer = send(&world, "sms.dlr", json!({ "product": "sms", "message": "1" })).await;
    assert_eq!(answer.faults(), ["body.payload.message"]);
}

#[tokio::test]
async fn nobody_is_held_to_a_schema_unasked_and_a_changed_schema_counts_at_once() {
    let world = world(false).await;
    send(&world, "order.paid", json!({})).await.expect(202);
    world.patch("/organization", json!({ "validatePayloads": true })).await.expect(200);
    send(&world, "order.paid", json!({})).await.expect(422);
    let loose = json!({ "schemas": { "11": { "type": "object" } } });
    world.patch("/event-type/order.paid", loose).await.expect(200);
    send(&world, "order.paid", json!({})).await.expect(202);
    world.patch("/event-type/order.paid", json!({ "schemas": { "1": false } })).await.expect(200);
    assert_eq!(send(&world, "order.paid", json!({})).await.faults(), ["body.payload"]);
    world.delete("/event-type/order.paid?expunge=true").await.expect(204);
    send(&world, "order.paid", json!({})).await.expect(202);
}

#[tokio::test]
async fn a_product_that_gainsays_the_event_type_is_refused_with_what_was_meant() {
    let world = world(true).await;
    let report = |product: &serde_json::Value| json!({ "product": product, "message": { "id": "1", "to": "1", "status": "sent" } });
    for product in [json!("SMS"), json!("whatsapp"), json!(5)] {
        let answer = send(&world, "sms.dlr", report(&product)).await;
        assert_eq!(answer.faults(), ["body.payload.product"], "{product}");
        assert!(answer.text.contains("is it `sms`?"), "{}", answer.text);
    }
    send(&world, "sms.dlr", report(&json!("sms"))).await.expect(202);
    let unwatched = send(&world, "sms.mo", json!({ "product": "whatsapp", "inbound": {} })).await;
    assert_eq!(unwatched.faults(), ["body.payload.product"], "without a schema, too");
    world.patch("/organization", json!({ "validatePayloads": false })).await.expect(200);
    send(&world, "sms.dlr", report(&json!("SMS"))).await.expect(202);
}
