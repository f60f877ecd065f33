//! `ringback rekey`: seals all secrets of a store with a new master key, while no server runs on it.
//!
//! The new key is on disk beside the old one (`master.key.new`) before anything is sealed with it; then all secrets are
//! sealed anew in one commit; then the files change their names, and the old key stays as `master.key.old`. When it is
//! interrupted anywhere, running it again goes on from there.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use ringback_engine::SystemRandom;
use ringback_store::MasterKey;
use ringback_store::backend::sqlite::{Rekeyed, rekey};

use crate::args::StoreArgs;
use crate::config::StoreFiles;

/// What is to be known of a store in PostgreSQL.
const INSTEAD: &str = "the master key stays as it is: several servers hold it at once";

/// Runs the command.
pub(crate) fn run(args: StoreArgs) -> anyhow::Result<()> {
    let StoreFiles { folder, master_key } = StoreFiles::new(args, "rekey", INSTEAD)?;
    let (new, old) = (beside(&master_key, "new"), beside(&master_key, "old"));
    // A run that was interrupted between its last two steps leaves a second name of the same file.
    if old.exists() && !(new.exists() && fs::read(&old).ok() == fs::read(&master_key).ok()) {
        bail!("{} is there from a change before this one: once no backup needs it any more, remove it", old.display());
    }
    let random = SystemRandom::new();
    let current = MasterKey::from_file(&master_key)?;
    // That of an interrupted run, if there is one: something may be sealed with it already.
    let fresh = MasterKey::load_or_create(&new, &random)?;
    let done = rekey(&folder, &current, &fresh, &random)?;
    // From here on the store opens with the new key alone. A link and not a copy: the old one is never absent.
    if !old.exists() {
        fs::hard_link(&master_key, &old).with_context(|| format!("cannot make {}", old.display()))?;
    }
    fs::rename(&new, &master_key).with_context(|| format!("cannot put the new key at {}", master_key.display()))?;
    sync_folder_of(&master_key)?;
    let count = match done {
        Rekeyed::Now(count) => count.to_string(),
        Rekeyed::Before => "all, by the run before this one,".to_owned(),
    };
    writeln!(
        io::stdout(),
        "secrets     {count} sealed with the new key in {}\nold key     {}: backups made before need it",
        master_key.display(),
        old.display()
    )?;
    Ok(())
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

fn sync_folder_of(path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder).and_then(|folder| folder.sync_all()).context("the names of the keys cannot be made durable")
}
