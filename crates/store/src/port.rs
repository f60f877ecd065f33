//! The port: what a backend has to do.
//!
//! Every method begins its work at once and answers through a [`Reply`]. Writes of many callers share a commit, with a
//! result for each; an answer other than an error means that it is durable. One bad item never fails another. No method
//! waits for a receiver: nothing here is held open while a request is under way.

use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use ringback_model::{
    AppNo, Attempt, AttemptId, Delivery, EndpointNo, Message, MessageId, MessageNo, Tally, Timestamp,
};

use crate::{
    Accept, AcceptBatch, Accepted, Advance, Advanced, Aging, AgingQuery, AttemptQuery, AuditQuery, Audited, Backlog,
    Backlogs, BatchAccepted, Clear, Cleared, Configuration, Count, Delete, DeletedDocument, DeletedQuery, Document,
    DocumentKind, DocumentPage, End, Ended, EndpointDeliveryQuery, EndpointTallyQuery, Expire, Expired, Finish,
    Finished, Follow, Followed, HandOver, Hits, KnownVersions, LaneStart, Lease, Mention, MentionQuery, MessageQuery,
    MessageRef, NewNode, Node, NodeNo, Noticed, OverdueQuery, Part, PollQuery, Polled, Put, PutResult, Rearm, Rearmed,
    Release, Released, Reply, Shard, StoreMeter, SurveyQuery, Surveyed, Take, Taken, TallyQuery, UnreadQuery,
    UnreadRun,
};

/// The durable facts. See the module for what all methods promise.
pub trait Store: Send + Sync + Debug + 'static {
    /// Makes this server a node, which owns a fair share of the shards that are free. An embedded store hands out all of them
    /// for ever.
    fn lease(&self, node: NewNode) -> Reply<Lease>;

    /// Prolongs the lease of a node, and takes shards that are free or whose owner's lease has run out, up to its fair share.
    /// `None` when others have taken over what it had: it owns nothing, and may lease anew. Without `stays` it takes no more
    /// shards, and all that it has are its surplus: the others count on them.
    fn renew(&self, node: NodeNo, stays: bool) -> Reply<Option<Lease>>;

    /// Sets shards free and tells the others; see [`HandOver`].
    fn hand_over(&self, item: HandOver) -> Reply<()>;

    /// All nodes, by number.
    fn nodes(&self) -> Reply<Vec<Node>>;

    /// Whether this server owns a shard, as far as it was told. What must be done once, though it would do no harm twice, is
    /// done by the owner of the shard that it belongs to.
    fn owns(&self, shard: Shard) -> bool;

    /// Endpoints at which something is due, by number. Costs time in proportion to endpoints with pending deliveries.
    fn overdue(&self, query: OverdueQuery) -> Reply<Vec<EndpointNo>>;

    /// Keeps a message with all of its deliveries and its idempotency key, in one commit, and tells the feed.
    ///
    /// A delivery into a queue that has an unfinished one waits behind it and is not told. Refused as
    /// [`crate::StoreError::Full`] while the disk is low.
    fn accept(&self, item: Accept) -> Reply<Accepted>;

    /// Records an attempt and what becomes of its delivery, in one commit, and tells the feed that it is settled. When
    /// a delivery of a queue ends, the next one of the queue comes due in the same commit, and the feed is told that too.
    /// Never refused for want of room: it is held until it can be recorded, or the store is broken. Nothing is recorded, and
    /// the feed is told nothing, once the endpoint's shard is no longer owned under the epoch that it names.
    fn finish(&self, item: Finish) -> Reply<Finished>;

    /// Makes a delivery due once more, now, whatever its state, beside its schedule; tells the feed.
    fn rearm(&self, item: Rearm) -> Reply<Rearmed>;

    /// Makes held deliveries of one endpoint due now, at most `limit` in one commit, those first that would have been due
    /// first. Not told to the feed: whoever asks for it looks for them.
    fn release(&self, item: Release) -> Reply<Released>;

    /// Keeps the messages of a request together: one commit and one idempotency key, with a result for each in order. None of
    /// them fails because of another.
    fn accept_batch(&self, item: AcceptBatch) -> Reply<BatchAccepted>;

    /// Does a part of a background task and saves how far it is, in one commit. Endpoints with work are told to the feed, not
    /// their deliveries.
    fn advance(&self, item: Advance) -> Reply<Advanced>;

    /// Ends one pending delivery without an attempt, and calls off what was asked for by hand; the next one of its queue comes
    /// due in the same commit.
    fn end(&self, item: End) -> Reply<Ended>;

    /// Ends pending deliveries of one endpoint, at most `limit` in one commit.
    fn clear(&self, item: Clear) -> Reply<Cleared>;

    /// Reads deliveries of one endpoint that are due. Writes nothing, and uses no high-water mark: a row that was
    /// committed late is found. Costs time in proportion to the rows answered, not to those that wait.
    fn take(&self, take: Take) -> Reply<Taken>;

    /// Reads deliveries of one endpoint that stand right behind heads of queues which are due, and may go in one request
    /// with them. Writes nothing. Costs time in proportion to what is asked for, not to what waits.
    fn follow(&self, follow: Follow) -> Reply<Followed>;

    /// Endpoints above `after` with pending deliveries or a failing health, at most `limit`, by number. Costs time in
    /// proportion to endpoints, not to deliveries.
    fn lanes(&self, after: EndpointNo, limit: usize) -> Reply<Vec<LaneStart>>;

    /// Messages that the pass which reads words has not read yet, of the shards that this server owns.
    fn unread(&self, query: UnreadQuery) -> Reply<Vec<UnreadRun>>;

    /// Keeps the words that messages are to be found by, with how far the pass has come. `false` if another pass was
    /// quicker with some of them: those are not kept again.
    fn mention(&self, item: Mention) -> Reply<bool>;

    /// Messages of an application that have a word, newest first.
    fn mentioned(&self, query: MentionQuery) -> Reply<Vec<MessageNo>>;

    /// The payloads of messages, in the order asked for, up to so many bytes but one at least; those that are gone are
    /// left out.
    fn payloads(&self, numbers: Vec<MessageNo>, max_bytes: usize) -> Reply<Vec<(MessageNo, Bytes)>>;

    /// Parts of the messages that are due to be visited, because something in them is to go: those first that have been
    /// for longest, at most `limit`; of the shards that this server owns.
    fn upkeep(&self, now: Timestamp, limit: usize) -> Reply<Vec<Part>>;

    /// Bytes of payload that are kept of an application, as they were counted some seconds ago.
    fn usage(&self, app: AppNo) -> Reply<u64>;

    /// Messages of a part, as far as it matters for how long they are kept.
    fn aging(&self, query: AgingQuery) -> Reply<Vec<Aging>>;

    /// Lets go of payloads, attempts and messages, and notes when their part is visited next, in one commit. Endpoints of
    /// which pending deliveries have ended are told to the feed.
    fn expire(&self, item: Expire) -> Reply<Expired>;

    /// Has all parts of the messages visited: it has changed for how long things are kept.
    fn revisit(&self) -> Reply<()>;

    /// What waits for an endpoint. Costs time in proportion to it, though little for each.
    fn backlog(&self, endpoint: EndpointNo, limit: u32) -> Reply<Backlog>;

    /// Adds to the counts that charts are drawn from. Refused as [`crate::StoreError::Full`] while the disk is low.
    fn tally(&self, item: Count) -> Reply<()>;

    /// A series of counts, oldest first.
    fn tallies(&self, query: TallyQuery) -> Reply<Vec<(Timestamp, Tally)>>;

    /// The sums of all endpoints of an owner that got anything in some hours, in no order. Costs time in proportion to the
    /// endpoints that got anything.
    fn endpoint_tallies(&self, query: EndpointTallyQuery) -> Reply<Vec<(EndpointNo, Tally)>>;

    /// Writes a document.
    fn put(&self, item: Put) -> Reply<PutResult>;

    /// Deletes a document; `false` if it was gone already, or had been written since what [`Delete::rewrite`] goes by.
    fn delete(&self, item: Delete) -> Reply<bool>;

    /// Who changed what, newest first. Costs time in proportion to the records kept, of which there are not many.
    fn audits(&self, query: AuditQuery) -> Reply<Vec<Audited>>;

    /// What was noticed and not told yet, oldest first, at most `limit`.
    fn notices(&self, limit: usize) -> Reply<Vec<Noticed>>;

    /// Lets go of notices that were told, by their numbers.
    fn forget_notices(&self, numbers: Vec<i64>) -> Reply<()>;

    /// The document with this number, deleted or not.
    fn document(&self, no: i64) -> Reply<Option<Document>>;

    /// The living document with this key.
    fn document_by_key(&self, kind: DocumentKind, parent: i64, key: String) -> Reply<Option<Document>>;

    /// The living document with this uid.
    fn document_by_uid(&self, kind: DocumentKind, parent: i64, uid: String) -> Reply<Option<Document>>;

    /// A page of living documents.
    fn documents(&self, page: DocumentPage) -> Reply<Vec<Document>>;

    /// The deleted document with this key, of a kind whose keys are ids.
    fn deleted_document(&self, kind: DocumentKind, parent: i64, key: String) -> Reply<Option<Document>>;

    /// A page of deleted documents, of a kind whose keys are ids: no two share one.
    fn deleted_documents(&self, page: DocumentPage) -> Reply<Vec<Document>>;

    /// Deleted documents of all parents: see [`DeletedQuery`].
    fn deleted_everywhere(&self, query: DeletedQuery) -> Reply<Vec<DeletedDocument>>;

    /// An application with its living endpoints and pollers. Of those in `known` that have not changed the numbers alone are
    /// told.
    fn configuration(&self, app: AppNo, known: KnownVersions) -> Reply<Option<Configuration>>;

    /// One message of an application, with its payload.
    fn message(&self, app: AppNo, message: MessageRef) -> Reply<Option<Message>>;

    /// Messages by number, in that order; missing ones are left out. Without payloads.
    fn messages_by_no(&self, numbers: Vec<MessageNo>) -> Reply<Vec<Message>>;

    /// A page of messages, as far as the query lets it look.
    fn messages(&self, query: MessageQuery) -> Reply<Hits<Message, MessageId>>;

    /// Messages of a poller: see [`PollQuery`].
    fn polled(&self, query: PollQuery) -> Reply<Vec<Polled>>;

    /// Messages of an application and how they stand at one endpoint.
    fn survey(&self, query: SurveyQuery) -> Reply<Vec<Surveyed>>;

    /// The deliveries of a message, by endpoint.
    fn deliveries(&self, message: MessageNo) -> Reply<Vec<Delivery>>;

    /// Deliveries of one endpoint, by the ids of their messages, as far as the query lets it look: at messages of the
    /// application.
    fn endpoint_deliveries(&self, query: EndpointDeliveryQuery) -> Reply<Hits<Delivery, MessageId>>;

    /// A page of attempts, as far as the query lets it look.
    fn attempts(&self, query: AttemptQuery) -> Reply<Hits<Attempt, AttemptId>>;

    /// One attempt of a message.
    fn attempt(&self, message: MessageNo, id: AttemptId) -> Reply<Option<Attempt>>;

    /// What waits for all endpoints together, and by itself what waits for those with more than `long`. Costs time in
    /// proportion to what waits, so it is asked now and then, and never while somebody waits for the answer.
    fn pending(&self, long: u64) -> Reply<Backlogs>;

    /// What this store has counted since it was opened.
    fn meter(&self) -> Arc<StoreMeter>;

    /// Whether a write and a read go through: what `health` answers by.
    fn ping(&self) -> Reply<()>;
}
