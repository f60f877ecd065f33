//! One run: the server under test with everything around it, from the first start to the verdict.
//!
//! The modes differ only in what they do to the server between [`Run::begin`] and [`Run::finish`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use http::StatusCode;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use tempfile::TempDir;

use super::checker;
use super::client::Client;
use super::figures::median;
use super::history::{History, Post, Restart, Task};
use super::ledger::Ledger;
use super::load::{Load, Tally};
use super::plan::{self, ENDPOINTS, Registered};
#[cfg(test)]
use super::process::StoreAt;
use super::process::{Launch, Server};
use super::receivers::Receivers;
use super::report::{Report, Verdict};
use super::sampler::Sampler;
use super::seed::Seed;
use super::settle;

/// What all modes need to know.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program under test.
    pub binary: PathBuf,
    /// Messages a second.
    pub rate: u32,
    /// What the run can be replayed by.
    pub seed: u64,
}

/// A run under way. The server is killed when it is dropped.
#[derive(Debug)]
pub(super) struct Run {
    launch: Launch,
    seed: Seed,
    pub(super) receivers: Receivers,
    pub(super) ledger: Arc<Ledger>,
    token: Arc<str>,
    pub(super) plan: Registered,
    /// Background tasks that are held to their end.
    pub(super) tasks: Vec<Task>,
    server: Option<Server>,
    restarts: Vec<Restart>,
    recoveries: Vec<Duration>,
    died: usize,
    unready: usize,
    began: Instant,
    patience: Duration,
}

/// What goes on beside the faults.
#[derive(Debug)]
pub(super) struct Work {
    load: Load,
    sampler: Sampler,
}

impl Run {
    /// Starts receivers and server and registers the plan. `store` is the folder under test, `output` the file for what
    /// the server writes.
    ///
    /// # Errors
    /// If the server cannot be brought to work even once.
    pub(super) async fn begin(options: &Options, store: PathBuf, output: PathBuf) -> Result<Self> {
        Self::begin_with(options, store, output, Vec::new()).await
    }

    /// The same, with further variables in the server's environment.
    ///
    /// # Errors
    /// If the server cannot be brought to work even once.
    pub(super) async fn begin_with(
        options: &Options,
        store: PathBuf,
        output: PathBuf,
        environment: Vec<(&'static str, PathBuf)>,
    ) -> Result<Self> {
        let seed = Seed::new(options.seed);
        let mut launch = Launch::new(&options.binary, store, output, &seed)?;
        launch.environment = environment;
        let token = launch.token().await?;
        let server = launch.start()?;
        let mut run = Self::new(seed, launch, token, settle::PATIENCE).await?;
        run.server = Some(server);
        if !run.ready().await {
            bail!("the server did not become ready; it wrote: {}", tail(&run.output()));
        }
        // The first start makes the store: another matter than a recovery.
        run.recoveries.clear();
        run.register().await?;
        Ok(run)
    }

    /// A run against a server of another kind, which nobody starts or kills: for rehearsals of the harness.
    #[cfg(test)]
    pub(super) async fn rehearsal(address: std::net::SocketAddr) -> Result<Self> {
        let nothing = PathBuf::new();
        let launch = Launch {
            binary: nothing.clone(),
            store: StoreAt::Folder(nothing.clone()),
            address,
            log: "",
            output: nothing,
            environment: Vec::new(),
        };
        let mut run = Self::new(Seed::new(1), launch, "token".into(), Duration::from_millis(600)).await?;
        run.register().await?;
        Ok(run)
    }

    async fn new(seed: Seed, launch: Launch, token: Arc<str>, patience: Duration) -> Result<Self> {
        Ok(Self {
            launch,
            receivers: Receivers::start(&seed).await?,
            seed,
            ledger: Arc::new(Ledger::new()),
            token,
            plan: Registered::default(),
            tasks: Vec::new(),
            server: None,
            restarts: Vec::new(),
            recoveries: Vec::new(),
            died: 0,
            unready: 0,
            began: Instant::now(),
            patience,
        })
    }

    async fn register(&mut self) -> Result<()> {
        self.plan = plan::register(&mut self.client(), &self.receivers).await.context("registering the plan")?;
        Ok(())
    }

    /// Everything that the server has written so far.
    fn output(&self) -> Vec<u8> {
        std::fs::read(&self.launch.output).unwrap_or_default()
    }

    /// A generator for one part of the run.
    #[must_use]
    pub(super) fn part(&self, number: u64) -> Seed {
        self.seed.part(number)
    }

    /// A new client of the server.
    #[must_use]
    pub(super) fn client(&self) -> Client {
        Client::new(self.launch.address, self.token.clone())
    }

    /// How long the run has been going on.
    #[must_use]
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Starts load and sampling.
    #[must_use]
    pub(super) fn work(&self, rate: u32) -> Work {
        let client = || self.client();
        Work {
            load: Load::start(&client, &self.ledger, &self.plan, rate, &self.seed),
            sampler: Sampler::start(
                self.client(),
                self.receivers.log().clone(),
                self.plan.clone(),
                self.seed.part(102),
            ),
        }
    }

    /// Starts the server anew on the same folder, without waiting for it.
    ///
    /// # Errors
    /// If the process cannot be started.
    pub(super) fn start(&mut self) -> Result<()> {
        self.server = Some(self.launch.start()?);
        Ok(())
    }

    /// Waits until the server is ready; false, and counted, if it does not come.
    pub(super) async fn ready(&mut self) -> bool {
        let ready = match &mut self.server {
            Some(server) => server.ready().await,
            None => None,
        };
        match ready {
            Some(took) => self.recoveries.push(took),
            None => self.unready += 1,
        }
        ready.is_some()
    }

    /// Lets the server work for a while. Should it end by itself, that is counted and it is started again.
    ///
    /// # Errors
    /// If the process cannot be started.
    pub(super) async fn live(&mut self, duration: Duration) -> Result<()> {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            let rest = end.saturating_duration_since(Instant::now());
            tokio::time::sleep(rest.min(Duration::from_millis(20))).await;
            if self.server.as_mut().is_some_and(Server::has_ended) {
                self.kill().await?;
                self.start()?;
                self.ready().await;
            }
        }
        Ok(())
    }

    /// `kill -9`. Counts a server that was dead already.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) async fn kill(&mut self) -> Result<()> {
        self.died += usize::from(self.server.as_mut().is_some_and(Server::has_ended));
        self.power_lost().await
    }

    /// What follows a power cut: the process is gone. That it may have ended by itself, its disk being dead, is right.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) async fn power_lost(&mut self) -> Result<()> {
        if let Some(server) = self.server.take() {
            server.kill().await?;
        }
        self.ended(true).await;
        Ok(())
    }

    /// Tells the receivers that the server's clock will be wrong by so many seconds.
    pub(super) fn tolerate_clock(&self, seconds: i64) {
        self.receivers.log().tolerate(seconds);
    }

    /// The memory that the server holds, in KiB, and how many files it has open.
    ///
    /// # Errors
    /// If it has ended, or the system does not tell.
    pub(super) fn resources(&self) -> Result<(f64, f64)> {
        let process = PathBuf::from(format!("/proc/{}", self.pid()?.as_raw_nonzero()));
        let status = std::fs::read_to_string(process.join("status"))?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let rss = rss.trim().trim_end_matches(" kB").parse()?;
        Ok((rss, std::fs::read_dir(process.join("fd"))?.count() as f64))
    }

    /// Sends a signal to the server.
    ///
    /// # Errors
    /// If it has ended.
    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(self.pid()?, signal)?)
    }

    /// Lets the server open so many files in all, and answers how many it could before.
    ///
    /// # Errors
    /// If it has ended, or the system refuses.
    pub(super) fn limit_files(&self, files: u64) -> Result<u64> {
        let pid = self.pid()?;
        // What is above the soft limit stays open; the hard limit is left alone, so that it can be raised again.
        let before =
            prlimit(Some(pid), Resource::Nofile, Rlimit { current: Some(files), maximum: self.hard_limit()? })?;
        before.current.context("no limit of open files")
    }

    fn hard_limit(&self) -> Result<Option<u64>> {
        // The server has inherited it.
        Ok(getrlimit(Resource::Nofile).maximum)
    }

    fn pid(&self) -> Result<Pid> {
        self.server.as_ref().and_then(Server::pid).context("the server has ended")
    }

    /// Waits until the server ends by itself, as it has to after an error of its disk; `false` if it does not.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) async fn ends_by_itself(&mut self, limit: Duration) -> Result<bool> {
        let began = Instant::now();
        while began.elapsed() < limit {
            if self.server.as_mut().is_some_and(Server::has_ended) {
                self.power_lost().await?;
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(false)
    }

    /// Hands in something new until it is answered so; `false` if it never is.
    pub(super) async fn answers(&self, status: StatusCode, limit: Duration) -> bool {
        let began = Instant::now();
        let mut client = self.client();
        let body = serde_json::json!({ "name": "is it back?" });
        while began.elapsed() < limit {
            if client.post("/api/v1/app/", &body).await.is_some_and(|reply| reply.status == status) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    /// SIGTERM; true if the server ended with status 0 within `limit`.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) async fn stop(&mut self, limit: Duration) -> Result<bool> {
        let Some(server) = self.server.take() else { return Ok(false) };
        let clean = server.stop(limit).await?.is_some_and(|status| status.success());
        self.ended(false).await;
        Ok(clean)
    }

    async fn ended(&mut self, forced: bool) {
        self.receivers.log().drained().await;
        self.restarts.push(Restart { at: self.receivers.log().position(), forced });
    }

    /// Ends the faults: heals the receivers, stops the load, waits for the backlog, judges, and fills the report.
    /// The server must be running.
    pub(super) async fn finish(mut self, work: Work, mut report: Report) -> Report {
        let loaded = self.elapsed();
        let log = self.receivers.log().clone();
        log.heal();
        let tally = work.load.stop().await;
        let samples = work.sampler.stop();
        let (drained, missing) = settle::drain(&self.ledger, &log, self.patience).await;
        let mut client = self.client();
        let ends = settle::ends(&mut client, &self.ledger, &self.plan, &missing).await;
        let audit =
            settle::audit(&mut client, &self.ledger, &log, &self.plan, self.seed.part(103), self.patience / 2).await;
        self.died += usize::from(self.server.as_mut().is_some_and(Server::has_ended));
        let history = History {
            endpoints: ENDPOINTS.iter().take(self.plan.endpoints.len()).map(plan::Planned::facts).collect(),
            posts: self.ledger.snapshot(),
            arrivals: log.arrivals(),
            restarts: self.restarts.clone(),
            samples,
            ends,
            tasks: std::mem::take(&mut self.tasks),
        };
        report.field("load_s", loaded.as_secs());
        judge(&history, tally, &mut report);
        report.field("audited", audit.asked).zero("status_lies", audit.lies.len()).tell(audit.lies);
        report.require(audit.asked > 0, || "nothing was audited".to_owned());
        let output = self.output();
        let panics = String::from_utf8_lossy(&output).lines().filter(|line| line.contains("panicked")).count();
        report.zero("died", self.died).zero("unready", self.unready).zero("panics", panics);
        if self.died + self.unready + panics > 0 {
            report.tell([format!("the server wrote at last: {}", tail(&output))]);
        }
        report.millis("recover_p50_ms", median(&self.recoveries));
        report.millis("recover_max_ms", self.recoveries.iter().max().copied().unwrap_or_default());
        report.millis("drain_ms", drained);
        report
    }
}

/// Fills in what the checker says, and whether the run tested enough to say it.
pub(super) fn judge(history: &History, tally: Tally, report: &mut Report) {
    let findings = checker::check(history);
    let posts = &history.posts;
    let count = |which: fn(&Post) -> bool| posts.iter().filter(|post| which(post)).count();
    let acked = count(|post| post.acked.is_some());
    report.field("sent", posts.len()).field("acked", acked);
    report.field("unknown", count(|post| post.acked.is_none() && post.doubtful));
    report.field("rejected", count(|post| !post.may_arrive()));
    report.field("repeated", tally.repeated).field("replayed", tally.replayed);
    report.field("expected", findings.expected).field("delivered", findings.delivered);
    report.field("terminal", findings.terminal);
    for (name, violations) in findings.violations.fields() {
        report.zero(name, violations);
    }
    report.field("dup", findings.repeats).field("dup_worst_kill", findings.worst_kill);
    report.field("sampled", findings.sampled).tell(findings.evidence);

    // A run that tested nothing cannot pass.
    report.require(acked > 0 && acked * 10 >= posts.len() * 6, || format!("only {acked} of {} acked", posts.len()));
    report.require(findings.sampled > 0, || "no delivery was seen recorded while the run went on".to_owned());
    for (number, endpoint) in history.endpoints.iter().enumerate() {
        let reached = history.arrivals.iter().any(|arrival| arrival.endpoint == number && arrival.ok);
        report.require(reached, || format!("nothing arrived at endpoint {}", endpoint.name));
    }
    let failed = history.arrivals.iter().any(|arrival| !arrival.ok);
    report.require(failed, || "no attempt was answered with an error".to_owned());
}

/// A temporary folder for one run, with the paths of store and output in it.
///
/// # Errors
/// If it cannot be made.
pub(super) fn folder() -> Result<(TempDir, PathBuf, PathBuf)> {
    let folder = tempfile::Builder::new().prefix("torture-").tempdir()?;
    let (store, output) = (folder.path().join("store"), folder.path().join("server.log"));
    Ok((folder, store, output))
}

/// Removes the folder of a run that passed, and keeps that of one that failed.
pub(super) fn put_away(folder: TempDir, report: &mut Report) {
    if report.verdict() == Verdict::Fail {
        report.tell([format!("store and output of the server are kept in {}", folder.keep().display())]);
    }
}

/// The end of an output as text.
fn tail(output: &[u8]) -> String {
    String::from_utf8_lossy(&output[output.len().saturating_sub(2000)..]).into_owned()
}
