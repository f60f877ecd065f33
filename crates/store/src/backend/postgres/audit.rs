//! Who changed what.

use tokio_postgres::types::Type;

use super::connection::{Client, Purpose, query, transaction};
use super::error::Result;
use super::value::{Values, get, is_storable, limit, time};
use crate::audit::{AUDIT_KEPT, AUDIT_MOST, AUDIT_SWEEP};
use crate::{Audit, AuditQuery, Audited};

/// Keeps a record beside its change, and lets go of some that are over. Within a transaction.
pub(super) async fn note(client: &Client, audit: &Audit) -> Result<()> {
    let sql = "INSERT INTO ringback.audit (org, at, author, thing, deed, app, subject, title, changes) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING no";
    let values = Values::default()
        .int8(audit.org)
        .int8(audit.at.as_micros())
        .and(audit.by.as_str(), Type::TEXT)
        .and(audit.thing.as_str(), Type::TEXT)
        .and(audit.deed.as_str(), Type::TEXT)
        .and(audit.app.as_deref(), Type::TEXT)
        .and(audit.subject.as_str(), Type::TEXT)
        .and(audit.title.as_str(), Type::TEXT)
        .and(audit.changes.as_str(), Type::TEXT);
    let Some(row) = query(client, sql, &values).await?.pop() else { return Ok(()) };
    let newest: i64 = get(&row, 0)?;
    // Of two that sweep at once, one passes over what the other is taking away.
    let oldest = "DELETE FROM ringback.audit WHERE no IN (SELECT no FROM ringback.audit \
                  WHERE no <= (SELECT max(no) FROM (SELECT no FROM ringback.audit ORDER BY no LIMIT $1) first_) \
                  AND (at < $2 OR no <= $3) ORDER BY no FOR UPDATE SKIP LOCKED)";
    let before = audit.at - AUDIT_KEPT;
    let values = Values::default().int8(AUDIT_SWEEP).int8(before.as_micros()).int8(newest - AUDIT_MOST);
    query(client, oldest, &values).await.map(drop)
}

/// See [`crate::Store::audits`].
pub(super) async fn page(client: &Client, asked: &AuditQuery) -> Result<Vec<Audited>> {
    let AuditQuery { org, with_server, since, before, by, thing, app, subject, limit: most } = asked;
    let words = [by, thing, app, subject];
    if !words.into_iter().flatten().all(|word| is_storable(word)) {
        return Ok(Vec::new());
    }
    let sql = "SELECT no, org, at, author, thing, deed, app, subject, title, changes FROM ringback.audit \
               WHERE org IN ($1, $2) AND no < $3 AND at >= $4 AND ($5::text IS NULL OR author = $5) \
               AND ($6::text IS NULL OR thing = $6) AND ($7::text IS NULL OR app = $7) \
               AND ($8::text IS NULL OR subject = $8) ORDER BY no DESC LIMIT $9";
    let values = Values::default()
        .int8(*org)
        .int8(with_server.then_some(0))
        .int8(before.unwrap_or(i64::MAX))
        .int8(since.as_micros())
        .and(by.as_deref(), Type::TEXT)
        .and(thing.as_deref(), Type::TEXT)
        .and(app.as_deref(), Type::TEXT)
        .and(subject.as_deref(), Type::TEXT)
        .int8(limit(*most));
    let rows = transaction(client, Purpose::Read, query(client, sql, &values)).await?;
    let read = |row: &tokio_postgres::Row| {
        let audit = Audit {
            org: get(row, 1)?,
            at: time(row, 2)?,
            by: get(row, 3)?,
            thing: get(row, 4)?,
            deed: get(row, 5)?,
            app: get(row, 6)?,
            subject: get(row, 7)?,
            title: get(row, 8)?,
            changes: get(row, 9)?,
        };
        Ok(Audited { no: get(row, 0)?, audit })
    };
    rows.iter().map(read).collect()
}
