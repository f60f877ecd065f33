//! The term of an engine: until when it may send, by a clock that counts suspension.
//!
//! Whatever the engine sends it sends within the lease of its node. It begins nothing when little of the lease is left,
//! and cuts off what is under way before the lease ends, because another node sends it then. A process that stood still
//! does not get round to that in time: so every attempt asks for itself, whenever it goes on.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use ringback_model::{Clock, Timestamp};
use ringback_store::NodeNo;

/// What has to be left of a lease for an attempt to begin.
const BEGIN: Duration = Duration::from_secs(3);
/// What is left of it when attempts under way are cut off.
const CUT_OFF: Duration = Duration::from_secs(1);

/// For ever.
const FOREVER: i64 = i64::MAX;
/// Not at all.
const NEVER: i64 = i64::MIN;

/// How the node of an engine stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeReading {
    /// Its number; none while it has no lease.
    pub node: Option<NodeNo>,
    /// Shards that it owns.
    pub shards: usize,
    /// Of these, shards that it is handing over.
    pub leaving: usize,
    /// Other nodes.
    pub others: usize,
    /// Until when its lease lasts; for ever if absent.
    pub until: Option<Timestamp>,
    /// Shards of others that it has taken over, or that were free.
    pub gained: u64,
    /// Times that its lease ran out.
    pub lapses: u64,
    /// By how much its wall clock is ahead of the store's, in microseconds; negative if it is behind.
    pub ahead: i64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Term {
    until: AtomicI64,
    /// Rises whenever everything was lost: what was begun before is not to go on, whatever has been gained since.
    losses: AtomicU64,
    reading: Mutex<NodeReading>,
}

impl Term {
    /// One that has not begun.
    pub(crate) fn new() -> Self {
        Self { until: AtomicI64::new(NEVER), losses: AtomicU64::new(0), reading: Mutex::default() }
    }

    /// The lease lasts so long from this moment on; for ever if there is no end.
    pub(crate) fn prolong(&self, asked_at: Timestamp, lasts: Option<Duration>) {
        let until = lasts.map_or(FOREVER, |lasts| (asked_at + lasts).as_micros());
        self.until.store(until, Ordering::SeqCst);
    }

    /// All that there was is another node's.
    pub(crate) fn lose(&self) {
        self.losses.fetch_add(1, Ordering::SeqCst);
        self.until.store(NEVER, Ordering::SeqCst);
    }

    /// Whether an attempt may begin.
    pub(crate) fn may_begin(&self, now: Timestamp) -> bool {
        self.left(now).is_none_or(|left| left >= BEGIN)
    }

    /// Whether nothing may go on any more.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.left(now).is_some_and(|left| left <= CUT_OFF)
    }

    /// How long it is until attempts under way have to be cut off; `None` if that never happens.
    pub(crate) fn until_cut_off(&self, now: Timestamp) -> Option<Duration> {
        self.left(now).map(|left| left.saturating_sub(CUT_OFF))
    }

    fn left(&self, now: Timestamp) -> Option<Duration> {
        match self.until.load(Ordering::SeqCst) {
            FOREVER => None,
            NEVER => Some(Duration::ZERO),
            until => Some(Timestamp::from_micros(until).since(now)),
        }
    }

    /// Changes what is told of the node.
    pub(crate) fn note(&self, change: impl FnOnce(&mut NodeReading)) {
        change(&mut self.reading.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// How the node stands.
    pub(crate) fn read(&self) -> NodeReading {
        let reading = *self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let until = match self.until.load(Ordering::SeqCst) {
            FOREVER => None,
            NEVER => Some(Timestamp::MIN),
            until => Some(Timestamp::from_micros(until)),
        };
        NodeReading { until, ..reading }
    }

    /// Does something for as long as the term goes on; comes to `None` when it is over.
    pub(crate) fn within<F: Future>(self: &Arc<Self>, clock: Arc<dyn Clock>, work: F) -> Within<F> {
        Within { term: self.clone(), losses: self.losses.load(Ordering::SeqCst), clock, work: Box::pin(work) }
    }
}

/// See [`Term::within`].
pub(crate) struct Within<F> {
    term: Arc<Term>,
    losses: u64,
    clock: Arc<dyn Clock>,
    work: Pin<Box<F>>,
}

impl<F: Future> Future for Within<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Before each step, not after it: the last one may have been before a suspension.
        let lost = self.term.losses.load(Ordering::SeqCst) != self.losses;
        if lost || (self.term.until.load(Ordering::SeqCst) != FOREVER && self.term.is_over(self.clock.now())) {
            return Poll::Ready(None);
        }
        self.work.as_mut().poll(context).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use ringback_model::ManualClock;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const LEASE: Duration = Duration::from_secs(10);

    fn after(seconds: u64) -> Timestamp {
        NOW + Duration::from_secs(seconds)
    }

    #[test]
    fn nothing_begins_in_the_last_three_seconds_and_nothing_goes_on_in_the_last_one() {
        let term = Term::new();
        assert!(!term.may_begin(NOW) && term.is_over(NOW), "it has not begun");
        term.prolong(NOW, Some(LEASE));
        assert!(term.may_begin(after(7)) && !term.may_begin(after(8)));
        assert!(!term.is_over(after(8)) && term.is_over(after(9)) && term.is_over(after(99)));
        assert_eq!(term.until_cut_off(after(5)), Some(Duration::from_secs(4)));
        term.prolong(NOW, None);
        assert!(term.may_begin(after(1_000_000)) && !term.is_over(after(1_000_000)));
        assert_eq!(term.until_cut_off(NOW), None);
    }

    #[test]
    fn what_was_begun_does_not_go_on_after_the_end_nor_under_another_lease() {
        let (clock, term) = (Arc::new(ManualClock::new(NOW)), Arc::new(Term::new()));
        term.prolong(NOW, Some(LEASE));
        let begin = |term: &Arc<Term>| term.within(clock.clone(), std::future::pending::<()>());
        let mut work = begin(&term);
        assert!((&mut work).now_or_never().is_none());
        clock.set(after(9));
        assert_eq!((&mut work).now_or_never(), Some(None));
        term.prolong(after(9), Some(LEASE));
        let mut work = begin(&term);
        term.lose();
        term.prolong(after(9), Some(LEASE));
        assert_eq!((&mut work).now_or_never(), Some(None), "it belongs to the lease before");
        assert_eq!(term.within(clock.clone(), async { 1 }).now_or_never(), Some(Some(1)));
    }
}
