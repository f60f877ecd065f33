//! What one message costs the embedded store: accepted and settled, durable both times, with all indexes.
//!
//! `cargo bench -p ringback-store --bench settle -- [messages] [endpoints] [batch] [payload bytes]`
//!
//! `inline` is the work of the writer alone, one commit per batch: acceptances of one batch together with the outcomes of
//! the batch before. `store` is the whole store with its threads, fed by one caller that keeps four batches under way.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod load;

use std::collections::VecDeque;
use std::time::Duration;

use load::{Figures, Load};
use ringback_model::{EndpointNo, MessageNo};
use ringback_store::backend::sqlite::{ApplyContext, Op, OpResult, SqliteOptions, SqliteStore, apply, open_connection};
use ringback_store::{Accepted, Finished, MasterKey, Reply, Store, StoreError};

fn main() -> Result<(), StoreError> {
    let load = Load::from_arguments();
    inline(&load)?;
    whole_store(&load)
}

fn inline(load: &Load) -> Result<(), StoreError> {
    let folder = folder()?;
    let mut connection = open_connection(&folder.path().join("ringback.db"))?;
    let key = MasterKey::from_bytes([0; 32]);
    let mut context = ApplyContext::new(&connection, key, load.random.clone(), load.clock.clone())?;
    let mut to_settle: Vec<(MessageNo, EndpointNo)> = Vec::new();
    let figures = Figures::begin();
    for batch in 0..load.messages / load.batch {
        load.clock.advance(Duration::from_millis(3));
        let mut ops: Vec<_> = to_settle.drain(..).map(|(no, endpoint)| Op::Finish(load.finish(no, endpoint))).collect();
        let accepts = (0..load.batch).map(|n| load.accept(batch * load.batch + n));
        ops.extend(accepts.map(Op::Accept));
        let (results, committed) = apply(&mut connection, &mut context, &ops);
        assert!(results.iter().all(|result| matches!(
            result,
            OpResult::Accept(Ok(Accepted::New { .. })) | OpResult::Finish(Ok(Finished::Recorded))
        )));
        to_settle.extend(committed.due.iter().map(|due| (due.message.no, due.endpoint)));
        if batch % 32 == 31 {
            connection
                .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
                .map_err(|error| StoreError::Unavailable { source: error.into() })?;
        }
    }
    figures.print("inline", load, "");
    Ok(())
}

fn whole_store(load: &Load) -> Result<(), StoreError> {
    let folder = folder()?;
    let (store, mut feed) = SqliteStore::open(SqliteOptions {
        folder: folder.path().to_owned(),
        master_key: MasterKey::from_bytes([0; 32]),
        random: load.random.clone(),
        clock: load.clock.clone(),
        reserve_bytes: 0,
    })?;
    let figures = Figures::begin();
    let mut accepting: VecDeque<Reply<Accepted>> = VecDeque::new();
    let mut settling: VecDeque<Reply<Finished>> = VecDeque::new();
    for n in 0..load.messages {
        load.clock.advance(Duration::from_micros(50));
        accepting.push_back(store.accept(load.accept(n)));
        while let Some(committed) = feed.try_next() {
            let outcomes = committed.due.iter().map(|due| load.finish(due.message.no, due.endpoint));
            settling.extend(outcomes.map(|outcome| store.finish(outcome)));
        }
        while accepting.len() > load.batch * 4 {
            accepting.pop_front().map(Reply::wait).transpose()?;
        }
        while settling.len() > load.batch * 4 {
            settling.pop_front().map(Reply::wait).transpose()?;
        }
    }
    for reply in settling {
        reply.wait()?;
    }
    figures.print("store", load, "");
    Ok(())
}

fn folder() -> Result<tempfile::TempDir, StoreError> {
    tempfile::tempdir().map_err(|error| StoreError::Open(error.to_string()))
}
