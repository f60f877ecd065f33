//! How an endpoint is deleted, which ones were, and how one comes back.

use std::sync::Arc;
use std::time::Duration;

use ringback_model::{EndpointId, EndpointNo, Gate, Timestamp};
use ringback_store::{
    AppConfig, Backlog, Delete, Document, DocumentKind, DocumentPage, EndpointConfig, Expect, PutResult, Rewrite,
};

use crate::endpoint::{note, put, uid_taken};
use crate::endpoint_compose::Composed;
use crate::operational;
use crate::service::TRIES;
use crate::statistics::COUNTED_MAX;
use crate::{Actor, EndpointView, Page, Resource, Right, Service, ServiceError, Window};

/// For how long an endpoint that was deleted can come back. After that it is forgotten, but for what is told of its messages.
pub const RESTORABLE: Duration = Duration::from_secs(30 * 86_400);

/// What becomes of what is pending for an endpoint that is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftovers {
    /// It is called off.
    CallOff,
    /// It is sent as if the endpoint were there, with its retries.
    Send,
}

/// An endpoint that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedEndpoint {
    /// As it was.
    pub view: EndpointView,
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// Until when it can come back: this may be over while something is still sent.
    pub restorable_until: Timestamp,
    /// What is still sent: what is left of those that were pending.
    pub backlog: Backlog,
}

impl Service {
    /// Deletes an endpoint. [`Leftovers::CallOff`] also ends what is still sent of one that was deleted before, named
    /// by its id.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], and [`ServiceError::Refused`] for [`Leftovers::Send`] to one that sends nothing.
    pub async fn delete_endpoint(
        &self,
        actor: &Actor,
        app: &str,
        name: &str,
        leftovers: Leftovers,
    ) -> Result<(), ServiceError> {
        actor.require(Right::ManageEndpoints)?;
        for _ in 0..TRIES {
            let app = self.app(actor, app).await?;
            let lives = app.endpoint_by_name(name).filter(|config| !config.endpoint.callback).cloned();
            let config = match (lives, leftovers) {
                (Some(config), _) => config,
                (None, Leftovers::CallOff) => self.draining(&app, name).await?,
                (None, Leftovers::Send) => return Err(ServiceError::NotFound(Resource::Endpoint)),
            };
            if self.delete_as(actor, &app, &config, leftovers).await? {
                return Ok(());
            }
            if leftovers == Leftovers::CallOff && !config.deleted {
                return Err(ServiceError::NotFound(Resource::Endpoint));
            }
        }
        Err(ServiceError::contended())
    }

    /// One that was deleted and has something left to send.
    async fn draining(&self, app: &AppConfig, id: &str) -> Result<Arc<EndpointConfig>, ServiceError> {
        let found = self.store.deleted_document(DocumentKind::Endpoint, app.no.0, id.to_owned()).await?;
        let config = found.map(|document| EndpointConfig::read(&document)).transpose()?;
        let config = config.filter(|config| config.endpoint.drains);
        config.map(Arc::new).ok_or(ServiceError::NotFound(Resource::Endpoint))
    }

    /// `false` when somebody else has written it in the meantime.
    async fn delete_as(
        &self,
        actor: &Actor,
        app: &AppConfig,
        config: &EndpointConfig,
        leftovers: Leftovers,
    ) -> Result<bool, ServiceError> {
        let mut endpoint = config.endpoint.clone();
        endpoint.drains = leftovers == Leftovers::Send;
        if let Some(gate) = endpoint.gate().filter(|_| endpoint.drains) {
            return Err(ServiceError::Refused { code: "sends_nothing", detail: closed(gate) });
        }
        // What it says changes only if what is left is treated in another way than usual.
        let rewrite = if endpoint.drains == config.endpoint.drains {
            None
        } else {
            Some(Rewrite { version: config.version, body: serde_json::to_string(&endpoint)?, gone_as: None })
        };
        let now = self.clock.now();
        let deed = if config.deleted { "called off" } else { "deleted" };
        let notices = if config.deleted { Vec::new() } else { operational::of_deleted(app.no, &endpoint) };
        let audit = note(actor, app, &endpoint).done(now, deed);
        let delete = Delete { no: config.no.0, now, app: Some(app.no), audit, notices, rewrite };
        let done = self.store.delete(delete).await?;
        self.directory.forget(app.no);
        self.noticed.notify_one();
        Ok(done)
    }

    /// A page of the deleted endpoints of an application, by id: of those that can come back, or to which something is still
    /// sent.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when there is no such application.
    pub async fn list_deleted_endpoints(
        &self,
        actor: &Actor,
        app: &str,
        window: Window<EndpointId>,
    ) -> Result<Page<DeletedEndpoint>, ServiceError> {
        actor.require(Right::ReadEndpoints)?;
        let app = self.app(actor, app).await?;
        let mut paging = window.clone().map(|id| id.to_string()).paging();
        let (limit, mut found) = (paging.limit, Vec::new());
        // Some of a page may be about to be forgotten.
        loop {
            let page = DocumentPage { kind: DocumentKind::Endpoint, parent: app.no.0, paging: paging.clone() };
            let documents = self.store.deleted_documents(page).await?;
            for document in &documents {
                found.extend(self.deleted(document).await?);
            }
            let last = documents.last().filter(|_| documents.len() == limit && found.len() < limit);
            let Some(last) = last else { break };
            paging.after = Some(last.key.clone());
        }
        found.truncate(limit);
        Ok(window.page(found))
    }

    /// What there is to say of a deleted endpoint, unless it is forgotten.
    async fn deleted(&self, document: &Document) -> Result<Option<DeletedEndpoint>, ServiceError> {
        let config = EndpointConfig::read(document)?;
        let backlog =
            if config.is_gone() { Backlog::default() } else { self.pending.backlog(config.no, COUNTED_MAX).await? };
        let restorable_until = restorable_until(document);
        let is_there = backlog.pending > 0 || self.clock.now() < restorable_until;
        let deleted_at = document.deleted_at.unwrap_or(Timestamp::MIN);
        let view = EndpointView::of(&config);
        Ok(is_there.then_some(DeletedEndpoint { view, deleted_at, restorable_until, backlog }))
    }

    /// Whether an endpoint of this id was deleted and can come back.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when there is no such application.
    pub async fn can_restore_endpoint(&self, actor: &Actor, app: &str, id: &str) -> Result<bool, ServiceError> {
        actor.require(Right::ManageEndpoints)?;
        let app = self.app(actor, app).await?;
        let found = self.store.deleted_document(DocumentKind::Endpoint, app.no.0, id.to_owned()).await?;
        Ok(found.is_some_and(|document| self.clock.now() < restorable_until(&document)))
    }

    /// Brings a deleted endpoint back as it was, with its secrets. What was called off by its deletion stays so; what is
    /// still pending goes on. One that is not deleted is answered as it is.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when there is no such application, or it has deleted no such endpoint within [`RESTORABLE`];
    /// [`ServiceError::Conflict`] when another endpoint has its uid by now.
    pub async fn restore_endpoint(&self, actor: &Actor, app: &str, id: &str) -> Result<EndpointView, ServiceError> {
        actor.require(Right::ManageEndpoints)?;
        let app = self.app(actor, app).await?;
        let lives = app.endpoint_by_name(id).filter(|config| config.endpoint.id.to_string() == id);
        if let Some(config) = lives.filter(|config| !config.endpoint.callback) {
            return Ok(EndpointView::of(config));
        }
        let found = self.store.deleted_document(DocumentKind::Endpoint, app.no.0, id.to_owned()).await?;
        let in_time = found.filter(|document| self.clock.now() < restorable_until(document));
        let document = in_time.ok_or(ServiceError::NotFound(Resource::Endpoint))?;
        let config = EndpointConfig::read(&document)?;
        if config.endpoint.callback {
            return Err(ServiceError::NotFound(Resource::Endpoint));
        }
        let now = self.clock.now();
        let mut endpoint = config.endpoint.clone();
        endpoint.updated_at = now;
        endpoint.drains = false;
        let composed = Composed { endpoint, secrets: config.secrets.clone(), warnings: Vec::new() };
        let mut put = put(&app, &composed, Expect::Deleted { no: document.no, version: document.version }, None)?;
        put.audit = note(actor, &app, &composed.endpoint).done(now, "restored");
        put.notices = operational::of_written(app.no, None, &composed.endpoint);
        let result = self.store.put(put).await?;
        self.directory.forget(app.no);
        match result {
            PutResult::Stored(_) => {
                self.verify_in_background(app.no, EndpointNo(document.no), &composed.endpoint);
                self.noticed.notify_one();
                Ok(composed.view())
            }
            PutResult::UidTaken => Err(uid_taken(composed.endpoint.uid.as_deref())),
            // Somebody else has brought it back.
            PutResult::Stale | PutResult::KeyTaken => Err(ServiceError::NotFound(Resource::Endpoint)),
            PutResult::Replayed { .. } | PutResult::KeyReused => Err(ServiceError::contended()),
        }
    }
}

/// Until when a deleted endpoint can come back.
pub(crate) fn restorable_until(document: &Document) -> Timestamp {
    document.deleted_at.map_or(Timestamp::MIN, |at| at + RESTORABLE)
}

/// Why what is pending cannot be sent first.
fn closed(gate: Gate) -> String {
    let (why, first) = match gate {
        Gate::Paused => ("is paused", "let it go on"),
        Gate::Disabled => ("is disabled", "enable it"),
        Gate::Unverified => ("has not passed its handshake", "have it verified"),
        Gate::Deleted => ("is deleted", "restore it"),
    };
    format!("The endpoint {why}, so that nothing is sent to it: {first} first, or have what is pending called off.")
}
