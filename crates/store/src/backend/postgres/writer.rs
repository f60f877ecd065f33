//! The one task that writes.
//!
//! It takes whatever waits into one transaction (`group.rs`), then tells the feed and answers. While a commit is under
//! way the next group gathers, so the busier it is the less each item costs. An acceptance is never held up; outcomes
//! alone, right after a commit, wait a moment for company. Configuration and what people ask for by hand is rare, and
//! each has a transaction of its own.
//!
//! When the connection breaks, nobody knows what of the last group was committed. Acceptances are answered as
//! unavailable: whoever asks again with the same key learns what became of them. Outcomes are held and recorded again,
//! which does nothing where they were recorded before. And the engine is told to look for itself.

use std::sync::Arc;
use std::time::Duration;

use ringback_model::{Clock, Random, Timestamp};
use tokio::time::{Instant, sleep, timeout};

use super::accept_batch::accept_batch;
use super::address::Address;
use super::advance::advance;
use super::bell::Bell;
use super::clear::clear;
use super::connection::{Client, Purpose, answered, connect, transaction};
use super::document::{self, Sealing};
use super::end::end;
use super::error::{Result, SqlError, Trouble, one_line};
use super::expire::{self, expire};
use super::group::{self, Written};
use super::holdings::Holdings;
use super::rearm::rearm;
use super::release::release;
use super::waiting::{COMPANY_WAIT, Job, Waiting};
use super::{fence, idempotency, mention, notice, schema, tally};
use crate::{
    Accept, Advance, Advanced, BatchAccepted, Cleared, Committed, Ended, Expired, FeedSender, Finish, MasterKey,
    NodeNo, PutResult, Rearmed, Released, Shard, StoreError, StoreMeter,
};

/// How often a transaction that collided with another one is tried.
const TRIES: u32 = 4;
/// The pause before it is tried again, longer each time.
const BACK_OFF: Duration = Duration::from_millis(5);
/// How long the writer pauses when outcomes cannot be recorded.
const PAUSE: Duration = Duration::from_millis(100);
/// How often the writer looks around when there is nothing to do.
const TICK: Duration = Duration::from_secs(1);
/// How long a commit that was cut off may still be under way on the server: a little more than a statement may take.
const IN_DOUBT: Duration = Duration::from_secs(10);
/// Expired idempotency keys that are deleted in one commit.
const SWEEP: usize = 200;
/// How often expired keys are looked for, and how soon again when there are more.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
const SWEEP_AGAIN: Duration = Duration::from_millis(20);

/// All that the writing task works with.
pub(super) struct Writer {
    pub(super) address: Address,
    pub(super) client: Option<Client>,
    pub(super) purpose: Purpose,
    pub(super) key: MasterKey,
    pub(super) random: Arc<dyn Random>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) waiting: Arc<Waiting>,
    pub(super) feed: FeedSender,
    /// Who else is told what has come due.
    pub(super) bell: Arc<Bell>,
    pub(super) holdings: Arc<Holdings>,
    pub(super) meter: Arc<StoreMeter>,
    /// Something may have been committed that nobody was told of.
    pub(super) in_doubt: Option<Doubt>,
    /// The database does not take what is to be written, and the log says so.
    pub(super) in_trouble: bool,
    /// The database has said that it has no room, and has taken no message since.
    pub(super) is_full: bool,
    pub(super) sweep_at: Timestamp,
}

/// Since when it is not known what has been committed, and when the engine is told next to look for itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt {
    since: Instant,
    tell_at: Instant,
}

/// What became of a job that has a transaction of its own.
enum Done {
    Rearm(Rearmed),
    Release(Released),
    End(Ended),
    Advance(Advanced),
    AcceptBatch(BatchAccepted),
    Clear(Cleared),
    Tally,
    Mention(bool),
    Expire(Expired),
    Revisit,
    Put(PutResult),
    Delete(bool),
    ForgetNotices,
    Ping,
}

impl Writer {
    /// Writes until the store is closed.
    pub(super) async fn run(mut self) {
        let mut company_until = Instant::now();
        loop {
            match timeout(TICK, self.waiting.next_group(company_until)).await {
                Ok(Some(jobs)) => {
                    self.write(jobs).await;
                    company_until = Instant::now() + COMPANY_WAIT;
                    self.sweep().await;
                }
                Ok(None) => break,
                // Nothing to do for a while.
                Err(_) => {}
            }
            self.resolve_doubt().await;
        }
    }

    async fn write(&mut self, mut jobs: Vec<Job>) {
        if jobs.iter().all(|job| matches!(job, Job::Accept(..) | Job::Finish(..))) {
            return self.write_group(jobs).await;
        }
        while let Some(job) = jobs.pop() {
            self.write_alone(job).await;
        }
    }

    /// Writes a group; in halves, and halves of these, when something in it is refused.
    async fn write_group(&mut self, jobs: Vec<Job>) {
        let mut parts = vec![(jobs, 1)];
        while let Some((mut jobs, tries)) = parts.pop() {
            let error = match self.try_group(&jobs).await {
                Ok(written) => {
                    self.tell_and_answer(jobs, written);
                    continue;
                }
                Err(error) => error,
            };
            match error.trouble() {
                Trouble::Collided if tries < TRIES => {
                    tracing::debug!(error = one_line(&error), "a group is tried again");
                    sleep(BACK_OFF * tries).await;
                    parts.push((jobs, tries + 1));
                }
                Trouble::Refused if jobs.len() > 1 => {
                    let rest = jobs.split_off(jobs.len() / 2);
                    parts.push((rest, 1));
                    parts.push((jobs, 1));
                }
                Trouble::Refused if error.is_of_the_values() => {
                    jobs.into_iter().for_each(|job| refuse_for_good(job, &error));
                }
                // Among others a right that was taken away, which may be given back.
                Trouble::Refused | Trouble::Collided | Trouble::Lost | Trouble::Full => {
                    let rest = parts.into_iter().rev().flat_map(|(jobs, _)| jobs);
                    jobs.extend(rest);
                    return self.put_off(jobs, &error).await;
                }
            }
        }
    }

    async fn try_group(&mut self, jobs: &[Job]) -> Result<Written> {
        let (mut accepts, mut finishes): (Vec<&Accept>, Vec<&Finish>) = (Vec::new(), Vec::new());
        for job in jobs {
            match job {
                Job::Accept(item, _) => accepts.push(item),
                Job::Finish(item, _) => finishes.push(item),
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
                | Job::Ping(_) => {}
            }
        }
        let (at, purpose) = ((self.clock.now(), self.holdings.node()), self.purpose);
        let client = self.connected().await?;
        let began = Instant::now();
        let written = answered(Box::pin(group::write(client, purpose, at, (&accepts, &finishes)))).await;
        self.meter.committed(jobs.len(), began.elapsed());
        self.notice(written)
    }

    fn tell_and_answer(&mut self, jobs: Vec<Job>, written: Written) {
        if std::mem::take(&mut self.in_trouble) {
            tracing::info!("the database takes what is written again");
        }
        self.is_full &= written.accepted.is_empty();
        // The feed first: whoever has an answer finds in the feed what it is about.
        self.tell(written.committed);
        let (mut accepted, mut finished) = (written.accepted.into_iter(), written.finished.into_iter());
        for job in jobs {
            match job {
                Job::Accept(item, answer) => {
                    let result = accepted.next().ok_or(StoreError::Broken);
                    self.meter.accepted(&result, item.targets.len());
                    answer.give(result);
                }
                Job::Finish(_, answer) => {
                    let result = finished.next().ok_or(StoreError::Broken);
                    self.meter.finished(&result);
                    answer.give(result);
                }
                other => other.refuse(StoreError::Broken),
            }
        }
    }

    fn tell(&self, committed: Committed) {
        self.feed.tell(self.holdings.share_out(committed, &self.bell));
    }

    /// Refuses what may be refused, holds outcomes, and pauses: what is in the way has to go first.
    async fn put_off(&mut self, jobs: Vec<Job>, error: &SqlError) {
        // Once, not with each attempt.
        if !std::mem::replace(&mut self.in_trouble, true) {
            tracing::warn!(error = one_line(error), "the database does not take what is to be written");
        }
        let is_full = error.trouble() == Trouble::Full;
        self.is_full |= is_full;
        let mut again = Vec::new();
        for job in jobs {
            match job {
                // An outcome is never refused for want of room or time: its delivery is in somebody's hands, and only
                // the record of it keeps it from being sent again.
                Job::Finish(..) => again.push(job),
                other if is_full => other.refuse(StoreError::Full),
                other => other.refuse(StoreError::Unavailable { source: one_line(error).into() }),
            }
        }
        if !again.is_empty() {
            self.waiting.put_back(again);
            sleep(PAUSE).await;
        }
    }

    async fn write_alone(&mut self, job: Job) {
        if self.is_full && matches!(job, Job::Ping(_)) {
            match self.look_for_room().await {
                Ok(()) => self.is_full = false,
                Err(error) => return job.refuse(error.into()),
            }
        }
        let mut tries = 1;
        loop {
            match self.try_alone(&job).await {
                Ok((done, committed)) => {
                    self.tell(committed);
                    return answer(job, done);
                }
                Err(error) if error.trouble() == Trouble::Collided && tries < TRIES => {
                    sleep(BACK_OFF * tries).await;
                    tries += 1;
                }
                Err(error) => return job.refuse(error.into()),
            }
        }
    }

    /// Whether the database has room again. What a ping writes needs none, for there is always one row of it.
    async fn look_for_room(&mut self) -> Result<()> {
        let purpose = self.purpose;
        let client = self.connected().await?;
        let looked = answered(transaction(client, purpose, schema::take_room(client))).await;
        self.notice(looked)
    }

    async fn try_alone(&mut self, job: &Job) -> Result<(Done, Committed)> {
        let (at, purpose) = ((self.clock.now(), self.holdings.node()), self.purpose);
        let (key, random) = (self.key.clone(), self.random.clone());
        let client = self.connected().await?;
        let work = carry_out(client, at, Sealing { key: &key, random: &*random }, job);
        let began = Instant::now();
        let done = answered(transaction(client, purpose, work)).await;
        self.meter.committed(1, began.elapsed());
        match (self.notice(done), job) {
            (Err(error), Job::Put(..)) => Ok((Done::Put(document::collision(error)?), Committed::default())),
            (done, _) => done,
        }
    }

    /// The connection, made anew if there is none.
    async fn connected(&mut self) -> Result<&Client> {
        if self.client.as_ref().is_none_or(|client| client.is_closed()) {
            self.client = None;
            self.client = Some(connect(&self.address).await.map_err(|error| SqlError::Unreachable(error.into()))?);
        }
        self.client.as_ref().ok_or(SqlError::Silent)
    }

    /// Lets go of a connection that is of no more use, and of the certainty about what was done on it.
    fn notice<T>(&mut self, result: Result<T>) -> Result<T> {
        if matches!(&result, Err(error) if error.trouble() == Trouble::Lost) {
            self.client = None;
            let now = Instant::now();
            self.in_doubt = Some(Doubt { since: now, tell_at: now });
        }
        result
    }

    /// After a connection was lost: the engine looks for itself, until nothing of it can be under way on the server.
    async fn resolve_doubt(&mut self) {
        let Some(Doubt { since, tell_at }) = self.in_doubt else { return };
        let now = Instant::now();
        if now >= tell_at && self.connected().await.is_ok() {
            self.feed.tell_missed();
            self.in_doubt = (since.elapsed() < IN_DOUBT).then_some(Doubt { since, tell_at: now + TICK });
        }
    }

    async fn sweep(&mut self) {
        let (now, purpose) = (self.clock.now(), self.purpose);
        if now < self.sweep_at {
            return;
        }
        let Ok(client) = self.connected().await else { return };
        let swept = answered(transaction(client, purpose, idempotency::sweep(client, now, SWEEP))).await;
        let swept_all = matches!(self.notice(swept), Ok(count) if count < SWEEP);
        self.sweep_at = now + if swept_all { SWEEP_EVERY } else { SWEEP_AGAIN };
    }
}

/// Does a job that has a transaction of its own, within that transaction.
async fn carry_out(
    client: &Client,
    (now, node): (Timestamp, NodeNo),
    sealing: Sealing<'_>,
    job: &Job,
) -> Result<(Done, Committed)> {
    let mut committed = Committed::default();
    let done = match job {
        Job::Rearm(item, _) => {
            let (done, due) = rearm(client, now, item).await?;
            committed.come_due(due, now);
            Done::Rearm(done)
        }
        Job::Release(item, _) => {
            let ours = fence::holds(client, node, Shard::of(item.endpoint.0), item.epoch).await?;
            Done::Release(if ours { release(client, now, item).await? } else { Released { count: 0 } })
        }
        Job::End(item, _) => {
            let (done, due) = end(client, now, item).await?;
            committed.come_due(due, now);
            committed.revoked.extend((done == Ended::Ended).then_some(item.endpoint));
            Done::End(done)
        }
        Job::Advance(item, _) => {
            let (done, due) = advance(client, now, item).await?;
            committed.come_due(due, now);
            note(&mut committed, item, done);
            Done::Advance(done)
        }
        Job::AcceptBatch(item, _) => {
            let (done, due, queued) = accept_batch(client, now, item).await?;
            committed.come_due(due, now);
            committed.queued = queued;
            Done::AcceptBatch(done)
        }
        Job::Clear(item, _) => {
            if let Some(epoch) = item.epoch
                && !fence::holds(client, node, Shard::of(item.endpoint.0), epoch).await?
            {
                return Ok((Done::Clear(Cleared { count: 0, lives: false }), committed));
            }
            let (done, due) = clear(client, now, item).await?;
            committed.come_due(due, now);
            Done::Clear(done)
        }
        Job::Tally(item, _) => {
            tally::add(client, item).await?;
            Done::Tally
        }
        Job::Mention(item, _) => Done::Mention(mention::mention(client, now, item).await?),
        Job::Expire(item, _) => {
            let expire::Outcome { expired, revoked, due } = expire(client, now, item).await?;
            committed.come_due(due, now);
            committed.revoked = revoked;
            Done::Expire(expired)
        }
        Job::Revisit(_) => {
            expire::revisit(client, now).await?;
            Done::Revisit
        }
        Job::Put(item, _) => {
            let (done, changed) = document::put(client, now, sealing, item).await?;
            committed.changed.extend(changed);
            Done::Put(done)
        }
        Job::Delete(item, _) => {
            let deleted = document::delete(client, item).await?;
            committed.changed.extend(deleted.flatten());
            Done::Delete(deleted.is_some())
        }
        Job::ForgetNotices(numbers, _) => {
            notice::forget(client, numbers).await?;
            Done::ForgetNotices
        }
        Job::Ping(_) | Job::Accept(..) | Job::Finish(..) => {
            schema::note_ping(client).await?;
            Done::Ping
        }
    };
    Ok((done, committed))
}

/// What the feed is told of a part of a background task.
fn note(committed: &mut Committed, item: &Advance, done: Advanced) {
    if matches!(done, Advanced::Done { count } if count > 0) {
        let told = if item.clear.is_some() { &mut committed.revoked } else { &mut committed.woken };
        told.push(item.endpoint);
    }
}

fn answer(job: Job, done: Done) {
    match (job, done) {
        (Job::Rearm(_, answer), Done::Rearm(done)) => answer.give(Ok(done)),
        (Job::Release(_, answer), Done::Release(done)) => answer.give(Ok(done)),
        (Job::End(_, answer), Done::End(done)) => answer.give(Ok(done)),
        (Job::Advance(_, answer), Done::Advance(done)) => answer.give(Ok(done)),
        (Job::AcceptBatch(_, answer), Done::AcceptBatch(done)) => answer.give(Ok(done)),
        (Job::Clear(_, answer), Done::Clear(done)) => answer.give(Ok(done)),
        (Job::Tally(_, answer), Done::Tally) => answer.give(Ok(())),
        (Job::Mention(_, answer), Done::Mention(done)) => answer.give(Ok(done)),
        (Job::Expire(_, answer), Done::Expire(done)) => answer.give(Ok(done)),
        (Job::Revisit(answer), Done::Revisit) => answer.give(Ok(())),
        (Job::Put(_, answer), Done::Put(done)) => answer.give(Ok(done)),
        (Job::Delete(_, answer), Done::Delete(done)) => answer.give(Ok(done)),
        (Job::ForgetNotices(_, answer), Done::ForgetNotices) | (Job::Ping(answer), Done::Ping) => answer.give(Ok(())),
        (job, _) => job.refuse(StoreError::Broken),
    }
}

/// Refuses the one item that cannot be done.
fn refuse_for_good(job: Job, error: &SqlError) {
    tracing::error!(error = one_line(error), "something cannot be written");
    let source = one_line(error).into();
    match job {
        // Not as unavailable: it would fare no better another time.
        Job::Finish(..) => job.refuse(StoreError::Corrupt { what: "outcome", source }),
        other => other.refuse(StoreError::Unavailable { source }),
    }
}

impl Drop for Writer {
    /// Also after a panic: nobody waits for a writer that is gone.
    fn drop(&mut self) {
        self.waiting.close();
        self.waiting.drain().into_iter().for_each(|job| job.refuse(StoreError::Broken));
    }
}
