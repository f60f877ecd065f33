//! A row of an import as a draft, and what is wrong with it by column.

use super::column::{self, Column};
use super::table::Record;
use super::{CellFault, ImportedRow, RowResult};
use crate::{EndpointDraft, FieldError, ServiceError};

/// What a row asks for.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    /// Its number as a spreadsheet shows it.
    pub(super) row: usize,
    /// The application that it names.
    pub(super) application: String,
    /// The endpoint.
    pub(super) draft: EndpointDraft,
    /// What could not be read.
    faults: Vec<CellFault>,
    /// The columns of its custom parameters, in the order of the draft.
    custom: Vec<String>,
}

/// The columns that a first row names.
///
/// # Errors
/// [`ServiceError::Invalid`] with everything that is wrong with them.
pub(super) fn columns(headings: &[String]) -> Result<Vec<Column>, ServiceError> {
    let (mut columns, mut faults) = (Vec::<Column>::new(), Vec::new());
    let mut headings = headings;
    // Spreadsheets write delimiters behind the last column.
    while let [before @ .., last] = headings
        && last.is_empty()
    {
        headings = before;
    }
    for heading in headings {
        match Column::of(heading) {
            Ok(column) if columns.iter().any(|other| other.name == column.name) => {
                faults.push(format!("The column `{}` is there twice.", column.name));
            }
            Ok(column) => columns.push(column),
            Err(unknown) => faults.push(unknown),
        }
    }
    for needed in [column::APPLICATION, column::URL] {
        if columns.iter().all(|column| column.name != needed) {
            faults.push(format!("There has to be a column `{needed}`."));
        }
    }
    if faults.is_empty() {
        return Ok(columns);
    }
    Err(ServiceError::Invalid(faults.into_iter().map(|fault| FieldError::body("csv", fault)).collect()))
}

impl Planned {
    /// Reads a row.
    pub(super) fn read(record: Record, columns: &[Column]) -> Self {
        let Record { row, cells } = record;
        let (draft, application) = (EndpointDraft::new(String::new()), String::new());
        let mut plan = Self { row, application, draft, faults: Vec::new(), custom: Vec::new() };
        if cells.len() > columns.len() && cells[columns.len()..].iter().any(|cell| !cell.is_empty()) {
            let (has, named) = (cells.len(), columns.len());
            plan.faults.push(fault_of(&format!(
                "It has {has} cells, and the first row names {named} columns. A cell with a comma in it needs quotation marks."
            )));
        }
        let mut pairs: Vec<_> = columns.iter().zip(&cells).filter(|(_, cell)| !cell.is_empty()).collect();
        pairs.sort_by_key(|(column, _)| column.turn());
        for (column, cell) in pairs {
            if column.name == column::APPLICATION {
                plan.application.clone_from(cell);
            }
            if column.is_custom_parameter() {
                plan.custom.push(column.name.clone());
            }
            if let Err(message) = column.write(&mut plan.draft, cell) {
                plan.faults.push(CellFault { column: column.name.clone(), message });
            }
        }
        if plan.application.is_empty() {
            plan.fault(column::APPLICATION, "Name the application, by its id or uid.");
        }
        if plan.draft.url.is_empty() {
            plan.fault(column::URL, "An endpoint needs a URL to send to.");
        }
        plan
    }

    fn fault(&mut self, column: &str, message: &str) {
        self.faults.push(CellFault { column: column.to_owned(), message: message.to_owned() });
    }

    /// What is told of it before anything else is known.
    pub(super) fn told(&self) -> ImportedRow {
        ImportedRow {
            row: self.row,
            application: self.application.clone(),
            url: self.draft.url.clone(),
            result: RowResult::Fine,
            endpoint: None,
            faults: self.faults.clone(),
            warnings: Vec::new(),
        }
    }

    /// What is wrong with it, by column, when it was refused.
    ///
    /// # Errors
    /// The same error, when the row cannot help it.
    pub(super) fn faults_of(&self, error: ServiceError) -> Result<Vec<CellFault>, ServiceError> {
        match error {
            ServiceError::Invalid(faults) => Ok(faults.into_iter().map(|fault| self.cell_fault(fault)).collect()),
            ServiceError::Refused { detail, .. }
            | ServiceError::Conflict { detail, .. }
            | ServiceError::TooMany { detail, .. } => Ok(vec![fault_of(&detail)]),
            other => Err(other),
        }
    }

    /// The path of a fault is that of a member in the API, and so the name of its column but for lists.
    fn cell_fault(&self, fault: FieldError) -> CellFault {
        let path: Vec<_> = fault.path.iter().skip(1).map(AsRef::as_ref).collect();
        let column = match path.as_slice() {
            ["customParameters", at, ..] => at.parse::<usize>().ok().and_then(|at| self.custom.get(at)).cloned(),
            ["headers" | "parameters" | "auth" | "batch" | "verification" | "metadata", ..] => Some(path.join(".")),
            [first, ..] => Some((*first).to_owned()),
            [] => None,
        };
        CellFault { column: column.unwrap_or_default(), message: fault.message }
    }
}

/// A fault of a row as a whole.
pub(super) fn fault_of(message: &str) -> CellFault {
    CellFault { column: String::new(), message: message.to_owned() }
}
