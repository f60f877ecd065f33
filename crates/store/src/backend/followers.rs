//! Which of the deliveries that stand behind heads of queues go with these.

use std::collections::HashSet;

use crate::{Due, Follow, Followed, QueueNo};

/// Gathers them, in the order of their numbers, so that of each queue it is those right behind its head.
pub(in crate::backend) struct Followers<'a> {
    follow: &'a Follow,
    rows: Vec<Due>,
    bytes: usize,
    /// Queues of which one has to wait for its time, and with it all behind it.
    closed: HashSet<QueueNo>,
    more: bool,
}

impl<'a> Followers<'a> {
    pub(in crate::backend) fn new(follow: &'a Follow) -> Self {
        Self { follow, rows: Vec::new(), bytes: 0, closed: HashSet::new(), more: false }
    }

    /// Takes in the next one; `false` if there is no room for it, nor for any after it.
    pub(in crate::backend) fn add(&mut self, due: Due) -> bool {
        let Some(queue) = due.queue.filter(|queue| !self.closed.contains(queue)) else { return true };
        if due.message.starts_at() > self.follow.now {
            self.closed.insert(queue);
            return true;
        }
        let bytes = self.bytes + due.message.body().map_or(0, |(body, _)| body.len());
        if self.rows.len() >= self.follow.limit || bytes > self.follow.max_bytes {
            self.more = true;
            return false;
        }
        self.bytes = bytes;
        self.rows.push(due);
        true
    }

    /// What there is; `more` says that some of a queue were not looked at.
    pub(in crate::backend) fn into_followed(self, more: bool) -> Followed {
        Followed { rows: self.rows, more: more || self.more }
    }
}
