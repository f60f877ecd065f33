//! `kill -9` at random moments under load, five times in a row before the server has even come up, and while background
//! tasks are at work.

use std::time::Duration;

use anyhow::Result;

use super::recovery::Recovery;
use super::report::Report;
use super::run::{self, Options, Run};
use super::seed::Seed;

/// Kills within [`EARLY`] of a start, in a row: a recovery that is interrupted must not make things worse.
const EARLY_KILLS: usize = 5;
/// How soon after a start an early kill comes at the latest.
const EARLY: Duration = Duration::from_millis(100);

/// What this mode adds to the common options.
#[derive(Debug, Clone, Copy)]
pub struct Crash {
    /// How long the load goes on.
    pub seconds: u64,
    /// How many kills there must be at least; killing goes on until the time is over.
    pub kills: usize,
}

/// Runs it.
///
/// # Errors
/// If the harness itself cannot do its work; a misbehaving server is a report, not an error.
pub async fn run(options: &Options, crash: Crash) -> Result<Report> {
    let (folder, store, output) = run::folder()?;
    let mut run = Run::begin(options, store, output).await?;
    let mut recovery = Recovery::prepare(&mut run).await?;
    let prepared = run.elapsed();
    let work = run.work(options.rate);
    let mut seed = run.part(1);
    let longest = longest_gap(crash);
    let duration = Duration::from_secs(crash.seconds);
    // Slow recoveries may stretch a run, but not for ever.
    let limit = duration * 3 + Duration::from_secs(30);
    let early_from = crash.kills.saturating_sub(EARLY_KILLS) / 2;
    let (mut kills, mut early) = (0, 0);
    let elapsed = |run: &Run| run.elapsed().saturating_sub(prepared);
    while (kills < crash.kills || elapsed(&run) < duration) && elapsed(&run) < limit {
        if (early_from..early_from + EARLY_KILLS).contains(&kills) {
            tokio::time::sleep(seed.between(Duration::ZERO, EARLY)).await;
            early += 1;
        } else if kills >= early_from + EARLY_KILLS && recovery.is_under_way() {
            if !recovery.live(&mut run, &mut seed).await? {
                break;
            }
        } else if !live(&mut run, &mut seed, longest).await? {
            break;
        }
        run.kill().await?;
        run.start()?;
        kills += 1;
    }
    run.ready().await;
    let mut report = Report::new("crash");
    report.field("seed", options.seed).field("rate", options.rate);
    report.field("kills", format!("{kills}/{}", crash.kills)).field("early_kills", early);
    report.require(kills >= crash.kills, || format!("only {kills} of {} kills fired", crash.kills));
    recovery.end(&mut run, &mut report).await;
    report.require(crash.kills > 0, || "a crash run without kills tests nothing".to_owned());
    let mut report = run.finish(work, report).await;
    run::put_away(folder, &mut report);
    Ok(report)
}

/// Waits for the server and lets it work for a while; false if it does not come up.
async fn live(run: &mut Run, seed: &mut Seed, longest: Duration) -> Result<bool> {
    if !run.ready().await {
        return Ok(false);
    }
    run.live(seed.between(Duration::from_millis(200), longest)).await?;
    Ok(true)
}

/// The longest time between two kills: 4 s, or less if the planned kills would not fit.
fn longest_gap(crash: Crash) -> Duration {
    // Seven tenths of the time for the gaps, whose mean is half the longest; the rest is for recoveries.
    let kills = u32::try_from(crash.kills.max(1)).unwrap_or(u32::MAX);
    let longest = Duration::from_millis(crash.seconds.saturating_mul(1400)) / kills;
    longest.clamp(Duration::from_millis(400), Duration::from_secs(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_as_long_as_the_time_allows_and_never_longer_than_four_seconds() {
        let gap = |seconds, kills| longest_gap(Crash { seconds, kills });
        assert_eq!(gap(90, 24), Duration::from_secs(4));
        assert_eq!(gap(20, 20), Duration::from_millis(1400));
        assert_eq!(gap(1, 100), Duration::from_millis(400));
        assert_eq!(gap(90, 0), Duration::from_secs(4));
    }
}
