//! `ringback migrate-store`: carries an embedded store over to PostgreSQL, pending deliveries included.
//!
//! The embedded store is only read, and stays as it is. When a run is ended, be it by `kill -9`, the same command goes on
//! where it was; until it has said that all is there, no server starts on the database.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use ringback_engine::{SystemClock, SystemRandom};
use ringback_model::Clock as _;
use ringback_store::Inspection;
use ringback_store::backend::migration::{Migrated, Migration, Passed, migrate};

use crate::args::MigrateStoreArgs;
use crate::check::describe;
use crate::config::{ConfigError, StoreAddress};
use crate::keys;
use crate::server::runtime;
use crate::signals::Signals;

/// How often it is told how far it is.
const TOLD: Duration = Duration::from_secs(1);

/// Runs the command.
pub(crate) fn run(args: MigrateStoreArgs) -> anyhow::Result<()> {
    let MigrateStoreArgs { from, to, migrate_url, master_key_file, rows } = args;
    let StoreAddress::Folder(folder) = from else { return Err(ConfigError::MigrateFrom.into()) };
    let StoreAddress::Postgres(url) = to else { return Err(ConfigError::MigrateTo.into()) };
    let key_file = master_key_file.unwrap_or_else(|| folder.join("master.key"));
    let master_key = keys::existing_master_key(&folder, &key_file)?;
    let migration = Migration {
        folder: folder.clone(),
        url,
        migrate_url: migrate_url.map(|url| url.0),
        master_key,
        random: Arc::new(SystemRandom::new()),
        rows,
    };
    match runtime()?.block_on(carry(migration))? {
        Migrated::Whole { found, resumed } => tell(&found, resumed, &folder, &key_file),
        Migrated::Before => {
            writeln!(io::stdout(), "whole       yes: everything was carried over before, and nothing was done now")?;
            Ok(())
        }
        Migrated::Stopped => bail!("stopped before the end: run the same command again, and it goes on where it was"),
    }
}

/// The first signal stops it after a commit, the second one at once.
async fn carry(migration: Migration) -> anyhow::Result<Migrated> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let stopping = Arc::new(AtomicBool::new(false));
    tokio::spawn({
        let stopping = stopping.clone();
        async move {
            signals.next().await;
            stopping.store(true, Ordering::Relaxed);
            std::process::exit(128 + signals.next().await.as_raw_value());
        }
    });
    let mut teller = Teller::default();
    let passed = |passed: Passed| {
        teller.tell(passed);
        if stopping.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    Ok(Box::pin(migrate(migration, passed)).await?)
}

/// Says on standard error how far it is: at the end of each kind of thing, and once a second.
#[derive(Debug, Default)]
struct Teller {
    told: Option<Instant>,
}

impl Teller {
    fn tell(&mut self, Passed { what, rows, of }: Passed) {
        if rows < of && self.told.is_some_and(|told| told.elapsed() < TOLD) {
            return;
        }
        self.told = Some(Instant::now());
        // Nobody may be reading: then it is not said.
        writeln!(io::stderr(), "{what}: {rows} of {of}").ok();
    }
}

/// What is there now, and what servers need to start on it.
fn tell(found: &Inspection, resumed: bool, folder: &Path, master_key: &Path) -> anyhow::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "from        {}{}", folder.display(), if resumed { ", in several runs" } else { "" })?;
    out.write_all(describe(found, SystemClock::new().wall()).as_bytes())?;
    let tokens = jwt_key(folder).map_or_else(
        || "the secret of tokens that the server had".to_owned(),
        |path| format!("--jwt-secret-file {}", path.display()),
    );
    writeln!(out, "keys        servers need the same ones: --master-key-file {}, {tokens}", master_key.display())?;
    Ok(())
}

fn jwt_key(folder: &Path) -> Option<PathBuf> {
    Some(folder.join("jwt.key")).filter(|path| path.exists())
}
