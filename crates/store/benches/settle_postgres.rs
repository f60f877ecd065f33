//! What one message costs the store in PostgreSQL: accepted and settled, durable both times, with all indexes.
//!
//! `RINGBACK_BENCH_URL=postgres://... cargo bench -p ringback-store --bench settle_postgres -- [messages] [endpoints] [batch] [payload bytes]`
//!
//! The server has to be on this machine, so that its CPU can be counted, and the database empty. One caller keeps four
//! batches under way.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod load;

use std::collections::VecDeque;
use std::fs;
use std::time::Duration;

use load::{Figures, Load};
use ringback_model::Redacted;
use ringback_store::backend::postgres::{PostgresOptions, PostgresStore};
use ringback_store::{Accepted, Epoch, Finished, MasterKey, NewNode, Reply, Store, StoreError};

/// Ticks of the kernel's clock in a second, as `/proc` counts.
const TICKS: f64 = 100.0;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), StoreError> {
    let Ok(url) = std::env::var("RINGBACK_BENCH_URL") else {
        println!("skipped: RINGBACK_BENCH_URL is not set");
        return Ok(());
    };
    let mut load = Load::from_arguments();
    let (store, mut feed) = PostgresStore::open(PostgresOptions {
        url: Redacted::new(url),
        migrate_url: None,
        master_key: MasterKey::from_bytes([0; 32]),
        random: load.random.clone(),
        clock: load.clock.clone(),
    })
    .await?;
    let (name, version, process) = ("a node".to_owned(), "0.1.0".to_owned(), "a process".to_owned());
    let lease = store.lease(NewNode { name, version, process, ended: Vec::new() }).await?;
    load.epoch = lease.shards.first().map_or(Epoch::ONLY, |(_, epoch)| *epoch);
    let (figures, server) = (Figures::begin(), server_cpu());
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
            if let Some(reply) = accepting.pop_front() {
                reply.await?;
            }
        }
        while settling.len() > load.batch * 4 {
            if let Some(reply) = settling.pop_front() {
                reply.await?;
            }
        }
    }
    for reply in settling {
        reply.await?;
    }
    let server = (server_cpu() - server) / load.messages as f64 * 1e6;
    figures.print("postgres", &load, &format!(" server_cpu_us_per_message={server:.2}"));
    store.close().await;
    Ok(())
}

/// Seconds of CPU that all processes of PostgreSQL on this machine have used.
fn server_cpu() -> f64 {
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let ticks = processes.filter_map(|process| {
        let stat = fs::read_to_string(process.path().join("stat")).ok()?;
        let (name, fields) = stat.split_once('(')?.1.rsplit_once(')')?;
        let fields: Vec<f64> =
            fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
        (name == "postgres").then(|| fields.iter().sum::<f64>())
    });
    ticks.sum::<f64>() / TICKS
}
