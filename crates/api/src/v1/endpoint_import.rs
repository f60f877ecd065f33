//! Endpoints of many applications out of one CSV.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_model::EndpointId;
use ringback_service::{CellFault, EndpointImport, EndpointImportMode, FieldError, ImportedRow, RowResult, Service};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::extract::Asked;
use crate::problem::Problem;
use crate::respond;

/// A table of endpoints, and what is to be done with it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointImportIn {
    /// The table: its first row names the columns, `application` and `url` among them. At most 1,000 rows and 512 KiB.
    #[schema(format = "csv", example = "application,url\nacme,https://acme.example/webhooks\n")]
    csv: String,
    /// Nothing is kept; the answer tells what would come of each row.
    #[serde(default)]
    dry_run: bool,
    /// Rows that are fine are kept although others are not; without it nothing is kept then.
    #[serde(default)]
    good_only: bool,
}

/// What came of a table.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndpointImportOut {
    /// How many were added; in a dry run, how many would be.
    added: usize,
    /// How many were there already.
    known: usize,
    /// How many were refused.
    refused: usize,
    /// Each row, in order.
    data: Vec<ImportedRowOut>,
}

/// What came of a row.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ImportedRowOut {
    /// Its number as a spreadsheet shows it: the names of the columns are row 1.
    row: usize,
    /// The application, as the row names it.
    application: String,
    url: String,
    /// `added` or, in a dry run, `fine`; `known` if there is such an endpoint already; `refused`.
    result: ImportedRowResult,
    /// The endpoint that was added or that is there already.
    #[schema(value_type = Option<String>, example = "ep_1srOrx2ZWZBpBUvZwXKQmoEYga2")]
    endpoint_id: Option<EndpointId>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<CellFaultOut>,
    /// What its owner should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<String>,
}

/// How a row ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ImportedRowResult {
    Fine,
    Added,
    Known,
    Refused,
}

/// What is wrong with a cell.
#[derive(Debug, Serialize, ToSchema)]
struct CellFaultOut {
    /// Its column; absent if it is the row as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    /// What to change.
    message: String,
}

impl From<EndpointImport> for EndpointImportOut {
    fn from(import: EndpointImport) -> Self {
        Self {
            added: import.count(RowResult::Added) + import.count(RowResult::Fine),
            known: import.count(RowResult::Known),
            refused: import.count(RowResult::Refused),
            data: import.rows.into_iter().map(ImportedRowOut::from).collect(),
        }
    }
}

impl From<ImportedRow> for ImportedRowOut {
    fn from(row: ImportedRow) -> Self {
        let ImportedRow { row, application, url, result, endpoint, faults, warnings } = row;
        let result = match result {
            RowResult::Fine => ImportedRowResult::Fine,
            RowResult::Added => ImportedRowResult::Added,
            RowResult::Known => ImportedRowResult::Known,
            RowResult::Refused => ImportedRowResult::Refused,
        };
        let errors = faults.into_iter().map(CellFaultOut::from).collect();
        Self { row, application, url, result, endpoint_id: endpoint, errors, warnings }
    }
}

impl From<CellFault> for CellFaultOut {
    fn from(fault: CellFault) -> Self {
        let CellFault { column, message } = fault;
        Self { column: Some(column).filter(|column| !column.is_empty()), message }
    }
}

/// Where the fault of a row stands in the body: behind `csv`, its row and its column.
fn refusal(import: EndpointImport) -> Problem {
    let of_row = |row: ImportedRow| {
        let number = row.row.to_string();
        row.faults.into_iter().map(move |CellFault { column, message }| {
            let way = ["body".to_owned(), "csv".to_owned(), number.clone(), column];
            let way = way.into_iter().filter(|part| !part.is_empty()).map(Cow::Owned);
            FieldError::at(way.collect::<Vec<_>>(), message)
        })
    };
    Problem::invalid(import.rows.into_iter().flat_map(of_row).collect::<Vec<_>>())
}

/// Makes an endpoint of each row of a CSV.
///
/// Columns are called as members of an endpoint are, `application` says whose it is. Nothing is kept if a row is refused,
/// unless `goodOnly` is set; a row that is there already adds nothing, so that a table can be sent again.
#[utoipa::path(
    post, path = "/api/v1/endpoint/import/csv", operation_id = "v1.endpoint.import-csv", tag = "Endpoint",
    request_body = EndpointImportIn, responses((status = 200, body = EndpointImportOut)),
)]
pub(crate) async fn import(State(service): State<Arc<Service>>, asked: Asked) -> Result<Response, Problem> {
    let EndpointImportIn { csv, dry_run, good_only } = asked.config(&[])?;
    let mode = EndpointImportMode { dry_run, good_only, part: None };
    let import = service.import_endpoints(&asked.actor, &csv, mode).await?;
    if !import.kept && !dry_run {
        return Err(refusal(import));
    }
    Ok(respond::json(StatusCode::OK, &EndpointImportOut::from(import)))
}
