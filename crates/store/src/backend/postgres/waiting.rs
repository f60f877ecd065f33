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
        queue.urgent += usize::from(job.is_urgent());
        queue.jobs.push_back(job);
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
            queue.urgent += usize::from(job.is_urgent());
            queue.bytes += job.payload_bytes();
            queue.jobs.push_back(job);
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
    /// not given before `company_until`, unless it is large. Nothing is lost when this is dropped half way.
    pub(super) async fn next_group(&self, company_until: Instant) -> Option<Vec<Job>> {
        loop {
            let is_empty = {
                let mut queue = self.lock();
                let in_company = queue.urgent > 0 || queue.jobs.len() >= COMPANY || queue.closed;
                if !queue.jobs.is_empty() && (in_company || Instant::now() >= company_until) {
                    return Some(queue.take_group());
                }
                if queue.closed {
                    return None;
                }
                queue.jobs.is_empty()
            };
            if is_empty {
                self.arrived.notified().await;
            } else {
                // Whichever comes first: company, or the end of the wait for it.
                timeout_at(company_until, self.arrived.notified()).await.ok();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn take_group(&mut self) -> Vec<Job> {
        let (mut count, mut bytes) = (0, 0);
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
            self.bytes -= job.payload_bytes();
            if !job.joins_a_group() {
                break;
            }
        }
        self.jobs.drain(..count).collect()
    }
}
