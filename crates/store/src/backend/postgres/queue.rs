//! Queues of ordered endpoints.
//!
//! Of the pending deliveries of a queue only the one with the lowest number may be due; the others wait with no due time
//! at all, so that nothing ever reads past them. Whoever ends a delivery of a queue lets the next one out in the same
//! commit.
//!
//! Others may write to the same queue at the same time, so three things are done in this order. Who accepts into a queue
//! locks the queue before it draws numbers ([`lock`]): so later numbers commit later. Then it locks the head of the
//! queue ([`hold_heads`]), so that the head does not end until the follower can be seen. Who ends the head looks for the
//! next one in a statement of its own ([`let_next_out`]), which sees all that was committed before the head was its own.
//! Whichever of the two gets the head first, the other knows what it did.

use std::sync::{Arc, LazyLock};

use ringback_model::{AppNo, EndpointNo, MessageNo, Timestamp, Trigger};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::connection::{Client, query};
use super::error::Result;
use super::hot::{self, Hot};
use super::message::{WHOLE, priority, read_whole, whole, whole_types};
use super::value::{Values, get, small, time};
use crate::{Accept, Due, QueueNo};

/// Which application's configuration is read or changed: shared by those who accept.
const CONFIGURATION: i32 = 1;
/// Which queue is written to.
const QUEUE: i32 = 2;

/// A number for a lock. Two things that get the same one wait for each other, which costs time and nothing else.
fn lock_number(of: [i64; 2]) -> i32 {
    // Spread by two odd constants, as numbers come in sequences.
    let mixed = of[0].wrapping_mul(-0x61c8_8646_80b5_83eb).wrapping_add(of[1].wrapping_mul(-0x40a7_b892_e31b_1a47));
    i32::try_from(mixed >> 32).expect("the upper half of a number is half as long")
}

/// Takes the locks of acceptances: shared, those of their applications' configuration, so that it does not change before
/// they are committed; then those of the queues that they go to. In order, so that nobody waits for one who waits.
pub(super) async fn lock(client: &Client, items: &[&Accept]) -> Result<()> {
    let mut apps: Vec<_> = items.iter().map(|item| lock_number([item.app.0, 0])).collect();
    apps.sort_unstable();
    apps.dedup();
    let mut queues: Vec<_> = queues(items).map(|(endpoint, queue)| lock_number([endpoint, queue])).collect();
    queues.sort_unstable();
    queues.dedup();
    let locked = async {
        if !apps.is_empty() {
            let sql = "SELECT pg_advisory_xact_lock_shared($1, no) FROM unnest($2::integer[]) AS no";
            query(client, sql, &Values::default().and(CONFIGURATION, Type::INT4).int4s(apps)).await?;
        }
        Ok(())
    };
    let (configuration, queues) = tokio::join!(biased; locked, async {
        if !queues.is_empty() {
            let sql = "SELECT pg_advisory_xact_lock($1, no) FROM unnest($2::integer[]) AS no";
            query(client, sql, &Values::default().and(QUEUE, Type::INT4).int4s(queues)).await?;
        }
        Ok(())
    });
    configuration.and(queues)
}

/// Waits for those who accept by the present configuration of applications, and makes others wait: it is changing.
pub(super) async fn lock_configuration(client: &Client, apps: &[AppNo]) -> Result<()> {
    let mut locks: Vec<_> = apps.iter().map(|app| lock_number([app.0, 0])).collect();
    locks.sort_unstable();
    locks.dedup();
    let sql = "SELECT pg_advisory_xact_lock($1, no) FROM unnest($2::integer[]) AS no";
    query(client, sql, &Values::default().and(CONFIGURATION, Type::INT4).int4s(locks)).await.map(drop)
}

/// Keeps the heads of the queues that acceptances go to from ending before those are committed.
pub(super) async fn hold_heads(client: &Client, items: &[&Accept]) -> Result<()> {
    let mut queues: Vec<_> = queues(items).collect();
    if queues.is_empty() {
        return Ok(());
    }
    queues.sort_unstable();
    queues.dedup();
    let sql = "SELECT FROM unnest($1::bigint[], $2::bigint[]) AS given (endpoint, queue) CROSS JOIN LATERAL \
               (SELECT 1 FROM ringback.delivery head WHERE head.endpoint = given.endpoint \
                 AND head.queue = given.queue AND head.state = 1 ORDER BY head.message LIMIT 1 FOR SHARE) held";
    let values = Values::default()
        .int8s(queues.iter().map(|(endpoint, _)| *endpoint))
        .int8s(queues.iter().map(|(_, queue)| *queue));
    query(client, sql, &values).await.map(drop)
}

fn queues(items: &[&Accept]) -> impl Iterator<Item = (i64, i64)> {
    let targets = items.iter().flat_map(|item| &item.targets);
    targets.filter_map(|target| Some((target.endpoint.0, target.queue?.0)))
}

/// See [`let_next_out`].
const SQL: &str = concat!(
    "WITH queue AS (SELECT DISTINCT d.endpoint, d.queue FROM unnest($2::bigint[], $3::bigint[]) \
           AS given (message, endpoint) JOIN ringback.delivery d \
             ON d.message = given.message AND d.endpoint = given.endpoint \
           WHERE d.queue IS NOT NULL AND d.state <> 1), \
         head AS (SELECT first.message, first.endpoint FROM queue CROSS JOIN LATERAL \
           (SELECT n.message, n.endpoint, n.due FROM ringback.delivery n WHERE n.endpoint = queue.endpoint \
             AND n.queue = queue.queue AND n.state = 1 ORDER BY n.message LIMIT 1) first WHERE first.due IS NULL), \
         out AS (UPDATE ringback.delivery d SET due = GREATEST($1, d.not_before, (SELECT deliver_at FROM ringback.message \
           WHERE no = head.message)), not_before = NULL FROM head WHERE d.message = head.message \
           AND d.endpoint = head.endpoint AND d.state = 1 AND d.due IS NULL \
           RETURNING d.message, d.endpoint, d.priority, d.queue, d.tries, d.unsent, d.due) \
         SELECT ",
    whole!(),
    ", out.priority, out.endpoint, out.queue, out.tries, out.unsent, out.due FROM out \
           JOIN ringback.message m ON m.no = out.message ORDER BY m.no"
);

pub(super) static NEXT_OUT: LazyLock<Hot> = LazyLock::new(|| {
    let whole = whole_types!("smallint", "bigint", "bigint", "integer", "integer", "bigint");
    Hot::new(SQL, "bigint, bigint[], bigint[]", whole)
});

/// Of each queue that one of these deliveries has ended in, makes the first one due, at once or when its message is or it may
/// be tried again, unless it is already. Answers them, in the order of numbers.
pub(super) async fn let_next_out(
    client: &Client,
    now: Timestamp,
    ended: &[(MessageNo, EndpointNo)],
) -> Result<Vec<Due>> {
    if ended.is_empty() {
        return Ok(Vec::new());
    }
    let values = Values::default()
        .int8(now.as_micros())
        .int8s(ended.iter().map(|(message, _)| message.0))
        .int8s(ended.iter().map(|(_, endpoint)| endpoint.0));
    hot::ask(client, &NEXT_OUT, ended.len(), &values).await?.iter().map(due).collect()
}

fn due(row: &Row) -> Result<Due> {
    Ok(Due {
        message: Arc::new(read_whole(row)?),
        endpoint: EndpointNo(get(row, WHOLE + 1)?),
        trigger: Trigger::Scheduled,
        priority: priority(row, WHOLE)?,
        due: time(row, WHOLE + 5)?,
        queue: get::<Option<i64>>(row, WHOLE + 2)?.map(QueueNo),
        tries: small(row, WHOLE + 3)?,
        unsent: small(row, WHOLE + 4)?,
        held_since: None,
    })
}
