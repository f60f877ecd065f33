//! JSON with texts in it that may be written as numbers, whose digits are kept.

use std::borrow::Cow;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Error as _, IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};
use serde_json::Error;
use serde_json::value::RawValue;

use crate::json::{Members, unquote};

/// Reads a value with [`super::Text`]s in it.
///
/// # Errors
/// Where it is no JSON; or which member is of another kind.
pub(crate) fn read<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Error> {
    // The quick way gives up at a number that it would make a floating-point number of, or cannot.
    serde_json::from_str(json).or_else(|_| read_digits(json))
}

fn read_digits<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Error> {
    serde_path_to_error::deserialize(Digits(json.trim_ascii())).map_err(|error| {
        let (path, error) = (error.path().to_string(), error.into_inner());
        Error::custom(format!("`{path}`: {error}"))
    })
}

/// One value as it stands: its numbers are read as the text that they are. Takes longer than `serde_json` itself.
#[derive(Clone, Copy, Debug)]
struct Digits<'a>(&'a str);

impl<'de> Deserializer<'de> for Digits<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.as_bytes().first() {
            Some(b'{') => {
                let Members(members) = serde_json::from_str(self.0)?;
                let members = members.into_iter().map(|(name, value)| (name, Self(value)));
                visitor.visit_map(MapDeserializer::new(members))
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(self.0)?;
                visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(|item| Self(item.get()))))
            }
            Some(b'"') => match unquote(self.0)? {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                Cow::Owned(text) => visitor.visit_string(text),
            },
            Some(b'-' | b'0'..=b'9') => visitor.visit_borrowed_str(self.0),
            _ => serde_json::Deserializer::from_str(self.0).deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0 == "null" { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        // JSON that is kept as it stands.
        serde_json::Deserializer::from_str(self.0).deserialize_newtype_struct(name, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Digits<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Report, Text};
    use super::*;

    #[test]
    fn numbers_keep_their_digits_however_they_are_written() {
        for number in ["0", "-0", "-7", "007", "2.0000", "1e3", "-1.50E-7", "12345678901234567890123", "1e999"] {
            let json = format!(r#" {{"x": [{number}], "message": {{ "y": {{"a":{number}}}, "id": {number} }} }} "#);
            let report: Option<Report<'_>> = read(&json).ok();
            let id = report.and_then(|report| report.message).and_then(|message| message.id);
            assert_eq!(id.as_ref().map(Text::as_str), (number != "007").then_some(number), "{number}");
        }
    }

    #[test]
    fn what_is_of_another_kind_is_named() {
        let error = |json: &str| read::<Report<'_>>(json).unwrap_err().to_string();
        assert_eq!(error(r#"{"message":{"id":{}}}"#), "`message.id`: invalid type: map, expected a text or a number");
        assert!(error(r#"{"message":{"price":{"amount":1.5},"id":[]}}"#).starts_with("`message.id`: invalid type"));
        assert!(error(r#"{"message":1.0}"#).starts_with("`message`: invalid type"));
    }

    /// JSON values, objects with members of a report among them. There are no floating-point numbers in them, which the
    /// quick way does not take.
    fn value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<u64>().prop_map(Into::into),
            ".*".prop_map(Into::into),
        ];
        let name = prop_oneof![Just("message"), Just("id"), Just("price"), Just("amount"), Just("custom"), Just("x")];
        leaf.prop_recursive(4, 32, 4, move |inner| {
            let members = proptest::collection::vec((name.clone(), inner.clone()), 0..4);
            prop_oneof![
                members.prop_map(|members| members.into_iter().map(|(n, v)| (n.to_owned(), v)).collect()),
                proptest::collection::vec(inner, 0..3).prop_map(Into::into),
            ]
        })
    }

    proptest! {
        #[test]
        fn both_ways_read_the_same(value in value()) {
            let json = value.to_string();
            let quick: Result<Report<'_>, _> = serde_json::from_str(&json);
            let slow: Result<Report<'_>, _> = read_digits(&json);
            prop_assert_eq!(quick.ok().map(|r| format!("{r:?}")), slow.ok().map(|r| format!("{r:?}")));
        }
    }
}
