//! An OpenAPI document: the webhooks that it describes.
//!
//! OpenAPI 3.1 has them under `webhooks`, earlier documents under `x-webhooks`: a path item each, of which the operation
//! tells what is sent (<https://spec.openapis.org/oas/v3.1.0#path-item-object>).

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::ImportedEventType;
use super::bundle::Bundle;
use crate::{EventTypeDraft, FieldError, ServiceError};

/// Where webhooks stand in a document.
const WEBHOOKS: [&str; 2] = ["webhooks", "x-webhooks"];
/// Event types that a document may have.
const IMPORTED_MAX: usize = 1_000;
/// Methods that an operation stands under. Webhooks are POST; where a document has one under another, it means the same.
const METHODS: [&str; 5] = ["post", "put", "patch", "get", "delete"];
/// References that are followed one after another.
const STEPS_MAX: usize = 16;

/// What a document says about one event type. What it does not say is absent.
#[derive(Debug, Default)]
pub(super) struct Described {
    pub(super) name: String,
    description: Option<String>,
    deprecated: bool,
    feature_flag: Option<String>,
    schemas: Option<String>,
}

impl Described {
    /// Makes an event type say what the document says.
    pub(super) fn apply(&self, now: &mut EventTypeDraft) {
        now.archived = false;
        now.deprecated = self.deprecated;
        if let Some(description) = &self.description {
            now.description.clone_from(description);
        }
        if self.feature_flag.is_some() {
            now.feature_flag.clone_from(&self.feature_flag);
        }
        if self.schemas.is_some() {
            now.schemas.clone_from(&self.schemas);
        }
    }

    /// The event type that it would be if there were none.
    pub(super) fn imported(&self) -> ImportedEventType {
        let mut draft = EventTypeDraft::default();
        self.apply(&mut draft);
        ImportedEventType { name: self.name.clone(), draft }
    }
}

/// Where webhooks stand in this document.
pub(super) fn webhooks_of(document: &Value) -> &'static str {
    WEBHOOKS.into_iter().find(|name| document.get(name).is_some()).unwrap_or(WEBHOOKS[0])
}

/// What a document says about each event type, in its order, and what is wrong with it.
///
/// # Errors
/// [`ServiceError::Invalid`] for what is no such document.
pub(super) fn read(document: &Value) -> Result<(Vec<Described>, Vec<FieldError>), ServiceError> {
    let wrong = |message: String| ServiceError::body("spec", message);
    let place = webhooks_of(document);
    let webhooks = document.get(place).and_then(Value::as_object).filter(|webhooks| !webhooks.is_empty());
    let webhooks = webhooks.ok_or_else(|| {
        wrong("The document describes no webhooks: OpenAPI 3.1 has them under `webhooks`, earlier ones under `x-webhooks`.".to_owned())
    })?;
    if webhooks.len() > IMPORTED_MAX {
        return Err(wrong(format!("It has {} webhooks; at most {IMPORTED_MAX} are taken.", webhooks.len())));
    }
    let mut reader = Reader { document, faults: Vec::new(), way: vec!["body".into(), "spec".into(), place.into()] };
    let described = webhooks.iter().map(|(name, item)| reader.within(name, |reader| reader.webhook(name, item)));
    let described = described.collect();
    Ok((described, reader.faults))
}

/// One document that is being read: the way to where it is being read, and what was found wrong so far.
struct Reader<'d> {
    document: &'d Value,
    way: Vec<Cow<'static, str>>,
    faults: Vec<FieldError>,
}

impl<'d> Reader<'d> {
    fn within<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.way.push(name.to_owned().into());
        let read = read(self);
        self.way.pop();
        read
    }

    fn note(&mut self, message: impl Into<String>) {
        self.faults.push(FieldError::at(self.way.clone(), message));
    }

    /// An object of the document, wherever a reference in its place leads to.
    fn object(&mut self, node: &'d Value, what: &str) -> Option<&'d Map<String, Value>> {
        let mut node = node;
        for _ in 0..STEPS_MAX {
            let Some(members) = node.as_object() else {
                self.note(format!("It is no {what}: an object is expected."));
                return None;
            };
            let Some(target) = members.get("$ref") else { return Some(members) };
            let target = target.as_str().unwrap_or_default();
            let Some(found) = target.strip_prefix('#').and_then(|pointer| self.document.pointer(pointer)) else {
                self.within("$ref", |reader| reader.note(leads_nowhere(target)));
                return None;
            };
            node = found;
        }
        self.note("References lead from one to the next without an end.");
        None
    }

    /// A text of the first of these objects that has it.
    fn text(&mut self, nodes: &[&Map<String, Value>], key: &str) -> Option<String> {
        let said = nodes.iter().find_map(|node| node.get(key))?;
        if !said.is_string() {
            self.within(key, |reader| reader.note("It is a text."));
        }
        said.as_str().map(str::to_owned)
    }

    fn webhook(&mut self, name: &str, item: &'d Value) -> Described {
        let mut described = Described { name: name.to_owned(), ..Described::default() };
        let Some(item) = self.object(item, "path item") else { return described };
        let Some((method, operation)) = METHODS.iter().find_map(|method| Some((*method, item.get(*method)?))) else {
            self.note("It describes no request: give it an operation under `post`.");
            return described;
        };
        self.within(method, |reader| {
            let Some(operation) = reader.object(operation, "operation") else { return };
            let said = ["description", "summary"].iter().find_map(|key| reader.text(&[operation, item], key));
            described.description = said;
            described.deprecated = operation.get("deprecated") == Some(&Value::Bool(true));
            described.feature_flag =
                reader.text(&[operation, item], "x-feature-flag").or_else(|| first_flag(operation));
            if let Some(body) = operation.get("requestBody") {
                described.schemas = reader.within("requestBody", |reader| reader.schemas(body));
            }
        });
        described
    }

    /// The schemas of an event type, as text: the one of the JSON that a request has.
    fn schemas(&mut self, body: &'d Value) -> Option<String> {
        let content = self.object(body, "request body")?.get("content");
        self.within("content", |reader| {
            let content = reader.object(content.unwrap_or(&Value::Null), "content by media type")?;
            let Some((name, media)) = content.iter().find(|(name, _)| is_json(name)) else {
                reader.note("It has no JSON: payloads of event types are `application/json`.");
                return None;
            };
            reader.within(name, |reader| {
                let media = reader.object(media, "media type")?;
                let schema = media.get("schema")?;
                reader.within("schema", |reader| reader.bundled(schema, media))
            })
        })
    }

    fn bundled(&mut self, schema: &Value, media: &Map<String, Value>) -> Option<String> {
        let mut bundle = Bundle::new(self.document);
        let bundled = bundle.schema(schema, &examples_of(media));
        for fault in bundle.faults {
            let way = self.way.iter().cloned().chain(fault.path.into_iter().map(Cow::Owned));
            self.faults.push(FieldError::at(way.collect::<Vec<_>>(), fault.message));
        }
        Some(json!({ "1": bundled? }).to_string())
    }
}

/// What to do about a reference that cannot be followed.
pub(super) fn leads_nowhere(target: &str) -> String {
    if target.starts_with('#') {
        format!("There is no `{target}` in the document: add it, or correct the reference.")
    } else {
        format!("`{target}` is not in the document, and no other is read: put what it means under `components`.")
    }
}

/// Whether a media type is JSON: `application/json`, whatever its parameters, or a type with the suffix `+json`.
fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

fn first_flag(operation: &Map<String, Value>) -> Option<String> {
    let flags = operation.get("x-feature-flags").or_else(|| operation.get("x-svix-feature-flags"));
    flags?.get(0)?.as_str().map(str::to_owned)
}

/// Examples that stand beside a schema: `example`, or the values of `examples` by name.
fn examples_of(media: &Map<String, Value>) -> Vec<Value> {
    let named = media.get("examples").and_then(Value::as_object).into_iter().flat_map(Map::values);
    media.get("example").into_iter().chain(named.filter_map(|one| one.get("value"))).cloned().collect()
}
