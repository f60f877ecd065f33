//! How much may be handed in for an application.

use serde_json::json;

use crate::harness::{Answer, World};

async fn send(world: &World) -> Answer {
    world.post("/app/a/msg", json!({ "eventType": "t", "payload": { "text": "0123456789" } })).await
}

#[tokio::test]
async fn more_messages_a_second_than_are_allowed_are_told_when_to_come_back() {
    let world = World::new();
    world.app("a").await;
    world.app("b").await;
    world.patch("/app/a", json!({ "ingestRate": 2 })).await.expect(200);
    for _ in 0..2 {
        send(&world).await.expect(202);
    }
    let refused = send(&world).await;
    assert_eq!(refused.expect(429)["code"], "rate_limited");
    assert_eq!(refused.headers["retry-after"], "1");
    world.post("/app/b/msg", json!({ "eventType": "t", "payload": {} })).await.expect(202);
    world.advance(1);
    send(&world).await.expect(202);
    // Many at once are owed by those after them.
    world.advance(10);
    let message = json!({ "eventType": "t", "payload": {} });
    world.post("/app/a/msg/batch", json!({ "messages": vec![message; 10] })).await.expect(202);
    world.advance(3);
    send(&world).await.expect(429);
    world.advance(2);
    send(&world).await.expect(202);
    world.patch("/app/a", json!({ "ingestRate": null })).await.expect(200);
    for _ in 0..5 {
        send(&world).await.expect(202);
    }
}

#[tokio::test]
async fn more_than_may_be_kept_is_refused_until_something_has_gone() {
    let world = World::new();
    world.app("a").await;
    world.patch("/app/a", json!({ "storageQuota": 40 })).await.expect(200);
    let first = send(&world).await.text_of("id");
    send(&world).await.expect(202);
    world.advance(6);
    while world.service.read_some_words().await.unwrap() > 0 {}
    let refused = send(&world).await;
    assert_eq!(refused.expect(429)["code"], "quota_reached");
    assert_eq!(refused.headers["retry-after"], "300");
    world.delete(&format!("/app/a/msg/{first}/content")).await.expect(204);
    world.advance(1);
    send(&world).await.expect(202);
}

#[tokio::test]
async fn the_limits_of_an_application_are_the_operators_to_set() {
    let world = World::new();
    let body = json!({ "name": "A", "uid": "a", "ingestRate": 7, "storageQuota": 1_000_000 });
    let made = world.post("/app", body.clone()).await.expect(201);
    assert_eq!((&made["ingestRate"], &made["storageQuota"]), (&json!(7), &json!(1_000_000)));
    let patched = world.patch("/app/a", json!({ "name": "B" })).await.expect(200);
    assert_eq!(patched["ingestRate"], 7);
    let put = world.put("/app/a", json!({ "name": "B", "uid": "a" })).await.expect(200);
    assert_eq!((&put["ingestRate"], &put["storageQuota"]), (&json!(null), &json!(null)));
    for (member, value) in
        [("ingestRate", 0_u64), ("ingestRate", 1_000_001), ("storageQuota", 0), ("storageQuota", 1 << 53)]
    {
        let answer = world.patch("/app/a", json!({ member: value })).await;
        assert_eq!(answer.faults(), [format!("body.{member}")], "{value}");
    }
    let token = world.app_token(made["id"].as_str().unwrap());
    world.ask(&token, "PATCH", "/app/a", &[], json!({ "ingestRate": 9 }).to_string()).await.expect(403);
}
