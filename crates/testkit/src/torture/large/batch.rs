//! What a message costs that comes with 99 others in one request, beside one that comes by itself over 32 connections: the
//! server's own CPU, in turn. Once for messages that nobody gets, where all that is measured is taking them, and once for
//! messages that an endpoint gets.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::super::report::Report;
use super::super::run::Options;
use super::super::sink::TAKEN;
use super::super::stage::{Fill, Stage, message};
use super::{Large, TURNS};

/// Rounds that are counted.
const ROUNDS: usize = 4;
/// Messages of a turn, as a part of those of the run.
const PART: usize = 50;
/// Messages of a request.
const BATCH: usize = 100;
/// Connections of single posts.
const CONNECTIONS: usize = 32;
/// Bytes of a payload.
const BYTES: usize = 450;
/// Most that it may cost beside a single post.
const BOUND: f64 = 0.6;
/// The applications: whose messages nobody gets, and whose messages an endpoint gets.
const APPS: [&str; 2] = ["alone", "sent"];

/// CPU of a single message and of one of a batch, in seconds.
type Costs = [f64; 2];

pub(super) async fn measure(options: &Options, large: &Large, folder: &Path, report: &mut Report) -> Result<()> {
    let mut stage = Stage::begin(options, folder).await?;
    for app in APPS {
        stage.app(app).await?;
    }
    stage.endpoint(APPS[1], TAKEN, json!({})).await?;
    let messages = (large.messages / PART).max(BATCH);
    let mut costs = [Costs::default(); 2];
    // A round that is not counted: pages, connections and caches are warm after it.
    for round in 0..=ROUNDS {
        for (app, costs) in APPS.iter().zip(&mut costs) {
            for turn in TURNS {
                let cost = cost(&stage, app, messages, turn == 1).await?;
                costs[turn] += if round == 0 { 0.0 } else { cost };
            }
        }
    }
    stage.stop().await?;
    let each = 1e6 / (2 * ROUNDS * messages) as f64;
    let [[single, batch], [single_sent, batch_sent]] = costs;
    report.field("single_cpu_us", format!("{:.1}", single * each));
    report.field("batch_cpu_us", format!("{:.1}", batch * each));
    report.field("batch_ratio", format!("{:.2}", batch / single));
    report.field("single_sent_cpu_us", format!("{:.1}", single_sent * each));
    report.field("batch_sent_cpu_us", format!("{:.1}", batch_sent * each));
    report.field("batch_sent_ratio", format!("{:.2}", batch_sent / single_sent));
    report.require(batch <= BOUND * single, || {
        format!("a message of a batch costs {:.2} times a single one; {BOUND} are allowed", batch / single)
    });
    Ok(())
}

/// Hands in messages and waits until all is done; returns what the server used for it.
async fn cost(stage: &Stage, app: &str, messages: usize, is_batch: bool) -> Result<f64> {
    let (before, arrived) = (stage.cpu_seconds()?, stage.sink.count(TAKEN));
    let message = message(BYTES, "");
    if is_batch {
        stage.fill(app, &Fill { messages, batch: BATCH, message }).await?;
    } else {
        stage.post(app, &message, messages, CONNECTIONS).await?;
    }
    if app == APPS[1] {
        stage.arrived(TAKEN, arrived + messages).await?;
    }
    stage.at_rest().await?;
    Ok(stage.cpu_seconds()? - before)
}
