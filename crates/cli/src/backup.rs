//! `ringback backup`: copies a store, as it stands at one moment, into a folder; the server may run.
//!
//! Keys come along only when that is asked for: whoever has the copy and the keys has every secret.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use ringback_engine::SystemClock;
use ringback_model::Clock as _;
use ringback_store::backend::sqlite::{back_up, inspect};

use crate::args::BackupArgs;
use crate::check::describe;
use crate::config::StoreFiles;

/// Names of the files that hold keys.
pub(crate) const KEYS: [&str; 2] = ["master.key", "jwt.key"];

/// What backs up a store in PostgreSQL, as it stands at one moment, while servers run.
const INSTEAD: &str = "use its own tools: `pg_dump --format=custom --schema=ringback --file=ringback.dump URL` copies the \
                       store as it stands at one moment, while servers run; keep master.key and the jwt secret beside it. \
                       See docs/operating.md";

/// Runs the command.
pub(crate) fn run(args: BackupArgs) -> anyhow::Result<()> {
    let files = StoreFiles::new(args.store, "backup", INSTEAD)?;
    back_up(&files.folder, &args.folder)?;
    if args.with_keys {
        copy_key(&files.master_key, &args.folder.join(KEYS[0]))?;
        let tokens = files.folder.join(KEYS[1]);
        if tokens.exists() {
            copy_key(&tokens, &args.folder.join(KEYS[1]))?;
        }
    }
    let found = inspect(&args.folder, None)?;
    let mut out = io::stdout();
    writeln!(out, "backup      {}", args.folder.display())?;
    out.write_all(describe(&found, SystemClock::new().wall()).as_bytes())?;
    if !args.with_keys {
        writeln!(out, "keys        not in it: keep master.key and jwt.key in a safe place of their own")?;
    }
    Ok(())
}

/// Copies a key for its owner's eyes alone; one that is there is not written over.
pub(crate) fn copy_key(from: &Path, to: &Path) -> anyhow::Result<()> {
    let key = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    file.and_then(|mut file| file.write_all(&key).and_then(|()| file.sync_all()))
        .with_context(|| format!("cannot write {}", to.display()))
}
