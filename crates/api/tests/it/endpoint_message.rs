//! The messages of one endpoint, and an example sent to it.

use serde_json::json;

use crate::harness::World;

#[tokio::test]
async fn the_messages_of_an_endpoint_are_listed_with_their_states() {
    let world = World::new();
    let app = world.app("a").await;
    world.event_type("t").await;
    world.event_type("other").await;
    let endpoint = world.endpoint("a", json!({ "url": "https://example.com/", "eventTypes": ["t"], "uid": "e" })).await;
    let mut sent = Vec::new();
    for _ in 0..3 {
        world.advance(1);
        sent.push(world.message("a", "t").await);
    }
    world.message("a", "other").await;
    world.attempt(&app, &endpoint, &sent[0], 200).await;
    world.attempt(&app, &endpoint, &sent[1], 500).await;
    let path = "/app/a/endpoint/e/msg";
    let all = world.get(path).await.expect(200);
    let states: Vec<_> =
        all["data"].as_array().unwrap().iter().map(|m| (m["id"].clone(), m["status"].clone())).collect();
    assert_eq!(states, [(json!(sent[2]), json!(1)), (json!(sent[1]), json!(1)), (json!(sent[0]), json!(0))]);
    let first = &all["data"][0];
    assert_eq!((&first["statusText"], &first["payload"]), (&json!("pending"), &json!({ "a": 1 })));
    assert!(first["nextAttempt"].is_string());
    let succeeded = world.get(&format!("{path}?status=0&with_content=false")).await.expect(200);
    assert_eq!(succeeded["data"][0]["id"], json!(sent[0]));
    assert_eq!((&succeeded["data"][0]["payload"], succeeded["data"].as_array().unwrap().len()), (&json!({}), 1));
    assert_eq!(world.get(&format!("{path}?event_types=other")).await.expect(200)["data"], json!([]));
    let page = world.get(&format!("{path}?limit=2")).await.expect(200);
    assert_eq!(page["done"], false);
    let next = world.get(&format!("{path}?limit=2&iterator={}", page["iterator"].as_str().unwrap())).await.expect(200);
    assert_eq!((&next["data"][0]["id"], &next["done"]), (&json!(sent[0]), &json!(true)));
    world.get(&format!("{path}?status=9")).await.expect(422);
}

#[tokio::test]
async fn an_example_goes_to_its_endpoint_alone_whatever_the_filter() {
    let world = World::new();
    world.app("a").await;
    world.event_type("t").await;
    world.endpoint("a", json!({ "url": "https://example.com/", "eventTypes": ["t"], "uid": "e" })).await;
    world.endpoint("a", json!({ "url": "https://example.com/" })).await;
    let path = "/app/a/endpoint/e/send-example";
    let ping = world.post(path, json!({ "eventType": "svix.ping" })).await.expect(200);
    assert_eq!(ping["payload"], json!({ "success": true }));
    let went = world.get(&format!("/app/a/msg/{}/endpoint", ping["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(went["data"].as_array().unwrap().len(), 1);
    let report = world.post(path, json!({ "eventType": "sms.dlr" })).await.expect(200);
    assert!(report["payload"]["message"]["id"].is_string(), "{report}");
    let refused = world.post(path, json!({ "eventType": "t" })).await.expect(400);
    assert_eq!(refused["code"], "invalid_scheme");
    assert!(refused["detail"].as_str().unwrap().contains("`examples`"), "{refused}");
    assert_eq!(world.post(path, json!({ "eventType": "unknown" })).await.expect(404)["code"], "not_found");
    assert_eq!(world.post(path, json!({ "eventType": "no such name" })).await.faults(), ["body.eventType"]);
    let schema = json!({ "1": { "examples": [{ "n": 0 }, { "n": 1 }] } });
    world.patch("/event-type/t", json!({ "schemas": schema })).await.expect(200);
    for (more, payload) in [
        (json!({}), json!({ "n": 0 })),
        (json!({ "exampleIndex": 1 }), json!({ "n": 1 })),
        (json!({ "payload": { "own": 1.50 } }), json!({ "own": 1.5 })),
    ] {
        let mut body = json!({ "eventType": "t" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(world.post(path, body).await.expect(200)["payload"], payload);
    }
    let beyond = world.post(path, json!({ "eventType": "t", "exampleIndex": 2 })).await;
    assert_eq!(beyond.faults(), ["body.exampleIndex"]);
    assert_eq!(world.post(path, json!({ "eventType": "t", "payload": [] })).await.faults(), ["body.payload"]);
    let customer = world.app_token(&world.get("/app/a").await.text_of("id"));
    let own = json!({ "eventType": "t", "payload": {} }).to_string();
    world.ask(&customer, "POST", path, &[], own).await.expect(403);
    world.ask(&customer, "POST", path, &[], json!({ "eventType": "t" }).to_string()).await.expect(200);
    world.patch("/app/a/endpoint/e", json!({ "disabled": true })).await.expect(200);
    let refused = world.post(path, json!({ "eventType": "svix.ping" })).await;
    assert_eq!(refused.expect(400)["code"], "endpoint_disabled");
}

#[tokio::test]
async fn the_same_example_asked_for_under_one_key_is_sent_once() {
    let world = World::new();
    world.app("a").await;
    world.endpoint("a", json!({ "url": "https://example.com/", "uid": "e" })).await;
    let ask = || {
        let body = json!({ "eventType": "svix.ping" }).to_string();
        world.ask(&world.token, "POST", "/app/a/endpoint/e/send-example", &[("idempotency-key", "k")], body)
    };
    let (first, again) = (ask().await.text_of("id"), ask().await.text_of("id"));
    assert_eq!(first, again);
    assert_eq!(world.get("/app/a/msg").await.expect(200)["data"].as_array().unwrap().len(), 1);
}
