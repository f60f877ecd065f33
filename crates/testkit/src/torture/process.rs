//! The server under test as a process: started, watched, killed.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::client::Client;
use super::seed::Seed;

/// How soon a started server must answer its health check, whatever it finds on its disk.
pub(super) const READY_LIMIT: Duration = Duration::from_secs(15);

/// The retry schedule of all runs: fast at first, and longer than any run.
const RETRY_SCHEDULE: &str =
    "200ms,500ms,1s,2s,5s,10s,10s,10s,10s,10s,10s,10s,10s,10s,10s,10s,10s,10s,10s,10s,10s,10s,10s,10s,10s,10s";

/// Where a store is.
#[derive(Debug, Clone)]
pub(super) enum StoreAt {
    /// In a folder.
    Folder(PathBuf),
    /// In a database, with the keys in a folder.
    Database {
        /// Where the database is.
        url: String,
        /// The folder of the keys.
        keys: PathBuf,
    },
}

/// How to start the server.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    /// The program.
    pub(super) binary: PathBuf,
    /// Its store.
    pub(super) store: StoreAt,
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// The value of `RINGBACK_LOG`.
    pub(super) log: &'static str,
    /// Further variables of its environment.
    pub(super) environment: Vec<(&'static str, PathBuf)>,
    /// The file that collects what it writes to stdout and stderr, over all its lives.
    pub(super) output: PathBuf,
}

impl Launch {
    /// A launch on a free port.
    ///
    /// # Errors
    /// If there is no program, or no port to be had.
    pub(super) fn new(binary: &Path, store: PathBuf, output: PathBuf, seed: &Seed) -> Result<Self> {
        Self::at(binary, StoreAt::Folder(store), output, seed.part(101))
    }

    /// The same, of a store of any kind, on a port that the seed draws.
    ///
    /// # Errors
    /// If there is no program, or no port to be had.
    pub(super) fn at(binary: &Path, store: StoreAt, output: PathBuf, port: Seed) -> Result<Self> {
        let binary = binary.canonicalize().with_context(|| format!("no program at {}", binary.display()))?;
        Ok(Self { binary, store, address: free_address(port)?, log: "warn", output, environment: Vec::new() })
    }

    /// Makes the keys of a store in a database, which no server makes.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(super) fn make_keys(&self) -> Result<()> {
        let StoreAt::Database { keys, .. } = &self.store else { return Ok(()) };
        for (name, digit) in [("master.key", "7"), ("jwt.key", "e")] {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(keys.join(name))?;
            writeln!(file, "{}", digit.repeat(64))?;
        }
        Ok(())
    }

    /// A bearer token for the store.
    ///
    /// # Errors
    /// If the command fails or prints nothing.
    pub(super) async fn token(&self) -> Result<Arc<str>> {
        let mut command = self.command("token")?;
        // Longer than any run, also one whose clock is put ahead.
        command.args(["--ttl", "365d"]);
        let child = command.stdout(Stdio::piped()).spawn().context("cannot start the token command")?;
        let output = tokio::time::timeout(READY_LIMIT, child.wait_with_output()).await.context("token hangs")??;
        let token = String::from_utf8(output.stdout)?.trim().to_owned();
        if !output.status.success() || token.is_empty() {
            bail!("the token command ended with {} and printed {} bytes", output.status, token.len());
        }
        Ok(token.into())
    }

    /// What `check` prints of the store.
    ///
    /// # Errors
    /// If the store is not whole.
    pub(super) async fn check(&self) -> Result<String> {
        let output = self.command("check")?.output().await.context("cannot start the check")?;
        if !output.status.success() {
            bail!("the check of the store ended with {}", output.status);
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Starts the server; it may not be ready yet.
    ///
    /// # Errors
    /// If the process cannot be started at all.
    pub(super) fn start(&self) -> Result<Server> {
        let mut command = self.command("serve")?;
        command.args(["--egress-allow", "127.0.0.0/8", "--retry-schedule", RETRY_SCHEDULE]);
        command.arg("--listen").arg(self.address.to_string());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdout(Stdio::from(self.output()?));
        let child = command.spawn().with_context(|| format!("cannot start {}", self.binary.display()))?;
        Ok(Server { child, started: Instant::now(), address: self.address })
    }

    fn command(&self, name: &str) -> Result<Command> {
        let mut command = Command::new(&self.binary);
        // Settings of the shell that the harness runs in are none of its business.
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("RINGBACK_") {
                command.env_remove(variable);
            }
        }
        command.arg(name);
        match &self.store {
            StoreAt::Folder(folder) => command.arg("--store").arg(format!("sqlite:{}", folder.display())),
            StoreAt::Database { url, keys } => {
                if name == "serve" {
                    command.arg("--store").arg(url).arg("--master-key-file").arg(keys.join("master.key"));
                }
                command.arg("--jwt-secret-file").arg(keys.join("jwt.key"))
            }
        };
        command.env("RINGBACK_LOG", self.log).stdin(Stdio::null()).stderr(Stdio::from(self.output()?));
        command.kill_on_drop(true);
        Ok(command)
    }

    fn output(&self) -> Result<File> {
        Ok(OpenOptions::new().create(true).append(true).open(&self.output)?)
    }
}

/// A running server. Killed when dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    started: Instant,
    address: SocketAddr,
}

impl Server {
    /// Waits until the health check answers 204; returns how long that took since the start. `None` if the server ended
    /// or [`READY_LIMIT`] passed.
    pub(super) async fn ready(&mut self) -> Option<Duration> {
        while self.started.elapsed() < READY_LIMIT && !self.has_ended() {
            let mut client = Client::new(self.address, "".into());
            let reply = tokio::time::timeout(READY_LIMIT, client.get("/api/v1/health")).await.ok().flatten();
            if reply.is_some_and(|reply| reply.status == http::StatusCode::NO_CONTENT) {
                return Some(self.started.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        None
    }

    /// The seconds of CPU that it has used so far, in user space and in the kernel.
    ///
    /// # Errors
    /// If it has ended, or the system does not tell.
    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        let pid = self.child.id().context("the server has ended")?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // Behind the name, which may hold anything: fields 14 and 15 of proc(5).
        let fields = stat.rsplit_once(')').context("no process status")?.1.split_ascii_whitespace();
        let ticks: u64 = fields.skip(11).take(2).map(str::parse::<u64>).sum::<Result<_, _>>()?;
        Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// Its process; `None` when it has ended.
    pub(super) fn pid(&self) -> Option<Pid> {
        self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
    }

    /// Whether the process has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// `kill -9`, and waits until the process is gone.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) async fn kill(mut self) -> Result<()> {
        if !self.has_ended() {
            self.child.kill().await?;
        }
        Ok(())
    }

    /// Asks it to stop, and waits for its end. `None` if it does not end within `limit`; it is killed then.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) async fn stop(mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        if let Some(pid) = self.pid() {
            kill_process(pid, Signal::TERM)?;
        }
        match tokio::time::timeout(limit, self.child.wait()).await {
            Ok(status) => Ok(Some(status?)),
            Err(_) => {
                self.kill().await?;
                Ok(None)
            }
        }
    }
}

/// A loopback address that is free now and stays so over restarts.
///
/// The port lies below the range that the system hands out: from within that range, a client that keeps dialling a dead
/// server would sooner or later be given the very port it dials, and connect to itself.
pub(super) fn free_address(mut seed: Seed) -> Result<SocketAddr> {
    // The process id keeps two runs with the same seed apart.
    let from = seed.next() ^ u64::from(std::process::id());
    for offset in 0..1000 {
        let port = u16::try_from(20_000 + (from.wrapping_add(offset) % 10_000))?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if std::net::TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("no free port between 20000 and 29999")
}
