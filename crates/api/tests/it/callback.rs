use std::time::Duration;

use ringback_testkit::{Answer, Receiver, signature};
use serde_json::{Value, json};

use crate::harness::World;

async fn world(allowed: Value) -> World {
    let world = World::running();
    world.post("/app", json!({ "name": "A", "uid": "a", "callbackAllowList": allowed })).await.expect(201);
    world
}

fn event(callback: &str) -> Value {
    json!({ "eventType": "sms.dlr", "payload": { "n": 1.0 }, "callbackUrl": callback })
}

/// The lanes that a message has deliveries for: their ids and URLs.
async fn lanes(world: &World, message: &str) -> Vec<(String, String)> {
    let deliveries = world.get(&format!("/app/a/msg/{message}/endpoint")).await.expect(200);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    deliveries["data"].as_array().unwrap().iter().map(|one| (text(&one["id"]), text(&one["url"]))).collect()
}

#[tokio::test]
async fn a_message_goes_to_its_own_url_too_signed_and_by_a_lane_of_its_origin() {
    let (own, other) = (Receiver::start().await.unwrap(), Receiver::start().await.unwrap());
    let world = world(json!([own.url("/cb/")])).await;
    world.endpoint("a", json!({ "url": other.url("/hook") })).await;
    let first = world.post("/app/a/msg", event(&own.url("/cb/7?x=1"))).await.text_of("id");
    let second = world.post("/app/a/msg", event(&own.url("/cb/8"))).await.text_of("id");
    let arrived = own.wait_for(2, Duration::from_secs(10)).await.unwrap();
    other.wait_for(2, Duration::from_secs(10)).await.unwrap();
    let mut targets: Vec<_> = arrived.iter().map(|request| request.target.as_str()).collect();
    targets.sort_unstable();
    assert_eq!(targets, ["/cb/7?x=1", "/cb/8"]);
    assert!(arrived.iter().all(|request| request.body == r#"{"n":1.0}"#));
    let all = lanes(&world, &first).await;
    let lane = &all.iter().find(|(_, url)| url.starts_with(&own.url("/"))).unwrap().0;
    assert_eq!(all.len(), 2);
    assert!(lanes(&world, &second).await.iter().any(|(id, _)| id == lane), "one lane for the origin");
    let key = world.get(&format!("/app/a/endpoint/{lane}/secret")).await.text_of("key");
    for request in &arrived {
        signature::verify(&key, &request.headers, &request.body).unwrap();
    }
    // It is nobody's webhook: not listed, not to be changed.
    assert_eq!(world.get("/app/a/endpoint").await.expect(200)["data"].as_array().unwrap().len(), 1);
    world.get(&format!("/app/a/endpoint/{lane}")).await.expect(404);
    world.patch(&format!("/app/a/endpoint/{lane}"), json!({ "url": other.url("/") })).await.expect(404);
    world.delete(&format!("/app/a/endpoint/{lane}")).await.expect(404);
    // Its attempts are listed once they are recorded.
    let both = async {
        while world.get(&format!("/app/a/attempt/endpoint/{lane}")).await.expect(200)["data"].as_array().unwrap().len()
            < 2
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), both).await.unwrap();
}

#[tokio::test]
async fn a_dead_callback_holds_up_no_other() {
    let (dead, own) = (Receiver::start().await.unwrap(), Receiver::start().await.unwrap());
    let world = world(json!([dead.url("/"), own.url("/")])).await;
    dead.answer("/", Answer::status(200).held());
    for _ in 0..40 {
        world.post("/app/a/msg", event(&dead.url("/"))).await.expect(202);
    }
    world.post("/app/a/msg", event(&own.url("/"))).await.expect(202);
    own.wait_for(1, Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn a_callback_outside_the_allow_list_is_refused_and_nothing_is_kept() {
    let world = world(json!(["https://a.example/hooks", "https://b.example/"])).await;
    for (url, word) in [
        ("https://a.example/hooks2", "callbackAllowList"),
        ("http://a.example/hooks", "callbackAllowList"),
        ("https://b.example.evil.example/", "callbackAllowList"),
        ("https://u:p@b.example/", "user and password"),
        ("https://b.example/{{message.id}}", "placeholders"),
        ("https://forbidden/", "cannot be registered"),
        ("", "begins with"),
    ] {
        let refused = world.post("/app/a/msg", event(url)).await;
        assert_eq!(refused.faults(), ["body.callbackUrl"], "{url}");
        assert!(refused.text.contains(word), "{url}: {}", refused.text);
    }
    assert_eq!(world.get("/app/a/msg").await.expect(200)["data"], json!([]));
    world.app("b").await;
    let nothing_allowed = world.post("/app/b/msg", event("https://b.example/")).await;
    assert_eq!(nothing_allowed.faults(), ["body.callbackUrl"]);
    let null = json!({ "eventType": "t", "payload": {}, "callbackUrl": null });
    world.post("/app/b/msg", null).await.expect(202);
}
