//! Whether a value is a JSON Schema at all: what somebody mistyped in it is told when it is kept, and not by every message
//! that is held against it.
//!
//! Keywords that nobody knows are notes to readers, as the drafts have it. What only later drafts or OpenAPI know, such as
//! `nullable`, is among them, and so is the `exclusiveMinimum` of draft 4, which is true or false.

use serde_json::Value;

use crate::{Violation, near};

/// Faults that are told of one schema.
const FAULTS_MAX: usize = 20;
/// Schemas that may stand inside each other.
const DEPTH_MAX: usize = 128;

const KINDS: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// Keywords by what stands behind them.
const SCHEMAS: [&str; 10] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "else",
    "if",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
const LISTS_OF_SCHEMAS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
const SCHEMAS_BY_NAME: [&str; 5] = ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];
const COUNTS: [&str; 6] = ["maxItems", "maxLength", "maxProperties", "minItems", "minLength", "minProperties"];
const NUMBERS: [&str; 3] = ["maximum", "minimum", "multipleOf"];
const TEXTS: [&str; 3] = ["$ref", "format", "pattern"];
const FLAGS: [&str; 1] = ["uniqueItems"];

/// Where a value is no JSON Schema; nothing if it is one.
#[must_use]
pub fn schema_faults(source: &Value) -> Vec<Violation> {
    let mut look = Look { source, path: Vec::new(), found: Vec::new() };
    look.schema(source);
    look.found
}

/// One schema that is being looked at.
struct Look<'s> {
    source: &'s Value,
    path: Vec<String>,
    found: Vec<Violation>,
}

impl Look<'_> {
    fn note(&mut self, keyword: &str, message: impl Into<String>) {
        if self.found.len() < FAULTS_MAX {
            let path = self.path.iter().cloned().chain((!keyword.is_empty()).then(|| keyword.to_owned()));
            self.found.push(Violation { path: path.collect(), message: message.into() });
        }
    }

    fn at(&mut self, name: &str, node: &Value) {
        self.path.push(name.to_owned());
        self.schema(node);
        self.path.pop();
    }

    fn schema(&mut self, node: &Value) {
        match node {
            Value::Bool(_) => {}
            Value::Object(_) if self.path.len() > DEPTH_MAX => {
                self.note("", "Schemas stand too deep inside each other.")
            }
            Value::Object(members) => {
                for (keyword, value) in members {
                    self.keyword(keyword, value);
                }
            }
            _ => self.note("", "A schema is an object, true or false."),
        }
    }

    fn keyword(&mut self, keyword: &str, value: &Value) {
        let has = |keywords: &[&str]| keywords.contains(&keyword);
        if keyword == "type" {
            self.kind(value);
        } else if keyword == "items" && value.is_array() {
            self.list(keyword, value);
        } else if keyword == "items" || has(&SCHEMAS) {
            self.at(keyword, value);
        } else if has(&LISTS_OF_SCHEMAS) {
            self.list(keyword, value);
        } else if has(&SCHEMAS_BY_NAME) {
            self.by_name(keyword, value);
        } else if has(&COUNTS) && !value.as_f64().is_some_and(|number| number >= 0.0 && number.fract() == 0.0) {
            self.note(keyword, "It is a whole number from 0 on.");
        } else if has(&NUMBERS) && !value.is_number() {
            self.note(keyword, "It is a number.");
        } else if has(&TEXTS) && !value.is_string() {
            self.note(keyword, "It is a text.");
        } else if has(&FLAGS) && !value.is_boolean() {
            self.note(keyword, "It is true or false.");
        } else if keyword == "enum" && !value.is_array() {
            self.note(keyword, "It is a list of values.");
        } else if keyword == "required" && !is_list_of_texts(value) {
            self.note(keyword, "It is a list of names.");
        } else if keyword == "$ref" {
            self.reference(value.as_str().unwrap_or_default());
        }
    }

    fn kind(&mut self, value: &Value) {
        let several: Vec<&Value> = match value {
            Value::Array(several) if !several.is_empty() => several.iter().collect(),
            one => vec![one],
        };
        let is_known = |kind: &&Value| kind.as_str().is_some_and(|kind| KINDS.contains(&kind));
        let Some(wrong) = several.into_iter().find(|kind| !is_known(kind)) else { return };
        let all = KINDS.join(", ");
        let message = match wrong.as_str().and_then(|wrong| near(wrong, KINDS).first().map(|meant| (wrong, *meant))) {
            Some((wrong, meant)) => format!("There is no type `{wrong}`; is it `{meant}`?"),
            None => format!("It is one of {all}, or a list of these."),
        };
        self.note("type", message);
    }

    fn list(&mut self, keyword: &str, value: &Value) {
        let Some(list) = value.as_array() else { return self.note(keyword, "It is a list of schemas.") };
        self.path.push(keyword.to_owned());
        for (at, node) in list.iter().enumerate() {
            self.at(&at.to_string(), node);
        }
        self.path.pop();
    }

    fn by_name(&mut self, keyword: &str, value: &Value) {
        let Some(members) = value.as_object() else { return self.note(keyword, "It is an object of schemas by name.") };
        self.path.push(keyword.to_owned());
        for (name, node) in members {
            self.at(name, node);
        }
        self.path.pop();
    }

    /// A reference within the schema leads somewhere; where others lead is not looked at.
    fn reference(&mut self, text: &str) {
        let Some(pointer) = text.strip_prefix('#').filter(|pointer| pointer.is_empty() || pointer.starts_with('/'))
        else {
            return;
        };
        if self.source.pointer(pointer).is_none() {
            self.note("$ref", "There is nothing at this place of the schema.");
        }
    }
}

fn is_list_of_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn places(schema: &Value) -> Vec<String> {
        schema_faults(schema).into_iter().map(|fault| fault.path.join(".")).collect()
    }

    #[test]
    fn what_is_a_schema_in_any_draft_is_taken() {
        for schema in [
            json!(true),
            json!({}),
            json!({ "type": ["string", "null"], "maxLength": 3, "x-note": { "type": 7 } }),
            json!({ "properties": { "type": { "type": "string" }, "required": { "enum": [1] } }, "required": ["type"] }),
            json!({ "items": [{ "type": "null" }], "additionalItems": false, "minimum": 0.5, "exclusiveMinimum": true }),
            json!({ "$ref": "#/$defs/A", "$defs": { "A": { "$ref": "#" } } }),
            json!({ "$ref": "https://example.com/schema.json", "pattern": "(?=a)b" }),
            json!({ "$ref": "#anchor", "examples": [{ "type": "nothing" }], "default": { "required": 1 } }),
        ] {
            assert_eq!(places(&schema), [""; 0], "{schema}");
        }
    }

    #[test]
    fn what_is_none_is_told_with_its_place() {
        for (schema, place) in [
            (json!(1), ""),
            (json!({ "type": "strng" }), "type"),
            (json!({ "type": ["string", 1] }), "type"),
            (json!({ "type": [] }), "type"),
            (json!({ "properties": { "id": { "type": "text" } } }), "properties.id.type"),
            (json!({ "properties": ["id"] }), "properties"),
            (json!({ "required": "id" }), "required"),
            (json!({ "items": 1 }), "items"),
            (json!({ "allOf": [{}, 1] }), "allOf.1"),
            (json!({ "anyOf": {} }), "anyOf"),
            (json!({ "minLength": -1 }), "minLength"),
            (json!({ "maximum": "9" }), "maximum"),
            (json!({ "enum": "a" }), "enum"),
            (json!({ "uniqueItems": 1 }), "uniqueItems"),
            (json!({ "not": { "pattern": 1 } }), "not.pattern"),
            (json!({ "$ref": "#/$defs/Missing" }), "$ref"),
        ] {
            assert_eq!(places(&schema), [place], "{schema}");
        }
        let fault = schema_faults(&json!({ "type": "strng" })).remove(0);
        assert_eq!(fault.message, "There is no type `strng`; is it `string`?");
    }

    proptest! {
        #[test]
        fn whatever_the_value_is_it_comes_to_an_end(depth in 0usize..300, word in "[a-zA-Z$]{0,20}") {
            let mut schema = json!({ &word: [word, 1, null] });
            for _ in 0..depth {
                schema = json!({ "not": schema });
            }
            prop_assert!(schema_faults(&schema).len() <= FAULTS_MAX);
        }
    }
}
