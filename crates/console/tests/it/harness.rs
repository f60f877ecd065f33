//! A server with all of its pages over a store of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use ringback_api::Api;
use ringback_engine::Probe;
use ringback_engine::egress::{Connector, EgressPolicy, ScriptedResolver, Trust};
use ringback_model::{
    AppNo, AttemptOutcome, Breaker, DEFAULT_ORGANIZATION, DeliveryState, EndpointNo, Exchange, Failure, Health,
    IdMaker, ManualClock, Redacted, Role, SeededRandom, Timestamp, Trigger,
};
use ringback_service::{Actor, CheckedUrl, Service, ServiceParts, TokenKey, UrlRules, UserDraft};
use ringback_store::backend::sqlite::{SqliteOptions, SqliteStore};
use ringback_store::{
    Directory, DocumentKind, Epoch, Finish, Finished, MasterKey, MessageRef, NewAttempt, Step, Store as _,
};

use crate::browser::Browser;

/// When every test begins: 2027-01-15T08:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
/// The organization of the tests.
pub(crate) const ORG: &str = DEFAULT_ORGANIZATION;
/// The password of everybody.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// The rules of these tests: http or https.
#[derive(Debug)]
struct TestUrls;

impl UrlRules for TestUrls {
    fn check(&self, url: &str) -> Result<CheckedUrl, String> {
        let known = url.starts_with("https://") || url.starts_with("http://");
        let checked = CheckedUrl { url: url.to_owned(), basic: None, warnings: Vec::new() };
        known.then_some(checked).ok_or_else(|| "a URL begins with `https://` or `http://`".to_owned())
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
    /// Where it leads.
    pub(crate) fn location(&self) -> &str {
        self.headers.get("location").map_or("", |location| location.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    #[track_caller]
    pub(crate) fn holds(&self, text: &str) {
        assert!(self.text.contains(text), "no {text:?} in {}", self.text);
    }

    /// The value of a hidden field.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let from = self.text.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_default();
        from.split('"').next().unwrap_or_default().to_owned()
    }
}

/// A server and all that it stands on.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) service: Arc<Service>,
    pub(crate) store: Arc<SqliteStore>,
    api: Api,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(START));
        let random = Arc::new(SeededRandom::new(1));
        let (store, _feed) = SqliteStore::open(SqliteOptions {
            folder: folder.path().join("store"),
            master_key: MasterKey::from_bytes([7; 32]),
            random: random.clone(),
            clock: clock.clone(),
            reserve_bytes: 0,
        })
        .unwrap();
        let store = Arc::new(store);
        let policy = EgressPolicy::public().allow(["127.0.0.1/32".parse().unwrap()]);
        let connector = Arc::new(Connector::new(policy, Arc::new(ScriptedResolver::new()), Trust::public()));
        let service = Arc::new(Service::new(ServiceParts {
            store: store.clone(),
            directory: Arc::new(Directory::new(store.clone())),
            clock: clock.clone(),
            random,
            urls: Arc::new(TestUrls),
            probe: Arc::new(Probe::new(connector)),
            tokens: TokenKey::new(Redacted::new("a secret of the tests".to_owned())),
            issuer: None,
        }));
        let api = Api::new(service.clone()).with_routes(ringback_console::routes(service.clone()));
        Self { clock, service, store, api, _folder: folder }
    }

    /// The organization itself, as a producer's token speaks for it.
    pub(crate) fn actor(&self) -> Actor {
        Actor::organization(ORG.parse().unwrap())
    }

    /// A user of this role and the password of everybody.
    pub(crate) async fn user(&self, email: &str, role: Role) {
        let password = Some(Redacted::new(PASSWORD.to_owned()));
        let draft = UserDraft { email: email.to_owned(), name: String::new(), role, password };
        self.service.ensure_user(draft).await.unwrap();
    }

    /// A browser in which a user of this role is signed in.
    pub(crate) async fn signed_in(&self, role: Role) -> Browser<'_> {
        let email = format!("{}@example.com", role.text());
        self.user(&email, role).await;
        let mut browser = Browser::new(self);
        browser.sign_in(&email, PASSWORD).await.expect(303);
        browser
    }

    /// Records that a message was delivered, as the engine does; the id of the attempt.
    pub(crate) async fn delivered(&self, app: &str, endpoint: &str, message: &str) -> String {
        let step = Step::End { state: DeliveryState::Success, reason: None };
        self.finish((app, endpoint, message), (AttemptOutcome::Delivered, 200), step, None).await.1
    }

    /// Records that an attempt has failed, that the next one is due in an hour, and that the breaker of the endpoint has
    /// opened; the number of the endpoint.
    pub(crate) async fn failed(&self, app: &str, endpoint: &str, message: &str) -> EndpointNo {
        let (now, hour) = (self.service.clock().now(), Duration::from_secs(3_600));
        let breaker = Some(Breaker { probe_at: now + hour, wait: hour });
        let health = Health { failing_since: Some(now), breaker, ..Health::default() };
        let outcome = (AttemptOutcome::Failed { why: Failure::Status(500), retry_after: None }, 500);
        let step = Step::Retry { due: now + hour, counted: true };
        self.finish((app, endpoint, message), outcome, step, Some(health)).await.0
    }

    async fn finish(
        &self,
        (app, endpoint, message): (&str, &str, &str),
        (outcome, status): (AttemptOutcome, u16),
        step: Step,
        health: Option<Health>,
    ) -> (EndpointNo, String) {
        let org = self.no(DocumentKind::Organization, 0, ORG).await;
        let app = self.no(DocumentKind::Application, org, app).await;
        let endpoint = EndpointNo(self.no(DocumentKind::Endpoint, app, endpoint).await);
        let message = MessageRef::Id(message.parse().unwrap());
        let message = self.store.message(AppNo(app), message).await.unwrap().unwrap().no;
        let now = self.service.clock().now();
        let attempt = NewAttempt {
            id: IdMaker::new().make(now, &SeededRandom::new(2)),
            started_at: now,
            trigger: Trigger::Scheduled,
            outcome,
            url: "https://hooks.example/".into(),
            exchange: Exchange { status: Some(status), ..Exchange::default() },
        };
        let id = attempt.id.to_string();
        let epoch = Epoch::ONLY;
        let finish = Finish { message, endpoint, epoch, earlier: None, attempt, step, health, notice: None };
        assert_eq!(self.store.finish(finish).await.unwrap(), Finished::Recorded);
        (endpoint, id)
    }

    async fn no(&self, kind: DocumentKind, parent: i64, key: &str) -> i64 {
        self.store.document_by_key(kind, parent, key.to_owned()).await.unwrap().unwrap().no
    }

    pub(crate) async fn send(&self, mut request: Request<Body>, address: &str) -> Answer {
        let peer: SocketAddr = format!("{address}:50000").parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = self.api.answer(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }
}
