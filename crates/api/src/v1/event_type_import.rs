//! Event types out of an OpenAPI document.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_service::{FieldError, ImportMode, ImportedEventType, Right, Service};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::extract::Asked;
use crate::problem::Problem;
use crate::respond;

/// An OpenAPI document, and what is to be done with it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventTypeImportOpenApiIn {
    /// The document.
    #[schema(value_type = Option<Object>)]
    spec: Option<Value>,
    /// The document as a text of JSON, in place of `spec`.
    spec_raw: Option<String>,
    /// Nothing is kept; the answer tells what would be.
    #[serde(default)]
    dry_run: bool,
    /// Event types that the document does not have are archived.
    #[serde(default)]
    replace_all: bool,
}

/// What became of a document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventTypeImportOpenApiOut {
    data: EventTypeImportOpenApiOutData,
}

/// What a document has.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventTypeImportOpenApiOutData {
    /// Names of the event types that were made or changed.
    modified: Vec<String>,
    /// In a dry run, the event types that would be. The name is that of the reference.
    #[serde(rename = "to_modify")]
    to_modify: Option<Vec<EventTypeFromOpenApi>>,
}

/// An event type as a document has it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventTypeFromOpenApi {
    name: String,
    description: String,
    deprecated: bool,
    feature_flag: Option<String>,
    #[schema(value_type = Option<Object>)]
    schemas: Option<Box<RawValue>>,
}

impl From<ImportedEventType> for EventTypeFromOpenApi {
    fn from(imported: ImportedEventType) -> Self {
        let ImportedEventType { name, draft } = imported;
        let schemas = draft.schemas.and_then(|text| RawValue::from_string(text).ok());
        let (description, deprecated, feature_flag) = (draft.description, draft.deprecated, draft.feature_flag);
        Self { name, description, deprecated, feature_flag, schemas }
    }
}

/// Makes and changes event types as the webhooks of an OpenAPI document describe them.
///
/// Nothing is kept of a document of which any webhook is refused; the answer names each of those.
#[utoipa::path(
    post, path = "/api/v1/event-type/import/openapi", operation_id = "v1.event-type.import-openapi",
    tag = "Event Type", request_body = EventTypeImportOpenApiIn,
    responses((status = 200, body = EventTypeImportOpenApiOut)),
)]
pub(crate) async fn import(State(service): State<Arc<Service>>, asked: Asked) -> Result<Response, Problem> {
    asked.actor.require(Right::ManageEventTypes)?;
    let EventTypeImportOpenApiIn { spec, spec_raw, dry_run, replace_all } = asked.config(&[])?;
    let wrong = |field: &'static str, rule: &str| Problem::invalid([FieldError::body(field, rule)]);
    let document = match (spec, spec_raw) {
        (Some(document), None) => document,
        (None, Some(text)) => serde_json::from_str(&text)
            .map_err(|error| wrong("specRaw", &format!("It is no JSON: {error}. YAML has to be made JSON first.")))?,
        (None, None) => return Err(wrong("spec", "Put the OpenAPI document here.")),
        (Some(_), Some(_)) => return Err(wrong("specRaw", "Give the document once: as `spec` or as `specRaw`.")),
    };
    let found = service.import_event_types(&asked.actor, &document, ImportMode { dry_run, replace_all }).await?;
    let data = if dry_run {
        let to_modify = Some(found.into_iter().map(EventTypeFromOpenApi::from).collect());
        EventTypeImportOpenApiOutData { modified: Vec::new(), to_modify }
    } else {
        let modified = found.into_iter().map(|imported| imported.name).collect();
        EventTypeImportOpenApiOutData { modified, to_modify: None }
    };
    Ok(respond::json(StatusCode::OK, &EventTypeImportOpenApiOut { data }))
}
