//! Endpoints of many applications out of one CSV: what each row would make is told first, and each is made as one made by
//! hand is, with the same rules, limits and records.

mod column;
mod row;
mod table;

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use ringback_model::{AppNo, Endpoint, EndpointId};
use ringback_store::AppConfig;

use self::row::{Planned, fault_of};
use crate::endpoint_compose::wanted_url;
use crate::{Actor, Right, Service, ServiceError};

/// The largest table, in bytes.
const BYTES_MAX: usize = 512 * 1_024;
/// Rows below the heading.
const ROWS_MAX: usize = 1_000;
/// Columns of a table.
const COLUMNS_MAX: usize = 100;
/// What is said of a row that the server had no part in refusing.
const NOT_NOW: &str =
    "The server cannot keep it now. Import the same table again in a moment: what is there already stays.";

/// What is to be done with a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointImportMode {
    /// Nothing is kept: only told.
    pub dry_run: bool,
    /// Rows that are fine are kept although others are not.
    pub good_only: bool,
    /// Which rows are kept: all of them if absent.
    pub part: Option<ImportPart>,
}

/// Some rows of a table that is imported bit by bit. The rest is looked at, and stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportPart {
    /// How many rows come before them.
    pub before: usize,
    /// How many there are, at most.
    pub count: usize,
}

impl ImportPart {
    /// Whether a row is one of them; the first of a table is 0.
    #[must_use]
    pub const fn has(self, at: usize) -> bool {
        self.before <= at && at - self.before < self.count
    }
}

/// What came of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointImport {
    /// Its rows, in order.
    pub rows: Vec<ImportedRow>,
    /// Whether rows that are fine were kept: not in a dry run, and not beside others that are not unless that was asked for.
    pub kept: bool,
}

impl EndpointImport {
    /// How many rows ended so.
    #[must_use]
    pub fn count(&self, result: RowResult) -> usize {
        self.rows.iter().filter(|row| row.result == result).count()
    }
}

/// What came of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowResult {
    /// It can be added.
    Fine,
    /// It was added.
    Added,
    /// There is such an endpoint already, or an earlier row makes it: nothing is added.
    Known,
    /// Something in it has to be changed.
    Refused,
}

/// One row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedRow {
    /// Its number as a spreadsheet shows it: the heading is in row 1.
    pub row: usize,
    /// The application, as the row names it.
    pub application: String,
    /// The URL, as it is or would be kept if it is fine.
    pub url: String,
    /// What came of it.
    pub result: RowResult,
    /// The endpoint that it has made, or that was there.
    pub endpoint: Option<EndpointId>,
    /// What is wrong with it.
    pub faults: Vec<CellFault>,
    /// What its owner should know.
    pub warnings: Vec<String>,
}

/// What is wrong with a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellFault {
    /// The name of its column; empty if it is the row as a whole.
    pub column: String,
    /// What to change.
    pub message: String,
}

impl Service {
    /// Makes an endpoint of each row of a CSV, whose first row names the columns. Rows that are there already are passed
    /// over, so that a table can be imported again. If any row is refused nothing is kept, unless the mode says otherwise.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] when the text cannot be read as such a table. What is wrong with single rows is told with
    /// them. [`ServiceError::Forbidden`] without [`Right::ManageEndpoints`] in the whole organization.
    pub async fn import_endpoints(
        &self,
        actor: &Actor,
        csv: &str,
        mode: EndpointImportMode,
    ) -> Result<EndpointImport, ServiceError> {
        actor.require(Right::ListApplications)?;
        actor.require(Right::ManageEndpoints)?;
        let planned = read(csv)?;
        let mut known = Known::default();
        let mut rows = self.look_through(actor, &planned, &mut known).await?;
        let kept = !mode.dry_run && (mode.good_only || rows.iter().all(|row| row.result != RowResult::Refused));
        if kept {
            self.add_all(actor, planned, &mut rows, &known, mode.part).await?;
        }
        Ok(EndpointImport { rows, kept })
    }

    /// What would come of each row.
    async fn look_through(
        &self,
        actor: &Actor,
        planned: &[Planned],
        known: &mut Known,
    ) -> Result<Vec<ImportedRow>, ServiceError> {
        let mut rows = Vec::with_capacity(planned.len());
        for row in planned {
            let mut told = row.told();
            match self.known_app(actor, &row.application, known).await {
                Ok(app) => self.look_at(&app, row, &mut told, known).await?,
                Err(ServiceError::NotFound(resource)) if !row.application.is_empty() => {
                    let message = format!("{resource} Add it first.");
                    told.faults.insert(0, CellFault { column: column::APPLICATION.to_owned(), message });
                }
                Err(ServiceError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
            if !told.faults.is_empty() {
                told.result = RowResult::Refused;
            }
            rows.push(told);
        }
        Ok(rows)
    }

    /// An application as it was when the table was read: it is not read anew for each row, however many are its own.
    async fn known_app(&self, actor: &Actor, name: &str, known: &mut Known) -> Result<Arc<AppConfig>, ServiceError> {
        if let Some(app) = known.apps.get(name) {
            return Ok(app.clone());
        }
        let app = self.app(actor, name).await?;
        for endpoint in app.endpoints.iter().map(|config| &config.endpoint).filter(|one| !one.callback) {
            known.there.insert(Sink::of(app.no, endpoint), endpoint.id);
            known.uids.extend(endpoint.uid.clone().map(|uid| ((app.no, uid), None)));
        }
        known.apps.insert(name.to_owned(), app.clone());
        Ok(app)
    }

    async fn look_at(
        &self,
        app: &Arc<AppConfig>,
        row: &Planned,
        told: &mut ImportedRow,
        known: &mut Known,
    ) -> Result<(), ServiceError> {
        let composed = match self.compose_unsaved(app, row.draft.clone()).await {
            Ok(composed) => composed,
            Err(error) => {
                // Of what could not be read was said why.
                let is_told = |fault: &CellFault| told.faults.iter().any(|other| other.column == fault.column);
                let more: Vec<_> = row.faults_of(error)?.into_iter().filter(|fault| !is_told(fault)).collect();
                told.faults.extend(more);
                return Ok(());
            }
        };
        if !told.faults.is_empty() {
            return Ok(());
        }
        let endpoint = &composed.endpoint;
        told.url.clone_from(&endpoint.url);
        told.warnings = composed.warnings;
        let sink = Sink::of(app.no, endpoint);
        if let Some(same) = known.there.get(&sink) {
            (told.result, told.endpoint) = (RowResult::Known, Some(*same));
        } else if let Some(earlier) = known.rows.get(&sink) {
            told.result = RowResult::Known;
            told.warnings.insert(0, format!("it is the same as row {earlier}"));
        } else if let Some(uid) = &endpoint.uid {
            let message = match known.uids.entry((app.no, uid.clone())) {
                Entry::Occupied(taken) => match taken.get() {
                    None => "Another endpoint of this application has this uid already.".to_owned(),
                    Some(earlier) => format!("Row {earlier} of this application has this uid, too."),
                },
                Entry::Vacant(free) => {
                    free.insert(Some(row.row));
                    String::new()
                }
            };
            if !message.is_empty() {
                told.faults.push(CellFault { column: "uid".to_owned(), message });
            }
        }
        if told.result == RowResult::Fine && told.faults.is_empty() {
            known.rows.insert(sink, row.row);
        }
        Ok(())
    }

    /// Makes what can be made of the rows of this part. Whatever goes wrong now is told with its row: what was added before it stays.
    async fn add_all(
        &self,
        actor: &Actor,
        planned: Vec<Planned>,
        rows: &mut [ImportedRow],
        known: &Known,
        part: Option<ImportPart>,
    ) -> Result<(), ServiceError> {
        let (mut added, mut stopped) = (0, false);
        let wanted = planned
            .into_iter()
            .zip(rows)
            .enumerate()
            .filter(|(at, (_, told))| part.is_none_or(|part| part.has(*at)) && told.result == RowResult::Fine);
        for (_, (plan, told)) in wanted {
            if stopped {
                (told.result, told.faults) = (RowResult::Refused, vec![fault_of(NOT_NOW)]);
                continue;
            }
            let Some(app) = known.apps.get(&plan.application) else { continue };
            match self.insert_endpoint(actor, app, plan.draft.clone(), None).await {
                Ok(view) => {
                    added += 1;
                    (told.result, told.endpoint) = (RowResult::Added, Some(view.endpoint.id));
                    told.warnings = view.warnings;
                }
                Err(error @ (ServiceError::Unavailable { .. } | ServiceError::Internal(_))) if added == 0 => {
                    return Err(error);
                }
                Err(error) => {
                    stopped = matches!(error, ServiceError::Unavailable { .. } | ServiceError::Internal(_));
                    if stopped {
                        tracing::error!(row = told.row, %error, "an import of endpoints was broken off");
                    }
                    told.result = RowResult::Refused;
                    told.faults = plan.faults_of(error).unwrap_or_else(|_| vec![fault_of(NOT_NOW)]);
                }
            }
        }
        Ok(())
    }
}

/// What is there when the table is read, and what earlier rows make.
#[derive(Debug, Default)]
struct Known {
    /// By the name that rows have for them.
    apps: HashMap<String, Arc<AppConfig>>,
    there: HashMap<Sink, EndpointId>,
    rows: HashMap<Sink, usize>,
    /// By which row a uid is taken; none if by an endpoint that is there.
    uids: HashMap<(AppNo, String), Option<usize>>,
}

/// What two endpoints must not have in common, or every message would come twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sink {
    app: AppNo,
    url: String,
    report: [Option<String>; 4],
    event_types: BTreeSet<String>,
    channels: BTreeSet<String>,
}

impl Sink {
    fn of(app: AppNo, endpoint: &Endpoint) -> Self {
        let set = |list: &Option<Vec<String>>| list.iter().flatten().cloned().collect();
        Self {
            app,
            url: wanted_url(endpoint).to_owned(),
            report: [
                endpoint.product.clone(),
                endpoint.report_type.clone(),
                endpoint.product_unique_id.clone(),
                endpoint.category.clone(),
            ],
            event_types: set(&endpoint.event_types),
            channels: set(&endpoint.channels),
        }
    }
}

/// The rows of a table as drafts.
fn read(csv: &str) -> Result<Vec<Planned>, ServiceError> {
    let wrong = |message: String| ServiceError::body("csv", message);
    if csv.len() > BYTES_MAX {
        let rule = format!("It has {} bytes; at most {BYTES_MAX} are taken at a time: divide it.", csv.len());
        return Err(wrong(rule));
    }
    let mut records = table::read(csv).map_err(wrong)?.into_iter();
    let headings = records.next().filter(|record| record.cells.len() <= COLUMNS_MAX);
    let headings = headings.ok_or_else(|| {
        wrong(format!("The first row names the columns, {COLUMNS_MAX} at most: `application`, `url` and others."))
    })?;
    let columns = row::columns(&headings.cells)?;
    if records.len() == 0 {
        return Err(wrong("It has no row below the names of the columns.".to_owned()));
    }
    if records.len() > ROWS_MAX {
        let rule = format!("It has {} rows; at most {ROWS_MAX} are taken at a time: divide it.", records.len());
        return Err(wrong(rule));
    }
    Ok(records.map(|record| Planned::read(record, &columns)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusals(csv: &str) -> Vec<String> {
        match read(csv) {
            Err(ServiceError::Invalid(faults)) => faults.into_iter().map(|fault| fault.message).collect(),
            Err(other) => panic!("{other}"),
            Ok(_) => Vec::new(),
        }
    }

    #[test]
    fn every_heading_that_is_no_column_is_told_at_once() {
        let told = refusals("application,urll,colour,Report Type,reportType\nacme,https://a.example/,1,dlr,dlr\n");
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(told[0].contains("did you mean `url`?") && told[1].contains("`colour`"), "{told:?}");
        assert_eq!(told[2..], ["The column `reportType` is there twice.", "There has to be a column `url`."]);
        assert_eq!(refusals(""), ["The first row names the columns, 100 at most: `application`, `url` and others."]);
        assert_eq!(refusals("application,url\n"), ["It has no row below the names of the columns."]);
    }

    #[test]
    fn a_table_is_bounded_in_bytes_and_rows() {
        let row = "acme,https://a.example/\n";
        let table = |rows: usize| format!("application,url\n{}", row.repeat(rows));
        assert!(refusals(&table(ROWS_MAX)).is_empty());
        assert!(refusals(&table(ROWS_MAX + 1))[0].starts_with("It has 1001 rows"));
        let wide = format!("application,url\nacme,{}", "x".repeat(BYTES_MAX));
        assert!(refusals(&wide)[0].contains("bytes; at most 524288"));
    }
}
