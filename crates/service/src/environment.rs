//! An environment: what an organization is set up with, to take from one installation to another.

use crate::check::Faults;
use crate::event_type_import::{faults_of_all, invalid_if_any};
use crate::{Actor, EventTypeDraft, ImportedEventType, OrganizationDraft, Right, Service, ServiceError};
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
        let mut faults = faults_of_all(event_types, &["eventTypes"]);
        if let Some(change) = &change {
            let mut draft = OrganizationDraft::of(&self.settings_of(actor).await?);
            change(&mut draft);
            let mut wrong = Faults::default();
            draft.check(&mut wrong);
            if let Err(ServiceError::Invalid(wrong)) = wrong.finish().map_err(|error| error.below("settings")) {
                faults.extend(wrong);
            }
        }
        invalid_if_any(faults)?;
        // Of settings something may be found wrong only as they are kept, so they come first: what is refused leaves nothing
        // behind.
        if let Some(change) = change {
            self.update_organization(actor, change).await.map_err(|error| error.below("settings"))?;
        }
        for ImportedEventType { name, draft } in event_types {
            self.overwrite_event_type(actor, name, |now| replace(now, draft)).await?;
        }
        Ok(())
    }
}

/// What an event type says from now on, but for how its payloads become reports where that is not said.
fn replace(now: &mut EventTypeDraft, draft: &EventTypeDraft) {
    let report_mapping = std::mem::take(&mut now.report_mapping);
    now.clone_from(draft);
    if now.report_mapping.is_empty() {
        now.report_mapping = report_mapping;
    }
}
