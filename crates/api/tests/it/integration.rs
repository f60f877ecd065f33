//! Integrations: programs of a customer that act for its application with a key of their own.

use http::Method;
use serde_json::{Value, json};

use crate::harness::World;

/// Makes an integration; its id and its key.
async fn integration(world: &World, app: &str, body: Value) -> (String, String) {
    let id = world.post(&format!("/app/{app}/integration"), body).await.text_of("id");
    let key = world.get(&format!("/app/{app}/integration/{id}/key")).await.text_of("key");
    (id, key)
}

async fn status_of(world: &World, key: &str, method: Method, path: &str, body: Value) -> u16 {
    world.ask(key, method.as_str(), path, &[], body.to_string()).await.status.as_u16()
}

#[tokio::test]
async fn an_integration_is_made_listed_renamed_and_deleted() {
    let world = World::new();
    world.app("a").await;
    let made = world.post("/app/a/integration", json!({ "name": "crm", "featureFlags": ["beta"] })).await;
    let made = made.expect(201);
    let id = made["id"].as_str().unwrap();
    assert!(id.starts_with("integ_") && id.len() == 33, "{id}");
    assert_eq!((&made["name"], &made["featureFlags"]), (&json!("crm"), &json!(["beta"])));
    world.advance(1);
    let other = world.post("/app/a/integration", json!({ "name": "erp" })).await.text_of("id");

    let listed = world.get("/app/a/integration").await.expect(200);
    assert_eq!(listed["data"][1], made);
    assert_eq!((&listed["data"][0]["id"], &listed["done"]), (&json!(other), &json!(true)));
    let first = world.get("/app/a/integration?limit=1&order=ascending").await.expect(200);
    assert_eq!((&first["data"][0]["id"], &first["done"]), (&json!(id), &json!(false)));

    let path = format!("/app/a/integration/{id}");
    let changed = world.put(&path, json!({ "name": "the crm" })).await.expect(200);
    assert_eq!((&changed["name"], &changed["featureFlags"]), (&json!("the crm"), &json!([])));
    assert_eq!(changed["createdAt"], made["createdAt"]);
    assert_eq!(world.get(&path).await.expect(200), changed);
    world.delete(&path).await.expect(204);
    for answer in [world.get(&path).await, world.delete(&path).await, world.put(&path, json!({ "name": "n" })).await] {
        assert_eq!(answer.expect(404)["code"], "not_found");
    }
}

#[tokio::test]
async fn a_key_acts_for_its_application_and_gives_nobody_else_access() {
    let world = World::new();
    let app = world.app("a").await;
    world.app("b").await;
    let (id, key) = integration(&world, "a", json!({ "name": "crm" })).await;
    let ask = |method: Method, path: &str, body: Value| {
        let (world, key, path) = (&world, &key, path.to_owned());
        async move { status_of(world, key, method, &path, body).await }
    };
    assert_eq!(world.ask(&key, "GET", "/app/a", &[], "").await.expect(200)["id"], json!(app));
    let endpoint = json!({ "url": "https://example.com/" });
    assert_eq!(ask(Method::POST, "/app/a/endpoint", endpoint.clone()).await, 201);
    assert_eq!(ask(Method::GET, "/app/a/msg", Value::Null).await, 200);
    assert_eq!(ask(Method::POST, "/app/b/endpoint", endpoint).await, 404);
    for (method, path, body) in [
        (Method::POST, "/app/a/msg".to_owned(), json!({ "eventType": "t", "payload": {} })),
        (Method::GET, "/app".to_owned(), Value::Null),
        (Method::POST, "/app/a/integration".to_owned(), json!({ "name": "another" })),
        (Method::POST, "/app/a/oauth-client".to_owned(), json!({ "name": "another" })),
        (Method::GET, format!("/app/a/integration/{id}/key"), Value::Null),
    ] {
        assert_eq!(ask(method.clone(), &path, body).await, 403, "{method} {path}");
    }
}

#[tokio::test]
async fn a_key_sees_the_event_types_of_its_flags() {
    let world = World::new();
    world.app("a").await;
    for (name, flag) in [("open", None), ("hidden", Some("beta"))] {
        let body = json!({ "name": name, "description": "", "featureFlag": flag });
        world.post("/event-type", body).await.expect(201);
    }
    let (_, plain) = integration(&world, "a", json!({ "name": "n" })).await;
    let (_, early) = integration(&world, "a", json!({ "name": "n", "featureFlags": ["beta"] })).await;
    for (key, expected) in [(plain, vec!["open"]), (early, vec!["hidden", "open"])] {
        let listed = world.ask(&key, "GET", "/event-type", &[], "").await.expect(200);
        let names: Vec<_> = listed["data"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected);
    }
}

#[tokio::test]
async fn a_key_that_was_rotated_or_whose_integration_is_gone_counts_no_more() {
    let world = World::new();
    world.app("a").await;
    let (id, old) = integration(&world, "a", json!({ "name": "n" })).await;
    let (path, look) = (format!("/app/a/integration/{id}"), "/app/a");
    assert_eq!(status_of(&world, &old, Method::GET, look, Value::Null).await, 200);

    let headers = [("idempotency-key", "once")];
    let rotated = format!("{path}/key/rotate");
    let rotate = || world.ask(&world.token, "POST", &rotated, &headers, "");
    let new = rotate().await.text_of("key");
    assert_eq!(rotate().await.text_of("key"), new, "the same request is carried out once");
    assert_ne!(new, old);
    assert_eq!(status_of(&world, &old, Method::GET, look, Value::Null).await, 401);
    assert_eq!(status_of(&world, &new, Method::GET, look, Value::Null).await, 200);

    world.delete(&path).await.expect(204);
    let answer = world.ask(&new, "GET", look, &[], "").await;
    assert_eq!(answer.expect(401)["code"], "authentication_failed");
}

#[tokio::test]
async fn another_node_believes_an_old_key_for_a_second_and_a_deleted_application_has_none() {
    let world = World::new();
    world.app("a").await;
    let (id, key) = integration(&world, "a", json!({ "name": "n" })).await;
    let other = world.other_service();
    other.authenticate(&key).await.unwrap();
    world.post(&format!("/app/a/integration/{id}/key/rotate"), json!({})).await.expect(200);
    world.advance(1);
    other.authenticate(&key).await.unwrap_err();

    let key = world.get(&format!("/app/a/integration/{id}/key")).await.text_of("key");
    assert_eq!(status_of(&world, &key, Method::GET, "/app/a", Value::Null).await, 200);
    world.delete("/app/a").await.expect(204);
    world.advance(1);
    assert_eq!(status_of(&world, &key, Method::GET, "/event-type", Value::Null).await, 401);
}

#[tokio::test]
async fn what_is_no_integration_and_no_key_is_refused_with_its_place() {
    let world = World::new();
    world.app("a").await;
    let make = |body: Value| world.post("/app/a/integration", body);
    assert_eq!(make(json!({ "name": " " })).await.faults(), ["body.name"]);
    assert_eq!(make(json!({})).await.faults(), ["body.name"]);
    assert_eq!(make(json!({ "name": "n", "featureFlags": ["a", "b c"] })).await.faults(), ["body.featureFlags.1"]);
    for key in
        ["integsk_", "integsk_00", &format!("integsk_{}", "0".repeat(64)), &format!("integsk_{}", "g".repeat(64))]
    {
        assert_eq!(status_of(&world, key, Method::GET, "/app/a", Value::Null).await, 401, "{key}");
    }
    let (_, key) = integration(&world, "a", json!({ "name": "n" })).await;
    assert_eq!(world.ask(&key, "POST", "/auth/logout", &[], "").await.expect(400)["code"], "not_supported");
    for _ in 1..100 {
        make(json!({ "name": "n" })).await.expect(201);
    }
    assert_eq!(make(json!({ "name": "n" })).await.faults(), ["body.name"]);
}
