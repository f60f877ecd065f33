//! An embedded store with something of every kind in it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringback_model::{
    AppNo, AttemptOutcome, Breaker, Class, Clock as _, DeliveryState, EndpointNo, Exchange, Failure, Health, IdMaker,
    ManualClock, MessageNo, Notice, NoticeKind, OrderingKey, Phases, PollerNo, Priority, Reason, Redacted,
    SeededRandom, Tally, Task, TaskKind, Timestamp, Trigger,
};
use ringback_store::backend::sqlite::{SqliteOptions, SqliteStore};
use ringback_store::{
    Accept, AcceptBatch, Accepted, Audit, Clear, Count, Delete, DocumentKind, End, Epoch, Finish, Idempotency,
    KnownVersions, MasterKey, Mention, NewAttempt, NewMessage, Put, PutResult, QueueNo, Rearm, Step, Store, Target,
};
use tempfile::TempDir;

/// The key that everything is sealed with.
pub(super) const KEY: [u8; 32] = [7; 32];

/// A store in a folder, closed, and what it was filled with.
pub(super) struct Filled {
    pub(super) folder: TempDir,
    pub(super) clock: Arc<ManualClock>,
    pub(super) random: Arc<SeededRandom>,
    ids: IdMaker,
}

impl Filled {
    pub(super) async fn new() -> Self {
        Self::with_seed(3).await
    }

    /// The same from other random bytes: another store.
    pub(super) async fn with_seed(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_700_000_000)));
        let filled = Self { folder, clock, random: Arc::new(SeededRandom::new(seed)), ids: IdMaker::new() };
        let store = filled.open();
        filled.fill(&store).await;
        filled
    }

    /// Opens the embedded store.
    pub(super) fn open(&self) -> SqliteStore {
        let options = SqliteOptions {
            folder: self.folder.path().to_owned(),
            master_key: MasterKey::from_bytes(KEY),
            random: self.random.clone(),
            clock: self.clock.clone(),
            reserve_bytes: 0,
        };
        SqliteStore::open(options).unwrap().0
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn fill(&self, store: &SqliteStore) {
        let org = self.put(store, DocumentKind::Organization, 0, "org_1").await;
        self.put(store, DocumentKind::EventType, org, "sms.dlr").await;
        self.put(store, DocumentKind::Access, org, "organization").await;
        let user = Put { uid: Some("ops@example.com".into()), ..put(DocumentKind::User, 0, "user_1") };
        written(store, Put { secret: Some(Redacted::new("{\"password\":\"hunter2\"}".into())), ..user }).await;
        for name in ["app_a", "app_b"] {
            self.fill_app(store, org, name).await;
        }
        let gone = self.put(store, DocumentKind::EventType, org, "sms.gone").await;
        store.delete(Delete::new(gone, self.now())).await.unwrap();
    }

    async fn fill_app(&self, store: &SqliteStore, org: i64, name: &str) {
        let app = AppNo(self.put(store, DocumentKind::Application, org, name).await);
        let mut endpoints = Vec::new();
        for at in 0..3 {
            let audit = Audit {
                org,
                at: self.now(),
                by: "somebody".into(),
                thing: "webhook".into(),
                deed: "created".into(),
                app: Some(name.into()),
                subject: format!("ep_{name}_{at}"),
                // As a producer may have typed it in.
                title: "a\0title \u{1f600}".into(),
                changes: "{}".into(),
            };
            let notice = self.notice(app);
            let item = Put {
                uid: Some(format!("own-{at}")),
                secret: Some(Redacted::new(format!("{{\"secret\":\"whsec_{name}_{at}\"}}"))),
                app: Some(app),
                audit: Some(Box::new(audit)),
                notices: vec![notice],
                idempotency: (at == 0).then(|| self.request(format!("endpoint {name}").as_bytes())),
                ..put(DocumentKind::Endpoint, app.0, &format!("ep_{name}_{at}"))
            };
            endpoints.push(EndpointNo(written(store, item).await));
        }
        let poller = PollerNo(self.put(store, DocumentKind::Poller, app.0, &format!("poll_{name}")).await);
        self.put(store, DocumentKind::Consumer, poller.0, "consumer").await;
        let world = World { filled: self, store, app, endpoints, poller };
        world.send_all_kinds().await;
        world.start_tasks(org).await;
        let deleted = Delete { app: Some(app), notices: vec![], ..Delete::new(world.endpoints[2].0, self.now()) };
        store.delete(deleted).await.unwrap();
        self.clock.advance(Duration::from_secs(3));
    }

    async fn put(&self, store: &SqliteStore, kind: DocumentKind, parent: i64, key: &str) -> i64 {
        written(store, put(kind, parent, key)).await
    }

    fn notice(&self, app: AppNo) -> Notice {
        let endpoint = self.ids.make(self.now(), &*self.random);
        Notice {
            kind: NoticeKind::EndpointCreated,
            app_no: app.0,
            endpoint,
            endpoint_uid: None,
            disabled: None,
            attempt: None,
        }
    }

    /// The key of a request: equal texts make equal keys.
    pub(super) fn request(&self, text: &[u8]) -> Idempotency {
        let mut key = [0; 16];
        text.iter()
            .enumerate()
            .for_each(|(at, byte)| key[at % 16] ^= byte.rotate_left(u32::try_from(at / 16).unwrap()));
        Idempotency { key, body: key, expires_at: self.now() + Duration::from_secs(3_600) }
    }
}

/// An application that things are sent to.
struct World<'a> {
    filled: &'a Filled,
    store: &'a SqliteStore,
    app: AppNo,
    endpoints: Vec<EndpointNo>,
    poller: PollerNo,
}

impl World<'_> {
    /// Deliveries of every state, and what belongs to them.
    async fn send_all_kinds(&self) {
        let [first, second, third] = [0, 1, 2].map(|at| self.endpoints[at]);
        let whole = NewMessage {
            event_id: Some("own\0id".into()),
            channels: vec!["eu".into(), "a\"b\\c".into()],
            tags: vec!["batch 7".into(), "\u{1f600}".into()],
            raw: Some(Bytes::from((0..=255).collect::<Vec<u8>>())),
            raw_content_type: Some("application/octet-stream".into()),
            ordering_key: OrderingKey::new("key of a customer".into()),
            occurred_at: Some(Timestamp::from_seconds(1_600_000_000)),
            callback_url: Some("https://own.example/hook".into()),
            deliver_until: Some(self.filled.now() + Duration::from_secs(7_200)),
            ..self.message(b"{\"b\": 1.50, \"a\":1,\"a\":2}")
        };
        let delivered = self.accept(whole, &[(first, None), (second, None)]).await;
        self.finish(delivered, first, Step::End { state: DeliveryState::Success, reason: None }).await;
        let retried = self.send(&[(first, None)]).await;
        self.finish(retried, first, Step::Retry { due: self.filled.now() + Duration::from_secs(300), counted: true })
            .await;
        let failed = self.send(&[(first, None), (second, Some(5))]).await;
        self.finish(failed, first, Step::End { state: DeliveryState::Fail, reason: Some(Reason::Exhausted) }).await;
        let held = self.send(&[(first, None)]).await;
        let (since, due) = (self.filled.now(), self.filled.now() + Duration::from_secs(600));
        self.finish(held, first, Step::Hold { since, due }).await;
        // Three behind one another, in two queues.
        for at in 0..6 {
            self.send(&[(second, Some(5 + at % 2))]).await;
        }
        let manual = self.send(&[(first, None)]).await;
        self.finish(manual, first, Step::End { state: DeliveryState::Success, reason: None }).await;
        let again = Rearm { message: manual, endpoint: first, now: self.filled.now(), idempotency: None, audit: None };
        self.store.rearm(again).await.unwrap();
        let canceled = self.send(&[(first, None)]).await;
        let (state, reason) = (DeliveryState::Canceled, Reason::Canceled);
        let end = End { message: canceled, endpoint: first, state, reason, audit: None };
        self.store.end(end).await.unwrap();
        let later = NewMessage {
            deliver_at: Some(self.filled.now() + Duration::from_secs(900)),
            ..self.message(b"{\"later\":true}")
        };
        self.accept(later, &[(second, None)]).await;
        self.send(&[(third, None)]).await;
        self.batch(first).await;
        self.note(&[first, second], delivered).await;
    }

    async fn batch(&self, endpoint: EndpointNo) {
        let items: Vec<_> = (0..3).map(|_| self.item(self.message(b"[]"), &[(endpoint, None)])).collect();
        let batch = AcceptBatch {
            app: self.app,
            app_version: self.version().await,
            before: items[0].message.id,
            items,
            idempotency: Some(self.filled.request(format!("batch {}", self.app.0).as_bytes())),
        };
        self.store.accept_batch(batch).await.unwrap();
    }

    /// Words, counts, and when things are to go.
    async fn note(&self, endpoints: &[EndpointNo], message: MessageNo) {
        let unread = ringback_store::UnreadQuery { accepted_before: Timestamp::MAX, limit: 1_000 };
        for run in self.store.unread(unread).await.unwrap() {
            // The last two are still to be read.
            let read: Vec<_> = run.messages.iter().rev().skip(2).rev().collect();
            let mention = Mention {
                read: vec![(run.after, read.last().unwrap().no)],
                words: vec![
                    (self.app, "254700000001".into(), message),
                    (self.app, "a\0word".into(), message),
                    (self.app, "\u{e9}".into(), message),
                ],
                look_at: read.iter().map(|message| (message.no, message.ends_at)).collect(),
            };
            assert!(self.store.mention(mention).await.unwrap());
        }
        let mut tally = Tally::default();
        tally.deliver(Duration::from_millis(3));
        let endpoints = endpoints.iter().map(|endpoint| (*endpoint, self.app, tally)).collect();
        self.store.tally(Count { at: self.filled.now(), endpoints }).await.unwrap();
    }

    /// One that is half way, one that is to call off what there is now, and one that is over.
    async fn start_tasks(&self, org: i64) {
        let now = self.filled.now();
        for (at, kind) in [TaskKind::Recover, TaskKind::Cancel, TaskKind::AppUsage].into_iter().enumerate() {
            let id = self.filled.ids.make(now, &*self.filled.random);
            let task = Task {
                app_no: Some(self.app.0),
                endpoint_no: (at < 2).then_some(self.endpoints[0].0),
                upto: (kind == TaskKind::Cancel).then_some(5),
                looked_at: 17,
                ..Task::new(id, kind, now)
            };
            let key = format!("task_{}_{at}", self.app.0);
            let body = serde_json::to_string(&task).unwrap();
            let no = written(self.store, Put { body, ..put(DocumentKind::Task, org, &key) }).await;
            if kind == TaskKind::AppUsage {
                self.filled.put(self.store, DocumentKind::TaskFindings, no, "part").await;
            } else {
                self.filled.put(self.store, DocumentKind::RunningTask, 0, &key).await;
            }
        }
        let clear = Clear {
            endpoint: self.endpoints[2],
            epoch: None,
            state: DeliveryState::Canceled,
            reason: Reason::EndpointDeleted,
            limit: 100,
            upto: None,
        };
        self.store.clear(clear).await.unwrap();
    }

    async fn send(&self, targets: &[(EndpointNo, Option<i64>)]) -> MessageNo {
        self.accept(self.message(format!("{{\"at\":{}}}", self.filled.random.next()).as_bytes()), targets).await
    }

    async fn accept(&self, message: NewMessage, targets: &[(EndpointNo, Option<i64>)]) -> MessageNo {
        let item = Accept {
            app_version: self.version().await,
            idempotency: Some(self.filled.request(message.id.as_bytes())),
            ..self.item(message, targets)
        };
        match self.store.accept(item).await.unwrap() {
            Accepted::New { no } => no,
            other => panic!("{other:?}"),
        }
    }

    fn item(&self, message: NewMessage, targets: &[(EndpointNo, Option<i64>)]) -> Accept {
        Accept {
            app: self.app,
            app_version: 0,
            message,
            priority: Priority::new(Class::Transactional, false),
            targets: targets.iter().map(|(endpoint, queue)| Target::new(*endpoint, queue.map(QueueNo))).collect(),
            pollers: vec![self.poller],
            idempotency: None,
        }
    }

    async fn version(&self) -> i64 {
        self.store.configuration(self.app, KnownVersions::new()).await.unwrap().unwrap().version
    }

    fn message(&self, payload: &[u8]) -> NewMessage {
        let now = self.filled.now();
        NewMessage {
            id: self.filled.ids.make(now, &*self.filled.random),
            event_type: "sms.dlr".into(),
            event_id: None,
            channels: Vec::new(),
            tags: Vec::new(),
            payload: Bytes::copy_from_slice(payload),
            raw: None,
            raw_content_type: None,
            ordering_key: None,
            occurred_at: None,
            callback_url: None,
            deliver_at: None,
            deliver_until: None,
            accepted_at: now,
            expires_at: now + Duration::from_secs(86_400),
        }
    }

    async fn finish(&self, message: MessageNo, endpoint: EndpointNo, step: Step) {
        let delivered = matches!(step, Step::End { state: DeliveryState::Success, .. });
        let failing = Health {
            failing_since: Some(self.filled.now()),
            breaker: Some(Breaker { probe_at: self.filled.now(), wait: Duration::from_secs(5) }),
            ..Health::default()
        };
        let why = Failure::Status(500);
        let item = Finish {
            message,
            endpoint,
            epoch: Epoch::ONLY,
            earlier: None,
            attempt: NewAttempt {
                id: self.filled.ids.make(self.filled.now(), &*self.filled.random),
                started_at: self.filled.now(),
                trigger: if delivered { Trigger::Manual } else { Trigger::Scheduled },
                outcome: if delivered {
                    AttemptOutcome::Delivered
                } else {
                    AttemptOutcome::Failed { why, retry_after: None }
                },
                url: "https://customer.example/hook".into(),
                exchange: Exchange {
                    status: Some(if delivered { 204 } else { 500 }),
                    response: Bytes::from_static(b"\xff\x00answer"),
                    phases: Phases { total: Duration::from_secs(7_200), ..Phases::default() },
                    address: Some("2001:db8::1".parse().unwrap()),
                    left_out: None,
                },
            },
            step,
            health: Some(failing),
            notice: None,
        };
        self.store.finish(item).await.unwrap();
    }
}

async fn written(store: &SqliteStore, item: Put) -> i64 {
    match store.put(item).await.unwrap() {
        PutResult::Stored(written) => written.no,
        other => panic!("{other:?}"),
    }
}

fn put(kind: DocumentKind, parent: i64, key: &str) -> Put {
    Put::new(kind, parent, key.to_owned(), format!("{{\"b\": \"{key}\", \"a\": 2}}"))
}
