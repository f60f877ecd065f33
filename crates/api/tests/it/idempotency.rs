use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;

use crate::harness::World;

const MESSAGE: &str = r#"{"eventType":"t","payload":{"a":1},"eventId":"e","channels":["c"]}"#;

#[tokio::test]
async fn sixty_four_parallel_requests_with_one_key_make_one_message() {
    let world = World::new();
    world.app("a").await;
    let asks = (0..64).map(|_| world.ask(&world.token, "POST", "/app/a/msg", &[("idempotency-key", "k")], MESSAGE));
    let answers = futures_util::future::join_all(asks).await;
    let texts: HashSet<String> = answers
        .iter()
        .map(|answer| {
            answer.expect(202);
            answer.text.clone()
        })
        .collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert_eq!(world.get("/app/a/msg").await.expect(200)["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn every_post_repeats_its_first_answer_and_refuses_another_body() {
    let world = World::new();
    world.app("a").await;
    world.endpoint("a", json!({ "url": "https://example.com/", "uid": "e" })).await;
    let plain = r#"{"eventType":"t","payload":{}}"#;
    for (path, body, other) in [
        ("/app", r#"{"name":"n","uid":"u"}"#, r#"{"name":"n","uid":"v"}"#),
        ("/app/a/endpoint", r#"{"url":"https://example.com/","uid":"f"}"#, r#"{"url":"https://example.com/2"}"#),
        ("/app/a/endpoint/e/secret/rotate", "{}", r#"{"gracePeriodSeconds":1}"#),
        ("/event-type", r#"{"name":"t","description":""}"#, r#"{"name":"u","description":""}"#),
        ("/app/a/msg", MESSAGE, plain),
    ] {
        let key = [("idempotency-key", path)];
        let first = world.ask(&world.token, "POST", path, &key, body).await;
        assert!(first.status.is_success(), "{path}: {}", first.text);
        world.advance(60);
        let again = world.ask(&world.token, "POST", path, &key, body).await;
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{path}");
        let slash = world.ask(&world.token, "POST", &format!("{path}/"), &key, body).await;
        assert_eq!(slash.text, first.text, "{path}");
        let reused = world.ask(&world.token, "POST", path, &key, other).await;
        assert_eq!(reused.expect(409)["code"], "idempotency_key_reused", "{path}");
    }
    let secret = world.get("/app/a/endpoint/e/secret").await;
    let key = [("idempotency-key", "/app/a/endpoint/e/secret/rotate")];
    world.ask(&world.token, "POST", "/app/a/endpoint/e/secret/rotate", &key, "{}").await.expect(200);
    assert_eq!(world.get("/app/a/endpoint/e/secret").await.text, secret.text, "a rotation happens once");
}

#[tokio::test]
async fn a_key_is_free_again_after_its_time_and_is_not_used_up_by_a_refusal() {
    let world = World::new();
    world.app("a").await;
    let plain = r#"{"eventType":"t","payload":{}}"#;
    let ask = async |key: &str, body: &str| {
        world.ask(&world.token, "POST", "/app/a/msg", &[("idempotency-key", key)], body.to_owned()).await
    };
    ask("k", "{}").await.expect(422);
    let (chosen, library) = (ask("k", plain).await.text_of("id"), ask("auto_k", plain).await.text_of("id"));
    world.clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(ask("k", plain).await.text_of("id"), chosen);
    assert_ne!(ask("auto_k", plain).await.text_of("id"), library);
    world.clock.advance(Duration::from_secs(24 * 3_600));
    assert_ne!(ask("k", plain).await.text_of("id"), chosen);
}

#[tokio::test]
async fn a_key_given_twice_is_refused() {
    let world = World::new();
    world.app("a").await;
    let twice = [("idempotency-key", "k"), ("idempotency-key", "l")];
    let answer = world.ask(&world.token, "POST", "/app/a/msg", &twice, MESSAGE).await;
    assert_eq!(answer.faults(), ["header.idempotency-key"]);
}

#[tokio::test]
async fn keys_have_their_bounds() {
    let world = World::new();
    world.app("a").await;
    for key in ["", &"k".repeat(257), "é"] {
        let answer = world.ask(&world.token, "POST", "/app/a/msg", &[("idempotency-key", key)], MESSAGE).await;
        assert_eq!(answer.faults(), ["header.idempotency-key"], "{key}");
    }
}

#[tokio::test]
async fn a_repeated_request_is_answered_even_when_the_thing_has_changed_since() {
    let world = World::new();
    world.app("a").await;
    let key = [("idempotency-key", "k")];
    let first =
        world.ask(&world.token, "POST", "/app/a/endpoint", &key, r#"{"url":"https://example.com/","uid":"e"}"#).await;
    let id = first.text_of("id");
    world.delete(&format!("/app/a/endpoint/{id}")).await.expect(204);
    let again =
        world.ask(&world.token, "POST", "/app/a/endpoint", &key, r#"{"url":"https://example.com/","uid":"e"}"#).await;
    assert_eq!(again.expect(201)["id"], json!(id));
}
