//! A store with one application, an engine over it, and short words for what cases do.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringback_engine::egress::{Connector, EgressPolicy, ScriptedResolver, Trust, parse_networks};
use ringback_engine::transport::Transport;
use ringback_engine::{Engine, EngineOptions, SystemRandom};
use ringback_model::{
    AppNo, Application, Attempt, Clock, Delivery, DeliveryState, Endpoint, EndpointNo, EndpointSecrets, IdMaker,
    ManualClock, MessageNo, Priority, Random, Redacted, RetryPolicy, SigningKey, SigningSecret, Timestamp,
};
use ringback_store::backend::sqlite::{SqliteOptions, SqliteStore};
use ringback_store::{
    Accept, Accepted, AttemptQuery, AttemptScope, Direction, Directory, DocumentKind, Expect, Feed, KnownVersions,
    MasterKey, NewMessage, Paging, Put, PutResult, QueueNo, Store, Target,
};

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub(crate) struct World {
    pub(crate) store: Arc<SqliteStore>,
    directory: Arc<Directory>,
    feed: Option<Feed>,
    pub(crate) clock: Arc<ManualClock>,
    random: Arc<SystemRandom>,
    ids: IdMaker,
    org: i64,
    app: AppNo,
    engine: Option<Engine>,
    trust: Trust,
    _folder: tempfile::TempDir,
}

impl World {
    /// A store with one application, and an engine that is running.
    pub(crate) async fn new() -> Self {
        Self::trusting(Trust::public()).await
    }

    pub(crate) async fn trusting(trust: Trust) -> Self {
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
        let (store, ids) = (Arc::new(store), IdMaker::new());
        let directory = Arc::new(Directory::new(store.clone() as Arc<dyn Store>));
        let app = Application::new(ids.make(NOW, &*random), "a customer".to_owned(), NOW);
        let mut world = Self {
            store,
            directory,
            feed: Some(feed),
            clock,
            random,
            ids,
            org: 0,
            app: AppNo(0),
            engine: None,
            trust,
            _folder: folder,
        };
        world.org = world.put(organization("{}", Expect::New)).await;
        let put =
            Put::new(DocumentKind::Application, world.org, app.id.to_string(), serde_json::to_string(&app).unwrap());
        world.app = AppNo(world.put(put).await);
        world.start();
        world
    }

    fn start(&mut self) {
        let policy = EgressPolicy::public().allow(parse_networks("127.0.0.0/8").unwrap());
        let resolver = ScriptedResolver::new().with_addresses("hooks.example", ["127.0.0.1".parse().unwrap()]);
        let connector = Connector::new(policy, Arc::new(resolver), self.trust.clone());
        self.engine = Some(Engine::start(EngineOptions {
            directory: self.directory.clone(),
            store: self.store.clone(),
            feed: self.feed.take().unwrap(),
            transport: Arc::new(Transport::new(Arc::new(connector))),
            clock: self.clock.clone() as Arc<dyn Clock>,
            random: self.random.clone() as Arc<dyn Random>,
            retry: RetryPolicy::default(),
            transformer: Arc::new(ringback_engine::Transformer::here()),
            node: "a node".to_owned(),
        }));
    }

    /// Stops the engine in good order.
    pub(crate) async fn stop(&mut self) {
        self.engine.take().unwrap().stop(Duration::from_secs(30)).await;
    }

    async fn put(&self, put: Put) -> i64 {
        match self.store.put(put).await.unwrap() {
            PutResult::Stored(written) => written.no,
            other => panic!("{other:?}"),
        }
    }

    /// An endpoint of this URL, as `change` wants it.
    pub(crate) async fn endpoint(
        &self,
        url: &str,
        change: impl FnOnce(&mut Endpoint, &mut EndpointSecrets),
    ) -> EndpointNo {
        let mut endpoint = Endpoint::new(self.ids.make(NOW, &*self.random), url.to_owned(), NOW);
        let key = SigningKey { secret: SigningSecret::generate(&*self.random), expires_at: None };
        let mut secrets = EndpointSecrets { keys: vec![key], ..EndpointSecrets::default() };
        change(&mut endpoint, &mut secrets);
        let no = self.put(self.document(&endpoint, &secrets, Expect::New)).await;
        self.directory.forget(self.app);
        EndpointNo(no)
    }

    /// Changes what holds for the organization.
    pub(crate) async fn settings(&self, body: &str) {
        let version = self.store.document(self.org).await.unwrap().unwrap().version;
        self.put(organization(body, Expect::Version { no: self.org, version })).await;
        self.directory.forget(self.app);
    }

    /// Makes an event type with a mapping to the report.
    pub(crate) async fn event_type(&self, name: &str, mapping: serde_json::Value) {
        let body = serde_json::json!({ "name": name, "reportMapping": mapping }).to_string();
        let put = organization(&body, Expect::New);
        self.put(Put { kind: DocumentKind::EventType, parent: self.org, key: name.to_owned(), ..put }).await;
        let document = self.store.document(self.org).await.unwrap().unwrap();
        self.settings(&document.body).await;
    }

    /// Changes an endpoint.
    pub(crate) async fn change(&self, no: EndpointNo, change: impl FnOnce(&mut Endpoint, &mut EndpointSecrets)) {
        let document = self.store.document(no.0).await.unwrap().unwrap();
        let mut endpoint: Endpoint = serde_json::from_str(&document.body).unwrap();
        let mut secrets: EndpointSecrets = serde_json::from_str(document.secret.unwrap().reveal()).unwrap();
        change(&mut endpoint, &mut secrets);
        let expect = Expect::Version { no: no.0, version: document.version };
        self.put(self.document(&endpoint, &secrets, expect)).await;
        self.directory.forget(self.app);
    }

    fn document(&self, endpoint: &Endpoint, secrets: &EndpointSecrets, expect: Expect) -> Put {
        Put {
            uid: endpoint.uid.clone(),
            secret: Some(Redacted::new(serde_json::to_string(secrets).unwrap())),
            expect,
            app: Some(self.app),
            ..Put::new(
                DocumentKind::Endpoint,
                self.app.0,
                endpoint.id.to_string(),
                serde_json::to_string(endpoint).unwrap(),
            )
        }
    }

    pub(crate) async fn send(&self, endpoint: EndpointNo, payload: &'static str) -> MessageNo {
        self.accept(&[endpoint], payload, None, |_| {}).await
    }

    pub(crate) async fn send_in(&self, endpoint: EndpointNo, payload: &'static str, queue: i64) -> MessageNo {
        self.accept(&[endpoint], payload, Some(QueueNo(queue)), |_| {}).await
    }

    /// Accepts a message as `change` wants it.
    pub(crate) async fn accept(
        &self,
        endpoints: &[EndpointNo],
        payload: &'static str,
        queue: Option<QueueNo>,
        change: impl FnOnce(&mut NewMessage),
    ) -> MessageNo {
        let app_version = self.store.configuration(self.app, KnownVersions::new()).await.unwrap().unwrap().version;
        let now = self.clock.now();
        let mut message = NewMessage {
            id: self.ids.make(now, &*self.random),
            event_type: "sms.dlr".to_owned(),
            event_id: None,
            channels: Vec::new(),
            tags: Vec::new(),
            payload: Bytes::from_static(payload.as_bytes()),
            raw: None,
            raw_content_type: None,
            ordering_key: None,
            occurred_at: None,
            callback_url: None,
            deliver_at: None,
            deliver_until: None,
            accepted_at: now,
            expires_at: Timestamp::MAX,
        };
        change(&mut message);
        let targets = endpoints.iter().map(|endpoint| Target::new(*endpoint, queue)).collect();
        let (app, priority) = (self.app, Priority(5));
        match self
            .store
            .accept(Accept { app, app_version, message, priority, targets, pollers: Vec::new(), idempotency: None })
            .await
            .unwrap()
        {
            Accepted::New { no } => no,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until a message has this many attempts, and answers them, oldest first.
    pub(crate) async fn attempts(&self, message: MessageNo, count: usize) -> Vec<Attempt> {
        let query = AttemptQuery {
            scope: AttemptScope::Message { message, endpoint: None },
            paging: Paging { limit: 100, after: None, direction: Direction::Ascending },
            after: None,
            before: None,
            succeeded: None,
            status_class: None,
            channel: None,
            tag: None,
            event_types: Vec::new(),
            look: 100,
        };
        for _ in 0..2_000 {
            let attempts = self.store.attempts(query.clone()).await.unwrap().items;
            if attempts.len() >= count {
                assert_eq!(attempts.len(), count, "{attempts:?}");
                return attempts;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("there are not {count} attempts of {message:?}");
    }

    pub(crate) async fn delivery(&self, message: MessageNo) -> Delivery {
        self.store.deliveries(message).await.unwrap().remove(0)
    }

    /// Waits until a delivery has ended or is held, and answers how.
    pub(crate) async fn rest(&self, message: MessageNo) -> Delivery {
        for _ in 0..2_000 {
            let delivery = self.delivery(message).await;
            if delivery.state != DeliveryState::Pending || delivery.held {
                return delivery;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{message:?} goes on: {:?}", self.delivery(message).await);
    }

    /// Lets some time pass for whatever must not happen.
    pub(crate) async fn wait(&self) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn organization(body: &str, expect: Expect) -> Put {
    Put {
        expect,
        ..Put::new(DocumentKind::Organization, 0, "org_23rb8YdGqMT0qIzpgGwdXfHirMu".to_owned(), body.to_owned())
    }
}
