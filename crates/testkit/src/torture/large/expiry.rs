//! The time that a POST takes while what is old is let go of, beside the time without: at 200 messages a second, in turn.
//!
//! Messages are accepted, each with a delivery and an attempt. In the turns in which they are to go, the server is started with
//! its clock six days ahead, a day more than the least for which anything is kept; in the others with its clock as it was, so
//! that nothing is due. What goes is counted by `check` between the turns.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::json;

use super::super::figures::{in_ms, median, percentile, ratio};
use super::super::report::Report;
use super::super::run::Options;
use super::super::shim::{Lever, Shim};
use super::super::sink::TAKEN;
use super::super::stage::{Fill, Stage};
use super::{Large, RATE, TURNS};

/// Rounds.
const ROUNDS: usize = 3;
/// How long a turn is.
const TURN: Duration = Duration::from_secs(12);
/// What of it is not counted: the server has just been started.
const WARM_UP: Duration = Duration::from_secs(2);
/// Old messages, as a part of those of the run.
const PART: usize = 8;
/// By how many seconds the clock is ahead while messages go.
const AHEAD: i64 = 6 * 86_400;
/// Rows of a message that was delivered: its own, its delivery's, its attempt's.
const ROWS_EACH: f64 = 3.0;
/// Rows a second that have to go for the figure to say something.
const ROWS: f64 = 1_000.0;
/// Most that the 99th percentile may be beside the time without.
const BOUND: f64 = 1.5;

pub(super) async fn measure(options: &Options, large: &Large, folder: &Path, report: &mut Report) -> Result<()> {
    let shim = Shim::build(folder, &folder.join("store")).await?;
    let mut stage = Stage::begin_with(options, folder, Some(&shim)).await?;
    let days = json!({ "retentionDays": 5, "attemptRetentionDays": 5, "messageRetentionDays": 5 });
    stage.patch("/api/v1/organization", &days).await?;
    for app in ["old", "new"] {
        stage.app(app).await?;
        stage.endpoint(app, TAKEN, json!({})).await?;
    }
    let fill = Fill::of((large.messages / PART).max(1_000), 450);
    stage.fill("old", &fill).await?;
    stage.arrived(TAKEN, fill.messages).await?;
    stage.at_rest().await?;
    stage.stop().await?;
    let (mut times, mut gone, mut went) = ([Vec::new(), Vec::new()], 0.0, Duration::ZERO);
    let mut before = rows(&stage.check().await?)?;
    for turn in (0..ROUNDS).flat_map(|_| TURNS) {
        shim.set(Lever::ClockOff, if turn == 1 { AHEAD } else { 0 })?;
        let began = Instant::now();
        stage.start().await?;
        let posts = post(&stage, began + WARM_UP).await?;
        stage.stop().await?;
        let lasted = began.elapsed();
        let after = rows(&stage.check().await?)?;
        times[turn].push(posts.p99);
        if turn == 1 {
            gone += before + ROWS_EACH * posts.count as f64 - after;
            went += lasted;
        }
        before = after;
    }
    let [without, with] = times.map(|times| median(&times));
    let pace = gone / went.as_secs_f64();
    report.field("expired_rows_per_s", format!("{pace:.0}"));
    report.field("post_p99_ms", in_ms(without)).field("post_expiring_p99_ms", in_ms(with));
    report.field("expiry_ratio", format!("{:.2}", ratio(with, without)));
    report.require(pace >= ROWS, || format!("only {pace:.0} rows a second went; {ROWS} are wanted"));
    report.require(ratio(with, without) <= BOUND, || {
        format!("p99 of a POST is {:.2} times while messages go; {BOUND} are allowed", ratio(with, without))
    });
    Ok(())
}

/// What came of the posts of a turn.
#[derive(Debug)]
struct Posts {
    count: usize,
    p99: Duration,
}

/// Posts for a turn; those before `warm` are not in the percentile.
async fn post(stage: &Stage, warm: Instant) -> Result<Posts> {
    let pace = stage.pace("new", RATE);
    tokio::time::sleep(TURN).await;
    let answered = pace.stop().await?;
    let took: Vec<_> = answered.iter().filter(|post| post.at >= warm).map(|post| post.took).collect();
    Ok(Posts { count: answered.len(), p99: percentile(&took, 0.99) })
}

/// The rows of messages, attempts and deliveries that `check` has counted.
fn rows(check: &str) -> Result<f64> {
    let counts = check.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let is_counted = ["messages", "attempts", "deliveries"].contains(&words.next()?);
        is_counted.then(|| words.next().unwrap_or_default().parse::<f64>())
    });
    counts.sum::<Result<f64, _>>().with_context(|| format!("`check` has printed: {check}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_a_check_are_those_of_messages_attempts_and_deliveries() {
        let check = "version     7\ndocuments   12\nmessages    30\nattempts    41\ndeliveries  28 success\n\
                     deliveries  2 failed\nwaiting     nothing\nwhole       yes\n";
        assert!((rows(check).unwrap() - 101.0).abs() < 1e-9);
        assert!(rows("messages    many\n").is_err());
    }
}
