//! How deliveries went.

use std::time::Duration;

use ringback_model::{EndpointNo, Tally};
use ringback_store::{Count, Store as _};
use serde_json::{Value, json};

use crate::harness::World;

fn tally(delivered: u64, failed: u64) -> Tally {
    let mut tally = Tally { failed, exchange_us: 20_000 * (delivered + failed), ..Tally::default() };
    (0..delivered).for_each(|_| tally.deliver(Duration::from_millis(7)));
    tally
}

async fn count(world: &World, app: &str, endpoints: &[(&str, Tally)]) {
    let app_no = world.app_no(app).await;
    let mut counted = Vec::new();
    for (endpoint, tally) in endpoints {
        let no: EndpointNo = world.endpoint_no(app, endpoint).await;
        counted.push((no, app_no, *tally));
    }
    world.store.tally(Count { at: world.service.clock().now(), endpoints: counted }).await.unwrap();
}

/// An application with two endpoints, of which one fails.
async fn counted() -> (World, String, [String; 2]) {
    let world = World::new();
    let app = world.app("a").await;
    let good = world.endpoint("a", json!({ "url": "https://example.com/" })).await;
    let bad = world.endpoint("a", json!({ "url": "https://example.com/" })).await;
    count(&world, &app, &[(&good, tally(9, 0)), (&bad, Tally { given_up: 2, ..tally(1, 4) })]).await;
    (world, app, [good, bad])
}

#[tokio::test]
async fn attempts_are_counted_for_an_endpoint_its_application_and_the_organization() {
    let (world, app, [good, bad]) = counted().await;
    world.advance(3_600);
    count(&world, &app, &[(&good, tally(1, 0))]).await;
    for (path, delivered, failed) in [
        (format!("/app/a/endpoint/{good}/statistics"), 10, 0),
        (format!("/app/a/endpoint/{bad}/statistics"), 1, 4),
        ("/app/a/statistics".to_owned(), 11, 4),
        ("/statistics".to_owned(), 11, 4),
    ] {
        let day = world.get(&path).await.expect(200);
        assert_eq!(
            (&day["total"]["delivered"], &day["total"]["failed"]),
            (&json!(delivered), &json!(failed)),
            "{path}"
        );
        assert_eq!((&day["window"], &day["stepSeconds"]), (&json!("24h"), &json!(3_600)));
        let points = day["points"].as_array().unwrap();
        assert_eq!(points.len(), 24);
        let sum: u64 = points.iter().map(|point| point["delivered"].as_u64().unwrap()).sum();
        assert_eq!(sum, delivered);
        let lag = day["total"]["lag"]["p99Ms"].as_f64().unwrap();
        assert!((5.0..=10.0).contains(&lag), "{lag}");
        let hour = world.get(&format!("{path}?window=1h")).await.expect(200);
        assert_eq!(hour["points"].as_array().unwrap().len(), 60);
        let week = world.get(&format!("{path}?window=7d")).await.expect(200);
        assert_eq!(week["points"].as_array().unwrap().len(), 168);
        world.get(&format!("{path}?window=1y")).await.expect(422);
    }
}

#[tokio::test]
async fn the_failing_and_the_slowest_endpoints_are_named() {
    let (world, _, [good, bad]) = counted().await;
    let day = world.get("/app/a/statistics").await.expect(200);
    let ids = |list: &str| -> Vec<Value> {
        day[list].as_array().unwrap().iter().map(|standing| standing["endpointId"].clone()).collect()
    };
    assert_eq!(ids("failing"), [json!(bad)]);
    assert_eq!(ids("slowest").len(), 2);
    assert_eq!(day["failing"][0]["successRate"], 0.2);
    world.delete(&format!("/app/a/endpoint/{good}")).await.expect(204);
    let day = world.get("/app/a/statistics").await.expect(200);
    assert_eq!(day["slowest"].as_array().unwrap().len(), 1, "a deleted endpoint asks for nothing");
}

#[tokio::test]
async fn an_endpoint_is_summed_over_a_range_and_told_what_waits() {
    let (world, app, [_, bad]) = counted().await;
    world.event_type("t").await;
    world.message("a", "t").await;
    let stats = |query: String| {
        let (world, path) = (&world, format!("/app/a/endpoint/{bad}/stats{query}"));
        async move { world.get(&path).await }
    };
    let now = stats(String::new()).await.expect(200);
    assert_eq!(
        now,
        json!({ "success": 1, "pending": 1, "sending": 0, "fail": 2, "canceled": 0 }),
        "deliveries, and not their tries"
    );
    let attempts = world.get(&format!("/app/a/endpoint/{bad}/attempt-stats")).await.expect(200);
    assert_eq!(attempts, json!({ "success": 1, "fail": 2, "canceled": 0 }));
    world.advance(20 * 86_400);
    count(&world, &app, &[(&bad, tally(2, 0))]).await;
    assert_eq!(stats(String::new()).await.expect(200)["success"], 2);
    let end = world.service.clock().now();
    let since = |days: u64| format!("?since={}", end - Duration::from_secs(days * 86_400));
    assert_eq!(stats(since(27)).await.expect(200)["success"], 3);
    assert_eq!(stats(since(5)).await.expect(200)["success"], 2);
    let refused = stats(since(29)).await;
    assert_eq!(refused.expect(400)["code"], "invalid_range");
    let backwards = format!("{}&until={}", since(1), end - Duration::from_secs(2 * 86_400));
    assert_eq!(stats(backwards).await.expect(400)["code"], "invalid_range");
}
