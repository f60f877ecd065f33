//! What the endpoints of one application share: its rate, and who is next while that holds them up.
//!
//! A lane whose turn comes when there is no permit waits here, in line. With each new permit the first in line is let
//! back into the ring; until its turn has come the permit is kept for it, so that nobody who is served often gets ahead
//! of those who wait.

use std::collections::{BTreeSet, VecDeque};

use ringback_model::{EndpointNo, Timestamp, TokenBucket};

#[derive(Debug, Default)]
pub(super) struct AppLane {
    pub(super) lanes: BTreeSet<EndpointNo>,
    bucket: Option<TokenBucket>,
    line: VecDeque<EndpointNo>,
    /// Lanes that were let back into the ring and have not had their turn.
    admitted: usize,
    /// The time this application is registered to be looked at.
    pub(super) wake: Option<Timestamp>,
}

impl AppLane {
    /// At most so many attempts a second. Answers who stood in line, if there is none any more.
    pub(super) fn configure(&mut self, rate: Option<u16>, now: Timestamp) -> VecDeque<EndpointNo> {
        match (rate.map(f64::from), &mut self.bucket) {
            (Some(rate), Some(bucket)) if bucket.rate() != rate => bucket.set_rate(rate, now),
            (Some(_), Some(_)) => {}
            (Some(rate), None) => self.bucket = Some(TokenBucket::new(rate, now)),
            (None, _) => {
                self.bucket = None;
                return std::mem::take(&mut self.line);
            }
        }
        VecDeque::new()
    }

    /// Whether nothing needs to be remembered once its lanes have gone: a rate does, or it would begin anew.
    pub(super) fn is_unlimited(&self) -> bool {
        self.bucket.is_none()
    }

    /// A lane is gone, whether it stood in line or not.
    pub(super) fn remove(&mut self, endpoint: EndpointNo) {
        self.lanes.remove(&endpoint);
        self.line.retain(|other| *other != endpoint);
    }

    /// The turn of a lane that was let in has come.
    pub(super) fn arrived(&mut self) {
        self.admitted -= 1;
    }

    /// Takes a permit for a lane whose turn it is, or puts it in line.
    pub(super) fn take_permit(&mut self, endpoint: EndpointNo, was_admitted: bool, now: Timestamp) -> bool {
        let Some(bucket) = &mut self.bucket else { return true };
        let others_first = !was_admitted && (self.admitted > 0 || !self.line.is_empty());
        if !others_first && bucket.ready_at(now) <= now {
            bucket.take();
            return true;
        }
        if was_admitted {
            self.line.push_front(endpoint)
        } else {
            self.line.push_back(endpoint)
        }
        false
    }

    /// When the next in line can be let in; `None` if nobody waits.
    pub(super) fn admits_at(&mut self, now: Timestamp) -> Option<Timestamp> {
        let bucket = self.bucket.as_mut().filter(|_| !self.line.is_empty())?;
        Some(bucket.ready_for(self.admitted + 1, now))
    }

    /// Lets the next in line in. Call it only when [`AppLane::admits_at`] has come.
    pub(super) fn admit(&mut self) -> Option<EndpointNo> {
        let next = self.line.pop_front()?;
        self.admitted += 1;
        Some(next)
    }
}
