//! Messages under way: a producer that insists, and an engine that delivers at once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ringback_model::{
    AppNo, AttemptOutcome, Class, Clock as _, DeliveryState, EndpointNo, Exchange, IdMaker, ManualClock, MessageNo,
    Priority, Redacted, SeededRandom, Timestamp, Trigger,
};
use ringback_store::backend::postgres::{PostgresOptions, PostgresStore};
use ringback_store::{
    Accept, Accepted, Epoch, Feed, Finish, Finished, Idempotency, Lease, MasterKey, NewAttempt, NewMessage, NewNode,
    QueueNo, Step, Store, StoreError, Take, Target,
};

/// Endpoints that messages go to in turn.
pub(crate) const ENDPOINTS: i64 = 4;
/// Producers at once.
const PRODUCERS: u64 = 8;

/// What messages are made with.
#[derive(Debug)]
pub(crate) struct Traffic {
    ids: IdMaker,
    random: Arc<SeededRandom>,
    clock: Arc<ManualClock>,
    /// The number of the next request.
    next: AtomicU64,
    /// Requests that were answered.
    accepted: AtomicU64,
    /// Producers begin no more requests.
    enough: AtomicBool,
    /// Producers have ended.
    ended: AtomicBool,
    /// The epoch that outcomes are recorded under.
    epoch: AtomicI64,
}

impl Traffic {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            ids: IdMaker::new(),
            random: Arc::new(SeededRandom::new(1)),
            clock: Arc::new(ManualClock::new(Timestamp::from_seconds(1_700_000_000))),
            next: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            enough: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            epoch: AtomicI64::new(0),
        })
    }

    /// What a store at this URL is opened with.
    pub(crate) fn options(&self, url: &str) -> PostgresOptions {
        PostgresOptions {
            url: Redacted::new(url.to_owned()),
            migrate_url: None,
            master_key: MasterKey::from_bytes([7; 32]),
            random: self.random.clone(),
            clock: self.clock.clone(),
        }
    }

    /// A store at this URL.
    pub(crate) async fn open(&self, url: &str) -> (Arc<PostgresStore>, Feed) {
        let (store, feed) = PostgresStore::open(self.options(url)).await.unwrap();
        (Arc::new(store), feed)
    }

    /// Makes a store the owner of what is free. Outcomes are recorded under the epoch that it gets the first shard with.
    pub(crate) async fn lease(&self, store: &PostgresStore) -> Lease {
        let (name, version, process) = ("a node".to_owned(), "0.1.0".to_owned(), "a process".to_owned());
        let node = NewNode { name, version, process, ended: Vec::new() };
        // The way to the server may be cut off just then.
        let lease = loop {
            match store.lease(node.clone()).await {
                Ok(lease) => break lease,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        if let Some((_, epoch)) = lease.shards.first() {
            self.epoch.store(epoch.0, Ordering::SeqCst);
        }
        lease
    }

    /// A request to accept a message. The same number makes the same request, with a message id of its own.
    pub(crate) fn request(&self, number: u64, queue: Option<QueueNo>) -> Accept {
        let now = self.clock.now();
        let mut key = [0; 16];
        key[..8].copy_from_slice(&number.to_be_bytes());
        let endpoint = EndpointNo(i64::try_from(number).unwrap() % ENDPOINTS + 1);
        Accept {
            app: AppNo(1),
            app_version: 0,
            message: NewMessage {
                id: self.ids.make(now, &*self.random),
                event_type: "sms.dlr".to_owned(),
                event_id: None,
                channels: Vec::new(),
                tags: Vec::new(),
                payload: Bytes::from(number.to_string()),
                raw: None,
                raw_content_type: None,
                ordering_key: None,
                occurred_at: None,
                callback_url: None,
                deliver_at: None,
                deliver_until: None,
                accepted_at: now,
                expires_at: now + Duration::from_secs(86_400),
            },
            priority: Priority::new(Class::Transactional, false),
            pollers: Vec::new(),
            targets: vec![Target::new(endpoint, queue)],
            idempotency: Some(Idempotency { key, body: key, expires_at: now + Duration::from_secs(3_600) }),
        }
    }

    /// The outcome of a delivery that went well.
    pub(crate) fn outcome(&self, message: MessageNo, endpoint: EndpointNo) -> Finish {
        Finish {
            message,
            endpoint,
            epoch: Epoch(self.epoch.load(Ordering::SeqCst)),
            earlier: None,
            attempt: NewAttempt {
                id: self.ids.make(self.clock.now(), &*self.random),
                started_at: self.clock.now(),
                trigger: Trigger::Scheduled,
                outcome: AttemptOutcome::Delivered,
                url: "https://customer.example/hook".into(),
                exchange: Exchange { status: Some(204), ..Exchange::default() },
            },
            step: Step::End { state: DeliveryState::Success, reason: None },
            health: None,
            notice: None,
        }
    }

    /// Asks until it is answered, as a client with an idempotency key does.
    pub(crate) async fn insist(&self, store: &PostgresStore, number: u64, queue: Option<QueueNo>) {
        let mut asked = HashSet::new();
        loop {
            let request = self.request(number, queue);
            asked.insert(request.message.id);
            match store.accept(request).await {
                Ok(Accepted::New { .. }) => return,
                Ok(Accepted::Replayed { id }) => return assert!(asked.contains(&id), "another request's answer"),
                Err(StoreError::Unavailable { .. }) => tokio::time::sleep(Duration::from_millis(10)).await,
                other => panic!("request {number}: {other:?}"),
            }
        }
    }

    /// Has producers ask for messages, at most this many, until it is enough.
    pub(crate) async fn produce(self: Arc<Self>, store: Arc<PostgresStore>, at_most: u64) {
        let producers = (0..PRODUCERS).map(|_| {
            let (traffic, store) = (self.clone(), store.clone());
            tokio::spawn(async move {
                while !traffic.enough.load(Ordering::SeqCst) {
                    let number = traffic.next.fetch_add(1, Ordering::SeqCst);
                    if number >= at_most {
                        break;
                    }
                    traffic.insist(&store, number, None).await;
                    traffic.accepted.fetch_add(1, Ordering::SeqCst);
                }
            })
        });
        for producer in producers.collect::<Vec<_>>() {
            producer.await.unwrap();
        }
        self.ended.store(true, Ordering::SeqCst);
    }

    /// Ends production: each producer finishes the request that it has begun.
    pub(crate) fn stop(&self) {
        self.enough.store(true, Ordering::SeqCst);
    }

    /// Asks for one more message until it is there.
    pub(crate) async fn produce_one(&self, store: &PostgresStore, number: u64) {
        self.insist(store, number, None).await;
        self.accepted.fetch_add(1, Ordering::SeqCst);
    }

    /// How many requests were answered.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Delivers what the feed tells of, and looks for itself when the feed has missed something, until production has
    /// ended and every message has been delivered. Each is sent once: whatever is lost or doubled then was lost or
    /// doubled by the store.
    pub(crate) async fn deliver(self: Arc<Self>, store: Arc<PostgresStore>, mut feed: Feed) {
        self.lease(&store).await;
        let mut sent = HashSet::new();
        let mut outcomes = tokio::task::JoinSet::new();
        while !self.ended.load(Ordering::SeqCst) || (sent.len() as u64) < self.accepted() {
            let told = tokio::time::timeout(Duration::from_millis(100), feed.next()).await;
            let mut due = told.map_or_else(|_| Vec::new(), |committed| committed.unwrap().due);
            if feed.missed() {
                for endpoint in 1..=ENDPOINTS {
                    due.extend(self.look(&store, EndpointNo(endpoint)).await);
                }
            }
            for row in due {
                if sent.insert((row.message.no, row.endpoint)) {
                    outcomes.spawn(store.finish(self.outcome(row.message.no, row.endpoint)));
                }
            }
        }
        while let Some(outcome) = outcomes.join_next().await {
            assert_eq!(outcome.unwrap().expect("an outcome is never refused"), Finished::Recorded);
        }
    }

    /// What is due of an endpoint.
    pub(crate) async fn look(&self, store: &PostgresStore, endpoint: EndpointNo) -> Vec<ringback_store::Due> {
        let take = Take { endpoint, now: self.clock.now(), limit: 10_000, max_bytes: usize::MAX, held: Vec::new() };
        // It cannot be read while the server is away; the feed will say so again.
        store.take(take).await.map_or_else(|_| Vec::new(), |taken| taken.rows)
    }
}
