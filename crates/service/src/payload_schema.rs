//! Payloads held against the schemas of their event types, where the organization asks for it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use ringback_model::{OrganizationSettings, Schema};
use ringback_wire::report::report_schemas;

use crate::{FieldError, ServiceError};

/// The schemas of reports, which every server knows.
static BUILT_IN: LazyLock<HashMap<&'static str, Schema>> = LazyLock::new(|| {
    let schemas = report_schemas().iter();
    schemas
        .filter_map(|schema| Some((schema.event_type, Schema::new(serde_json::from_str(&schema.schema).ok()?))))
        .collect()
});

/// Refuses a payload that does not keep to the schema of its event type, and names each place.
pub(crate) fn check(settings: &OrganizationSettings, event_type: &str, payload: &[u8]) -> Result<(), ServiceError> {
    if !settings.validate_payloads {
        return Ok(());
    }
    // A type with a mapping has payloads of the producer's own form, of which only the producer can tell.
    let built_in = || BUILT_IN.get(event_type).filter(|_| !settings.report_mappings.contains_key(event_type));
    let Some(schema) = settings.schemas.get(event_type).or_else(built_in) else { return Ok(()) };
    // It was read as JSON before: what cannot be read is not there.
    let value = serde_json::from_slice(payload).unwrap_or_default();
    let faults: Vec<_> = schema
        .violations(&value)
        .into_iter()
        .map(|violation| {
            let path = ["body".into(), "payload".into()].into_iter().chain(violation.path.into_iter().map(Cow::Owned));
            FieldError::at(path.collect::<Vec<_>>(), violation.message)
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(ServiceError::Invalid(faults)) }
}
