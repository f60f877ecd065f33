//! The harness against a server in memory: a right one passes, and each planted bug is found in its own field.

mod server;

use std::time::Duration;

use super::report::{Report, Verdict};
use super::run::Run;
use server::{Bug, start};

/// Runs load against a server with this bug; returns the report.
async fn rehearse(bug: Option<Bug>) -> Report {
    let (address, _server) = start(bug).await;
    let mut run = Run::rehearsal(address).await.unwrap();
    let work = run.work(600);
    run.live(Duration::from_millis(900)).await.unwrap();
    run.finish(work, Report::new("rehearsal")).await
}

/// Asserts that the bug moves this field, and none of the others.
async fn finds(bug: Bug, field: &str) {
    const ZERO: [&str; 14] = [
        "lost",
        "stuck",
        "phantom",
        "corrupt",
        "badsig",
        "dup_unforced",
        "dup_over_bound",
        "dup_recorded",
        "order_viol",
        "idem_viol",
        "task_viol",
        "status_lies",
        "died",
        "unready",
    ];
    let report = rehearse(Some(bug)).await;
    let line = report.to_string();
    let moved: Vec<_> = ZERO.into_iter().filter(|name| !line.contains(&format!(" {name}=0 "))).collect();
    assert_eq!((moved.as_slice(), report.verdict()), (&[field][..], Verdict::Fail), "{line}");
}

#[tokio::test]
async fn a_right_server_passes() {
    let report = rehearse(None).await;
    assert_eq!(report.verdict(), Verdict::Pass, "{report}\n{:?}", report.failures().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_server_that_forgets_deliveries_loses() {
    finds(Bug::Forgets, "lost").await;
}

#[tokio::test]
async fn a_server_that_sends_again_what_had_arrived_repeats_without_need() {
    finds(Bug::Repeats, "dup_unforced").await;
}

#[tokio::test]
async fn a_server_that_changes_a_byte_before_signing_corrupts() {
    finds(Bug::ChangesBody, "corrupt").await;
}

#[tokio::test]
async fn a_server_that_signs_with_another_secret_signs_badly() {
    finds(Bug::WrongSecret, "badsig").await;
}

#[tokio::test]
async fn a_server_that_goes_on_while_a_message_waits_for_its_retry_breaks_the_order() {
    finds(Bug::PassesWaiting, "order_viol").await;
}

#[tokio::test]
async fn a_server_that_ignores_idempotency_keys_makes_several_messages_of_one() {
    finds(Bug::IgnoresKeys, "idem_viol").await;
}

#[tokio::test]
async fn a_server_that_never_tells_of_success_is_not_believed() {
    finds(Bug::NeverTells, "status_lies").await;
}
