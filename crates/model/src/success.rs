//! What counts as success where 2xx alone does not.

use serde::{Deserialize, Serialize};

/// What a receiver has to answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuccessRule {
    /// Statuses: `200`, or a class such as `2xx`; those of the dialect if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    /// What the body must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<BodyRule>,
}

/// What the body of an answer must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BodyRule {
    /// How it is looked at.
    pub rule: BodyTest,
    /// The text to compare with; `jsonPath`: `$.path.to.member == value`, or a path alone that must be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// How a body is looked at. White space at both ends does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BodyTest {
    /// It is the text.
    Equals,
    /// It holds the text.
    Contains,
    /// It is not empty.
    NonEmpty,
    /// A member of it is there, or has the value.
    JsonPath,
}
