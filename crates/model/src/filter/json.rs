//! A payload as a tree that borrows from its text: read for filters, and never written.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    /// Members as they stand; of equal names the last one counts.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// A number: whole where it is written so and fits, else the nearest floating-point number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Negative(i64),
    Positive(u64),
    Float(f64),
}

impl Number {
    /// The number of a value that is one.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let number = value.as_number()?;
        let whole = number.as_u64().map(Self::Positive).or_else(|| number.as_i64().map(Self::Negative));
        whole.or_else(|| number.as_f64().map(Self::Float))
    }

    const fn whole(self) -> Option<i128> {
        match self {
            Self::Negative(number) => Some(number as i128),
            Self::Positive(number) => Some(number as i128),
            Self::Float(_) => None,
        }
    }

    const fn float(self) -> f64 {
        match self {
            Self::Negative(number) => number as f64,
            Self::Positive(number) => number as f64,
            Self::Float(number) => number,
        }
    }

    /// By value: 1 and 1.0 are the same.
    pub(super) fn compare(self, other: Self) -> Option<std::cmp::Ordering> {
        match (self.whole(), other.whole()) {
            (Some(one), Some(other)) => Some(one.cmp(&other)),
            _ => self.float().partial_cmp(&other.float()),
        }
    }
}

impl Json<'_> {
    /// Whether it is the same as what stands in a filter, numbers by value and members in any order.
    pub(super) fn equals(&self, wanted: &Value) -> bool {
        match (self, wanted) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(one), Value::Bool(other)) => one == other,
            (Self::Text(one), Value::String(other)) => one == other,
            (Self::Number(one), Value::Number(_)) => {
                Number::of(wanted).is_some_and(|other| one.compare(other).is_some_and(std::cmp::Ordering::is_eq))
            }
            (Self::List(list), Value::Array(wanted)) => {
                list.len() == wanted.len() && list.iter().zip(wanted).all(|(one, other)| one.equals(other))
            }
            (Self::Object(_), Value::Object(wanted)) => {
                self.names().len() == wanted.len()
                    && wanted.iter().all(|(name, value)| self.member(name).is_some_and(|one| one.equals(value)))
            }
            _ => false,
        }
    }

    /// The member of this name, if it is an object that has one.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value),
            _ => None,
        }
    }

    fn names(&self) -> std::collections::HashSet<&str> {
        match self {
            Self::Object(members) => members.iter().map(|(name, _)| &**name).collect(),
            _ => std::collections::HashSet::new(),
        }
    }
}

/// As JSON, for people.
impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(Number::Negative(number)) => write!(f, "{number}"),
            Self::Number(Number::Positive(number)) => write!(f, "{number}"),
            Self::Number(Number::Float(number)) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{}", Value::from(&**text)),
            Self::List(list) => {
                f.write_str("[")?;
                for (at, item) in list.iter().enumerate() {
                    write!(f, "{}{item}", if at > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (at, (name, value)) in members.iter().enumerate() {
                    write!(f, "{}{}:{value}", if at > 0 { "," } else { "" }, Value::from(&**name))?;
                }
                f.write_str("}")
            }
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(Number::Positive(number)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(Number::Negative(number)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number(Number::Float(number)))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some((Name(name), value)) = map.next_entry()? {
            members.push((name, value));
        }
        Ok(Json::Object(members))
    }
}

/// The name of a member, without a copy where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        deserializer.deserialize_str(NameVisitor).map(Name)
    }
}
