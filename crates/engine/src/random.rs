//! The operating system's randomness behind [`Random`].

use std::fmt;
use std::sync::{Mutex, PoisonError};

use ringback_model::Random;

/// How many bytes are fetched at a time: one call serves a few hundred ids.
const BATCH: usize = 4_096;

/// Cryptographic randomness of the operating system, fetched in batches. Bytes that were given out are wiped.
pub struct SystemRandom {
    batch: Mutex<Batch>,
}

struct Batch {
    bytes: Box<[u8; BATCH]>,
    used: usize,
}

impl SystemRandom {
    /// A source without any bytes fetched yet.
    #[must_use]
    pub fn new() -> Self {
        Self { batch: Mutex::new(Batch { bytes: Box::new([0; BATCH]), used: BATCH }) }
    }
}

impl Default for SystemRandom {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SystemRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemRandom")
    }
}

impl Random for SystemRandom {
    fn fill(&self, out: &mut [u8]) {
        let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in out.chunks_mut(BATCH) {
            if batch.used + chunk.len() > BATCH {
                getrandom::fill(&mut batch.bytes[..]).expect("without randomness nothing here is safe to go on");
                batch.used = 0;
            }
            let (from, to) = (batch.used, batch.used + chunk.len());
            chunk.copy_from_slice(&batch.bytes[from..to]);
            batch.bytes[from..to].fill(0);
            batch.used = to;
        }
    }
}
