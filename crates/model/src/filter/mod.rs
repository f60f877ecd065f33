//! A filter: what must be true of a message for an endpoint to get it, as JSON with operators.
//!
//! It is compiled when the document of its endpoint is read, and so once for as long as that is cached. A message's
//! payload is read at most once for all filters, into a tree that borrows from it, and is never written again.
//!
//! ```json
//! {"payload": {"message": {"status": {"$in": ["delivered", "failed"]}}}, "type": {"$startsWith": "sms."}}
//! ```

mod compile;
mod evaluate;
mod explain;
mod json;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

pub use evaluate::FilterSubject;
pub use explain::Finding;

/// Where a filter is wrong, and what to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The way to it: names of members and positions in lists.
    pub path: Vec<String>,
    /// A sentence.
    pub message: String,
}

/// A filter, compiled, with what it was compiled from.
#[derive(Clone, Debug)]
pub struct Filter {
    source: Value,
    root: Condition,
}

/// The parts of a message that a filter can look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Payload,
    Headers,
    Type,
    Channel,
}

/// The names of [`Part`]s, in their order.
const PARTS: [(&str, Part); 4] =
    [("payload", Part::Payload), ("headers", Part::Headers), ("type", Part::Type), ("channel", Part::Channel)];

/// What must be true of a value.
#[derive(Clone, Debug)]
enum Condition {
    /// All of them.
    All(Vec<Condition>),
    /// One of them.
    Any(Vec<Condition>),
    /// Not this one.
    Not(Box<Condition>),
    /// Of one part of the message.
    Part(Part, Box<Condition>),
    /// Of members of an object, by name: all of them, and of one and the same object where the value is a list of some.
    Members(Vec<(Box<str>, Condition)>),
    /// Of the value itself.
    Test(Test),
}

/// What must be true of one value.
#[derive(Clone, Debug)]
enum Test {
    Equal(Value),
    NotEqual(Value),
    In(Vec<Value>),
    NotIn(Vec<Value>),
    Compare(Comparison, Value),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    Exists(bool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Filter {
    /// Compiles a filter.
    ///
    /// # Errors
    /// [`FilterError`], which names what was probably meant.
    pub fn compile(source: Value) -> Result<Self, FilterError> {
        Ok(Self { root: compile::root(&source, false)?, source })
    }

    /// What it was compiled from.
    #[must_use]
    pub const fn source(&self) -> &Value {
        &self.source
    }

    /// The same, when nothing else of it is needed.
    #[must_use]
    pub fn into_source(self) -> Value {
        self.source
    }

    /// Whether a message is let through.
    #[must_use]
    pub fn matches(&self, subject: &FilterSubject<'_>) -> bool {
        evaluate::holds(&self.root, subject)
    }

    /// Each condition, with what the message has there and whether it is met.
    #[must_use]
    pub fn explain(&self, subject: &FilterSubject<'_>) -> Vec<Finding> {
        explain::findings(&self.root, subject)
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Filter {}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.source.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = Value::deserialize(deserializer)?;
        let root = compile::root(&source, true).map_err(|error| serde::de::Error::custom(error.message))?;
        Ok(Self { root, source })
    }
}

#[cfg(test)]
mod tests;
