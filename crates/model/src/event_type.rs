//! An event type: the name that a message carries and that endpoints filter by.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The document of an event type. Its name is its id within the organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventType {
    /// `[A-Za-z0-9._:-]{1,256}`.
    pub name: String,
    /// What it means, for people.
    pub description: String,
    /// Archived types are listed on request only; endpoints may still name them.
    #[serde(default)]
    pub archived: bool,
    /// Marked as not for new use.
    #[serde(default)]
    pub deprecated: bool,
    /// Application tokens see the type only when they carry this flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_flag: Option<String>,
    /// JSON Schemas by version, as given: text, so that member order is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schemas: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
