//! Retention under load: what is old goes as fast as new messages come, for a long time. The disk that the store takes must stop
//! growing, posts must not get slower, and what is pending must stay.
//!
//! Nothing is kept for less than five days. So a run is made of windows of a minute, and between two of them five days less a
//! minute pass: the server is ended, its clock is put ahead, and it is started again. What is accepted in a window goes a minute
//! later by the clocks of the room, as if a minute were the retention. In the first window there is nothing to let go of; what
//! posts take then is what they are compared with.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::figures::{self, Answered, in_ms, ratio, steady_p99};
use super::report::Report;
use super::run::{self, Options};
use super::shim::{Lever, Shim};
use super::sink::{HELD, TAKEN};
use super::stage::{Fill, Stage, message};

/// How long anything is kept at least, in seconds.
const KEPT: u64 = 5 * 86_400;
/// How often the size of the store is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Messages of a window that wait for a paused endpoint, and how many days their payloads are kept.
const HELD_MESSAGES: usize = 100;
const HELD_DAYS: u64 = 90;
/// Slices of time that a percentile is taken of.
const SLICE: Duration = Duration::from_secs(5);
/// Windows that have to be over before the size is compared: the first fills the store, the second one fills what it needs beside
/// while it lets go.
const FILLED: usize = 2;
/// Most that the store may grow from then on, of what it has.
const GROWTH: f64 = 0.05;
/// Most that the 99th percentile may be beside the first window.
const RATIO: f64 = 1.5;
/// The applications: of those who post, and of those whose messages wait.
const APP: &str = "posting";
const WAITING: &str = "waiting";

/// What this mode adds to the common options.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// How long the load goes on.
    pub minutes: f64,
    /// For how long a message is kept: a window, in seconds.
    pub window: u64,
}

/// What is seen in a run.
#[derive(Debug, Default)]
struct Seen {
    /// Posts of each window.
    windows: Vec<Vec<Answered>>,
    /// Minutes since the begin, and bytes of the store.
    sizes: Vec<(f64, f64)>,
    /// At which of them each window began.
    starts: Vec<usize>,
}

/// Runs it.
///
/// # Errors
/// If the harness cannot do its part, or the server does not take what is posted.
pub async fn run(options: &Options, retention: Retention) -> Result<Report> {
    let window = Duration::from_secs(retention.window);
    let windows = (retention.minutes * 60.0 / window.as_secs_f64()).round() as usize;
    if windows <= FILLED + 1 || KEPT <= retention.window {
        bail!("a run has {} windows at least, and here it is {windows} of {window:?}", FILLED + 2);
    }
    let (folder, ..) = run::folder()?;
    let shim = Shim::build(folder.path(), &folder.path().join("store")).await?;
    let mut stage = Stage::begin_with(options, folder.path(), Some(&shim)).await?;
    let days = json!({ "retentionDays": 5, "attemptRetentionDays": 5, "messageRetentionDays": 5 });
    stage.patch("/api/v1/organization", &days).await?;
    stage.app(APP).await?;
    stage.endpoint(APP, TAKEN, json!({})).await?;
    stage.app(WAITING).await?;
    let paused = stage.endpoint(WAITING, HELD, json!({ "paused": true })).await?;
    let (mut seen, began, mut posted) = (Seen::default(), Instant::now(), 0);
    for number in 0..windows {
        if number > 0 {
            stage.stop().await?;
            shim.set(Lever::ClockOff, i64::try_from((KEPT - retention.window) * number as u64)?)?;
            stage.start().await?;
        }
        let held = message(450, &format!(r#""payloadRetentionPeriod":{HELD_DAYS},"#));
        stage.fill(WAITING, &Fill { messages: HELD_MESSAGES, batch: HELD_MESSAGES, message: held }).await?;
        seen.live(&stage, options.rate, began, began + window * (number + 1) as u32).await?;
        posted += seen.windows[number].len();
    }
    let mut report = Report::new("retention");
    report.field("seed", options.seed).field("rate", options.rate).field("minutes", retention.minutes);
    report.field("window_s", retention.window).field("posted", posted);
    seen.tell(&mut report);
    // The oldest of those that wait have ended meanwhile, as they should.
    let young =
        (0..windows).filter(|age| (KEPT - retention.window) * (*age as u64) < HELD_DAYS * 86_400 - KEPT).count();
    let arrived = end(&mut stage, &paused, posted, young * HELD_MESSAGES).await;
    report.field("delivered", stage.sink.count(TAKEN)).field("held", young * HELD_MESSAGES);
    report.field("held_delivered", stage.sink.count(HELD));
    if let Err(error) = arrived {
        report.require(false, || format!("messages are lost: {error:#}"));
    }
    stage.stop().await?;
    let kept = stage.check().await?;
    report.tell(kept.lines().map(str::to_owned));
    run::put_away(folder, &mut report);
    Ok(report)
}

/// Waits for all that was posted, and for what has waited for the paused endpoint and is young enough.
async fn end(stage: &mut Stage, paused: &str, posted: usize, held: usize) -> Result<()> {
    stage.arrived(TAKEN, posted).await?;
    let path = format!("/api/v1/app/{WAITING}/endpoint/{paused}");
    stage.patch(&path, &json!({ "paused": false })).await.context("the endpoint that was paused")?;
    stage.arrived(HELD, held).await
}

impl Seen {
    /// One window: posts at a rate, and looks at the store now and then.
    async fn live(&mut self, stage: &Stage, rate: u32, began: Instant, until: Instant) -> Result<()> {
        self.starts.push(self.sizes.len());
        let pace = stage.pace(APP, rate);
        while Instant::now() < until {
            tokio::time::sleep(EVERY.min(until.saturating_duration_since(Instant::now()))).await;
            self.sizes.push((began.elapsed().as_secs_f64() / 60.0, stage.bytes()? as f64));
        }
        self.windows.push(pace.stop().await?);
        Ok(())
    }

    fn tell(&self, report: &mut Report) {
        let (first, later) = self.windows.split_at(1.min(self.windows.len()));
        let p99 = |windows: &[Vec<Answered>]| steady_p99(&windows.concat(), SLICE);
        let (without, with) = (p99(first), p99(later));
        report.field("first_p99_ms", in_ms(without)).field("p99_ms", in_ms(with));
        report.field("p99_ratio", format!("{:.2}", ratio(with, without)));
        report.require(ratio(with, without) <= RATIO, || {
            format!("p99 of a POST is {:.2} times while messages go; {RATIO} are allowed", ratio(with, without))
        });
        let mb = |bytes: f64| format!("{:.1}", bytes / 1e6);
        let at = |window: usize| self.starts.get(window).copied().unwrap_or(self.sizes.len());
        let highest = |sizes: &[(f64, f64)]| sizes.iter().map(|(_, bytes)| *bytes).fold(0.0, f64::max);
        let (filling, filled) = self.sizes.split_at(at(FILLED));
        let (level, growth) = (highest(filled), figures::growth(filled));
        report.field("first_mb", mb(highest(&filling[..at(1).min(filling.len())])));
        report.field("filled_mb", mb(highest(filling))).field("max_mb", mb(level)).field("growth_mb", mb(growth));
        report.require(growth <= GROWTH * level, || {
            format!("the store grew by {} MB of {}; {GROWTH} of it are allowed", mb(growth), mb(level))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a run of ten windows of a minute, of which a second has this many bytes.
    fn verdict(bytes: impl Fn(f64) -> f64, took: impl Fn(usize) -> u64) -> Vec<String> {
        let mut seen = Seen::default();
        let began = Instant::now();
        for window in 0..10_usize {
            seen.starts.push(seen.sizes.len());
            seen.sizes.extend((0..60).map(|second| {
                let minutes = window as f64 + f64::from(second) / 60.0;
                (minutes, bytes(minutes))
            }));
            let answered = |at: u64| Answered {
                at: began + Duration::from_secs(60 * window as u64) + Duration::from_millis(at),
                took: Duration::from_millis(took(window)),
            };
            seen.windows.push((0..60_000).step_by(20).map(answered).collect());
        }
        let mut report = Report::new("retention");
        seen.tell(&mut report);
        report.failures().map(str::to_owned).collect()
    }

    #[test]
    fn a_store_that_is_filled_and_then_used_again_passes_and_one_that_grows_on_does_not() {
        let plateau = |minutes: f64| 1e6 * (30.0 * minutes).min(55.0);
        assert_eq!(verdict(plateau, |_| 2), [""; 0]);
        let wavy = |minutes: f64| plateau(minutes) + 4e6 * (minutes * 7.0).sin();
        assert_eq!(verdict(wavy, |_| 2), [""; 0]);
        let grows = |minutes: f64| plateau(minutes) + 1e6 * minutes;
        assert_eq!(verdict(grows, |_| 2), ["the store grew by 8.0 MB of 65.0; 0.05 of it are allowed"]);
    }

    #[test]
    fn posts_that_are_slower_once_messages_go_are_told() {
        let plateau = |_| 5e7;
        assert_eq!(verdict(plateau, |window| if window == 4 { 50 } else { 2 }), [""; 0]);
        let slow = verdict(plateau, |window| if window == 0 { 2 } else { 4 });
        assert_eq!(slow, ["p99 of a POST is 2.00 times while messages go; 1.5 are allowed"]);
    }
}
