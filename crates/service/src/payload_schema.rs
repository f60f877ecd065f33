//! Payloads held against the schemas of their event types, where the organization asks for it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use ringback_model::{OrganizationSettings, Schema};
use ringback_wire::report::{product_of_event, report_schemas};
use serde_json::Value;

use crate::{FieldError, ServiceError};

/// How much of a product is told back, in characters.
const TOLD_MAX: usize = 80;

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
    let is_mapped = settings.report_mappings.contains_key(event_type);
    let built_in = || BUILT_IN.get(event_type).filter(|_| !is_mapped);
    let schema = settings.schemas.get(event_type).or_else(built_in);
    let product = product_of_event(event_type).filter(|_| !is_mapped);
    if schema.is_none() && product.is_none() {
        return Ok(());
    }
    // It was read as JSON before: what cannot be read is not there.
    let value: Value = serde_json::from_slice(payload).unwrap_or_default();
    let other = product.and_then(|product| other_product(event_type, product, &value));
    let violations = schema.map_or_else(Vec::new, |schema| schema.violations(&value));
    let has_other = other.is_some();
    // What it should be says more than of which type.
    let violations = violations.into_iter().filter(|one| !has_other || one.path != ["product"]);
    let faults: Vec<_> = violations
        .map(|violation| {
            let path = ["body".into(), "payload".into()].into_iter().chain(violation.path.into_iter().map(Cow::Owned));
            FieldError::at(path.collect::<Vec<_>>(), violation.message)
        })
        .chain(other)
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(ServiceError::Invalid(faults)) }
}

/// That a report names another product than its event type, which decides.
fn other_product(event_type: &str, product: &str, payload: &Value) -> Option<FieldError> {
    let told = payload.get("product").filter(|told| !told.is_null() && *told != product)?;
    let told = told.as_str().map_or_else(|| told.to_string(), str::to_owned);
    let told: String = told.chars().take(TOLD_MAX).collect();
    let rule = format!("`{told}` is not the product of `{event_type}`; is it `{product}`? It may be left out, too.");
    Some(FieldError::at(["body", "payload", "product"].map(Cow::Borrowed), rule))
}
