//! A throw-away PostgreSQL server, which a test may kill and start again.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, geteuid, kill_process};

/// Where Debian puts the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The user that the server runs as when the harness runs as root, which PostgreSQL refuses.
const USER: &str = "postgres";
/// How soon it takes connections.
const UP: Duration = Duration::from_secs(20);

/// A database server in a folder. Killed when dropped.
#[derive(Debug)]
pub struct Database {
    bin: PathBuf,
    data: PathBuf,
    address: SocketAddr,
    server: Option<Child>,
}

impl Database {
    /// Makes one and starts it; `None` where PostgreSQL is not installed.
    ///
    /// # Errors
    /// If it cannot be made.
    pub async fn start(folder: &Path, address: SocketAddr) -> Result<Option<Self>> {
        let Some(bin) = programs() else { return Ok(None) };
        let data = folder.join("postgres");
        std::fs::create_dir(&data)?;
        if geteuid().is_root() {
            let given = Command::new("chown").arg(USER).arg(&data).status()?;
            // Others have to find the way to it.
            let open = Command::new("chmod").arg("711").arg(folder).status()?;
            if !given.success() || !open.success() {
                return Ok(None);
            }
        }
        let mut database = Self { bin, data, address, server: None };
        let mut init = database.command("initdb");
        init.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        let made = init.arg("-D").arg(&database.data).status().context("cannot run initdb")?;
        if !made.success() {
            bail!("initdb ended with {made}");
        }
        database.up().await?;
        Ok(Some(database))
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.address)
    }

    /// Starts the server, and waits until it takes connections.
    ///
    /// # Errors
    /// If it does not.
    pub async fn up(&mut self) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < UP {
            if self.server.as_mut().is_none_or(|server| !matches!(server.try_wait(), Ok(None))) {
                // After a kill the server's children hold its memory for a moment, and a new one gives up.
                self.server = Some(self.serve()?);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            let mut ready = self.command("pg_isready");
            ready.args(["-q", "-h", "127.0.0.1", "-p", &self.address.port().to_string()]);
            if TcpStream::connect(self.address).is_ok() && ready.status()?.success() {
                return Ok(());
            }
        }
        bail!("PostgreSQL does not start")
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut server) = self.server.take() {
            server.kill()?;
            server.wait()?;
        }
        Ok(())
    }

    fn serve(&self) -> Result<Child> {
        let mut command = self.command("postgres");
        command.arg("-D").arg(&self.data);
        let port = format!("port={}", self.address.port());
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=100", &port] {
            command.args(["-c", setting]);
        }
        command.spawn().context("cannot start PostgreSQL")
    }

    /// A program of PostgreSQL's, as its user. It ends when the harness does.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "QUIT"]);
        if geteuid().is_root() {
            command.args(["--clear-groups", "--reuid", USER]);
        }
        command.arg(self.bin.join(name)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.current_dir("/");
        command
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // QUIT, so that its children go, too; what is on its disk is of no use to anybody.
        if let Some(server) = &mut self.server {
            if let Some(pid) = Pid::from_raw(server.id().try_into().unwrap_or(0)) {
                kill_process(pid, Signal::QUIT).ok();
            }
            server.wait().ok();
        }
    }
}

fn programs() -> Option<PathBuf> {
    let named = std::env::var_os("RINGBACK_POSTGRES_BIN").map(PathBuf::from);
    let newest = || {
        let versions = std::fs::read_dir(DEBIAN).ok()?.filter_map(Result::ok);
        let newest = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max()?;
        Some(Path::new(DEBIAN).join(newest.to_string()).join("bin"))
    };
    named.or_else(newest).filter(|bin| bin.join("initdb").exists())
}
