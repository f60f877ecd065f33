//! Connections that wait for the next request of the same endpoint.
//!
//! They are not shared between endpoints even where the origin is the same: what one customer's receiver says out of
//! turn must never be taken for an answer to another's message. Those of an endpoint are used last in, first out, so
//! that what is not needed grows old and goes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringback_model::EndpointNo;
use tokio::time::Instant;

use super::live::Live;
use crate::egress::{Origin, TlsIdentity};

/// How long a connection may lie idle.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// How long a connection is used at most, so that a change in the DNS takes effect.
const AGE_MAX: Duration = Duration::from_secs(120);
/// How many lie idle for one endpoint, and in all: each holds some 20 KB of buffers.
const PER_ENDPOINT_MAX: usize = 64;
const TOTAL_MAX: usize = 512;
/// How often the whole pool is looked through for connections that are too old.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Idle {
    live: Box<Live>,
    since: Instant,
}

impl Idle {
    fn is_fresh(&self, now: Instant) -> bool {
        now < self.since + IDLE_MAX && now < self.live.opened + AGE_MAX
    }
}

#[derive(Debug)]
struct Shelves {
    idle: HashMap<EndpointNo, Vec<Idle>>,
    total: usize,
    swept: Instant,
}

/// Idle connections by endpoint.
#[derive(Debug)]
pub(super) struct Pool(Mutex<Shelves>);

impl Pool {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Shelves { idle: HashMap::new(), total: 0, swept: Instant::now() }))
    }

    /// A connection of this endpoint to this origin, as this identity, that the present policy allowed. Those that do not
    /// fit any more are closed on the way.
    pub(super) fn take(
        &self,
        endpoint: EndpointNo,
        origin: &Origin,
        identity: Option<&TlsIdentity>,
        generation: u64,
        now: Instant,
    ) -> Option<Box<Live>> {
        let mut shelves = self.lock();
        let shelf = shelves.idle.get_mut(&endpoint)?;
        let before = shelf.len();
        let found = loop {
            match shelf.pop() {
                Some(idle)
                    if idle.is_fresh(now)
                        && idle.live.generation == generation
                        && idle.live.origin == *origin
                        && idle.live.identity.as_deref() == identity =>
                {
                    break Some(idle.live);
                }
                Some(_) => {}
                None => break None,
            }
        };
        let taken = before - shelf.len();
        shelves.total -= taken;
        found
    }

    /// Keeps a connection for the next request, unless it is too old or there are enough.
    pub(super) fn put(&self, endpoint: EndpointNo, live: Box<Live>, now: Instant) {
        let mut shelves = self.lock();
        if now >= shelves.swept + SWEEP_EVERY {
            shelves.sweep(now);
        }
        let idle = Idle { live, since: now };
        if shelves.total >= TOTAL_MAX || !idle.is_fresh(now) {
            return;
        }
        let shelf = shelves.idle.entry(endpoint).or_default();
        if shelf.len() < PER_ENDPOINT_MAX {
            shelf.push(idle);
            shelves.total += 1;
        }
    }

    /// Closes what is too old.
    pub(super) fn sweep(&self, now: Instant) {
        self.lock().sweep(now);
    }

    /// Closes all that one endpoint has.
    pub(super) fn forget(&self, endpoint: EndpointNo) {
        let gone = {
            let mut shelves = self.lock();
            let gone = shelves.idle.remove(&endpoint).unwrap_or_default();
            shelves.total -= gone.len();
            gone
        };
        // Closing takes a call into the kernel each: not under the lock.
        drop(gone);
    }

    /// Closes everything.
    pub(super) fn clear(&self) {
        let gone = {
            let mut shelves = self.lock();
            shelves.total = 0;
            std::mem::take(&mut shelves.idle)
        };
        drop(gone);
    }

    /// How many connections lie idle.
    pub(super) fn len(&self) -> usize {
        self.lock().total
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelves {
    fn sweep(&mut self, now: Instant) {
        self.swept = now;
        self.idle.retain(|_, shelf| {
            shelf.retain(|idle| idle.is_fresh(now));
            !shelf.is_empty()
        });
        self.total = self.idle.values().map(Vec::len).sum();
    }
}
