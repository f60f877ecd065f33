//! Endpoints that the server itself stops: what a whole engine does when a receiver is gone, has failed for days, or asks
//! to be paused at the first message given up.
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ringback_engine::egress::{Connector, EgressPolicy, ScriptedResolver, Trust, parse_networks};
use ringback_engine::transport::Transport;
use ringback_engine::{Engine, EngineOptions, SystemRandom};
use ringback_model::{
    AppNo, Application, AttemptOutcome, Clock, Endpoint, EndpointNo, Exchange, Failure, Health, IdMaker, ManualClock,
    MessageNo, OnExhausted, Ordering, Priority, Random, RetryPolicy, Timestamp, Trigger,
};
use ringback_store::backend::sqlite::{SqliteOptions, SqliteStore};
use ringback_store::{
    Accept, Accepted, Directory, DocumentKind, Epoch, Feed, Finish, KnownVersions, MasterKey, NewAttempt, NewMessage,
    Put, PutResult, QueueNo, Step, Store, Target,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A store with one application, and a receiver that answers every request with one status.
struct World {
    store: Arc<SqliteStore>,
    feed: Option<Feed>,
    clock: Arc<ManualClock>,
    random: Arc<SystemRandom>,
    ids: IdMaker,
    app: AppNo,
    url: String,
    seen: Arc<Mutex<usize>>,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new(status: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clock, random) = (Arc::new(ManualClock::new(NOW)), Arc::new(SystemRandom::new()));
        let (store, feed) = SqliteStore::open(SqliteOptions {
            folder: folder.path().to_owned(),
            master_key: MasterKey::from_bytes([1; 32]),
            random: random.clone(),
            clock: clock.clone(),
            reserve_bytes: 0,
        })
        .unwrap();
        let seen = Arc::<Mutex<usize>>::default();
        let url = receiver(status, seen.clone()).await;
        let (store, ids) = (Arc::new(store), IdMaker::new());
        let app = Application::new(ids.make(NOW, &*random), "a customer".to_owned(), NOW);
        let mut world = Self { store, feed: Some(feed), clock, random, ids, app: AppNo(0), url, seen, _folder: folder };
        let body = serde_json::to_string(&app).unwrap();
        world.app = AppNo(world.put(DocumentKind::Application, 1, &app.id.to_string(), body, None).await);
        world
    }

    async fn put(&self, kind: DocumentKind, parent: i64, key: &str, body: String, app: Option<AppNo>) -> i64 {
        let (key, uid, secret, idempotency) = (key.to_owned(), None, None, None);
        let put = Put { uid, secret, app, idempotency, ..Put::new(kind, parent, key, body) };
        match self.store.put(put).await.unwrap() {
            PutResult::Stored(written) => written.no,
            other => panic!("{other:?}"),
        }
    }

    async fn endpoint(&self, ordering: Ordering, updated_at: Timestamp) -> EndpointNo {
        let id = self.ids.make(NOW, &*self.random);
        let endpoint = Endpoint {
            retry_schedule_micros: Some(Vec::new()),
            ordering,
            on_exhausted: OnExhausted::Pause,
            updated_at,
            ..Endpoint::new(id, self.url.clone(), NOW)
        };
        let body = serde_json::to_string(&endpoint).unwrap();
        EndpointNo(self.put(DocumentKind::Endpoint, self.app.0, &id.to_string(), body, Some(self.app)).await)
    }

    async fn send(&self, endpoint: EndpointNo, queue: Option<QueueNo>) -> MessageNo {
        let app_version = self.store.configuration(self.app, KnownVersions::new()).await.unwrap().unwrap().version;
        let accept = Accept {
            app: self.app,
            app_version,
            message: NewMessage {
                id: self.ids.make(NOW, &*self.random),
                event_type: "sms.dlr".to_owned(),
                event_id: None,
                channels: Vec::new(),
                tags: Vec::new(),
                payload: Bytes::from_static(b"{}"),
                raw: None,
                raw_content_type: None,
                ordering_key: None,
                occurred_at: None,
                callback_url: None,
                deliver_at: None,
                deliver_until: None,
                accepted_at: NOW,
                expires_at: Timestamp::MAX,
            },
            priority: Priority(5),
            pollers: Vec::new(),
            targets: vec![Target::new(endpoint, queue)],
            idempotency: None,
        };
        match self.store.accept(accept).await.unwrap() {
            Accepted::New { no } => no,
            other => panic!("{other:?}"),
        }
    }

    fn start(&mut self) -> Engine {
        let mut feed = self.feed.take().unwrap();
        // What happened before a start is found in the store.
        while feed.try_next().is_some() {}
        let policy = EgressPolicy::public().allow(parse_networks("127.0.0.0/8").unwrap());
        let connector = Connector::new(policy, Arc::new(ScriptedResolver::new()), Trust::public());
        let store: Arc<dyn Store> = self.store.clone();
        Engine::start(EngineOptions {
            directory: Arc::new(Directory::new(store.clone())),
            store,
            feed,
            transport: Arc::new(Transport::new(Arc::new(connector))),
            clock: self.clock.clone() as Arc<dyn Clock>,
            random: self.random.clone() as Arc<dyn Random>,
            retry: RetryPolicy::default(),
            transformer: Arc::new(ringback_engine::Transformer::here()),
            node: "a node".to_owned(),
        })
    }

    async fn document(&self, endpoint: EndpointNo) -> Endpoint {
        let document = self.store.document(endpoint.0).await.unwrap().unwrap();
        serde_json::from_str(&document.body).unwrap()
    }

    /// Waits until a message has an attempt that is recorded.
    async fn recorded(&self, message: MessageNo) {
        loop {
            let deliveries = self.store.deliveries(message).await.unwrap();
            if deliveries.iter().all(|delivery| delivery.reason.is_some()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn seen(&self) -> usize {
        *self.seen.lock().unwrap()
    }
}

/// A receiver on loopback; answers its URL.
async fn receiver(status: u16, seen: Arc<Mutex<usize>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, status, seen.clone()));
        }
    });
    url
}

async fn answer(mut stream: TcpStream, status: u16, seen: Arc<Mutex<usize>>) {
    let mut read = Vec::new();
    // The body of every request here is `{}`.
    while !read.ends_with(b"\r\n\r\n{}") {
        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return;
        }
    }
    *seen.lock().unwrap() += 1;
    let text = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    // The far end may have gone.
    drop(stream.write_all(text.as_bytes()).await);
}

#[tokio::test]
async fn an_ordered_endpoint_that_asks_for_it_stops_before_the_message_after_the_one_given_up() {
    let mut world = World::new(500).await;
    let endpoint = world.endpoint(Ordering::Fifo, NOW).await;
    let first = world.send(endpoint, Some(QueueNo(0))).await;
    world.send(endpoint, Some(QueueNo(0))).await;
    let engine = world.start();
    world.recorded(first).await;
    // By the time the outcome is recorded the endpoint is paused.
    assert!(world.document(endpoint).await.paused);
    engine.stop(Duration::from_secs(10)).await;
    assert_eq!(world.seen(), 1);
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_nothing_more() {
    let mut world = World::new(410).await;
    let endpoint = world.endpoint(Ordering::PerKey, NOW).await;
    let first = world.send(endpoint, Some(QueueNo(0))).await;
    for _ in 0..5 {
        world.send(endpoint, Some(QueueNo(0))).await;
    }
    let engine = world.start();
    world.recorded(first).await;
    assert!(world.document(endpoint).await.disabled);
    engine.stop(Duration::from_secs(10)).await;
    assert_eq!(world.seen(), 1);
}

#[tokio::test]
async fn an_endpoint_that_has_failed_for_days_is_disabled_unless_it_was_changed_since() {
    for (changed, disabled) in [(NOW - DAY * 6, true), (NOW - DAY, false)] {
        let mut world = World::new(500).await;
        let endpoint = world.endpoint(Ordering::None, changed).await;
        let (old, new) = (world.send(endpoint, None).await, world.send(endpoint, None).await);
        let attempt = NewAttempt {
            id: world.ids.make(NOW, &*world.random),
            started_at: NOW,
            trigger: Trigger::Scheduled,
            outcome: AttemptOutcome::Failed { why: Failure::Status(500), retry_after: None },
            url: world.url.as_str().into(),
            exchange: Exchange::default(),
        };
        let health = Some(Health { failing_since: Some(NOW - DAY * 7), ..Health::default() });
        let step = Step::Retry { due: NOW + DAY, counted: true };
        world
            .store
            .finish(Finish {
                message: old,
                endpoint,
                epoch: Epoch::ONLY,
                earlier: None,
                attempt,
                step,
                health,
                notice: None,
            })
            .await
            .unwrap();
        let engine = world.start();
        world.recorded(new).await;
        assert_eq!(world.document(endpoint).await.disabled, disabled);
        engine.stop(Duration::from_secs(10)).await;
    }
}
