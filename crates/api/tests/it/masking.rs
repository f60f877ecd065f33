//! Phone numbers where the organization has them masked: the API answers a link as its pages do.

use serde_json::{Value, json};

use crate::harness::World;

const NUMBER: &str = "254712345678";
const SHOWN: &str = "••••••78";

/// A world with a message that is full of numbers, and its places below `/app/a`: what can be masked, and what cannot.
async fn furnished() -> (World, Vec<String>, [(&'static str, String, Value); 1]) {
    let world = World::new();
    let app = world.app("a").await;
    world.event_type("t").await;
    let filter = json!({ "payload": { "to": "nobody" } });
    world.endpoint("a", json!({ "url": "https://b.example/", "filter": filter })).await;
    let endpoint = world.endpoint("a", json!({ "url": format!("https://a.example/?to={NUMBER}") })).await;
    world.post("/app/a/destination", json!({ "type": "pollingEndpoint", "uid": "sink" })).await.expect(201);
    let message = world
        .post(
            "/app/a/msg",
            json!({
                "eventType": "t", "eventId": format!("id-{NUMBER}"), "channels": [format!("to-{NUMBER}")],
                "tags": [NUMBER], "orderingKey": NUMBER, "payload": { "to": format!("+{NUMBER}"), "n": 254_712_345_678_i64 },
            }),
        )
        .await
        .text_of("id");
    let attempt = world.attempt(&app, &endpoint, &message, 200).await;
    let places = [
        "/msg".to_owned(),
        format!("/msg?search={NUMBER}"),
        format!("/msg?search=id-{NUMBER}"),
        format!("/msg/{message}"),
        format!("/msg/{message}/story"),
        format!("/msg/{message}/attempt/{attempt}"),
        format!("/attempt/msg/{message}"),
        format!("/attempt/endpoint/{endpoint}"),
        format!("/endpoint/{endpoint}/msg"),
        "/poller/sink".to_owned(),
        "/poller/sink/consumer/c".to_owned(),
        "/polling-endpoint/sink/consumer/d".to_owned(),
    ];
    let refused = [("POST", format!("/msg/{message}/filter"), json!({ "filter": { "type": "t" } }))];
    (world, places.to_vec(), refused)
}

async fn link(world: &World, capabilities: &[&str]) -> String {
    world.post("/auth/app-portal-access/a", json!({ "capabilities": capabilities })).await.text_of("token")
}

#[tokio::test]
async fn a_link_that_shows_no_secrets_shows_no_numbers_either() {
    let (world, places, refused) = furnished().await;
    let without = link(&world, &["ViewBase", "CreateAttempts"]).await;
    let with = link(&world, &["ViewBase", "CreateAttempts", "ViewEndpointSecret"]).await;
    for place in &places {
        let answer = world.ask(&without, "GET", &format!("/app/a{place}"), &[], "").await;
        answer.expect(200);
        assert!(!answer.text.contains(SHOWN), "nothing is masked yet: {place} {}", answer.text);
    }
    world.patch("/organization", json!({ "maskNumbers": true })).await.expect(200);
    world.advance(60);
    let mut told = 0;
    for place in &places {
        let path = format!("/app/a{place}");
        let masked = world.ask(&without, "GET", &path, &[], "").await;
        masked.expect(200);
        // The URL of an endpoint is what its owner wrote.
        let text = masked.text.replace(&format!("https://a.example/?to={NUMBER}"), "");
        assert!(!text.contains(NUMBER), "{place}: {text}");
        told += usize::from(text.contains(SHOWN));
        let whole = world.ask(&with, "GET", &path, &[], "").await;
        assert!(!whole.text.contains(SHOWN), "{place}: {}", whole.text);
        let operator = world.get(&path).await;
        assert!(!operator.text.contains(SHOWN), "{place}: {}", operator.text);
    }
    assert!(told > 6, "{told}");
    for (method, place, body) in &refused {
        let path = format!("/app/a{place}");
        world.ask(&without, method, &path, &[], body.to_string()).await.expect(403);
        world.ask(&with, method, &path, &[], body.to_string()).await.expect(200);
    }
}

#[tokio::test]
async fn a_masked_payload_is_json_of_the_same_form() {
    let (world, ..) = furnished().await;
    world.patch("/organization", json!({ "maskNumbers": true })).await.expect(200);
    let token = link(&world, &["ViewBase"]).await;
    let listed = world.ask(&token, "GET", "/app/a/msg", &[], "").await.expect(200);
    let message = &listed["data"][0];
    assert_eq!(message["payload"], json!({ "to": format!("+{SHOWN}"), "n": SHOWN }));
    assert_eq!(message["eventId"], format!("id-{SHOWN}"));
    assert_eq!((&message["channels"], &message["tags"]), (&json!([format!("to-{SHOWN}")]), &json!([SHOWN])));
}
