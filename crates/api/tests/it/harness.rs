//! An API over a store of its own, and a way to ask it that is short enough to read.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use ringback_api::Api;
use ringback_engine::egress::{Connector, EgressPolicy, ScriptedResolver, TargetUrl, Trust};
use ringback_engine::transport::Transport;
use ringback_engine::{Engine, EngineOptions, Probe};
use ringback_model::{
    AppNo, AttemptId, AttemptOutcome, BasicAuth, DEFAULT_ORGANIZATION, EndpointNo, Exchange, Failure, IdMaker, LeftOut,
    ManualClock, MessageNo, NotSent, OrgId, Phases, Reason, Redacted, RetryPolicy, SeededRandom, Timestamp, Trigger,
};
use ringback_service::{
    AlertSettings, CheckedUrl, IssuerSettings, Monitor, MonitorParts, Service, ServiceParts, TokenKey, TokenSubject,
    UrlRules,
};
use ringback_store::backend::sqlite::{SqliteOptions, SqliteStore};
use ringback_store::{
    Directory, DocumentKind, Epoch, Expect, Feed, Finish, Finished, MasterKey, MessageRef, NewAttempt, Put, PutResult,
    Step, Store,
};
use serde_json::{Value, json};

/// When every test begins: 2027-01-15T08:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// The rules of these tests: http or https, no host of the name `forbidden`.
#[derive(Debug)]
struct TestUrls;

impl UrlRules for TestUrls {
    fn check(&self, url: &str) -> Result<CheckedUrl, String> {
        let (scheme, rest) = url.split_once("://").ok_or("a URL begins with `https://` or `http://`")?;
        let scheme = &*scheme.to_ascii_lowercase();
        if !["http", "https"].contains(&scheme) || rest.is_empty() || url.len() > 2_048 || rest.starts_with("forbidden")
        {
            return Err("this URL cannot be registered".to_owned());
        }
        let (rest, fragment) = rest.split_once('#').map_or((rest, None), |(rest, fragment)| (rest, Some(fragment)));
        let (userinfo, rest) = rest.split_once('@').map_or((None, rest), |(userinfo, rest)| (Some(userinfo), rest));
        let basic = userinfo.and_then(|userinfo| userinfo.split_once(':')).map(|(username, password)| BasicAuth {
            username: username.to_owned(),
            password: Redacted::new(password.to_owned()),
        });
        let mut warnings = Vec::new();
        warnings.extend(basic.is_some().then(|| "the password was taken out".to_owned()));
        warnings.extend(fragment.is_some().then(|| "the fragment was taken off".to_owned()));
        let url = format!("{scheme}://{rest}");
        // As the way out reads it; what that would refuse stays as it is here.
        let url = TargetUrl::parse(&url).map_or(url, |read| read.as_str().to_owned());
        Ok(CheckedUrl { url, basic, warnings })
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON; null if it is empty.
    pub(crate) fn json(&self) -> Value {
        if self.text.is_empty() { Value::Null } else { serde_json::from_str(&self.text).expect(&self.text) }
    }

    /// The body, when the status is this one.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.json()
    }

    /// A member of the body as text.
    #[track_caller]
    pub(crate) fn text_of(&self, member: &str) -> String {
        self.json()[member].as_str().expect(&self.text).to_owned()
    }

    /// Where the faults of a 422 are, such as `body.url`.
    #[track_caller]
    pub(crate) fn faults(&self) -> Vec<String> {
        let body = self.expect(422);
        let place = |fault: &Value| {
            let loc = fault["loc"].as_array().unwrap();
            assert!(fault["msg"].as_str().is_some_and(|msg| !msg.is_empty()) && fault["type"].is_string(), "{fault}");
            loc.iter().map(|part| part.as_str().unwrap()).collect::<Vec<_>>().join(".")
        };
        body["detail"].as_array().unwrap().iter().map(place).collect()
    }
}

/// An API and all that it stands on.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) service: Arc<Service>,
    pub(crate) key: TokenKey,
    pub(crate) token: String,
    pub(crate) directory: Arc<Directory>,
    /// What the operator's own listener serves, of a world with an engine.
    pub(crate) operator: Option<Api>,
    /// The engine, and what watches it.
    pub(crate) running: Option<(Engine, Arc<Monitor>)>,
    random: SeededRandom,
    _folder: tempfile::TempDir,
}

/// The way out of these tests: loopback, and no name that resolves.
fn connector() -> Arc<Connector> {
    let policy = EgressPolicy::public().allow(["127.0.0.1/32".parse().unwrap()]);
    Arc::new(Connector::new(policy, Arc::new(ScriptedResolver::new()), Trust::public()))
}

impl World {
    /// A world in which nothing is delivered.
    pub(crate) fn new() -> Self {
        Self::open(None, None).0
    }

    /// The same, where somebody else makes tokens for JQL too.
    pub(crate) fn with_issuer(issuer: IssuerSettings) -> Self {
        Self::open(Some(issuer), None).0
    }

    /// A world with an engine, which lives as long as the runtime.
    pub(crate) fn running() -> Self {
        Self::running_with(None)
    }

    /// The same, where e-mails are sent to the operator.
    pub(crate) fn alerting(alerts: AlertSettings) -> Self {
        Self::running_with(Some(alerts))
    }

    fn running_with(alerts: Option<AlertSettings>) -> Self {
        let (mut world, feed) = Self::open(None, alerts);
        let options = EngineOptions {
            store: world.store.clone(),
            directory: world.directory.clone(),
            feed,
            transport: Arc::new(Transport::new(connector())),
            clock: world.clock.clone(),
            random: Arc::new(SeededRandom::new(4)),
            retry: RetryPolicy::default(),
            transformer: Arc::new(ringback_engine::Transformer::here()),
            node: "a node".to_owned(),
        };
        let engine = Engine::start_telling(options, Some(world.service.noticed()));
        let monitor = Arc::new(Monitor::new(MonitorParts {
            store: world.store.clone(),
            directory: world.directory.clone(),
            engine: engine.watch(),
            pending: world.service.pending_count(),
            clock: world.clock.clone(),
        }));
        world.operator = Some(world.api.monitor(monitor.clone()));
        world.api = world.api.with_monitor(monitor.clone());
        world.running = Some((engine, monitor));
        world
    }

    fn open(issuer: Option<IssuerSettings>, alerts: Option<AlertSettings>) -> (Self, Feed) {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(START));
        let random = Arc::new(SeededRandom::new(1));
        let (store, feed) = SqliteStore::open(SqliteOptions {
            folder: folder.path().join("store"),
            master_key: MasterKey::from_bytes([7; 32]),
            random: random.clone(),
            clock: clock.clone(),
            reserve_bytes: 0,
        })
        .unwrap();
        let store = Arc::new(store);
        let key = TokenKey::new(Redacted::new("a secret of the tests".to_owned()));
        let directory = Arc::new(Directory::new(store.clone()));
        let service = Service::new(ServiceParts {
            store: store.clone(),
            directory: directory.clone(),
            clock: clock.clone(),
            random,
            urls: Arc::new(TestUrls),
            probe: Arc::new(Probe::new(connector())),
            tokens: key.clone(),
            issuer,
        });
        let service = Arc::new(service.with_alerts(alerts));
        let random = SeededRandom::new(2);
        let subject = TokenSubject::Organization(DEFAULT_ORGANIZATION.parse().unwrap());
        let token = key.mint(&subject, START, Duration::from_secs(86_400 * 365), &random).unwrap();
        let token = token.reveal().to_owned();
        let api = Api::new(service.clone());
        (
            Self {
                api,
                store,
                clock,
                service,
                key,
                token,
                directory,
                operator: None,
                running: None,
                random,
                _folder: folder,
            },
            feed,
        )
    }

    /// The API of another node: the same store, and a memory of its own.
    pub(crate) fn other_node(&self) -> Api {
        Api::new(self.other_service())
    }

    /// The use cases of another node.
    pub(crate) fn other_service(&self) -> Arc<Service> {
        Arc::new(Service::new(ServiceParts {
            store: self.store.clone(),
            directory: Arc::new(Directory::new(self.store.clone())),
            clock: self.clock.clone(),
            random: Arc::new(SeededRandom::new(3)),
            urls: Arc::new(TestUrls),
            probe: Arc::new(Probe::new(connector())),
            tokens: self.key.clone(),
            issuer: None,
        }))
    }

    /// A token of an organization.
    pub(crate) fn token_of(&self, org: OrgId) -> String {
        self.mint(&TokenSubject::Organization(org))
    }

    /// A token of an application of the default organization.
    pub(crate) fn app_token(&self, app: &str) -> String {
        let org = DEFAULT_ORGANIZATION.parse().unwrap();
        self.mint(&TokenSubject::Application { org, app: app.parse().unwrap(), feature_flags: Vec::new() })
    }

    pub(crate) fn mint(&self, subject: &TokenSubject) -> String {
        let token = self.key.mint(subject, START, Duration::from_secs(86_400), &self.random).unwrap();
        token.reveal().to_owned()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.api.answer(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// A request with this token, these headers and this body; the path is that below `/api/v1`.
    pub(crate) async fn ask(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("authorization", format!("Bearer {token}"));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(&self.token, "GET", path, &[], Body::empty()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.ask(&self.token, "DELETE", path, &[], Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(&self.token, "POST", path, &[], body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(&self.token, "PUT", path, &[], body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask(&self.token, "PATCH", path, &[], body.to_string()).await
    }

    /// Makes an application of this uid; its id.
    pub(crate) async fn app(&self, uid: &str) -> String {
        self.post("/app", json!({ "name": uid, "uid": uid })).await.text_of("id")
    }

    /// Makes an endpoint; its id.
    pub(crate) async fn endpoint(&self, app: &str, body: Value) -> String {
        let answer = self.post(&format!("/app/{app}/endpoint"), body).await;
        answer.expect(201);
        answer.text_of("id")
    }

    pub(crate) async fn event_type(&self, name: &str) {
        self.post("/event-type", json!({ "name": name, "description": "" })).await.expect(201);
    }

    /// Writes members into the document of an endpoint, past the API.
    pub(crate) async fn rewrite(&self, app: &str, endpoint: &str, members: Value, key: Option<&str>) {
        let app = self.get(&format!("/app/{app}")).await.text_of("id");
        let no = self.endpoint_no(&app, endpoint).await.0;
        let app = self.app_no(&app).await;
        // A handshake in the background may write at the same time.
        loop {
            let document = self.store.document(no).await.unwrap().unwrap();
            let mut body: Value = serde_json::from_str(&document.body).unwrap();
            body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            let mut secret: Value = serde_json::from_str(document.secret.unwrap().reveal()).unwrap();
            if let Some(key) = key {
                secret["validation_key"] = json!(key);
            }
            let put = Put {
                uid: document.uid,
                secret: Some(Redacted::new(secret.to_string())),
                expect: Expect::Version { no, version: document.version },
                app: Some(app),
                ..Put::new(DocumentKind::Endpoint, app.0, endpoint.to_owned(), body.to_string())
            };
            match self.store.put(put).await.unwrap() {
                PutResult::Stored(_) => break,
                other => assert_eq!(other, PutResult::Stale),
            }
        }
        self.directory.forget(app);
    }

    /// Hands in a message; its id.
    pub(crate) async fn message(&self, app: &str, event_type: &str) -> String {
        let answer =
            self.post(&format!("/app/{app}/msg"), json!({ "eventType": event_type, "payload": {"a": 1} })).await;
        answer.expect(202);
        answer.text_of("id")
    }

    /// Turns the clock, so that what follows is later.
    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    async fn no(&self, kind: DocumentKind, parent: i64, key: &str) -> i64 {
        self.store.document_by_key(kind, parent, key.to_owned()).await.unwrap().unwrap().no
    }

    pub(crate) async fn app_no(&self, app: &str) -> AppNo {
        let org = self.no(DocumentKind::Organization, 0, DEFAULT_ORGANIZATION).await;
        AppNo(self.no(DocumentKind::Application, org, app).await)
    }

    pub(crate) async fn endpoint_no(&self, app: &str, endpoint: &str) -> EndpointNo {
        let app = self.app_no(app).await;
        EndpointNo(self.no(DocumentKind::Endpoint, app.0, endpoint).await)
    }

    pub(crate) async fn message_no(&self, app: &str, message: &str) -> MessageNo {
        let app = self.app_no(app).await;
        self.store.message(app, MessageRef::Id(message.parse().unwrap())).await.unwrap().unwrap().no
    }

    /// Records an attempt as the engine does; its id. A 2xx ends the delivery, all else is tried again.
    pub(crate) async fn attempt(&self, app: &str, endpoint: &str, message: &str, status: u16) -> AttemptId {
        self.attempt_without(app, endpoint, message, status, None).await
    }

    /// The same of a request that went without something.
    pub(crate) async fn attempt_without(
        &self,
        app: &str,
        endpoint: &str,
        message: &str,
        status: u16,
        left_out: Option<LeftOut>,
    ) -> AttemptId {
        let now = self.service.clock().now();
        let id = IdMaker::new().make(now, &self.random);
        let (outcome, step) = if (200..300).contains(&status) {
            (AttemptOutcome::Delivered, Step::End { state: ringback_model::DeliveryState::Success, reason: None })
        } else {
            let why = if status == 0 { Failure::Timeout } else { Failure::Status(status) };
            let step = Step::Retry { due: now + Duration::from_secs(60), counted: true };
            (AttemptOutcome::Failed { why, retry_after: None }, step)
        };
        let exchange = Exchange {
            status: (status > 0).then_some(status),
            response: bytes::Bytes::from_static(b"thanks"),
            phases: Phases { total: Duration::from_millis(12), ..Phases::default() },
            address: None,
            left_out,
        };
        let (message, endpoint) = (self.message_no(app, message).await, self.endpoint_no(app, endpoint).await);
        self.record(message, endpoint, id, (outcome, exchange), step).await;
        id
    }

    /// Gives a message up after an attempt with this status, as the engine does after the last try.
    pub(crate) async fn give_up(&self, app: &str, endpoint: &str, message: &str, status: u16) {
        let now = self.service.clock().now();
        let id = IdMaker::new().make(now, &self.random);
        let outcome = AttemptOutcome::Failed { why: Failure::Status(status), retry_after: None };
        let exchange = Exchange { status: Some(status), ..Exchange::default() };
        let step = Step::End { state: ringback_model::DeliveryState::Fail, reason: Some(Reason::Exhausted) };
        let (message, endpoint) = (self.message_no(app, message).await, self.endpoint_no(app, endpoint).await);
        self.record(message, endpoint, id, (outcome, exchange), step).await;
    }

    /// Records that no request could be made, as the engine does.
    pub(crate) async fn not_rendered(&self, app: &str, endpoint: &str, message: &str, sentence: &'static str) {
        let now = self.service.clock().now();
        let id = IdMaker::new().make(now, &self.random);
        let outcome = AttemptOutcome::NotSent { why: NotSent::Render };
        let exchange = Exchange { response: sentence.into(), ..Exchange::default() };
        let step = Step::Hold { since: now, due: now + Duration::from_secs(86_400) };
        let (message, endpoint) = (self.message_no(app, message).await, self.endpoint_no(app, endpoint).await);
        self.record(message, endpoint, id, (outcome, exchange), step).await;
    }

    async fn record(
        &self,
        message: MessageNo,
        endpoint: EndpointNo,
        id: AttemptId,
        (outcome, exchange): (AttemptOutcome, Exchange),
        step: Step,
    ) {
        let started_at = self.service.clock().now();
        let url = "https://example.com/".into();
        let attempt = NewAttempt { id, started_at, trigger: Trigger::Scheduled, outcome, url, exchange };
        let finish =
            Finish { message, endpoint, epoch: Epoch::ONLY, earlier: None, attempt, step, health: None, notice: None };
        assert_eq!(self.store.finish(finish).await.unwrap(), Finished::Recorded);
    }
}
