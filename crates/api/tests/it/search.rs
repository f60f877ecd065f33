//! Finding messages.

use serde_json::{Value, json};

use crate::harness::World;

fn report(id: &str, to: &str) -> Value {
    json!({ "product": "sms", "message": { "id": id, "to": to, "status": "delivered" } })
}

async fn found(world: &World, app: &str, query: &str) -> Vec<String> {
    let list = world.get(&format!("/app/{app}/msg?search={query}")).await.expect(200);
    list["data"].as_array().unwrap().iter().map(|message| message["id"].as_str().unwrap().to_owned()).collect()
}

async fn send(world: &World, app: &str, body: Value) -> String {
    world.post(&format!("/app/{app}/msg"), body).await.text_of("id")
}

/// Reads all that is old enough.
async fn read_words(world: &World) {
    world.advance(6);
    while world.service.read_some_words().await.unwrap() > 0 {}
}

#[tokio::test]
async fn a_message_is_found_by_the_ids_and_numbers_in_its_report_once_they_are_read() {
    let world = World::new();
    world.app("a").await;
    world.app("b").await;
    let first = send(&world, "a", json!({ "eventType": "sms.dlr", "payload": report("m-1", "+254712345678") })).await;
    world.advance(1);
    let second = send(&world, "a", json!({ "eventType": "sms.dlr", "payload": report("m-2", "254712345678") })).await;
    let other = send(&world, "b", json!({ "eventType": "sms.dlr", "payload": report("m-1", "254712345678") })).await;
    assert_eq!(found(&world, "a", "m-1").await, [""; 0]);
    world.service.read_some_words().await.unwrap();
    assert_eq!(found(&world, "a", "m-1").await, [""; 0], "a commit may still be under way");
    read_words(&world).await;
    assert_eq!(found(&world, "a", "m-1").await, std::slice::from_ref(&first));
    assert_eq!(found(&world, "b", "m-1").await, [other]);
    for number in ["254712345678", "%2B254%20712%20345%20678", "00254712345678"] {
        assert_eq!(found(&world, "a", number).await, [second.clone(), first.clone()], "{number}");
    }
    let page = world.get("/app/a/msg?search=254712345678&limit=1").await.expect(200);
    assert_eq!((&page["data"][0]["id"], &page["done"]), (&json!(second), &json!(false)));
    assert_eq!(page["data"][0]["payload"]["message"]["id"], "m-2");
    let iterator = page["iterator"].as_str().unwrap();
    let page = world.get(&format!("/app/a/msg?search=254712345678&limit=1&iterator={iterator}")).await.expect(200);
    assert_eq!((&page["data"][0]["id"], &page["done"]), (&json!(first), &json!(true)));
}

#[tokio::test]
async fn a_message_is_found_by_its_own_id_and_that_of_its_event_at_once() {
    let world = World::new();
    world.app("a").await;
    let id = send(&world, "a", json!({ "eventType": "t", "eventId": "order.7", "payload": {} })).await;
    assert_eq!(found(&world, "a", &id).await, std::slice::from_ref(&id));
    assert_eq!(found(&world, "a", "order.7").await, [id]);
    assert_eq!(found(&world, "a", "order").await, [""; 0]);
}

#[tokio::test]
async fn a_report_of_a_producers_own_shape_is_found_by_what_its_mapping_says() {
    let world = World::new();
    world.app("a").await;
    let mapping = json!({ "message.id": "sid", "message.to": "msisdn" });
    let body = json!({ "name": "acme.dlr", "description": "", "reportMapping": mapping });
    world.post("/event-type", body).await.expect(201);
    let payload = json!({ "sid": "S-9", "msisdn": "254700000009" });
    let id = send(&world, "a", json!({ "eventType": "acme.dlr", "payload": payload })).await;
    read_words(&world).await;
    assert_eq!(found(&world, "a", "S-9").await, std::slice::from_ref(&id));
    assert_eq!(found(&world, "a", "254700000009").await, [id]);
}

#[tokio::test]
async fn what_is_no_report_is_passed_over_and_holds_up_nothing() {
    let world = World::new();
    world.app("a").await;
    for payload in [json!({ "message": 7 }), json!({ "message": { "id": "x".repeat(300) } }), json!({})] {
        send(&world, "a", json!({ "eventType": "sms.dlr", "payload": payload })).await;
    }
    for _ in 0..250 {
        send(&world, "a", json!({ "eventType": "order", "payload": report("no", "254712345678") })).await;
    }
    let last = send(&world, "a", json!({ "eventType": "sms.dlr", "payload": report("last", "1") })).await;
    read_words(&world).await;
    assert_eq!(found(&world, "a", "last").await, [last]);
    assert_eq!(found(&world, "a", "no").await, [""; 0]);
}
