//! What one organization can learn of another: nothing.

use ringback_model::OrgId;
use serde_json::json;

use crate::harness::World;

#[tokio::test]
async fn what_belongs_to_others_is_answered_as_what_never_was() {
    let world = World::new();
    let app = world.app("theirs").await;
    let endpoint = world.endpoint("theirs", json!({ "url": "https://example.com/", "uid": "e" })).await;
    world.event_type("theirs").await;
    let message = world.message("theirs", "t").await;
    let attempt = world.attempt(&app, &endpoint, &message, 200).await.to_string();
    let stranger = world.token_of(OrgId::from_bytes([9; 20]));
    world.ask(&stranger, "POST", "/app", &[], json!({ "name": "mine", "uid": "mine" }).to_string()).await.expect(201);
    let own = json!({ "url": "https://example.com/" }).to_string();
    let own = world.ask(&stranger, "POST", "/app/mine/endpoint", &[], own).await.text_of("id");
    let missing_app = "app_000000000000000000000000000";
    let missing_endpoint = "ep_000000000000000000000000000";
    let missing_message = "msg_000000000000000000000000000";
    let missing_attempt = "atmpt_000000000000000000000000000";
    for (method, theirs, missing) in [
        ("GET", format!("/app/{app}"), format!("/app/{missing_app}")),
        ("GET", "/app/theirs".to_owned(), "/app/none".to_owned()),
        ("DELETE", format!("/app/{app}"), format!("/app/{missing_app}")),
        ("POST", format!("/app/{app}/msg"), format!("/app/{missing_app}/msg")),
        ("GET", format!("/app/{app}/msg/{message}"), format!("/app/{missing_app}/msg/{message}")),
        ("GET", format!("/app/mine/msg/{message}"), format!("/app/mine/msg/{missing_message}")),
        ("GET", format!("/app/mine/endpoint/{endpoint}"), format!("/app/mine/endpoint/{missing_endpoint}")),
        ("PATCH", format!("/app/mine/endpoint/{endpoint}"), format!("/app/mine/endpoint/{missing_endpoint}")),
        (
            "GET",
            format!("/app/mine/endpoint/{endpoint}/secret"),
            format!("/app/mine/endpoint/{missing_endpoint}/secret"),
        ),
        (
            "POST",
            format!("/app/mine/msg/{message}/endpoint/{own}/resend"),
            format!("/app/mine/msg/{missing_message}/endpoint/{own}/resend"),
        ),
        (
            "GET",
            format!("/app/mine/attempt/endpoint/{endpoint}"),
            format!("/app/mine/attempt/endpoint/{missing_endpoint}"),
        ),
        ("GET", format!("/app/mine/attempt/msg/{message}"), format!("/app/mine/attempt/msg/{missing_message}")),
        (
            "GET",
            format!("/app/mine/msg/{message}/attempt/{attempt}"),
            format!("/app/mine/msg/{message}/attempt/{missing_attempt}"),
        ),
        ("GET", "/event-type/theirs".to_owned(), "/event-type/none".to_owned()),
    ] {
        let body =
            if path_is_of_messages(&theirs, method) { json!({ "eventType": "t", "payload": {} }) } else { json!({}) };
        let theirs_answer = world.ask(&stranger, method, &theirs, &[], body.to_string()).await;
        let missing_answer = world.ask(&stranger, method, &missing, &[], body.to_string()).await;
        theirs_answer.expect(404);
        assert_eq!(theirs_answer.text, missing_answer.text, "{method} {theirs}");
    }
    for list in ["/app", "/event-type"] {
        let listed = world.ask(&stranger, "GET", list, &[], "").await;
        assert!(!listed.text.contains("theirs"), "{}", listed.text);
    }
    let cursor = world.ask(&stranger, "GET", &format!("/app?iterator={app}"), &[], "").await;
    assert!(!cursor.text.contains("theirs"), "an iterator is a place in one's own list");
}

fn path_is_of_messages(path: &str, method: &str) -> bool {
    method == "POST" && path.ends_with("/msg")
}

#[tokio::test]
async fn a_name_is_free_in_another_organization() {
    let world = World::new();
    world.app("same").await;
    let other = world.token_of(OrgId::from_bytes([9; 20]));
    let body = json!({ "name": "n", "uid": "same" }).to_string();
    world.ask(&other, "POST", "/app", &[("idempotency-key", "k")], body.clone()).await.expect(201);
    let own = world.ask(&world.token, "POST", "/app", &[("idempotency-key", "k")], body).await;
    own.expect(409);
    world.ask(&other, "GET", "/event-type", &[], "").await.expect(200);
}
