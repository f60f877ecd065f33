//! `torture`: breaks a server on purpose and says whether it kept its promises.
//!
//! One line of `key=value` fields on stdout, the verdict last; reasons of a failure on stderr. Exit status: 0 passed,
//! 1 failed, 2 the harness could not do its work, 3 this machine cannot run the mode.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the report is what this program is for")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use ringback_testkit::torture::{
    self, Cluster, Crash, Dialects, Faults, Figure, Large, Nodes, Options, Points, Powercut, Report, Retention, Soak,
};

/// Breaks a server on purpose and says whether it kept its promises.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// `kill -9` at random moments under load.
    Crash {
        #[command(flatten)]
        common: Common,
        /// How long the load goes on, in seconds.
        #[arg(long, default_value_t = 90)]
        seconds: u64,
        /// How many kills there must be at least.
        #[arg(long, default_value_t = 24)]
        kills: usize,
    },
    /// Death at each call by which a message comes nearer to its receiver, under load and while the server recovers.
    Points {
        #[command(flatten)]
        common: Common,
        /// How often at each of them.
        #[arg(long, default_value_t = 2)]
        rounds: usize,
    },
    /// Graceful restarts under load.
    Term {
        #[command(flatten)]
        common: Common,
        /// How many restarts.
        #[arg(long, default_value_t = 20)]
        cycles: usize,
    },
    /// Power cuts under load, on an ext4 image (needs root and loop devices).
    Powercut {
        #[command(flatten)]
        common: Common,
        /// How many cuts.
        #[arg(long, default_value_t = 12)]
        cuts: usize,
    },
    /// A process that stands still, a disk that fails or fills, a clock that jumps, too few descriptors; under load.
    Faults {
        #[command(flatten)]
        common: Common,
        /// How often each fault is made.
        #[arg(long, default_value_t = 2)]
        rounds: usize,
    },
    /// A long load in which nothing is broken: memory and open files must not grow.
    Soak {
        #[command(flatten)]
        common: Common,
        /// How long the load goes on.
        #[arg(long, default_value_t = 30)]
        minutes: u64,
    },
    /// Figures of large stores, each with its bound; nothing is broken.
    Large {
        #[command(flatten)]
        common: Common,
        /// Messages of one application, failed deliveries.
        #[arg(long, default_value_t = 1_000_000)]
        messages: usize,
        /// Size of the store that a server is started on.
        #[arg(long, default_value_t = 10.0)]
        gigabytes: f64,
        /// Endpoints of one application.
        #[arg(long, default_value_t = 10_000)]
        endpoints: usize,
        /// These figures alone, such as `lists,start`.
        #[arg(long, value_delimiter = ',')]
        only: Vec<Figure>,
    },
    /// Messages go as fast as they come: the store must not grow, posts must not get slower.
    Retention {
        #[command(flatten)]
        common: Common,
        /// How long the load goes on, at 500 messages a second if no rate is given.
        #[arg(long, default_value_t = 20.0)]
        minutes: f64,
        /// For how many seconds a message is kept.
        #[arg(long, default_value_t = 60)]
        window: u64,
    },
    /// What each dialect costs beside the plain payload; nothing is broken.
    Dialects {
        #[command(flatten)]
        common: Common,
        /// Messages of a round and dialect.
        #[arg(long, default_value_t = 1_000)]
        messages: usize,
        /// Rounds.
        #[arg(long, default_value_t = 50)]
        rounds: usize,
        /// Those alone whose name begins with one of these, such as `ant,rich_dlr_json`.
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
    },
    /// Several nodes on one PostgreSQL: one dies, one stands still beyond its lease, one is cut off, the database dies, its
    /// standby takes over, all are restarted.
    Nodes {
        #[command(flatten)]
        common: Common,
        /// How many nodes.
        #[arg(long, default_value_t = 3)]
        nodes: usize,
        /// How often all of it is done.
        #[arg(long, default_value_t = 1)]
        rounds: usize,
        /// How many messages wait all the while.
        #[arg(long, default_value_t = 2_000)]
        pending: usize,
    },
    /// Searches output, metrics and store for secrets.
    Canary {
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Args)]
struct Common {
    /// The server to break.
    #[arg(long)]
    binary: PathBuf,
    /// Messages a second; 300, with `retention` 500, with `dialects` as many as are answered. `large` has its own.
    #[arg(long)]
    rate: Option<u32>,
    /// What the run can be replayed by.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Common {
    fn options(self) -> Options {
        Options { binary: self.binary, rate: self.rate.unwrap_or(300), seed: self.seed }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // Whoever interrupts the harness must not be left with its server and its mounts: dropping the run cleans up.
    let outcome = tokio::select! {
        outcome = run(cli.mode) => outcome,
        () = interrupted() => Err(anyhow::anyhow!("interrupted")),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("torture: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(mode: Mode) -> Result<u8> {
    let report = match mode {
        Mode::Crash { common, seconds, kills } => torture::crash(&common.options(), Crash { seconds, kills }).await?,
        Mode::Points { common, rounds } => torture::points(&common.options(), Points { rounds }).await?,
        Mode::Term { common, cycles } => torture::term(&common.options(), cycles).await?,
        Mode::Soak { common, minutes } => torture::soak(&common.options(), Soak { minutes }).await?,
        Mode::Faults { common, rounds } => torture::faults(&common.options(), Faults { rounds }).await?,
        Mode::Dialects { common, messages, rounds, only } => {
            let plan = Dialects { only, messages, rounds, rate: common.rate };
            let options = common.options();
            let figures = torture::dialects(&options.binary, options.seed, plan).await?;
            println!("torture=dialects v=1 {figures}");
            return Ok(0);
        }
        Mode::Large { common, messages, gigabytes, endpoints, only } => {
            torture::large(&common.options(), &Large { messages, gigabytes, endpoints, only }).await?
        }
        Mode::Retention { common, minutes, window } => {
            let rate = common.rate.unwrap_or(500);
            let options = Options { rate, ..common.options() };
            torture::retention(&options, Retention { minutes, window }).await?
        }
        Mode::Canary { common } => torture::canary(&common.options()).await?,
        Mode::Powercut { common, cuts } => match torture::powercut(&common.options(), cuts).await? {
            Powercut::Ran(report) => report,
            Powercut::Skipped(reason) => return Ok(skipped("powercut", &reason)),
        },
        Mode::Nodes { common, nodes, rounds, pending } => {
            match torture::nodes(&common.options(), Nodes { nodes, rounds, pending }).await? {
                Cluster::Ran(report) => report,
                Cluster::Skipped(reason) => return Ok(skipped("nodes", &reason)),
            }
        }
    };
    Ok(print(&report))
}

fn skipped(mode: &str, reason: &str) -> u8 {
    println!("torture={mode} v=1 verdict=SKIP reason={}", reason.replace(char::is_whitespace, "_"));
    3
}

fn print(report: &Report) -> u8 {
    println!("{report}");
    for failure in report.failures() {
        eprintln!("torture: {failure}");
    }
    report.verdict().exit()
}

/// Ends with SIGINT or SIGTERM.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
