//! What comes of a lane's attempts: places are freed when an answer is read, rows and queues when it is durable.

use ringback_model::{Timestamp, Trigger};

use super::{Lane, earliest};
use crate::scheduler::event::{RowId, Verdict};

impl Lane {
    /// Frees the place of an attempt that is over, and learns from how it went.
    pub(in crate::scheduler) fn answered(
        &mut self,
        id: RowId,
        verdict: Verdict,
        retry: Option<Timestamp>,
        now: Timestamp,
    ) {
        if self.row_answered(id, verdict, retry) {
            self.running -= 1;
            self.learn(verdict, now);
        }
    }

    /// The same of an attempt that several rows share.
    pub(in crate::scheduler) fn batch_answered(
        &mut self,
        rows: &[(RowId, Option<Timestamp>)],
        verdict: Verdict,
        now: Timestamp,
    ) {
        let mut is_known = false;
        for (id, retry) in rows {
            is_known |= self.row_answered(*id, verdict, *retry);
        }
        if is_known {
            self.running -= 1;
            self.learn(verdict, now);
        }
    }

    /// Whether the row was under way.
    fn row_answered(&mut self, id: RowId, verdict: Verdict, retry: Option<Timestamp>) -> bool {
        let Some(held) = self.held.get_mut(&id).filter(|held| !held.answered) else { return false };
        held.answered = true;
        held.retry = retry;
        held.ends = id.1 == Trigger::Manual && verdict == Verdict::Delivered;
        self.held_bytes -= std::mem::take(&mut held.bytes);
        self.sending -= 1;
        if held.ends {
            self.waiting.remove_scheduled(id.0);
            self.following.remove(id.0);
        }
        true
    }

    fn learn(&mut self, verdict: Verdict, now: Timestamp) {
        self.health = match verdict {
            Verdict::Delivered => self.health.after_success(),
            Verdict::Failed { timed_out, .. } => self.health.after_failure(now, timed_out),
            Verdict::Unreachable => self.health.after_failure(now, false),
            Verdict::NotSent => self.health,
        };
        match verdict {
            Verdict::Delivered => self.pace.speed_up(now),
            Verdict::Failed { overloaded: true, .. } => self.pace.slow_down(now),
            Verdict::Failed { .. } | Verdict::Unreachable | Verdict::NotSent => {}
        }
    }

    /// Frees what a row held.
    pub(in crate::scheduler) fn settled(&mut self, id: RowId) {
        let Some(held) = self.held.remove(&id) else { return };
        self.held_bytes -= held.bytes;
        if !held.answered {
            self.sending -= 1;
            // A place that others share is freed by the answer.
            self.running -= usize::from(!held.shared);
        }
        if let Some(queue) = held.queue {
            self.free(queue);
        }
        // Only now: a look into the store before this would have passed the row over as held.
        self.next_due = earliest(self.next_due, held.retry);
        self.more |= held.again;
        if self.loading.is_some() {
            self.settled_meanwhile.push(id);
            self.settled_meanwhile.extend(held.ends.then_some((id.0, Trigger::Scheduled)));
        }
    }

    /// Its attempts under way were cut off: their rows are in the store as they were.
    pub(in crate::scheduler) fn cut_off(&mut self) {
        let cut: Vec<_> = self.held.iter().filter(|(_, held)| !held.answered).map(|(id, _)| *id).collect();
        self.more |= !cut.is_empty();
        (self.running, self.sending) = (0, 0);
        for id in &cut {
            let Some(held) = self.held.remove(id) else { continue };
            self.held_bytes -= held.bytes;
            if let Some(queue) = held.queue {
                self.free(queue);
            }
        }
    }
}
