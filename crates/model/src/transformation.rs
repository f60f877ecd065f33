//! A transformation: code of an endpoint's owner that may change each webhook before it is sent.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{Redacted, Timestamp};

/// The longest code, in bytes.
pub const CODE_MAX: usize = 51_200;

/// What an endpoint's owner keeps as its transformation. It is sealed, for people write tokens into code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transformation {
    /// JavaScript with a function `handler`; none after it was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Redacted>,
    /// Whether it is run.
    #[serde(default)]
    pub enabled: bool,
    /// What the code finds as `webhook.variables`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub variables: IndexMap<String, Redacted>,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Transformation {
    /// The code, if it is to be run.
    #[must_use]
    pub fn running(&self) -> Option<&str> {
        self.code.as_ref().filter(|_| self.enabled).map(Redacted::reveal)
    }
}
