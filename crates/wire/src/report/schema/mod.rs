//! The report as JSON Schemas, one for each built-in event type, with an example of each.
//!
//! They are made of the table of paths that dialects read reports by, so a member that is read is in them and no other.

mod examples;
mod meaning;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::path::{Kind, members};
use super::status::Status;

/// The version of the built-in schemas, as event types name it.
pub const SCHEMA_VERSION: &str = "1";

/// The dialect of JSON Schema that they are written in.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A built-in event type.
#[derive(Debug)]
pub struct ReportSchema {
    /// The event type.
    pub event_type: &'static str,
    /// What it means, for people.
    pub description: &'static str,
    /// A JSON Schema (draft 2020-12) of its payload, as text. Its `examples` hold [`ReportSchema::example`].
    pub schema: String,
    /// A payload, as text.
    pub example: &'static str,
}

/// What a schema is made of.
struct Outline {
    event_type: &'static str,
    description: &'static str,
    /// The members at the top that it has beside `product` and `category`.
    members: &'static [&'static str],
    /// What every report of the type says.
    required: &'static [&'static str],
    example: &'static str,
}

const OUTLINES: [Outline; 7] = [
    Outline {
        event_type: "sms.dlr",
        description: "A delivery report of an SMS.",
        members: &["message"],
        required: &["message.id", "message.to", "message.status"],
        example: examples::SMS_DLR,
    },
    Outline {
        event_type: "whatsapp.dlr",
        description: "A delivery report of a WhatsApp message.",
        members: &["productUniqueId", "message"],
        required: &["message.id", "message.to", "message.status"],
        example: examples::WHATSAPP_DLR,
    },
    Outline {
        event_type: "whatsapp.mo",
        description: "An inbound WhatsApp message.",
        members: &["productUniqueId", "inbound"],
        required: &["inbound"],
        example: examples::WHATSAPP_MO,
    },
    Outline {
        event_type: "voice.ivr",
        description: "The record of a call that played an IVR file.",
        members: &["productUniqueId", "call"],
        required: &["call.id", "call.to"],
        example: examples::VOICE_IVR,
    },
    Outline {
        event_type: "voice.call",
        description: "The record of a call.",
        members: &["productUniqueId", "call"],
        required: &["call.id", "call.from", "call.to"],
        example: examples::VOICE_CALL,
    },
    Outline {
        event_type: "otp.feedback",
        description: "What a customer says became of a one-time password.",
        members: &["productUniqueId", "message", "feedback"],
        required: &["message.id", "feedback.result"],
        example: examples::OTP_FEEDBACK,
    },
    Outline {
        event_type: "lookup.result",
        description: "What was found about a number.",
        members: &["productUniqueId", "message", "lookup"],
        required: &["lookup"],
        example: examples::LOOKUP_RESULT,
    },
];

static ALL: LazyLock<Vec<ReportSchema>> = LazyLock::new(|| OUTLINES.iter().map(Outline::build).collect());

/// The schemas of all built-in event types.
#[must_use]
pub fn report_schemas() -> &'static [ReportSchema] {
    &ALL
}

/// The schema of an event type, if it is a built-in one.
#[must_use]
pub fn report_schema(event_type: &str) -> Option<&'static ReportSchema> {
    ALL.iter().find(|schema| schema.event_type == event_type)
}

impl Outline {
    fn build(&self) -> ReportSchema {
        let Self { event_type, description, required, example, .. } = *self;
        let example_value: Value = serde_json::from_str(example).unwrap_or_default();
        let mut schema = Map::new();
        schema.insert("$schema".to_owned(), DRAFT.into());
        schema.insert("title".to_owned(), event_type.into());
        schema.insert("description".to_owned(), description.into());
        schema.insert("type".to_owned(), "object".into());
        for (path, leaf) in members().filter(|(path, _)| self.has(path)) {
            place(&mut schema, "", path, leaf_schema(path, leaf));
        }
        if self.has("message.custom") {
            let texts = json!({ "type": "object", "additionalProperties": { "type": "string" } });
            place(&mut schema, "", "message.custom", texts);
        }
        for path in required {
            require(&mut schema, path);
        }
        schema.insert("examples".to_owned(), json!([example_value]));
        ReportSchema { event_type, description, schema: Value::Object(schema).to_string(), example }
    }

    fn has(&self, path: &str) -> bool {
        let top = path.split_once('.').map_or(path, |(top, _)| top);
        matches!(top, "product" | "category") || self.members.contains(&top)
    }
}

/// What may stand at a path.
fn leaf_schema(path: &str, kind: Kind) -> Value {
    match (path, kind) {
        ("message.status", _) => json!({ "enum": Status::all().map(Status::text).collect::<Vec<_>>() }),
        ("call.endedBy", _) => json!({ "enum": ["caller", "callee", "platform"] }),
        ("feedback.result", _) => json!({ "enum": ["SUCCESS", "FAILURE"] }),
        ("message.price.currency", _) => json!({ "type": ["string", "null"] }),
        ("message.network.ported" | "lookup.ported" | "lookup.reachable", _) => json!({ "type": "boolean" }),
        (_, Kind::Text | Kind::Number) => json!({ "type": "string" }),
        (_, Kind::Integer) => json!({ "type": "integer", "minimum": 0 }),
        (_, Kind::Time) => json!({ "type": "string", "format": "date-time" }),
        (_, Kind::Money) => json!({ "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$" }),
        (_, Kind::Json) => json!({ "type": "object" }),
    }
}

/// Puts the schema of a member into that of the report, and makes those of the objects on the way.
fn place(object: &mut Map<String, Value>, at: &str, path: &str, leaf: Value) {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let at = if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    let properties = object.entry("properties").or_insert_with(|| json!({}));
    let Value::Object(properties) = properties else { return };
    let kind = if rest.is_some() { json!({ "type": "object" }) } else { leaf.clone() };
    let member = properties.entry(name).or_insert_with(|| described(&at, kind));
    if let (Some(rest), Value::Object(member)) = (rest, member) {
        place(member, &at, rest, leaf);
    }
}

/// A schema that begins with what its member means.
fn described(path: &str, schema: Value) -> Value {
    let mut described = Map::new();
    if let Some((_, meaning)) = meaning::MEANINGS.iter().find(|(known, _)| *known == path) {
        described.insert("description".to_owned(), (*meaning).into());
    }
    if let Value::Object(schema) = schema {
        described.extend(schema);
    }
    Value::Object(described)
}

/// Notes that a member has to be there, and every object on the way to it.
fn require(object: &mut Map<String, Value>, path: &str) {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let required = object.entry("required").or_insert_with(|| json!([]));
    if let Value::Array(required) = required
        && !required.iter().any(|known| known == name)
    {
        required.push(name.into());
    }
    let member = object.get_mut("properties").and_then(|properties| properties.get_mut(name));
    if let (Some(rest), Some(Value::Object(member))) = (rest, member) {
        require(member, rest);
    }
}
