//! Finding what goes in one request with the heads of queues: [`follow`], which writes nothing.

use std::sync::Arc;

use ringback_model::{EndpointNo, Timestamp, Trigger};
use tokio_postgres::Row;

use super::connection::{Client, Purpose, query, transaction};
use super::error::Result;
use super::message::{WHOLE, priority, read_whole, whole};
use super::value::{Values, get, limit, small};
use crate::backend::followers::Followers;
use crate::{Due, Follow, Followed, QueueNo};

/// Of each queue whose head is the one that was given, and due, the rows right behind it, with one more than can be
/// answered so that it is seen whether there are more. Of all of them as many as the bytes allow, and the first one.
const FOLLOW: &str = concat!(
    "SELECT ",
    whole!(),
    ", d.priority, d.queue, d.tries, d.unsent, fit.total FROM (\
       SELECT behind.message, behind.place, row_number() OVER (ORDER BY behind.message) AS at, \
         count(*) OVER () AS total, \
         sum(COALESCE(octet_length(m.raw), octet_length(m.payload), 0)) OVER (ORDER BY behind.message) AS bytes \
       FROM unnest($2::bigint[], $3::bigint[]) AS given (queue, head) CROSS JOIN LATERAL \
         (SELECT message, row_number() OVER standing - 1 AS place, first_value(message) OVER standing AS first, \
            first_value(due) OVER standing AS first_due \
          FROM (SELECT message, due FROM ringback.delivery WHERE endpoint = $1 AND queue = given.queue AND state = 1 \
            ORDER BY message LIMIT $4) line WINDOW standing AS (ORDER BY message)) behind \
       JOIN ringback.message m ON m.no = behind.message \
       WHERE behind.place > 0 AND behind.first = given.head AND behind.first_due IS NOT NULL) fit \
     JOIN ringback.message m ON m.no = fit.message \
     JOIN ringback.delivery d ON d.message = fit.message AND d.endpoint = $1 \
     WHERE fit.place <= $5 AND (fit.at = 1 OR fit.bytes <= $6) ORDER BY fit.message"
);

/// See [`crate::Store::follow`].
pub(super) async fn follow(client: &Client, follow: &Follow) -> Result<Followed> {
    transaction(client, Purpose::Read, read(client, follow)).await
}

async fn read(client: &Client, follow: &Follow) -> Result<Followed> {
    let most = follow.most_of_queue();
    let values = Values::default()
        .int8(follow.endpoint.0)
        .int8s(follow.heads.iter().map(|(queue, _)| queue.0))
        .int8s(follow.heads.iter().map(|(_, head)| head.0))
        .int8(limit(most.saturating_add(2)))
        .int8(limit(most))
        .int8(limit(follow.max_bytes));
    let mut followers = Followers::new(follow);
    let rows = query(client, FOLLOW, &values).await?;
    let total = rows.first().map_or(Ok(0), |row| get::<i64>(row, WHOLE + 4))?;
    for row in &rows {
        if !followers.add(due(row, follow.endpoint, follow.now)?) {
            break;
        }
    }
    Ok(followers.into_followed(total > limit(rows.len())))
}

fn due(row: &Row, endpoint: EndpointNo, now: Timestamp) -> Result<Due> {
    Ok(Due {
        message: Arc::new(read_whole(row)?),
        endpoint,
        trigger: Trigger::Scheduled,
        priority: priority(row, WHOLE)?,
        due: now,
        queue: get::<Option<i64>>(row, WHOLE + 1)?.map(QueueNo),
        tries: small(row, WHOLE + 2)?,
        unsent: small(row, WHOLE + 3)?,
        held_since: None,
    })
}
