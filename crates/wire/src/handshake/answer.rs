//! What somebody answered to a token handshake: the two members that count, with everything that was said of each.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use subtle::ConstantTimeEq as _;

use super::Refusal;

/// Compares in a time that does not tell how much of it is right.
pub(super) fn same(given: &[u8], wanted: &str) -> bool {
    given.ct_eq(wanted.as_bytes()).into()
}

/// The members that count of an answer, with everything that was said of each.
#[derive(Debug, Default)]
pub(super) struct TokenAnswer {
    pub(super) challenge: Said,
    pub(super) validation_key: Said,
}

/// All values that one member was given.
#[derive(Debug, Default)]
pub(super) struct Said(Vec<Value>);

impl Said {
    /// Whether it is there; an error if it is and is not `wanted`.
    pub(super) fn holds(&self, name: &'static str, wanted: &str) -> Result<bool, Refusal> {
        let Some(first) = self.0.first() else { return Ok(false) };
        if self.0.iter().any(|other| other != first) {
            return Err(Refusal::Twice(name));
        }
        match first {
            Value::String(text) if same(text.as_bytes(), wanted) => Ok(true),
            _ => Err(Refusal::Wrong(name)),
        }
    }
}

impl<'de> Deserialize<'de> for TokenAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TokenAnswerVisitor)
    }
}

struct TokenAnswerVisitor;

impl<'de> Visitor<'de> for TokenAnswerVisitor {
    type Value = TokenAnswer;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TokenAnswer, A::Error> {
        let mut answer = TokenAnswer::default();
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "challenge" => answer.challenge.0.push(map.next_value()?),
                "validation_key" => answer.validation_key.0.push(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(answer)
    }
}
