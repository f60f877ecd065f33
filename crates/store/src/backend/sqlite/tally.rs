//! Counts for charts: added with each [`Count`], read as a series or summed by endpoint.

use std::collections::HashMap;

use ringback_model::{AppNo, EndpointNo, Span, Tally, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};

use super::batch::Batch;
use super::error::unreadable;
use super::value::At;
use crate::backend::tally::{SWEEP, TallyRow, rows, span_code, trimmed};
use crate::tally::{MAX_HOURS, MAX_STEPS, steps};
use crate::{Count, EndpointTallyQuery, Subject, TallyQuery};

/// Adds counts, and deletes some that have been kept for long enough.
pub(super) fn add(batch: &mut Batch<'_>, item: &Count) -> Result<()> {
    let rows = rows(item, &organizations(batch.connection, item)?);
    for row in &rows {
        let mut tally = row.tally;
        if let Some(before) = read(batch.connection, row.span, row.start, row.subject)? {
            tally.add(&before);
        }
        write(batch.connection, row, &tally)?;
    }
    for span in Span::ALL {
        sweep(batch.connection, span, item.at - span.kept(), SWEEP.max(rows.len()))?;
    }
    Ok(())
}

fn organizations(connection: &Connection, item: &Count) -> Result<HashMap<AppNo, i64>> {
    let mut found = HashMap::new();
    let mut parent = connection.prepare_cached("SELECT parent FROM document WHERE no = ?1")?;
    for (_, app, _) in &item.endpoints {
        if !found.contains_key(app)
            && let Some(org) = parent.query_row([app.0], |row| row.get(0)).optional()?
        {
            found.insert(*app, org);
        }
    }
    Ok(found)
}

fn write(connection: &Connection, row: &TallyRow, tally: &Tally) -> Result<()> {
    let counts = serde_json::to_string(&trimmed(tally)).expect("a list of numbers is valid JSON");
    connection
        .prepare_cached(
            "INSERT INTO tally (span, start, subject, app, org, counts) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT DO UPDATE SET counts = excluded.counts",
        )?
        .execute(params![span_code(row.span), At(row.start), row.subject, row.owners.0, row.owners.1, counts])?;
    Ok(())
}

fn sweep(connection: &Connection, span: Span, before: Timestamp, limit: usize) -> Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM tally WHERE span = ?1 AND (start, subject) IN \
             (SELECT start, subject FROM tally WHERE span = ?1 AND start < ?2 ORDER BY start LIMIT ?3)",
        )?
        .execute(params![span_code(span), At(before), i64::try_from(limit).unwrap_or(i64::MAX)])?;
    Ok(())
}

fn read(connection: &Connection, span: Span, start: Timestamp, subject: i64) -> Result<Option<Tally>> {
    connection
        .prepare_cached("SELECT counts FROM tally WHERE span = ?1 AND start = ?2 AND subject = ?3")?
        .query_row(params![span_code(span), At(start), subject], |row| counts(row, 0))
        .optional()
}

fn counts(row: &Row<'_>, column: usize) -> Result<Tally> {
    let counts = serde_json::from_str(row.get_ref(column)?.as_str()?);
    counts.map(Tally::from_counts).map_err(|error| unreadable(column, Type::Text, error))
}

/// See [`crate::Store::tallies`].
pub(super) fn series(connection: &Connection, query: &TallyQuery) -> Result<Vec<(Timestamp, Tally)>> {
    let mut series = Vec::new();
    for start in steps(query.span, query.from, query.until, MAX_STEPS) {
        let found = read(connection, query.span, start, query.subject.number())?;
        series.extend(found.map(|tally| (start, tally)));
    }
    Ok(series)
}

/// See [`crate::Store::endpoint_tallies`].
pub(super) fn endpoints(connection: &Connection, query: &EndpointTallyQuery) -> Result<Vec<(EndpointNo, Tally)>> {
    let condition = match query.of {
        Subject::Organization(_) => "org",
        Subject::Application(_) => "app",
        Subject::Endpoint(_) => "subject",
    };
    let sql = format!(
        "SELECT subject, counts FROM tally WHERE span = {} AND start = ?1 AND app <> 0 AND {condition} = ?2",
        span_code(Span::Hour)
    );
    let mut sums: HashMap<EndpointNo, Tally> = HashMap::new();
    let mut hour = connection.prepare_cached(&sql)?;
    for start in steps(Span::Hour, query.from, query.until, MAX_HOURS) {
        let mut rows = hour.query(params![At(start), query.of.number()])?;
        while let Some(row) = rows.next()? {
            sums.entry(EndpointNo(row.get(0)?)).or_default().add(&counts(row, 1)?);
        }
    }
    Ok(sums.into_iter().collect())
}
