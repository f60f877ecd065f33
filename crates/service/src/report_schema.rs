//! Schemas and samples of event types: their own, or those of the reports that every server knows.

use std::borrow::Cow;

use bytes::Bytes;
use indexmap::IndexMap;
use ringback_model::{EventType, ProductList, is_report};
use ringback_wire::report::SCHEMA_VERSION;
pub use ringback_wire::report::{ReportSchema, report_schema, report_schemas};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{Actor, Service, ServiceError};

/// References that are followed to an example.
const REFERENCES_MAX: usize = 16;

/// The schemas of an event type by version, as JSON text: its own, else the built-in one of its name. A type with a
/// mapping has payloads of the producer's own form, of which only the producer can tell.
#[must_use]
pub fn schemas_of(event_type: &EventType) -> Option<Cow<'_, str>> {
    if let Some(own) = &event_type.schemas {
        return Some(Cow::Borrowed(own));
    }
    let built_in = report_schema(&event_type.name).filter(|_| event_type.report_mapping.is_empty())?;
    Some(Cow::Owned(by_version(built_in)))
}

fn by_version(built_in: &ReportSchema) -> String {
    format!(r#"{{"{SCHEMA_VERSION}":{}}}"#, built_in.schema)
}

/// What is kept of the schemas that somebody sends: nothing of built-in ones that were read and are sent back, so that
/// they follow the server from version to version.
pub(crate) fn own_schemas(name: &str, schemas: Option<String>) -> Option<String> {
    let Some(built_in) = report_schema(name) else { return schemas };
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    schemas.filter(|schemas| read(schemas) != read(&by_version(built_in)))
}

/// An example of the newest of several schemas, by its place.
fn example(schemas: &str, place: usize) -> Option<Bytes> {
    let by_version: IndexMap<String, &RawValue> = serde_json::from_str(schemas).ok()?;
    let (_, newest) = by_version.iter().max_by_key(|(version, _)| version.parse::<u64>().ok())?;
    let mut schema = *newest;
    for _ in 0..REFERENCES_MAX {
        let Schema { examples, target } = serde_json::from_str(schema.get()).ok()?;
        if let Some(examples) = examples {
            return examples.get(place).map(|example| Bytes::copy_from_slice(example.get().as_bytes()));
        }
        schema = within(newest, target?.strip_prefix("#/")?)?;
    }
    None
}

/// What a schema says about samples: its own ones, or where those of another part of it are.
#[derive(Deserialize)]
struct Schema<'a> {
    #[serde(borrow)]
    examples: Option<Vec<&'a RawValue>>,
    #[serde(borrow, rename = "$ref")]
    target: Option<Cow<'a, str>>,
}

/// What stands at a place of a schema, as it is written there.
fn within<'a>(schema: &'a RawValue, pointer: &str) -> Option<&'a RawValue> {
    pointer.split('/').try_fold(schema, |node, name| {
        let members: IndexMap<String, &RawValue> = serde_json::from_str(node.get()).ok()?;
        members.get(name).copied()
    })
}

impl Service {
    /// A payload of an event type: the example of its own schema, else the built-in one of its name, else what such a report
    /// of another product is like.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sample(&self, actor: &Actor, event_type: &str) -> Result<Option<Bytes>, ServiceError> {
        self.sample_at(actor, event_type, 0).await
    }

    /// The same of the examples at one place, from 0. There is one built-in of each.
    pub(crate) async fn sample_at(
        &self,
        actor: &Actor,
        event_type: &str,
        place: usize,
    ) -> Result<Option<Bytes>, ServiceError> {
        let built_in = || {
            let schema = report_schema(event_type).filter(|_| place == 0);
            schema.map(|schema| Bytes::from_static(schema.example.as_bytes()))
        };
        let own = |known: &EventType| known.schemas.as_deref().and_then(|schemas| example(schemas, place));
        let sample = match self.get_event_type(actor, event_type).await {
            Ok(known) if known.report_mapping.is_empty() => own(&known).or_else(built_in),
            Ok(known) => return Ok(own(&known)),
            Err(ServiceError::NotFound(_)) => built_in(),
            Err(error) => return Err(error),
        };
        if sample.is_some() || place > 0 {
            return Ok(sample);
        }
        let Some(org) = self.organization(actor.org).await? else { return Ok(None) };
        Ok(alike(&self.directory.settings(org).await?.products, event_type))
    }
}

/// An inbound message of any product, in the form that all of them have.
const INBOUND: &str = r#""productUniqueId":"254700000001","inbound":{"metadata":{"display_phone_number":"254700000001"},"messages":[{"from":"254712345678","id":"b7f1c9d2","timestamp":"1717232460","type":"text","text":{"body":"Yes & thanks"}}]}"#;

/// What a report of an operator's own product is like: such a report of a product that is known everywhere.
fn alike(own: &ProductList, event_type: &str) -> Option<Bytes> {
    let (product, report_type) = event_type.split_once('.').filter(|_| is_report(own, event_type))?;
    if report_type == "mo" {
        return Some(format!(r#"{{"product":"{product}",{INBOUND}}}"#).into());
    }
    let kind = |one: &&ReportSchema| one.event_type.split_once('.').is_some_and(|(_, kind)| kind == report_type);
    let other = report_schemas().iter().find(kind)?;
    let its = other.event_type.split_once('.')?.0;
    let text = other.example.replacen(&format!(r#""product":"{its}""#), &format!(r#""product":"{product}""#), 1);
    Some(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_an_own_product_is_like_that_of_a_known_one() {
        let words = |types: &[&str]| types.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let own: ProductList =
            [("sms".to_owned(), words(&["dlr", "mo"])), ("rcs".to_owned(), words(&["dlr", "seen"]))].into();
        let read = |event_type: &str| -> Value { serde_json::from_slice(&alike(&own, event_type).unwrap()).unwrap() };
        let (dlr, mo) = (read("rcs.dlr"), read("sms.mo"));
        assert_eq!((&dlr["product"], &dlr["message"]["status"]), (&Value::from("rcs"), &Value::from("delivered")));
        assert_eq!(mo["product"], "sms");
        assert_eq!(mo["inbound"]["messages"][0]["text"]["body"], "Yes & thanks");
        for none in ["rcs.seen", "email.dlr", "sms", "whatsapp.nothing"] {
            assert_eq!(alike(&own, none), None, "{none}");
        }
    }

    #[test]
    fn the_example_is_that_of_the_newest_schema_to_the_byte() {
        let example = |schemas: &str| example(schemas, 0).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        let two = r#"{"10":{"examples":[{"v": 1.0},2]},"9":{"examples":[9]}}"#;
        assert_eq!(example(two).as_deref(), Some(r#"{"v": 1.0}"#));
        let behind = r##"{"1":{"$ref":"#/$defs/A","$defs":{"A":{"$ref":"#/$defs/B"},"B":{"examples":[1.50]}}}}"##;
        assert_eq!(example(behind).as_deref(), Some("1.50"));
        let circle = r##"{"1":{"$ref":"#/$defs/A","$defs":{"A":{"$ref":"#/$defs/A"}}}}"##;
        assert_eq!(example(circle), None);
        for none in [r#"{"1":{}}"#, r#"{"1":true}"#, r#"{"1":{"examples":[]}}"#, r#"{"1":{"examples":{}}}"#, "{}"] {
            assert_eq!(example(none), None, "{none}");
        }
        for built_in in report_schemas() {
            let shown: Value = serde_json::from_str(&example(&by_version(built_in)).unwrap()).unwrap();
            assert_eq!(shown, serde_json::from_str::<Value>(built_in.example).unwrap());
            let schema = serde_json::from_str(&built_in.schema).unwrap();
            assert_eq!(ringback_model::schema_faults(&schema), [], "{}", built_in.event_type);
        }
    }

    #[test]
    fn built_in_schemas_that_are_sent_back_are_not_kept() {
        let built_in = by_version(report_schema("sms.dlr").unwrap());
        let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&built_in).unwrap()).unwrap();
        assert_eq!(own_schemas("sms.dlr", Some(pretty)), None);
        let own = Some(r#"{"1":{}}"#.to_owned());
        assert_eq!(own_schemas("sms.dlr", own.clone()), own);
        assert_eq!(own_schemas("whatsapp.dlr", Some(built_in.clone())), Some(built_in));
    }
}
