//! `ringback restore`: makes a store of a backup, where there is none yet.
//!
//! Deliveries that were pending when the backup was made are sent again by the next server on it: what had been delivered
//! since is delivered twice.

use std::io::{self, Write as _};

use ringback_engine::SystemClock;
use ringback_model::Clock as _;
use ringback_store::backend::sqlite::restore;

use crate::args::RestoreArgs;
use crate::backup::{KEYS, copy_key};
use crate::check::describe;
use crate::config::StoreFiles;

/// What restores a store in PostgreSQL.
const INSTEAD: &str = "use its own tools: `pg_restore --exit-on-error --single-transaction --dbname=URL ringback.dump` puts \
                       what `pg_dump` has copied into a database without a store; `ringback check` looks at it then. See \
                       docs/operating.md";

/// Runs the command.
pub(crate) fn run(args: RestoreArgs) -> anyhow::Result<()> {
    let files = StoreFiles::new(args.store, "restore", INSTEAD)?;
    let found = restore(&args.folder, &files.folder)?;
    for name in KEYS {
        let (from, to) = (args.folder.join(name), files.folder.join(name));
        if from.exists() && !to.exists() {
            copy_key(&from, &to)?;
        }
    }
    let mut out = io::stdout();
    writeln!(out, "store       {}", files.folder.display())?;
    out.write_all(describe(&found, SystemClock::new().wall()).as_bytes())?;
    writeln!(out, "again       {} deliveries that were pending are sent by the next server", found.backlog.pending)?;
    if !files.master_key.exists() {
        writeln!(out, "missing     {}: put the master key of the backed-up store there", files.master_key.display())?;
    }
    Ok(())
}
