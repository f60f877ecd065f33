//! Event types: the names that messages carry and endpoints filter by.

use ringback_model::{EventType, OrgNo, Timestamp};
use ringback_store::{
    Delete, Document, DocumentKind, DocumentPage, Expect, Idempotency, Paging, Put, PutResult, StoreError,
};

use crate::check::{EVENT_TYPE_RULE, Faults, TEXT_MAX, is_event_type_name};
use crate::service::TRIES;
use crate::{Actor, Made, Page, Resource, Right, Service, ServiceError, Window};

/// The longest text of all schemas of one event type.
const SCHEMAS_MAX: usize = 256 * 1_024;
/// Rows that are read at a time when some of them may not be shown.
const STRIDE: usize = 251;

/// What a caller may say about an event type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventTypeDraft {
    /// See [`EventType::description`].
    pub description: String,
    /// See [`EventType::archived`].
    pub archived: bool,
    /// See [`EventType::deprecated`].
    pub deprecated: bool,
    /// See [`EventType::feature_flag`].
    pub feature_flag: Option<String>,
    /// See [`EventType::schemas`].
    pub schemas: Option<String>,
}

impl EventTypeDraft {
    /// What an event type says now: the draft that changes nothing.
    #[must_use]
    pub fn of(event_type: &EventType) -> Self {
        let EventType { description, archived, deprecated, feature_flag, schemas, .. } = event_type.clone();
        Self { description, archived, deprecated, feature_flag, schemas }
    }

    fn check(&self, name: &str) -> Result<(), ServiceError> {
        let mut faults = Faults::default();
        if !is_event_type_name(name) {
            faults.note("name", EVENT_TYPE_RULE);
        }
        faults.text("description", &self.description, TEXT_MAX);
        if self.feature_flag.as_deref().is_some_and(|flag| !is_event_type_name(flag)) {
            faults.note("featureFlag", "1 to 256 characters of a-z, A-Z, 0-9, `.`, `_`, `:` and `-` are allowed.");
        }
        if self.schemas.as_ref().is_some_and(|schemas| schemas.len() > SCHEMAS_MAX) {
            faults.note("schemas", format!("All schemas have at most {SCHEMAS_MAX} bytes."));
        }
        faults.finish()
    }

    fn into_event_type(self, name: &str, created_at: Timestamp, updated_at: Timestamp) -> EventType {
        let Self { description, archived, deprecated, feature_flag, schemas } = self;
        let name = name.to_owned();
        EventType { name, description, archived, deprecated, feature_flag, schemas, created_at, updated_at }
    }
}

/// Whether an actor may know of an event type: flagged ones are for applications that carry the flag.
fn is_visible(actor: &Actor, event_type: &EventType) -> bool {
    match &event_type.feature_flag {
        Some(flag) if actor.app.is_some() => actor.feature_flags.contains(flag),
        Some(_) | None => true,
    }
}

impl Service {
    /// A page of event types, by name; archived ones are left out unless asked for.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list_event_types(
        &self,
        actor: &Actor,
        window: Window<String>,
        include_archived: bool,
    ) -> Result<Page<EventType>, ServiceError> {
        actor.require(Right::ReadEventTypes)?;
        let Some(org) = self.organization(actor.org).await? else { return Ok(Page { items: Vec::new(), done: true }) };
        let Paging { limit, mut after, direction } = window.paging();
        let mut shown = Vec::new();
        // Some rows may not be shown, so what one page asks for can take more than one read.
        loop {
            let paging = Paging { limit: STRIDE, after: after.take(), direction };
            let rows =
                self.store.documents(DocumentPage { kind: DocumentKind::EventType, parent: org.0, paging }).await?;
            let end = rows.len() < STRIDE;
            after = rows.last().map(|row| row.key.clone());
            for row in &rows {
                let event_type = read(row)?;
                if (include_archived || !event_type.archived) && is_visible(actor, &event_type) {
                    shown.push(event_type);
                }
            }
            if end || shown.len() >= limit {
                shown.truncate(limit);
                return Ok(window.page(shown));
            }
        }
    }

    /// One event type.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn get_event_type(&self, actor: &Actor, name: &str) -> Result<EventType, ServiceError> {
        actor.require(Right::ReadEventTypes)?;
        let (_, event_type) = self.event_type(actor, name).await?;
        if is_visible(actor, &event_type) { Ok(event_type) } else { Err(ServiceError::NotFound(Resource::EventType)) }
    }

    /// Makes an event type; one that is archived comes back with what the draft says.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`], and [`ServiceError::Conflict`] when there is one of this name.
    pub async fn create_event_type(
        &self,
        actor: &Actor,
        name: &str,
        draft: EventTypeDraft,
        idempotency: Option<Idempotency>,
    ) -> Result<EventType, ServiceError> {
        actor.require(Right::ManageEventTypes)?;
        draft.check(name)?;
        let now = self.clock.now();
        for _ in 0..TRIES {
            let event_type = draft.clone().into_event_type(name, now, now);
            match self.write_event_type(actor, &event_type, Expect::New, idempotency).await? {
                PutResult::Stored(_) => return Ok(event_type),
                PutResult::Replayed { no } => {
                    let document = self.store.document(no).await?.ok_or_else(ServiceError::contended)?;
                    return Ok(read(&document)?);
                }
                PutResult::KeyReused => return Err(ServiceError::key_reused()),
                PutResult::KeyTaken | PutResult::UidTaken | PutResult::Stale => {}
            }
            let (document, existing) = match self.event_type(actor, name).await {
                Err(ServiceError::NotFound(_)) => continue,
                other => other?,
            };
            if !existing.archived {
                return Err(ServiceError::Conflict {
                    code: "event_type_exists",
                    detail: format!("There is an event type `{name}` already. Change it with PUT or PATCH."),
                });
            }
            let event_type = draft.clone().into_event_type(name, existing.created_at, now);
            let expect = Expect::Version { no: document.no, version: document.version };
            if let PutResult::Stored(_) = self.write_event_type(actor, &event_type, expect, idempotency).await? {
                return Ok(event_type);
            }
        }
        Err(ServiceError::contended())
    }

    /// Replaces what an event type says, or makes it.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`].
    pub async fn put_event_type(
        &self,
        actor: &Actor,
        name: &str,
        draft: EventTypeDraft,
    ) -> Result<Made<EventType>, ServiceError> {
        actor.require(Right::ManageEventTypes)?;
        draft.check(name)?;
        match self.update_event_type(actor, name, |now| now.clone_from(&draft)).await {
            Ok(item) => Ok(Made { item, created: false }),
            Err(ServiceError::NotFound(_)) => {
                let item = self.create_event_type(actor, name, draft, None).await?;
                Ok(Made { item, created: true })
            }
            Err(error) => Err(error),
        }
    }

    /// Changes what an event type says. `change` may be called more than once, each time with what it says then.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] and [`ServiceError::Invalid`].
    pub async fn update_event_type(
        &self,
        actor: &Actor,
        name: &str,
        change: impl Fn(&mut EventTypeDraft) + Send + Sync,
    ) -> Result<EventType, ServiceError> {
        actor.require(Right::ManageEventTypes)?;
        for _ in 0..TRIES {
            let (document, existing) = self.event_type(actor, name).await?;
            let mut draft = EventTypeDraft::of(&existing);
            change(&mut draft);
            draft.check(name)?;
            let event_type = draft.into_event_type(name, existing.created_at, self.clock.now());
            let expect = Expect::Version { no: document.no, version: document.version };
            if let PutResult::Stored(_) = self.write_event_type(actor, &event_type, expect, None).await? {
                return Ok(event_type);
            }
        }
        Err(ServiceError::contended())
    }

    /// Archives an event type, or with `expunge` removes it. Endpoints that name it keep doing so.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn delete_event_type(&self, actor: &Actor, name: &str, expunge: bool) -> Result<(), ServiceError> {
        actor.require(Right::ManageEventTypes)?;
        if !expunge {
            return self.update_event_type(actor, name, |draft| draft.archived = true).await.map(drop);
        }
        let (document, _) = self.event_type(actor, name).await?;
        let gone = self.store.delete(Delete { no: document.no, now: self.clock.now(), app: None }).await?;
        if gone { Ok(()) } else { Err(ServiceError::NotFound(Resource::EventType)) }
    }

    /// Notes those of these event types that do not exist.
    pub(crate) async fn check_event_types_exist(
        &self,
        org: OrgNo,
        names: &[String],
        faults: &mut Faults,
    ) -> Result<(), ServiceError> {
        let kind = DocumentKind::EventType;
        let known: Vec<_> = names.iter().map(|name| self.store.document_by_key(kind, org.0, name.clone())).collect();
        for ((at, name), known) in names.iter().enumerate().zip(known) {
            if known.await?.is_none() && is_event_type_name(name) {
                let advice = format!("There is no event type `{name}`. Create it first with POST /api/v1/event-type.");
                faults.note_item("eventTypes", &at, advice);
            }
        }
        Ok(())
    }

    async fn event_type(&self, actor: &Actor, name: &str) -> Result<(Document, EventType), ServiceError> {
        let missing = || ServiceError::NotFound(Resource::EventType);
        let org = self.organization(actor.org).await?.ok_or_else(missing)?;
        let found = self.store.document_by_key(DocumentKind::EventType, org.0, name.to_owned()).await?;
        let document = found.ok_or_else(missing)?;
        let event_type = read(&document)?;
        Ok((document, event_type))
    }

    async fn write_event_type(
        &self,
        actor: &Actor,
        event_type: &EventType,
        expect: Expect,
        idempotency: Option<Idempotency>,
    ) -> Result<PutResult, ServiceError> {
        let org = self.ensure_organization(actor.org).await?;
        let put = Put {
            kind: DocumentKind::EventType,
            parent: org.0,
            key: event_type.name.clone(),
            uid: None,
            body: serde_json::to_string(event_type)?,
            secret: None,
            expect,
            app: None,
            idempotency,
        };
        Ok(self.store.put(put).await?)
    }
}

fn read(document: &Document) -> Result<EventType, StoreError> {
    serde_json::from_str(&document.body)
        .map_err(|source| StoreError::Corrupt { what: "event type", source: source.into() })
}
