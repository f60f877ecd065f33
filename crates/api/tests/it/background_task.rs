//! Recovering, replaying and calling off.

use ringback_model::Trigger;
use ringback_store::{Due, Take};
use serde_json::{Value, json};

use crate::harness::World;

const SINCE: &str = "2027-01-01T00:00:00Z";

/// Does all background tasks to their end.
async fn work(world: &World) {
    while world.service.work_on_tasks().await.unwrap() {}
}

/// What is due of an endpoint.
async fn due(world: &World, app: &str, endpoint: &str) -> Vec<Due> {
    let endpoint = world.endpoint_no(app, endpoint).await;
    let now = world.service.clock().now();
    let take = Take { endpoint, now, limit: 10_000, max_bytes: usize::MAX, held: Vec::new() };
    ringback_store::Store::take(&*world.store, take).await.unwrap().rows
}

async fn status_of(world: &World, message: &str) -> String {
    let deliveries = world.get(&format!("/app/a/msg/{message}/endpoint?expanded_statuses=true")).await.expect(200);
    deliveries["data"][0]["statusText"].as_str().unwrap().to_owned()
}

/// An application with an endpoint, and the ids of both.
async fn furnished(endpoint: Value) -> (World, String, String) {
    let world = World::new();
    let app = world.app("a").await;
    let endpoint = world.endpoint("a", endpoint).await;
    (world, app, endpoint)
}

#[tokio::test]
async fn what_failed_is_made_due_again_with_its_whole_schedule_and_nothing_else_is() {
    let (world, app, endpoint) = furnished(json!({ "url": "https://example.com/" })).await;
    let other = world.app("b").await;
    let elsewhere = world.endpoint("b", json!({ "url": "https://example.com/" })).await;
    let too_old = world.message("a", "t").await;
    world.advance(60);
    let since = world.service.clock().now().to_string();
    let (bad, good, foreign) =
        (world.message("a", "t").await, world.message("a", "t").await, world.message("b", "t").await);
    for message in [&too_old, &bad] {
        world.give_up(&app, &endpoint, message, 500).await;
    }
    world.give_up(&other, &elsewhere, &foreign, 500).await;
    world.attempt(&app, &endpoint, &good, 200).await;
    let path = format!("/app/a/endpoint/{endpoint}/recover");
    let ask =
        || world.ask(&world.token, "POST", &path, &[("idempotency-key", "k")], json!({ "since": since }).to_string());
    let task = ask().await.expect(202);
    assert_eq!((&task["task"], &task["status"]), (&json!("endpoint.recover"), &json!("running")));
    assert_eq!(ask().await.expect(202)["id"], task["id"]);
    let path = format!("/background-task/{}", task["id"].as_str().unwrap());
    assert_eq!(world.get(&path).await.expect(200)["status"], "running");
    work(&world).await;
    let done = world.get(&path).await.expect(200);
    assert_eq!(done["status"], "finished");
    assert_eq!((&done["data"]["messagesLookedAt"], &done["data"]["deliveriesChanged"]), (&json!(2), &json!(1)));
    let rows = due(&world, &app, &endpoint).await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].message.id.to_string(), rows[0].tries, rows[0].trigger), (bad, 0, Trigger::Scheduled));
    assert!(due(&world, &other, &elsewhere).await.is_empty());
    assert_eq!(world.get("/background-task").await.expect(200)["data"].as_array().unwrap().len(), 1);
    let app_token = world.app_token(&other);
    assert_eq!(world.ask(&app_token, "GET", &path, &[], "").await.status, 404);
    let seen = world.ask(&app_token, "GET", "/background-task", &[], "").await.expect(200);
    assert!(seen["data"].as_array().unwrap().is_empty());
    let running = world.get("/background-task?status=running").await.expect(200);
    assert!(running["data"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_task_goes_on_where_it_was_after_a_restart_and_can_be_called_off() {
    let (world, app, endpoint) = furnished(json!({ "url": "https://example.com/", "disabled": true })).await;
    let messages: Vec<_> = (0..700).map(|_| json!({ "eventType": "t", "payload": {} })).collect();
    for _ in 0..2 {
        world.post("/app/a/msg/batch", json!({ "messages": messages })).await.expect(202);
    }
    world.patch(&format!("/app/a/endpoint/{endpoint}"), json!({ "disabled": false })).await.expect(200);
    world.advance(1);
    let path = format!("/app/a/endpoint/{endpoint}/replay-missing");
    let start = || world.post(&path, json!({ "since": SINCE }));
    let (first, second) = (start().await.text_of("id"), start().await.text_of("id"));
    assert!(world.service.work_on_tasks().await.unwrap());
    let called_off = world.post(&format!("/background-task/{second}/cancel"), json!({})).await.expect(200);
    assert_eq!((&called_off["status"], &called_off["data"]["messagesLookedAt"]), (&json!("canceled"), &json!(150)));
    // Another node, with nothing of it in memory.
    let other = world.other_service();
    while other.work_on_tasks().await.unwrap() {}
    let done = world.get(&format!("/background-task/{first}")).await.expect(200);
    assert_eq!((&done["status"], &done["data"]["messagesLookedAt"]), (&json!("finished"), &json!(1_400)));
    assert_eq!(done["data"]["deliveriesChanged"], 1_400);
    assert_eq!(due(&world, &app, &endpoint).await.len(), 1_400);
    let again = world.post(&format!("/background-task/{second}/cancel"), json!({})).await;
    assert_eq!(again.expect(409)["code"], "task_over");
}

#[tokio::test]
async fn a_replay_chooses_by_type_channel_tag_state_and_status() {
    for (body, chosen) in [
        (json!({ "eventTypes": ["x"] }), [true, false, false]),
        (json!({ "channel": "c" }), [false, true, false]),
        (json!({ "tag": "g" }), [true, false, true]),
        (json!({ "tag": "g", "status": 2 }), [true, false, false]),
        (json!({ "status": 0 }), [false, false, true]),
        (json!({ "statusCodeClass": 500 }), [false, true, false]),
        (json!({}), [true, true, true]),
        (json!({ "until": "2027-01-02T00:00:00Z" }), [false, false, false]),
    ] {
        let (world, app, endpoint) = furnished(json!({ "url": "https://example.com/" })).await;
        let mut messages = Vec::new();
        for (message, status) in [
            (json!({ "eventType": "x", "payload": {}, "tags": ["f", "g"] }), 404),
            (json!({ "eventType": "t", "payload": {}, "channels": ["c"] }), 503),
            (json!({ "eventType": "t", "payload": {}, "tags": ["g"] }), 200),
        ] {
            let id = world.post("/app/a/msg", message).await.text_of("id");
            match status {
                200 => drop(world.attempt(&app, &endpoint, &id, 200).await),
                status => world.give_up(&app, &endpoint, &id, status).await,
            }
            messages.push(id);
        }
        let pending = world.message("a", "t").await;
        let mut body = body;
        body["since"] = json!(SINCE);
        world.post(&format!("/app/a/endpoint/{endpoint}/bulk-replay"), body.clone()).await.expect(202);
        work(&world).await;
        let due: Vec<_> = due(&world, &app, &endpoint).await.iter().map(|row| row.message.id.to_string()).collect();
        let found: Vec<_> = messages.iter().map(|id| due.contains(id)).collect();
        assert_eq!(found, chosen, "{body}");
        assert_eq!(due[0], pending, "what is new goes before what is replayed");
    }
}

#[tokio::test]
async fn a_recovery_and_what_was_missed_are_chosen_by_tag_too() {
    let (world, app, endpoint) = furnished(json!({ "url": "https://example.com/" })).await;
    let tagged = |tag: &str| json!({ "eventType": "t", "payload": {}, "tags": [tag] });
    let mut sent = Vec::new();
    for tag in ["g", "h"] {
        let id = world.post("/app/a/msg", tagged(tag)).await.text_of("id");
        world.give_up(&app, &endpoint, &id, 500).await;
        sent.push(id);
    }
    let late = world.endpoint("a", json!({ "url": "https://example.com/late" })).await;
    for (what, name) in [("recover", &endpoint), ("replay-missing", &late)] {
        let body = json!({ "since": SINCE, "tag": "h" });
        world.post(&format!("/app/a/endpoint/{name}/{what}"), body).await.expect(202);
        work(&world).await;
        let rows = due(&world, &app, name).await;
        assert_eq!(rows.iter().map(|row| row.message.id.to_string()).collect::<Vec<_>>(), sent[1..], "{what}");
    }
}

#[tokio::test]
async fn only_what_matches_and_was_never_meant_for_it_is_missing() {
    let (world, app, endpoint) = furnished(json!({ "url": "https://example.com/", "eventTypes": null })).await;
    let sent = world.message("a", "t").await;
    world.attempt(&app, &endpoint, &sent, 200).await;
    let new = world.endpoint("a", json!({ "url": "https://example.com/new", "channels": ["c"] })).await;
    world.post("/app/a/msg", json!({ "eventType": "t", "payload": {}, "channels": ["d"] })).await.expect(202);
    let late = world.endpoint("a", json!({ "url": "https://example.com/late" })).await;
    for (name, count) in [(&endpoint, 0), (&new, 0), (&late, 2)] {
        let before = due(&world, &app, name).await.len();
        world.post(&format!("/app/a/endpoint/{name}/replay-missing"), json!({ "since": SINCE })).await.expect(202);
        work(&world).await;
        assert_eq!(due(&world, &app, name).await.len() - before, count);
    }
}

#[tokio::test]
async fn what_is_pending_is_called_off_and_what_comes_later_is_not() {
    let (world, app, endpoint) = furnished(json!({ "url": "https://example.com/", "ordering": "fifo" })).await;
    let mut old = Vec::new();
    for _ in 0..3 {
        old.push(world.message("a", "t").await);
    }
    let path = |message: &str, what: &str| format!("/app/a/msg/{message}/endpoint/{endpoint}/{what}");
    world.post(&path(&old[0], "skip"), json!({})).await.expect(202);
    assert_eq!(world.post(&path(&old[0], "cancel"), json!({})).await.expect(409)["code"], "not_pending");
    assert_eq!(due(&world, &app, &endpoint).await[0].message.id.to_string(), old[1], "the next one goes on");
    let task = world.post(&format!("/app/a/endpoint/{endpoint}/cancel"), json!({})).await.text_of("id");
    let new = world.message("a", "t").await;
    work(&world).await;
    for message in &old {
        assert_eq!(status_of(&world, message).await, "canceled");
    }
    assert_eq!(status_of(&world, &new).await, "pending");
    assert_eq!(due(&world, &app, &endpoint).await[0].message.id.to_string(), new);
    let done = world.get(&format!("/background-task/{task}")).await.expect(200);
    assert_eq!((&done["status"], &done["data"]["deliveriesChanged"]), (&json!("finished"), &json!(2)));
    assert_eq!(done["data"]["messagesLookedAt"], json!(2), "it sees none but those");
}

#[tokio::test]
async fn nothing_is_sent_again_to_an_endpoint_that_is_disabled_or_deleted() {
    let (world, _, endpoint) = furnished(json!({ "url": "https://example.com/" })).await;
    let message = world.message("a", "t").await;
    let start = async |what: &str| {
        let path = format!("/app/a/endpoint/{endpoint}/{what}");
        world.post(&path, json!({ "since": SINCE })).await
    };
    let running = start("recover").await.text_of("id");
    world.patch(&format!("/app/a/endpoint/{endpoint}"), json!({ "disabled": true })).await.expect(200);
    work(&world).await;
    let failed = world.get(&format!("/background-task/{running}")).await.expect(200);
    assert_eq!(
        (&failed["status"], &failed["data"]["failure"]),
        (&json!("failed"), &json!("the endpoint was disabled"))
    );
    for what in ["recover", "replay-missing", "bulk-replay"] {
        assert_eq!(start(what).await.expect(409)["code"], "endpoint_disabled");
    }
    let resend = world.post(&format!("/app/a/msg/{message}/endpoint/{endpoint}/resend"), json!({})).await;
    assert_eq!(resend.expect(409)["code"], "endpoint_disabled");
    start("cancel").await.expect(202);
}

#[tokio::test]
async fn what_is_asked_for_has_to_make_sense() {
    let (world, _, endpoint) = furnished(json!({ "url": "https://example.com/" })).await;
    for (what, body, fault) in [
        ("recover", json!({}), "body.since"),
        ("recover", json!({ "since": "2030-01-01T00:00:00Z" }), "body.since"),
        ("replay-missing", json!({ "since": SINCE, "until": SINCE }), "body.until"),
        ("bulk-replay", json!({ "since": SINCE, "status": 1 }), "body.status"),
        ("bulk-replay", json!({ "since": SINCE, "statusCodeClass": 204 }), "body.statusCodeClass"),
    ] {
        let answer = world.post(&format!("/app/a/endpoint/{endpoint}/{what}"), body).await;
        assert_eq!(answer.faults(), [fault]);
    }
    assert_eq!(world.get("/background-task?status=done").await.faults(), ["query.status"]);
    assert_eq!(world.get("/background-task/none").await.status, 404);
}

/// Prints how long it takes to make many failed deliveries due, and what it does to those who hand in messages meanwhile.
/// `RINGBACK_DELIVERIES` says how many.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn how_long_a_recovery_takes() {
    let count: usize = std::env::var("RINGBACK_DELIVERIES").ok().and_then(|text| text.parse().ok()).unwrap_or(50_000);
    let (world, app, endpoint) = furnished(json!({ "url": "https://example.com/" })).await;
    let messages: Vec<_> = (0..1_000).map(|_| json!({ "eventType": "t", "payload": {} })).collect();
    let batch = json!({ "messages": messages });
    for _ in 0..count / 1_000 {
        world.post("/app/a/msg/batch", batch.clone()).await.expect(202);
    }
    let no = world.endpoint_no(&app, &endpoint).await;
    loop {
        let rows = due(&world, &app, &endpoint).await;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let state = ringback_model::DeliveryState::Fail;
            let end = ringback_store::End {
                message: row.message.no,
                endpoint: no,
                state,
                reason: ringback_model::Reason::Exhausted,
                audit: None,
            };
            drop(ringback_store::Store::end(&*world.store, end));
        }
        world.service.health().await.unwrap();
    }
    let world = std::sync::Arc::new(world);
    let post = |seconds: u64, world: std::sync::Arc<World>| async move {
        let end = tokio::time::Instant::now() + std::time::Duration::from_secs(seconds);
        let mut took = Vec::new();
        while tokio::time::Instant::now() < end {
            let began = tokio::time::Instant::now();
            world.post("/app/a/msg", json!({ "eventType": "u", "payload": {} })).await.expect(202);
            took.push(began.elapsed());
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        took.sort_unstable();
        (took[took.len() / 2], took[took.len() * 99 / 100])
    };
    let before = post(5, world.clone()).await;
    world.post(&format!("/app/a/endpoint/{endpoint}/recover"), json!({ "since": SINCE })).await.expect(202);
    let began = tokio::time::Instant::now();
    let meanwhile = tokio::spawn(post(5, world.clone()));
    work(&world).await;
    let took = began.elapsed();
    let during = meanwhile.await.unwrap();
    println!("{count} deliveries in {took:?}; p50, p99 of a POST: {before:?} without, {during:?} beside it");
    assert!(took.as_secs_f64() < 60.0 * count as f64 / 1e6 + 5.0);
}
