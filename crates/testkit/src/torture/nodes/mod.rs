//! Several nodes on one PostgreSQL under load: one dies and does not come back for a while, one stands still for longer
//! than its lease and goes on, one is cut off from the database for as long, the database dies and comes back, or dies for
//! good and its standby takes its place, and all of them are restarted one after the other in good order. Where it is asked
//! for, thousands of messages wait all the while for receivers that take one a second.
//!
//! Nothing that was acknowledged may be lost, keys keep their order, and only a death or a standstill may cause repeats,
//! as many as were in flight. Others take over within the lease and two seconds.

mod backlog;
mod link;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Signal, kill_process};

use self::backlog::Backlog;
use self::link::Link;
use super::client::Client;
use super::history::{History, Restart};
use super::ledger::Ledger;
use super::load::Load;
use super::plan::{self, ENDPOINTS, Registered};
use super::process::{Launch, Server, StoreAt, free_address};
use super::receivers::Receivers;
use super::report::Report;
use super::run::{self, Options};
use super::sampler::Sampler;
use super::seed::Seed;
use super::settle;
use crate::Database;

/// How long a lease lasts, and how soon after its end others have what its node had.
const LEASE: Duration = Duration::from_secs(10);
const TAKEN_OVER: Duration = Duration::from_secs(2);
/// How much longer than a lease a node stands still.
const BEYOND: Duration = Duration::from_secs(2);
/// How soon shards are shared out anew when a node comes.
const SHARED_OUT: Duration = Duration::from_secs(8);
/// How long a graceful stop may take.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Shards of a store.
const SHARDS: usize = 256;
/// The node that stands still, and is cut off.
const CUT_OFF: usize = 1;

/// What this mode adds to the common options.
#[derive(Debug, Clone, Copy)]
pub struct Nodes {
    /// How many nodes there are.
    pub nodes: usize,
    /// How often all of it is done.
    pub rounds: usize,
    /// How many messages wait beside those of the load.
    pub pending: usize,
}

/// What a run comes to.
#[derive(Debug)]
pub enum Cluster {
    /// It ran.
    Ran(Report),
    /// This machine cannot run it.
    Skipped(String),
}

/// One node.
struct Member {
    launch: Launch,
    server: Option<Server>,
}

/// A run under way.
struct Field {
    database: Database,
    /// Where the next standby is.
    beside: SocketAddr,
    members: Vec<Member>,
    /// The ways of the node [`CUT_OFF`] to the database, and to where it is after a fail-over.
    links: [Link; 2],
    backlog: Option<Backlog>,
    receivers: Receivers,
    ledger: Arc<Ledger>,
    token: Arc<str>,
    plan: Registered,
    seed: Seed,
    restarts: Vec<Restart>,
    tally: Tally,
}

/// What became of the faults.
#[derive(Debug, Default)]
struct Tally {
    kills: usize,
    standstills: usize,
    cuts: usize,
    database_kills: usize,
    fail_overs: usize,
    stops: usize,
    unclean: usize,
    take_overs: Vec<Duration>,
    /// How long after a death messages beside a backlog had arrived.
    backlog: Duration,
    /// What did not happen in time.
    late: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// If the harness itself cannot do its work; a misbehaving server is a report, not an error.
pub async fn run(options: &Options, nodes: Nodes) -> Result<Cluster> {
    let (folder, _, _) = run::folder()?;
    let seed = Seed::new(options.seed);
    let Some(database) = Database::start(folder.path(), free_address(seed.part(99))?).await? else {
        return Ok(Cluster::Skipped("PostgreSQL is not installed".to_owned()));
    };
    let beside = free_address(seed.part(98))?;
    let mut field = Field::begin(options, nodes.nodes, (database, beside), folder.path().to_owned()).await?;
    if nodes.pending > 0 {
        field.backlog = Some(Backlog::make(&mut field.client(0), nodes.pending).await.context("making a backlog")?);
    }
    let (load, sampler) = field.work(options.rate);
    let began = Instant::now();
    for _ in 0..nodes.rounds {
        field.round().await?;
    }
    let mut report = Report::new("nodes");
    report.field("seed", options.seed).field("rate", options.rate).field("nodes", nodes.nodes);
    report.field("load_s", began.elapsed().as_secs()).field("pending", nodes.pending);
    field.tell(nodes, &mut report);
    let mut report = field.finish(load, sampler, report).await;
    run::put_away(folder, &mut report);
    Ok(Cluster::Ran(report))
}

impl Field {
    async fn begin(
        options: &Options,
        nodes: usize,
        (database, beside): (Database, SocketAddr),
        folder: PathBuf,
    ) -> Result<Self> {
        let seed = Seed::new(options.seed);
        let keys = folder.join("keys");
        std::fs::create_dir(&keys)?;
        let direct = [database.address(), beside];
        let links = [Link::to(direct[0]).await?, Link::to(direct[1]).await?];
        let mut members: Vec<Member> = Vec::new();
        for number in 0..nodes as u64 {
            let addresses = if members.len() == CUT_OFF { [0, 1].map(|at: usize| links[at].address()) } else { direct };
            let store = StoreAt::Database { url: Database::url_at(addresses), keys: keys.clone() };
            let output = folder.join(format!("node{number}.log"));
            let launch = Launch::at(&options.binary, store, output, seed.part(200 + number))?;
            members.push(Member { launch, server: None });
        }
        let first = &members.first().context("a run without nodes tests nothing")?.launch;
        first.make_keys()?;
        let token = first.token().await?;
        let mut field = Self {
            database,
            beside,
            members,
            links,
            backlog: None,
            receivers: Receivers::start(&seed).await?,
            ledger: Arc::new(Ledger::new()),
            token,
            plan: Registered::default(),
            seed,
            restarts: Vec::new(),
            tally: Tally::default(),
        };
        for at in 0..nodes {
            field.start(at).await?;
        }
        field.plan = plan::register(&mut field.client(0), &field.receivers).await.context("registering the plan")?;
        if !field.shared_out().await {
            field.tally.late.push("the shards were not shared out at the start".to_owned());
        }
        Ok(field)
    }

    fn client(&self, at: usize) -> Client {
        Client::new(self.members[at].launch.address, self.token.clone())
    }

    /// Producers at each of the nodes in turn.
    fn work(&self, rate: u32) -> (Load, Sampler) {
        let next = AtomicUsize::new(0);
        let client = || self.client(next.fetch_add(1, Ordering::Relaxed) % self.members.len());
        let load = Load::start(&client, &self.ledger, &self.plan, rate, &self.seed);
        // The last node is asked: the others are away for long.
        let asked = self.client(self.members.len() - 1);
        let sampler = Sampler::start(asked, self.receivers.log().clone(), self.plan.clone(), self.seed.part(102));
        (load, sampler)
    }

    async fn start(&mut self, at: usize) -> Result<()> {
        let mut server = self.members[at].launch.start()?;
        if server.ready().await.is_none() {
            self.tally.late.push(format!("node {at} did not become ready"));
        }
        self.members[at].server = Some(server);
        Ok(())
    }

    /// Everything that goes wrong, once.
    async fn round(&mut self) -> Result<()> {
        self.live().await;
        self.kill_one().await?;
        self.live().await;
        self.stand_still().await?;
        self.live().await;
        self.cut_off().await;
        self.live().await;
        self.database.kill()?;
        self.database.up().await?;
        self.tally.database_kills += 1;
        self.live().await;
        self.fail_over().await?;
        self.live().await;
        for at in 0..self.members.len() {
            self.restart(at).await?;
        }
        self.live().await;
        Ok(())
    }

    async fn live(&mut self) {
        let a_while = self.seed.between(Duration::from_millis(500), Duration::from_millis(1500));
        tokio::time::sleep(a_while).await;
    }

    /// One node dies, and is started again when others have what it had.
    async fn kill_one(&mut self) -> Result<()> {
        let Some(server) = self.members[0].server.take() else { return Ok(()) };
        server.kill().await?;
        let died = Instant::now();
        self.note_restart(true).await;
        self.tally.kills += 1;
        self.look_at_backlog(died).await;
        self.wait_for_take_over(0, "a death", died).await;
        self.start(0).await?;
        if !self.shared_out().await {
            self.tally.late.push("the shards were not shared out when a node came back".to_owned());
        }
        Ok(())
    }

    /// One node stands still for longer than its lease, and goes on.
    async fn stand_still(&mut self) -> Result<()> {
        let at = CUT_OFF % self.members.len();
        let pid = self.members[at].server.as_ref().and_then(Server::pid).context("the node has ended")?;
        kill_process(pid, Signal::STOP)?;
        let stopped = Instant::now();
        self.note_restart(true).await;
        self.wait_for_take_over(at, "a standstill", stopped).await;
        tokio::time::sleep((LEASE + BEYOND).saturating_sub(stopped.elapsed())).await;
        // What was on its way when it stood still may arrive the moment that it goes on.
        self.note_restart(true).await;
        kill_process(pid, Signal::CONT)?;
        self.tally.standstills += 1;
        if !self.shared_out().await {
            self.tally.late.push("the shards were not shared out when a node went on".to_owned());
        }
        Ok(())
    }

    /// One node does not reach the database for longer than its lease, while everybody else does.
    async fn cut_off(&mut self) {
        self.links.iter().for_each(Link::cut);
        let cut = Instant::now();
        self.note_restart(true).await;
        self.wait_for_take_over(CUT_OFF, "a cut", cut).await;
        tokio::time::sleep((LEASE + BEYOND).saturating_sub(cut.elapsed())).await;
        // What it had sent to the database arrives there the moment that it is reached again.
        self.note_restart(true).await;
        self.links.iter().for_each(Link::mend);
        self.tally.cuts += 1;
        if !self.shared_out().await {
            self.tally.late.push("the shards were not shared out when a node was no longer cut off".to_owned());
        }
    }

    /// Sees how soon messages of the applications that have a backlog are delivered, which the node that has died had
    /// some of.
    async fn look_at_backlog(&mut self, died: Instant) {
        let mut client = self.client(self.members.len() - 1);
        let Some(backlog) = &mut self.backlog else { return };
        match backlog.look(&mut client, 2 * (LEASE + TAKEN_OVER)).await {
            Ok(()) => self.tally.backlog = self.tally.backlog.max(died.elapsed()),
            Err(error) => self.tally.late.push(format!("beside a backlog: {error:#}")),
        }
    }

    /// The database dies for good, and the standby that every commit has waited for takes its place.
    async fn fail_over(&mut self) -> Result<()> {
        self.database.attach_standby(self.beside).await?;
        self.live().await;
        self.beside = self.database.fail_over().await?;
        self.tally.fail_overs += 1;
        Ok(())
    }

    async fn restart(&mut self, at: usize) -> Result<()> {
        let Some(server) = self.members[at].server.take() else { return Ok(()) };
        let clean = server.stop(STOP_LIMIT).await?.is_some_and(|status| status.success());
        self.tally.unclean += usize::from(!clean);
        self.tally.stops += 1;
        self.note_restart(false).await;
        self.start(at).await
    }

    async fn note_restart(&mut self, forced: bool) {
        self.receivers.log().drained().await;
        self.restarts.push(Restart { at: self.receivers.log().position(), forced });
    }

    /// Waits until the others own all that there is.
    async fn wait_for_take_over(&mut self, gone: usize, what: &str, began: Instant) {
        let others: Vec<_> = (0..self.members.len()).filter(|at| *at != gone).collect();
        while began.elapsed() < LEASE + 2 * TAKEN_OVER {
            if self.owned(&others).await.iter().sum::<usize>() == SHARDS {
                self.tally.take_overs.push(began.elapsed());
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.tally.late.push(format!("after {what} others did not take over"));
    }

    /// Waits until each node has its fair share.
    async fn shared_out(&self) -> bool {
        let began = Instant::now();
        let all: Vec<_> = (0..self.members.len()).collect();
        while began.elapsed() < SHARED_OUT {
            let owned = self.owned(&all).await;
            let fair = |owned: &usize| *owned == SHARDS / all.len() || *owned == SHARDS.div_ceil(all.len());
            if owned.iter().all(fair) && owned.iter().sum::<usize>() == SHARDS {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    /// How many shards nodes own, by their own account.
    async fn owned(&self, members: &[usize]) -> Vec<usize> {
        let mut owned = Vec::new();
        for at in members {
            let metrics = self.client(*at).get("/metrics").await.map(|reply| reply.body).unwrap_or_default();
            let metrics = String::from_utf8_lossy(&metrics);
            let line = metrics.lines().find_map(|line| line.strip_prefix("ringback_node_shards "));
            owned.push(line.and_then(|count| count.parse().ok()).unwrap_or(0));
        }
        owned
    }

    fn tell(&self, nodes: Nodes, report: &mut Report) {
        let Tally { kills, standstills, cuts, database_kills, fail_overs, stops, unclean, take_overs, backlog, late } =
            &self.tally;
        report.field("kills", kills).field("standstills", standstills).field("cuts", cuts);
        report.field("database_kills", database_kills);
        report.field("fail_overs", fail_overs).field("stops", stops).zero("unclean_exits", *unclean);
        let slowest = take_overs.iter().max().copied().unwrap_or_default();
        report.millis("take_over_max_ms", slowest).zero("late", late.len()).tell(late.clone());
        report.millis("backlog_max_ms", *backlog);
        report.require(*backlog <= LEASE + 2 * TAKEN_OVER, || format!("beside a backlog it took {backlog:?}"));
        report.require(slowest <= LEASE + TAKEN_OVER, || format!("others took over after {slowest:?}"));
        report.require(nodes.rounds > 0 && nodes.nodes > 1, || "one node alone, or none, tests nothing".to_owned());
        let fired = [kills, standstills, cuts, database_kills, fail_overs].iter().all(|fired| **fired == nodes.rounds);
        report.require(fired && *stops == nodes.rounds * nodes.nodes, || "not all faults were made".to_owned());
    }

    async fn finish(self, load: Load, sampler: Sampler, mut report: Report) -> Report {
        let log = self.receivers.log().clone();
        log.heal();
        let tally = load.stop().await;
        let samples = sampler.stop();
        let (drained, missing) = settle::drain(&self.ledger, &log, settle::PATIENCE).await;
        let mut client = self.client(0);
        let ends = settle::ends(&mut client, &self.ledger, &self.plan, &missing).await;
        let audit =
            settle::audit(&mut client, &self.ledger, &log, &self.plan, self.seed.part(103), settle::PATIENCE / 2).await;
        let history = History {
            endpoints: ENDPOINTS.iter().take(self.plan.endpoints.len()).map(plan::Planned::facts).collect(),
            posts: self.ledger.snapshot(),
            arrivals: log.arrivals(),
            restarts: self.restarts.clone(),
            samples,
            ends,
            tasks: Vec::new(),
        };
        run::judge(&history, tally, &mut report);
        report.field("audited", audit.asked).zero("status_lies", audit.lies.len()).tell(audit.lies);
        let written = self.members.iter().map(|member| std::fs::read_to_string(&member.launch.output));
        let panics = written.flatten().map(|text| text.matches("panicked").count()).sum();
        report.zero("panics", panics).millis("drain_ms", drained);
        report
    }
}
