//! Whether conditions hold for a message.

use std::borrow::Cow;
use std::cell::OnceCell;

use serde_json::Value;

use super::json::{Json, Number};
use super::{Comparison, Condition, Part, Test};

/// What a filter looks at. The payload is read when the first filter asks for it, and then kept for all others.
#[derive(Debug)]
pub struct FilterSubject<'a> {
    event_type: &'a str,
    channels: &'a [String],
    /// The content type that the message's own body was given.
    content_type: Option<&'a str>,
    payload: Option<&'a [u8]>,
    parsed: OnceCell<Option<Json<'a>>>,
}

impl<'a> FilterSubject<'a> {
    /// A message. `content_type` is that which came with a body of its own; a payload that is gone is `None`.
    #[must_use]
    pub const fn new(
        event_type: &'a str,
        channels: &'a [String],
        content_type: Option<&'a str>,
        payload: Option<&'a [u8]>,
    ) -> Self {
        Self { event_type, channels, content_type, payload, parsed: OnceCell::new() }
    }

    /// A message as it is kept.
    #[must_use]
    pub fn of(message: &'a crate::Message) -> Self {
        let payload = message.payload.as_deref();
        Self::new(&message.event_type, &message.channels, message.raw_content_type.as_deref(), payload)
    }

    /// The payload, if there is one that can be read.
    pub(super) fn payload(&self) -> Option<&Json<'a>> {
        self.parsed.get_or_init(|| serde_json::from_slice(self.payload?).ok()).as_ref()
    }

    /// One of the parts that are not the payload; `None` if the message has none.
    pub(super) fn other(&self, part: Part) -> Option<Json<'a>> {
        let text = |text: &'a str| Json::Text(Cow::Borrowed(text));
        match part {
            Part::Payload => None,
            Part::Type => Some(text(self.event_type)),
            Part::Channel if self.channels.is_empty() => None,
            Part::Channel => Some(Json::List(self.channels.iter().map(|channel| text(channel)).collect())),
            Part::Headers => {
                self.content_type.map(|value| Json::Object(vec![(Cow::Borrowed("content-type"), text(value))]))
            }
        }
    }
}

/// Whether a condition holds for a message.
pub(super) fn holds(condition: &Condition, subject: &FilterSubject<'_>) -> bool {
    match condition {
        Condition::All(all) => all.iter().all(|one| holds(one, subject)),
        Condition::Any(any) => any.iter().any(|one| holds(one, subject)),
        Condition::Not(one) => !holds(one, subject),
        Condition::Part(Part::Payload, condition) => is_met(condition, subject.payload()),
        Condition::Part(part, condition) => is_met(condition, subject.other(*part).as_ref()),
        // Nothing but parts and what joins them stands at this level.
        Condition::Members(_) | Condition::Test(_) => false,
    }
}

/// Whether a condition is met by a value, or by there being none.
pub(super) fn is_met(condition: &Condition, value: Option<&Json<'_>>) -> bool {
    match condition {
        Condition::All(all) => all.iter().all(|one| is_met(one, value)),
        Condition::Any(any) => any.iter().any(|one| is_met(one, value)),
        Condition::Not(one) => !is_met(one, value),
        Condition::Part(..) => false,
        Condition::Members(members) => match value {
            Some(Json::List(list)) if !list.is_empty() => list.iter().any(|item| is_met(condition, Some(item))),
            _ => members.iter().all(|(name, one)| is_met(one, value.and_then(|value| value.member(name)))),
        },
        Condition::Test(test) => passes(test, value),
    }
}

/// Whether a value passes a test. A list does if one of its items does, so that `$neq` and `$nin` ask of all of them.
fn passes(test: &Test, value: Option<&Json<'_>>) -> bool {
    match test {
        Test::Exists(wanted) => value.is_some() == *wanted,
        Test::NotEqual(wanted) => !some(value, |one| one.equals(wanted)),
        Test::NotIn(wanted) => !some(value, |one| wanted.iter().any(|wanted| one.equals(wanted))),
        Test::Equal(wanted) => some(value, |one| one.equals(wanted)),
        Test::In(wanted) => some(value, |one| wanted.iter().any(|wanted| one.equals(wanted))),
        Test::Compare(comparison, wanted) => some(value, |one| compares(*comparison, one, wanted)),
        Test::StartsWith(start) => some(value, |one| matches!(one, Json::Text(text) if text.starts_with(&**start))),
        Test::EndsWith(end) => some(value, |one| matches!(one, Json::Text(text) if text.ends_with(&**end))),
    }
}

fn some(value: Option<&Json<'_>>, test: impl Fn(&Json<'_>) -> bool) -> bool {
    value.is_some_and(|value| test(value) || matches!(value, Json::List(list) if list.iter().any(test)))
}

/// Numbers by value, texts by their bytes; what is of another kind compares with nothing.
fn compares(comparison: Comparison, one: &Json<'_>, wanted: &Value) -> bool {
    let order = match (one, wanted) {
        (Json::Number(one), Value::Number(_)) => Number::of(wanted).and_then(|wanted| one.compare(wanted)),
        (Json::Text(one), Value::String(wanted)) => Some((**one).cmp(wanted)),
        _ => None,
    };
    order.is_some_and(|order| match comparison {
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
    })
}
