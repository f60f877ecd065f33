//! Making held deliveries due: [`release`], when whatever kept requests from being made of them may have changed.

use rusqlite::{Result, params};

use super::batch::Batch;
use super::value::At;
use crate::{Release, Released};

/// Makes held deliveries of an endpoint due. They keep the mark and the time since which they are held: only another
/// attempt can take it from them, and how long they may hold up others counts from the first.
pub(super) fn release(batch: &mut Batch<'_>, item: &Release) -> Result<Released> {
    let limit = i64::try_from(item.limit).unwrap_or(i64::MAX);
    let count = batch
        .connection
        .prepare_cached(
            "UPDATE delivery SET due = ?2 WHERE (message, endpoint) IN (SELECT message, endpoint FROM delivery \
             INDEXED BY delivery_held WHERE endpoint = ?1 AND held IS NOT NULL AND due > ?2 ORDER BY due, message LIMIT ?3)",
        )?
        .execute(params![item.endpoint.0, At(batch.now), limit])?;
    Ok(Released { count })
}
