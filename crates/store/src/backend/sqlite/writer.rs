//! The one thread that writes: group commit.
//!
//! It takes whatever waits, up to a bound, into one transaction with one fsync, then tells the feed and answers. While a
//! commit is under way the next group gathers, so the busier it is the less each item costs. An acceptance is never held
//! up; outcomes alone, right after a commit, wait a moment for company.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ringback_model::{Clock, MessageNo, Mutant, Timestamp};
use rusqlite::Connection;
use tokio::sync::watch;

use super::apply::{ApplyContext, Op, OpResult, apply};
use super::checkpoint;
use super::space::Space;
use super::wal;
use crate::{
    Accept, Accepted, Advanced, Answer, BatchAccepted, Cleared, Ended, Expired, FeedSender, Finished, PutResult,
    Rearmed, Released, Reply, StoreError, StoreMeter,
};

/// Operations in one commit at most.
const GROUP: usize = 512;
/// Bytes of payload in one commit at most, beyond the first item: a bound on what one commit adds to the log.
const GROUP_BYTES: usize = 8 * 1024 * 1024;
/// How soon after a commit there may be one for outcomes alone.
const COMPANY_WAIT: Duration = Duration::from_millis(2);
/// So many outcomes are company enough.
const COMPANY: usize = 64;
/// How long the writer pauses when outcomes cannot be recorded.
const PAUSE: Duration = Duration::from_millis(100);
/// So many answers in one commit mean that more requests are about to come; for them the next one waits so long at most.
const MANY: usize = 4;
const LINGER: Duration = Duration::from_micros(200);
/// Bytes of payload that may wait: a disk that stands still must not fill the memory.
const WAITING_BYTES: usize = 64 * 1024 * 1024;
/// Expired idempotency keys that are deleted in one commit: less than 2 ms of the writer's time.
const SWEEP: usize = 200;
/// How often expired keys are looked for, and how soon again when there are more.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
const SWEEP_AGAIN: Duration = Duration::from_millis(20);

/// Who waits for the result of an operation.
#[derive(Debug)]
pub(super) enum Asker {
    Accept(Answer<Accepted>),
    Finish(Answer<Finished>),
    Rearm(Answer<Rearmed>),
    Release(Answer<Released>),
    End(Answer<Ended>),
    Advance(Answer<Advanced>),
    AcceptBatch(Answer<BatchAccepted>),
    Clear(Answer<Cleared>),
    Tally(Answer<()>),
    Mention(Answer<bool>),
    Expire(Answer<Expired>),
    Revisit(Answer<()>),
    Put(Answer<PutResult>),
    Delete(Answer<bool>),
    ForgetNotices(Answer<()>),
    Ping(Answer<()>),
}

impl Asker {
    fn give(self, result: OpResult) {
        match (self, result) {
            (Self::Accept(answer), OpResult::Accept(result)) => answer.give(result),
            (Self::Finish(answer), OpResult::Finish(result)) => answer.give(result),
            (Self::Rearm(answer), OpResult::Rearm(result)) => answer.give(result),
            (Self::Release(answer), OpResult::Release(result)) => answer.give(result),
            (Self::End(answer), OpResult::End(result)) => answer.give(result),
            (Self::Advance(answer), OpResult::Advance(result)) => answer.give(result),
            (Self::AcceptBatch(answer), OpResult::AcceptBatch(result)) => answer.give(result),
            (Self::Clear(answer), OpResult::Clear(result)) => answer.give(result),
            (Self::Tally(answer), OpResult::Tally(result)) => answer.give(result),
            (Self::Mention(answer), OpResult::Mention(result)) => answer.give(result),
            (Self::Expire(answer), OpResult::Expire(result)) => answer.give(result),
            (Self::Revisit(answer), OpResult::Revisit(result)) => answer.give(result),
            (Self::Put(answer), OpResult::Put(result)) => answer.give(result),
            (Self::Delete(answer), OpResult::Delete(result)) => answer.give(result),
            (Self::ForgetNotices(answer), OpResult::ForgetNotices(result)) => answer.give(result),
            (Self::Ping(answer), OpResult::Ping(result)) => answer.give(result),
            (asker, result) => unreachable!("{asker:?} was given {result:?}"),
        }
    }

    /// A deliberate fault: the answer is given before anything is written. See [`Mutant`].
    fn answered_early(self) -> Self {
        match self {
            Self::Accept(answer) => {
                answer.give(Ok(Accepted::New { no: MessageNo(0) }));
                Self::Accept(Reply::pair().0)
            }
            other => other,
        }
    }

    fn refuse(self, error: StoreError) {
        match self {
            Self::Accept(answer) => answer.give(Err(error)),
            Self::Finish(answer) => answer.give(Err(error)),
            Self::Rearm(answer) => answer.give(Err(error)),
            Self::Release(answer) => answer.give(Err(error)),
            Self::End(answer) => answer.give(Err(error)),
            Self::Advance(answer) => answer.give(Err(error)),
            Self::AcceptBatch(answer) => answer.give(Err(error)),
            Self::Clear(answer) => answer.give(Err(error)),
            Self::Tally(answer) => answer.give(Err(error)),
            Self::Mention(answer) => answer.give(Err(error)),
            Self::Expire(answer) => answer.give(Err(error)),
            Self::Revisit(answer) => answer.give(Err(error)),
            Self::Put(answer) => answer.give(Err(error)),
            Self::Delete(answer) => answer.give(Err(error)),
            Self::ForgetNotices(answer) | Self::Ping(answer) => answer.give(Err(error)),
        }
    }
}

/// The operations that wait for the writer.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<(Op, Asker)>,
    /// Bytes of payload in them.
    bytes: usize,
    /// How many of them are not outcomes.
    urgent: usize,
    /// How many of the last group were not outcomes.
    answered: usize,
    /// What the writer sleeps for.
    sleeps: Sleeps,
    closed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sleeps {
    /// It is awake, and will look.
    #[default]
    No,
    /// For anything.
    UntilAny,
    /// For something urgent, or company.
    UntilCompany,
    /// For so many urgent ones.
    UntilUrgent(usize),
}

impl Waiting {
    /// Hands an operation to the writer. Refused when the store is closed, or so much waits that memory is at stake.
    pub(super) fn push(&self, op: Op, asker: Asker) {
        let bytes = payload_bytes(&op);
        let mut queue = self.lock();
        if queue.closed {
            drop(queue);
            return asker.refuse(StoreError::Broken);
        }
        if bytes > 0 && queue.bytes > 0 && queue.bytes + bytes > WAITING_BYTES {
            drop(queue);
            return asker.refuse(StoreError::Unavailable { source: "the disk does not keep up".into() });
        }
        queue.bytes += bytes;
        queue.urgent += usize::from(is_urgent(&op));
        queue.items.push_back((op, asker));
        let wake = match queue.sleeps {
            Sleeps::No => false,
            Sleeps::UntilAny => true,
            Sleeps::UntilCompany => queue.urgent > 0 || queue.items.len() >= COMPANY,
            Sleeps::UntilUrgent(count) => queue.urgent >= count,
        };
        if wake {
            queue.sleeps = Sleeps::No;
            drop(queue);
            self.arrived.notify_one();
        }
    }

    /// Puts outcomes that could not be recorded back to the front, and pauses: what is in the way has to go first.
    fn put_back(&self, again: Vec<(Op, Asker)>) {
        if again.is_empty() {
            return;
        }
        let mut queue = self.lock();
        if queue.closed {
            drop(queue);
            again.into_iter().for_each(|(_, asker)| asker.refuse(StoreError::Full));
            return;
        }
        for item in again.into_iter().rev() {
            queue.items.push_front(item);
        }
        // Meanwhile the others gather; they are answered after the pause, as full or as done.
        drop(self.arrived.wait_timeout_while(queue, PAUSE, |queue| !queue.closed));
    }

    /// Takes no more; what waits is still done.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// The next group; `None` at the end. One of outcomes alone is not given before `company_until`, unless it is large.
    fn next_group(&self, company_until: Instant) -> Option<Vec<(Op, Asker)>> {
        let mut queue = self.lock();
        while queue.items.is_empty() {
            if queue.closed {
                return None;
            }
            queue.sleeps = Sleeps::UntilAny;
            queue = self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        while queue.urgent == 0 && queue.items.len() < COMPANY && !queue.closed {
            let left = company_until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            queue.sleeps = Sleeps::UntilCompany;
            queue = self.arrived.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        queue = self.linger(queue);
        queue.sleeps = Sleeps::No;
        Some(queue.take_group())
    }

    /// When many were answered by the last commit, they are about to come back: one commit for them and for those who
    /// wait already costs half of two. Where few come, nobody is held up.
    fn linger<'a>(&'a self, mut queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        let expected = (queue.urgent + queue.answered).min(COMPANY);
        if queue.urgent == 0 || queue.answered < MANY {
            return queue;
        }
        let deadline = Instant::now() + LINGER;
        while queue.urgent < expected && !queue.closed {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            queue.sleeps = Sleeps::UntilUrgent(expected);
            queue = self.arrived.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        queue
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn take_group(&mut self) -> Vec<(Op, Asker)> {
        let (mut count, mut messages, mut bytes) = (0, 0, 0);
        let urgent = self.urgent;
        for (op, _) in self.items.iter().take(GROUP) {
            bytes += payload_bytes(op);
            messages += op.messages();
            if count > 0 && (bytes > GROUP_BYTES || messages > GROUP) {
                break;
            }
            count += 1;
            self.urgent -= usize::from(is_urgent(op));
            self.bytes -= payload_bytes(op);
        }
        self.answered = urgent - self.urgent;
        self.items.drain(..count).collect()
    }
}

fn bytes_of(item: &Accept) -> usize {
    item.message.payload.len() + item.message.raw.as_ref().map_or(0, |raw| raw.len())
}

fn is_urgent(op: &Op) -> bool {
    !matches!(op, Op::Finish(_) | Op::Tally(_) | Op::Mention(_) | Op::Expire(_) | Op::ForgetNotices(_))
}

fn payload_bytes(op: &Op) -> usize {
    match op {
        Op::Accept(item) => bytes_of(item),
        Op::AcceptBatch(item) => item.items.iter().map(bytes_of).sum(),
        Op::Put(item) => item.body.len(),
        Op::Finish(_)
        | Op::Rearm(_)
        | Op::Release(_)
        | Op::End(_)
        | Op::Advance(_)
        | Op::Clear(_)
        | Op::Tally(_)
        | Op::Mention(_)
        | Op::Expire(_)
        | Op::Revisit
        | Op::Delete(_)
        | Op::ForgetNotices(_)
        | Op::Sweep { .. }
        | Op::Ping => 0,
    }
}

/// All that the writer's thread works with.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) context: ApplyContext,
    pub(super) waiting: Arc<Waiting>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) space: Space,
    pub(super) feed: FeedSender,
    pub(super) meter: Arc<StoreMeter>,
    pub(super) log: Arc<checkpoint::Shared>,
    /// Told why, once nothing is written any more.
    pub(super) broken: watch::Sender<Option<Arc<str>>>,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`StoreError::Open`] when there is none to be had.
    pub(super) fn start(self) -> Result<JoinHandle<()>, StoreError> {
        wal::watch(&self.connection);
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || self.run())
            .map_err(|error| StoreError::Open(format!("no thread for writing: {error}")))
    }

    fn run(mut self) {
        let mut sweep_at = Timestamp::MIN;
        let mut ops = Vec::new();
        let mut askers = Vec::new();
        let mut company_until = Instant::now();
        while let Some(group) = self.waiting.next_group(company_until) {
            ops.clear();
            for (op, asker) in group {
                askers.push(if Mutant::AckBeforeCommit.is_alive() { asker.answered_early() } else { asker });
                ops.push(op);
            }
            if Mutant::AckBeforeCommit.is_alive() {
                // So that a power cut finds what was answered and is not there.
                std::thread::sleep(10 * COMPANY_WAIT);
            }
            self.log.give_way();
            let now = self.clock.now();
            let low = self.space.is_low(now);
            self.context.set_full(low);
            let sweeps = now >= sweep_at || self.context.is_crowded();
            if sweeps {
                // It stands last, so that its result is the one without an asker. It keeps up with what comes in.
                ops.push(Op::Sweep { limit: SWEEP.max(ops.len()) });
            }
            let began = Instant::now();
            let (mut results, committed) = apply(&mut self.connection, &mut self.context, &ops);
            self.meter.committed(askers.len(), began.elapsed());
            if sweeps {
                let swept_all = matches!(results.pop(), Some(OpResult::Sweep(Ok(count))) if count < SWEEP);
                sweep_at = now + if swept_all { SWEEP_EVERY } else { SWEEP_AGAIN };
            }
            self.log.grown(wal::pages());
            // The feed first: whoever has an answer finds in the feed what it is about.
            self.feed.tell(committed);
            let mut again = Vec::new();
            for ((op, asker), result) in ops.drain(..).zip(askers.drain(..)).zip(results) {
                if let (Op::Accept(item), OpResult::Accept(result)) = (&op, &result) {
                    self.meter.accepted(result, item.targets.len());
                }
                match result {
                    // An outcome is never refused for want of room or time: its delivery is in somebody's hands, and
                    // only the record of it keeps it from being sent again.
                    OpResult::Finish(Err(StoreError::Full | StoreError::Unavailable { .. })) => again.push((op, asker)),
                    result => asker.give(result),
                }
            }
            self.waiting.put_back(again);
            self.tell_if_broken();
            company_until = Instant::now() + COMPANY_WAIT;
        }
    }

    fn tell_if_broken(&self) {
        if Mutant::BrokenDiskIgnored.is_alive() {
            return;
        }
        if let Some(reason) = self.context.broken()
            && self.broken.borrow().is_none()
        {
            tracing::error!(%reason, "a commit failed: nothing more is written, and the server has to stop");
            self.log.stop();
            checkpoint::leave_as_it_is(&self.connection);
            self.broken.send_replace(Some(reason.clone()));
        }
    }
}

impl Drop for Writer {
    /// Also after a panic: nobody waits for a writer that is gone.
    fn drop(&mut self) {
        self.waiting.close();
        let left: Vec<_> = self.waiting.lock().items.drain(..).collect();
        for (_, asker) in left {
            asker.refuse(StoreError::Broken);
        }
        if std::thread::panicking() {
            self.broken.send_replace(Some("the writer has panicked".into()));
        }
    }
}
