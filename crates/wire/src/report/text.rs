//! Texts of a report as they were written: a number keeps its digits, a text its escapes undone.

use std::borrow::Cow;
use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

/// A text, or a number taken as text: ids, codes and money are never reformatted.
///
/// From a deserializer that makes floating-point numbers of numbers it is an error, as their digits are lost.
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
        deserializer.deserialize_any(TextVisitor { takes_truth: false }).map(Text)
    }
}

/// A text that may also be true or false in JSON's words: what is no id, code or number.
pub(super) struct Word<'a>(pub(super) Text<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Word<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor { takes_truth: true }).map(|text| Self(Text(text)))
    }
}

/// Reads a member that is true or false, in JSON's words or as text.
///
/// # Errors
/// When it is none of these.
pub(super) fn truth<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Text<'a>>, D::Error> {
    Ok(Option::<Word<'a>>::deserialize(deserializer)?.map(|Word(text)| text))
}

struct TextVisitor {
    takes_truth: bool,
}

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text))
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Self::Value, E> {
        if self.takes_truth {
            return Ok(Cow::Borrowed(if value { "true" } else { "false" }));
        }
        Err(E::invalid_type(serde::de::Unexpected::Bool(value), &self))
    }

    // A whole number of JSON has one way to be written, but for -0, which comes as a floating-point number.
    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }
}
