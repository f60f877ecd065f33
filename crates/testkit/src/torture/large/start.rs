//! How soon a server is ready on a store of 10 GB, after `kill -9` under load and after a graceful end, and how soon it has
//! taken and delivered a message then. What the system holds of the store in memory is let go of before, so that it is read
//! from the disk, as after a start of the machine.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::super::report::Report;
use super::super::run::Options;
use super::super::sink::{HELD, TAKEN};
use super::super::stage::{Fill, Stage, message};
use super::Large;

/// How often each kind of start is made.
const STARTS: usize = 3;
/// Bytes of a payload.
const BYTES: usize = 4_000;
/// Messages between two looks at the size.
const STEP: usize = 20_000;
/// Messages that wait for a paused endpoint.
const WAITING: usize = 100_000;
/// How long a load goes on before it is cut off.
const LOAD: Duration = Duration::from_secs(3);
/// How soon the server has to be ready.
const BOUND: Duration = Duration::from_secs(5);
/// Applications: whose messages are delivered, whose messages wait, and who asks whether the server is there.
const APPS: [(&str, &str); 3] = [("stored", TAKEN), ("waiting", TAKEN), ("asking", HELD)];

pub(super) async fn measure(options: &Options, large: &Large, folder: &Path, report: &mut Report) -> Result<()> {
    let mut stage = Stage::begin(options, folder).await?;
    for (app, place) in APPS {
        stage.app(app).await?;
        stage.endpoint(app, place, json!({ "paused": app == "waiting" })).await?;
    }
    let wanted = (large.gigabytes * 1e9) as u64;
    stage.fill("waiting", &Fill::of(WAITING.min(large.messages), 450)).await?;
    let mut messages = 0;
    while stage.bytes()? < wanted {
        messages += STEP;
        stage.fill("stored", &Fill::of(STEP, BYTES)).await?;
        // Not faster than they are delivered, or the load would be a backlog.
        stage.arrived(TAKEN, messages).await?;
    }
    report.field("stored", messages).field("stored_gb", format!("{:.1}", stage.bytes()? as f64 / 1e9));
    let (mut killed, mut stopped, mut first) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for start in 0..2 * STARTS {
        let is_kill = start % 2 == 0;
        if is_kill {
            // An error is the kill.
            tokio::time::timeout(LOAD, stage.fill("stored", &Fill::of(usize::MAX, BYTES))).await.ok();
            stage.kill().await?;
        } else {
            stage.stop().await?;
        }
        stage.forget_pages()?;
        let (began, arrived) = (Instant::now(), stage.sink.count(HELD));
        let ready = stage.start().await?;
        let most = if is_kill { &mut killed } else { &mut stopped };
        *most = ready.max(*most);
        stage.post("asking", &message(450, ""), 1, 1).await?;
        stage.arrived(HELD, arrived + 1).await?;
        first = first.max(began.elapsed());
    }
    stage.stop().await?;
    report.millis("start_killed_max_ms", killed).millis("start_stopped_max_ms", stopped);
    report.millis("start_first_delivery_max_ms", first);
    for (name, took) in [("`kill -9`", killed), ("a graceful end", stopped), ("a start, of its first delivery", first)]
    {
        report.require(took <= BOUND, || format!("{took:?} after {name}; {BOUND:?} are allowed"));
    }
    Ok(())
}
