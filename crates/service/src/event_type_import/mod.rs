//! Event types out of an OpenAPI document: each webhook that it describes becomes one.
//!
//! `document` reads one, `bundle` takes the schema of a payload out of it.

mod bundle;
mod document;

use std::borrow::Cow;
use std::collections::BTreeSet;

use document::Described;
use ringback_model::EventType;
use serde_json::Value;

use crate::{Actor, EventTypeDraft, FieldError, Right, Service, ServiceError};

/// What is to be done with an OpenAPI document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportMode {
    /// Nothing is kept: only told.
    pub dry_run: bool,
    /// Event types that the document does not have are archived.
    pub replace_all: bool,
}

/// An event type as it is read elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedEventType {
    /// Its name.
    pub name: String,
    /// What it says.
    pub draft: EventTypeDraft,
}

impl Service {
    /// Makes and changes event types as an OpenAPI document describes them; returns those that it describes, in order.
    /// Nothing is kept of a document of which any part is refused. What the document does not say of an event type stays.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`], which names every webhook that is refused.
    pub async fn import_event_types(
        &self,
        actor: &Actor,
        document: &Value,
        mode: ImportMode,
    ) -> Result<Vec<ImportedEventType>, ServiceError> {
        actor.require(Right::ManageEventTypes)?;
        let (described, mut faults) = document::read(document)?;
        let found: Vec<_> = described.iter().map(Described::imported).collect();
        faults.extend(faults_of_all(&found, &["spec", document::webhooks_of(document)]));
        invalid_if_any(faults)?;
        if mode.dry_run {
            return Ok(found);
        }
        for one in &described {
            self.overwrite_event_type(actor, &one.name, |now| one.apply(now)).await?;
        }
        if mode.replace_all {
            let kept: BTreeSet<_> = found.iter().map(|one| one.name.as_str()).collect();
            for other in self.all_event_types(actor, false).await? {
                if !kept.contains(other.name.as_str()) {
                    self.delete_event_type(actor, &other.name, false).await?;
                }
            }
        }
        Ok(found)
    }

    /// Changes what an event type says; one that there is not is made of what becomes of nothing.
    pub(crate) async fn overwrite_event_type(
        &self,
        actor: &Actor,
        name: &str,
        change: impl Fn(&mut EventTypeDraft) + Send + Sync,
    ) -> Result<(), ServiceError> {
        match self.update_event_type(actor, name, &change).await {
            Err(ServiceError::NotFound(_)) => {
                let mut draft = EventTypeDraft::default();
                change(&mut draft);
                self.put_event_type(actor, name, draft).await.map(drop)
            }
            other => other.map(drop),
        }
    }

    /// All event types, in the order of their names.
    pub(crate) async fn all_event_types(&self, actor: &Actor, archived: bool) -> Result<Vec<EventType>, ServiceError> {
        let mut all: Vec<EventType> = Vec::new();
        loop {
            let window = crate::Window {
                limit: 250,
                from: all.last().map(|last| last.name.clone()),
                backwards: false,
                order: ringback_store::Direction::Ascending,
            };
            let page = self.list_event_types(actor, window, archived).await?;
            let done = page.done || page.items.is_empty();
            all.extend(page.items);
            if done {
                return Ok(all);
            }
        }
    }
}

/// What is wrong with event types, all of it: `place` is where their names stand in the body.
pub(crate) fn faults_of_all(found: &[ImportedEventType], place: &[&'static str]) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let mut names = BTreeSet::new();
    for ImportedEventType { name, draft } in found {
        let way_to = |member: &mut dyn Iterator<Item = Cow<'static, str>>| {
            let to_it = place.iter().map(|part| Cow::Borrowed(*part));
            std::iter::once("body".into()).chain(to_it).chain([name.clone().into()]).chain(member).collect::<Vec<_>>()
        };
        if !names.insert(name) {
            faults.push(FieldError::at(way_to(&mut std::iter::empty()), "It stands there twice: name it once."));
        }
        if let Err(ServiceError::Invalid(wrong)) = draft.check(name, None) {
            // What follows `body` is the member of the event type.
            faults.extend(wrong.into_iter().map(|fault| {
                let path = way_to(&mut fault.path.iter().skip(1).cloned());
                FieldError { path, ..fault }
            }));
        }
    }
    faults
}

/// Nothing, if there is nothing wrong.
pub(crate) fn invalid_if_any(faults: Vec<FieldError>) -> Result<(), ServiceError> {
    if faults.is_empty() { Ok(()) } else { Err(ServiceError::Invalid(faults)) }
}
