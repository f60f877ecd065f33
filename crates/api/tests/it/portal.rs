//! Links to the portal as tokens of the API: what each may do and where it ends.

use axum::body::Body;
use http::Method;
use ringback_model::DEFAULT_ORGANIZATION;
use serde_json::{Value, json};

use crate::harness::{Answer, World};

/// Makes a link; its token.
async fn link(world: &World, app: &str, said: Value) -> String {
    let answer = world.post(&format!("/auth/app-portal-access/{app}"), said).await;
    answer.expect(200);
    answer.text_of("token")
}

async fn as_link(world: &World, token: &str, method: Method, path: &str, body: Value) -> Answer {
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    world.ask(token, method.as_str(), path, &[], body).await
}

#[tokio::test]
async fn a_link_leads_to_the_application_and_its_token_stands_in_the_fragment_alone() {
    let world = World::new();
    let app = world.app("a").await;
    let headers = [("host", "hooks.example:8071")];
    let answer = world.ask(&world.token, "POST", "/auth/app-portal-access/a", &headers, "").await;
    let out = answer.expect(200);
    let (url, token) = (out["url"].as_str().unwrap(), out["token"].as_str().unwrap());
    let (place, fragment) = url.split_once('#').unwrap();
    assert!(place.starts_with("http://hooks.example:8071/portal/org_") && place.ends_with(&app), "{url}");
    assert_eq!(fragment, format!("token={token}"));
    let mut names: Vec<_> = out.as_object().unwrap().keys().collect();
    names.sort_unstable();
    assert_eq!(names, ["token", "url"]);
}

#[tokio::test]
async fn each_capability_opens_what_it_is_for_and_nothing_else() {
    let world = World::new();
    world.app("a").await;
    let endpoint = world.endpoint("a", json!({ "url": "https://example.com/", "eventTypes": null })).await;
    world.event_type("t").await;
    let message = world.message("a", "t").await;
    let on = |tail: &str| format!("/app/a/endpoint/{endpoint}{tail}");
    let resend = format!("/app/a/msg/{message}/endpoint/{endpoint}/resend");
    let gated = [
        ("ManageEndpoint", Method::POST, "/app/a/endpoint".to_owned(), json!({ "url": "https://example.com/" })),
        ("ManageEndpoint", Method::PATCH, on(""), json!({ "description": "x" })),
        ("ManageEndpoint", Method::PUT, on("/headers"), json!({ "headers": {} })),
        ("ManageEndpoint", Method::POST, "/app/a/endpoint/test".to_owned(), probe()),
        ("ViewEndpointSecret", Method::GET, on("/secret"), Value::Null),
        ("ManageEndpointSecret", Method::POST, on("/secret/rotate"), json!({})),
        ("ManageTransformations", Method::GET, on("/transformation"), Value::Null),
        ("ManageTransformations", Method::PATCH, on("/transformation"), json!({})),
        ("CreateAttempts", Method::POST, resend, json!({})),
        ("CreateAttempts", Method::POST, on("/recover"), json!({ "since": "2027-01-01T00:00:00Z" })),
        ("CreateAttempts", Method::POST, on("/cancel"), json!({})),
    ];
    for given in [
        "ViewBase",
        "ViewEndpointSecret",
        "ManageEndpointSecret",
        "ManageTransformations",
        "CreateAttempts",
        "ManageEndpoint",
    ] {
        let token = link(&world, "a", json!({ "capabilities": [given] })).await;
        for look in ["/app/a", "/app/a/endpoint", "/app/a/msg", &on("/headers"), &on("/stats")] {
            as_link(&world, &token, Method::GET, look, Value::Null).await.expect(200);
        }
        for (wanted, method, path, body) in &gated {
            let answer = as_link(&world, &token, method.clone(), path, body.clone()).await;
            assert_eq!(answer.status.is_success(), *wanted == given, "{given}: {method} {path}: {}", answer.text);
            assert!(answer.status.is_success() || answer.status == 403, "{given}: {method} {path}: {}", answer.text);
        }
    }
}

fn probe() -> Value {
    json!({ "url": "https://example.com/", "eventType": "t", "payload": {} })
}

#[tokio::test]
async fn a_read_only_link_looks_and_one_that_says_nothing_can_do_all_that_links_can() {
    let world = World::new();
    world.app("a").await;
    let new = json!({ "url": "https://example.com/" });
    let token = link(&world, "a", json!({ "readOnly": true, "capabilities": ["ManageEndpoint"] })).await;
    as_link(&world, &token, Method::POST, "/app/a/endpoint", new.clone()).await.expect(403);
    let token = link(&world, "a", json!({ "readOnly": false })).await;
    as_link(&world, &token, Method::POST, "/app/a/endpoint", new).await.expect(201);
}

#[tokio::test]
async fn no_link_gives_more_than_it_has_or_outlives_itself() {
    let world = World::new();
    world.app("a").await;
    let token = link(&world, "a", json!({})).await;
    for (method, path, body) in [
        (Method::POST, "/auth/app-portal-access/a", json!({})),
        (Method::POST, "/auth/app/a/expire-all", json!({})),
        (Method::POST, "/app/a/oauth-client", json!({ "name": "for ever" })),
        (Method::GET, "/app/a/oauth-client", Value::Null),
        (Method::GET, "/organization", Value::Null),
        (Method::PATCH, "/organization", json!({})),
        (Method::GET, "/app", Value::Null),
        (Method::DELETE, "/app/a", Value::Null),
        (Method::POST, "/app/a/msg", json!({ "eventType": "t", "payload": {} })),
    ] {
        let expected = if path.ends_with("oauth-client") && method == Method::GET { 200 } else { 403 };
        as_link(&world, &token, method, path, body).await.expect(expected);
    }
}

#[tokio::test]
async fn a_link_ends_at_its_time_and_its_life_has_bounds() {
    let world = World::new();
    world.app("a").await;
    let token = link(&world, "a", json!({ "expiry": 3_600 })).await;
    world.advance(3_599);
    as_link(&world, &token, Method::GET, "/app/a", Value::Null).await.expect(200);
    world.advance(1);
    as_link(&world, &token, Method::GET, "/app/a", Value::Null).await.expect(401);
    for (said, fault) in [
        (json!({ "expiry": 3_599 }), "body.expiry"),
        (json!({ "expiry": 604_801 }), "body.expiry"),
        (json!({ "sessionId": "a b" }), "body.sessionId"),
        (json!({ "featureFlags": ["ok", ""] }), "body.featureFlags.1"),
    ] {
        assert_eq!(world.post("/auth/app-portal-access/a", said).await.faults(), [fault]);
    }
    world.post("/auth/app-portal-access/a", json!({ "capabilities": ["Everything"] })).await.expect(422);
}

#[tokio::test]
async fn the_application_is_made_with_the_link_if_there_is_none() {
    let world = World::new();
    world.post("/auth/app-portal-access/new", json!({})).await.expect(404);
    for (uid, kind) in [(json!("other"), "application_uid_mismatch"), (json!(null), "application_uid_missing")] {
        let wrong = json!({ "application": { "name": "n", "uid": uid } });
        let refused = world.post("/auth/app-portal-access/new", wrong).await.expect(422);
        let fault = &refused["detail"][0];
        assert_eq!((&fault["loc"], &fault["type"]), (&json!(["body", "application", "uid"]), &json!(kind)));
    }
    world.get("/app/new").await.expect(404);
    let right = json!({ "application": { "name": "n", "uid": "new" } });
    let token = link(&world, "new", right.clone()).await;
    assert_eq!(as_link(&world, &token, Method::GET, "/app/new", Value::Null).await.expect(200)["name"], "n");
    link(&world, "new", right).await;
}

#[tokio::test]
async fn all_tokens_of_an_application_end_and_those_of_others_do_not() {
    let world = World::new();
    let (a, b) = (world.app("a").await, world.app("b").await);
    let (old, other) = (link(&world, &a, json!({})).await, link(&world, &b, json!({})).await);
    let plain = world.app_token(&a);
    as_link(&world, &old, Method::GET, "/app/a", Value::Null).await.expect(200);
    world.clock.advance(std::time::Duration::from_millis(1));
    world.post("/auth/app/a/expire-all", json!({})).await.expect(204);
    for token in [&old, &plain] {
        let answer = as_link(&world, token, Method::GET, "/app/a", Value::Null).await;
        assert!(answer.expect(401)["detail"].as_str().unwrap().contains("revoked"), "{}", answer.text);
    }
    world.get("/app/a").await.expect(200);
    as_link(&world, &other, Method::GET, "/app/b", Value::Null).await.expect(200);
    world.clock.advance(std::time::Duration::from_micros(1));
    let new = link(&world, &a, json!({})).await;
    as_link(&world, &new, Method::GET, "/app/a", Value::Null).await.expect(200);
}

#[tokio::test]
async fn an_end_holds_for_its_sessions_and_from_its_time_on() {
    let world = World::new();
    world.app("a").await;
    let mut tokens = Vec::new();
    for session in [json!("one"), json!("two"), Value::Null] {
        tokens.push(link(&world, "a", json!({ "sessionId": session })).await);
    }
    world.advance(1);
    world.post("/auth/app/a/expire-all", json!({ "sessionIds": ["one"], "expiry": 60 })).await.expect(204);
    let statuses = async |world: &World| {
        let mut all = Vec::new();
        for token in &tokens {
            all.push(as_link(world, token, Method::GET, "/app/a", Value::Null).await.status.as_u16());
        }
        all
    };
    assert_eq!(statuses(&world).await, [200, 200, 200]);
    world.advance(60);
    assert_eq!(statuses(&world).await, [401, 200, 200]);
    assert_eq!(world.post("/auth/app/a/expire-all", json!({ "expiry": 604_801 })).await.faults(), ["body.expiry"]);
}

#[tokio::test]
async fn a_token_is_told_whose_it_is() {
    let world = World::new();
    let app = world.app("a").await;
    let token = link(&world, "a", json!({})).await;
    let own = json!({ "envId": DEFAULT_ORGANIZATION, "permissionSource": "SvixJwt" });
    assert_eq!(world.get("/auth/whoami").await.expect(200), own);
    let limited = as_link(&world, &token, Method::GET, "/auth/whoami", Value::Null).await.expect(200);
    assert_eq!(limited, json!({ "envId": DEFAULT_ORGANIZATION, "appId": app, "permissionSource": "SvixJwt" }));
}

#[tokio::test]
async fn whoever_has_a_link_ends_it_here_at_once_and_elsewhere_within_a_second() {
    let mut world = World::new();
    world.app("a").await;
    let (token, other) = (link(&world, "a", json!({})).await, link(&world, "a", json!({})).await);
    let (here, elsewhere) = (world.api.clone(), world.other_node());
    world.api = elsewhere.clone();
    as_link(&world, &token, Method::GET, "/app/a", Value::Null).await.expect(200);
    world.api = here.clone();
    as_link(&world, &token, Method::POST, "/auth/logout", Value::Null).await.expect(204);
    as_link(&world, &token, Method::GET, "/app/a", Value::Null).await.expect(401);
    as_link(&world, &token, Method::POST, "/auth/logout", Value::Null).await.expect(401);
    as_link(&world, &other, Method::GET, "/app/a", Value::Null).await.expect(200);
    world.api = elsewhere;
    world.advance(1);
    as_link(&world, &token, Method::GET, "/app/a", Value::Null).await.expect(401);
    world.api = here;
    let refused = world.post("/auth/logout", json!({})).await;
    assert_eq!(refused.expect(400)["code"], "not_supported", "the organization's own token stays");
    world.get("/app/a").await.expect(200);
}

#[tokio::test]
async fn the_old_name_of_the_operation_makes_a_link_too() {
    let world = World::new();
    world.app("a").await;
    let answer = world.ask(&world.token, "POST", "/auth/dashboard-access/a", &[], "").await;
    as_link(&world, &answer.text_of("token"), Method::GET, "/app/a", Value::Null).await.expect(200);
}
