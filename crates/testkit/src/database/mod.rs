//! A throw-away PostgreSQL server, which a test may kill and start again.

use std::fs::DirBuilder;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, geteuid, kill_process};

mod standby;

use standby::Standby;

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
    folder: PathBuf,
    data: PathBuf,
    address: SocketAddr,
    server: Option<Child>,
    standby: Option<Standby>,
}

impl Database {
    /// Makes one and starts it; `None` where PostgreSQL is not installed.
    ///
    /// # Errors
    /// If it cannot be made.
    pub async fn start(folder: &Path, address: SocketAddr) -> Result<Option<Self>> {
        let Some(bin) = programs() else { return Ok(None) };
        let (folder, server, standby) = (folder.to_owned(), None, None);
        let mut database = Self { bin, data: PathBuf::new(), folder, address, server, standby };
        let Some(data) = database.make_folder()? else { return Ok(None) };
        database.data = data;
        let mut init = database.command("initdb");
        init.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        let made = init.arg("-D").arg(&database.data).status().context("cannot run initdb")?;
        if !made.success() {
            bail!("initdb ended with {made}");
        }
        database.up().await?;
        Ok(Some(database))
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
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
                self.server = Some(self.serve(&self.data, self.address)?);
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

    /// A folder of its own for a cluster, which nobody else can look into; `None` where it cannot be given to the user
    /// that the server runs as.
    fn make_folder(&self) -> Result<Option<PathBuf>> {
        let made = (0..).map(|number| self.folder.join(format!("postgres{number}"))).find(|folder| !folder.exists());
        let data = made.context("numbers do not end")?;
        DirBuilder::new().mode(0o700).create(&data)?;
        if geteuid().is_root() {
            let given = Command::new("chown").arg(USER).arg(&data).status()?;
            // Others have to find the way to it.
            let open = Command::new("chmod").arg("711").arg(&self.folder).status()?;
            if !given.success() || !open.success() {
                return Ok(None);
            }
        }
        Ok(Some(data))
    }

    fn serve(&self, data: &Path, address: SocketAddr) -> Result<Child> {
        let mut command = self.command("postgres");
        command.arg("-D").arg(data);
        let port = format!("port={}", address.port());
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
        let standby = self.standby.as_mut().map(|standby| &mut standby.server);
        for server in self.server.iter_mut().chain(standby) {
            // QUIT, so that its children go, too; what is on its disk is of no use to anybody.
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
