//! A schema out of an OpenAPI document that stands alone: what it refers to in the document comes along under `$defs`,
//! and its examples stand where samples are looked for.

use std::collections::BTreeSet;

use ringback_model::Violation;
use serde_json::{Map, Value};

use super::document::leads_nowhere;

const COMPONENTS: &str = "#/components/schemas/";
/// References that are followed one after another.
const STEPS_MAX: usize = 16;
/// Members of a schema that say what a payload may look like, and are no schemas.
const VALUES: [&str; 5] = ["example", "examples", "enum", "const", "default"];
/// Members of a schema that have schemas by name, whatever the name.
const BY_NAME: [&str; 5] = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/// What is taken out of a document for one schema.
pub(super) struct Bundle<'d> {
    document: &'d Value,
    /// Names of components that are still to be taken.
    wanted: BTreeSet<String>,
    /// What is wrong, and where in the schema it begins.
    pub(super) faults: Vec<Violation>,
}

impl<'d> Bundle<'d> {
    pub(super) fn new(document: &'d Value) -> Self {
        Self { document, wanted: BTreeSet::new(), faults: Vec::new() }
    }

    /// The schema with all that it refers to, and with these examples unless it has its own; nothing if there are faults.
    pub(super) fn schema(&mut self, source: &Value, examples: &[Value]) -> Option<Value> {
        let mut schema = source.clone();
        self.point_inwards(&mut schema, source, &mut Vec::new());
        let mut components = Map::new();
        while let Some(name) = self.wanted.pop_first() {
            if components.contains_key(&name) {
                continue;
            }
            // That there is one was looked at when it was wanted.
            let Some(component) = self.component(&name) else { continue };
            let mut own = component.clone();
            self.point_inwards(&mut own, component, &mut vec!["$defs".to_owned(), name.clone()]);
            components.insert(name, own);
        }
        if let Value::Object(members) = &mut schema {
            if !members.contains_key("examples")
                && let Some(examples) = self.examples(source, examples)
            {
                members.insert("examples".to_owned(), Value::Array(examples));
            }
            self.define(members, components);
        }
        self.faults.is_empty().then_some(schema)
    }

    /// Puts components under `$defs`, beside those that the schema has itself.
    fn define(&mut self, members: &mut Map<String, Value>, components: Map<String, Value>) {
        if components.is_empty() {
            return;
        }
        let own = members.entry("$defs").or_insert_with(|| Value::Object(Map::new()));
        let Some(own) = own.as_object_mut() else { return };
        for (name, component) in components {
            if own.get(&name).is_some_and(|other| *other != component) {
                let message = format!("`#/components/schemas/{name}` is another schema: name one of them otherwise.");
                self.faults.push(Violation { path: vec!["$defs".to_owned(), name], message });
            } else {
                own.insert(name, component);
            }
        }
    }

    fn component(&self, name: &str) -> Option<&'d Value> {
        self.document.get("components")?.get("schemas")?.get(name)
    }

    /// Makes references to components lead to `$defs`, and notes those that lead nowhere. `root` is the schema that `node`
    /// is of, at `way`.
    fn point_inwards(&mut self, node: &mut Value, root: &Value, way: &mut Vec<String>) {
        match node {
            Value::Array(list) => {
                for (at, item) in list.iter_mut().enumerate() {
                    way.push(at.to_string());
                    self.point_inwards(item, root, way);
                    way.pop();
                }
            }
            Value::Object(members) => {
                let are_names = way.last().is_some_and(|last| BY_NAME.contains(&last.as_str()));
                for (name, value) in members {
                    way.push(name.clone());
                    match value {
                        Value::String(target) if name == "$ref" => self.reference(target, root, way),
                        _ if VALUES.contains(&name.as_str()) && !are_names => {}
                        _ => self.point_inwards(value, root, way),
                    }
                    way.pop();
                }
            }
            _ => {}
        }
    }

    fn reference(&mut self, target: &mut String, root: &Value, way: &[String]) {
        if let Some(path) = target.strip_prefix(COMPONENTS) {
            let exists = self.document.pointer(&target[1..]).is_some();
            if exists {
                self.wanted.insert(path.split('/').next().unwrap_or_default().to_owned());
                *target = format!("#/$defs/{path}");
                return;
            }
        } else if target.strip_prefix('#').is_some_and(|own| !own.starts_with('/') || root.pointer(own).is_some()) {
            // It stays within the schema, as an anchor or a path of its own.
            return;
        }
        self.faults.push(Violation { path: way.to_vec(), message: leads_nowhere(target) });
    }

    /// The examples of a schema: those given beside it, its own one, or those of what it stands for.
    fn examples(&self, schema: &Value, beside: &[Value]) -> Option<Vec<Value>> {
        if !beside.is_empty() {
            return Some(beside.to_vec());
        }
        let mut schema = schema;
        for _ in 0..STEPS_MAX {
            if let Some(examples) = schema.get("examples").and_then(Value::as_array) {
                return Some(examples.clone());
            }
            if let Some(example) = schema.get("example") {
                return Some(vec![example.clone()]);
            }
            schema = self.component(schema.get("$ref")?.as_str()?.strip_prefix(COMPONENTS)?)?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({ "components": { "schemas": {
            "A": { "properties": { "b": { "$ref": "#/components/schemas/B" } }, "examples": [{ "b": [] }] },
            "B": { "items": { "$ref": "#/components/schemas/A" } },
            "C": {},
        } } })
    }

    fn faults(schema: &Value) -> Vec<String> {
        let document = document();
        let mut bundle = Bundle::new(&document);
        assert!(bundle.schema(schema, &[]).is_none(), "{schema}");
        bundle.faults.into_iter().map(|fault| fault.path.join(".")).collect()
    }

    #[test]
    fn what_a_schema_refers_to_comes_along_once_also_in_a_circle() {
        let document = document();
        let bundled = Bundle::new(&document).schema(&json!({ "$ref": "#/components/schemas/A" }), &[]).unwrap();
        assert_eq!(bundled["$ref"], "#/$defs/A");
        assert_eq!(bundled["$defs"]["A"]["properties"]["b"]["$ref"], "#/$defs/B");
        assert_eq!(bundled["$defs"]["B"]["items"]["$ref"], "#/$defs/A");
        assert_eq!(bundled["$defs"].as_object().unwrap().len(), 2);
    }

    #[test]
    fn examples_of_what_a_schema_stands_for_are_its_own_unless_others_are_nearer() {
        let document = document();
        let (a, own) = ("#/components/schemas/A", json!({ "$ref": "#" }));
        let examples = |schema: Value, beside: &[Value]| {
            Bundle::new(&document).schema(&schema, beside).unwrap()["examples"].clone()
        };
        assert_eq!(examples(json!({ "$ref": a }), &[]), json!([{ "b": [] }]));
        assert_eq!(examples(json!({ "$ref": a }), &[json!(1)]), json!([1]));
        assert_eq!(examples(json!({ "$ref": a, "example": own }), &[]), json!([own]));
        assert_eq!(examples(json!({ "$ref": a, "examples": [2] }), &[json!(1)]), json!([2]));
    }

    #[test]
    fn a_reference_that_leads_out_of_the_document_or_to_nothing_in_it_is_told_with_its_place() {
        let missing =
            json!({ "items": [{ "$ref": "#/components/schemas/Nope" }, { "$ref": "https://a.example/b.json" }] });
        assert_eq!(faults(&missing), ["items.0.$ref", "items.1.$ref"]);
        let named =
            json!({ "properties": { "example": { "$ref": "other.json" } }, "example": { "$ref": "other.json" } });
        assert_eq!(faults(&named), ["properties.example.$ref"]);
        let taken = json!({ "$ref": "#/components/schemas/C", "$defs": { "C": { "type": "null" } } });
        assert_eq!(faults(&taken), ["$defs.C"]);
    }
}
