//! `ringback check`: looks at a store, also beside its server. Exit status 0 if it is whole, 1 if not.

use std::io::{self, Write as _};

use anyhow::bail;
use ringback_engine::SystemClock;
use ringback_model::{Clock as _, Timestamp};
use ringback_store::backend::{postgres, sqlite};
use ringback_store::{Inspection, MasterKey};

use crate::args::StoreArgs;
use crate::config::{StoreFiles, StorePlace};
use crate::server::runtime;

/// Runs the command.
pub(crate) fn run(args: StoreArgs) -> anyhow::Result<()> {
    let (found, keyless) = match StorePlace::new(args)? {
        StorePlace::Folder(StoreFiles { folder, master_key }) => {
            // Without the key the rest can be looked at all the same.
            let key = master_key.exists().then(|| MasterKey::from_file(&master_key)).transpose()?;
            let missing = format!("there is no {}", master_key.display());
            (sqlite::inspect(&folder, key.as_ref())?, key.is_none().then_some(missing))
        }
        StorePlace::Database { url, master_key } => {
            let key = master_key.map(|file| MasterKey::from_file(&file)).transpose()?;
            let missing = "name the master key with --master-key-file".to_owned();
            (runtime()?.block_on(postgres::inspect(&url, key.as_ref()))?, key.is_none().then_some(missing))
        }
    };
    let mut text = describe(&found, SystemClock::new().wall());
    if let Some(missing) = keyless {
        text += &format!("secrets     not looked at: {missing}\n");
    }
    io::stdout().write_all(text.as_bytes())?;
    match found.troubles.len() {
        0 => Ok(()),
        1 => bail!("the store is not whole: {}", found.troubles[0]),
        more => bail!("the store is not whole: {} and {} more", found.troubles[0], more - 1),
    }
}

/// What was found, one figure a line.
pub(crate) fn describe(found: &Inspection, now: Timestamp) -> String {
    let mut text = format!(
        "version     {}\ndocuments   {}\nmessages    {}\nattempts    {}\n",
        found.version, found.documents, found.messages, found.attempts
    );
    for (state, count) in &found.deliveries {
        text += &format!("deliveries  {count} {}\n", state.text());
    }
    text += &match found.backlog.oldest {
        Some(oldest) => format!(
            "waiting     {} deliveries, the oldest since {} s\n",
            found.backlog.pending,
            now.since(oldest).as_secs()
        ),
        None => "waiting     nothing\n".to_owned(),
    };
    for node in &found.nodes {
        let left = node.lease_left.as_secs();
        let lease = if left > 0 { format!("lease {left} s") } else { "its lease is over".to_owned() };
        let leaves = if node.leaves { ", leaves" } else { "" };
        let (no, name, version, shards) = (node.no.0, &node.name, &node.version, node.shards);
        text += &format!("node        {no} {name}, version {version}, {shards} shards, {lease}{leaves}\n");
    }
    for trouble in &found.troubles {
        text += &format!("TROUBLE     {trouble}\n");
    }
    text + if found.troubles.is_empty() { "whole       yes\n" } else { "whole       NO\n" }
}
