//! Letting go of what is old: [`expire`], and which parts of the messages are to be visited for it.

use ringback_model::{AppNo, DeliveryState, EndpointNo, MessageNo, Reason, Timestamp};
use tokio_postgres::types::Type;

use super::connection::{Client, Purpose, query, transaction};
use super::error::Result;
use super::value::{Values, get, limit, maybe_time, time};
use super::{mention, queue, usage};
use crate::backend::upkeep::{bounds, first_times};
use crate::{Aging, AgingQuery, Due, EXPUNGED, Expire, Expired, Expiry, Part, Shard};

/// See [`crate::Store::upkeep`].
pub(super) async fn upkeep(client: &Client, owned: &[Shard], now: Timestamp, most: usize) -> Result<Vec<Part>> {
    let sql = "SELECT part, noted_at FROM ringback.upkeep WHERE at <= $1 AND part >> 43 = ANY ($3::bigint[]) \
               ORDER BY at LIMIT $2";
    let owned = owned.iter().map(|shard| i64::from(shard.number()));
    let values = Values::default().int8(now.as_micros()).int8(limit(most)).int8s(owned);
    let rows = transaction(client, Purpose::Read, query(client, sql, &values)).await?;
    rows.iter().map(|row| Ok(Part { no: get(row, 0)?, noted_at: time(row, 1)? })).collect()
}

const AGING: &str = "SELECT m.no, m.app, m.accepted_at, m.expires_at, m.deliver_until, \
      m.payload IS NOT NULL OR m.raw IS NOT NULL, \
      EXISTS (SELECT FROM ringback.attempt a WHERE a.message = m.no), \
      EXISTS (SELECT FROM ringback.delivery d WHERE d.message = m.no AND (d.state = 1 OR d.manual_due IS NOT NULL)) \
    FROM ringback.message m WHERE m.no > $1 AND m.no <= $2 ORDER BY m.no LIMIT $3";

/// See [`crate::Store::aging`].
pub(super) async fn aging(client: &Client, asked: &AgingQuery) -> Result<Vec<Aging>> {
    let (below, last) = bounds(asked.part);
    let values = Values::default().int8(below.max(asked.after).0).int8(last.0).int8(limit(asked.limit));
    let rows = transaction(client, Purpose::Search, query(client, AGING, &values)).await?;
    rows.iter()
        .map(|row| {
            Ok(Aging {
                no: MessageNo(get(row, 0)?),
                app: AppNo(get(row, 1)?),
                accepted_at: time(row, 2)?,
                expires_at: time(row, 3)?,
                deliver_until: maybe_time(row, 4)?,
                has_payload: get(row, 5)?,
                has_attempts: get(row, 6)?,
                is_pending: get(row, 7)?,
            })
        })
        .collect()
}

/// Notes when parts are to be visited, unless they are earlier. Within a transaction; in the order of parts, so that two
/// passes never wait for each other.
pub(super) async fn note(client: &Client, now: Timestamp, times: &[(MessageNo, Timestamp)]) -> Result<()> {
    let first = first_times(times);
    let sql = "INSERT INTO ringback.upkeep AS upkeep (part, at, noted_at) \
               SELECT part, at, $3 FROM unnest($1::bigint[], $2::bigint[]) AS item (part, at) ORDER BY part \
               ON CONFLICT (part) DO UPDATE SET at = LEAST(upkeep.at, excluded.at), noted_at = excluded.noted_at";
    let values = Values::default()
        .int8s(first.keys().copied())
        .int8s(first.values().map(|at| at.as_micros()))
        .int8(now.as_micros());
    query(client, sql, &values).await.map(drop)
}

/// See [`crate::Store::revisit`].
pub(super) async fn revisit(client: &Client, now: Timestamp) -> Result<()> {
    let sql = "UPDATE ringback.upkeep SET at = 0, noted_at = $1";
    query(client, sql, &Values::default().int8(now.as_micros())).await.map(drop)
}

/// What of some messages goes at the same time.
#[derive(Default)]
struct Going {
    /// Those of which pending deliveries end, and why.
    ending: Vec<(MessageNo, Reason)>,
    /// The same, where what was asked for by hand stays.
    overdue: Vec<(MessageNo, Reason)>,
    payloads: Vec<MessageNo>,
    attempts: Vec<MessageNo>,
    messages: Vec<MessageNo>,
}

impl Going {
    fn of(items: &[(MessageNo, Expiry)]) -> Self {
        let mut going = Self::default();
        for (message, what) in items {
            match what {
                Expiry::Deliveries(reason) => going.overdue.push((*message, *reason)),
                Expiry::Payload(reason) => {
                    going.ending.push((*message, *reason));
                    going.payloads.push(*message);
                }
                Expiry::Attempts => going.attempts.push(*message),
                Expiry::Message => {
                    going.ending.push((*message, Reason::Expired));
                    going.attempts.push(*message);
                    going.messages.push(*message);
                }
                Expiry::Answer(_) => {}
            }
        }
        going
    }
}

/// What came of letting go.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) expired: Expired,
    /// Endpoints of which pending deliveries have ended.
    pub(super) revoked: Vec<EndpointNo>,
    /// What has come due behind them.
    pub(super) due: Vec<Due>,
}

/// Lets go of things, of as many messages as rows may be written, and notes that their part was visited. Within a
/// transaction.
pub(super) async fn expire(client: &Client, now: Timestamp, item: &Expire) -> Result<Outcome> {
    let items = item.items.get(..item.rows).unwrap_or(&item.items);
    let going = Going::of(items);
    let mut ended = end_pending(client, &going.ending, false).await?;
    ended.extend(end_pending(client, &going.overdue, true).await?);
    let due = queue::let_next_out(client, now, &ended).await?;
    let mut rows = ended.len();
    if !item.words.is_empty() {
        mention::forget_words(client, &item.words).await?;
    }
    for (message, what) in items {
        if let Expiry::Answer(id) = what {
            let sql = "UPDATE ringback.attempt SET response = $3 WHERE message = $1 AND id = $2 RETURNING 1";
            let values = Values::default().int8(message.0).and(id.as_bytes().as_slice(), Type::BYTEA);
            rows += query(client, sql, &values.and(EXPUNGED, Type::BYTEA)).await?.len();
        }
    }
    let losing: Vec<_> = going.payloads.iter().chain(&going.messages).copied().collect();
    if !losing.is_empty() {
        usage::give_back(client, &losing).await?;
    }
    for (sql, messages) in [
        (FORGET_PAYLOADS, &going.payloads),
        (FORGET_ATTEMPTS, &going.attempts),
        (FORGET_DELIVERIES, &going.messages),
        (FORGET_TAGS, &going.messages),
        (FORGET_POLLED, &going.messages),
        (FORGET_MESSAGES, &going.messages),
    ] {
        if !messages.is_empty() {
            rows += query(client, sql, &Values::default().int8s(messages.iter().map(|no| no.0))).await?.len();
        }
    }
    if let Some((part, next)) = item.visited.filter(|_| items.len() == item.items.len()) {
        visited(client, part, next).await?;
    }
    let revoked = ended.iter().map(|(_, endpoint)| *endpoint).collect();
    Ok(Outcome { expired: Expired { done: items.len(), rows }, revoked, due })
}

const FORGET_PAYLOADS: &str = "UPDATE ringback.message SET payload = NULL, raw = NULL \
    WHERE no = ANY ($1::bigint[]) AND (payload IS NOT NULL OR raw IS NOT NULL) RETURNING 1";
const FORGET_ATTEMPTS: &str = "DELETE FROM ringback.attempt WHERE message = ANY ($1::bigint[]) RETURNING 1";
const FORGET_DELIVERIES: &str = "DELETE FROM ringback.delivery WHERE message = ANY ($1::bigint[]) RETURNING 1";
const FORGET_TAGS: &str = "DELETE FROM ringback.message_tag t USING ringback.message m \
    WHERE m.no = ANY ($1::bigint[]) AND t.app = m.app AND t.tag = ANY (m.tags) AND t.id = m.id RETURNING 1";
const FORGET_POLLED: &str = "DELETE FROM ringback.polled WHERE message = ANY ($1::bigint[]) RETURNING 1";
const FORGET_MESSAGES: &str = "DELETE FROM ringback.message WHERE no = ANY ($1::bigint[]) RETURNING 1";

/// Ends what is pending of messages, and calls off what was asked for by hand, unless that is kept; answers what has ended. Rows are locked in
/// order, so that nobody waits for one who waits.
async fn end_pending(
    client: &Client,
    ending: &[(MessageNo, Reason)],
    keeps_asked: bool,
) -> Result<Vec<(MessageNo, EndpointNo)>> {
    if ending.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "WITH pending AS MATERIALIZED (SELECT d.message, d.endpoint, item.reason \
          FROM unnest($1::bigint[], $2::smallint[]) AS item (message, reason) \
          JOIN ringback.delivery d ON d.message = item.message AND CASE WHEN $4 \
            THEN d.state = 1 AND (d.due IS NOT NULL OR d.queue IS NOT NULL) \
            ELSE d.state = 1 OR d.manual_due IS NOT NULL END \
          ORDER BY d.message, d.endpoint FOR UPDATE OF d) \
        UPDATE ringback.delivery d SET due = NULL, held = NULL, \
          manual_due = CASE WHEN $4 THEN d.manual_due END, \
          reason = CASE d.state WHEN 1 THEN pending.reason ELSE d.reason END, \
          state = CASE d.state WHEN 1 THEN $3 ELSE d.state END \
        FROM pending WHERE d.message = pending.message AND d.endpoint = pending.endpoint RETURNING d.message, d.endpoint";
    let values = Values::default()
        .int8s(ending.iter().map(|(message, _)| message.0))
        .int2s(ending.iter().map(|(_, reason)| i16::from(reason.code())))
        .and(i16::from(DeliveryState::Fail.code()), Type::INT2)
        .and(keeps_asked, Type::BOOL);
    let rows = query(client, sql, &values).await?;
    rows.iter().map(|row| Ok((MessageNo(get(row, 0)?), EndpointNo(get(row, 1)?)))).collect()
}

/// Notes when a part is visited next, unless something of it was noted meanwhile: then it stays due.
async fn visited(client: &Client, part: Part, next: Option<Timestamp>) -> Result<()> {
    let seen = Values::default().int8(part.no).int8(part.noted_at.as_micros());
    let Some(next) = next else {
        let sql = "DELETE FROM ringback.upkeep WHERE part = $1 AND noted_at = $2 RETURNING 1";
        if !query(client, sql, &seen).await?.is_empty() {
            forget_strays(client, part.no).await?;
        }
        return Ok(());
    };
    let sql = "UPDATE ringback.upkeep SET at = $3 WHERE part = $1 AND noted_at = $2";
    query(client, sql, &seen.int8(next.as_micros())).await.map(drop)
}

/// An attempt that was under way when its message went is recorded all the same.
async fn forget_strays(client: &Client, part: i64) -> Result<()> {
    let (below, last) = bounds(part);
    let sql = "DELETE FROM ringback.attempt WHERE message > $1 AND message <= $2";
    query(client, sql, &Values::default().int8(below.0).int8(last.0)).await.map(drop)
}
