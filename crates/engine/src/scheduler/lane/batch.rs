//! How a lane gathers rows that go in one attempt: a request starts when as many are due as its endpoint takes, or when
//! the first of them has waited for its time.
//!
//! A batch takes one place, one permit and one probe, as an attempt of one row does, and each of its rows is settled by
//! itself. Of a queue it has the head, and with it those right behind (`follow.rs`).

use std::collections::hash_map::Entry;

use ringback_model::{Batching, Timestamp, Trigger};
use ringback_store::{Due, QueueNo};
use ringback_wire::{BATCH_BODY_MAX, batch_element_length};

use rustc_hash::FxHashMap;

use super::{Lane, Started, earliest, is_free};
use crate::scheduler::window::Rank;

/// Rows that one lane has under way at most, if its attempts have several.
const ROWS: usize = 2_000;
/// Rows in an attempt at most while the receiver does not answer in time or its breaker is open.
const ROWS_OF_PROBE: usize = 64;

/// What a lane knows of the rows that it gathers.
#[derive(Debug, Default)]
pub(in crate::scheduler) struct Gathering {
    /// When the next batch goes however few rows there are; none if none wait.
    closes_at: Option<Timestamp>,
    /// Memory is short: the next batch goes as it is.
    pub(in crate::scheduler) hurried: bool,
    /// It could start a batch, and waits for more rows.
    pub(in crate::scheduler) waits: bool,
    /// Rows that stand behind others in the store, by queue, as far as they were told of: no more than fill a batch.
    behind: FxHashMap<QueueNo, usize>,
    /// How many these are.
    told: usize,
    /// More stands behind the last batch than fitted into it.
    pub(super) plenty: bool,
}

impl Gathering {
    /// The store is asked what stands behind: what was told before is known then.
    pub(super) fn begin_anew(&mut self) {
        self.behind.clear();
        (self.told, self.plenty) = (0, false);
    }

    /// One that stood behind has come out.
    fn comes_out(&mut self, queue: QueueNo) {
        if let Entry::Occupied(mut count) = self.behind.entry(queue) {
            self.told -= 1;
            if *count.get() > 1 {
                *count.get_mut() -= 1;
            } else {
                // Keys of order come and go, and there is no end of them.
                count.remove();
            }
        }
    }
}

/// Until when a row waits for others: as long as its endpoint allows, and no longer than half of the time that it has left.
/// What has stood behind others of its queue has waited since then.
fn closes_at(due: &Due, batch: Batching) -> Timestamp {
    let is_new = due.tries == 0 && due.unsent == 0;
    let since = if is_new && due.queue.is_some() { due.message.starts_at().min(due.due) } else { due.due };
    let left = due.message.ends_at().since(since);
    since + batch.max_wait().min(left / 2)
}

impl Lane {
    fn batching(&self) -> Option<Batching> {
        self.policy.as_ref().and_then(|policy| policy.batch)
    }

    /// How many rows an attempt has at most, if its endpoint takes several.
    pub(super) fn batch_size(&self) -> Option<usize> {
        let most = usize::from(self.batching()?.max_messages).max(1);
        let probes = self.health.timed_out || self.health.breaker.is_some();
        Some(if probes { most.min(ROWS_OF_PROBE) } else { most })
    }

    /// Attempts that may be under way, of `cap`: fewer where each has many rows.
    pub(super) fn cap_of_batches(&self, cap: usize) -> usize {
        self.batch_size().map_or(cap, |size| cap.min((ROWS / size).max(1)))
    }

    /// A row waits from now on.
    pub(super) fn gather(&mut self, due: &Due) {
        let Some(batch) = self.batching() else { return };
        if self.waiting.is_empty() {
            self.gathering.closes_at = None;
        }
        if due.trigger == Trigger::Scheduled {
            due.queue.into_iter().for_each(|queue| self.gathering.comes_out(queue));
            self.gathering.closes_at = earliest(self.gathering.closes_at, Some(closes_at(due, batch)));
        }
    }

    /// A row was accepted behind others of its queue; whether there are as many now as a batch takes, and were not before.
    pub(in crate::scheduler) fn gather_behind(&mut self, queue: QueueNo) -> bool {
        // Until it is known what the endpoint takes, it may be anything.
        let unknown = self.policy.is_none().then_some(usize::from(*Batching::MESSAGES.end()));
        let size = unknown.or_else(|| self.batch_size());
        let Some(size) = size.filter(|size| self.waiting.len() + self.gathering.told < *size) else { return false };
        *self.gathering.behind.entry(queue).or_default() += 1;
        self.gathering.told += 1;
        self.waiting.len() + self.gathering.told >= size
    }

    /// Looks at what waits anew: some of it is gone, or the endpoint asks for something else.
    pub(super) fn gather_anew(&mut self) {
        if self.policy.is_some() && self.batching().is_none() {
            self.gathering.begin_anew();
        }
        self.gathering.closes_at = self.batching().and_then(|batch| {
            let scheduled = self.waiting.iter().filter(|due| due.trigger == Trigger::Scheduled);
            scheduled.map(|due| closes_at(due, batch)).min()
        });
    }

    /// Until when the rows that wait have to, if they do: there are too few of them, and they have not waited for long.
    /// What somebody asked for waits for nothing.
    pub(super) fn gathers_until(&self, now: Timestamp) -> Option<Timestamp> {
        let size = self.batch_size()?;
        let enough = self.gathering.plenty || self.waiting.len() + self.gathering.told >= size;
        let is_full = enough || self.waiting.bytes() >= BATCH_BODY_MAX;
        if is_full || self.following.has_begun() || self.gathering.hurried || self.waiting.first_is_by_hand() {
            return None;
        }
        self.gathering.closes_at.filter(|at| *at > now)
    }

    /// Starts the row whose turn it is, with as many as may go with it.
    pub(super) fn start_batch(&mut self, first: Rank, size: usize) -> Option<Started> {
        let mut rows = vec![self.begin(&first, true)?];
        let mut length = batch_element_length(&rows[0].message);
        while rows.len() < size {
            let next = self.waiting.next(|due| due.trigger == Trigger::Scheduled && is_free(due, &self.busy));
            let Some((rank, added)) = next.map(|(rank, due)| (rank, batch_element_length(&due.message))) else { break };
            if length + added > BATCH_BODY_MAX {
                break;
            }
            length += added;
            let Some(due) = self.begin(&rank, true) else { break };
            rows.push(due);
        }
        self.add_followers(&mut rows, size, length);
        self.gathering.hurried = false;
        self.gather_anew();
        match <[Due; 1]>::try_from(rows) {
            Ok([alone]) => {
                self.goes_alone(&alone);
                Some(Started::One(alone))
            }
            Err(mut rows) => {
                rows.sort_unstable_by_key(|due| due.message.no);
                Some(Started::Batch(rows))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_nothing_stands_behind_any_more_takes_no_room() {
        let mut gathering = Gathering::default();
        for queue in (1..1_000).map(QueueNo) {
            *gathering.behind.entry(queue).or_default() += 2;
            gathering.told += 2;
            gathering.comes_out(queue);
            assert_eq!((gathering.behind.len(), gathering.told), (1, 1));
            gathering.comes_out(queue);
            gathering.comes_out(queue);
            assert_eq!((gathering.behind.len(), gathering.told), (0, 0));
        }
    }
}
