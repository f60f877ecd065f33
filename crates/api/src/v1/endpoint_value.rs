//! Values of an endpoint's members that may be written in several ways.

use std::fmt;
use std::time::Duration;

use ringback_model::{Batching, BodyRule, DurationError, LONGEST, Redacted, SuccessRule, parse_duration};
use ringback_service::{CustomParameterDraft, HeaderDraft};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::object::Object;

/// A length of time: a text with its unit, or a number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length(pub(crate) Duration);

/// Lengths of time: a list, or a text with commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule(pub(crate) Vec<Duration>);

/// Request headers: an object of names and values, or a list that may say which are secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeaderList(pub(crate) Vec<HeaderDraft>);

/// How several messages go in one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Batch {
    /// At most so many messages in one request.
    #[schema(minimum = 2, maximum = 1000, example = 100)]
    max_messages: u16,
    /// How long the first of them waits for others, in milliseconds; 0 takes what is due and waits for nothing.
    #[serde(default = "wait_default")]
    #[schema(minimum = 0, maximum = 60000, default = 1000, example = 1000)]
    max_wait_ms: u32,
}

/// What a receiver has to answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Success {
    #[serde(default)]
    status: Vec<String>,
    #[serde(default)]
    body: Option<Object<BodyRule>>,
}

impl From<Success> for SuccessRule {
    fn from(Success { status, body }: Success) -> Self {
        Self { status, body: body.map(|Object(rule)| rule) }
    }
}

const fn wait_default() -> u32 {
    Batching::WAIT_MS_DEFAULT
}

impl From<Batch> for Batching {
    fn from(Batch { max_messages, max_wait_ms }: Batch) -> Self {
        Self { max_messages, max_wait_ms }
    }
}

impl From<Batching> for Batch {
    fn from(Batching { max_messages, max_wait_ms }: Batching) -> Self {
        Self { max_messages, max_wait_ms }
    }
}

/// A sum of states of a message; 0 stands for every number that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mask(pub(crate) u8);

impl<'de> Deserialize<'de> for Mask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        Ok(Self(u8::try_from(number).ok().filter(|mask| *mask < 32).unwrap_or(0)))
    }
}

/// A number of attempts; 0 stands for every number that is none, which its limit refuses with its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Concurrency(pub(crate) u16);

impl<'de> Deserialize<'de> for Concurrency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        Ok(Self(u16::try_from(number).unwrap_or(0)))
    }
}

/// Reads a length of time. One that is too long is the longest, which the limit of its member refuses with its own words.
fn length<E: Error>(text: &str) -> Result<Duration, E> {
    match parse_duration(text) {
        Err(DurationError::TooLong { .. }) => Ok(LONGEST),
        read => read.map_err(E::custom),
    }
}

struct LengthVisitor;

impl Visitor<'_> for LengthVisitor {
    type Value = Length;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a length of time such as \"15s\", or a number of seconds")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Length, E> {
        length(text).map(Length)
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Length, E> {
        self.visit_str(&seconds.to_string())
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Length, E> {
        self.visit_str(&seconds.to_string())
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Length, E> {
        self.visit_str(&seconds.to_string())
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LengthVisitor)
    }
}

struct ScheduleVisitor;

impl<'de> Visitor<'de> for ScheduleVisitor {
    type Value = Schedule;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of lengths of time such as [\"5s\", \"5m\"], or a text such as \"5s,5m\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Schedule, E> {
        let parts = text.split(',').filter(|_| !text.trim().is_empty());
        parts.map(length).collect::<Result<_, E>>().map(Schedule)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Schedule, A::Error> {
        let mut delays = Vec::new();
        while let Some(Length(delay)) = items.next_element()? {
            delays.push(delay);
        }
        Ok(Schedule(delays))
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScheduleVisitor)
    }
}

/// One item of a list of headers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderItem {
    name: String,
    value: Redacted,
    #[serde(default)]
    secret: bool,
}

struct HeaderListVisitor;

impl<'de> Visitor<'de> for HeaderListVisitor {
    type Value = HeaderList;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of header names and values, or a list of objects with `name`, `value` and `secret`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderList, A::Error> {
        let mut headers = Vec::new();
        while let Some((name, value)) = map.next_entry()? {
            headers.push(HeaderDraft { name, value, secret: false });
        }
        Ok(HeaderList(headers))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<HeaderList, A::Error> {
        let mut headers = Vec::new();
        while let Some(Object(HeaderItem { name, value, secret })) = items.next_element()? {
            headers.push(HeaderDraft { name, value, secret });
        }
        Ok(HeaderList(headers))
    }
}

impl<'de> Deserialize<'de> for HeaderList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HeaderListVisitor)
    }
}

/// Parameters of the owner: an object of names and values, or a list that may say which are secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParameterList(pub(crate) Vec<CustomParameterDraft>);

/// One item of a list of parameters.
#[derive(Debug)]
struct ParameterItem(CustomParameterDraft);

impl<'de> Deserialize<'de> for ParameterItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Said {
            name: String,
            value: Option<Redacted>,
            #[serde(default)]
            secret: bool,
        }
        let Object(Said { name, value, secret }) = Object::deserialize(deserializer)?;
        match value {
            Some(value) => Ok(Self(CustomParameterDraft { name, value, secret })),
            // Left out by those who send back a secret one that they have read.
            None if secret => Ok(Self(CustomParameterDraft { name, value: Redacted::default(), secret })),
            None => Err(D::Error::missing_field("value")),
        }
    }
}

struct ParameterListVisitor;

impl<'de> Visitor<'de> for ParameterListVisitor {
    type Value = ParameterList;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of names and values, or a list of objects with `name`, `value` and `secret`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ParameterList, A::Error> {
        let mut list = Vec::new();
        while let Some((name, value)) = map.next_entry()? {
            list.push(CustomParameterDraft { name, value, secret: false });
        }
        Ok(ParameterList(list))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ParameterList, A::Error> {
        let mut list = Vec::new();
        while let Some(ParameterItem(parameter)) = items.next_element()? {
            list.push(parameter);
        }
        Ok(ParameterList(list))
    }
}

impl<'de> Deserialize<'de> for ParameterList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ParameterListVisitor)
    }
}
