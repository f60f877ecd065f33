//! For how long things are kept: by policy, and until somebody has them removed.

use serde_json::{Value, json};

use crate::harness::World;

const DAY: u64 = 86_400;

/// Has the pass note what is there, and visits what is due.
async fn let_go(world: &World) {
    while world.service.read_some_words().await.unwrap() > 0 {}
    while world.service.let_go_of_some().await.unwrap() {}
}

async fn send(world: &World, body: Value) -> String {
    let mut message = json!({ "eventType": "t", "payload": { "a": 1 } });
    message.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    world.post("/app/a/msg", message).await.text_of("id")
}

async fn payload(world: &World, id: &str) -> Value {
    world.get(&format!("/app/a/msg/{id}")).await.expect(200)["payload"].clone()
}

#[tokio::test]
async fn payloads_attempts_and_messages_go_when_the_organization_says() {
    let world = World::new();
    let app = world.app("a").await;
    let endpoint = world.endpoint("a", json!({ "url": "https://example.com/" })).await;
    let days = json!({ "retentionDays": 6, "attemptRetentionDays": 7, "messageRetentionDays": 8 });
    world.patch("/organization", days).await.expect(200);
    let (short, long) = (send(&world, json!({})).await, send(&world, json!({ "payloadRetentionPeriod": 9 })).await);
    for message in [&short, &long] {
        world.attempt(&app, &endpoint, message, 200).await;
    }
    let attempts = async |id: &str| {
        let list = world.get(&format!("/app/a/attempt/msg/{id}")).await.expect(200);
        list["data"].as_array().unwrap().len()
    };
    world.advance(6);
    let_go(&world).await;
    assert_eq!(payload(&world, &short).await, json!({ "a": 1 }));
    world.advance(6 * DAY);
    let_go(&world).await;
    assert_eq!(payload(&world, &short).await, json!({ "expired": true }));
    assert_eq!((payload(&world, &long).await, attempts(&short).await), (json!({ "a": 1 }), 1));
    world.advance(DAY);
    let_go(&world).await;
    assert_eq!((attempts(&short).await, attempts(&long).await), (0, 0));
    world.advance(DAY);
    let_go(&world).await;
    world.get(&format!("/app/a/msg/{short}")).await.expect(404);
    assert_eq!(payload(&world, &long).await, json!({ "a": 1 }), "it is kept for as long as its payload");
    world.advance(DAY);
    let_go(&world).await;
    world.get(&format!("/app/a/msg/{long}")).await.expect(404);
    assert_eq!(world.get("/app/a/msg").await.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn a_payload_is_kept_for_hours_where_the_message_says_so() {
    let world = World::new();
    world.app("a").await;
    let (short, long) = (send(&world, json!({ "payloadRetentionHours": 2 })).await, send(&world, json!({})).await);
    world.advance(2 * 3_600 - 1);
    let_go(&world).await;
    assert_eq!(payload(&world, &short).await, json!({ "a": 1 }));
    world.advance(1);
    let_go(&world).await;
    assert_eq!(
        (payload(&world, &short).await, payload(&world, &long).await),
        (json!({ "expired": true }), json!({ "a": 1 }))
    );
}

#[tokio::test]
async fn a_shorter_time_holds_for_what_is_there_already() {
    let world = World::new();
    world.app("a").await;
    let message = send(&world, json!({ "payloadRetentionPeriod": 5 })).await;
    world.advance(10 * DAY);
    let_go(&world).await;
    assert_eq!(payload(&world, &message).await, json!({ "expired": true }));
    world.patch("/organization", json!({ "messageRetentionDays": 9 })).await.expect(200);
    let_go(&world).await;
    world.get(&format!("/app/a/msg/{message}")).await.expect(404);
}

#[tokio::test]
async fn what_waits_for_an_endpoint_ends_when_the_time_of_its_message_does() {
    let world = World::new();
    world.app("a").await;
    world.endpoint("a", json!({ "url": "https://example.com/", "paused": true, "uid": "paused" })).await;
    let (short, long) = (send(&world, json!({ "ttl": "10m" })).await, send(&world, json!({})).await);
    world.advance(600);
    let_go(&world).await;
    let state = async |id: &str| {
        let list = world.get(&format!("/app/a/msg/{id}/endpoint")).await.expect(200);
        (list["data"][0]["statusText"].clone(), list["data"][0]["reason"].clone())
    };
    let expired = (json!("fail"), json!("its time ended before it could be delivered"));
    assert_eq!(state(&short).await, expired);
    assert_eq!(state(&long).await.0, "pending");
    world.advance(90 * DAY);
    world.patch("/organization", json!({ "messageRetentionDays": 100 })).await.expect(200);
    let_go(&world).await;
    assert_eq!(state(&long).await, expired, "nothing waits for longer than its payload is kept");
    let message = world.get(&format!("/app/a/msg/{short}")).await.expect(200);
    assert_eq!(message["expiresAt"], "2027-01-15T08:10:00Z");
    world.post(&format!("/app/a/msg/{short}/endpoint/paused/resend"), json!({})).await.expect(400);
}

#[tokio::test]
async fn what_waits_for_a_handshake_ends_by_that_name_and_can_be_sent_again() {
    let world = World::new();
    world.app("a").await;
    let endpoint = world.endpoint("a", json!({ "url": "https://example.com/" })).await;
    world.rewrite("a", &endpoint, json!({ "verification": { "kind": "ping" } }), None).await;
    let message = send(&world, json!({ "ttl": "10m" })).await;
    world.advance(599);
    let_go(&world).await;
    let path = format!("/app/a/msg/{message}/endpoint");
    let state = async || world.get(&path).await.expect(200)["data"][0].clone();
    assert_eq!(state().await["statusText"], "pending");
    world.advance(1);
    let_go(&world).await;
    assert_eq!(state().await["statusText"], "fail");
    assert_eq!(state().await["reason"], "its time ended before the URL had passed its handshake");
    world.rewrite("a", &endpoint, json!({ "verification": { "kind": "ping", "state": "verified" } }), None).await;
    world.post(&format!("{path}/{endpoint}/resend"), json!({})).await.expect(202);
}

#[tokio::test]
async fn a_message_tells_when_it_may_be_sent() {
    let world = World::new();
    world.app("a").await;
    world.endpoint("a", json!({ "url": "https://example.com/" })).await;
    let (at, until) = ("2027-01-16T08:00:00Z", "2027-01-17T08:00:00Z");
    let body = json!({ "eventType": "t", "payload": {}, "deliverAt": at, "expiresAt": until });
    let made = world.post("/app/a/msg", body).await.expect(202);
    assert_eq!((&made["deliverAt"], &made["expiresAt"]), (&json!(at), &json!(until)));
    let path = format!("/app/a/msg/{}", made["id"].as_str().unwrap());
    let kept = world.get(&path).await.expect(200);
    assert_eq!((&kept["deliverAt"], &kept["expiresAt"]), (&json!(at), &json!(until)));
    let list = world.get(&format!("{path}/endpoint")).await.expect(200);
    assert_eq!(list["data"][0]["nextAttempt"], json!(at));
    let plain = world.post("/app/a/msg", json!({ "eventType": "t", "payload": {} })).await.expect(202);
    assert!(plain.get("deliverAt").is_none() && plain.get("expiresAt").is_none());
}

#[tokio::test]
async fn times_that_cannot_be_kept_are_refused_and_those_that_are_over_are_not() {
    let world = World::new();
    world.app("a").await;
    let post = async |body: Value| {
        let mut message = json!({ "eventType": "t", "payload": {} });
        message.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        world.post("/app/a/msg", message).await
    };
    let (soon, later) = ("2027-01-15T08:01:00Z", "2027-01-15T08:02:00Z");
    for (body, place) in [
        (json!({ "deliverAt": later, "expiresAt": soon }), "body.expiresAt"),
        (json!({ "deliverAt": soon, "expiresAt": soon }), "body.expiresAt"),
        (json!({ "ttl": "1m", "expiresAt": soon }), "body.expiresAt"),
        (json!({ "deliverAt": soon, "ttl": "1m" }), "body.ttl"),
        (json!({ "ttl": "0s" }), "body.ttl"),
        (json!({ "ttl": "soon" }), "body.ttl"),
        (json!({ "ttl": -5 }), "body.ttl"),
        (json!({ "deliverAt": "2027-04-15T08:00:00Z" }), "body.deliverAt"),
        (json!({ "deliverAt": "2027-01-22T08:00:00Z", "payloadRetentionPeriod": 7 }), "body.deliverAt"),
        (json!({ "deliverAt": "tomorrow" }), "body.deliverAt"),
    ] {
        assert_eq!(post(body.clone()).await.faults(), [place], "{body}");
    }
    for body in [
        json!({ "deliverAt": soon, "expiresAt": later }),
        json!({ "deliverAt": soon, "ttl": 61 }),
        json!({ "deliverAt": "2020-01-01T00:00:00Z" }),
        json!({ "expiresAt": "2020-01-01T00:00:00Z" }),
        json!({ "deliverAt": null, "expiresAt": null, "ttl": null }),
    ] {
        post(body).await.expect(202);
    }
}

#[tokio::test]
async fn a_repeated_request_gets_its_first_answer_after_the_time_of_its_message_too() {
    let world = World::new();
    world.app("a").await;
    let body = json!({ "eventType": "t", "payload": {}, "expiresAt": "2027-01-15T08:01:00Z" });
    let again = async |body: Value| {
        let key = [("idempotency-key", "k")];
        world.ask(&world.token, "POST", "/app/a/msg", &key, body.to_string()).await.expect(202)
    };
    let first = again(body.clone()).await;
    world.advance(120);
    assert_eq!(again(body).await, first);
}

#[tokio::test]
async fn the_content_of_a_message_is_removed_for_good() {
    let world = World::new();
    world.app("a").await;
    world.app("b").await;
    world.endpoint("a", json!({ "url": "https://example.com/", "uid": "e" })).await;
    let report = json!({ "product": "sms", "message": { "id": "m-1", "to": "254712345678", "status": "delivered" } });
    let id = world.post("/app/a/msg", json!({ "eventType": "sms.dlr", "payload": report })).await.text_of("id");
    world.advance(6);
    while world.service.read_some_words().await.unwrap() > 0 {}
    let found = async || {
        let list = world.get("/app/a/msg?search=254712345678").await.expect(200);
        list["data"].as_array().unwrap().len()
    };
    assert_eq!(found().await, 1);
    world.delete(&format!("/app/b/msg/{id}/content")).await.expect(404);
    world.delete(&format!("/app/a/msg/{id}/content")).await.expect(204);
    assert_eq!((payload(&world, &id).await, found().await), (json!({ "expired": true }), 0));
    let list = world.get(&format!("/app/a/msg/{id}/endpoint")).await.expect(200);
    let reason = "the payload was gone before it could be sent";
    assert_eq!((&list["data"][0]["statusText"], &list["data"][0]["reason"]), (&json!("fail"), &json!(reason)));
    world.delete(&format!("/app/a/msg/{id}/content")).await.expect(204);
    world.delete("/app/a/msg/msg_1srOrx2ZWZBpBUvZwXKQmoEYga2/content").await.expect(404);
}

#[tokio::test]
async fn the_answer_of_an_attempt_is_removed_for_good() {
    let world = World::new();
    let app = world.app("a").await;
    let endpoint = world.endpoint("a", json!({ "url": "https://example.com/" })).await;
    let (message, other) = (send(&world, json!({})).await, send(&world, json!({})).await);
    let attempt = world.attempt(&app, &endpoint, &message, 200).await;
    let path = format!("/app/a/msg/{message}/attempt/{attempt}");
    assert_ne!(world.get(&path).await.expect(200)["response"], "EXPUNGED");
    world.delete(&format!("/app/a/msg/{other}/attempt/{attempt}/content")).await.expect(404);
    world.delete(&format!("{path}/content")).await.expect(204);
    let after = world.get(&path).await.expect(200);
    assert_eq!((&after["response"], &after["responseStatusCode"]), (&json!("EXPUNGED"), &json!(200)));
    let token = world.app_token(&app);
    for path in [format!("{path}/content"), format!("/app/a/msg/{message}/content")] {
        world.ask(&token, "DELETE", &path, &[], String::new()).await.expect(403);
    }
}
