//! The programs of PostgreSQL and pgbouncer: where they are, and as whom they run.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Where Debian puts the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The user that servers run as when the tests run as root, which PostgreSQL refuses.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// What servers are started with.
#[derive(Debug)]
pub(crate) struct Programs {
    bin: PathBuf,
    /// User and group to become; none where the tests do not run as root.
    user: Option<(u32, u32)>,
}

impl Programs {
    /// The programs of this machine, or a word on why the test is skipped.
    pub(crate) fn find() -> Option<Self> {
        match Self::look() {
            Ok(programs) => Some(programs),
            Err(reason) => skip(&reason),
        }
    }

    fn look() -> Result<Self, String> {
        let bin = std::env::var_os("RINGBACK_POSTGRES_BIN").map(PathBuf::from).or_else(newest_of_debian);
        let bin = bin.filter(|bin| bin.join("initdb").exists());
        let bin = bin.ok_or_else(|| format!("no initdb under {DEBIAN}"))?;
        let user = if rustix::process::geteuid().is_root() {
            Some(USERS.into_iter().find_map(user).ok_or("no user to run it as")?)
        } else {
            None
        };
        Ok(Self { bin, user })
    }

    /// A program of PostgreSQL's, to be run as its user.
    pub(crate) fn command(&self, name: &str) -> Command {
        self.command_at(self.bin.join(name))
    }

    /// A program, to be run as PostgreSQL's user. It is stopped when the thread that has started it ends.
    pub(crate) fn command_at(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "QUIT"]);
        if let Some((user, group)) = self.user {
            command.args(["--clear-groups", "--reuid", &user.to_string(), "--regid", &group.to_string()]);
        }
        command.arg(program).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        command
    }

    /// Where the programs of PostgreSQL are.
    pub(crate) fn bin(&self) -> &Path {
        &self.bin
    }

    /// Gives a file or folder to PostgreSQL's user.
    pub(crate) fn give(&self, path: &Path) {
        if let Some((user, group)) = self.user {
            std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
        }
    }
}

/// Says why a test does not run, unless it has to.
pub(crate) fn skip<T>(reason: &str) -> Option<T> {
    assert!(std::env::var_os("RINGBACK_REQUIRE_POSTGRES").is_none_or(|set| set != "1"), "postgres: {reason}");
    #[expect(clippy::print_stdout, reason = "whoever reads the tests' output learns what was not tested")]
    {
        println!("SKIP postgres: {reason}");
    }
    None
}

fn newest_of_debian() -> Option<PathBuf> {
    let versions = fs::read_dir(DEBIAN).ok()?.filter_map(Result::ok);
    let newest = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max()?;
    Some(Path::new(DEBIAN).join(newest.to_string()).join("bin"))
}

fn user(name: &str) -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == name)?;
    Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
}

/// A port that nobody listens on at present.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Waits for something that another process brings about.
pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what} does not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A server's process, which ends with this.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn end(&mut self, signal: Signal) {
        let pid = Pid::from_child(&self.0);
        if !self.has_ended() {
            kill_process(pid, signal).unwrap();
        }
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end(Signal::QUIT);
    }
}
