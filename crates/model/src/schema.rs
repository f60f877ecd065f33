//! A JSON Schema, and whether a value keeps to it: what a payload is held against before it is accepted.
//!
//! Of the drafts 6 to 2020-12 the keywords are known that say something of a value. `format` is a note to readers, as
//! the drafts have it; a `$ref` leads to a place in the same schema; a pattern that cannot be read is passed over.

use std::collections::HashMap;
use std::fmt;

use regex::Regex;
use serde_json::{Map, Value};

/// Faults that are told of one value: more help nobody.
const VIOLATIONS_MAX: usize = 20;
/// Schemas that are gone through inside each other, so that one that refers to itself comes to an end.
const DEPTH_MAX: usize = 128;
/// Keywords that hold a regular expression, or members named by some.
const PATTERN: &str = "pattern";
const PATTERN_PROPERTIES: &str = "patternProperties";

/// Where a value does not keep to a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The way to it: names of members and positions in lists.
    pub path: Vec<String>,
    /// What to change, in a sentence.
    pub message: String,
}

/// A schema that is ready to hold values against.
#[derive(Clone)]
pub struct Schema {
    source: Value,
    patterns: HashMap<String, Regex>,
}

impl Schema {
    /// A schema as it was written.
    #[must_use]
    pub fn new(source: Value) -> Self {
        let mut patterns = HashMap::new();
        collect_patterns(&source, &mut patterns);
        Self { source, patterns }
    }

    /// What is wrong with a value; nothing if it keeps to the schema.
    #[must_use]
    pub fn violations(&self, value: &Value) -> Vec<Violation> {
        let mut check = Check { schema: self, path: Vec::new(), depth: 0, found: Vec::new() };
        check.value(&self.source, value);
        check.found
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.source).finish()
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Schema {}

fn collect_patterns(node: &Value, patterns: &mut HashMap<String, Regex>) {
    match node {
        Value::Array(list) => list.iter().for_each(|item| collect_patterns(item, patterns)),
        Value::Object(members) => {
            let own = members.get(PATTERN).and_then(Value::as_str);
            let names = members.get(PATTERN_PROPERTIES).and_then(Value::as_object).map(Map::keys);
            for text in own.into_iter().chain(names.into_iter().flatten().map(String::as_str)) {
                if let Ok(pattern) = Regex::new(text) {
                    patterns.insert(text.to_owned(), pattern);
                }
            }
            members.values().for_each(|value| collect_patterns(value, patterns));
        }
        _ => {}
    }
}

/// One value that is being looked at.
struct Check<'s> {
    schema: &'s Schema,
    path: Vec<String>,
    depth: usize,
    found: Vec<Violation>,
}

impl<'s> Check<'s> {
    fn note(&mut self, message: impl Into<String>) {
        if self.found.len() < VIOLATIONS_MAX {
            self.found.push(Violation { path: self.path.clone(), message: message.into() });
        }
    }

    /// Looks at a part of the value.
    fn at(&mut self, name: impl Into<String>, node: &'s Value, value: &Value) {
        self.path.push(name.into());
        self.value(node, value);
        self.path.pop();
    }

    /// Whether a value keeps to a schema, without a word about why not.
    fn keeps_to(&self, node: &'s Value, value: &Value) -> bool {
        let mut check = Check { schema: self.schema, path: Vec::new(), depth: self.depth, found: Vec::new() };
        check.value(node, value);
        check.found.is_empty()
    }

    fn value(&mut self, node: &'s Value, value: &Value) {
        let node = match node {
            Value::Bool(false) => return self.note("Nothing is allowed here: leave it out."),
            Value::Object(node) if self.depth < DEPTH_MAX => node,
            _ => return,
        };
        self.depth += 1;
        let target = node.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
        if let Some(target) = target.and_then(|pointer| self.schema.source.pointer(pointer)) {
            self.value(target, value);
        }
        self.kind(node, value);
        self.joined(node, value);
        match value {
            Value::String(text) => self.text(node, text),
            Value::Number(number) => self.number(node, number.as_f64().unwrap_or(f64::NAN)),
            Value::Array(list) => self.list(node, list),
            Value::Object(members) => self.object(node, members),
            Value::Null | Value::Bool(_) => {}
        }
        self.depth -= 1;
    }

    fn kind(&mut self, node: &Map<String, Value>, value: &Value) {
        let wanted: Vec<_> = match node.get("type") {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !wanted.is_empty() && !wanted.iter().any(|kind| is_of_kind(value, kind)) {
            self.note(format!("It is of the type {}, and has to be {}.", kind_of(value), wanted.join(" or ")));
        }
        if let Some(wanted) = node.get("const").filter(|wanted| !is_same(wanted, value)) {
            self.note(format!("It has to be {}.", shown(wanted)));
        }
        if let Some(Value::Array(several)) = node.get("enum")
            && !several.iter().any(|wanted| is_same(wanted, value))
        {
            let several: Vec<_> = several.iter().take(20).map(shown).collect();
            self.note(format!("It is one of {}.", several.join(", ")));
        }
    }

    fn joined(&mut self, node: &'s Map<String, Value>, value: &Value) {
        let list = |name: &str| node.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list("allOf").iter().for_each(|one| self.value(one, value));
        let any = list("anyOf");
        if !any.is_empty() && !any.iter().any(|one| self.keeps_to(one, value)) {
            self.note("It has to keep to one of the schemas of `anyOf`, and keeps to none.");
        }
        let one_of = list("oneOf");
        let fitting = one_of.iter().filter(|one| self.keeps_to(one, value)).count();
        if !one_of.is_empty() && fitting != 1 {
            self.note(format!("It has to keep to exactly one of the schemas of `oneOf`, and keeps to {fitting}."));
        }
        if node.get("not").is_some_and(|not| self.keeps_to(not, value)) {
            self.note("It keeps to what `not` forbids.");
        }
        if let Some(condition) = node.get("if") {
            let branch = if self.keeps_to(condition, value) { "then" } else { "else" };
            if let Some(branch) = node.get(branch) {
                self.value(branch, value);
            }
        }
    }

    fn text(&mut self, node: &Map<String, Value>, text: &str) {
        let length = || text.chars().count() as u64;
        if let Some(least) = count(node, "minLength").filter(|least| length() < *least) {
            self.note(format!("It has {least} characters at least."));
        }
        if let Some(most) = count(node, "maxLength").filter(|most| length() > *most) {
            self.note(format!("It has {most} characters at most."));
        }
        if let Some(pattern) = node.get(PATTERN).and_then(Value::as_str)
            && self.schema.patterns.get(pattern).is_some_and(|regex| !regex.is_match(text))
        {
            self.note(format!("It does not match the pattern `{pattern}`."));
        }
    }

    fn number(&mut self, node: &Map<String, Value>, number: f64) {
        let limit = |name: &str| node.get(name).and_then(Value::as_f64);
        for (name, is_kept, words) in [
            ("minimum", (|number, limit| number >= limit) as fn(f64, f64) -> bool, "at least"),
            ("maximum", |number, limit| number <= limit, "at most"),
            ("exclusiveMinimum", |number, limit| number > limit, "more than"),
            ("exclusiveMaximum", |number, limit| number < limit, "less than"),
        ] {
            if let Some(limit) = limit(name).filter(|limit| !is_kept(number, *limit)) {
                self.note(format!("It is {words} {limit}."));
            }
        }
        if let Some(step) = limit("multipleOf").filter(|step| *step > 0.0) {
            let times = number / step;
            if (times - times.round()).abs() > 1e-9 * times.abs().max(1.0) {
                self.note(format!("It is a multiple of {step}."));
            }
        }
    }

    fn list(&mut self, node: &'s Map<String, Value>, list: &[Value]) {
        let length = list.len() as u64;
        if let Some(least) = count(node, "minItems").filter(|least| length < *least) {
            self.note(format!("It has {least} items at least."));
        }
        if let Some(most) = count(node, "maxItems").filter(|most| length > *most) {
            self.note(format!("It has {most} items at most."));
        }
        let is_unique =
            |list: &[Value]| (1..list.len()).all(|at| !list[..at].iter().any(|one| is_same(one, &list[at])));
        if node.get("uniqueItems") == Some(&Value::Bool(true)) && !is_unique(list) {
            self.note("No two of its items are the same.");
        }
        if let Some(wanted) = node.get("contains").filter(|wanted| !list.iter().any(|one| self.keeps_to(wanted, one))) {
            self.note(format!("One of its items has to keep to {}.", shown(wanted)));
        }
        // Until 2019-09 the first items stood in `items`, and the schema of the others in `additionalItems`.
        let (first, others) = match (node.get("prefixItems"), node.get("items")) {
            (Some(Value::Array(first)), others) => (first.as_slice(), others),
            (_, Some(Value::Array(first))) => (first.as_slice(), node.get("additionalItems")),
            (_, others) => (&[][..], others),
        };
        for (at, item) in list.iter().enumerate() {
            if let Some(node) = first.get(at).or(others) {
                self.at(at.to_string(), node, item);
            }
        }
    }

    fn object(&mut self, node: &'s Map<String, Value>, members: &Map<String, Value>) {
        let size = members.len() as u64;
        if let Some(least) = count(node, "minProperties").filter(|least| size < *least) {
            self.note(format!("It has {least} members at least."));
        }
        if let Some(most) = count(node, "maxProperties").filter(|most| size > *most) {
            self.note(format!("It has {most} members at most."));
        }
        self.required(node.get("required"), members);
        if let Some(Value::Object(dependent)) = node.get("dependentRequired") {
            for (_, names) in dependent.iter().filter(|(name, _)| members.contains_key(*name)) {
                self.required(Some(names), members);
            }
        }
        let properties = node.get("properties").and_then(Value::as_object);
        let by_pattern = node.get(PATTERN_PROPERTIES).and_then(Value::as_object);
        for (name, value) in members {
            let mut is_known = false;
            if let Some(node) = properties.and_then(|properties| properties.get(name)) {
                is_known = true;
                self.at(name, node, value);
            }
            for (pattern, node) in by_pattern.into_iter().flatten() {
                if self.schema.patterns.get(pattern).is_some_and(|regex| regex.is_match(name)) {
                    is_known = true;
                    self.at(name, node, value);
                }
            }
            match node.get("additionalProperties") {
                Some(Value::Bool(false)) if !is_known => self.unknown(name, properties),
                Some(node) if !is_known => self.at(name, node, value),
                _ => {}
            }
            if let Some(node) = node.get("propertyNames").filter(|node| !self.keeps_to(node, &Value::from(&**name))) {
                self.note(format!("The name `{name}` does not keep to {}.", shown(node)));
            }
        }
    }

    fn required(&mut self, names: Option<&Value>, members: &Map<String, Value>) {
        for name in names.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                self.path.push(name.to_owned());
                self.note("It is required.");
                self.path.pop();
            }
        }
    }

    fn unknown(&mut self, name: &str, properties: Option<&Map<String, Value>>) {
        let known = properties.into_iter().flat_map(Map::keys).map(String::as_str);
        let message = match crate::near(name, known).first() {
            Some(meant) => format!("There is no such member; is it `{meant}`?"),
            None => "There is no such member: leave it out.".to_owned(),
        };
        self.path.push(name.to_owned());
        self.note(message);
        self.path.pop();
    }
}

fn count(node: &Map<String, Value>, name: &str) -> Option<u64> {
    node.get(name)?.as_u64()
}

fn is_of_kind(value: &Value, kind: &str) -> bool {
    match kind {
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        other => kind_of(value) == other,
    }
}

const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The same by value: 1 is 1.0, and members stand in any order.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64() && (a.is_f64() || b.is_f64()),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| is_same(a, b)))
        }
        _ => one == other,
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("`{}...`", &text[..end]),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(schema: &Value, good: &[Value], bad: &[(Value, &str)]) {
        let compiled = Schema::new(schema.clone());
        for value in good {
            assert_eq!(compiled.violations(value), [], "{schema} {value}");
        }
        for (value, path) in bad {
            let found = compiled.violations(value);
            let paths: Vec<_> = found.iter().map(|violation| violation.path.join(".")).collect();
            assert!(paths.iter().any(|found| found == path), "{schema} {value}: {found:?}");
        }
    }

    #[test]
    fn every_keyword_lets_through_and_keeps_out() {
        let o = |name: &str, value: Value| json!({ name: value });
        check(&json!({"type": "integer"}), &[json!(1), json!(1.0)], &[(json!(1.5), ""), (json!("1"), "")]);
        check(&json!({"type": ["string", "null"]}), &[json!("a"), json!(null)], &[(json!(1), "")]);
        check(&json!({"enum": [1, "a"]}), &[json!(1.0), json!("a")], &[(json!("b"), "")]);
        check(&json!({"const": {"a": 1}}), &[json!({"a": 1})], &[(json!({"a": 2}), "")]);
        check(
            &json!({"minLength": 2, "maxLength": 3}),
            &[json!("äö"), json!(1)],
            &[(json!("ä"), ""), (json!("abcd"), "")],
        );
        check(&json!({"pattern": "^\\+[0-9]+$"}), &[json!("+254")], &[(json!("254"), "")]);
        check(
            &json!({"minimum": 1, "exclusiveMaximum": 3}),
            &[json!(1), json!(2.9)],
            &[(json!(0), ""), (json!(3), "")],
        );
        check(&json!({"multipleOf": 0.1}), &[json!(0.3), json!(7)], &[(json!(0.35), "")]);
        check(
            &json!({"items": {"type": "string"}, "minItems": 1}),
            &[json!(["a"])],
            &[(json!([]), ""), (json!(["a", 1]), "1")],
        );
        check(
            &json!({"prefixItems": [{"type": "string"}], "items": false}),
            &[json!(["a"])],
            &[(json!(["a", 1]), "1")],
        );
        check(
            &json!({"items": [{"type": "string"}], "additionalItems": {"type": "null"}}),
            &[json!(["a", null])],
            &[(json!(["a", 1]), "1")],
        );
        check(&json!({"uniqueItems": true}), &[json!([1, 2])], &[(json!([1, 1.0]), "")]);
        check(&json!({"contains": {"const": 1}}), &[json!([2, 1])], &[(json!([2]), "")]);
        check(&json!({"required": ["a"]}), &[o("a", json!(null)), json!(1)], &[(json!({}), "a")]);
        check(&json!({"properties": {"a": {"type": "string"}}}), &[json!({"b": 1})], &[(o("a", json!(1)), "a")]);
        check(
            &json!({"properties": {"status": {}}, "additionalProperties": false}),
            &[o("status", json!(1))],
            &[(o("statsu", json!(1)), "statsu")],
        );
        check(
            &json!({"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": {"type": "number"}}),
            &[json!({"x-a": "b", "c": 1})],
            &[(json!({"x-a": 1}), "x-a"), (json!({"c": "d"}), "c")],
        );
        check(
            &json!({"propertyNames": {"maxLength": 1}, "maxProperties": 1}),
            &[o("a", json!(1))],
            &[(o("ab", json!(1)), ""), (json!({"a": 1, "b": 2}), "")],
        );
        check(
            &json!({"dependentRequired": {"a": ["b"]}}),
            &[json!({"b": 1}), json!({"a": 1, "b": 1})],
            &[(o("a", json!(1)), "b")],
        );
        check(&json!({"allOf": [{"minimum": 1}, {"maximum": 2}]}), &[json!(1)], &[(json!(3), "")]);
        check(&json!({"anyOf": [{"type": "null"}, {"minimum": 2}]}), &[json!(null), json!(2)], &[(json!(1), "")]);
        check(&json!({"oneOf": [{"minimum": 1}, {"minimum": 2}]}), &[json!(1)], &[(json!(2), ""), (json!(0), "")]);
        check(&json!({"not": {"type": "string"}}), &[json!(1)], &[(json!("a"), "")]);
        check(
            &json!({"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}}),
            &[json!({"a": 1, "b": 1}), json!({"c": 1})],
            &[(json!({"a": 1}), "b"), (json!({}), "c")],
        );
        check(&json!({"properties": {"a": false}}), &[json!({})], &[(o("a", json!(1)), "a")]);
    }

    #[test]
    fn a_reference_leads_to_a_place_in_the_schema_and_a_circle_comes_to_an_end() {
        let tree = json!({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"child": {"$ref": "#/$defs/node"}}}}});
        check(&tree, &[json!({"child": {"child": {}}})], &[(json!({"child": {"child": 1}}), "child.child")]);
        check(&json!({"$ref": "#"}), &[json!(1)], &[]);
    }

    proptest! {
        #[test]
        fn whatever_the_schema_is_it_comes_to_an_end(schema in "[-\\[\\]{}:,\"a-z0-9$#/.*+?()]{0,60}", number in any::<f64>()) {
            for source in [serde_json::from_str(&schema).unwrap_or(Value::Null), json!({ "pattern": schema, "$ref": schema })] {
                let found = Schema::new(source).violations(&json!({ "a": [number, schema] }));
                prop_assert!(found.len() <= VIOLATIONS_MAX);
            }
        }
    }
}
