//! (test) By which names a struct is read, so that tables and documents of them can be held against the code.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::value::Error;
use serde::de::{Deserializer, Visitor};

/// Takes down what a struct's `Deserialize` asks for, and gives it nothing.
struct Names<'n>(&'n mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(serde::de::Error::custom("only the names are wanted"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("a struct was expected"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The names of a struct's members, as they stand in JSON or TOML.
pub(crate) fn names<'de, T: Deserialize<'de> + std::fmt::Debug>() -> BTreeSet<&'static str> {
    let mut names: &'static [&'static str] = &[];
    T::deserialize(Names(&mut names)).unwrap_err();
    assert!(!names.is_empty());
    names.iter().copied().collect()
}
