//! What an operator's tools read: metrics and readiness.

use std::time::Duration;

use axum::body::Body;
use http::Request;
use ringback_testkit::Receiver;
use serde_json::{Value, json};

use crate::harness::{Answer, World};

async fn page(world: &World, path: &str) -> Answer {
    world.send(Request::get(path).body(Body::empty()).unwrap()).await
}

/// What the operator's own listener says.
async fn operator(world: &mut World, path: &str) -> Answer {
    let api = world.operator.clone().unwrap();
    let own = std::mem::replace(&mut world.api, api);
    let answer = page(world, path).await;
    world.api = own;
    answer
}

/// The value of a series; 0 if there is none.
fn value(metrics: &str, series: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

/// Scrapes until a series has such a value.
async fn scrape_until(world: &mut World, series: &str, wanted: std::ops::RangeInclusive<f64>) -> String {
    for _ in 0..2_000 {
        // What waits is counted every ten seconds at most.
        world.advance(11);
        let metrics = operator(world, "/metrics").await.text;
        if wanted.contains(&value(&metrics, series)) {
            return metrics;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("{series} never was in {wanted:?}:\n{}", operator(world, "/metrics").await.text);
}

#[tokio::test]
async fn what_happens_is_counted_and_what_waits_is_told() {
    let mut world = World::running();
    let receiver = Receiver::start().await.unwrap();
    receiver.answer("/bad", ringback_testkit::Answer::status(503));
    let app = world.app("a").await;
    world.endpoint("a", json!({ "url": receiver.url("/good") })).await;
    world.endpoint("a", json!({ "url": receiver.url("/bad") })).await;
    let paused = world.endpoint("a", json!({ "url": receiver.url("/paused"), "paused": true })).await;
    world.message("a", "t").await;
    scrape_until(&mut world, "ringback_deliveries_ended_total{how=\"success\"}", 1.0..=1.0).await;
    scrape_until(&mut world, "ringback_gates_closed{gate=\"paused\"}", 1.0..=1.0).await;
    let metrics = scrape_until(&mut world, "ringback_deliveries_pending", 2.0..=2.0).await;
    for (series, wanted) in [
        ("ringback_messages_accepted_total", 1.0),
        ("ringback_deliveries_accepted_total", 3.0),
        ("ringback_attempts_total{outcome=\"delivered\"}", 1.0),
        ("ringback_delivery_duration_seconds_count", 1.0),
        ("ringback_dispatcher_up", 1.0),
        ("ringback_api_requests_total{status=\"2xx\"}", 5.0),
    ] {
        assert_eq!(value(&metrics, series), wanted, "{series}\n{metrics}");
    }
    for series in [
        "ringback_attempts_total{outcome=\"status_5xx\"}",
        "ringback_retries_total",
        "ringback_oldest_pending_age_seconds",
        "ringback_commit_duration_seconds_count",
        "ringback_commit_writes_sum",
        "ringback_dispatch_lag_seconds_count",
        "ringback_store_bytes",
        "ringback_disk_free_bytes",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
    ] {
        assert!(value(&metrics, series) > 0.0, "{series}\n{metrics}");
    }
    let delivered = format!("ringback_application_attempts_total{{application=\"{app}\",outcome=\"delivered\"}}");
    assert_eq!(value(&metrics, &delivered), 1.0, "{metrics}");
    assert!(!metrics.contains(&paused), "endpoints are not told one by one");
}

#[tokio::test]
async fn every_series_has_a_meaning_and_those_of_customers_are_the_operators() {
    let mut world = World::running();
    let app = world.app("a").await;
    world.endpoint("a", json!({ "url": "https://nowhere.example/" })).await;
    world.message("a", "t").await;
    scrape_until(&mut world, "ringback_attempts_total{outcome=\"dns\"}", 1.0..=1e9).await;
    let text = operator(&mut world, "/metrics").await.text;
    let mut named = "";
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            named = help.split(' ').next().unwrap();
        }
        assert!(line.starts_with('#') || line.starts_with(named), "{line} stands under {named}");
    }
    assert!(text.contains(&app), "{text}");
    let answer = page(&world, "/metrics").await;
    assert_eq!(
        (answer.status.as_u16(), answer.headers["content-type"].to_str().unwrap()),
        (200, "text/plain; version=0.0.4; charset=utf-8")
    );
    assert!(
        answer.text.contains("ringback_messages_accepted_total 1\n") && !answer.text.contains(&app),
        "{}",
        answer.text
    );
    let other = operator(&mut world, "/api/v1/health").await;
    assert_eq!(other.status.as_u16(), 404, "the operator's listener serves nothing else");
}

fn troubles(answer: &Answer) -> Vec<String> {
    let checks = answer.json()["checks"].as_array().unwrap().clone();
    let bad = checks.iter().filter(|check| check["ok"] == Value::Bool(false));
    bad.map(|check| format!("{}: {}", check["name"].as_str().unwrap(), check["detail"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_server_that_can_do_its_work_is_ready() {
    let world = World::running();
    let answer = page(&world, "/readyz").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (200, &json!("ready")), "{}", answer.text);
    assert!(troubles(&answer).is_empty());
    world.clock.step_wall(29_000_000);
    assert_eq!(page(&world, "/readyz").await.status, 200, "clocks drift");
}

#[tokio::test]
async fn a_clock_that_was_set_makes_it_unready_and_says_so() {
    let world = World::running();
    for (micros, word) in [(31_000_000, "31 s forward"), (-3_600_000_000, "3600 s back")] {
        world.clock.step_wall(micros);
        let answer = page(&world, "/readyz").await;
        assert_eq!(answer.status, 503);
        let troubles = troubles(&answer);
        assert!(
            troubles.len() == 1 && troubles[0].starts_with("clock: ") && troubles[0].contains(word),
            "{troubles:?}"
        );
    }
}

#[tokio::test]
async fn an_engine_that_has_ended_makes_it_unready_and_says_so() {
    let mut world = World::running();
    let (engine, _monitor) = world.running.take().unwrap();
    engine.stop(Duration::from_secs(5)).await;
    let answer = page(&world, "/readyz").await;
    assert_eq!(answer.status, 503);
    assert!(troubles(&answer)[0].starts_with("dispatcher: Nothing is delivered"), "{}", answer.text);
    let metrics = page(&world, "/metrics").await.text;
    assert!(metrics.contains("ringback_dispatcher_up 0\n") && metrics.contains("ringback_messages_accepted_total 0\n"));
}

#[tokio::test]
async fn a_server_that_stops_takes_no_more_work() {
    let world = World::running();
    world.running.as_ref().unwrap().1.stopping();
    let answer = page(&world, "/readyz").await;
    assert_eq!(
        (answer.status.as_u16(), troubles(&answer)),
        (503, vec!["stopping: The server is stopping.".to_owned()])
    );
}
