//! Death at named points: for each call by which a message comes nearer to its receiver, the process ends just before it,
//! or just after; under load, and once more while it recovers from that.
//!
//! Random kills land where a server spends its time. These land where it spends none.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::report::Report;
use super::run::{self, Options, Run};
use super::seed::Seed;
use super::shim::{Point, Shim};

/// How long a point may not be come to.
const LIMIT: Duration = Duration::from_secs(20);
/// The last visit of a point that a process may die at: under load, and while it recovers.
const VISITS: u64 = 100;
const EARLY_VISITS: u64 = 5;

/// The points, and what they are called in a report.
const POINTS: [(Point, &str); 11] = [
    (Point::RequestRead, "request_read"),
    (Point::LogWrite, "log_write"),
    (Point::LogSync, "log_sync"),
    (Point::LogSynced, "log_synced"),
    (Point::StoreWrite, "store_write"),
    (Point::Answer, "answer"),
    (Point::Answered, "answered"),
    (Point::Dial, "dial"),
    (Point::Send, "send"),
    (Point::Sent, "after_send"),
    (Point::Received, "received"),
];

/// What this mode adds to the common options.
#[derive(Debug, Clone, Copy)]
pub struct Points {
    /// How often the process dies at each point under load, and how often while it recovers.
    pub rounds: usize,
}

/// Runs it.
///
/// # Errors
/// If the harness itself cannot do its work; a misbehaving server is a report, not an error.
pub async fn run(options: &Options, points: Points) -> Result<Report> {
    let (folder, store, output) = run::folder()?;
    let shim = Shim::build(folder.path(), &store).await?;
    let mut run = Run::begin_with(options, store, output, shim.environment()).await?;
    let work = run.work(options.rate);
    let mut seed = run.part(5);
    let mut died = [0; POINTS.len()];
    for _ in 0..points.rounds {
        for at in order(&mut seed) {
            let (point, name) = POINTS[at];
            run.live(seed.between(Duration::from_millis(100), Duration::from_millis(500))).await?;
            let mut dies = async |visits, starts| die(&shim, &mut run, point, seed.below(visits) + 1, starts).await;
            let deaths = [dies(VISITS, false).await, dies(EARLY_VISITS, true).await];
            for there in deaths {
                died[at] += usize::from(there.with_context(|| format!("at the point {name}"))?);
            }
            shim.spare()?;
            run.start()?;
            run.ready().await;
        }
    }
    let mut report = Report::new("points");
    report.field("seed", options.seed).field("rate", options.rate);
    tell(&died, points, &mut report);
    let mut report = run.finish(work, report).await;
    run::put_away(folder, &mut report);
    Ok(report)
}

fn tell(died: &[usize; POINTS.len()], points: Points, report: &mut Report) {
    let planned = 2 * points.rounds;
    for ((_, name), died) in POINTS.iter().zip(died) {
        report.field(name, format!("{died}/{planned}"));
        report.require(*died == planned, || format!("it died at {name} {died} of {planned} times"));
    }
    report.require(points.rounds > 0, || "a run without deaths tests nothing".to_owned());
}

/// The points of one round, in an order of its own.
fn order(seed: &mut Seed) -> Vec<usize> {
    let mut order: Vec<_> = (0..POINTS.len()).map(|at| (seed.next(), at)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, at)| at).collect()
}

/// Has the process die at a visit of a point, a new process if it `starts`; `true` if that was its end. One that lives
/// on is killed.
async fn die(shim: &Shim, run: &mut Run, point: Point, visit: u64, starts: bool) -> Result<bool> {
    let before = shim.hits()?;
    shim.kill_at(point, visit)?;
    if starts {
        run.start()?;
    }
    if !run.ends_by_itself(LIMIT).await? {
        run.kill().await?;
        return Ok(false);
    }
    Ok(shim.hits()? > before)
}
