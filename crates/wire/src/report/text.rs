//! Texts of a report as they were written: a number keeps its digits, a text its escapes undone.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A text, or a number taken as text: ids, codes and money are never reformatted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl Text<'_> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        match raw.as_bytes().first() {
            Some(b'"') => unquote(raw).map(Text).map_err(serde::de::Error::custom),
            Some(b'{' | b'[') => Err(serde::de::Error::custom("a text was expected, and an object or a list came")),
            _ => Ok(Text(Cow::Borrowed(raw))),
        }
    }
}

/// The text of a JSON string, quotes included, without a copy where it has no escapes.
pub(crate) fn unquote(raw: &str) -> Result<Cow<'_, str>, serde_json::Error> {
    match raw.get(1..raw.len().saturating_sub(1)) {
        Some(inner) if !inner.contains('\\') => Ok(Cow::Borrowed(inner)),
        _ => serde_json::from_str::<String>(raw).map(Cow::Owned),
    }
}
