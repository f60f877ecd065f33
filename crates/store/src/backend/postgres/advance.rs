//! Parts of background tasks: [`advance`].

use ringback_model::{Class, Priority, Timestamp};
use tokio_postgres::types::Type;

use super::clear::clear;
use super::connection::{Client, query};
use super::error::Result;
use super::value::Values;
use crate::{Advance, Advanced, Arm, Due};

/// Makes deliveries due that stand as they stood when they were chosen; those of queues wait for [`FIRST`].
const AGAIN: &str = "\
    UPDATE ringback.delivery d SET state = 1, due = CASE WHEN item.queue IS NULL \
      THEN GREATEST($2, (SELECT deliver_at FROM ringback.message WHERE no = d.message)) END, queue = item.queue, \
      priority = $3, tries = 0, unsent = 0, reason = NULL, held = NULL, not_before = NULL \
    FROM unnest($4::bigint[], $5::smallint[], $6::bigint[]) AS item (message, was, queue) \
    WHERE d.message = item.message AND d.endpoint = $1 AND d.state = item.was RETURNING 1";

/// Makes deliveries that there were none of.
const NEW: &str = "\
    INSERT INTO ringback.delivery (message, endpoint, state, due, queue, priority, tries, unsent) \
    SELECT m.no, $1, 1, CASE WHEN item.queue IS NULL THEN GREATEST($2, m.deliver_at) END, item.queue, $3, 0, 0 \
    FROM unnest($4::bigint[], $5::smallint[], $6::bigint[]) AS item (message, was, queue) \
    JOIN ringback.message m ON m.no = item.message WHERE item.was IS NULL \
    ON CONFLICT (message, endpoint) DO NOTHING RETURNING 1";

/// Makes the first of each queue due, unless it is. Nobody but one task puts anything into these queues, and a head that
/// ends at the same time makes the next one due by itself.
const FIRST: &str = "\
    UPDATE ringback.delivery d SET due = GREATEST($2, (SELECT deliver_at FROM ringback.message \
      WHERE no = d.message)) FROM (SELECT DISTINCT unnest($3::bigint[]) AS queue) given \
      CROSS JOIN LATERAL (SELECT n.message, n.due FROM ringback.delivery n WHERE n.endpoint = $1 \
        AND n.queue = given.queue AND n.state = 1 ORDER BY n.message LIMIT 1 FOR UPDATE) head \
    WHERE head.due IS NULL AND d.message = head.message AND d.endpoint = $1 AND d.state = 1 AND d.due IS NULL";

/// Does a part of a task and saves its document, unless somebody has changed that. Within a transaction; answers what has
/// come due behind deliveries that were ended too.
pub(super) async fn advance(client: &Client, now: Timestamp, item: &Advance) -> Result<(Advanced, Vec<Due>)> {
    let sql = "UPDATE ringback.document SET body = $3, version = version + 1 \
               WHERE no = $1 AND version = $2 AND deleted_at IS NULL RETURNING 1";
    let values = Values::default().int8(item.task).int8(item.version).and(item.body.as_str(), Type::TEXT);
    if query(client, sql, &values).await?.is_empty() {
        return Ok((Advanced::Stale, Vec::new()));
    }
    let (mut count, mut due) = (0, Vec::new());
    if let Some(what) = &item.clear {
        let (cleared, let_out) = clear(client, now, what).await?;
        (count, due) = (cleared.count, let_out);
    }
    if !item.arm.is_empty() {
        count += arm(client, now, item).await?;
    }
    Ok((Advanced::Done { count }, due))
}

async fn arm(client: &Client, now: Timestamp, item: &Advance) -> Result<usize> {
    let last = i16::from(Priority::new(Class::Marketing, false).0);
    let was = |arm: &Arm| arm.was.map(|state| i16::from(state.code()));
    let values = || {
        Values::default()
            .int8(item.endpoint.0)
            .int8(now.as_micros())
            .and(last, Type::INT2)
            .int8s(item.arm.iter().map(|arm| arm.message.0))
            .int2s(item.arm.iter().map(was))
            .maybe_int8s(item.arm.iter().map(|arm| arm.queue.map(|queue| queue.0)))
    };
    let again = query(client, AGAIN, &values()).await?.len();
    let new = query(client, NEW, &values()).await?.len();
    let queues: Vec<_> = item.arm.iter().filter_map(|arm| Some(arm.queue?.0)).collect();
    if !queues.is_empty() {
        let values = Values::default().int8(item.endpoint.0).int8(now.as_micros()).int8s(queues);
        query(client, FIRST, &values).await?;
    }
    Ok(again + new)
}
