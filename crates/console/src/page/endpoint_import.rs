//! Webhooks of many applications out of one CSV: pasted or chosen, looked through, and imported.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_service::{
    EndpointImport, EndpointImportMode, ImportPart, ImportedRow, Right, RowResult, Service, ServiceError,
};

use crate::answer::page_with;
use crate::error::PageError;
use crate::form::Form;
use crate::layout::Layout;
use crate::visit::Visit;

/// Rows that a script imports at a time: so often it tells how far it is, and can be stopped.
const PART: usize = 50;

#[derive(Template)]
#[template(path = "endpoint_import.html")]
struct ImportPage {
    layout: Layout,
    base: String,
    csv: String,
    /// What is wrong with the table as a whole.
    faults: Vec<String>,
    told: Option<Told>,
}

/// What is told of a table.
struct Told {
    rows: Vec<Row>,
    /// Rows of the whole table.
    total: usize,
    /// Rows that were added, those of earlier parts with them.
    added: usize,
    /// Rows that can be.
    fine: usize,
    known: usize,
    refused: usize,
    /// It was imported, and not only looked through.
    kept: bool,
    /// Somebody has stopped it before it was done.
    stopped: bool,
    /// Somebody has asked for the import, and nothing is kept for the rows that are refused.
    held: bool,
}

struct Row {
    row: usize,
    application: String,
    url: String,
    word: &'static str,
    tone: &'static str,
    /// The page of the webhook; empty if there is none.
    path: String,
    faults: Vec<(String, String)>,
    warnings: Vec<String>,
}

/// The page.
pub(crate) async fn show(State(service): State<Arc<Service>>, visit: Visit) -> Result<Response, PageError> {
    answer(&service, &visit, String::new(), Vec::new(), None).await
}

/// Looks a table through, or imports it: all of it, or the part that comes behind `from` rows.
pub(crate) async fn step(State(service): State<Arc<Service>>, visit: Visit, form: Form) -> Result<Response, PageError> {
    let asked = form.get("do") == "import";
    let from: Option<usize> = form.line("from").and_then(|from| from.parse().ok()).filter(|_| asked);
    let part = from.map(|before| ImportPart { before, count: PART });
    let mode = EndpointImportMode { dry_run: !asked, good_only: form.has("goodOnly"), part };
    let csv = form.get("csv").to_owned();
    match service.import_endpoints(&visit.actor, &csv, mode).await {
        Ok(import) => {
            let mut told = Told::of(&visit, import, asked, part);
            told.count_earlier(form.get("added").parse().unwrap_or_default());
            told.stopped = form.get("do") == "stop";
            // What was imported is done with; what has still to be mended stays at hand.
            let csv = if told.kept && told.refused == 0 { String::new() } else { csv };
            answer(&service, &visit, csv, Vec::new(), Some(told)).await
        }
        Err(ServiceError::Invalid(faults)) => {
            let faults = faults.into_iter().map(|fault| fault.message).collect();
            answer(&service, &visit, csv, faults, None).await
        }
        Err(other) => Err(other.into()),
    }
}

impl Told {
    fn of(visit: &Visit, import: EndpointImport, asked: bool, part: Option<ImportPart>) -> Self {
        let count = |result| import.count(result);
        let (added, fine, known) = (count(RowResult::Added), count(RowResult::Fine), count(RowResult::Known));
        let refused = count(RowResult::Refused);
        let (kept, held) = (import.kept, asked && !import.kept);
        let total = import.rows.len();
        let shown = import.rows.into_iter().enumerate().filter(|(at, _)| part.is_none_or(|part| part.has(*at)));
        let mut rows: Vec<Row> = shown.map(|(_, row)| Row::of(visit, row)).collect();
        // What has to be changed is seen first, however long the table is.
        rows.sort_by_key(|row| row.tone != "bad");
        // What could be added before the last part and was not was refused when it came to it.
        let is_last = part.is_some_and(|part| total <= part.before + part.count);
        let refused = if kept && is_last { refused + fine } else { refused };
        Self { rows, total, added, fine, known, refused, kept, stopped: false, held }
    }

    /// What earlier parts have added is there already by now, and was added all the same.
    fn count_earlier(&mut self, added: usize) {
        let earlier = added.min(self.known);
        self.added += earlier;
        self.known -= earlier;
    }
}

impl Row {
    fn of(visit: &Visit, row: ImportedRow) -> Self {
        let (word, tone) = match row.result {
            RowResult::Fine => ("Can be added", "good"),
            RowResult::Added => ("Added", "good"),
            RowResult::Known => ("There already", ""),
            RowResult::Refused => ("Refused", "bad"),
        };
        let path = row.endpoint.map(|id| format!("{}/{}/webhooks/{id}", visit.base, row.application));
        Self {
            row: row.row,
            application: row.application,
            url: row.url,
            word,
            tone,
            path: path.unwrap_or_default(),
            faults: row.faults.into_iter().map(|fault| (fault.column, fault.message)).collect(),
            warnings: row.warnings.into_iter().map(|warning| ringback_model::sentence(&warning)).collect(),
        }
    }
}

async fn answer(
    service: &Service,
    visit: &Visit,
    csv: String,
    faults: Vec<String>,
    told: Option<Told>,
) -> Result<Response, PageError> {
    visit.actor.require(Right::ManageEndpoints)?;
    let layout = Layout::of_organization(service, visit, "Import webhooks", "").await?;
    let bad = !faults.is_empty() || told.as_ref().is_some_and(|told| told.held);
    let status = if bad { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(page_with(status, &ImportPage { layout, base: visit.base.clone(), csv, faults, told }))
}
