//! Batching: several messages of an endpoint in one request.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How an endpoint gathers messages: a request goes when so many are due, or when the first of them has waited so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Batching {
    /// At most so many messages in one request.
    pub max_messages: u16,
    /// How long the first of them waits for others, in milliseconds. 0: a request takes what is due, and waits for nothing.
    #[serde(default = "wait_default")]
    pub max_wait_ms: u32,
}

impl Batching {
    /// How many messages an endpoint may ask for. One is what it gets without.
    pub const MESSAGES: RangeInclusive<u16> = 2..=1_000;
    /// How long it may have them wait, in milliseconds.
    pub const WAIT_MS: RangeInclusive<u32> = 0..=60_000;
    /// How long they wait where nothing is said, in milliseconds.
    pub const WAIT_MS_DEFAULT: u32 = 1_000;

    /// How long the first message waits for others.
    #[must_use]
    pub fn max_wait(&self) -> Duration {
        Duration::from_millis(self.max_wait_ms.into())
    }
}

const fn wait_default() -> u32 {
    Batching::WAIT_MS_DEFAULT
}
