//! A seeded simulation of the engine and the store: the real scheduler, the real judgement of outcomes and the real
//! SQLite writer, called inline; a clock turned by hand and receivers that are made up. Every law of `laws.rs` is
//! checked at every step, and the same seed gives the same trace.
//!
//! `RINGBACK_SIM_SEEDS` says how many seeds are run (2,000 in a release build), `RINGBACK_SIM_SEED` runs one alone and
//! tells its story.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it tells which seed broke a law, and what the runs came to"
)]

mod changes;
mod laws;
mod plan;
mod receivers;
mod world;
mod writes;

use std::sync::atomic::{AtomicU64, Ordering};

use world::World;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn every_law_holds_for_every_seed() {
    if let Some(seed) = number("RINGBACK_SIM_SEED") {
        let summary = World::new(seed, true).run();
        println!("seed {seed}: {summary:?}");
        return;
    }
    let seeds = number("RINGBACK_SIM_SEEDS").unwrap_or(if cfg!(debug_assertions) { 40 } else { 2_000 });
    let next = AtomicU64::new(0);
    let totals = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..std::thread::available_parallelism().map_or(2, usize::from))
            .map(|_| {
                scope.spawn(|| {
                    let mut total = world::Summary::default();
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= seeds {
                            return total;
                        }
                        total += World::new(seed, false).run();
                    }
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("a law was broken: see above for its seed")).fold(
            world::Summary::default(),
            |mut total, part| {
                total += part;
                total
            },
        )
    });
    println!("{seeds} seeds: {totals:?}");
    // A run that tested nothing cannot pass.
    assert!(totals.accepted >= 300 * seeds, "{totals:?}");
    assert!(totals.crashes >= seeds / 2 && totals.failed_attempts > totals.attempts / 20, "{totals:?}");
    assert!(totals.ended_well > 0 && totals.ended_badly > 0 && totals.queued > 0, "{totals:?}");
    assert!(totals.expired > 0 && totals.batches > seeds, "{totals:?}");
    assert!(totals.followers > seeds && totals.left > seeds / 10, "{totals:?}");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..3 {
        assert_eq!(World::new(seed, false).run().trace, World::new(seed, false).run().trace, "seed {seed}");
    }
}
