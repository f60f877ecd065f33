//! The service: what all use cases share.

use std::sync::{Arc, Mutex};

use ringback_engine::Probe;
use ringback_model::{Clock, IdMaker, OrgId, Random};
use ringback_store::{AppConfig, Directory, Store};

use crate::access::KnownAccess;
use crate::alert::Alerts;
use crate::erasure::Erasure;
use crate::ingest_limit::IngestLimiter;
use crate::integration::{self, KnownKeys};
use crate::issuer::{Issuer, IssuerSettings, OrganizationIssuers};
use crate::oauth_client::KnownClients;
use crate::operational::MANAGEMENT_ORGANIZATION;
use crate::organization::Organizations;
use crate::password::Passwords;
use crate::pending::PendingCount;
use crate::probe_limit::ProbeLimit;
use crate::sign_in_limit::SignInLimit;
use crate::token::{TokenKey, Tokens};
use crate::verification::Verifier;
use crate::{Actor, Resource, ServiceError, UrlRules};

/// How often a change is tried again that somebody else got in the way of.
pub(crate) const TRIES: usize = 64;
/// How many tests an application may ask for in a minute.
const TESTS_MAX: usize = 10;
/// How many handshakes an application may ask for in a minute, beside those that saving an endpoint makes.
const HANDSHAKES_MAX: usize = 10;
/// How many tries saved endpoints of an application make in a minute; those beyond come later.
const SAVED_MAX: usize = 100;

/// What a [`Service`] is made of.
#[derive(Debug)]
pub struct ServiceParts {
    /// The durable facts.
    pub store: Arc<dyn Store>,
    /// The cache of configuration, shared with the engine.
    pub directory: Arc<Directory>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// The rules for URLs.
    pub urls: Arc<dyn UrlRules>,
    /// What sends tests and handshakes.
    pub probe: Arc<Probe>,
    /// What tokens are signed with.
    pub tokens: TokenKey,
    /// Who else makes tokens for JQL.
    pub issuer: Option<IssuerSettings>,
}

/// The use cases. Each is a method, in the file of its resource.
#[derive(Debug)]
pub struct Service {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) urls: Arc<dyn UrlRules>,
    pub(crate) ids: IdMaker,
    pub(crate) tokens: Tokens,
    pub(crate) issuer: Option<Arc<Issuer>>,
    pub(crate) issuers: OrganizationIssuers,
    pub(crate) organizations: Organizations,
    pub(crate) ingest: IngestLimiter,
    /// Whose applications the operational webhooks of organizations are.
    pub(crate) management: OrgId,
    pub(crate) clients: KnownClients,
    pub(crate) integration_keys: KnownKeys,
    pub(crate) access: KnownAccess,
    /// Where people find the server, if the operator has said.
    pub(crate) public_url: Option<String>,
    /// Rung when there is a new background task.
    pub(crate) tasks: tokio::sync::Notify,
    /// Rung when something was noticed that is to be told.
    pub(crate) noticed: Arc<tokio::sync::Notify>,
    /// E-mails to the operator, if there are to be any.
    pub(crate) alerts: Option<Alerts>,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) test_limit: ProbeLimit,
    pub(crate) verification_limit: ProbeLimit,
    pub(crate) passwords: Passwords,
    pub(crate) sign_in_limit: SignInLimit,
    pub(crate) pending: Arc<PendingCount>,
    pub(crate) erasure: Erasure,
}

impl Service {
    /// A service over these parts.
    #[must_use]
    pub fn new(parts: ServiceParts) -> Self {
        let issuer = parts.issuer.map(|issuer| Issuer::new(issuer, parts.probe.clone(), parts.clock.clone()));
        let verifier = Verifier {
            store: parts.store.clone(),
            directory: parts.directory.clone(),
            clock: parts.clock.clone(),
            random: parts.random.clone(),
            probe: parts.probe,
            ids: IdMaker::new(),
            limit: ProbeLimit::new("handshakes", SAVED_MAX),
            awaited: Mutex::default(),
            under_way: Mutex::default(),
        };
        let pending = Arc::new(PendingCount::new(parts.store.clone(), parts.clock.clone()));
        Self {
            pending,
            store: parts.store,
            directory: parts.directory,
            clock: parts.clock,
            random: parts.random,
            urls: parts.urls,
            ids: IdMaker::new(),
            tokens: Tokens::new(parts.tokens),
            issuer: issuer.map(Arc::new),
            issuers: OrganizationIssuers::default(),
            organizations: Organizations::default(),
            ingest: IngestLimiter::default(),
            management: MANAGEMENT_ORGANIZATION.parse().expect("it is an id of an organization"),
            clients: KnownClients::default(),
            integration_keys: KnownKeys::default(),
            access: KnownAccess::default(),
            public_url: None,
            tasks: tokio::sync::Notify::new(),
            noticed: Arc::default(),
            alerts: None,
            verifier: Arc::new(verifier),
            test_limit: ProbeLimit::new("tests", TESTS_MAX),
            verification_limit: ProbeLimit::new("handshakes", HANDSHAKES_MAX),
            passwords: Passwords::new(),
            sign_in_limit: SignInLimit::default(),
            erasure: Erasure::default(),
        }
    }

    /// The same service for people who find it at this origin.
    #[must_use]
    pub fn with_public_url(mut self, origin: Option<String>) -> Self {
        self.public_url = origin;
        self
    }

    /// Where people find the server: an origin; absent if the operator has not said.
    #[must_use]
    pub fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// Who a bearer token, or the key of an integration, speaks for at this moment.
    ///
    /// # Errors
    /// [`ServiceError::Unauthenticated`] when the token does not count.
    pub async fn authenticate(&self, token: &str) -> Result<Arc<Actor>, ServiceError> {
        if integration::is_key(token) {
            return self.authenticate_integration(token).await;
        }
        let verified = self.tokens.verify_by(token, &*self.clock);
        let verified = verified.map_err(|error| ServiceError::Unauthenticated(error.to_string()))?;
        if let Some(client) = &verified.client {
            self.require_client(client).await?;
        }
        self.require_access(&verified).await?;
        Ok(verified.actor.clone())
    }

    /// The clock that the service goes by.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// A random word of 16 hexadecimal digits: the name of one request in answers and in the log.
    #[must_use]
    pub fn request_id(&self) -> String {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes);
        format!("{:016x}", u64::from_be_bytes(bytes))
    }

    /// Whether the server can do its work: a write and a read go through.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn health(&self) -> Result<(), ServiceError> {
        Ok(self.store.ping().await?)
    }

    /// The application with this id or uid, if it exists and the actor may know of it.
    pub(crate) async fn app(&self, actor: &Actor, name: &str) -> Result<Arc<AppConfig>, ServiceError> {
        self.find_app(actor, name).await?.ok_or(ServiceError::NotFound(Resource::Application))
    }

    pub(crate) async fn find_app(&self, actor: &Actor, name: &str) -> Result<Option<Arc<AppConfig>>, ServiceError> {
        let Some(org) = self.organization(actor.org).await? else { return Ok(None) };
        let found = self.directory.app_by_name(org, name).await?;
        Ok(found.filter(|app| actor.sees(app.application.id)))
    }
}
