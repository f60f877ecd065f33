//! An event type: the name that a message carries and that endpoints filter by.

use serde::{Deserialize, Serialize};

use crate::{ReportMapping, Timestamp};

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
    /// How a payload of the producer's own form becomes a report.
    #[serde(default, skip_serializing_if = "ReportMapping::is_empty")]
    pub report_mapping: ReportMapping,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Whether a name fits a pattern: part by part between dots and colons, where a part `*` fits any.
#[must_use]
pub fn event_type_is_like(name: &str, pattern: &str) -> bool {
    let is_mark = |byte: &u8| matches!(byte, b'.' | b':');
    let parts = name.split(['.', ':']).zip(pattern.split(['.', ':']));
    name.bytes().filter(is_mark).eq(pattern.bytes().filter(is_mark))
        && parts.into_iter().all(|(name, pattern)| pattern == "*" || name == pattern)
}

/// Whether a name is one of these, or fits a pattern among them: a `*` in one stands for any part without dots and colons.
#[must_use]
pub fn event_type_is_among(name: &str, wanted: &[String]) -> bool {
    wanted.iter().any(|wanted| wanted == name || (wanted.contains('*') && event_type_is_like(name, wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_part_of_a_name() {
        for (name, pattern) in [
            ("profile.Customer:create", "profile.Customer:*"),
            ("profile.Customer:create", "profile.*:*"),
            ("sms.dlr", "*.dlr"),
            ("sms.dlr", "sms.dlr"),
        ] {
            assert!(event_type_is_like(name, pattern), "{name} {pattern}");
        }
        for (name, pattern) in [
            ("profile.Customer:create", "profile.*"),
            ("profile.Customer.create", "profile.Customer:*"),
            ("profile.Customers:create", "profile.Customer*:create"),
            ("sms.dlr", "sms.dlr.*"),
            ("sms.dlr", "*"),
        ] {
            assert!(!event_type_is_like(name, pattern), "{name} {pattern}");
        }
    }
}
