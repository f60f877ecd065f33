//! One thing that an operation can be told: a place in its path, a part of its query, a member of its body.

use serde_json::Value;

/// One thing that can be told.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name in the API.
    pub(crate) name: &'static str,
    /// What it means.
    pub(crate) help: &'static str,
    /// What it is.
    pub(crate) kind: Kind,
    /// Whether it has to be there.
    pub(crate) required: bool,
    /// Whether it is only there for those who know its old name.
    pub(crate) deprecated: bool,
}

/// What a value is, as far as reading it from a command line asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text.
    Text,
    /// A text of many lines, such as a table.
    Document,
    /// One of these texts.
    OneOf(Vec<&'static str>),
    /// A point in time.
    Time,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// Yes or no.
    Boolean,
    /// Texts.
    List,
    /// Texts by name.
    Pairs,
    /// Anything else.
    Json,
}

impl Field {
    /// What a parameter of an operation is.
    pub(super) fn of_parameter(document: &'static Value, parameter: &'static Value) -> Option<Self> {
        let schema = parameter.get("schema").unwrap_or(&Value::Null);
        let (name, required) = (parameter.get("name")?.as_str()?, parameter["required"] == true);
        Some(Self::new(document, name, (schema, parameter.get("description")), required))
    }

    fn new(
        document: &'static Value,
        name: &'static str,
        (schema, help): (&'static Value, Option<&'static Value>),
        required: bool,
    ) -> Self {
        let deprecated = schema["deprecated"] == true;
        // Beside the null that may stand in its place.
        let one = schema.get("oneOf").and_then(Value::as_array).and_then(|of| of.iter().find(|s| s["type"] != "null"));
        let described = help.or_else(|| schema.get("description")).or_else(|| one?.get("description"));
        let help = described.and_then(Value::as_str).unwrap_or_default();
        Self { name, help, kind: kind(resolve(document, one.unwrap_or(schema))), required, deprecated }
    }

    /// The name of its flag.
    pub(crate) fn flag(&self) -> &'static str {
        let mut flag = String::with_capacity(self.name.len() + 4);
        for c in self.name.chars() {
            if c.is_ascii_uppercase() {
                flag.push('-');
            }
            flag.push(if c == '_' { '-' } else { c.to_ascii_lowercase() });
        }
        flag.leak()
    }
}

/// The members of an object.
pub(super) fn fields_of(document: &'static Value, schema: &'static Value) -> Vec<Field> {
    let schema = resolve(document, schema);
    let parts = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let mut fields: Vec<Field> = parts.flat_map(|part| fields_of(document, part)).collect();
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        fields.push(Field::new(document, name, (schema, None), required.contains(&name.as_str())));
    }
    fields
}

/// The schema itself, or the one that it names.
pub(super) fn resolve(document: &'static Value, schema: &'static Value) -> &'static Value {
    let named = schema.get("$ref").and_then(Value::as_str).and_then(|name| document.pointer(name.strip_prefix('#')?));
    named.map_or(schema, |named| resolve(document, named))
}

fn kind(schema: &'static Value) -> Kind {
    let words = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>();
    if !words.is_empty() {
        return Kind::OneOf(words);
    }
    let named = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        other => other.as_str(),
    };
    let is_text = |schema: &Value| schema["type"] == "string";
    match named {
        Some("string") if schema["format"] == "date-time" => Kind::Time,
        Some("string") if schema["format"] == "csv" => Kind::Document,
        Some("string") => Kind::Text,
        Some("integer") => Kind::Integer,
        Some("number") => Kind::Number,
        Some("boolean") => Kind::Boolean,
        Some("array") if is_text(&schema["items"]) => Kind::List,
        Some("object") if is_text(&schema["additionalProperties"]) => Kind::Pairs,
        _ => Kind::Json,
    }
}
