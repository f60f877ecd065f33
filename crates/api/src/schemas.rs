//! The JSON Schemas of the event types that every server knows, for whoever writes a producer or a receiver: no token is
//! needed, as they say nothing of anybody.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use ringback_service::{ReportSchema, Service, report_schema, report_schemas};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::problem::Problem;
use crate::respond;

/// A row of the list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SchemaOut {
    event_type: &'static str,
    description: &'static str,
    /// Where its schema is.
    schema: String,
    example: Option<&'static RawValue>,
}

impl SchemaOut {
    fn new(schema: &'static ReportSchema) -> Self {
        let ReportSchema { event_type, description, example, .. } = schema;
        // It is JSON of our own, which a test reads.
        let example = serde_json::from_str(example).ok();
        Self { event_type, description, schema: format!("/schemas/{event_type}.json"), example }
    }
}

#[derive(Serialize)]
struct SchemasOut {
    data: Vec<SchemaOut>,
}

/// Where they are served: `/schemas` lists them, `/schemas/{event_type}.json` is one.
pub(crate) fn routes() -> Router<Arc<Service>> {
    Router::new().route("/schemas", get(list)).route("/schemas/{file}", get(one))
}

async fn list() -> Response {
    respond::json(StatusCode::OK, &SchemasOut { data: report_schemas().iter().map(SchemaOut::new).collect() })
}

async fn one(Path(file): Path<String>) -> Response {
    match file.strip_suffix(".json").and_then(report_schema) {
        Some(found) => ([(CONTENT_TYPE, "application/schema+json")], found.schema.as_str()).into_response(),
        None => Problem::no_such_path().into_response(),
    }
}
