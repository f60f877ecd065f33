//! What would go, or would change, if something were deleted: told before it is.

use ringback_model::AppNo;
use ringback_store::{Backlog, Direction, DocumentKind, DocumentPage, Paging};

use crate::{Actor, Right, Service, ServiceError};

/// Applications whose endpoints are looked at, at most.
const LOOKED_AT: usize = 250;

/// What goes with an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApplicationExtent {
    /// Its endpoints.
    pub endpoints: usize,
    /// Its pollers.
    pub pollers: usize,
    /// What is pending for its endpoints; `None` while that has not been counted.
    pub backlog: Option<Backlog>,
}

/// Who has to do with an event type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTypeExtent {
    /// Endpoints that name it, or a pattern of it, among those that were looked at.
    pub endpoints: usize,
    /// Whether there are more applications than were looked at.
    pub more: bool,
    /// Whether a message of a type that is not known is refused.
    pub strict: bool,
}

impl Service {
    /// What goes with an application.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn application_extent(&self, actor: &Actor, name: &str) -> Result<ApplicationExtent, ServiceError> {
        actor.require(Right::ManageApplications)?;
        let app = self.app(actor, name).await?;
        let backlog = self.application_backlog(actor, name).await?;
        Ok(ApplicationExtent {
            endpoints: app.endpoints.iter().filter(|config| !config.endpoint.callback).count(),
            pollers: app.pollers.len(),
            backlog: backlog.map(|(joint, _)| joint.backlog),
        })
    }

    /// Who has to do with an event type: the endpoints of the newest applications are looked at.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] without [`Right::ManageEventTypes`].
    pub async fn event_type_extent(&self, actor: &Actor, name: &str) -> Result<EventTypeExtent, ServiceError> {
        actor.require(Right::ManageEventTypes)?;
        let mut extent = EventTypeExtent { endpoints: 0, more: false, strict: false };
        let Some(org) = self.organization(actor.org).await? else { return Ok(extent) };
        extent.strict = self.directory.settings(org).await?.strict_event_types;
        let paging = Paging { limit: LOOKED_AT + 1, after: None, direction: Direction::Descending };
        let page = DocumentPage { kind: DocumentKind::Application, parent: org.0, paging };
        let found = self.store.documents(page).await?;
        extent.more = found.len() > LOOKED_AT;
        for document in found.iter().take(LOOKED_AT) {
            let Some(app) = self.directory.app(AppNo(document.no)).await? else { continue };
            let endpoints = app.endpoints.iter().map(|config| &config.endpoint).filter(|endpoint| !endpoint.callback);
            extent.endpoints +=
                endpoints.filter(|endpoint| endpoint.event_types.is_some() && endpoint.matches_type(name)).count();
        }
        Ok(extent)
    }
}
