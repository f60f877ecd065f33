//! [`PostgresStore`]: the port, on its tasks.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use ringback_model::{
    AppNo, Attempt, AttemptId, Delivery, EndpointNo, Message, MessageId, MessageNo, Tally, Timestamp,
};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::cluster::Cluster;
use super::connection::{Purpose, address, answered, connect};
use super::error::{Result, open_error};
use super::options::PostgresOptions;
use super::pool::Pool;
use super::waiting::{Job, Waiting};
use super::writer::Writer;
use super::{
    attempt, audit, backlog, document, expire, follow, hot, lane, listing, mention, message, node, notice, polled,
    schema, survey, take, tally, usage,
};
use crate::{
    Accept, AcceptBatch, Accepted, Advance, Advanced, Aging, AgingQuery, Answer, AttemptQuery, AuditQuery, Audited,
    Backlog, Backlogs, BatchAccepted, Clear, Cleared, Configuration, Count, Delete, DeletedDocument, DeletedQuery,
    Document, DocumentKind, DocumentPage, End, Ended, EndpointDeliveryQuery, EndpointTallyQuery, Expire, Expired, Feed,
    Finish, Finished, Follow, Followed, HandOver, Hits, KnownVersions, LaneStart, Lease, MasterKey, Mention,
    MentionQuery, MessageQuery, MessageRef, NewNode, Node, NodeNo, Noticed, OverdueQuery, Part, PollQuery, Polled, Put,
    PutResult, Rearm, Rearmed, Release, Released, Reply, Shard, Store, StoreError, StoreMeter, SurveyQuery, Surveyed,
    Take, Taken, TallyQuery, UnreadQuery, UnreadRun, feed,
};

/// Connections that read for the engine and for configuration: these reads are short.
const QUICK_READERS: usize = 2;
/// Connections that read for people: a search may be long, and must not hold up the others.
const SLOW_READERS: usize = 2;

/// The store in PostgreSQL. Dropping it has its task write what was handed to it; [`PostgresStore::close`] waits for that.
#[derive(Debug)]
pub struct PostgresStore {
    waiting: Arc<Waiting>,
    writer: Mutex<Option<JoinHandle<()>>>,
    quick: Arc<Pool>,
    slow: Arc<Pool>,
    cluster: Cluster,
    meter: Arc<StoreMeter>,
    key: MasterKey,
    runtime: Handle,
}

/// Has a task read on a connection of a pool, and answers what it finds.
macro_rules! read {
    ($store:ident.$pool:ident, |$client:ident| $read:expr) => {{
        let pool = $store.$pool.clone();
        $store.answer(async move {
            let lease = pool.lease().await?;
            let result = {
                let $client = &*lease;
                answered($read).await
            };
            lease.give_back(result)
        })
    }};
}

impl PostgresStore {
    /// Opens the store in a database, and makes its tables if they are missing. The store works on the runtime that this
    /// is called on.
    ///
    /// # Errors
    /// [`StoreError::Open`], with a message for people on one line: the database cannot be reached, is read-only, too old
    /// or of a newer version of Ringback, the role lacks a right, the master key is another one, or the store is still being
    /// filled from an embedded one.
    pub async fn open(options: PostgresOptions) -> Result<(Self, Feed), StoreError> {
        let PostgresOptions { url, migrate_url, master_key, random, clock } = options;
        let address = address(&url)?;
        let migrate_address = migrate_url.as_ref().map(self::address).transpose()?;
        schema::migrate(&address, migrate_address.as_ref()).await?;
        let client = connect(&address).await.map_err(|error| open_error("the database cannot be reached", &error))?;
        schema::check_filled(&client).await?;
        // On the heap, and not in every future that opens a store.
        Box::pin(hot::make(&client, &address, migrate_address.as_ref())).await;
        schema::check_master_key(&client, &master_key, &*random).await?;
        let purpose = if schema::answers_too_early(&client).await? {
            tracing::warn!("the database has synchronous_commit = off: it is switched on for what Ringback writes");
            Purpose::WriteInsisting
        } else {
            Purpose::Write
        };
        let (sender, feed) = feed();
        let waiting = Arc::<Waiting>::default();
        let meter = Arc::new(StoreMeter::remote());
        let straight = migrate_address.unwrap_or_else(|| address.clone());
        let cluster = Cluster::new((address.clone(), straight), purpose, sender.clone(), meter.clone()).await?;
        let writer = Writer {
            bell: cluster.bell.clone(),
            holdings: cluster.holdings.clone(),
            meter: meter.clone(),
            address: address.clone(),
            client: Some(client),
            purpose,
            key: master_key.clone(),
            random,
            clock,
            waiting: waiting.clone(),
            feed: sender,
            in_doubt: None,
            in_trouble: false,
            is_full: false,
            sweep_at: Timestamp::MIN,
        };
        let runtime = Handle::current();
        let writer = Mutex::new(Some(runtime.spawn(writer.run())));
        let quick = Arc::new(Pool::new(address.clone(), QUICK_READERS));
        let slow = Arc::new(Pool::new(address, SLOW_READERS));
        Ok((Self { waiting, writer, quick, slow, cluster, meter, key: master_key, runtime }, feed))
    }

    /// Takes no more writes, and waits until what was handed over is written.
    pub async fn close(&self) {
        self.waiting.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && writer.await.is_err()
        {
            tracing::error!("the writer has panicked");
        }
        self.cluster.close().await;
    }

    fn write<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Reply<T> {
        let (answer, reply) = Reply::pair();
        self.waiting.push(job(answer));
        reply
    }

    fn answer<T: Send + 'static>(&self, call: impl Future<Output = Result<T>> + Send + 'static) -> Reply<T> {
        let (answer, reply) = Reply::pair();
        self.runtime.spawn(async move { answer.give(call.await.map_err(StoreError::from)) });
        reply
    }
}

impl Store for PostgresStore {
    fn lease(&self, node: NewNode) -> Reply<Lease> {
        let cluster = self.cluster.clone();
        self.answer(async move { cluster.lease(&node).await })
    }

    fn renew(&self, node: NodeNo, stays: bool) -> Reply<Option<Lease>> {
        let cluster = self.cluster.clone();
        self.answer(async move { cluster.renew(node, stays).await })
    }

    fn hand_over(&self, item: HandOver) -> Reply<()> {
        let cluster = self.cluster.clone();
        self.answer(async move { cluster.hand_over(&item).await })
    }

    fn nodes(&self) -> Reply<Vec<Node>> {
        read!(self.slow, |client| node::nodes(client))
    }

    fn owns(&self, shard: Shard) -> bool {
        self.cluster.holdings.owns(shard)
    }

    fn overdue(&self, query: OverdueQuery) -> Reply<Vec<EndpointNo>> {
        read!(self.quick, |client| lane::overdue(client, &query))
    }

    fn accept(&self, item: Accept) -> Reply<Accepted> {
        self.write(|answer| Job::Accept(item, answer))
    }

    fn finish(&self, item: Finish) -> Reply<Finished> {
        self.write(|answer| Job::Finish(item, answer))
    }

    fn rearm(&self, item: Rearm) -> Reply<Rearmed> {
        self.write(|answer| Job::Rearm(item, answer))
    }

    fn release(&self, item: Release) -> Reply<Released> {
        self.write(|answer| Job::Release(item, answer))
    }

    fn end(&self, item: End) -> Reply<Ended> {
        self.write(|answer| Job::End(item, answer))
    }

    fn advance(&self, item: Advance) -> Reply<Advanced> {
        self.write(|answer| Job::Advance(item, answer))
    }

    fn accept_batch(&self, item: AcceptBatch) -> Reply<BatchAccepted> {
        self.write(|answer| Job::AcceptBatch(item, answer))
    }

    fn clear(&self, item: Clear) -> Reply<Cleared> {
        self.write(|answer| Job::Clear(item, answer))
    }

    fn unread(&self, query: UnreadQuery) -> Reply<Vec<UnreadRun>> {
        let owned = self.cluster.holdings.owned();
        read!(self.slow, |client| mention::unread(client, &owned, &query))
    }

    fn mention(&self, item: Mention) -> Reply<bool> {
        self.write(|answer| Job::Mention(item, answer))
    }

    fn upkeep(&self, now: Timestamp, limit: usize) -> Reply<Vec<Part>> {
        let owned = self.cluster.holdings.owned();
        read!(self.slow, |client| expire::upkeep(client, &owned, now, limit))
    }

    fn usage(&self, app: AppNo) -> Reply<u64> {
        read!(self.quick, |client| usage::usage(client, app))
    }

    fn aging(&self, query: AgingQuery) -> Reply<Vec<Aging>> {
        read!(self.slow, |client| expire::aging(client, &query))
    }

    fn expire(&self, item: Expire) -> Reply<Expired> {
        self.write(|answer| Job::Expire(item, answer))
    }

    fn revisit(&self) -> Reply<()> {
        self.write(Job::Revisit)
    }

    fn mentioned(&self, query: MentionQuery) -> Reply<Vec<MessageNo>> {
        read!(self.slow, |client| mention::mentioned(client, &query))
    }

    fn payloads(&self, numbers: Vec<MessageNo>, max_bytes: usize) -> Reply<Vec<(MessageNo, Bytes)>> {
        read!(self.slow, |client| message::payloads(client, &numbers, max_bytes))
    }

    fn backlog(&self, endpoint: EndpointNo, limit: u32) -> Reply<Backlog> {
        read!(self.slow, |client| backlog::backlog(client, endpoint, limit))
    }

    fn tally(&self, item: Count) -> Reply<()> {
        self.write(|answer| Job::Tally(item, answer))
    }

    fn tallies(&self, query: TallyQuery) -> Reply<Vec<(Timestamp, Tally)>> {
        read!(self.slow, |client| tally::series(client, &query))
    }

    fn endpoint_tallies(&self, query: EndpointTallyQuery) -> Reply<Vec<(EndpointNo, Tally)>> {
        read!(self.slow, |client| tally::endpoints(client, &query))
    }

    fn put(&self, item: Put) -> Reply<PutResult> {
        self.write(|answer| Job::Put(item, answer))
    }

    fn audits(&self, query: AuditQuery) -> Reply<Vec<Audited>> {
        read!(self.slow, |client| audit::page(client, &query))
    }

    fn notices(&self, limit: usize) -> Reply<Vec<Noticed>> {
        read!(self.slow, |client| notice::notices(client, limit))
    }

    fn forget_notices(&self, numbers: Vec<i64>) -> Reply<()> {
        self.write(|answer| Job::ForgetNotices(numbers, answer))
    }

    fn delete(&self, item: Delete) -> Reply<bool> {
        self.write(|answer| Job::Delete(item, answer))
    }

    fn take(&self, take: Take) -> Reply<Taken> {
        read!(self.quick, |client| take::take(client, &take))
    }

    fn follow(&self, follow: Follow) -> Reply<Followed> {
        read!(self.quick, |client| follow::follow(client, &follow))
    }

    fn lanes(&self, after: EndpointNo, limit: usize) -> Reply<Vec<LaneStart>> {
        read!(self.quick, |client| lane::lanes(client, after, limit))
    }

    fn document(&self, no: i64) -> Reply<Option<Document>> {
        let master = self.key.clone();
        read!(self.quick, |client| document::by_no(client, &master, no))
    }

    fn document_by_key(&self, kind: DocumentKind, parent: i64, key: String) -> Reply<Option<Document>> {
        let master = self.key.clone();
        read!(self.quick, |client| document::by_key(client, &master, (kind, parent), &key))
    }

    fn document_by_uid(&self, kind: DocumentKind, parent: i64, uid: String) -> Reply<Option<Document>> {
        let master = self.key.clone();
        read!(self.quick, |client| document::by_uid(client, &master, (kind, parent), &uid))
    }

    fn documents(&self, page: DocumentPage) -> Reply<Vec<Document>> {
        let master = self.key.clone();
        read!(self.slow, |client| document::page(client, &master, &page, false))
    }

    fn deleted_document(&self, kind: DocumentKind, parent: i64, key: String) -> Reply<Option<Document>> {
        let master = self.key.clone();
        read!(self.slow, |client| document::deleted_by_key(client, &master, (kind, parent), &key))
    }

    fn deleted_documents(&self, page: DocumentPage) -> Reply<Vec<Document>> {
        let master = self.key.clone();
        read!(self.slow, |client| document::page(client, &master, &page, true))
    }

    fn deleted_everywhere(&self, query: DeletedQuery) -> Reply<Vec<DeletedDocument>> {
        read!(self.slow, |client| document::deleted_everywhere(client, &query))
    }

    fn configuration(&self, app: AppNo, known: KnownVersions) -> Reply<Option<Configuration>> {
        let master = self.key.clone();
        read!(self.quick, |client| document::configuration(client, &master, app, &known))
    }

    fn message(&self, app: AppNo, message: MessageRef) -> Reply<Option<Message>> {
        read!(self.slow, |client| message::find(client, app, &message))
    }

    fn messages_by_no(&self, numbers: Vec<MessageNo>) -> Reply<Vec<Message>> {
        read!(self.slow, |client| message::by_numbers(client, &numbers))
    }

    fn messages(&self, query: MessageQuery) -> Reply<Hits<Message, MessageId>> {
        read!(self.slow, |client| message::page(client, &query))
    }

    fn polled(&self, query: PollQuery) -> Reply<Vec<Polled>> {
        read!(self.slow, |client| polled::polled(client, &query))
    }

    fn survey(&self, query: SurveyQuery) -> Reply<Vec<Surveyed>> {
        read!(self.slow, |client| survey::survey(client, &query))
    }

    fn deliveries(&self, message: MessageNo) -> Reply<Vec<Delivery>> {
        read!(self.slow, |client| listing::deliveries(client, message))
    }

    fn endpoint_deliveries(&self, query: EndpointDeliveryQuery) -> Reply<Hits<Delivery, MessageId>> {
        read!(self.slow, |client| listing::endpoint_deliveries(client, &query))
    }

    fn attempts(&self, query: AttemptQuery) -> Reply<Hits<Attempt, AttemptId>> {
        read!(self.slow, |client| attempt::page(client, &query))
    }

    fn attempt(&self, message: MessageNo, id: AttemptId) -> Reply<Option<Attempt>> {
        read!(self.slow, |client| attempt::find(client, message, id))
    }

    fn pending(&self, long: u64) -> Reply<Backlogs> {
        read!(self.slow, |client| backlog::pending(client, long))
    }

    fn meter(&self) -> Arc<StoreMeter> {
        self.meter.clone()
    }

    fn ping(&self) -> Reply<()> {
        let (answer, reply) = Reply::pair();
        let (pool, waiting) = (self.quick.clone(), self.waiting.clone());
        self.runtime.spawn(async move {
            let read = async {
                let lease = pool.lease().await?;
                let result = answered(listing::deliveries(&lease, MessageNo(0))).await;
                lease.give_back(result)
            };
            match read.await {
                Ok(_) => waiting.push(Job::Ping(answer)),
                Err(error) => answer.give(Err(error.into())),
            }
        });
        reply
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.waiting.close();
        self.cluster.end();
    }
}
