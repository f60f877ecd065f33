use std::time::Duration;

use ringback_testkit::{Answer as Reply, Receiver};
use serde_json::{Value, json};

use crate::harness::World;

const LIMIT: Duration = Duration::from_secs(10);
const KEY: &str = "9012XX";

/// An endpoint of application `a` at this URL that has to pass the token handshake of this mode; its id.
async fn endpoint(world: &World, url: &str, verification: Value) -> String {
    world.app("a").await;
    let endpoint = world.endpoint("a", json!({ "url": url, "ordering": "fifo" })).await;
    world.rewrite("a", &endpoint, json!({ "verification": verification }), Some(KEY)).await;
    endpoint
}

async fn verify(world: &World, endpoint: &str) -> Value {
    world.post(&format!("/app/a/endpoint/{endpoint}/verify"), json!({})).await.expect(200)
}

fn reply(status: u16, body: &str) -> Reply {
    Reply::status(status).body(body.to_owned())
}

#[tokio::test]
async fn every_answer_of_the_source_document_is_judged_as_it_says() {
    let (world, receiver) = (World::new(), Receiver::start().await.unwrap());
    let endpoint = endpoint(&world, &receiver.url("/receive/callback"), json!({ "kind": "token" })).await;
    for (answer, state) in [
        (reply(200, r#"{"validation_key":"9012XX"}"#).header("content-type", "text/plain"), "verified"),
        (reply(200, "\u{feff} {\"validation_key\":\"9012XX\",\"other\":[1]}\n"), "verified"),
        (reply(200, r#"{"validation_key":"9012XX","validation_key":"9012XX"}"#), "verified"),
        (reply(201, r#"{"validation_key":"9012XX"}"#), "failed"),
        (reply(202, r#"{"validation_key":"9012XX"}"#), "failed"),
        (reply(204, ""), "failed"),
        (reply(302, r#"{"validation_key":"9012XX"}"#).header("location", "/elsewhere"), "failed"),
        (reply(200, "a234qwe"), "failed"),
        (reply(200, "[]"), "failed"),
        (reply(200, ""), "failed"),
        (reply(200, r#"{"challenge":"zzz","validation_key":"9012XX"}"#), "failed"),
        (reply(200, r#"{"validation_key":"9012XX","validation_key":"zzz"}"#), "failed"),
        (reply(200, &format!("{}{}", " ".repeat(70_000), r#"{"validation_key":"9012XX"}"#)), "failed"),
        (Reply::close(), "failed"),
        (reply(200, r#"{"validation_key":"9012XX"}"#), "verified"),
    ] {
        receiver.answer("/receive/callback", answer.clone());
        world.advance(10);
        let verified = verify(&world, &endpoint).await;
        assert_eq!(verified["state"], state, "{answer:?}: {verified}");
        assert_eq!(verified["reason"].is_string(), state == "failed", "{verified}");
    }
    assert!(receiver.requests_to("/elsewhere").is_empty());
}

#[tokio::test]
async fn the_request_is_that_of_the_source_document_and_its_key_is_shown_to_nobody() {
    let (world, receiver) = (World::new(), Receiver::start().await.unwrap());
    let endpoint = endpoint(&world, &receiver.url("/cb?a=1"), json!({ "kind": "token" })).await;
    receiver.answer("/cb", reply(200, r#"{"validation_key":"9012XX"}"#));
    let verified = verify(&world, &endpoint).await;
    let request = &receiver.requests()[0];
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/cb?a=1&token=9012XX"));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let challenge = body["challenge"].as_str().unwrap();
    assert_eq!(request.text(), format!(r#"{{"validation_key":"9012XX","challenge":"{challenge}"}}"#));
    assert_eq!((request.header("content-type"), challenge.len()), (Some("application/json"), 22));
    let text = verified.to_string();
    assert!(!text.contains(KEY), "{text}");
    assert_eq!(verified["exchange"]["response"]["body"], r#"{"validation_key":"****"}"#);
    assert!(verified["exchange"]["request"]["url"].as_str().unwrap().ends_with("/cb?a=1&token=%2A%2A%2A%2A"));
    assert!(verified["exchange"]["timings"]["total"].as_f64().unwrap() > 0.0);
    assert_eq!(verified["checkedAt"], "2027-01-15T08:00:00Z");
    verify(&world, &endpoint).await;
    assert_ne!(receiver.requests()[1].text(), request.text(), "a challenge is good for one try");
    assert_eq!(receiver.connections(), 2, "a handshake has a connection of its own");
}

#[tokio::test]
async fn a_try_that_is_under_way_is_told_until_it_has_ended() {
    let (world, receiver) = (World::new(), Receiver::start().await.unwrap());
    receiver.answer("/cb", reply(200, "{}").held());
    world.app("a").await;
    let said =
        json!({ "url": receiver.url("/cb"), "uid": "e", "verification": { "kind": "token", "validationKey": KEY } });
    let made = world.post("/app/a/endpoint", said).await.expect(201);
    assert_eq!(made["verification"]["state"], "unverified");
    let state = async || {
        let one = world.get("/app/a/endpoint/e").await.expect(200)["verification"]["state"].clone();
        let listed = world.get("/app/a/endpoint").await.expect(200)["data"][0]["verification"]["state"].clone();
        (one, listed)
    };
    receiver.wait_for(1, LIMIT).await.unwrap();
    assert_eq!(state().await, (json!("verifying"), json!("verifying")));
    receiver.release();
    while state().await.0 == "verifying" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(state().await.0, "failed");
}

#[tokio::test]
async fn messages_are_held_until_the_handshake_passes_and_then_arrive_in_order() {
    let (world, receiver) = (World::running(), Receiver::start().await.unwrap());
    let endpoint = endpoint(&world, &receiver.url("/cb"), json!({ "kind": "token" })).await;
    for number in 1..=3 {
        let body = json!({ "eventType": "sms.dlr", "payload": { "number": number } });
        world.post("/app/a/msg", body).await.expect(202);
    }
    receiver.answer("/cb", reply(200, "{}"));
    assert_eq!(verify(&world, &endpoint).await["state"], "failed");
    receiver.answer("/cb", reply(200, r#"{"validation_key":"9012XX"}"#));
    assert_eq!(receiver.requests().len(), 1, "nothing but the handshake was sent");
    assert_eq!(verify(&world, &endpoint).await["state"], "verified");
    let requests = receiver.wait_for(5, LIMIT).await.unwrap();
    let bodies: Vec<_> = requests[2..].iter().map(|request| request.text()).collect();
    assert_eq!(bodies, [r#"{"number":1}"#, r#"{"number":2}"#, r#"{"number":3}"#]);
    assert!(requests[2].header("webhook-signature").is_some());
}

#[tokio::test]
async fn saved_endpoints_of_an_application_make_no_more_tries_than_a_minute_allows() {
    let (world, receiver) = (World::new(), Receiver::start().await.unwrap());
    receiver.answer("/cb", reply(200, r#"{"validation_key":"9012XX"}"#));
    world.app("a").await;
    let verification = json!({ "kind": "token", "validationKey": KEY });
    let saved = json!({ "url": receiver.url("/cb"), "verification": verification });
    let mut last = String::new();
    for _ in 0..103 {
        last = world.endpoint("a", saved.clone()).await;
    }
    receiver.wait_for(100, LIMIT).await.unwrap();
    // It is saved again while its try waits, and somebody asks for one, which is another matter.
    let path = format!("/app/a/endpoint/{last}");
    world.put(&path, json!({ "url": receiver.url("/other"), "verification": verification })).await.expect(200);
    receiver.answer("/other", reply(200, "{}"));
    assert_eq!(verify(&world, &last).await["state"], "failed");
    assert_eq!(receiver.requests_to("/cb").len(), 100);
    assert_eq!(receiver.requests_to("/other").len(), 1);
}

#[tokio::test]
async fn what_was_held_leaves_in_the_order_of_acceptance_whatever_its_class() {
    let (world, receiver) = (World::running(), Receiver::start().await.unwrap());
    let endpoint = endpoint(&world, &receiver.url("/cb"), json!({ "kind": "token" })).await;
    let classes = ["marketing", "otp", "transactional", "notification", "marketing", "otp"];
    for (number, class) in classes.into_iter().enumerate() {
        let body = json!({ "eventType": "order.created", "class": class, "payload": { "number": number } });
        world.post("/app/a/msg", body).await.expect(202);
    }
    receiver.answer("/cb", reply(200, r#"{"validation_key":"9012XX"}"#));
    assert_eq!(verify(&world, &endpoint).await["state"], "verified");
    let requests = receiver.wait_for(7, LIMIT).await.unwrap();
    let bodies: Vec<_> = requests[1..].iter().map(|request| request.text()).collect();
    assert_eq!(bodies, [0, 1, 2, 3, 4, 5].map(|number| format!(r#"{{"number":{number}}}"#)));
}

#[tokio::test]
async fn a_new_url_takes_the_place_of_the_old_one_when_it_passes() {
    let (world, receiver) = (World::new(), Receiver::start().await.unwrap());
    let (old, new) = (receiver.url("/old"), receiver.url("/new"));
    let moving = json!({ "kind": "token", "state": "verified", "pendingUrl": new });
    let endpoint = endpoint(&world, &old, moving).await;
    let path = format!("/app/a/endpoint/{endpoint}");
    receiver.answer("/new", reply(500, ""));
    let verified = verify(&world, &endpoint).await;
    assert_eq!((&verified["state"], &verified["pendingUrl"]), (&json!("verified"), &json!(new)));
    assert!(verified["reason"].as_str().unwrap().contains("500"), "{verified}");
    assert_eq!(world.get(&path).await.expect(200)["url"], old);
    receiver.answer("/new", reply(200, r#"{"validation_key":"9012XX"}"#));
    let verified = verify(&world, &endpoint).await;
    assert!(verified["pendingUrl"].is_null() && verified["reason"].is_null(), "{verified}");
    assert_eq!(world.get(&path).await.expect(200)["url"], new);
    assert!(receiver.requests_to("/old").is_empty());
}

#[tokio::test]
async fn the_other_kinds_are_made_and_judged_by_their_own_rules() {
    let (world, receiver) = (World::new(), Receiver::start().await.unwrap());
    let endpoint = endpoint(&world, &receiver.url("/cb"), json!({ "kind": "ping" })).await;
    receiver.answer("/cb", reply(204, ""));
    assert_eq!(verify(&world, &endpoint).await["state"], "verified");
    assert_eq!(receiver.requests()[0].text(), "{}");
    receiver.answer("/cb", reply(401, ""));
    let refused = verify(&world, &endpoint).await;
    assert_eq!(refused["state"], "failed");
    assert!(refused["reason"].as_str().unwrap().contains("secret"), "{refused}");
    for (kind, query) in [("echo", "echostr="), ("hub_challenge", "hub.mode=subscribe&hub.challenge=")] {
        world.rewrite("a", &endpoint, json!({ "verification": { "kind": kind } }), None).await;
        receiver.answer("/cb", reply(200, "not the challenge"));
        assert_eq!(verify(&world, &endpoint).await["state"], "failed");
        let request = receiver.requests().pop().unwrap();
        assert_eq!((request.method.as_str(), request.query().starts_with(query)), ("GET", true), "{}", request.target);
    }
}

#[tokio::test]
async fn a_url_that_cannot_be_reached_fails_with_what_to_change() {
    let world = World::new();
    let endpoint = endpoint(&world, "http://nowhere.example/cb", json!({ "kind": "token" })).await;
    let verified = verify(&world, &endpoint).await;
    assert_eq!(verified["state"], "failed");
    assert!(verified["reason"].as_str().unwrap().contains("host name"), "{verified}");
    assert!(verified["exchange"]["response"].is_null());
    world.rewrite("a", &endpoint, json!({ "url": "http://169.254.169.254/x" }), None).await;
    let verified = verify(&world, &endpoint).await;
    assert!(verified["reason"].as_str().unwrap().contains("not allowed"), "{verified}");
}

#[tokio::test]
async fn an_endpoint_without_a_handshake_cannot_be_verified() {
    let world = World::new();
    world.app("a").await;
    let endpoint = world.endpoint("a", json!({ "url": "https://example.com/" })).await;
    let refused = world.post(&format!("/app/a/endpoint/{endpoint}/verify"), json!({})).await;
    assert_eq!((refused.status.as_u16(), refused.text_of("code").as_str()), (400, "no_verification"));
    world.post("/app/a/endpoint/nobody/verify", json!({})).await.expect(404);
}

#[tokio::test]
async fn handshakes_are_limited_to_ten_a_minute_as_tests_are() {
    let (world, receiver) = (World::new(), Receiver::start().await.unwrap());
    let endpoint = endpoint(&world, &receiver.url("/cb"), json!({ "kind": "ping" })).await;
    for _ in 0..10 {
        verify(&world, &endpoint).await;
    }
    let path = format!("/app/a/endpoint/{endpoint}/verify");
    let refused = world.post(&path, json!({})).await;
    assert_eq!((refused.status.as_u16(), refused.headers["retry-after"].to_str().unwrap()), (429, "60"));
    world.advance(60);
    world.post(&path, json!({})).await.expect(200);
}

#[tokio::test]
async fn a_parameter_that_the_handshake_would_send_twice_is_refused_where_it_is_saved() {
    let world = World::new();
    world.app("a").await;
    let refused = async |url: &str, method: &str, verification: Value| {
        let mut verification = verification;
        if verification["kind"] != "echo" && verification["kind"] != "ping" {
            verification["validationKey"] = json!("9012XX");
        }
        let body = json!({ "url": url, "sendMethod": method, "verification": verification });
        let answer = world.post("/app/a/endpoint", body).await;
        if answer.status == 201 {
            return None;
        }
        let body = answer.expect(422);
        let (loc, said) = (&body["detail"][0]["loc"], body["detail"][0]["msg"].as_str().unwrap().to_owned());
        Some((loc.as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect::<Vec<_>>().join("."), said))
    };
    let token = |parameter: &str| json!({ "kind": "token", "parameter": parameter });
    for (url, method, verification, field, name) in [
        ("?token=1", "json", json!({ "kind": "token" }), "body.url", "token"),
        ("?%74oken=1", "json", json!({ "kind": "token" }), "body.url", "token"),
        ("?challenge=1", "get", json!({ "kind": "token" }), "body.url", "challenge"),
        ("?a=1&validation_key", "get", json!({ "kind": "token" }), "body.url", "validation_key"),
        ("?key=1", "post", token("key"), "body.url", "key"),
        ("", "get", token("challenge"), "body.verification.parameter", "challenge"),
        ("", "json", token("challenge"), "body.verification.parameter", "challenge"),
        ("", "post", token("validation_key"), "body.verification.parameter", "validation_key"),
        ("", "get", token("validation_key"), "body.verification.parameter", "validation_key"),
        ("?echostr=1", "json", json!({ "kind": "echo" }), "body.url", "echostr"),
        ("?hub.mode=1", "json", json!({ "kind": "hub_challenge" }), "body.url", "hub.mode"),
        ("?hub.challenge=1", "json", json!({ "kind": "hub_challenge" }), "body.url", "hub.challenge"),
        ("?hub.verify_token=1", "json", json!({ "kind": "hub_challenge" }), "body.url", "hub.verify_token"),
    ] {
        let (at, said) = refused(&format!("https://a.example/cb{url}"), method, verification).await.expect(url);
        assert_eq!(at, field, "{url} {method}");
        assert!(said.contains(&format!("`{name}`")), "{said}");
    }
    for (url, method, verification) in [
        ("?challenge=1&validation_key=2", "json", json!({ "kind": "token" })),
        ("?token=1", "get", token("key")),
        ("?token=1&echostr=1", "get", json!({ "kind": "ping" })),
    ] {
        assert_eq!(refused(&format!("https://a.example/cb{url}"), method, verification).await, None, "{url} {method}");
    }
}

#[tokio::test]
async fn the_handshake_goes_by_the_method_of_the_dialect_where_the_endpoint_names_none() {
    let (world, receiver) = (World::new(), Receiver::start().await.unwrap());
    world.app("a").await;
    receiver.answer("/cb", reply(200, r#"{"validation_key":"9012XX"}"#));
    for (dialect, method) in [("ant", "GET"), ("console", "POST"), ("rich-dlr", "POST")] {
        let verification = json!({ "kind": "token", "validationKey": "9012XX" });
        let body = json!({ "url": receiver.url("/cb"), "dialect": dialect, "verification": verification });
        let endpoint = world.endpoint("a", body).await;
        assert_eq!(verify(&world, &endpoint).await["state"], "verified", "{dialect}");
        let request = receiver.requests().pop().unwrap();
        assert_eq!(request.method.as_str(), method, "{dialect}");
        assert_eq!(request.target.contains("challenge="), method == "GET", "{}", request.target);
    }
}

#[tokio::test]
async fn a_key_that_was_drawn_can_be_learnt_by_whoever_may_see_secrets() {
    let world = World::new();
    world.app("a").await;
    let asked = json!({ "url": "https://a.example/cb", "uid": "e", "verification": { "kind": "hub_challenge" } });
    let made = world.post("/app/a/endpoint", asked).await.expect(201);
    assert!(made["verification"]["validationKey"].is_null(), "{made}");
    let key = world.get("/app/a/endpoint/e/secret").await.expect(200)["validationKey"].as_str().unwrap().to_owned();
    assert_eq!(key.len(), 24);
    let given = json!({ "verification": { "kind": "token", "validationKey": "9012XX" } });
    world.patch("/app/a/endpoint/e", given).await.expect(200);
    assert_eq!(world.get("/app/a/endpoint/e/secret").await.expect(200)["validationKey"], "9012XX");
    world.patch("/app/a/endpoint/e", json!({ "verification": null })).await.expect(200);
    assert!(world.get("/app/a/endpoint/e/secret").await.expect(200)["validationKey"].is_null());
}
