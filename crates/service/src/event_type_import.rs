//! Event types out of an OpenAPI document: each webhook that it describes becomes one.
//!
//! OpenAPI 3.1 has them under `webhooks`, earlier documents under `x-webhooks`. The schema of the request's JSON body
//! becomes the schema of the event type, with the components that it refers to beside it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use ringback_model::EventType;
use serde_json::{Map, Value, json};

use crate::{Actor, EventTypeDraft, FieldError, Right, Service, ServiceError};

/// Where webhooks stand in a document.
const WEBHOOKS: [&str; 2] = ["webhooks", "x-webhooks"];
/// Event types that a document may have.
const IMPORTED_MAX: usize = 1_000;
const COMPONENTS: &str = "#/components/schemas/";

/// What is to be done with an OpenAPI document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportMode {
    /// Nothing is kept: only told.
    pub dry_run: bool,
    /// Event types that the document does not have are archived.
    pub replace_all: bool,
}

/// An event type as a document has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedEventType {
    /// Its name.
    pub name: String,
    /// What it says.
    pub draft: EventTypeDraft,
}

impl Service {
    /// Makes and changes event types as an OpenAPI document describes them; returns those that it describes, in order.
    /// Nothing is kept of a document of which any part is refused.
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
        let found = read_document(document)?;
        invalid_if_any(faults_of_all(&found, &["spec", "webhooks"]))?;
        if mode.dry_run {
            return Ok(found);
        }
        for ImportedEventType { name, draft } in &found {
            self.overwrite_event_type(actor, name, draft).await?;
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

    /// Makes an event type or replaces what it says, but for how its payloads become reports.
    pub(crate) async fn overwrite_event_type(
        &self,
        actor: &Actor,
        name: &str,
        draft: &EventTypeDraft,
    ) -> Result<(), ServiceError> {
        let change = |now: &mut EventTypeDraft| {
            let report_mapping = std::mem::take(&mut now.report_mapping);
            *now = draft.clone();
            if now.report_mapping.is_empty() {
                now.report_mapping = report_mapping;
            }
        };
        match self.update_event_type(actor, name, change).await {
            Err(ServiceError::NotFound(_)) => self.put_event_type(actor, name, draft.clone()).await.map(drop),
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

fn read_document(document: &Value) -> Result<Vec<ImportedEventType>, ServiceError> {
    let wrong = |message: String| ServiceError::body("spec", message);
    let webhooks = WEBHOOKS.iter().find_map(|name| document.get(name)).and_then(Value::as_object);
    let webhooks = webhooks.filter(|webhooks| !webhooks.is_empty()).ok_or_else(|| {
        wrong("The document describes no webhooks: OpenAPI 3.1 has them under `webhooks`, earlier ones under `x-webhooks`.".to_owned())
    })?;
    if webhooks.len() > IMPORTED_MAX {
        return Err(wrong(format!("It has {} webhooks; at most {IMPORTED_MAX} are taken.", webhooks.len())));
    }
    let mut found = Vec::new();
    for (name, item) in webhooks {
        // Webhooks are POST; where a document has them under another method, it means the same.
        let operation = ["post", "put", "get"].iter().find_map(|method| item.get(method)).unwrap_or(item);
        let text = |key: &str| operation.get(key).or_else(|| item.get(key)).and_then(Value::as_str).map(str::to_owned);
        let flags = operation.get("x-feature-flags").or_else(|| operation.get("x-svix-feature-flags"));
        let first_flag = flags.and_then(|flags| flags.get(0)).and_then(Value::as_str).map(str::to_owned);
        let schema = operation.pointer("/requestBody/content/application~1json/schema");
        found.push(ImportedEventType {
            name: name.clone(),
            draft: EventTypeDraft {
                description: text("description").or_else(|| text("summary")).unwrap_or_default(),
                archived: false,
                deprecated: operation.get("deprecated") == Some(&Value::Bool(true)),
                feature_flag: text("x-feature-flag").or(first_flag),
                schemas: schema.map(|schema| json!({ "1": bundled(schema, document) }).to_string()),
                ..EventTypeDraft::default()
            },
        });
    }
    Ok(found)
}

/// A schema that stands alone: what it refers to in the document comes along under `$defs`.
fn bundled(schema: &Value, document: &Value) -> Value {
    let mut schema = schema.clone();
    let mut wanted = BTreeSet::new();
    point_inwards(&mut schema, &mut wanted);
    let mut components = Map::new();
    while let Some(name) = wanted.pop_first() {
        if components.contains_key(&name) {
            continue;
        }
        let mut component =
            document.pointer(&format!("/components/schemas/{name}")).cloned().unwrap_or(Value::Bool(true));
        point_inwards(&mut component, &mut wanted);
        components.insert(name, component);
    }
    if let (Value::Object(members), false) = (&mut schema, components.is_empty()) {
        match members.get_mut("$defs") {
            Some(Value::Object(own)) => own.extend(components),
            _ => drop(members.insert("$defs".to_owned(), Value::Object(components))),
        }
    }
    schema
}

/// Makes references to components lead to `$defs`, and notes their names.
fn point_inwards(node: &mut Value, wanted: &mut BTreeSet<String>) {
    match node {
        Value::Array(list) => list.iter_mut().for_each(|item| point_inwards(item, wanted)),
        Value::Object(members) => {
            for (name, value) in members {
                let target = value.as_str().and_then(|text| text.strip_prefix(COMPONENTS)).map(str::to_owned);
                match target {
                    Some(target) if name == "$ref" => {
                        *value = Value::from(format!("#/$defs/{target}"));
                        wanted.insert(target.split('/').next().unwrap_or_default().to_owned());
                    }
                    _ => point_inwards(value, wanted),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_schema_refers_to_comes_along_once_also_in_a_circle() {
        let document = json!({ "components": { "schemas": {
            "A": { "properties": { "b": { "$ref": "#/components/schemas/B" } } },
            "B": { "items": { "$ref": "#/components/schemas/A" } },
            "C": {},
        } } });
        let bundled = bundled(&json!({ "$ref": "#/components/schemas/A" }), &document);
        assert_eq!(bundled["$ref"], "#/$defs/A");
        assert_eq!(bundled["$defs"]["A"]["properties"]["b"]["$ref"], "#/$defs/B");
        assert_eq!(bundled["$defs"]["B"]["items"]["$ref"], "#/$defs/A");
        assert_eq!(bundled["$defs"].as_object().unwrap().len(), 2);
    }
}
