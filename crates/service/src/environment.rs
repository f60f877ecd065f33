//! An environment: what an organization is set up with, to take from one installation to another.

use crate::event_type_import::check_all;
use crate::{Actor, ImportedEventType, OrganizationDraft, Right, Service, ServiceError};
use ringback_model::{EventType, OrganizationSettings};

/// What is taken along.
#[derive(Clone, Debug)]
pub struct Environment {
    /// All event types, archived ones too.
    pub event_types: Vec<EventType>,
    /// What holds for all applications.
    pub settings: OrganizationSettings,
}

impl Service {
    /// What the caller's organization is set up with. Secrets are not among it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn export_environment(&self, actor: &Actor) -> Result<Environment, ServiceError> {
        let settings = self.get_organization(actor).await?;
        Ok(Environment { event_types: self.all_event_types(actor, true).await?, settings })
    }

    /// Sets the caller's organization up with event types and settings. What it has beside stays. Nothing is kept if any
    /// part is refused.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`], which names every part that is refused.
    pub async fn import_environment(
        &self,
        actor: &Actor,
        event_types: &[ImportedEventType],
        change: Option<impl Fn(&mut OrganizationDraft) + Send + Sync>,
    ) -> Result<(), ServiceError> {
        actor.require(Right::ManageEventTypes)?;
        actor.require(Right::ManageOrganization)?;
        check_all(event_types, &["eventTypes"])?;
        // Settings are checked and kept in one step, so they come first: what is refused leaves nothing behind.
        if let Some(change) = change {
            self.update_organization(actor, change).await.map_err(|error| error.below("settings"))?;
        }
        for ImportedEventType { name, draft } in event_types {
            self.overwrite_event_type(actor, name, draft).await?;
        }
        Ok(())
    }
}
