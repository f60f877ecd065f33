use std::time::Duration;

use ringback_testkit::Receiver;
use serde_json::json;

use crate::harness::World;

const LIMIT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_deleted_endpoint_comes_back_with_its_id_and_its_secret_and_gets_messages_again() {
    let (world, receiver) = (World::running(), Receiver::start().await.unwrap());
    world.app("a").await;
    let id = world.endpoint("a", json!({ "url": receiver.url("/hook"), "uid": "mine", "description": "d" })).await;
    let path = format!("/app/a/endpoint/{id}");
    let (before, secret) = (world.get(&path).await.expect(200), world.get(&format!("{path}/secret")).await.expect(200));
    world.delete(&path).await.expect(204);
    world.message("a", "order.created").await;
    let listed = world.get("/app/a/deleted-endpoint").await.expect(200);
    assert_eq!((listed["data"][0]["id"].as_str(), &listed["data"][0]["uid"]), (Some(&*id), &json!("mine")));
    assert_eq!((&listed["data"][0]["deletedAt"], &listed["done"]), (&json!("2027-01-15T08:00:00Z"), &json!(true)));
    let restore = format!("/app/a/endpoint/{id}/restore");
    assert_eq!(world.post(&restore, json!({})).await.expect(200), before);
    assert_eq!(world.get(&path).await.expect(200), before);
    assert_eq!(world.get(&format!("{path}/secret")).await.expect(200), secret);
    assert_eq!(world.get("/app/a/deleted-endpoint").await.expect(200)["data"], json!([]));
    assert_eq!(world.post(&restore, json!({})).await.expect(200), before, "it is there");
    let message = world.message("a", "order.created").await;
    let requests = receiver.wait_for(1, LIMIT).await.unwrap();
    assert_eq!(requests[0].header("webhook-id"), Some(&*message), "nothing of what came while it was deleted");
}

#[tokio::test]
async fn a_uid_that_another_endpoint_has_by_now_is_in_the_way() {
    let world = World::new();
    world.app("a").await;
    let id = world.endpoint("a", json!({ "url": "https://a.example/", "uid": "mine" })).await;
    world.delete(&format!("/app/a/endpoint/{id}")).await.expect(204);
    world.endpoint("a", json!({ "url": "https://b.example/", "uid": "mine" })).await;
    let restore = format!("/app/a/endpoint/{id}/restore");
    let refused = world.post(&restore, json!({})).await.expect(409);
    assert!(refused["detail"].as_str().unwrap().contains("`mine`"), "{refused}");
    world.delete("/app/a/endpoint/mine").await.expect(204);
    world.post(&restore, json!({})).await.expect(200);
    world.app("b").await;
    world.delete(&format!("/app/a/endpoint/{id}")).await.expect(204);
    world.post(&format!("/app/b/endpoint/{id}/restore"), json!({})).await.expect(404);
    world.post("/app/a/endpoint/ep_none/restore", json!({})).await.expect(404);
    world.post("/app/a/endpoint/mine/restore", json!({})).await.expect(404);
}

#[tokio::test]
async fn what_its_deletion_has_not_called_off_yet_is_pending_again() {
    // Nobody is there who would call it off.
    let world = World::new();
    world.app("a").await;
    let id = world.endpoint("a", json!({ "url": "https://a.example/" })).await;
    let message = world.message("a", "order.created").await;
    let path = format!("/app/a/msg/{message}/endpoint?expanded_statuses=true");
    let status = async || world.get(&path).await.expect(200)["data"][0]["statusText"].clone();
    assert_eq!(status().await, "pending");
    world.delete(&format!("/app/a/endpoint/{id}")).await.expect(204);
    assert_eq!(status().await, "canceled");
    world.post(&format!("/app/a/endpoint/{id}/restore"), json!({})).await.expect(200);
    assert_eq!(status().await, "pending");
}
