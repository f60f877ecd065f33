//! What pollers get.
//!
//! Numbers are drawn before their commit, so one that is lower than what can be seen may still come. Whoever accepts holds
//! the lock of the application's configuration, shared, from before it draws a number until its commit. A reader that has
//! seen a message gets that lock for a moment, alone: when it has had it, everything below that message has been decided.

use ringback_model::{MessageNo, PollerNo};

use super::connection::{Client, Purpose, query, transaction};
use super::error::Result;
use super::message::{WHOLE, columns, read};
use super::queue::lock_configuration;
use super::value::{Values, get, limit};
use crate::{Accept, PollQuery, Polled};

/// How many columns `columns!` names.
const BARE: usize = WHOLE - 2;

/// Notes messages for pollers, within the transaction that has accepted them: those of them that were kept.
pub(super) async fn note(client: &Client, items: &[&Accept]) -> Result<()> {
    let pollers = || items.iter().flat_map(|item| item.pollers.iter().map(move |PollerNo(poller)| (*item, *poller)));
    if pollers().next().is_none() {
        return Ok(());
    }
    let sql = "INSERT INTO ringback.polled (poller, message) \
               SELECT item.poller, m.no FROM unnest($1::bigint[], $2::bytea[], $3::bigint[]) AS item (app, id, poller) \
               JOIN ringback.message m ON m.app = item.app AND m.id = item.id";
    let values = Values::default()
        .int8s(pollers().map(|(item, _)| item.app.0))
        .byteas(pollers().map(|(item, _)| item.message.id.as_bytes().as_slice()))
        .int8s(pollers().map(|(_, poller)| poller));
    query(client, sql, &values).await.map(drop)
}

/// See [`crate::Store::polled`].
pub(super) async fn polled(client: &Client, asked: &PollQuery) -> Result<Vec<Polled>> {
    let seen = "SELECT max(message) FROM (SELECT message FROM ringback.polled \
                WHERE poller = $1 AND message > $2 ORDER BY message LIMIT $3) found";
    let values = Values::default().int8(asked.poller.0).int8(asked.after.0).int8(limit(asked.limit));
    let rows = transaction(client, Purpose::Read, query(client, seen, &values)).await?;
    let last = rows.first().map(|row| get::<Option<i64>>(row, 0)).transpose()?.flatten();
    let Some(last) = last.map(MessageNo) else { return Ok(Vec::new()) };
    transaction(client, Purpose::Read, lock_configuration(client, &[asked.app])).await?;
    read_up_to(client, asked, last).await
}

/// Everything up to a message below which nothing comes any more.
async fn read_up_to(client: &Client, asked: &PollQuery, last: MessageNo) -> Result<Vec<Polled>> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        ", m.payload IS NOT NULL FROM ringback.polled p JOIN ringback.message m ON m.no = p.message \
         WHERE p.poller = $1 AND p.message > $2 AND p.message <= $3 ORDER BY p.message LIMIT $4"
    );
    let values = Values::default().int8(asked.poller.0).int8(asked.after.0).int8(last.0).int8(limit(asked.limit));
    let rows = transaction(client, Purpose::Read, query(client, sql, &values)).await?;
    rows.iter().map(|row| Ok(Polled { message: read(row)?, has_payload: get(row, BARE)? })).collect()
}
