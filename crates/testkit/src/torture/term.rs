//! Graceful restarts under load: nothing is lost, nothing is repeated, every exit is clean.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::report::Report;
use super::run::{self, Options, Run};

/// How long a stop may take: the server's own grace of 25 s, and a little.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Runs it with this many restarts.
///
/// # Errors
/// If the harness itself cannot do its work; a misbehaving server is a report, not an error.
pub async fn run(options: &Options, cycles: usize) -> Result<Report> {
    let (folder, store, output) = run::folder()?;
    let mut run = Run::begin(options, store, output).await?;
    let work = run.work(options.rate);
    let mut seed = run.part(2);
    let (mut stops, mut unclean, mut slowest) = (0, 0, Duration::ZERO);
    while stops < cycles {
        run.live(seed.between(Duration::from_millis(300), Duration::from_millis(1000))).await?;
        let stopping = Instant::now();
        unclean += usize::from(!run.stop(STOP_LIMIT).await?);
        slowest = slowest.max(stopping.elapsed());
        stops += 1;
        run.start()?;
        if !run.ready().await {
            break;
        }
    }
    let mut report = Report::new("term");
    report.field("seed", options.seed).field("rate", options.rate);
    report.field("stops", format!("{stops}/{cycles}")).zero("unclean_exits", unclean);
    report.millis("stop_max_ms", slowest);
    report.require(cycles > 0 && stops == cycles, || format!("only {stops} of {cycles} stops"));
    // No kill in this run: the checker counts every repeat as unforced.
    let mut report = run.finish(work, report).await;
    run::put_away(folder, &mut report);
    Ok(report)
}
