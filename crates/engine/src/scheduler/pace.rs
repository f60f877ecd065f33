//! How fast a lane may send: the rate that its endpoint asks for, and less while its receiver asks for less.

use ringback_model::{Timestamp, TokenBucket};

/// A lane that was slowed down is freed once it is back at so many times the rate it was slowed down from.
const RECOVERED: f64 = 4.0;
/// The slowest that a lane is ever made: one a minute.
const SLOWEST: f64 = 1.0 / 60.0;

/// The pace of one lane.
#[derive(Debug, Default)]
pub(super) struct Pace {
    configured: Option<u16>,
    slowed: Option<Slowed>,
    bucket: Option<TokenBucket>,
    starts: Starts,
}

/// A lane whose receiver asked for less.
#[derive(Clone, Copy, Debug)]
struct Slowed {
    rate: f64,
    from: f64,
    at: Timestamp,
}

impl Pace {
    /// The endpoint asks for at most so many attempts a second.
    pub(super) fn configure(&mut self, rate: Option<u16>, now: Timestamp) {
        if rate != self.configured {
            self.configured = rate;
            self.apply(now);
        }
    }

    /// When the next attempt may start.
    pub(super) fn ready_at(&mut self, now: Timestamp) -> Timestamp {
        self.bucket.as_mut().map_or(now, |bucket| bucket.ready_at(now))
    }

    /// An attempt starts.
    pub(super) fn count(&mut self, now: Timestamp) {
        if let Some(bucket) = &mut self.bucket {
            bucket.take();
        }
        self.starts.count(now);
    }

    /// Attempts a second, if there is a limit.
    pub(super) fn rate(&self) -> Option<f64> {
        self.bucket.map(|bucket| bucket.rate())
    }

    /// The receiver asked for less: half of what it gets. At most once for those that were under way together, so that
    /// ten answers of 429 count as one.
    pub(super) fn slow_down(&mut self, now: Timestamp) {
        let gets = self.configured.map_or(f64::INFINITY, f64::from).min(self.starts.rate());
        let (rate, from) = match self.slowed {
            Some(slowed) if now.since(slowed.at).as_secs_f64() < (1.0 / slowed.rate).max(1.0) => return,
            Some(slowed) => (slowed.rate.min(gets), slowed.from),
            None => (gets, gets),
        };
        self.slowed = Some(Slowed { rate: (rate / 2.0).max(SLOWEST), from, at: now });
        self.apply(now);
    }

    /// The receiver took one: a tenth more.
    pub(super) fn speed_up(&mut self, now: Timestamp) {
        let Some(mut slowed) = self.slowed else { return };
        slowed.rate *= 1.1;
        self.slowed = (slowed.rate < slowed.from * RECOVERED).then_some(slowed);
        self.apply(now);
    }

    fn apply(&mut self, now: Timestamp) {
        let wanted = match (self.configured.map(f64::from), self.slowed.map(|slowed| slowed.rate)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        match (wanted, &mut self.bucket) {
            (Some(rate), Some(bucket)) => bucket.set_rate(rate, now),
            (Some(rate), None) => self.bucket = Some(TokenBucket::new(rate, now)),
            (None, _) => self.bucket = None,
        }
    }
}

/// How many attempts were started in this second and in the one before.
#[derive(Clone, Copy, Debug, Default)]
struct Starts {
    second: i64,
    now: u32,
    before: u32,
}

impl Starts {
    fn count(&mut self, now: Timestamp) {
        let second = now.as_seconds();
        if second != self.second {
            self.before = if second == self.second + 1 { self.now } else { 0 };
            (self.second, self.now) = (second, 0);
        }
        self.now += 1;
    }

    fn rate(&self) -> f64 {
        f64::from(self.now.max(self.before).max(1))
    }
}
