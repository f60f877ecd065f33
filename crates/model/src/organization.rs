//! An organization: an isolated world of keys, applications and event types.

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{JqlIssuer, OrgId, OrgNo, ProductList, ReportMapping, Schema};

/// The organization that a token speaks for when none is named; the same as the reference server's.
pub const DEFAULT_ORGANIZATION: &str = "org_23rb8YdGqMT0qIzpgGwdXfHirMu";

/// An organization. It needs no creation: the first thing kept for it makes it known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its number in the store.
    pub no: OrgNo,
    /// Its public id, as tokens carry it.
    pub id: OrgId,
}

/// The document of an organization: what holds for all of its applications where they do not say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OrganizationSettings {
    /// The zone that times are written in: a name of the IANA data base; UTC if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Delays between tries, in microseconds, in place of the server's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_schedule_micros: Option<Vec<u64>>,
    /// For how many days payloads are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u16>,
    /// For how many days attempts are kept, from the acceptance of their message on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt_retention_days: Option<u16>,
    /// For how many days messages are kept; those whose payload is kept for longer, for as long as that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_retention_days: Option<u16>,
    /// Every new endpoint has to pass a handshake before it gets anything.
    pub require_verification: bool,
    /// A message of an event type that was not registered is refused.
    pub strict_event_types: bool,
    /// A message whose payload does not keep to the schema of its event type is refused.
    pub validate_payloads: bool,
    /// Phone numbers are masked on pages, for those who may not see secrets.
    pub mask_numbers: bool,
    /// The operator's own products with their types of report, beside or in place of those known everywhere.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub products: ProductList,
    /// How the pages look that customers see.
    #[serde(skip_serializing_if = "Branding::is_default")]
    pub branding: Branding,
    /// Where customers find help: a web page, or an address as `mailto:`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support_url: Option<String>,
    /// Another issuer of tokens for JQL, in place of the installation's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jql: Option<JqlIssuer>,
    /// How the producer's own JSON becomes a report: by event type, the report's path and the payload's. Kept on event
    /// types, and put in here when they are read.
    #[serde(skip)]
    pub report_mappings: Arc<IndexMap<String, ReportMapping>>,
    /// The newest schema of each event type that has one of its own, where payloads are held against them. Kept on event
    /// types, and put in here when they are read.
    #[serde(skip)]
    pub schemas: Arc<IndexMap<String, Schema>>,
}

/// How the pages look that an operator's customers see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Branding {
    /// The operator's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its logo: an https URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// The colour of buttons and links: `#rrggbb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accent_color: Option<String>,
    /// Origins whose pages may show the customer's pages in a frame; none if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frame_ancestors: Vec<String>,
}

impl Branding {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl OrganizationSettings {
    /// The organization's own retry schedule, if it has one.
    #[must_use]
    pub fn retry_schedule(&self) -> Option<Vec<Duration>> {
        self.retry_schedule_micros.as_ref().map(|delays| delays.iter().copied().map(Duration::from_micros).collect())
    }
}
