//! How fast a million failed deliveries are made due again, and what the POSTs of others take meanwhile, at 200 a second.
//!
//! The receiver has refused them, and takes them when they come again; so the time of a POST is that beside a server which
//! arms and sends as fast as it can. It is compared with the time before and, when all have been sent, after.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use http::StatusCode;
use serde_json::json;

use super::super::figures::{Answered, in_ms, ratio, steady_p99};
use super::super::report::Report;
use super::super::run::Options;
use super::super::sink::{SHUT, TAKEN};
use super::super::stage::{Fill, Stage};
use super::{Large, RATE};

/// How long POSTs are timed before and after.
const BESIDE: Duration = Duration::from_secs(20);
/// Slices of time that a percentile is taken of.
const SLICE: Duration = Duration::from_secs(2);
/// How long the task may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(600);
/// How soon a million have to be armed.
const BOUND: Duration = Duration::from_secs(60);
/// How many that is for.
const MILLION: f64 = 1e6;
/// Most that the 99th percentile may be beside the time without.
const RATIO: f64 = 1.5;
const APP: &str = "failed";
const OTHERS: &str = "others";

pub(super) async fn measure(options: &Options, large: &Large, folder: &Path, report: &mut Report) -> Result<()> {
    let mut stage = Stage::begin(options, folder).await?;
    stage.app(APP).await?;
    stage.app(OTHERS).await?;
    stage.endpoint(OTHERS, TAKEN, json!({})).await?;
    let endpoint = stage.endpoint(APP, SHUT, json!({ "retrySchedule": [] })).await?;
    // One in eight is taken, so that no breaker opens.
    let fill = Fill::of(large.messages.div_ceil(7) * 8, 450);
    stage.fill(APP, &fill).await?;
    stage.arrived(SHUT, fill.messages).await?;
    stage.drained(APP, &endpoint).await?;
    stage.at_rest().await?;
    stage.sink.open();
    let pace = stage.pace(OTHERS, RATE);
    tokio::time::sleep(BESIDE).await;
    let (began, used) = (Instant::now(), stage.cpu_seconds()?);
    let armed = rearm(&stage, &endpoint).await?;
    let (ended, used) = (Instant::now(), stage.cpu_seconds()? - used);
    stage.drained(APP, &endpoint).await?;
    let drained = Instant::now();
    tokio::time::sleep(BESIDE).await;
    let answered = pace.stop().await?;
    stage.stop().await?;
    let during = |from: Instant, to: Instant| -> Vec<Answered> {
        answered.iter().filter(|post| post.at >= from && post.at < to).copied().collect()
    };
    let mut quiet = during(began - BESIDE, began);
    quiet.extend(during(drained, drained + BESIDE));
    let (without, with) = (steady_p99(&quiet, SLICE), steady_p99(&during(began, ended), SLICE));
    let million = (ended - began).mul_f64(MILLION / armed.max(1) as f64);
    report.field("armed", armed).millis("rearm_ms", ended - began).millis("rearm_million_ms", million);
    report.field("rearm_cpu_s", format!("{used:.1}"));
    report.field("quiet_p99_ms", in_ms(without)).field("rearm_p99_ms", in_ms(with));
    report.field("draining_p99_ms", in_ms(steady_p99(&during(ended, drained), SLICE)));
    report.field("rearm_ratio", format!("{:.2}", ratio(with, without)));
    report.require(armed >= large.messages, || format!("only {armed} of {} were armed", large.messages));
    report.require(million <= BOUND, || format!("a million are armed in {million:?}; {BOUND:?} are allowed"));
    report.require(ratio(with, without) <= RATIO, || {
        format!("p99 of a POST is {:.2} times while deliveries are armed; {RATIO} are allowed", ratio(with, without))
    });
    Ok(())
}

/// Has them armed, and returns how many were.
async fn rearm(stage: &Stage, endpoint: &str) -> Result<usize> {
    let (mut client, began) = (stage.client(), Instant::now());
    let path = format!("/api/v1/app/{APP}/endpoint/{endpoint}/recover");
    let reply = client.post(&path, &json!({ "since": "2000-01-01T00:00:00Z" })).await.context("no answer to a task")?;
    let id = reply.id().filter(|_| reply.status == StatusCode::ACCEPTED);
    let path = format!("/api/v1/background-task/{}", id.with_context(|| format!("a task: {}", reply.json()))?);
    while began.elapsed() < PATIENCE {
        let task = stage.get(&mut client, &path).await?;
        if task["status"] == "finished" {
            return Ok(task["data"]["deliveriesChanged"].as_u64().and_then(|n| n.try_into().ok()).unwrap_or_default());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the task does not end")
}
