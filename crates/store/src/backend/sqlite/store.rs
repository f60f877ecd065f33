//! [`SqliteStore`]: the port, on its threads.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use ringback_model::{
    AppNo, Attempt, AttemptId, Delivery, EndpointNo, Message, MessageId, MessageNo, Tally, Timestamp,
};
use tokio::sync::watch;

use super::apply::{ApplyContext, Op};
use super::checkpoint::Checkpointer;
use super::connection::{FILE, open_connection};
use super::lock::Lock;
use super::options::SqliteOptions;
use super::reader::{Readers, in_our_words};
use super::space::Space;
use super::writer::{Asker, Waiting, Writer};
use super::{
    attempt, audit, backlog, delivery, document, expire, lane, listing, mention, message, notice, polled, survey,
    tally, usage,
};
use crate::{
    Accept, AcceptBatch, Accepted, Advance, Advanced, Aging, AgingQuery, AttemptQuery, AuditQuery, Audited, Backlog,
    Backlogs, BatchAccepted, Clear, Cleared, Configuration, Count, Delete, DeletedDocument, DeletedQuery, Document,
    DocumentKind, DocumentPage, End, Ended, EndpointDeliveryQuery, EndpointTallyQuery, Expire, Expired, Feed, Finish,
    Finished, Follow, Followed, HandOver, Hits, KnownVersions, LaneStart, Lease, MasterKey, Mention, MentionQuery,
    MessageQuery, MessageRef, NewNode, Node, NodeNo, Noticed, OverdueQuery, Part, PollQuery, Polled, Put, PutResult,
    Rearm, Rearmed, Release, Released, Reply, Shard, Store, StoreError, StoreMeter, SurveyQuery, Surveyed, Take, Taken,
    TallyQuery, UnreadQuery, UnreadRun, feed, seal,
};

/// Threads that read for the engine and for configuration: these reads are short.
const QUICK_READERS: usize = 1;
/// Threads that read for people: a search may be long, and must not hold up the others.
const SLOW_READERS: usize = 2;

/// The embedded store. Dropping it writes what was handed to it, then ends its threads.
#[derive(Debug)]
pub struct SqliteStore {
    waiting: Arc<Waiting>,
    broken: watch::Receiver<Option<Arc<str>>>,
    key: MasterKey,
    writer: Option<JoinHandle<()>>,
    quick: Readers,
    slow: Readers,
    meter: Arc<StoreMeter>,
    // Below the readers, so that its connection is the last to close.
    _checkpointer: Checkpointer,
    // Last of all: the folder is free when everything else has ended.
    _lock: Lock,
}

impl SqliteStore {
    /// Opens the store in a folder, and makes it if it is missing.
    ///
    /// # Errors
    /// [`StoreError::Open`], with a message for people: the folder is in use by another server or cannot be written,
    /// the store is newer than this version, or the master key is another one.
    pub fn open(options: SqliteOptions) -> Result<(Self, Feed), StoreError> {
        let SqliteOptions { folder, master_key, random, clock, reserve_bytes } = options;
        make_folder(&folder)?;
        let lock = Lock::take(&folder)?;
        let path = folder.join(FILE);
        let connection = open_connection(&path)?;
        let context = ApplyContext::new(&connection, master_key.clone(), random, clock.clone())?;
        let checkpointer = Checkpointer::start(&path)?;
        let (quick, slow) =
            (Readers::start(&path, QUICK_READERS, &clock)?, Readers::start(&path, SLOW_READERS, &clock)?);
        let (sender, feed) = feed();
        let (broken_sender, broken) = watch::channel(None);
        let waiting = Arc::<Waiting>::default();
        let meter = Arc::new(StoreMeter::embedded(&folder, FILE, reserve_bytes));
        let writer = Writer {
            meter: meter.clone(),
            connection,
            context,
            waiting: waiting.clone(),
            clock,
            space: Space::new(folder, reserve_bytes),
            feed: sender,
            log: checkpointer.shared(),
            broken: broken_sender,
        };
        let writer = Some(writer.start()?);
        let store = Self {
            waiting,
            broken,
            key: master_key,
            writer,
            quick,
            slow,
            meter,
            _checkpointer: checkpointer,
            _lock: lock,
        };
        Ok((store, feed))
    }

    /// Waits until nothing is written any more because a commit has failed, and says why. The process has to stop then:
    /// what is on disk is known again only to the next start. Waits for ever as long as all is well.
    pub async fn broken(&self) -> Arc<str> {
        let mut broken = self.broken.clone();
        // An error here means that the writer has ended in good order.
        match broken.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone()) {
            Some(reason) => reason,
            None => std::future::pending().await,
        }
    }

    fn write<T>(&self, op: Op, asker: fn(crate::Answer<T>) -> Asker) -> Reply<T> {
        let (answer, reply) = Reply::pair();
        self.waiting.push(op, asker(answer));
        reply
    }
}

impl Store for SqliteStore {
    fn lease(&self, _node: NewNode) -> Reply<Lease> {
        // The folder is locked, so there is nobody to share with.
        Reply::ready(Ok(Lease::of_all()))
    }

    fn renew(&self, _node: NodeNo, _stays: bool) -> Reply<Option<Lease>> {
        Reply::ready(Ok(Some(Lease::of_all())))
    }

    fn hand_over(&self, _item: HandOver) -> Reply<()> {
        Reply::ready(Ok(()))
    }

    fn nodes(&self) -> Reply<Vec<Node>> {
        Reply::ready(Ok(Vec::new()))
    }

    fn owns(&self, _shard: Shard) -> bool {
        true
    }

    fn overdue(&self, query: OverdueQuery) -> Reply<Vec<EndpointNo>> {
        self.quick.read(move |connection| in_our_words(lane::overdue(connection, &query)))
    }

    fn accept(&self, item: Accept) -> Reply<Accepted> {
        self.write(Op::Accept(item), Asker::Accept)
    }

    fn finish(&self, item: Finish) -> Reply<Finished> {
        self.write(Op::Finish(item), Asker::Finish)
    }

    fn rearm(&self, item: Rearm) -> Reply<Rearmed> {
        self.write(Op::Rearm(item), Asker::Rearm)
    }

    fn release(&self, item: Release) -> Reply<Released> {
        self.write(Op::Release(item), Asker::Release)
    }

    fn end(&self, item: End) -> Reply<Ended> {
        self.write(Op::End(item), Asker::End)
    }

    fn advance(&self, item: Advance) -> Reply<Advanced> {
        self.write(Op::Advance(item), Asker::Advance)
    }

    fn accept_batch(&self, item: AcceptBatch) -> Reply<BatchAccepted> {
        self.write(Op::AcceptBatch(item), Asker::AcceptBatch)
    }

    fn clear(&self, item: Clear) -> Reply<Cleared> {
        self.write(Op::Clear(item), Asker::Clear)
    }

    fn unread(&self, query: UnreadQuery) -> Reply<Vec<UnreadRun>> {
        self.slow.read(move |connection| in_our_words(mention::unread(connection, &query)))
    }

    fn mention(&self, item: Mention) -> Reply<bool> {
        self.write(Op::Mention(item), Asker::Mention)
    }

    fn upkeep(&self, now: Timestamp, limit: usize) -> Reply<Vec<Part>> {
        self.slow.read(move |connection| in_our_words(expire::upkeep(connection, now, limit)))
    }

    fn usage(&self, app: AppNo) -> Reply<u64> {
        self.quick.read(move |connection| in_our_words(usage::usage(connection, app)))
    }

    fn aging(&self, query: AgingQuery) -> Reply<Vec<Aging>> {
        self.slow.read(move |connection| in_our_words(expire::aging(connection, &query)))
    }

    fn expire(&self, item: Expire) -> Reply<Expired> {
        self.write(Op::Expire(item), Asker::Expire)
    }

    fn revisit(&self) -> Reply<()> {
        self.write(Op::Revisit, Asker::Revisit)
    }

    fn mentioned(&self, query: MentionQuery) -> Reply<Vec<MessageNo>> {
        self.slow.read(move |connection| in_our_words(mention::mentioned(connection, &query)))
    }

    fn payloads(&self, numbers: Vec<MessageNo>, max_bytes: usize) -> Reply<Vec<(MessageNo, Bytes)>> {
        self.slow.read(move |connection| in_our_words(message::payloads(connection, &numbers, max_bytes)))
    }

    fn backlog(&self, endpoint: EndpointNo, limit: u32) -> Reply<Backlog> {
        self.slow.read(move |connection| in_our_words(backlog::backlog(connection, endpoint, limit)))
    }

    fn tally(&self, item: Count) -> Reply<()> {
        self.write(Op::Tally(item), Asker::Tally)
    }

    fn tallies(&self, query: TallyQuery) -> Reply<Vec<(Timestamp, Tally)>> {
        self.slow.read(move |connection| in_our_words(tally::series(connection, &query)))
    }

    fn endpoint_tallies(&self, query: EndpointTallyQuery) -> Reply<Vec<(EndpointNo, Tally)>> {
        self.slow.read(move |connection| in_our_words(tally::endpoints(connection, &query)))
    }

    fn put(&self, item: Put) -> Reply<PutResult> {
        self.write(Op::Put(item), Asker::Put)
    }

    fn audits(&self, query: AuditQuery) -> Reply<Vec<Audited>> {
        self.slow.read(move |connection| in_our_words(audit::page(connection, &query)))
    }

    fn notices(&self, limit: usize) -> Reply<Vec<Noticed>> {
        self.slow.read(move |connection| in_our_words(notice::notices(connection, limit)))
    }

    fn forget_notices(&self, numbers: Vec<i64>) -> Reply<()> {
        self.write(Op::ForgetNotices(numbers), Asker::ForgetNotices)
    }

    fn delete(&self, item: Delete) -> Reply<bool> {
        self.write(Op::Delete(item), Asker::Delete)
    }

    fn take(&self, take: Take) -> Reply<Taken> {
        self.quick.read(move |connection| delivery::take(connection, &take))
    }

    fn follow(&self, follow: Follow) -> Reply<Followed> {
        self.quick.read(move |connection| delivery::follow(connection, &follow))
    }

    fn lanes(&self, after: EndpointNo, limit: usize) -> Reply<Vec<LaneStart>> {
        self.quick.read(move |connection| lane::lanes(connection, after, limit))
    }

    fn document(&self, no: i64) -> Reply<Option<Document>> {
        let master = self.key.clone();
        self.quick.read(move |connection| in_our_words(document::by_no(connection, &master, no)))
    }

    fn document_by_key(&self, kind: DocumentKind, parent: i64, key: String) -> Reply<Option<Document>> {
        let master = self.key.clone();
        self.quick.read(move |connection| in_our_words(document::by_key(connection, &master, kind, parent, &key)))
    }

    fn document_by_uid(&self, kind: DocumentKind, parent: i64, uid: String) -> Reply<Option<Document>> {
        let master = self.key.clone();
        self.quick.read(move |connection| in_our_words(document::by_uid(connection, &master, kind, parent, &uid)))
    }

    fn documents(&self, page: DocumentPage) -> Reply<Vec<Document>> {
        let master = self.key.clone();
        self.slow.read(move |connection| in_our_words(document::page(connection, &master, &page)))
    }

    fn deleted_document(&self, kind: DocumentKind, parent: i64, key: String) -> Reply<Option<Document>> {
        let master = self.key.clone();
        self.slow
            .read(move |connection| in_our_words(document::deleted_by_key(connection, &master, kind, parent, &key)))
    }

    fn deleted_documents(&self, page: DocumentPage) -> Reply<Vec<Document>> {
        let master = self.key.clone();
        self.slow.read(move |connection| in_our_words(document::deleted_page(connection, &master, &page)))
    }

    fn deleted_everywhere(&self, query: DeletedQuery) -> Reply<Vec<DeletedDocument>> {
        self.slow.read(move |connection| in_our_words(document::deleted_everywhere(connection, &query)))
    }

    fn configuration(&self, app: AppNo, known: KnownVersions) -> Reply<Option<Configuration>> {
        let master = self.key.clone();
        self.quick.read(move |connection| in_our_words(document::configuration(connection, &master, app, &known)))
    }

    fn message(&self, app: AppNo, message: MessageRef) -> Reply<Option<Message>> {
        self.slow.read(move |connection| in_our_words(message::find(connection, app, &message)))
    }

    fn messages_by_no(&self, numbers: Vec<MessageNo>) -> Reply<Vec<Message>> {
        self.slow.read(move |connection| in_our_words(message::by_numbers(connection, &numbers)))
    }

    fn messages(&self, query: MessageQuery) -> Reply<Hits<Message, MessageId>> {
        self.slow.read(move |connection| in_our_words(message::page(connection, &query)))
    }

    fn polled(&self, query: PollQuery) -> Reply<Vec<Polled>> {
        self.slow.read(move |connection| in_our_words(polled::polled(connection, &query)))
    }

    fn survey(&self, query: SurveyQuery) -> Reply<Vec<Surveyed>> {
        self.slow.read(move |connection| in_our_words(survey::survey(connection, &query)))
    }

    fn deliveries(&self, message: MessageNo) -> Reply<Vec<Delivery>> {
        self.slow.read(move |connection| in_our_words(listing::deliveries(connection, message)))
    }

    fn endpoint_deliveries(&self, query: EndpointDeliveryQuery) -> Reply<Hits<Delivery, MessageId>> {
        self.slow.read(move |connection| in_our_words(listing::endpoint_deliveries(connection, &query)))
    }

    fn attempts(&self, query: AttemptQuery) -> Reply<Hits<Attempt, AttemptId>> {
        self.slow.read(move |connection| in_our_words(attempt::page(connection, &query)))
    }

    fn attempt(&self, message: MessageNo, id: AttemptId) -> Reply<Option<Attempt>> {
        self.slow.read(move |connection| in_our_words(attempt::find(connection, message, id)))
    }

    fn pending(&self, long: u64) -> Reply<Backlogs> {
        self.slow.read(move |connection| in_our_words(backlog::pending(connection, long)))
    }

    fn meter(&self) -> Arc<StoreMeter> {
        self.meter.clone()
    }

    fn ping(&self) -> Reply<()> {
        let (answer, reply) = Reply::pair();
        let waiting = self.waiting.clone();
        let read =
            |connection: &rusqlite::Connection| in_our_words(document::configuration_version(connection, AppNo(0)));
        self.quick.then(read, answer, move |read, answer| match read {
            Ok(_) => waiting.push(Op::Ping, Asker::Ping(answer)),
            Err(error) => answer.give(Err(error)),
        });
        reply
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.waiting.close();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the writer has panicked");
        }
    }
}

/// Makes the folder and its name durable: a store must not be gone after a power cut because its folder is.
fn make_folder(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(folder)
        .and_then(|()| seal::sync_folder_of(folder))
        .map_err(|error| StoreError::Open(format!("the folder {} cannot be made: {error}", folder.display())))
}
