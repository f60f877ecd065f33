//! What waits for the writer, and how it is put into groups.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringback_model::{AppNo, EndpointNo, MessageNo};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::{
    Accept, AcceptBatch, Accepted, Advance, Advanced, Answer, BatchAccepted, Clear, Cleared, Count, Delete, End, Ended,
    Expire, Expired, Finish, Finished, Mention, Put, PutResult, Rearm, Rearmed, Release, Released, StoreError,
};

/// Operations in one commit at most.
const GROUP: usize = 512;
/// Bytes of payload in one commit at most, beyond the first item.
const GROUP_BYTES: usize = 8 * 1024 * 1024;
/// How soon after a commit there may be one for outcomes alone.
pub(super) const COMPANY_WAIT: Duration = Duration::from_millis(2);
/// So many outcomes are company enough.
const COMPANY: usize = 64;
/// So many acceptances in one commit mean that more are about to come; for them the next one waits so long at most.
const MANY: usize = 4;
const LINGER: Duration = Duration::from_millis(1);
/// Bytes of payload that may wait: a database that stands still must not fill the memory.
const WAITING_BYTES: usize = 64 * 1024 * 1024;

/// A write, and who waits for its result.
#[derive(Debug)]
pub(super) enum Job {
    Accept(Accept, Answer<Accepted>),
    Finish(Finish, Answer<Finished>),
    Rearm(Rearm, Answer<Rearmed>),
    Release(Release, Answer<Released>),
    End(End, Answer<Ended>),
    Advance(Advance, Answer<Advanced>),
    AcceptBatch(AcceptBatch, Answer<BatchAccepted>),
    Clear(Clear, Answer<Cleared>),
    Tally(Count, Answer<()>),
    Mention(Mention, Answer<bool>),
    Expire(Expire, Answer<Expired>),
    Revisit(Answer<()>),
    Put(Put, Answer<PutResult>),
    Delete(Delete, Answer<bool>),
    ForgetNotices(Vec<i64>, Answer<()>),
    Ping(Answer<()>),
}

impl Job {
    pub(super) fn refuse(self, error: StoreError) {
        match self {
            Self::Accept(_, answer) => answer.give(Err(error)),
            Self::Finish(_, answer) => answer.give(Err(error)),
            Self::Rearm(_, answer) => answer.give(Err(error)),
            Self::Release(_, answer) => answer.give(Err(error)),
            Self::End(_, answer) => answer.give(Err(error)),
            Self::Advance(_, answer) => answer.give(Err(error)),
            Self::AcceptBatch(_, answer) => answer.give(Err(error)),
            Self::Clear(_, answer) => answer.give(Err(error)),
            Self::Tally(_, answer) => answer.give(Err(error)),
            Self::Mention(_, answer) => answer.give(Err(error)),
            Self::Expire(_, answer) => answer.give(Err(error)),
            Self::Revisit(answer) => answer.give(Err(error)),
            Self::Put(_, answer) => answer.give(Err(error)),
            Self::Delete(_, answer) => answer.give(Err(error)),
            Self::ForgetNotices(_, answer) | Self::Ping(answer) => answer.give(Err(error)),
        }
    }

    const fn is_urgent(&self) -> bool {
        !matches!(
            self,
            Self::Finish(..) | Self::Tally(..) | Self::Mention(..) | Self::Expire(..) | Self::ForgetNotices(..)
        )
    }

    /// Whether it may share a transaction with others.
    const fn joins_a_group(&self) -> bool {
        matches!(self, Self::Accept(..) | Self::Finish(..))
    }

    fn payload_bytes(&self) -> usize {
        match self {
            Self::Accept(item, _) => bytes_of(item),
            Self::AcceptBatch(item, _) => item.items.iter().map(bytes_of).sum(),
            Self::Put(item, _) => item.body.len(),
            Self::Finish(..)
            | Self::Rearm(..)
            | Self::Release(..)
            | Self::End(..)
            | Self::Advance(..)
            | Self::Clear(..)
            | Self::Tally(..)
            | Self::Mention(..)
            | Self::Expire(..)
            | Self::Revisit(_)
            | Self::Delete(..)
            | Self::ForgetNotices(..)
            | Self::Ping(_) => 0,
        }
    }
}

fn bytes_of(item: &Accept) -> usize {
    item.message.payload.len() + item.message.raw.as_ref().map_or(0, |raw| raw.len())
}

/// The jobs that wait for the writer.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    queue: Mutex<Queue>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Bytes of payload in them.
    bytes: usize,
    /// How many of them are not outcomes.
    urgent: usize,
    /// How many of these are acceptances.
    accepts: usize,
    /// How many acceptances the last group had.
    answered: usize,
    closed: bool,
}

/// What may not be there twice in one statement: the second one waits for the next group, and finds what the first did.
#[derive(Default)]
struct Unique {
    keys: HashSet<[u8; 16]>,
    event_ids: HashSet<(AppNo, String)>,
    deliveries: HashSet<(MessageNo, EndpointNo)>,
}

impl Unique {
    fn takes(&mut self, job: &Job) -> bool {
        match job {
            Job::Accept(item, _) => {
                item.idempotency.as_ref().is_none_or(|request| self.keys.insert(request.key))
                    && item.message.event_id.as_ref().is_none_or(|id| self.event_ids.insert((item.app, id.clone())))
            }
            Job::Finish(item, _) => self.deliveries.insert((item.message, item.endpoint)),
            Job::Rearm(..)
            | Job::Release(..)
            | Job::End(..)
            | Job::Advance(..)
            | Job::AcceptBatch(..)
            | Job::Clear(..)
            | Job::Tally(..)
            | Job::Mention(..)
            | Job::Expire(..)
            | Job::Revisit(_)
            | Job::Put(..)
            | Job::Delete(..)
            | Job::ForgetNotices(..)
            | Job::Ping(_) => false,
        }
    }
}

impl Waiting {
    /// Hands a job to the writer. Refused when the store is closed, or so much waits that memory is at stake.
    pub(super) fn push(&self, job: Job) {
        let bytes = job.payload_bytes();
        let mut queue = self.lock();
        if queue.closed {
            drop(queue);
            return job.refuse(StoreError::Broken);
        }
        if bytes > 0 && queue.bytes > 0 && queue.bytes + bytes > WAITING_BYTES {
            drop(queue);
            return job.refuse(StoreError::Unavailable { source: "the database does not keep up".into() });
        }
        queue.bytes += bytes;
        queue.push(job);
        drop(queue);
        self.arrived.notify_one();
    }

    /// Has outcomes that could not be recorded wait again: behind the others, which must not wait for them to be answered
    /// as unavailable.
    pub(super) fn put_back(&self, again: Vec<Job>) {
        let mut queue = self.lock();
        if queue.closed {
            drop(queue);
            let gone =
                || StoreError::Unavailable { source: "the database cannot be reached, and the store closes".into() };
            return again.into_iter().for_each(|job| job.refuse(gone()));
        }
        for job in again {
            queue.bytes += job.payload_bytes();
            queue.push(job);
        }
    }

    /// Takes no more; what waits is still done.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// All that is left, when nobody will do it.
    pub(super) fn drain(&self) -> Vec<Job> {
        self.lock().jobs.drain(..).collect()
    }

    /// The next group, of one job or of many that may share a transaction; `None` at the end. One of outcomes alone is
    /// not given before `company_until`, unless it is large. Where many acceptances were answered by the last commit they
    /// are about to come back, and are waited for a moment: one commit for them and for those who wait already costs half
    /// of two, and less where other nodes write beside. Where few come, nobody is held up. Nothing is lost when this is
    /// dropped half way.
    pub(super) async fn next_group(&self, company_until: Instant) -> Option<Vec<Job>> {
        let mut linger_until = None;
        loop {
            let until = {
                let mut queue = self.lock();
                if queue.jobs.is_empty() && queue.closed {
                    return None;
                }
                let until = match queue.waits_for() {
                    WaitsFor::Nothing => return Some(queue.take_group()),
                    WaitsFor::Work => None,
                    WaitsFor::Company => Some(company_until),
                    WaitsFor::Comeback => Some(*linger_until.get_or_insert_with(|| Instant::now() + LINGER)),
                };
                if until.is_some_and(|until| Instant::now() >= until) {
                    return Some(queue.take_group());
                }
                until
            };
            match until {
                None => self.arrived.notified().await,
                // Whichever comes first: somebody, or the end of the wait.
                Some(until) => drop(timeout_at(until, self.arrived.notified()).await),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the next group waits for.
enum WaitsFor {
    Nothing,
    /// There is nothing to do.
    Work,
    /// There are outcomes alone.
    Company,
    /// Those whose acceptances the last commit has answered.
    Comeback,
}

impl Queue {
    fn push(&mut self, job: Job) {
        self.urgent += usize::from(job.is_urgent());
        self.accepts += usize::from(matches!(job, Job::Accept(..)));
        self.jobs.push_back(job);
    }

    fn waits_for(&self) -> WaitsFor {
        if self.closed || self.urgent > self.accepts {
            WaitsFor::Nothing
        } else if self.jobs.is_empty() {
            WaitsFor::Work
        } else if self.accepts == 0 && self.jobs.len() < COMPANY {
            WaitsFor::Company
        } else if self.accepts > 0 && self.answered >= MANY && self.accepts < self.answered.min(COMPANY) {
            WaitsFor::Comeback
        } else {
            WaitsFor::Nothing
        }
    }

    fn take_group(&mut self) -> Vec<Job> {
        let (mut count, mut accepts, mut bytes) = (0, 0, 0);
        let mut unique = Unique::default();
        for job in self.jobs.iter().take(GROUP) {
            bytes += job.payload_bytes();
            // The first one always goes, alone if it joins no group.
            let fits = unique.takes(job) && bytes <= GROUP_BYTES;
            if count > 0 && !fits {
                break;
            }
            count += 1;
            self.urgent -= usize::from(job.is_urgent());
            accepts += usize::from(matches!(job, Job::Accept(..)));
            self.bytes -= job.payload_bytes();
            if !job.joins_a_group() {
                break;
            }
        }
        self.accepts -= accepts;
        self.answered = accepts;
        self.jobs.drain(..count).collect()
    }
}

#[cfg(test)]
mod tests {
    use ringback_model::{IdMaker, Priority, SeededRandom, Timestamp};

    use super::*;
    use crate::{NewMessage, Reply};

    fn push_accepts(waiting: &Waiting, count: usize) {
        let (ids, random, now) = (IdMaker::new(), SeededRandom::new(1), Timestamp::from_seconds(1_700_000_000));
        for _ in 0..count {
            let message = NewMessage {
                id: ids.make(now, &random),
                event_type: "sms.dlr".to_owned(),
                event_id: None,
                channels: Vec::new(),
                tags: Vec::new(),
                payload: "{}".into(),
                raw: None,
                raw_content_type: None,
                ordering_key: None,
                occurred_at: None,
                callback_url: None,
                deliver_at: None,
                deliver_until: None,
                accepted_at: now,
                expires_at: now,
            };
            let item = Accept {
                app: AppNo(1),
                app_version: 0,
                message,
                priority: Priority(5),
                pollers: Vec::new(),
                targets: Vec::new(),
                idempotency: None,
            };
            waiting.push(Job::Accept(item, Reply::pair().0));
        }
    }

    /// How large the next group is, and how long it was waited for.
    async fn next(waiting: &Waiting) -> (usize, Duration) {
        let now = Instant::now();
        let group = waiting.next_group(now + COMPANY_WAIT).await.unwrap();
        (group.len(), now.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_were_answered_are_waited_for_until_they_are_back() {
        let waiting = Waiting::default();
        push_accepts(&waiting, 8);
        assert_eq!(next(&waiting).await, (8, Duration::ZERO));
        push_accepts(&waiting, 3);
        let come_back = async {
            tokio::task::yield_now().await;
            push_accepts(&waiting, 5);
        };
        assert_eq!(tokio::join!(biased; next(&waiting), come_back).0, (8, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_held_up_for_long_nor_where_few_come() {
        let waiting = Waiting::default();
        push_accepts(&waiting, MANY);
        assert_eq!(next(&waiting).await, (MANY, Duration::ZERO));
        push_accepts(&waiting, 1);
        assert_eq!(next(&waiting).await, (1, LINGER));
        push_accepts(&waiting, 1);
        assert_eq!(next(&waiting).await, (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_more_urgent_waits_for_nobody() {
        let waiting = Waiting::default();
        push_accepts(&waiting, MANY);
        next(&waiting).await;
        push_accepts(&waiting, 1);
        waiting.push(Job::Ping(Reply::pair().0));
        assert_eq!(next(&waiting).await, (1, Duration::ZERO), "a job of its own goes in the group after");
        assert_eq!(next(&waiting).await, (1, Duration::ZERO));
    }
}
