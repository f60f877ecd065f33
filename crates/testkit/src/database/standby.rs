//! A standby that every commit waits for, and the fail-over to it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::Database;

/// How soon a standby is in step.
const IN_STEP: Duration = Duration::from_secs(30);

/// A copy of the database that follows it.
#[derive(Debug)]
pub(super) struct Standby {
    data: PathBuf,
    address: SocketAddr,
    pub(super) server: Child,
}

impl Database {
    /// How it is reached at the one of two addresses where it can be written to: its own, or that of a standby after a
    /// fail-over; or those of ways that lead there.
    #[must_use]
    pub fn url_at([one, other]: [SocketAddr; 2]) -> String {
        format!("postgres://postgres@{one},{other}/postgres?target_session_attrs=read-write")
    }

    /// Makes a standby at this address. From now on no commit is answered before it is on the standby's disk, too.
    ///
    /// # Errors
    /// If it cannot be made, or does not follow.
    pub async fn attach_standby(&mut self, address: SocketAddr) -> Result<()> {
        let data = self.make_folder()?.context("a folder cannot be given to PostgreSQL's user")?;
        let (port, mut copy) = (self.address.port().to_string(), self.command("pg_basebackup"));
        copy.args(["-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-X", "stream", "-c", "fast", "-R", "--no-sync"]);
        copy.arg("-D").arg(&data);
        let copied = run(copy).await.context("cannot run pg_basebackup")?;
        if !copied.success() {
            bail!("pg_basebackup ended with {copied}");
        }
        let server = self.serve(&data, address)?;
        self.standby = Some(Standby { data, address, server });
        self.wait_for("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'").await?;
        // Not before, or every commit would wait for its start; and after the copy was made, so that it waits for nobody
        // itself once it is the primary.
        self.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")?;
        self.ask("SELECT pg_reload_conf()")?;
        self.wait_for("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'").await
    }

    /// Waits until the answer is 1.
    async fn wait_for(&self, sql: &str) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < IN_STEP {
            if self.ask(sql)? == "1" {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the standby does not follow")
    }

    /// `kill -9` of the database, for good; the standby takes its place. Answers where the old one was.
    ///
    /// # Errors
    /// If there is no standby, or it does not take its place.
    pub async fn fail_over(&mut self) -> Result<SocketAddr> {
        let standby = self.standby.take().context("there is no standby")?;
        self.kill()?;
        let mut promote = self.command("pg_ctl");
        promote.args(["promote", "-w", "-s", "-D"]).arg(&standby.data);
        let promoted = run(promote).await.context("cannot run pg_ctl")?;
        (self.data, self.server) = (standby.data, Some(standby.server));
        let old = std::mem::replace(&mut self.address, standby.address);
        if promoted.success() { Ok(old) } else { bail!("pg_ctl promote ended with {promoted}") }
    }

    /// The answer to a question to the database.
    fn ask(&self, sql: &str) -> Result<String> {
        let mut psql = self.command("psql");
        psql.args(["-h", "127.0.0.1", "-p", &self.address.port().to_string(), "-U", "postgres", "-XAtqc", sql]);
        let output = psql.stdout(Stdio::piped()).output().context("cannot run psql")?;
        if !output.status.success() {
            bail!("psql ended with {}", output.status);
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

/// Runs a program beside all else that the harness does.
async fn run(mut command: Command) -> Result<ExitStatus> {
    Ok(tokio::task::spawn_blocking(move || command.status()).await??)
}
