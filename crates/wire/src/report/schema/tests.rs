use std::collections::BTreeSet;

use proptest::prelude::*;

use super::meaning::MEANINGS;
use super::*;
use crate::dialect;
use crate::members::names;
use crate::report::{Call, Feedback, Lookup, Message, Network, Path, Price, Report, ReportError};

fn schema_of(schema: &ReportSchema) -> Value {
    serde_json::from_str(&schema.schema).unwrap()
}

/// The schema of every member of every type, by path: the union of all schemas.
fn all_members() -> Vec<(String, Value)> {
    fn walk(at: &str, schema: &Value, all: &mut Vec<(String, Value)>) {
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            walk(&path, member, all);
            if !all.iter().any(|(known, _)| *known == path) {
                all.push((path, member.clone()));
            }
        }
    }
    let mut all = Vec::new();
    for schema in report_schemas() {
        walk("", &schema_of(schema), &mut all);
    }
    all
}

/// What is wrong with a value by a schema of these few keywords; a keyword that is not known here fails the test.
fn fault(schema: &Value, value: &Value) -> Option<String> {
    let types = |types: &Value| -> Vec<String> {
        let types = types.as_array().cloned().unwrap_or_else(|| vec![types.clone()]);
        types.iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    };
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other}"),
    };
    for (keyword, rule) in schema.as_object().unwrap() {
        let holds = match keyword.as_str() {
            "$schema" | "title" | "description" | "examples" => true,
            "type" => types(rule).iter().any(|kind| is(kind)),
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_u64().is_some_and(|number| number >= rule.as_u64().unwrap()),
            "format" => value.as_str().unwrap_or_default().parse::<jiff::Timestamp>().is_ok(),
            "pattern" => is_amount(rule.as_str().unwrap(), value.as_str().unwrap_or_default()),
            "required" => rule.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
            "properties" | "additionalProperties" => true,
            other => panic!("{other}"),
        };
        if !holds {
            return Some(format!("{keyword} {rule}: {value}"));
        }
    }
    let members = value.as_object().into_iter().flatten();
    members.filter_map(|(name, member)| Some((schema["properties"].get(name)?, member))).find_map(|(s, v)| fault(s, v))
}

/// The one pattern that there is.
fn is_amount(pattern: &str, text: &str) -> bool {
    assert_eq!(pattern, r"^-?[0-9]+(\.[0-9]+)?$");
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = text.split_once('.').map_or((text, None), |(whole, part)| (whole, Some(part)));
    digits(whole.strip_prefix('-').unwrap_or(whole)) && part.is_none_or(digits)
}

#[test]
fn a_member_that_is_read_is_in_the_schemas_and_no_other() {
    let all = all_members();
    let under = |at: &str| -> BTreeSet<&str> {
        let dots = at.matches('.').count();
        let below = all.iter().filter_map(|(path, _)| path.strip_prefix(at)?.rsplit('.').next().zip(Some(path)));
        below.filter(|(_, path)| path.matches('.').count() == dots).map(|(name, _)| name).collect()
    };
    assert_eq!(under(""), names::<Report<'_>>());
    assert_eq!(under("message."), names::<Message<'_>>());
    assert_eq!(under("message.error."), names::<ReportError<'_>>());
    assert_eq!(under("message.price."), names::<Price<'_>>());
    assert_eq!(under("message.network."), names::<Network<'_>>());
    assert_eq!(under("call."), names::<Call<'_>>());
    assert_eq!(under("feedback."), names::<Feedback<'_>>());
    assert_eq!(under("lookup."), names::<Lookup<'_>>());
}

#[test]
fn every_member_says_what_it_means_and_nothing_else_is_told() {
    let members: BTreeSet<String> = all_members().into_iter().map(|(path, _)| path).collect();
    let told: BTreeSet<String> = MEANINGS.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(members, told);
    assert_eq!(MEANINGS.len(), told.len(), "none is told twice");
}

#[test]
fn every_built_in_event_type_has_a_schema() {
    let own = ringback_model::ProductList::new();
    let known = ringback_model::products(&own);
    let names: BTreeSet<String> =
        known.iter().flat_map(|(product, types)| types.iter().map(move |one| format!("{product}.{one}"))).collect();
    let schemas: BTreeSet<String> = report_schemas().iter().map(|schema| schema.event_type.to_owned()).collect();
    assert_eq!(names, schemas);
    assert!(report_schema("sms.mo").is_none() && report_schema("sms.dlr").is_some());
}

#[test]
fn every_example_is_valid_by_its_schema_and_is_read_as_a_report_of_its_type() {
    for schema in report_schemas() {
        let name = schema.event_type;
        let example: Value = serde_json::from_str(schema.example).unwrap();
        assert_eq!(fault(&schema_of(schema), &example), None, "{name}");
        assert_eq!(schema_of(schema)["examples"], json!([example]));
        let report = Report::parse(schema.example.as_bytes()).unwrap();
        let (product, report_type) = name.split_once('.').unwrap();
        assert_eq!(report.product.as_ref().unwrap().as_str(), product);
        assert_eq!(report.report_type(name), Some(report_type), "{name}");
        assert!(report.ordering_key().is_some(), "{name}");
        // Of a message, the state is one that every policy lets through.
        if let Some(message) = report.message.as_ref().filter(|message| message.status.is_some()) {
            assert!(report.status().unwrap().is_final(), "{name}: {:?}", message.status);
        }
    }
}

#[test]
fn what_the_schema_refuses_is_named_and_a_value_of_another_kind_is_no_report_either() {
    let schema = report_schema("sms.dlr").unwrap();
    let example: Value = serde_json::from_str(schema.example).unwrap();
    for (path, _) in members().filter(|(path, _)| example.pointer(&format!("/{}", path.replace('.', "/"))).is_some()) {
        let mut wrong = example.clone();
        *wrong.pointer_mut(&format!("/{}", path.replace('.', "/"))).unwrap() = json!([]);
        assert!(fault(&schema_of(schema), &wrong).is_some(), "{path}");
        assert!(Report::parse(wrong.to_string().as_bytes()).is_err(), "{path}");
    }
    for path in ["message", "message/id", "message/to", "message/status"] {
        let mut lacking = example.clone();
        let (parent, name) = path.rsplit_once('/').map_or(("", path), |(parent, name)| (parent, name));
        let parent = if parent.is_empty() { &mut lacking } else { &mut lacking[parent] };
        parent.as_object_mut().unwrap().remove(name).unwrap();
        assert!(fault(&schema_of(schema), &lacking).unwrap().starts_with("required"), "{path}");
    }
}

#[test]
fn what_a_dialect_cannot_do_without_is_required_by_the_schema() {
    for schema in report_schemas() {
        let (product, report_type) = schema.event_type.split_once('.').unwrap();
        for name in dialect::names() {
            let shape = dialect::find(name).unwrap().shape(Some(product), Some(report_type));
            for field in shape.into_iter().flat_map(|shape| &shape.fields).filter(|field| field.required) {
                let path = field.from.as_ref().unwrap().text();
                let is_required = OUTLINES.iter().find(|one| one.event_type == schema.event_type).unwrap();
                if members().any(|(known, _)| known == path) {
                    assert!(is_required.required.contains(&&*path), "{name} {}: {path}", schema.event_type);
                }
            }
        }
    }
}

/// Any value that a schema allows.
fn allowed(schema: &Value) -> BoxedStrategy<Value> {
    if let Some(words) = schema["enum"].as_array() {
        return proptest::sample::select(words.clone()).boxed();
    }
    let kind = schema["type"].as_str().unwrap_or("string");
    match (kind, schema["format"].as_str(), schema["pattern"].as_str()) {
        ("boolean", ..) => any::<bool>().prop_map(Value::from).boxed(),
        ("integer", ..) => any::<u64>().prop_map(Value::from).boxed(),
        (_, Some(_), _) => (0_i64..4_102_444_800)
            .prop_map(|seconds| jiff::Timestamp::from_second(seconds).unwrap().to_string().into())
            .boxed(),
        (_, _, Some(_)) => r"-?[0-9]{1,30}(\.[0-9]{1,9})?".prop_map(Value::from).boxed(),
        ("object", ..) => object(schema),
        _ => any::<String>().prop_map(Value::from).boxed(),
    }
}

fn object(schema: &Value) -> BoxedStrategy<Value> {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let mut whole: BoxedStrategy<Vec<(String, Value)>> = Just(Vec::new()).boxed();
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let is_required = required.iter().any(|one| one == name);
        let member =
            (allowed(member), any::<bool>()).prop_map(move |(value, there)| (there || is_required).then_some(value));
        let name = name.clone();
        whole = (whole, member)
            .prop_map(move |(mut members, value)| {
                members.extend(value.map(|value| (name.clone(), value)));
                members
            })
            .boxed();
    }
    whole.prop_map(|members| Value::Object(members.into_iter().collect())).boxed()
}

fn valid() -> impl Strategy<Value = (usize, Value)> {
    (0..report_schemas().len()).prop_flat_map(|at| (Just(at), allowed(&schema_of(&report_schemas()[at]))))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_the_schema_allows_is_read_as_a_report_with_every_value_where_it_stood((at, value) in valid()) {
        prop_assert_eq!(fault(&schema_of(&report_schemas()[at]), &value), None);
        let text = value.to_string();
        let report = Report::parse(text.as_bytes()).unwrap();
        for (path, _) in members() {
            let given = value.pointer(&format!("/{}", path.replace('.', "/")));
            let read = Path::parse(path).unwrap().get(&report).map(std::borrow::Cow::into_owned);
            let given = given.map(|given| given.as_str().map_or_else(|| given.to_string(), str::to_owned));
            prop_assert_eq!(read, given, "{}", path);
        }
    }
}
