//! Why a filter lets a message through, or does not: each condition with what the message has there.

use serde_json::Value;

use super::evaluate::{FilterSubject, holds, is_met};
use super::json::Json;
use super::{Comparison, Condition, PARTS, Test};

/// How much is shown of a value, in characters.
const SHOWN_MAX: usize = 200;

/// One condition, and how a message stands to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The condition: `payload.message.status $eq "sent"`, or the operator that joins `parts`.
    pub condition: String,
    /// What the message has there, as JSON; `None` if nothing.
    pub found: Option<String>,
    /// Whether it is met.
    pub met: bool,
    /// The conditions that it joins.
    pub parts: Vec<Finding>,
}

impl Finding {
    /// The first condition that is in the way, as half a sentence.
    #[must_use]
    pub fn obstacle(findings: &[Self]) -> Option<String> {
        let first = findings.iter().find(|finding| !finding.met)?;
        let found = first.found.as_deref().unwrap_or("not there");
        Some(if first.parts.is_empty() {
            format!("`{}` is not met: it is {found}", first.condition)
        } else if first.condition.ends_with("$not") {
            format!("what `{}` holds is met", first.condition)
        } else {
            let parts: Vec<_> = first.parts.iter().map(|part| format!("`{}`", part.condition)).collect();
            format!("none of {} is met", parts.join(", "))
        })
    }
}

pub(super) fn findings(root: &Condition, subject: &FilterSubject<'_>) -> Vec<Finding> {
    let each = |conditions: &[Condition]| conditions.iter().flat_map(|one| findings(one, subject)).collect();
    match root {
        Condition::All(all) => each(all),
        Condition::Any(any) => vec![joined("$or".to_owned(), holds(root, subject), each(any))],
        Condition::Not(one) => vec![joined("$not".to_owned(), holds(root, subject), findings(one, subject))],
        Condition::Part(part, condition) => {
            let name = PARTS.iter().find(|(_, known)| known == part).map_or("", |(name, _)| name);
            match subject.other(*part) {
                Some(value) => of_value(condition, name, Some(&value)),
                None => of_value(condition, name, subject.payload().filter(|_| *part == super::Part::Payload)),
            }
        }
        Condition::Members(_) | Condition::Test(_) => Vec::new(),
    }
}

fn joined(condition: String, met: bool, parts: Vec<Finding>) -> Finding {
    Finding { condition, found: None, met, parts }
}

fn of_value(condition: &Condition, path: &str, value: Option<&Json<'_>>) -> Vec<Finding> {
    let each = |conditions: &[Condition]| conditions.iter().flat_map(|one| of_value(one, path, value)).collect();
    match condition {
        Condition::All(all) => each(all),
        Condition::Any(any) => vec![joined(format!("{path} $or"), is_met(condition, value), each(any))],
        Condition::Not(one) => {
            vec![joined(format!("{path} $not"), is_met(condition, value), of_value(one, path, value))]
        }
        Condition::Part(..) => Vec::new(),
        Condition::Members(members) => {
            // Of a list of objects, the one that is let through, or else the first.
            let value = match value {
                Some(Json::List(list)) => list.iter().find(|item| is_met(condition, Some(item))).or(list.first()),
                other => other,
            };
            let member = |name: &str| value.and_then(|value| value.member(name));
            members.iter().flat_map(|(name, one)| of_value(one, &format!("{path}.{name}"), member(name))).collect()
        }
        Condition::Test(test) => vec![Finding {
            condition: format!("{path} {}", text(test)),
            found: value.map(|value| shown(&value.to_string())),
            met: is_met(condition, value),
            parts: Vec::new(),
        }],
    }
}

fn text(test: &Test) -> String {
    let list = |list: &[Value]| shown(&Value::from(list.to_vec()).to_string());
    match test {
        Test::Equal(value) => format!("$eq {}", shown(&value.to_string())),
        Test::NotEqual(value) => format!("$neq {}", shown(&value.to_string())),
        Test::In(values) => format!("$in {}", list(values)),
        Test::NotIn(values) => format!("$nin {}", list(values)),
        Test::Compare(Comparison::Greater, value) => format!("$gt {value}"),
        Test::Compare(Comparison::GreaterOrEqual, value) => format!("$gte {value}"),
        Test::Compare(Comparison::Less, value) => format!("$lt {value}"),
        Test::Compare(Comparison::LessOrEqual, value) => format!("$lte {value}"),
        Test::StartsWith(text) => format!("$startsWith {}", Value::from(&**text)),
        Test::EndsWith(text) => format!("$endsWith {}", Value::from(&**text)),
        Test::Exists(wanted) => format!("$exist {wanted}"),
    }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
