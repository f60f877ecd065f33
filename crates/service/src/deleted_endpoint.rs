//! Endpoints that were deleted, and how one comes back.

use ringback_model::{EndpointId, EndpointNo, Timestamp};
use ringback_store::{DocumentKind, DocumentPage, EndpointConfig, Expect, PutResult};

use crate::endpoint::{note, put, uid_taken};
use crate::endpoint_compose::Composed;
use crate::operational;
use crate::{Actor, EndpointView, Page, Resource, Right, Service, ServiceError, Window};

/// An endpoint that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedEndpoint {
    /// As it was.
    pub view: EndpointView,
    /// When it was deleted.
    pub deleted_at: Timestamp,
}

impl Service {
    /// A page of the deleted endpoints of an application, by id.
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
        let paging = window.clone().map(|id| id.to_string()).paging();
        let page = DocumentPage { kind: DocumentKind::Endpoint, parent: app.no.0, paging };
        let mut found = Vec::new();
        for document in self.store.deleted_documents(page).await? {
            let deleted_at = document.deleted_at.unwrap_or(Timestamp::MIN);
            found.push(DeletedEndpoint { view: EndpointView::of(&EndpointConfig::read(&document)?), deleted_at });
        }
        Ok(window.page(found))
    }

    /// Brings a deleted endpoint back as it was, with its secrets. What was called off by its deletion stays so; what is
    /// still pending goes on. One that is not deleted is answered as it is.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when there is no such application, or it has deleted no such endpoint;
    /// [`ServiceError::Conflict`] when another endpoint has its uid by now.
    pub async fn restore_endpoint(&self, actor: &Actor, app: &str, id: &str) -> Result<EndpointView, ServiceError> {
        actor.require(Right::ManageEndpoints)?;
        let app = self.app(actor, app).await?;
        let lives = app.endpoint_by_name(id).filter(|config| config.endpoint.id.to_string() == id);
        if let Some(config) = lives.filter(|config| !config.endpoint.callback) {
            return Ok(EndpointView::of(config));
        }
        let found = self.store.deleted_document(DocumentKind::Endpoint, app.no.0, id.to_owned()).await?;
        let document = found.ok_or(ServiceError::NotFound(Resource::Endpoint))?;
        let config = EndpointConfig::read(&document)?;
        if config.endpoint.callback {
            return Err(ServiceError::NotFound(Resource::Endpoint));
        }
        let now = self.clock.now();
        let mut endpoint = config.endpoint.clone();
        endpoint.updated_at = now;
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
