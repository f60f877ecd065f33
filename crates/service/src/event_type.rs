//! Event types: the names that messages carry and endpoints filter by.

use std::borrow::Cow;

use indexmap::IndexMap;
use ringback_model::{
    EventType, MappedFrom, OrgNo, ProductList, ReportMapping, Timestamp, Violation, event_type_is_like, near, products,
    schema_faults,
};
use ringback_store::{
    Delete, Direction, Document, DocumentKind, DocumentPage, Expect, Idempotency, Paging, Put, PutResult, StoreError,
};
use ringback_wire::report::check_mapping;
use serde_json::Value;

use crate::audit::Note;
use crate::check::{EVENT_TYPE_RULE, Faults, TEXT_MAX, is_event_type_name};
use crate::report_schema::own_schemas;
use crate::service::TRIES;
use crate::{Actor, Made, Page, Resource, Right, Service, ServiceError, Window};

/// The longest text of all schemas of one event type.
const SCHEMAS_MAX: usize = 256 * 1_024;
/// Paths of a report that may be mapped.
const MAPPING_MAX: usize = 100;
/// Words that a path of a mapping may have.
const WORDS_MAX: usize = 100;
/// The longest path into a payload, in bytes.
const PATH_MAX: usize = 256;
/// Rows that are read at a time when some of them may not be shown.
const STRIDE: usize = 251;
/// Names that near matches are looked for among.
const NAMES_MAX: usize = 1_000;
/// What happens to the entities that are registered: an event type of each exists as soon as one of them does.
const ACTIONS: [&str; 3] = ["create", "update", "delete"];

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
    /// See [`EventType::report_mapping`].
    pub report_mapping: ReportMapping,
}

impl EventTypeDraft {
    /// What an event type says now: the draft that changes nothing.
    #[must_use]
    pub fn of(event_type: &EventType) -> Self {
        let EventType { description, archived, deprecated, feature_flag, schemas, report_mapping, .. } =
            event_type.clone();
        Self { description, archived, deprecated, feature_flag, schemas, report_mapping }
    }

    /// Refuses what makes no sense. Schemas that stand as they did `before` were looked at then.
    pub(crate) fn check(&self, name: &str, before: Option<&EventType>) -> Result<(), ServiceError> {
        let mut faults = Faults::default();
        if !is_event_type_name(name) {
            faults.note("name", EVENT_TYPE_RULE);
        }
        faults.text("description", &self.description, TEXT_MAX);
        if self.feature_flag.as_deref().is_some_and(|flag| !is_event_type_name(flag)) {
            faults.note("featureFlag", "1 to 256 characters of a-z, A-Z, 0-9, `.`, `_`, `:` and `-` are allowed.");
        }
        if let Some(schemas) = &self.schemas
            && before.is_none_or(|before| before.schemas.as_ref() != Some(schemas))
        {
            check_schemas(schemas, &mut faults);
        }
        self.check_mapping(&mut faults);
        faults.finish()
    }

    fn check_mapping(&self, faults: &mut Faults) {
        if self.report_mapping.len() > MAPPING_MAX {
            faults.note("reportMapping", format!("At most {MAPPING_MAX} paths are allowed."));
            return;
        }
        if let Some((to, _)) = self.report_mapping.iter().find(|(_, from)| from.path.len() > PATH_MAX) {
            faults.note_item("reportMapping", to, format!("A path has at most {PATH_MAX} bytes."));
        }
        let too_many = |from: &MappedFrom| {
            from.words.len() > WORDS_MAX
                || from.words.iter().any(|(word, meant)| word.len() > PATH_MAX || meant.len() > PATH_MAX)
        };
        if let Some((to, _)) = self.report_mapping.iter().find(|(_, from)| too_many(from)) {
            let rule = format!("At most {WORDS_MAX} words of {PATH_MAX} bytes are allowed.");
            faults.note_item("reportMapping", to, rule);
        }
        for error in check_mapping(&self.report_mapping).err().into_iter().flatten() {
            // A path has dots of its own, so it is one step on the way and not several.
            match error.field.strip_prefix("reportMapping.") {
                Some(path) => faults.note_item("reportMapping", &path, error.message),
                None => faults.note("reportMapping", error.message),
            }
        }
    }

    fn into_event_type(self, name: &str, created_at: Timestamp, updated_at: Timestamp) -> EventType {
        let Self { description, archived, deprecated, feature_flag, schemas, report_mapping } = self;
        let schemas = own_schemas(name, schemas);
        EventType {
            name: name.to_owned(),
            description,
            archived,
            deprecated,
            feature_flag,
            schemas,
            report_mapping,
            created_at,
            updated_at,
        }
    }
}

/// Notes why a text is no object of schemas by version.
fn check_schemas(text: &str, faults: &mut Faults) {
    if text.len() > SCHEMAS_MAX {
        return faults.note("schemas", format!("All schemas have at most {SCHEMAS_MAX} bytes."));
    }
    let Ok(by_version) = serde_json::from_str::<IndexMap<String, Value>>(text) else {
        let rule = "It is an object of JSON Schemas by version, such as {\"1\": {\"type\": \"object\"}}.";
        return faults.note("schemas", rule);
    };
    for (version, schema) in by_version {
        for Violation { path, message } in schema_faults(&schema) {
            faults.note_deep("schemas", std::iter::once(version.clone()).chain(path), message);
        }
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
        let Some(org) = self.organization(actor.org).await? else { return Ok(Page::empty()) };
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
        draft.check(name, None)?;
        let now = self.clock.now();
        for _ in 0..TRIES {
            let event_type = draft.clone().into_event_type(name, now, now);
            match self.write_event_type(actor, &event_type, None, idempotency).await? {
                PutResult::Stored(_) => {
                    self.event_type_changed(actor, &[&event_type]).await?;
                    return Ok(event_type);
                }
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
            if let PutResult::Stored(_) =
                self.write_event_type(actor, &event_type, Some(&document), idempotency).await?
            {
                self.event_type_changed(actor, &[&existing, &event_type]).await?;
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
        draft.check(name, None)?;
        let replace = |now: &mut EventTypeDraft| now.clone_from(&draft);
        match self.update_event_type(actor, name, replace).await {
            Err(ServiceError::NotFound(_)) => {}
            updated => return updated.map(|item| Made { item, created: false }),
        }
        match self.create_event_type(actor, name, draft.clone(), None).await {
            // Somebody else has made it meanwhile.
            Err(ServiceError::Conflict { .. }) => {
                let item = self.update_event_type(actor, name, replace).await?;
                Ok(Made { item, created: false })
            }
            made => made.map(|item| Made { item, created: true }),
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
        self.save_event_type(actor, name, |_| true, change).await
    }

    /// The same, as long as what it says is still what was `seen`.
    ///
    /// # Errors
    /// Those of [`Service::update_event_type`], and [`ServiceError::Conflict`] with `changed` when it is not.
    pub async fn save_event_type(
        &self,
        actor: &Actor,
        name: &str,
        seen: impl Fn(&EventTypeDraft) -> bool + Send + Sync,
        change: impl Fn(&mut EventTypeDraft) + Send + Sync,
    ) -> Result<EventType, ServiceError> {
        actor.require(Right::ManageEventTypes)?;
        for _ in 0..TRIES {
            let (document, existing) = self.event_type(actor, name).await?;
            let mut draft = EventTypeDraft::of(&existing);
            if !seen(&draft) {
                return Err(ServiceError::changed("event type"));
            }
            change(&mut draft);
            draft.check(name, Some(&existing))?;
            let event_type = draft.into_event_type(name, existing.created_at, self.clock.now());
            if let PutResult::Stored(_) = self.write_event_type(actor, &event_type, Some(&document), None).await? {
                self.event_type_changed(actor, &[&existing, &event_type]).await?;
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
        let (document, existing) = self.event_type(actor, name).await?;
        let now = self.clock.now();
        let audit = note(actor, OrgNo(document.parent), name).done(now, "deleted");
        let gone = self.store.delete(Delete { audit, ..Delete::new(document.no, now) }).await?;
        self.event_type_changed(actor, &[&existing]).await?;
        if gone { Ok(()) } else { Err(ServiceError::NotFound(Resource::EventType)) }
    }

    /// Notes those of these event types, or patterns of them, that do not exist.
    pub(crate) async fn check_event_types_exist(
        &self,
        org: OrgNo,
        names: &[String],
        faults: &mut Faults,
    ) -> Result<(), ServiceError> {
        // What operational webhooks tell of is not made by those who get them.
        let advice = if self.is_management(org).await? {
            "there is none like it: operational webhooks have types of their own."
        } else {
            "create it first with POST /api/v1/event-type."
        };
        for (at, fault) in self.unknown_event_types(org, names, advice).await? {
            faults.note_item("eventTypes", &at, fault);
        }
        Ok(())
    }

    /// Which of these event types do not exist, by their position, with a sentence that names what was probably meant
    /// and ends in `advice`. A name that can be none is left to others.
    pub(crate) async fn unknown_event_types<T: AsRef<str>>(
        &self,
        org: OrgNo,
        names: &[T],
        advice: &str,
    ) -> Result<Vec<(usize, String)>, ServiceError> {
        let names = names.iter().map(AsRef::as_ref).enumerate();
        let asked: Vec<_> = names.filter(|(_, name)| is_event_type_name(name) || is_pattern(name)).collect();
        // All at once, as each is a look into the store.
        let looks: Vec<_> = asked.iter().map(|(_, name)| self.look_up(org, name)).collect();
        let reports = reports(&self.directory.settings(org).await?.products);
        let mut missing = Vec::new();
        for ((at, name), look) in asked.into_iter().zip(looks) {
            let is_known = reports.iter().any(|report| event_type_is_like(report, name))
                || look.await?.is_some()
                || self.exists_otherwise(org, name).await?
                || self.is_operational(org, name).await?;
            if !is_known {
                missing.push((at, name));
            }
        }
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let known = self.known_event_types(org).await?;
        let sentence = |name: &str| match near(name, known.iter().map(String::as_str)).first() {
            Some(meant) => format!("There is no event type `{name}`; is it `{meant}`? If not, {advice}"),
            None => format!("There is no event type `{name}`: {advice}"),
        };
        Ok(missing.into_iter().map(|(at, name)| (at, sentence(name))).collect())
    }

    fn look_up(&self, org: OrgNo, name: &str) -> ringback_store::Reply<Option<Document>> {
        self.store.document_by_key(DocumentKind::EventType, org.0, name.to_owned())
    }

    /// Whether a pattern fits an event type, or an entity is registered that a name is an action of.
    async fn exists_otherwise(&self, org: OrgNo, name: &str) -> Result<bool, ServiceError> {
        if is_pattern(name) {
            let mut after = None;
            loop {
                let names = self.event_type_names(org, after.take(), STRIDE).await?;
                let fits = |known: &String| {
                    event_type_is_like(known, name)
                        || actions(known).iter().any(|action| event_type_is_like(action, name))
                };
                if names.iter().any(fits) {
                    return Ok(true);
                }
                match names.last() {
                    Some(last) if names.len() == STRIDE => after = Some(last.clone()),
                    Some(_) | None => return Ok(false),
                }
            }
        }
        let Some((entity, action)) = name.rsplit_once(':') else { return Ok(false) };
        if !ACTIONS.contains(&action) {
            return Ok(false);
        }
        let first = self.event_type_names(org, Some(format!("{entity}:")), 1).await?;
        let has_other = first.first().is_some_and(|known| known.starts_with(&format!("{entity}:")));
        Ok(has_other || self.look_up(org, entity).await?.is_some())
    }

    /// Whether a trigger, or a pattern of them, stands for an event type that is not archived. Of an entity that has one all
    /// three actions exist.
    pub(crate) async fn has_trigger(&self, org: OrgNo, trigger: &str) -> Result<bool, ServiceError> {
        // All that it may stand for begins so, and stands together.
        let stem = trigger.split(['*', ':']).next().unwrap_or_default();
        let fits = |document: &Document| {
            let known = document.key.as_str();
            let is_meant = event_type_is_like(known, trigger)
                || actions(known).iter().any(|action| event_type_is_like(action, trigger));
            Ok::<_, ServiceError>(is_meant && !read(document)?.archived)
        };
        if let Some(entity) = self.look_up(org, stem).await?
            && fits(&entity)?
        {
            return Ok(true);
        }
        let mut after = Some(stem.to_owned()).filter(|stem| !stem.is_empty());
        loop {
            let paging = Paging { limit: STRIDE, after: after.take(), direction: Direction::Ascending };
            let page = DocumentPage { kind: DocumentKind::EventType, parent: org.0, paging };
            let documents = self.store.documents(page).await?;
            for document in documents.iter().take_while(|document| document.key.starts_with(stem)) {
                if fits(document)? {
                    return Ok(true);
                }
            }
            match documents.last() {
                Some(last) if documents.len() == STRIDE && last.key.starts_with(stem) => after = Some(last.key.clone()),
                Some(_) | None => return Ok(false),
            }
        }
    }

    /// Triggers that one which does not exist may be meant for: as many as are looked at.
    pub(crate) async fn triggers(&self, org: OrgNo) -> Result<Vec<String>, ServiceError> {
        let paging = Paging { limit: NAMES_MAX, after: None, direction: Direction::Ascending };
        let page = DocumentPage { kind: DocumentKind::EventType, parent: org.0, paging };
        let mut names = Vec::new();
        for document in self.store.documents(page).await? {
            if !read(&document)?.archived {
                names.extend(actions(&document.key));
                names.push(document.key);
            }
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// Names that one which does not exist may be meant for: those of reports, and those that were registered.
    pub(crate) async fn known_event_types(&self, org: OrgNo) -> Result<Vec<String>, ServiceError> {
        let mut known = self.event_type_names(org, None, NAMES_MAX).await?;
        known.extend(reports(&self.directory.settings(org).await?.products));
        known.sort_unstable();
        known.dedup();
        Ok(known)
    }

    /// Names of event types, in order.
    async fn event_type_names(
        &self,
        org: OrgNo,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, ServiceError> {
        let paging = Paging { limit, after, direction: Direction::Ascending };
        let page = DocumentPage { kind: DocumentKind::EventType, parent: org.0, paging };
        Ok(self.store.documents(page).await?.into_iter().map(|document| document.key).collect())
    }

    /// Makes a mapping, or a schema that payloads are held against, count for every application that it may concern. The
    /// event type was written before: whoever reads the settings at their new version finds it.
    async fn event_type_changed(&self, actor: &Actor, versions: &[&EventType]) -> Result<(), ServiceError> {
        // Who has asked for it before and got no answer asks for the same again.
        let is_mapped = versions.iter().any(|one| !one.report_mapping.is_empty());
        let has_schemas = versions.iter().any(|one| one.schemas.is_some());
        if !is_mapped && !has_schemas {
            return Ok(());
        }
        let org = self.ensure_organization(actor.org).await?;
        if !is_mapped && !self.directory.settings(org).await?.validate_payloads {
            return Ok(());
        }
        self.touch_organization(actor).await
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
        before: Option<&Document>,
        idempotency: Option<Idempotency>,
    ) -> Result<PutResult, ServiceError> {
        let org = self.ensure_organization(actor.org).await?;
        let expect = before.map_or(Expect::New, |found| Expect::Version { no: found.no, version: found.version });
        let mut put = Put {
            expect,
            idempotency,
            ..Put::new(DocumentKind::EventType, org.0, event_type.name.clone(), serde_json::to_string(event_type)?)
        };
        let (note, now) = (note(actor, org, &event_type.name), self.clock.now());
        put.audit = match before {
            Some(before) => note.changed(now, &before.body, &put.body, false),
            None => note.added(now, &put.body),
        };
        Ok(self.store.put(put).await?)
    }
}

fn note<'a>(actor: &'a Actor, org: OrgNo, name: &'a str) -> Note<'a> {
    Note { org: org.0, by: &actor.by, thing: "event type", app: None, subject: name.to_owned(), title: name }
}

/// What happens to the entity of an event type: its triggers.
fn actions(known: &str) -> [String; 3] {
    let entity = known.split_once(':').map_or(known, |(entity, _)| entity);
    ACTIONS.map(|action| format!("{entity}:{action}"))
}

/// The event types of reports, which nobody has to make.
fn reports(own: &ProductList) -> Vec<String> {
    let all = products(own);
    all.iter().flat_map(|(product, types)| types.iter().map(move |one| format!("{product}.{one}"))).collect()
}

fn read(document: &Document) -> Result<EventType, StoreError> {
    serde_json::from_str(&document.body)
        .map_err(|source| StoreError::Corrupt { what: "event type", source: source.into() })
}

/// Whether a text is a pattern of event types: a name in which a part `*` stands for any, and another part for itself.
pub(crate) fn is_pattern(text: &str) -> bool {
    let parts = || text.split(['.', ':']);
    let stars = parts().filter(|part| *part == "*").count();
    let plain: Cow<'_, str> = text.replace('*', "x").into();
    stars > 0
        && stars < parts().count()
        && parts().all(|part| part == "*" || !part.contains('*'))
        && is_event_type_name(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_whole_parts_for_anything_and_others_for_themselves() {
        for good in ["profile.Customer:*", "profile.*:*", "*.dlr"] {
            assert!(is_pattern(good), "{good}");
        }
        for bad in ["*", "*.*", "sms.d*", "sms dlr.*", "sms.dlr", ""] {
            assert!(!is_pattern(bad), "{bad:?}");
        }
    }
}
