use std::time::Duration;

use ringback_testkit::{Answer, Receiver};
use serde_json::json;

use ringback_store::{DocumentKind, Store as _};

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

/// Two messages wait for an endpoint that takes one at a time, and the first is under way.
async fn waiting(world: &World, receiver: &Receiver, first: Answer) -> (String, [String; 2]) {
    receiver.answers("/hook", [first.held(), Answer::status(200)]);
    world.app("a").await;
    let id = world.endpoint("a", json!({ "url": receiver.url("/hook"), "maxConcurrency": 1 })).await;
    let messages = [world.message("a", "order.created").await, world.message("a", "order.created").await];
    receiver.wait_for(1, LIMIT).await.unwrap();
    (format!("/app/a/endpoint/{id}"), messages)
}

async fn status(world: &World, message: &str) -> String {
    let path = format!("/app/a/msg/{message}/endpoint?expanded_statuses=true");
    world.get(&path).await.expect(200)["data"][0]["statusText"].as_str().unwrap().to_owned()
}

/// Waits until something is so.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(LIMIT, async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("it came about in time");
}

async fn left(world: &World) -> u64 {
    world.get("/app/a/deleted-endpoint").await.expect(200)["data"][0]["pending"].as_u64().unwrap()
}

#[tokio::test]
async fn what_is_pending_is_sent_first_where_its_deletion_asks_for_it() {
    let (world, receiver) = (World::running(), Receiver::start().await.unwrap());
    let (path, [first, second]) = waiting(&world, &receiver, Answer::status(200)).await;
    world.delete(&format!("{path}?drain=true")).await.expect(204);
    world.get(&path).await.expect(404);
    let later = world.message("a", "order.created").await;
    assert_eq!((left(&world).await, status(&world, &second).await.as_str()), (2, "pending"));
    receiver.release();
    let requests = receiver.wait_for(2, LIMIT).await.unwrap();
    assert_eq!(requests[1].header("webhook-id"), Some(&*second));
    until(async || left(&world).await == 0).await;
    for message in [first, second] {
        assert_eq!(status(&world, &message).await, "success");
    }
    let none = world.get(&format!("/app/a/msg/{later}/endpoint")).await.expect(200);
    assert_eq!(none["data"], json!([]), "what comes from now on is not for it");
}

#[tokio::test]
async fn what_is_left_of_a_drain_is_called_off_by_deleting_once_more() {
    let (world, receiver) = (World::running(), Receiver::start().await.unwrap());
    let (path, [_, second]) = waiting(&world, &receiver, Answer::status(200)).await;
    world.delete(&format!("{path}?drain=true")).await.expect(204);
    world.delete(&format!("{path}?drain=true")).await.expect(404);
    world.delete(&path).await.expect(204);
    assert_eq!((left(&world).await, status(&world, &second).await.as_str()), (0, "canceled"));
    world.delete(&path).await.expect(404);
    receiver.release();
    let restored = world.post(&format!("{path}/restore"), json!({})).await.expect(200);
    assert_eq!(restored["url"], receiver.url("/hook"));
    let later = world.message("a", "order.created").await;
    until(async || receiver.requests().iter().any(|one| one.header("webhook-id") == Some(&*later))).await;
}

#[tokio::test]
async fn a_receiver_that_is_gone_ends_a_drain() {
    let (world, receiver) = (World::running(), Receiver::start().await.unwrap());
    let (path, [_, second]) = waiting(&world, &receiver, Answer::status(410)).await;
    world.delete(&format!("{path}?drain=true")).await.expect(204);
    receiver.release();
    until(async || status(&world, &second).await == "canceled").await;
    assert_eq!((left(&world).await, receiver.requests().len()), (0, 1));
}

#[tokio::test]
async fn an_endpoint_that_sends_nothing_cannot_be_drained() {
    let world = World::new();
    world.app("a").await;
    for (member, word) in [("paused", "let it go on"), ("disabled", "enable it")] {
        let id = world.endpoint("a", json!({ "url": "https://a.example/", member: true })).await;
        let refused = world.delete(&format!("/app/a/endpoint/{id}?drain=true")).await.expect(400);
        assert!(refused["detail"].as_str().unwrap().contains(word), "{refused}");
        world.delete(&format!("/app/a/endpoint/{id}?drain=maybe")).await.expect(422);
        world.delete(&format!("/app/a/endpoint/{id}")).await.expect(204);
    }
}

const DAY: u64 = 86_400;

/// Lets the pass look at what is there.
async fn let_go(world: &World) {
    while world.service.let_go_of_some().await.unwrap() {}
}

/// What the store keeps of an endpoint: what it is, and whether it has secrets.
async fn kept(world: &World, no: i64) -> (DocumentKind, bool) {
    let document = world.store.document(no).await.unwrap().unwrap();
    (document.kind, document.secret.is_some())
}

#[tokio::test]
async fn thirty_days_after_its_deletion_an_endpoint_is_forgotten_with_its_secrets_and_its_messages_are_not() {
    let world = World::new();
    let app = world.app("a").await;
    let id = world.endpoint("a", json!({ "url": "https://a.example/hook" })).await;
    let other = world.endpoint("a", json!({ "url": "https://b.example/" })).await;
    let no = world.endpoint_no(&app, &id).await.0;
    let message = world.message("a", "order.created").await;
    world.attempt(&app, &id, &message, 200).await;
    world.delete(&format!("/app/a/endpoint/{id}")).await.expect(204);
    let_go(&world).await;
    world.advance(29 * DAY);
    world.delete(&format!("/app/a/endpoint/{other}")).await.expect(204);
    world.advance(DAY - 1);
    let_go(&world).await;
    let listed = async || world.get("/app/a/deleted-endpoint?limit=1").await.expect(200);
    assert_eq!(listed().await["data"][0]["id"].as_str(), Some(&*other), "the newest first");
    let all = world.get("/app/a/deleted-endpoint").await.expect(200);
    assert_eq!(
        (&all["data"][1]["id"], &all["data"][1]["restorableUntil"]),
        (&json!(id), &json!("2027-02-14T08:00:00Z"))
    );
    assert_eq!(kept(&world, no).await, (DocumentKind::Endpoint, true));

    world.advance(1);
    let restore = format!("/app/a/endpoint/{id}/restore");
    let found = world.get("/app/a/deleted-endpoint?order=ascending&limit=1").await.expect(200);
    assert_eq!((&found["data"][0]["id"], &found["done"]), (&json!(other), &json!(true)), "before the pass comes, too");
    world.post(&restore, json!({})).await.expect(404);
    world.advance(DAY / 24);
    let_go(&world).await;
    assert_eq!(kept(&world, no).await, (DocumentKind::GoneEndpoint, false));
    assert_eq!(listed().await["data"][0]["id"].as_str(), Some(&*other));
    world.post(&restore, json!({})).await.expect(404);
    let attempts = world.get(&format!("/app/a/attempt/msg/{message}")).await.expect(200);
    assert_eq!(attempts["data"][0]["endpointId"].as_str(), Some(&*id));
    let story = world.get(&format!("/app/a/msg/{message}/endpoint")).await.expect(200);
    let told = story["data"].as_array().unwrap().iter().find(|one| one["id"] == json!(id)).unwrap();
    assert_eq!((&told["url"], &told["status"]), (&json!("https://a.example/hook"), &json!(0)));
    world.post(&format!("/app/a/endpoint/{other}/restore"), json!({})).await.expect(200);
}

#[tokio::test]
async fn what_still_has_something_to_send_keeps_its_secrets_for_it() {
    let world = World::new();
    let app = world.app("a").await;
    let id = world.endpoint("a", json!({ "url": "https://a.example/hook" })).await;
    let no = world.endpoint_no(&app, &id).await;
    let message = world.message("a", "order.created").await;
    world.delete(&format!("/app/a/endpoint/{id}?drain=true")).await.expect(204);
    world.advance(31 * DAY);
    let_go(&world).await;
    assert_eq!((kept(&world, no.0).await, left(&world).await), ((DocumentKind::Endpoint, true), 1));
    world.post(&format!("/app/a/endpoint/{id}/restore"), json!({})).await.expect(404);
    world.delete(&format!("/app/a/endpoint/{id}")).await.expect(204);
    assert_eq!(world.get("/app/a/deleted-endpoint").await.expect(200)["data"], json!([]));
    world.advance(DAY / 24);
    let_go(&world).await;
    assert_eq!(kept(&world, no.0).await, (DocumentKind::GoneEndpoint, false));
    let story = world.get(&format!("/app/a/msg/{message}/endpoint?expanded_statuses=true")).await.expect(200);
    assert_eq!(story["data"][0]["statusText"], json!("canceled"));
}
