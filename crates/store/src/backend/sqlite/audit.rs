//! Who changed what.

use ringback_model::Timestamp;
use rusqlite::{Connection, Result, params};

use super::value::{At, time};
use crate::audit::{AUDIT_KEPT, AUDIT_MOST, AUDIT_SWEEP};
use crate::{Audit, AuditQuery, Audited};

/// Keeps a record beside its change, and lets go of some that are over.
pub(super) fn note(connection: &Connection, audit: &Audit) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO audit (org, at, author, thing, deed, app, subject, title, changes) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            audit.org,
            At(audit.at),
            audit.by,
            audit.thing,
            audit.deed,
            audit.app,
            audit.subject,
            audit.title,
            audit.changes
        ])?;
    let newest = connection.last_insert_rowid();
    sweep(connection, audit.at, newest)
}

fn sweep(connection: &Connection, now: Timestamp, newest: i64) -> Result<()> {
    // Records come in the order of time, but for the moments by which commits pass each other.
    let oldest = "DELETE FROM audit WHERE no IN (SELECT no FROM audit ORDER BY no LIMIT ?1) AND (at < ?2 OR no <= ?3)";
    connection
        .prepare_cached(oldest)?
        .execute(params![AUDIT_SWEEP, At(now - AUDIT_KEPT), newest - AUDIT_MOST])
        .map(drop)
}

/// See [`crate::Store::audits`].
pub(super) fn page(connection: &Connection, query: &AuditQuery) -> Result<Vec<Audited>> {
    let AuditQuery { org, with_server, since, before, by, thing, app, subject, limit } = query;
    let server = with_server.then_some(0);
    connection
        .prepare_cached(
            "SELECT no, org, at, author, thing, deed, app, subject, title, changes FROM audit \
             WHERE org IN (?1, ?2) AND no < ?3 AND at >= ?4 AND (?5 IS NULL OR author = ?5) \
             AND (?6 IS NULL OR thing = ?6) AND (?7 IS NULL OR app = ?7) AND (?8 IS NULL OR subject = ?8) \
             ORDER BY no DESC LIMIT ?9",
        )?
        .query_map(
            params![
                org,
                server,
                before.unwrap_or(i64::MAX),
                At(*since),
                by,
                thing,
                app,
                subject,
                i64::try_from(*limit).unwrap_or(i64::MAX)
            ],
            |row| {
                let audit = Audit {
                    org: row.get(1)?,
                    at: time(row, 2)?,
                    by: row.get(3)?,
                    thing: row.get(4)?,
                    deed: row.get(5)?,
                    app: row.get(6)?,
                    subject: row.get(7)?,
                    title: row.get(8)?,
                    changes: row.get(9)?,
                };
                Ok(Audited { no: row.get(0)?, audit })
            },
        )?
        .collect()
}
