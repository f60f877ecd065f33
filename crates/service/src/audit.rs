//! Who changed what: what is noted beside each change of configuration, and how it is read.
//!
//! What differs is found out by comparing the documents before and after. Secrets are in a sealed part of their own, of
//! which is said that it changed and never how.

use std::collections::BTreeMap;

use ringback_model::{AppId, OrgNo, Timestamp};
use ringback_store::{AUDIT_KEPT, Audit, AuditQuery};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Actor, Right, Service, ServiceError};

/// The longest value that is noted, in characters, and how many.
const VALUE_MAX: usize = 300;
const FIELDS_MAX: usize = 40;
/// Fields that change with every change, or never.
const PASSED_OVER: [&str; 4] = ["id", "createdAt", "updatedAt", "signedInAt"];

/// One field that differs. Values are JSON, cut when they are long; absent where there was or is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditedField {
    /// Its name, with dots between levels.
    pub field: String,
    /// What it said before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it says now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// One change, as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditView {
    /// Its place among the others.
    pub no: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// The kind of thing, a word such as `webhook`.
    pub thing: String,
    /// What was done to it, a word such as `changed`.
    pub deed: String,
    /// The application that it belongs to.
    pub app: Option<String>,
    /// Its id or name.
    pub subject: String,
    /// What people call it.
    pub title: String,
    /// What differs.
    pub changes: Vec<AuditedField>,
}

/// Which changes are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// By this user, token or link.
    pub by: Option<String>,
    /// About this kind of thing.
    pub thing: Option<String>,
    /// About this application, by its id.
    pub app: Option<String>,
    /// About this thing, by its id or name.
    pub subject: Option<String>,
    /// Only those before this place.
    pub before: Option<i64>,
    /// Changes of the server as a whole, such as of its users, too.
    pub with_server: bool,
}

/// What a change is about.
#[derive(Clone, Debug)]
pub(crate) struct Note<'a> {
    pub(crate) org: i64,
    pub(crate) by: &'a str,
    pub(crate) thing: &'static str,
    pub(crate) app: Option<AppId>,
    pub(crate) subject: String,
    pub(crate) title: &'a str,
}

impl Note<'_> {
    /// A deed that says all by itself.
    pub(crate) fn done(self, now: Timestamp, deed: &str) -> Option<Box<Audit>> {
        Some(Box::new(self.record(now, deed, &[])))
    }

    /// Something new, as its document says.
    pub(crate) fn added(self, now: Timestamp, after: &str) -> Option<Box<Audit>> {
        Some(Box::new(self.record(now, "added", &differences("{}", after))))
    }

    /// A change from one document to another; `sealed` if secrets differ. Nothing if nothing does.
    pub(crate) fn changed(self, now: Timestamp, before: &str, after: &str, sealed: bool) -> Option<Box<Audit>> {
        let mut fields = differences(before, after);
        if sealed {
            fields.push(AuditedField { field: "secrets".to_owned(), before: None, after: None });
        }
        (!fields.is_empty()).then(|| Box::new(self.record(now, "changed", &fields)))
    }

    fn record(self, now: Timestamp, deed: &str, fields: &[AuditedField]) -> Audit {
        Audit {
            org: self.org,
            at: now,
            by: self.by.to_owned(),
            thing: self.thing.to_owned(),
            deed: deed.to_owned(),
            app: self.app.map(|app| app.to_string()),
            subject: self.subject,
            title: cut(self.title),
            changes: serde_json::to_string(fields).unwrap_or_else(|_| "[]".to_owned()),
        }
    }
}

/// What differs between two JSON objects, by field.
fn differences(before: &str, after: &str) -> Vec<AuditedField> {
    let read = |text: &str| {
        let mut fields = BTreeMap::new();
        flatten("", &serde_json::from_str(text).unwrap_or(Value::Null), &mut fields);
        fields
    };
    let (mut before, after) = (read(before), read(after));
    let mut found = Vec::new();
    for (field, after) in after {
        let before = before.remove(&field);
        if before.as_ref() != Some(&after) {
            found.push(AuditedField { field, before, after: Some(after) });
        }
    }
    let gone = before.into_iter().map(|(field, before)| AuditedField { field, before: Some(before), after: None });
    found.extend(gone);
    found.sort_by(|one, other| one.field.cmp(&other.field));
    found.truncate(FIELDS_MAX);
    for text in found.iter_mut().flat_map(|field| [&mut field.before, &mut field.after]).flatten() {
        *text = cut(text);
    }
    found
}

fn flatten(path: &str, value: &Value, fields: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if path.is_empty() && PASSED_OVER.contains(&name.as_str()) {
                    continue;
                }
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, member, fields);
            }
        }
        Value::Null => {}
        Value::String(text) => drop(fields.insert(path.to_owned(), text.clone())),
        other => drop(fields.insert(path.to_owned(), other.to_string())),
    }
}

fn cut(text: &str) -> String {
    let mut letters = text.chars();
    let mut kept: String = letters.by_ref().take(VALUE_MAX).collect();
    if letters.next().is_some() {
        kept.push('…');
    }
    kept
}

impl Service {
    /// Who changed what in the actor's organization, the newest first, at most `limit`. Kept for 90 days.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] without [`Right::ReadOrganization`].
    pub async fn list_audits(
        &self,
        actor: &Actor,
        filter: AuditFilter,
        limit: usize,
    ) -> Result<Vec<AuditView>, ServiceError> {
        actor.require(Right::ReadOrganization)?;
        let org = self.organization(actor.org).await?.unwrap_or(OrgNo(-1));
        let AuditFilter { by, thing, app, subject, before, with_server } = filter;
        let since = self.clock.now() - AUDIT_KEPT;
        let query = AuditQuery { org: org.0, with_server, since, before, by, thing, app, subject, limit };
        let view = |found: ringback_store::Audited| {
            let Audit { at, by, thing, deed, app, subject, title, changes, .. } = found.audit;
            let changes = serde_json::from_str(&changes)?;
            Ok(AuditView { no: found.no, at, by, thing, deed, app, subject, title, changes })
        };
        self.store.audits(query).await?.into_iter().map(view).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(field: &str, before: Option<&str>, after: Option<&str>) -> AuditedField {
        AuditedField { field: field.to_owned(), before: before.map(str::to_owned), after: after.map(str::to_owned) }
    }

    #[test]
    fn what_differs_is_told_by_field_and_what_always_differs_is_not() {
        let before = r#"{"id":"a","url":"x","on":true,"deep":{"a":1,"b":[1,2]},"gone":"y","updatedAt":1}"#;
        let after = r#"{"id":"b","url":"x","on":false,"deep":{"a":1,"b":[2]},"new":null,"more":"z","updatedAt":2}"#;
        let expected = [
            field("deep.b", Some("[1,2]"), Some("[2]")),
            field("gone", Some("y"), None),
            field("more", None, Some("z")),
            field("on", Some("true"), Some("false")),
        ];
        assert_eq!(differences(before, after), expected);
    }

    #[test]
    fn long_values_are_cut_between_letters_and_nothing_changed_is_no_record() {
        let long = format!("{{\"a\":\"{}\"}}", "é".repeat(VALUE_MAX + 1));
        let cut = differences("{}", &long)[0].after.clone().unwrap();
        assert_eq!(cut, format!("{}…", "é".repeat(VALUE_MAX)));
        let note = Note { org: 1, by: "a", thing: "webhook", app: None, subject: "s".to_owned(), title: "t" };
        assert_eq!(note.clone().changed(Timestamp::MIN, &long, &long, false), None);
        assert!(note.changed(Timestamp::MIN, &long, &long, true).is_some());
    }
}
