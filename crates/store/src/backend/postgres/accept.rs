//! Acceptance: many messages, with their deliveries and idempotency keys, in one statement with a result for each.

use std::sync::{Arc, LazyLock};

use ringback_model::{EndpointNo, MessageNo, Timestamp, Trigger};
use tokio_postgres::Row;

use super::connection::Client;
use super::error::{Result, SqlError};
use super::hot::{self, Hot};
use super::idempotency::{Found, replace_expired};
use super::message::texts_to_sql;
use super::shard::SHIFT;
use super::stretch;
use super::value::{Values, get};
use crate::{Accept, Accepted, Due, QueueNo};

// The statement says it in figures.
const _: () = assert!(SHIFT == 55, "the shard of a message is that of its application");

/// Keeps what may be kept.
///
/// `judged` says of each item whether its key is in use and whether its configuration is the present one. `item` draws
/// the numbers of those that may be kept, in their order. `kept` leaves out those whose event id is taken; what is left
/// gets its key and its deliveries. A delivery into a queue is due at once if the queue has nothing unfinished and no
/// other delivery of this statement comes before it there. Beyond the number of each item the answer names the endpoints
/// at which it waits.
const SQL: &str = concat!(
    "WITH judged AS MATERIALIZED (SELECT given.*, \
       (SELECT used.body || used.answer FROM ringback.idempotency used \
         WHERE used.key = given.key AND used.expires_at > $1) AS used, \
       COALESCE((SELECT version FROM ringback.configuration c WHERE c.app = given.app), 0) = given.app_version AS current \
       FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::text[], $6::bytea[], $7::text[], $8::bytea[], \
         $9::smallint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::text[], $14::bytea[], $15::bytea[], \
         $16::bytea[], $17::bytea[], $18::bigint[], $22::text[], $23::bigint[], $24::bigint[], \
         $26::text[]) WITH ORDINALITY AS given (app, app_version, id, event_type, \
         event_id, channels, ordering_key, priority, occurred_at, accepted_at, expires_at, raw_content_type, raw, \
         payload, key, body, key_expires_at, callback_url, deliver_at, deliver_until, tags, at)), \
     item AS MATERIALIZED (SELECT *, CASE WHEN used IS NULL AND current \
       THEN (app >> 55 << 55) + nextval('ringback.message_no') END AS no FROM judged), \
     kept AS (INSERT INTO ringback.message (no, app, id, event_type, event_id, channels, ordering_key, priority, \
       occurred_at, accepted_at, expires_at, raw_content_type, raw, payload, callback_url, deliver_at, deliver_until, \
       tags) \
       SELECT no, app, id, event_type, event_id, channels::bytea[], ordering_key, priority, occurred_at, accepted_at, \
         expires_at, raw_content_type, raw, payload, callback_url, deliver_at, deliver_until, tags::bytea[] \
         FROM item WHERE no IS NOT NULL \
       ON CONFLICT (app, event_id) WHERE event_id IS NOT NULL DO NOTHING RETURNING no), \
     tagged AS (INSERT INTO ringback.message_tag (app, tag, id, message) \
       SELECT DISTINCT item.app, tag, item.id, item.no FROM item, unnest(item.tags::bytea[]) AS tag \
       WHERE item.no IN (SELECT no FROM kept)), \
     claimed AS (INSERT INTO ringback.idempotency AS idempotency (key, body, expires_at, answer) \
       SELECT key, body, key_expires_at, id FROM item WHERE key IS NOT NULL AND no IN (SELECT no FROM kept) ",
    replace_expired!("$1"),
    "), \
     placed AS (INSERT INTO ringback.delivery (message, endpoint, state, priority, tries, unsent, due, queue) \
       SELECT item.no, target.endpoint, 1, target.priority, 0, 0, CASE WHEN target.queue IS NULL \
         THEN GREATEST($1, item.deliver_at) \
         WHEN row_number() OVER (PARTITION BY target.endpoint, target.queue ORDER BY item.no) = 1 \
           AND (SELECT true FROM ringback.delivery other WHERE other.endpoint = target.endpoint \
             AND other.queue = target.queue AND other.state = 1 LIMIT 1) IS NULL THEN GREATEST($1, item.deliver_at) END, target.queue \
       FROM unnest($19::bigint[], $20::bigint[], $21::bigint[], $25::smallint[]) AS target (at, endpoint, queue, priority) \
       JOIN item ON item.at = target.at WHERE item.no IN (SELECT no FROM kept) RETURNING message, endpoint, due) \
     SELECT item.at, item.no, item.current, item.used, kept.no IS NOT NULL, waiting.endpoints FROM item \
     LEFT JOIN kept ON kept.no = item.no \
     LEFT JOIN (SELECT message, array_agg(endpoint) AS endpoints FROM placed WHERE due IS NULL GROUP BY message) waiting \
       ON waiting.message = item.no",
);

pub(super) static ACCEPT: LazyLock<Hot> = LazyLock::new(|| {
    Hot::new(
        SQL,
        "bigint, bigint[], bigint[], bytea[], text[], bytea[], text[], bytea[], smallint[], bigint[], bigint[], bigint[], \
         text[], bytea[], bytea[], bytea[], bytea[], bigint[], bigint[], bigint[], bigint[], text[], bigint[], bigint[], \
         smallint[], text[]",
        &["bigint", "bigint", "boolean", "bytea", "boolean", "bigint[]"],
    )
});

/// What became of some acceptances, in their order, and what has come due with them, in the order of numbers.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) results: Vec<Accepted>,
    pub(super) due: Vec<Due>,
    /// What was accepted behind others of its queue.
    pub(super) queued: Vec<(EndpointNo, QueueNo)>,
}

/// Keeps messages, within a transaction. Of two items none may have the same id, event id or idempotency key.
pub(super) async fn accept(client: &Client, now: Timestamp, items: &[&Accept]) -> Result<Outcome> {
    if items.is_empty() {
        return Ok(Outcome::default());
    }
    let channels: Vec<_> = items.iter().map(|item| texts_to_sql(&item.message.channels)).collect();
    let tags: Vec<_> = items.iter().map(|item| texts_to_sql(&item.message.tags)).collect();
    let ahead = stretch::most_ahead(items.iter().map(|item| (&item.message.id, item.message.accepted_at)));
    stretch::note_ahead(client, stretch::MESSAGES, ahead).await?;
    let deliveries = items.iter().map(|item| item.targets.len()).sum::<usize>();
    let rows = hot::ask(client, &ACCEPT, deliveries.max(items.len()), &values(now, items, &channels, &tags)).await?;
    let mut all = Outcome::default();
    let mut outcomes: Vec<Option<(Accepted, Vec<Due>)>> = items.iter().map(|_| None).collect();
    for row in &rows {
        let at = usize::try_from(get::<i64>(row, 0)? - 1).unwrap_or(usize::MAX);
        let (Some(item), Some(outcome)) = (items.get(at), outcomes.get_mut(at)) else { continue };
        *outcome = Some(read(row, now, item)?);
        let waits_at = get::<Option<Vec<i64>>>(row, 5)?.unwrap_or_default();
        let waiting = item.targets.iter().filter(|target| waits_at.contains(&target.endpoint.0));
        all.queued.extend(waiting.filter_map(|target| Some((target.endpoint, target.queue?))));
    }
    for outcome in outcomes {
        let (result, due) = outcome.ok_or_else(|| SqlError::unreadable("answer", "an item has none"))?;
        all.results.push(result);
        all.due.extend(due);
    }
    Ok(all)
}

fn values<'a>(
    now: Timestamp,
    items: &[&'a Accept],
    channels: &'a [Option<String>],
    tags: &'a [Option<String>],
) -> Values<'a> {
    let messages = || items.iter().map(|item| &item.message);
    let keys = || items.iter().map(|item| item.idempotency.as_ref());
    let targets = || (1..).zip(items).flat_map(|(at, item)| item.targets.iter().map(move |target| (at, target)));
    let priorities = items.iter().flat_map(|item| item.targets.iter().map(|target| item.priority_at(target)));
    Values::default()
        .int8(now.as_micros())
        .int8s(items.iter().map(|item| item.app.0))
        .int8s(items.iter().map(|item| item.app_version))
        .byteas(messages().map(|message| message.id.as_bytes().as_slice()))
        .texts(messages().map(|message| message.event_type.as_str()))
        .byteas(messages().map(|message| message.event_id.as_ref().map(String::as_bytes)))
        .texts(channels.iter().map(Option::as_deref))
        .byteas(messages().map(|message| message.ordering_key.as_ref().map(|key| key.as_str().as_bytes())))
        .int2s(items.iter().map(|item| i16::from(item.priority.0)))
        .maybe_int8s(messages().map(|message| message.occurred_at.map(Timestamp::as_micros)))
        .int8s(messages().map(|message| message.accepted_at.as_micros()))
        .int8s(messages().map(|message| message.expires_at.as_micros()))
        .texts(messages().map(|message| message.raw_content_type.as_deref()))
        .byteas(messages().map(|message| message.raw.as_deref()))
        .byteas(messages().map(|message| &*message.payload))
        .byteas(keys().map(|key| key.map(|key| key.key.as_slice())))
        .byteas(keys().map(|key| key.map(|key| key.body.as_slice())))
        .maybe_int8s(keys().map(|key| key.map(|key| key.expires_at.as_micros())))
        .int8s(targets().map(|(at, _)| at))
        .int8s(targets().map(|(_, target)| target.endpoint.0))
        .maybe_int8s(targets().map(|(_, target)| target.queue.map(|queue| queue.0)))
        .texts(messages().map(|message| message.callback_url.as_deref()))
        .maybe_int8s(messages().map(|message| message.deliver_at.map(Timestamp::as_micros)))
        .maybe_int8s(messages().map(|message| message.deliver_until.map(Timestamp::as_micros)))
        .int2s(priorities.map(|priority| i16::from(priority.0)))
        .texts(tags.iter().map(Option::as_deref))
}

fn read(row: &Row, now: Timestamp, item: &Accept) -> Result<(Accepted, Vec<Due>)> {
    if let (Some(used), Some(request)) = (get::<Option<Vec<u8>>>(row, 3)?, &item.idempotency) {
        let (body, answer) = used.split_at(used.len().min(request.body.len()));
        return Ok(match Found::new(request, body, answer.to_vec()) {
            Found::SameBody(answer) => (Accepted::Replayed { id: answer.message_id()? }, Vec::new()),
            Found::OtherBody | Found::Nothing => (Accepted::KeyReused, Vec::new()),
        });
    }
    match (get::<bool>(row, 4)?, get::<Option<i64>>(row, 1)?) {
        (true, Some(no)) => {
            let no = MessageNo(no);
            Ok((Accepted::New { no }, due(now, no, item, &get::<Option<Vec<i64>>>(row, 5)?.unwrap_or_default())))
        }
        // Of what is in the way, a key comes first, then an event id, then the configuration; the statement looks at
        // event ids last, so an item that has both troubles is told to match again, and hears of the other one then.
        (false, Some(_)) => Ok((Accepted::EventIdTaken, Vec::new())),
        (_, None) => Ok((Accepted::Stale, Vec::new())),
    }
}

/// The deliveries of an item that are due, which is all but those at the endpoints where it waits.
fn due(now: Timestamp, no: MessageNo, item: &Accept, waits_at: &[i64]) -> Vec<Due> {
    let message = Arc::new(item.message_as(no));
    item.targets
        .iter()
        .filter(|target| !waits_at.contains(&target.endpoint.0))
        .map(|target| Due {
            message: message.clone(),
            endpoint: target.endpoint,
            trigger: Trigger::Scheduled,
            priority: item.priority_at(target),
            due: message.starts_at().max(now),
            queue: target.queue,
            tries: 0,
            unsent: 0,
            held_since: None,
        })
        .collect()
}
