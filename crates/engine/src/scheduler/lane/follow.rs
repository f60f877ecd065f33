//! What goes in one attempt with the head of its queue: the rows that stand right behind it.
//!
//! They are not due, so nothing tells of them: the lane has the store look behind the heads of a batch just before it
//! starts. Nothing is gone by but what the store has found at one moment, so that none is passed over; and if a head is not
//! the head any more when the batch starts, what stood behind it is left alone.

use ringback_model::{EndpointNo, MessageNo, Timestamp, Trigger};
use ringback_store::{Due, Follow, Followed, QueueNo};
use ringback_wire::{BATCH_BODY_MAX, batch_element_length};
use rustc_hash::FxHashSet;

use super::{Lane, Reserved, is_free};
use crate::scheduler::window::bytes_of;

/// What a lane knows of the rows behind the heads that it holds.
#[derive(Debug, Default)]
pub(super) struct Following {
    /// A look is under way.
    pub(super) looks: Option<Look>,
    /// A look has ended: the next batch may start.
    looked: bool,
    /// The heads that were looked behind.
    heads: FxHashSet<(QueueNo, MessageNo)>,
    /// What was found, in the order of numbers.
    rows: Vec<Due>,
    bytes: usize,
    /// There was more than there was room for.
    more: bool,
}

/// A look under way.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) reserved: Reserved,
    heads: FxHashSet<(QueueNo, MessageNo)>,
    /// What it finds may have been called off since it began.
    revoked: bool,
    /// Delivered by hand since it began: it may have found them before.
    gone: FxHashSet<MessageNo>,
}

impl Following {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The next batch was due when the look began: it waits for nothing more.
    pub(super) fn has_begun(&self) -> bool {
        self.looked || self.looks.is_some()
    }

    /// A delivery has ended, by hand. Until that is durable it keeps its place in the store, and what stands behind it
    /// there is not next.
    pub(super) fn remove(&mut self, no: MessageNo) {
        if let Some(look) = &mut self.looks {
            look.gone.insert(no);
        }
        self.keep_up_to(|due| due.message.no == no);
    }

    /// Lets go, queue by queue, the first row that has `ended` and all behind it.
    fn keep_up_to(&mut self, ended: impl Fn(&Due) -> bool) {
        let found = self.rows.len();
        let mut closed = FxHashSet::default();
        self.rows.retain(|due| {
            if ended(due) {
                closed.insert(due.queue);
            }
            !closed.contains(&due.queue)
        });
        self.more |= self.rows.len() < found;
        self.bytes = self.rows.iter().map(bytes_of).sum();
    }

    /// Forgets what was found, and what is being found.
    pub(super) fn clear(&mut self) {
        let looks = self.looks.take().map(|look| Look { revoked: true, ..look });
        *self = Self { looks, ..Self::default() };
    }
}

impl Lane {
    /// Whether the store has to look behind some of the rows of the next batch before it starts. What somebody asked for
    /// goes alone.
    pub(in crate::scheduler) fn has_to_look(&self) -> bool {
        let Some(size) = self.batch_size() else { return false };
        if self.following.looked || self.waiting.first_is_by_hand() {
            return false;
        }
        let (rows, heads, _) = self.next_heads(size);
        rows < size && !heads.is_empty()
    }

    /// The rows that the next batch would have, as it stands: how many, those of them that are heads of queues, and how
    /// long their elements are.
    fn next_heads(&self, size: usize) -> (usize, Vec<(QueueNo, MessageNo)>, usize) {
        let free = self.waiting.iter().filter(|due| due.trigger == Trigger::Scheduled && is_free(due, &self.busy));
        let (mut rows, mut heads, mut length) = (0, Vec::new(), 0);
        for due in free.take(size) {
            rows += 1;
            length += batch_element_length(&due.message);
            heads.extend(due.queue.map(|queue| (queue, due.message.no)));
        }
        // Of a queue only the first goes.
        let mut seen = FxHashSet::default();
        heads.retain(|(queue, _)| seen.insert(*queue));
        (rows, heads, length)
    }

    /// Begins a look behind the heads of the next batch, which may bring as much as there is room for; `None` if that is
    /// nothing: then it goes without.
    pub(in crate::scheduler) fn look(
        &mut self,
        endpoint: EndpointNo,
        now: Timestamp,
        room: Reserved,
    ) -> Option<Follow> {
        let (rows, heads, length) = self.next_heads(self.batch_size()?);
        let limit = self.batch_size()?.saturating_sub(rows).min(room.rows);
        let max_bytes = BATCH_BODY_MAX.saturating_sub(length).min(room.bytes);
        self.gathering.begin_anew();
        self.following.clear();
        if limit == 0 || max_bytes == 0 {
            self.following.looked = true;
            return None;
        }
        self.following.looks = Some(Look {
            reserved: Reserved { rows: limit, bytes: max_bytes },
            heads: heads.iter().copied().collect(),
            revoked: false,
            gone: FxHashSet::default(),
        });
        Some(Follow { endpoint, now, heads, limit, max_bytes })
    }

    /// Takes in what a look has found; `None` if the store could not be read: then the heads go alone.
    pub(in crate::scheduler) fn followed(&mut self, found: Option<Followed>) {
        let Some(look) = self.following.looks.take() else { return };
        if look.revoked || !self.is_open() {
            return;
        }
        let Followed { rows, more } = found.unwrap_or_default();
        let ended = |no| self.held.get(&(no, Trigger::Manual)).is_some_and(|held| held.ends);
        self.following.heads = look.heads;
        (self.following.looked, self.following.rows, self.following.more) = (true, rows, more);
        self.following.keep_up_to(|due| look.gone.contains(&due.message.no) || ended(due.message.no));
    }

    /// Adds to a batch what stands behind its heads, as far as it fits.
    pub(super) fn add_followers(&mut self, batch: &mut Vec<Due>, size: usize, mut length: usize) {
        let found = std::mem::take(&mut self.following);
        let mut more = found.more;
        let heads: FxHashSet<_> = batch
            .iter()
            .filter_map(|due| Some((due.queue?, due.message.no)))
            .filter(|head| found.heads.contains(head))
            .map(|(queue, _)| queue)
            .collect();
        for due in found.rows {
            if !due.queue.is_some_and(|queue| heads.contains(&queue)) {
                continue;
            }
            length += batch_element_length(&due.message);
            if batch.len() >= size || length > BATCH_BODY_MAX {
                more = true;
                break;
            }
            self.hold(&due, true);
            batch.push(due);
        }
        self.gathering.plenty = more;
    }
}
