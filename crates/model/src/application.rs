//! An application: one customer of the operator.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{AppId, Redacted, Timestamp};

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
    /// How much may be handed in for it.
    #[serde(default, flatten)]
    pub ingest: IngestLimits,
    /// The customer's numbers by product: the list that a webhook for one number is chosen from.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub product_unique_ids: IndexMap<String, Vec<ListedNumber>>,
    /// Where messages may be called back to by a URL of their own: prefixes of URLs, down to a path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callback_allow_list: Vec<String>,
    /// The caller's own notes.
    #[serde(default)]
    pub metadata: IndexMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Application {
    /// An application that says nothing but its name.
    #[must_use]
    pub fn new(id: AppId, name: String, now: Timestamp) -> Self {
        Self {
            id,
            uid: None,
            name,
            throttle_rate: None,
            ingest: IngestLimits::default(),
            product_unique_ids: IndexMap::new(),
            callback_allow_list: Vec::new(),
            metadata: IndexMap::new(),
            created_at: now,
            updated_at: now,
        }
    }
}

/// How much may be handed in for an application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IngestLimits {
    /// At most so many messages a second, with a burst of one second; no limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingest_rate: Option<u32>,
    /// At most so many bytes of payload are kept; no limit if absent. Counted some seconds after the acceptance, so that
    /// what comes in so many seconds may be kept beside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_quota: Option<u64>,
}

/// One of a customer's numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedNumber {
    /// The number, as reports carry it in `productUniqueId`.
    pub id: String,
    /// Its name, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The sealed part of an application's document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationSecrets {
    /// What proves that an OTP backfill comes from the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback_secret: Option<Redacted>,
}
