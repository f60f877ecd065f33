use serde_json::json;

use crate::harness::World;

#[tokio::test]
async fn a_secret_is_drawn_or_given_and_rotated() {
    let world = World::new();
    world.app("a").await;
    world.endpoint("a", json!({ "url": "https://example.com/", "uid": "drawn" })).await;
    let drawn = world.get("/app/a/endpoint/drawn/secret").await.text_of("key");
    assert!(drawn.starts_with("whsec_"), "{drawn}");
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    world.endpoint("a", json!({ "url": "https://example.com/", "uid": "e", "secret": secret })).await;
    let path = "/app/a/endpoint/e/secret";
    assert_eq!(world.get(path).await.expect(200), json!({ "key": secret }));
    let rotate = format!("{path}/rotate");
    world.post(&rotate, json!({ "key": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD" })).await.expect(200);
    assert_eq!(world.get(path).await.text_of("key"), "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    world.ask(&world.token, "POST", &rotate, &[], "").await.expect(200);
    assert_ne!(world.get(path).await.text_of("key"), "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    assert_eq!(world.post(&rotate, json!({ "key": "nonsense" })).await.faults(), ["body.key"]);
    let body = json!({ "gracePeriodSeconds": 604_801 });
    assert_eq!(world.post(&rotate, body).await.faults(), ["body.gracePeriodSeconds"]);
    for _ in 0..8 {
        world.post(&rotate, json!({})).await.expect(200);
    }
    assert_eq!(world.post(&rotate, json!({})).await.expect(400)["code"], "limit_reached");
    world.post(&rotate, json!({ "gracePeriodSeconds": 0 })).await.expect(200);
}

#[tokio::test]
async fn a_secret_in_a_change_is_refused_rather_than_ignored() {
    let world = World::new();
    world.app("a").await;
    world.endpoint("a", json!({ "url": "https://example.com/", "uid": "e" })).await;
    let change = json!({ "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD" });
    let refused = world.patch("/app/a/endpoint/e", change).await;
    assert_eq!(refused.faults(), ["body.secret"]);
    assert!(refused.text.contains("secret/rotate"), "{}", refused.text);
}
