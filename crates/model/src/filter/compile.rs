//! From the JSON of a filter to its conditions, or to where it is wrong.

use serde_json::{Map, Value};

use super::{Comparison, Condition, FilterError, PARTS, Part, Test};
use crate::near;

/// Conditions that a filter may have in all: each is looked at for every message.
const CONDITIONS_MAX: usize = 256;
/// Objects and lists that may stand inside each other.
const DEPTH_MAX: usize = 32;

const OPERATORS: [&str; 14] = [
    "$eq",
    "$neq",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$in",
    "$nin",
    "$startsWith",
    "$endsWith",
    "$exist",
    "$or",
    "$and",
    "$not",
];
/// Those that join others, which is all that may stand beside the parts of a message.
const JOINING: [&str; 3] = ["$or", "$and", "$not"];
/// What others call them.
const OTHER_NAMES: [(&str, &str); 4] =
    [("$ne", "$neq"), ("$exists", "$exist"), ("$notIn", "$nin"), ("$contains", "$eq")];

/// Where in a filter a condition stands: what its names mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Names are parts of a message.
    Message,
    /// Names are headers, in which case does not count.
    Headers,
    /// There are no names: it is a text, or a list of some.
    Text,
    /// Names are members.
    Value,
}

/// What is said of a condition that can hold for no message, as it asks for something else where there are texts alone.
const NO_TEXT: &str = "What stands here is always a text, so nothing would ever come: ask for one, in quotation marks.";

/// Headers that messages carry.
const HEADERS: [&str; 1] = ["content-type"];

/// The way to what is being read, and how much was read.
#[derive(Default)]
struct Reader {
    path: Vec<String>,
    conditions: usize,
    /// It was taken before: what it asks of headers that no message carries was allowed then.
    was_kept: bool,
}

/// Reads a filter; one that `was_kept` is read as it was when it was taken.
pub(super) fn root(source: &Value, was_kept: bool) -> Result<Condition, FilterError> {
    let mut reader = Reader { was_kept, ..Reader::default() };
    let Value::Object(members) = source else {
        return Err(reader.error("A filter is an object, such as {\"payload\": {\"status\": \"failed\"}}."));
    };
    if members.is_empty() {
        return Err(reader.error("It lets everything through: leave it out, or write null."));
    }
    reader.object(members, Level::Message)
}

impl Reader {
    fn error(&self, message: impl Into<String>) -> FilterError {
        FilterError { path: self.path.clone(), message: message.into() }
    }

    /// Reads what stands one step further.
    fn step<T>(
        &mut self,
        name: impl Into<String>,
        read: impl FnOnce(&mut Self) -> Result<T, FilterError>,
    ) -> Result<T, FilterError> {
        self.path.push(name.into());
        if self.path.len() > DEPTH_MAX {
            return Err(self.error(format!("A filter is at most {DEPTH_MAX} levels deep.")));
        }
        let read = read(self)?;
        self.path.pop();
        Ok(read)
    }

    fn condition(&mut self, value: &Value, level: Level) -> Result<Condition, FilterError> {
        match value {
            Value::Object(members) if members.is_empty() => {
                Err(self.error("An empty object asks for nothing: write {\"$exist\": true} for whatever is there."))
            }
            Value::Object(members) => self.object(members, level),
            Value::Array(_) => Err(self.error(
                "A list can be meant in two ways: write {\"$in\": [...]} for one of several values, or \
                 {\"$eq\": [...]} for this very list.",
            )),
            _ if matches!(level, Level::Message | Level::Headers) => Err(self.error("It is an object of conditions.")),
            _ if self.is_never(value, level) => Err(self.error(NO_TEXT)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => self.test(Test::Equal(value.clone())),
        }
    }

    fn object(&mut self, members: &Map<String, Value>, level: Level) -> Result<Condition, FilterError> {
        let mut all = Vec::new();
        let mut named = Vec::new();
        for (name, value) in members {
            if name.starts_with('$') {
                all.push(self.step(name, |reader| reader.operator(name, value, level))?);
            } else if level == Level::Message {
                all.push(self.step(name, |reader| reader.part(name, value))?);
            } else if level == Level::Text && !self.was_kept {
                return self
                    .step(name, |reader| Err(reader.error("What stands here is a text, which has no members.")));
            } else {
                let known = if level == Level::Headers { name.to_ascii_lowercase() } else { name.clone() };
                let condition = self.step(name, |reader| {
                    if level == Level::Headers && !reader.was_kept && !HEADERS.contains(&known.as_str()) {
                        let message = format!(
                            "Messages carry no header `{known}`, so nothing would ever come: `content-type` is the one that is \
                             kept. Ask for a member of the `payload` or for a `channel`."
                        );
                        return Err(reader.error(message));
                    }
                    reader.condition(value, if level == Level::Headers { Level::Text } else { Level::Value })
                })?;
                named.push((known.into_boxed_str(), condition));
            }
        }
        if !named.is_empty() {
            all.push(Condition::Members(named));
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Condition::All(all) })
    }

    fn part(&mut self, name: &str, value: &Value) -> Result<Condition, FilterError> {
        // Producers and older clients know them by these names.
        let known = match name {
            "data" | "body" => "payload",
            "eventType" => "type",
            "channels" => "channel",
            other => other,
        };
        let Some((_, part)) = PARTS.iter().find(|(name, _)| *name == known) else {
            let names = PARTS.map(|(name, _)| name);
            return Err(self.error(match near(name, names).first() {
                Some(meant) => format!("There is no part `{name}` of a message; is it `{meant}`?"),
                None => format!(
                    "There is no part `{name}` of a message: they are `payload`, `headers`, `type` and `channel`, and a \
                     member of the payload stands inside `payload`."
                ),
            }));
        };
        let level = match part {
            Part::Payload => Level::Value,
            Part::Headers => Level::Headers,
            Part::Type | Part::Channel => Level::Text,
        };
        Ok(Condition::Part(*part, Box::new(self.condition(value, level)?)))
    }

    fn operator(&mut self, name: &str, value: &Value, level: Level) -> Result<Condition, FilterError> {
        if !OPERATORS.contains(&name) {
            let other = OTHER_NAMES.iter().find(|(other, _)| *other == name).map(|(_, ours)| *ours);
            return Err(self.error(match other.or_else(|| near(name, OPERATORS).first().copied()) {
                Some(meant) => format!("There is no operator `{name}`; is it `{meant}`?"),
                None => format!(
                    "There is no operator `{name}`: they are {}.",
                    OPERATORS.map(|o| format!("`{o}`")).join(", ")
                ),
            }));
        }
        if matches!(level, Level::Message | Level::Headers) && !JOINING.contains(&name) {
            let message = format!("`{name}` is for a value: write it inside one of the names that may stand here.");
            return Err(self.error(message));
        }
        let test = match name {
            "$or" => return self.joined(value, level).map(Condition::Any),
            "$and" => return self.joined(value, level).map(Condition::All),
            "$not" => return Ok(Condition::Not(Box::new(self.condition(value, level)?))),
            "$eq" => Test::Equal(value.clone()),
            "$neq" => Test::NotEqual(value.clone()),
            "$in" => Test::In(self.list(value)?),
            "$nin" => Test::NotIn(self.list(value)?),
            "$gt" => Test::Compare(Comparison::Greater, self.comparable(value)?),
            "$gte" => Test::Compare(Comparison::GreaterOrEqual, self.comparable(value)?),
            "$lt" => Test::Compare(Comparison::Less, self.comparable(value)?),
            "$lte" => Test::Compare(Comparison::LessOrEqual, self.comparable(value)?),
            "$startsWith" => Test::StartsWith(self.text(value)?),
            "$endsWith" => Test::EndsWith(self.text(value)?),
            _ => Test::Exists(value.as_bool().ok_or_else(|| self.error("It is true or false."))?),
        };
        if self.is_never(value, level) && !matches!(test, Test::Exists(_)) {
            return Err(self.error(NO_TEXT));
        }
        self.test(test)
    }

    /// Whether a value, or one in a list of some, is none that could stand at this level.
    fn is_never(&self, value: &Value, level: Level) -> bool {
        let is_text = match value {
            Value::Array(items) => items.iter().all(Value::is_string),
            one => one.is_string(),
        };
        level == Level::Text && !self.was_kept && !is_text
    }

    fn test(&mut self, test: Test) -> Result<Condition, FilterError> {
        self.conditions += 1;
        if self.conditions > CONDITIONS_MAX {
            return Err(self.error(format!("A filter has at most {CONDITIONS_MAX} conditions.")));
        }
        Ok(Condition::Test(test))
    }

    fn joined(&mut self, value: &Value, level: Level) -> Result<Vec<Condition>, FilterError> {
        let list = value.as_array().filter(|list| !list.is_empty());
        let list = list.ok_or_else(|| self.error("It is a list of conditions, of one at least."))?;
        let each = list.iter().enumerate();
        each.map(|(at, item)| self.step(at.to_string(), |reader| reader.condition(item, level))).collect()
    }

    fn list(&mut self, value: &Value) -> Result<Vec<Value>, FilterError> {
        let list = value.as_array().filter(|list| !list.is_empty()).cloned();
        let list = list.ok_or_else(|| self.error("It is a list of values, of one at least."))?;
        self.conditions += list.len() - 1;
        Ok(list)
    }

    fn comparable(&self, value: &Value) -> Result<Value, FilterError> {
        match value {
            Value::Number(_) | Value::String(_) => Ok(value.clone()),
            _ => Err(self.error("It is a number, or a text that is compared byte by byte, such as a time.")),
        }
    }

    fn text(&self, value: &Value) -> Result<Box<str>, FilterError> {
        value.as_str().map(Box::from).ok_or_else(|| self.error("It is a text."))
    }
}
