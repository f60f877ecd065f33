//! A long run in which nothing is broken: memory and descriptors must not grow.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::figures;
use super::report::Report;
use super::run::{self, Options, Run};

/// How often the server is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// The part of a run that is not looked at: caches fill, and the allocator keeps what it once had. The last to be full is that
/// of idempotency keys, after eleven minutes at 300 a second.
const WARM_UP: f64 = 0.45;
/// Growth over the part that is looked at that says nothing: a page of a cache more or less.
const SLACK_KIB: f64 = 4.0 * 1_024.0;

/// What this mode adds to the common options.
#[derive(Debug, Clone, Copy)]
pub struct Soak {
    /// How long the load goes on.
    pub minutes: u64,
}

/// The server at one moment.
#[derive(Debug, Clone, Copy)]
struct Sample {
    minutes: f64,
    rss_kib: f64,
    files: f64,
}

/// Runs it.
///
/// # Errors
/// If the harness itself cannot do its work; a misbehaving server is a report, not an error.
pub async fn run(options: &Options, soak: Soak) -> Result<Report> {
    if soak.minutes == 0 {
        bail!("a soak takes a minute at least");
    }
    let (folder, store, output) = run::folder()?;
    let mut run = Run::begin(options, store, output).await?;
    let work = run.work(options.rate);
    let (began, length) = (Instant::now(), Duration::from_secs(soak.minutes * 60));
    let mut samples = Vec::new();
    while began.elapsed() < length {
        run.live(EVERY).await?;
        let (rss_kib, files) = run.resources()?;
        samples.push(Sample { minutes: began.elapsed().as_secs_f64() / 60.0, rss_kib, files });
    }
    let warm = samples.split_off((samples.len() as f64 * WARM_UP) as usize);
    let mut report = Report::new("soak");
    report.field("seed", options.seed).field("rate", options.rate).field("minutes", soak.minutes);
    tell(&warm, &mut report);
    let mut report = run.finish(work, report).await;
    run::put_away(folder, &mut report);
    Ok(report)
}

fn tell(samples: &[Sample], report: &mut Report) {
    let highest = |of: fn(&Sample) -> f64| samples.iter().map(of).fold(0.0, f64::max);
    let growth = |of: fn(&Sample) -> f64| {
        figures::growth(&samples.iter().map(|sample| (sample.minutes, of(sample))).collect::<Vec<_>>())
    };
    let (rss, files) = (growth(|sample| sample.rss_kib), growth(|sample| sample.files));
    report.field("rss_max_mb", format!("{:.0}", highest(|sample| sample.rss_kib) / 1_024.0));
    report.field("rss_growth_kib", format!("{rss:.0}")).field("files_max", highest(|sample| sample.files));
    report.field("files_growth", format!("{files:.1}"));
    report.require(samples.len() >= 30, || format!("only {} samples", samples.len()));
    report.require(rss <= SLACK_KIB, || format!("the memory grew by {rss:.0} KiB"));
    report.require(files <= 3.0, || format!("the open files grew by {files:.1}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(rss_kib: impl Fn(f64) -> f64) -> Vec<String> {
        let sample = |second: u32| {
            let minutes = f64::from(second) / 60.0;
            Sample { minutes, rss_kib: rss_kib(minutes), files: 40.0 }
        };
        let samples: Vec<_> = (0..600).map(sample).collect();
        let mut report = Report::new("soak");
        tell(&samples, &mut report);
        report.failures().map(str::to_owned).collect()
    }

    #[test]
    fn memory_that_comes_and_goes_passes_and_memory_that_grows_does_not() {
        assert_eq!(verdict(|minutes| 60_000.0 + 3_000.0 * (minutes * 5.0).sin()), [""; 0]);
        assert_eq!(verdict(|minutes| 60_000.0 + 1_000.0 * minutes), ["the memory grew by 9983 KiB"]);
    }
}
