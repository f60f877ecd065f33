//! Faults other than kills: a process that stands still, a disk that fails or fills, a clock that jumps, no descriptors.
//!
//! Each round makes every fault once, in an order that the seed draws. After each the server has to be back at work:
//! by itself, or, after an error of the disk, by being started again, for it has to end rather than go on with a file
//! of which it does not know what is on the disk.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use http::StatusCode;
use rustix::process::Signal;

use super::loop_disk::LoopDisk;
use super::report::Report;
use super::run::{self, Options, Run};
use super::seed::Seed;
use super::shim::{Lever, Shim};

/// How long the server may go on after an error of its disk.
const END_LIMIT: Duration = Duration::from_secs(10);
/// How soon it has to take messages again once the fault is over.
const BACK_LIMIT: Duration = Duration::from_secs(5);
/// What a slow disk adds to each `fsync`.
const SLOW_SYNC: Duration = Duration::from_millis(500);
/// How far the clock jumps.
const CLOCK_STEP: i64 = 3_600;
/// Descriptors that are left to a server that has too few: fewer than it has open.
const FEW_FILES: u64 = 20;

/// What this mode adds to the common options.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    /// How often each fault is made.
    pub rounds: usize,
}

/// One kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// SIGSTOP for a while, then SIGCONT.
    Stop,
    /// `fsync` fails once: the server has to end.
    SyncError,
    /// Writes fail: the server has to end, or to be back when they succeed again.
    WriteError,
    /// Reads fail: the server has to end, or to be back when they succeed again.
    ReadError,
    /// The disk takes half a second for each `fsync`.
    SlowDisk,
    /// The disk has no room left, by what it answers.
    NoSpace,
    /// The disk is filled by somebody else.
    Filled,
    /// The wall clock jumps an hour ahead and back.
    Ahead,
    /// The wall clock jumps an hour back and ahead again.
    Back,
    /// The process may open no more files.
    FewFiles,
}

const FAULTS: [(Fault, &str); 10] = [
    (Fault::Stop, "stops"),
    (Fault::SyncError, "sync_eio"),
    (Fault::WriteError, "write_eio"),
    (Fault::ReadError, "read_eio"),
    (Fault::SlowDisk, "slow_disk"),
    (Fault::NoSpace, "enospc"),
    (Fault::Filled, "filled"),
    (Fault::Ahead, "clock_ahead"),
    (Fault::Back, "clock_back"),
    (Fault::FewFiles, "few_files"),
];

/// What the faults are made with.
struct Rig {
    shim: Shim,
    /// A disk of its own to fill; absent where there is no right to mount one.
    disk: Option<LoopDisk>,
    seed: Seed,
}

/// What became of the faults.
#[derive(Debug, Default)]
struct Tally {
    fired: [usize; FAULTS.len()],
    /// Faults after which the server did not come back in time.
    late: Vec<String>,
    slowest: Duration,
}

/// Runs it.
///
/// # Errors
/// If the harness itself cannot do its work; a misbehaving server is a report, not an error.
pub async fn run(options: &Options, faults: Faults) -> Result<Report> {
    let (folder, store, output) = run::folder()?;
    // IMPORTANT: declared after the folder, so that it is unmounted before the folder is removed.
    let disk = LoopDisk::create(folder.path()).await.ok();
    let store = disk.as_ref().map_or(store, |disk| disk.path().join("store"));
    let shim = Shim::build(folder.path(), &store).await?;
    let mut run = Run::begin_with(options, store, output, shim.environment()).await?;
    run.tolerate_clock(CLOCK_STEP);
    let work = run.work(options.rate);
    let mut rig = Rig { shim, disk, seed: run.part(4) };
    let mut tally = Tally::default();
    for _ in 0..faults.rounds {
        for at in rig.order() {
            let (fault, name) = FAULTS[at];
            run.live(rig.seed.between(Duration::from_millis(500), Duration::from_millis(1500))).await?;
            let fired = rig.make(fault, &mut run).await.with_context(|| format!("making the fault {name}"))?;
            tally.fired[at] += usize::from(fired);
            let began = Instant::now();
            if fired && !run.answers(StatusCode::CREATED, BACK_LIMIT).await {
                tally.late.push(format!("after {name} it took no message within {BACK_LIMIT:?}"));
            }
            tally.slowest = tally.slowest.max(began.elapsed());
        }
    }
    let mut report = Report::new("faults");
    report.field("seed", options.seed).field("rate", options.rate);
    report.field("rig", if rig.disk.is_some() { "root" } else { "noroot" });
    tell(&tally, faults, rig.disk.is_some(), &mut report);
    report.field("injected", rig.shim.hits()?);
    let mut report = run.finish(work, report).await;
    drop(rig);
    run::put_away(folder, &mut report);
    Ok(report)
}

fn tell(tally: &Tally, faults: Faults, has_disk: bool, report: &mut Report) {
    for ((fault, name), fired) in FAULTS.iter().zip(tally.fired) {
        let planned = if *fault == Fault::Filled && !has_disk { 0 } else { faults.rounds };
        report.field(name, format!("{fired}/{planned}"));
        report.require(fired == planned, || format!("{name} fired {fired} of {planned} times"));
    }
    report.zero("not_back", tally.late.len()).tell(tally.late.clone()).millis("back_max_ms", tally.slowest);
    report.require(faults.rounds > 0, || "a run without faults tests nothing".to_owned());
}

impl Rig {
    /// The faults of one round, in an order of its own.
    fn order(&mut self) -> Vec<usize> {
        let mut order: Vec<_> = (0..FAULTS.len()).map(|at| (self.seed.next(), at)).collect();
        order.sort_unstable();
        order.into_iter().map(|(_, at)| at).collect()
    }

    /// Makes a fault and takes it back; `true` if it was seen to have had its effect.
    async fn make(&mut self, fault: Fault, run: &mut Run) -> Result<bool> {
        match fault {
            Fault::Stop => {
                run.signal(Signal::STOP)?;
                tokio::time::sleep(self.a_while()).await;
                run.signal(Signal::CONT)?;
                Ok(true)
            }
            Fault::SyncError => self.until_it_ends(Lever::SyncEio, run).await,
            Fault::WriteError => self.until_it_ends(Lever::WriteEio, run).await,
            Fault::ReadError => self.reads_fail(run).await,
            Fault::SlowDisk => self.slow_disk(run).await,
            Fault::NoSpace => self.for_a_while(Lever::WriteEnospc, 1).await,
            Fault::Ahead => self.for_a_while(Lever::ClockOff, CLOCK_STEP).await,
            Fault::Back => self.for_a_while(Lever::ClockOff, -CLOCK_STEP).await,
            Fault::Filled => {
                let Some(disk) = &self.disk else { return Ok(false) };
                let filler = fill(disk.path())?;
                let refused = run.answers(StatusCode::SERVICE_UNAVAILABLE, BACK_LIMIT).await;
                std::fs::remove_file(filler)?;
                Ok(refused)
            }
            Fault::FewFiles => {
                let before = run.limit_files(FEW_FILES)?;
                tokio::time::sleep(self.a_while()).await;
                run.limit_files(before)?;
                Ok(true)
            }
        }
    }

    fn a_while(&mut self) -> Duration {
        self.seed.between(Duration::from_millis(500), Duration::from_secs(2))
    }

    async fn for_a_while(&mut self, lever: Lever, value: i64) -> Result<bool> {
        let before = self.shim.hits()?;
        self.shim.set(lever, value)?;
        tokio::time::sleep(self.a_while()).await;
        self.shim.set(lever, 0)?;
        Ok(self.shim.hits()? > before)
    }

    /// Whoever asks while each commit takes long is answered when his is done.
    async fn slow_disk(&mut self, run: &Run) -> Result<bool> {
        let before = self.shim.hits()?;
        self.shim.set(Lever::SyncDelay, SLOW_SYNC.as_millis().try_into()?)?;
        // The commit under way, and its own.
        let answered = run.answers(StatusCode::CREATED, 3 * SLOW_SYNC).await;
        tokio::time::sleep(self.a_while()).await;
        self.shim.set(Lever::SyncDelay, 0)?;
        Ok(answered && self.shim.hits()? > before)
    }

    /// Has reads fail for a while. A server that cannot read what it has to write about ends, and is started again.
    async fn reads_fail(&mut self, run: &mut Run) -> Result<bool> {
        let before = self.shim.hits()?;
        self.shim.set(Lever::ReadEio, 1)?;
        let ended = run.ends_by_itself(self.a_while()).await?;
        self.shim.set(Lever::ReadEio, 0)?;
        if ended {
            run.start()?;
            run.ready().await;
        }
        Ok(self.shim.hits()? > before)
    }

    /// Has the disk fail until the server has ended, and starts it again on a disk that works.
    async fn until_it_ends(&mut self, lever: Lever, run: &mut Run) -> Result<bool> {
        let before = self.shim.hits()?;
        self.shim.set(lever, 1)?;
        let ended = run.ends_by_itself(END_LIMIT).await?;
        self.shim.set(lever, 0)?;
        if ended {
            run.start()?;
            run.ready().await;
        }
        Ok(ended && self.shim.hits()? > before)
    }
}

/// Takes all the room that is left on a disk.
fn fill(disk: &Path) -> Result<PathBuf> {
    let path = disk.join("filler");
    let file = std::fs::File::create(&path)?;
    for size in [1 << 20, 4 << 10] {
        let mut end = file.metadata()?.len();
        while rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), end, size).is_ok() {
            end += size;
        }
    }
    Ok(path)
}
