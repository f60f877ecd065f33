//! A store with an application in it, and short words for what cases do.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringback_model::Clock as _;
use ringback_model::{
    AppNo, Attempt, AttemptOutcome, Class, Delivery, DeliveryState, EndpointNo, Exchange, Failure, IdMaker,
    ManualClock, MessageNo, Phases, Priority, SeededRandom, Timestamp, Trigger,
};

use super::Harness;
use crate::{
    Accept, Accepted, AttemptQuery, AttemptScope, Direction, DocumentKind, Due, Epoch, Feed, Finish, Finished,
    Idempotency, KnownVersions, Lease, NewAttempt, NewMessage, NewNode, Paging, Put, PutResult, QueueNo, Rearm,
    Rearmed, Release, Shard, Step, Store, Take, Taken, Target,
};

/// The end of a delivery that went well.
pub(super) const SUCCESS: Step = Step::End { state: DeliveryState::Success, reason: None };
/// What most cases deliver to.
pub(super) const ENDPOINT: EndpointNo = EndpointNo(1_001);
/// Another one.
pub(super) const OTHER: EndpointNo = EndpointNo(1_002);

/// A store under test.
pub struct World<'a> {
    pub(super) harness: &'a dyn Harness,
    pub(super) store: Arc<dyn Store>,
    pub(super) feed: Feed,
    pub(super) clock: Arc<ManualClock>,
    pub(super) app: AppNo,
    pub(super) lease: Lease,
    ids: IdMaker,
    random: SeededRandom,
}

impl<'a> World<'a> {
    /// An empty store with one application.
    pub(super) fn new(harness: &'a dyn Harness) -> Self {
        let (store, feed) = harness.open();
        let (clock, lease) = (harness.clock(), lease(&*store));
        let (ids, random) = (IdMaker::new(), SeededRandom::new(7));
        let mut world = Self { harness, store, feed, clock, app: AppNo(0), lease, ids, random };
        world.app = AppNo(world.put(document(DocumentKind::Application, 1, "app_1")));
        world.told();
        world
    }

    /// Goes on with what a power cut leaves.
    pub(super) fn crash(&mut self) {
        let before = self.store.clone();
        (self.store, self.feed) = self.harness.crash(&before);
        self.harness.end_lease(&before);
        self.lease = lease(&*self.store);
    }

    /// The epoch under which the store owns the shard of an endpoint.
    pub(super) fn epoch(&self, endpoint: EndpointNo) -> Epoch {
        epoch_in(&self.lease, endpoint)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A time this many seconds from now.
    pub(super) fn later(&self, seconds: u64) -> Timestamp {
        self.now() + Duration::from_secs(seconds)
    }

    /// Writes a document and answers its number.
    pub(super) fn put(&self, item: Put) -> i64 {
        match self.store.put(item).wait().expect("the store takes documents") {
            PutResult::Stored(written) => written.no,
            other => panic!("the document was not stored: {other:?}"),
        }
    }

    /// The version of the application's configuration.
    pub(super) fn version(&self) -> i64 {
        let configuration =
            self.store.configuration(self.app, KnownVersions::new()).wait().expect("the store can be read");
        configuration.expect("the application exists").version
    }

    /// A message of the application for these endpoints and queues, not yet accepted.
    pub(super) fn item(&self, targets: &[(EndpointNo, Option<i64>)]) -> Accept {
        let now = self.now();
        let targets = targets.iter().map(|(endpoint, queue)| Target::new(*endpoint, queue.map(QueueNo))).collect();
        Accept {
            app: self.app,
            app_version: 1,
            message: NewMessage {
                id: self.ids.make(now, &self.random),
                event_type: "sms.dlr".to_owned(),
                event_id: None,
                channels: Vec::new(),
                tags: Vec::new(),
                payload: Bytes::from_static(b"{\"a\":1}"),
                raw: None,
                raw_content_type: None,
                ordering_key: None,
                occurred_at: None,
                callback_url: None,
                deliver_at: None,
                deliver_until: None,
                accepted_at: now,
                expires_at: self.later(86_400),
            },
            priority: Priority::new(Class::Transactional, false),
            pollers: Vec::new(),
            targets,
            idempotency: None,
        }
    }

    /// Accepts a message as it is.
    pub(super) fn accept(&self, item: Accept) -> MessageNo {
        match self.store.accept(item).wait().expect("the store accepts") {
            Accepted::New { no } => no,
            other => panic!("the message was not accepted: {other:?}"),
        }
    }

    /// Accepts a message for these endpoints, which are not ordered.
    pub(super) fn send(&self, endpoints: &[EndpointNo]) -> MessageNo {
        let targets: Vec<_> = endpoints.iter().map(|endpoint| (*endpoint, None)).collect();
        self.accept(self.item(&targets))
    }

    /// Accepts a message into a queue of [`ENDPOINT`].
    pub(super) fn send_in(&self, queue: i64) -> MessageNo {
        self.accept(self.item(&[(ENDPOINT, Some(queue))]))
    }

    /// An outcome, not yet recorded.
    pub(super) fn outcome(&self, message: MessageNo, endpoint: EndpointNo, trigger: Trigger, step: Step) -> Finish {
        let delivered = matches!(step, Step::End { state: DeliveryState::Success, .. });
        let status = if delivered { 204 } else { 500 };
        Finish {
            message,
            endpoint,
            epoch: self.epoch(endpoint),
            earlier: None,
            attempt: NewAttempt {
                id: self.ids.make(self.now(), &self.random),
                started_at: self.now(),
                trigger,
                outcome: if delivered {
                    AttemptOutcome::Delivered
                } else {
                    AttemptOutcome::Failed { why: Failure::Status(status), retry_after: None }
                },
                url: "https://customer.example/hook".into(),
                exchange: Exchange {
                    status: Some(status),
                    response: Bytes::from_static(b"ok"),
                    phases: Phases { total: Duration::from_millis(12), ..Phases::default() },
                    address: None,
                    left_out: None,
                },
            },
            step,
            health: None,
            notice: None,
        }
    }

    /// Makes held deliveries due; answers how many.
    pub(super) fn release(&self, endpoint: EndpointNo, limit: usize) -> usize {
        self.store
            .release(Release { endpoint, epoch: self.epoch(endpoint), limit })
            .wait()
            .expect("the store releases")
            .count
    }

    /// Records an outcome of the schedule.
    pub(super) fn finish(&self, message: MessageNo, endpoint: EndpointNo, step: Step) -> Finished {
        self.record(self.outcome(message, endpoint, Trigger::Scheduled, step))
    }

    /// Records an outcome of an attempt by hand.
    pub(super) fn finish_by_hand(&self, message: MessageNo, endpoint: EndpointNo, step: Step) -> Finished {
        self.record(self.outcome(message, endpoint, Trigger::Manual, step))
    }

    /// Records an outcome.
    pub(super) fn record(&self, item: Finish) -> Finished {
        self.store.finish(item).wait().expect("the store records outcomes")
    }

    /// Asks for one more attempt.
    pub(super) fn rearm(&self, message: MessageNo, endpoint: EndpointNo) -> Rearmed {
        let item = Rearm { message, endpoint, now: self.now(), idempotency: None, audit: None };
        self.store.rearm(item).wait().expect("the store rearms")
    }

    /// What is due of an endpoint, without bounds.
    pub(super) fn taken(&self, endpoint: EndpointNo) -> Taken {
        self.take(&self.all_of(endpoint))
    }

    /// Asks for all that is due of an endpoint.
    pub(super) fn all_of(&self, endpoint: EndpointNo) -> Take {
        Take { endpoint, now: self.now(), limit: 10_000, max_bytes: usize::MAX, held: Vec::new() }
    }

    pub(super) fn take(&self, take: &Take) -> Taken {
        self.store.take(take.clone()).wait().expect("the store can be read")
    }

    /// The numbers of what is due of an endpoint.
    pub(super) fn due(&self, endpoint: EndpointNo) -> Vec<MessageNo> {
        numbers(&self.taken(endpoint).rows)
    }

    /// The delivery of a message to an endpoint.
    pub(super) fn delivery(&self, message: MessageNo, endpoint: EndpointNo) -> Delivery {
        let deliveries = self.store.deliveries(message).wait().expect("the store can be read");
        let found = deliveries.into_iter().find(|delivery| delivery.endpoint == endpoint);
        found.expect("the delivery exists")
    }

    /// All attempts of a message, oldest first.
    pub(super) fn attempts(&self, message: MessageNo) -> Vec<Attempt> {
        let query = AttemptQuery {
            paging: Paging { limit: 1_000, after: None, direction: Direction::Ascending },
            ..attempts_of(AttemptScope::Message { message, endpoint: None })
        };
        self.store.attempts(query).wait().expect("the store can be read").items
    }

    /// Deliveries that the feed has told of since it was last asked.
    pub(super) fn told(&mut self) -> Vec<(MessageNo, EndpointNo, Trigger)> {
        let mut told = Vec::new();
        while let Some(committed) = self.feed.try_next() {
            told.extend(committed.due.iter().map(|due| (due.message.no, due.endpoint, due.trigger)));
        }
        told
    }

    /// A key of a request; equal numbers make equal keys and bodies.
    pub(super) fn request(&self, key: u8, body: u8) -> Idempotency {
        Idempotency { key: [key; 16], body: [body; 16], expires_at: self.later(3_600) }
    }
}

impl fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("store", &self.store).finish_non_exhaustive()
    }
}

/// Makes a store the owner of whatever is free.
pub(super) fn lease(store: &dyn Store) -> Lease {
    let node = NewNode {
        name: "a node".to_owned(),
        version: "0.1.0".to_owned(),
        process: "a process".to_owned(),
        ended: Vec::new(),
    };
    store.lease(node).wait().expect("the store leases")
}

/// The epoch under which the shard of an endpoint is owned by a lease.
pub(super) fn epoch_in(lease: &Lease, endpoint: EndpointNo) -> Epoch {
    let shard = Shard::of(endpoint.0);
    lease.shards.iter().find(|(owned, _)| *owned == shard).expect("the shard is owned").1
}

/// The numbers of rows that were taken.
pub(super) fn numbers(rows: &[Due]) -> Vec<MessageNo> {
    rows.iter().map(|row| row.message.no).collect()
}

/// A document to be made, with no secret.
pub(super) fn document(kind: DocumentKind, parent: i64, key: &str) -> Put {
    Put::new(kind, parent, key.to_owned(), "{\"b\": 1, \"a\": 2}".to_owned())
}

/// Asks for attempts, newest first.
pub(super) fn attempts_of(scope: AttemptScope) -> AttemptQuery {
    AttemptQuery {
        scope,
        paging: Paging { limit: 100, after: None, direction: Direction::Descending },
        after: None,
        before: None,
        succeeded: None,
        status_class: None,
        channel: None,
        tag: None,
        event_types: Vec::new(),
        look: 10_000,
    }
}
