//! Power cuts under load: what was acknowledged was on the disk, not in a cache.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::loop_disk::LoopDisk;
use super::report::Report;
use super::run::{self, Options, Run};

/// How a power-cut run can end.
#[derive(Debug)]
pub enum Powercut {
    /// It ran.
    Ran(Report),
    /// This machine cannot cut power, and why.
    Skipped(String),
}

/// Runs it with this many cuts.
///
/// # Errors
/// If the harness itself cannot do its work; a misbehaving server is a report, not an error.
pub async fn run(options: &Options, cuts: usize) -> Result<Powercut> {
    let (folder, _, output) = run::folder()?;
    // IMPORTANT: declared after the folder, so that it is unmounted before the folder is removed.
    let disk = match LoopDisk::create(folder.path()).await {
        Ok(disk) => disk,
        Err(error) => return Ok(Powercut::Skipped(format!("{error:#}"))),
    };
    // The ledger is in this process and the output outside the disk: nothing of the harness is cut off.
    let mut run = Run::begin(options, disk.path().join("store"), output).await?;
    let work = run.work(options.rate);
    let mut seed = run.part(3);
    let (mut done, mut bites, mut cutting) = (0, 0, Duration::ZERO);
    while done < cuts {
        run.live(seed.between(Duration::from_millis(400), Duration::from_millis(1300))).await?;
        let started = Instant::now();
        bites += usize::from(cut(&mut run, &disk).await?);
        cutting += started.elapsed();
        done += 1;
        run.start()?;
        if !run.ready().await {
            break;
        }
    }
    let mut report = Report::new("powercut");
    report.field("seed", options.seed).field("rate", options.rate);
    report.field("cuts", format!("{done}/{cuts}")).field("bites", bites).millis("cutting_ms", cutting);
    report.require(cuts > 0 && done == cuts, || format!("only {done} of {cuts} cuts"));
    report.require(bites == done, || format!("only {bites} of {done} cuts dropped what was not synced"));
    let mut report = run.finish(work, report).await;
    drop(disk);
    run::put_away(folder, &mut report);
    Ok(Powercut::Ran(report))
}

/// One cut, with the disk mounted again afterwards. True if the cut took away a file that had not been synced: without
/// that proof a run would only have tested `kill -9`.
async fn cut(run: &mut Run, disk: &LoopDisk) -> Result<bool> {
    let probe = disk.path().join("unsynced");
    std::fs::write(&probe, [b'x'; 4096]).context("writing the probe")?;
    disk.cut().await.context("cutting the power")?;
    run.power_lost().await?;
    disk.unmount().await?;
    disk.mount().await?;
    let bitten = std::fs::metadata(&probe).map_or(true, |left| left.len() == 0);
    // What is left of it must not be there for the next cut.
    std::fs::remove_file(&probe).ok();
    Ok(bitten)
}
