//! What waits for one endpoint or for all, from indexes alone.

use ringback_model::EndpointNo;
use tokio_postgres::Row;

use super::connection::{Client, Purpose, query, transaction};
use super::error::Result;
use super::value::{Values, get, maybe_time};
use crate::tally::Owner;
use crate::{Backlog, Backlogs};

/// Those with a time, among them the head of each queue; those behind the heads; and the oldest of all.
const BACKLOG: &str = "SELECT due.count, queued.count, queued.queues, \
      (SELECT accepted_at FROM ringback.message WHERE no = LEAST(due.first, queued.first)) \
    FROM (SELECT count(*), min(message) AS first FROM (SELECT message FROM ringback.delivery \
       WHERE endpoint = $1 AND due IS NOT NULL LIMIT $2) AS counted) due, \
      (SELECT count(*), count(DISTINCT queue) AS queues, min(message) AS first FROM (SELECT message, queue \
       FROM ringback.delivery WHERE endpoint = $1 AND queue IS NOT NULL AND state = 1 LIMIT $2) AS counted) queued";

/// The same for each endpoint of all, with its organization and its application.
const WAITING: &str = "SELECT w.endpoint, COALESCE(app.parent, 0), COALESCE(app.no, 0), w.number, \
      (SELECT accepted_at FROM ringback.message WHERE no = w.first) \
    FROM (SELECT endpoint, sum(number)::bigint AS number, min(first) AS first FROM ( \
      SELECT endpoint, count(*) AS number, min(message) AS first FROM ringback.delivery WHERE due IS NOT NULL \
        GROUP BY endpoint \
      UNION ALL SELECT endpoint, sum(number - 1), min(first) FROM ( \
        SELECT endpoint, count(*) AS number, min(message) AS first FROM ringback.delivery \
          WHERE queue IS NOT NULL AND state = 1 GROUP BY endpoint, queue) queue GROUP BY endpoint) part \
      GROUP BY endpoint) w \
    LEFT JOIN ringback.document one ON one.no = w.endpoint LEFT JOIN ringback.document app ON app.no = one.parent";
/// Endpoints with an open breaker, by application.
const BREAKERS: &str = "SELECT app.parent, app.no, count(*) FROM ringback.health \
    JOIN ringback.document one ON one.no = health.endpoint JOIN ringback.document app ON app.no = one.parent \
    WHERE health.probe_at IS NOT NULL AND one.deleted_at IS NULL GROUP BY app.parent, app.no";

/// See [`crate::Store::backlog`].
pub(super) async fn backlog(client: &Client, endpoint: EndpointNo, limit: u32) -> Result<Backlog> {
    // One more than that says that there are more.
    let values = Values::default().int8(endpoint.0).int8(i64::from(limit) + 1);
    let rows = transaction(client, Purpose::Read, query(client, BACKLOG, &values)).await?;
    let Some(row) = rows.first() else { return Ok(Backlog::default()) };
    let counted = |at| number(row, at);
    Ok(Backlog::counted(counted(0)?, (counted(1)?, counted(2)?), limit, maybe_time(row, 3)?))
}

/// See [`crate::Store::pending`].
pub(super) async fn pending(client: &Client, long: u64) -> Result<Backlogs> {
    let none = Values::default();
    let both = async { Ok((query(client, WAITING, &none).await?, query(client, BREAKERS, &none).await?)) };
    let (waiting, breakers) = transaction(client, Purpose::Read, both).await?;
    let waiting = waiting.iter().map(|row| {
        let backlog = Backlog { pending: number(row, 3)?, oldest: maybe_time(row, 4)?, more: false };
        Ok((EndpointNo(get(row, 0)?), Owner { org: get(row, 1)?, app: get(row, 2)? }, backlog))
    });
    let breakers = breakers.iter().map(|row| Ok((Owner { org: get(row, 0)?, app: get(row, 1)? }, number(row, 2)?)));
    Ok(Backlogs::counted(waiting.collect::<Result<Vec<_>>>()?, breakers.collect::<Result<Vec<_>>>()?, long))
}

fn number(row: &Row, at: usize) -> Result<u64> {
    get::<i64>(row, at).map(|number| u64::try_from(number).unwrap_or(0))
}
