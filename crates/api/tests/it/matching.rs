//! Which messages make a delivery for which endpoint.

use ringback_store::Store as _;
use serde_json::{Value, json};

use crate::harness::{START, World};

/// The uids of the endpoints that a message went to, and where it stands in the line of those that wait.
async fn send(world: &World, app: &str, body: Value) -> (Vec<String>, u8) {
    let id = world.post("/app/a/msg", body).await.text_of("id");
    let story = world.get(&format!("/app/a/msg/{id}/story")).await.expect(200);
    let went: Vec<_> =
        story["endpoints"].as_array().unwrap().iter().filter(|c| c["matched"] == true).cloned().collect();
    let mut uids: Vec<_> = went.iter().map(|c| c["endpointUid"].as_str().unwrap().to_owned()).collect();
    uids.sort_unstable();
    let mut priority = 0;
    if let Some(chapter) = went.first() {
        let endpoint = world.endpoint_no(app, chapter["endpointId"].as_str().unwrap()).await;
        let take = ringback_store::Take { endpoint, now: START, limit: 100, max_bytes: 1 << 20, held: Vec::new() };
        let rows = world.store.take(take).await.unwrap().rows;
        priority = rows.iter().find(|row| row.message.id.to_string() == id).unwrap().priority.0;
    }
    (uids, priority)
}

async fn world(endpoints: &[(&str, Value)]) -> (World, String) {
    let world = World::new();
    let app = world.app("a").await;
    for (uid, more) in endpoints {
        let mut body = json!({ "url": "https://example.com/", "uid": uid });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.endpoint("a", body).await;
    }
    (world, app)
}

/// Vector A8: callbacks by category. Vector C14: a webhook of a number and one of all numbers.
#[tokio::test]
async fn everything_that_matches_fires_and_filters_are_joined_by_and() {
    let (world, app) = world(&[
        ("all", json!({})),
        ("marketing", json!({ "product": "sms", "reportType": "dlr", "category": "marketing" })),
        ("notification", json!({ "product": "sms", "reportType": "dlr", "category": "notification" })),
        ("number", json!({ "product": "whatsapp", "reportType": "mo", "productUniqueId": "254700000001" })),
        ("numbers", json!({ "product": "whatsapp", "reportType": "mo" })),
        ("otp", json!({ "product": "sms", "category": "otp" })),
    ])
    .await;
    let sms = |category: &str| {
        let message = json!({ "id": "1", "to": "+254712345678", "status": "delivered" });
        json!({ "eventType": "sms.dlr", "payload": { "product": "sms", "category": category, "message": message } })
    };
    let mo = |number: &str| {
        let payload = json!({ "product": "whatsapp", "productUniqueId": number, "inbound": { "messages": [] } });
        json!({ "eventType": "whatsapp.mo", "payload": payload })
    };
    assert_eq!(send(&world, &app, sms("notification")).await.0, ["all", "notification"]);
    assert_eq!(send(&world, &app, sms("otp")).await.0, ["all", "otp"]);
    assert_eq!(send(&world, &app, sms("other")).await.0, ["all"]);
    assert_eq!(send(&world, &app, mo("254700000001")).await.0, ["all", "number", "numbers"]);
    assert_eq!(send(&world, &app, mo("254700000002")).await.0, ["all", "numbers"]);
    assert_eq!(send(&world, &app, json!({ "eventType": "order.created", "payload": {} })).await.0, ["all"]);
}

#[tokio::test]
async fn patterns_match_part_by_part() {
    let (world, app) = world(&[]).await;
    world.event_type("profile.Customer:create").await;
    for (uid, pattern) in [("customers", "profile.Customer:*"), ("created", "profile.*:create")] {
        let body = json!({ "url": "https://example.com/", "uid": uid, "eventTypes": [pattern] });
        world.endpoint("a", body).await;
    }
    let of = async |event_type: &str| send(&world, &app, json!({ "eventType": event_type, "payload": {} })).await.0;
    assert_eq!(of("profile.Customer:create").await, ["created", "customers"]);
    assert_eq!(of("profile.Customer:delete").await, ["customers"]);
    assert_eq!(of("profile.Order:create").await, ["created"]);
    assert!(of("profile.Customer.create").await.is_empty());
}

#[tokio::test]
async fn states_that_a_policy_leaves_out_make_no_delivery() {
    let (world, app) = world(&[
        ("all", json!({})),
        ("ant", json!({ "dialect": "ant" })),
        ("ant-all", json!({ "dialect": "ant", "statusPolicy": "all" })),
        ("final", json!({ "statusPolicy": "final_only" })),
        ("mask", json!({ "statusPolicy": "mask", "statusMask": 8 })),
    ])
    .await;
    let of = async |status: &str| {
        let message = json!({ "id": "1", "to": "+254712345678", "status": status });
        send(&world, &app, json!({ "eventType": "sms.dlr", "payload": { "product": "sms", "message": message } }))
            .await
            .0
    };
    assert_eq!(of("queued").await, ["all"]);
    assert_eq!(of("sent").await, ["all", "ant-all", "mask"]);
    assert_eq!(of("delivered").await, ["all", "ant", "ant-all", "final"]);
}

/// Vector A8: a one-time password waits behind nothing else.
#[tokio::test]
async fn a_report_gives_its_category_as_class_where_the_message_names_none() {
    let (world, app) = world(&[("all", json!({}))]).await;
    let body =
        |event_type: &str, category: &str| json!({ "eventType": event_type, "payload": { "category": category } });
    let otp = send(&world, &app, json!({ "eventType": "t", "payload": {}, "class": "otp" })).await.1;
    let marketing = send(&world, &app, json!({ "eventType": "t", "payload": {}, "class": "marketing" })).await.1;
    let usual = send(&world, &app, json!({ "eventType": "t", "payload": {} })).await.1;
    assert_eq!(send(&world, &app, body("sms.dlr", "otp")).await.1, otp);
    assert_eq!(send(&world, &app, body("sms.dlr", "marketing")).await.1, marketing);
    assert_eq!(send(&world, &app, body("sms.dlr", "service")).await.1, usual);
    assert_eq!(send(&world, &app, body("order.created", "otp")).await.1, usual, "only a report has a category");
    let mut named = body("sms.dlr", "otp");
    named["class"] = json!("marketing");
    assert_eq!(send(&world, &app, named).await.1, marketing, "what the message names counts");
}

#[tokio::test]
async fn reports_of_one_message_stay_in_order_where_an_endpoint_asks_for_it() {
    let (world, app) = world(&[("ordered", json!({ "ordering": "per_key" }))]).await;
    let ordering_key = async |event_type: &str, payload: Value, key: Value| {
        let body = json!({ "eventType": event_type, "payload": payload, "orderingKey": key });
        let id = world.post("/app/a/msg", body).await.text_of("id");
        world.get(&format!("/app/a/msg/{id}")).await.expect(200)["orderingKey"].clone()
    };
    let report = |id: &str| json!({ "product": "sms", "message": { "id": id, "status": "sent" } });
    assert_eq!(ordering_key("sms.dlr", report("m-1"), json!(null)).await, "m-1");
    assert_eq!(ordering_key("sms.dlr", report("m-1"), json!("own")).await, "own");
    let call = json!({ "product": "voice", "call": { "id": "c-1" } });
    assert_eq!(ordering_key("voice.call", call, json!(null)).await, "c-1");
    assert_eq!(ordering_key("order.created", report("m-1"), json!(null)).await, json!(null), "no report");
    let endpoint = world.get("/app/a/endpoint/ordered").await.text_of("id");
    let endpoint = world.endpoint_no(&app, &endpoint).await;
    let take = ringback_store::Take { endpoint, now: START, limit: 100, max_bytes: 1 << 20, held: Vec::new() };
    assert_eq!(world.store.take(take).await.unwrap().rows.len(), 4, "one of each queue, and the one that is in none");
    for _ in 0..2 {
        ordering_key("sms.dlr", report("m-1"), json!(null)).await;
    }
    let take = ringback_store::Take { endpoint, now: START, limit: 100, max_bytes: 1 << 20, held: Vec::new() };
    assert_eq!(world.store.take(take).await.unwrap().rows.len(), 4, "those behind the first of a queue wait");
}

#[tokio::test]
async fn an_endpoint_for_urls_of_messages_own_is_neither_listed_nor_matched() {
    let (world, app) = world(&[("all", json!({})), ("hidden", json!({}))]).await;
    let hidden = world.get("/app/a/endpoint/hidden").await.text_of("id");
    world.rewrite("a", &hidden, json!({ "callback": true }), None).await;
    let listed = world.get("/app/a/endpoint").await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    world.get(&format!("/app/a/endpoint/{hidden}")).await.expect(404);
    world.patch("/app/a/endpoint/hidden", json!({})).await.expect(404);
    world.delete("/app/a/endpoint/hidden").await.expect(404);
    let id = world.message("a", "t").await;
    let story = world.get(&format!("/app/a/msg/{id}/story")).await.expect(200);
    assert_eq!(story["endpoints"].as_array().unwrap().len(), 1, "{story}");
    assert_eq!(send(&world, &app, json!({ "eventType": "t", "payload": {} })).await.0, ["all"]);
}
