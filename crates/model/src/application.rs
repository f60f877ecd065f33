//! An application: one customer of the operator.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{AppId, Timestamp};

/// The document of an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Its public id.
    pub id: AppId,
    /// The caller's own id for it, unique in the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Its name, for people.
    pub name: String,
    /// At most so many attempts a second over all of its endpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle_rate: Option<u16>,
    /// The caller's own notes.
    #[serde(default)]
    pub metadata: IndexMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
