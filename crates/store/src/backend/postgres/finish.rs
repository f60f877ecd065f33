//! Outcomes: many attempts, and what becomes of their deliveries, in one statement with a result for each.
//!
//! What is not the node's any more is left out, by the fence (`fence.rs`) in the statement itself.
//!
//! An outcome may be handed in again when it is not known whether it was recorded: the id of an attempt is unique, and
//! an attempt that is there already changes nothing a second time.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use ringback_model::{EndpointNo, Health, Mutant, Trigger};

use super::attempt::{address_to_sql, micros};
use super::connection::{Client, query};
use super::error::Result;
use super::fence::{fence, passes, shards_of};
use super::health;
use super::hot::{self, Hot};
use super::stretch;
use super::value::{Values, get};
use crate::notice::to_text;
use crate::{Epoch, Finish, Finished, NewAttempt, NodeNo, Step};

/// How a delivery goes on after an attempt: the rules of the embedded store's `progress.rs`, for many at once.
///
/// An attempt by hand is beside the schedule: it can turn a failure into a success and never a success into a failure,
/// and when it fails the schedule stands. Who asked for one after it had begun gets another one. What has ended in the
/// meantime stays as it ended. The steps are 0 for an end, 1 and 2 for a retry that counts as a try and one that does
/// not, 3 for what keeps the schedule, 4 for what is held.
macro_rules! ends {
    () => {
        concat!(
            "((item.step = 0 AND (d.state = 1 OR (item.by_hand AND item.state = 0))) \
              OR (item.step = 3 AND d.state = 1 AND d.due IS NULL AND d.queue IS NULL AND ",
            asked!(),
            " IS NULL))"
        )
    };
}
macro_rules! asked {
    () => {
        "CASE WHEN item.by_hand AND d.manual_due <= item.started_at THEN NULL ELSE d.manual_due END"
    };
}
macro_rules! retries {
    () => {
        "(item.step IN (1, 2, 4) AND NOT item.by_hand AND d.state = 1)"
    };
}
/// It waits behind another one that was in the same request, and goes on waiting.
macro_rules! blocked {
    () => {
        "(d.queue IS NOT NULL AND d.due IS NULL)"
    };
}

const SQL: &str = concat!(
    "WITH ",
    fence!("$23", "$24"),
    ", item AS MATERIALIZED (SELECT given.*, ",
    passes!("given"),
    " AS passes FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bigint[], \
       $5::boolean[], $6::smallint[], $7::integer[], $8::integer[], $9::integer[], $10::integer[], $11::integer[], \
       $12::integer[], $13::bytea[], $14::text[], $15::bytea[], $16::smallint[], $17::smallint[], $18::smallint[], \
       $19::smallint[], $20::bigint[], $21::bigint[], $22::text[], $25::bigint[]) WITH ORDINALITY AS given (message, endpoint, id, started_at, by_hand, outcome, status, dns_us, \
       connect_us, tls_us, first_byte_us, total_us, address, url, response, left_out, step, state, reason, due, held, notice, epoch, at)), \
     recorded AS (INSERT INTO ringback.attempt (message, endpoint, no, started_at, dns_us, connect_us, tls_us, \
       first_byte_us, total_us, status, outcome, by_hand, id, address, url, response, left_out) \
       SELECT message, endpoint, nextval('ringback.attempt_no'), started_at, dns_us, connect_us, tls_us, first_byte_us, \
         total_us, status, outcome, by_hand, id, address, url, response, left_out FROM item WHERE passes \
       ON CONFLICT (message, id) DO NOTHING RETURNING message, endpoint), \
     moved AS (UPDATE ringback.delivery d SET \
       state = CASE WHEN NOT ",
    ends!(),
    " THEN d.state WHEN item.step = 0 THEN item.state ELSE 2 END, \
       reason = CASE WHEN NOT ",
    ends!(),
    " THEN d.reason WHEN item.step = 0 THEN CASE WHEN item.state <> 0 THEN item.reason END ELSE 1 END, \
       due = CASE WHEN ",
    ends!(),
    " THEN NULL WHEN ",
    retries!(),
    " AND NOT ",
    blocked!(),
    " THEN item.due ELSE d.due END, \
       not_before = CASE WHEN ",
    ends!(),
    " THEN NULL WHEN ",
    retries!(),
    " AND ",
    blocked!(),
    " THEN item.due ELSE d.not_before END, \
       held = CASE WHEN ",
    ends!(),
    " THEN NULL WHEN ",
    retries!(),
    " THEN CASE WHEN NOT ",
    blocked!(),
    " THEN item.held END ELSE d.held END, \
       manual_due = CASE WHEN item.by_hand AND item.step IN (1, 2, 4) THEN item.due ELSE ",
    asked!(),
    " END, \
       tries = LEAST(65535, d.tries + CASE WHEN item.step = 1 AND ",
    retries!(),
    " THEN 1 ELSE 0 END), \
       unsent = LEAST(65535, d.unsent + CASE WHEN item.step IN (2, 4) AND ",
    retries!(),
    " THEN 1 ELSE 0 END) \
       FROM item JOIN recorded ON recorded.message = item.message AND recorded.endpoint = item.endpoint \
       WHERE d.message = item.message AND d.endpoint = item.endpoint AND (d.state = 1 OR item.by_hand) \
       RETURNING item.at, item.step <> 0 OR item.state = d.state AS taken), \
     noticed AS (INSERT INTO ringback.notice (body) SELECT item.notice FROM item JOIN moved ON moved.at = item.at \
       WHERE item.notice IS NOT NULL AND moved.taken ORDER BY item.at) \
     SELECT item.at, recorded.message IS NULL OR COALESCE(moved.taken, false) FROM item \
     LEFT JOIN recorded ON recorded.message = item.message AND recorded.endpoint = item.endpoint \
     LEFT JOIN moved ON moved.at = item.at WHERE item.passes"
);

pub(super) static FINISH: LazyLock<Hot> = LazyLock::new(|| {
    Hot::new(
        SQL,
        "bigint[], bigint[], bytea[], bigint[], boolean[], smallint[], integer[], integer[], integer[], integer[], integer[], \
         integer[], bytea[], text[], bytea[], smallint[], smallint[], smallint[], smallint[], bigint[], bigint[], text[], \
         bigint, smallint[], bigint[]",
        &["bigint", "boolean"],
    )
});

const EARLIER: &str = concat!(
    "WITH ",
    fence!("$17", "$18"),
    " INSERT INTO ringback.attempt (message, endpoint, no, started_at, dns_us, connect_us, tls_us, first_byte_us, total_us, \
      status, outcome, by_hand, id, address, url, response, left_out) \
    SELECT message, endpoint, nextval('ringback.attempt_no'), started_at, dns_us, connect_us, tls_us, first_byte_us, \
      total_us, status, outcome, by_hand, id, address, url, response, left_out \
    FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bigint[], $5::boolean[], $6::smallint[], $7::integer[], \
      $8::integer[], $9::integer[], $10::integer[], $11::integer[], $12::integer[], $13::bytea[], $14::text[], \
      $15::bytea[], $16::smallint[], $19::bigint[]) AS item (message, endpoint, id, started_at, by_hand, outcome, status, dns_us, connect_us, tls_us, \
      first_byte_us, total_us, address, url, response, left_out, epoch) \
    WHERE ",
    passes!("item"),
    " ON CONFLICT (message, id) DO NOTHING"
);

/// Records outcomes and the healths that they change, of shards that this node owns, within a transaction; answers for
/// each, in order. No two may be of the same delivery.
pub(super) async fn finish(client: &Client, node: NodeNo, items: &[&Finish]) -> Result<Vec<Finished>> {
    if items.is_empty() {
        return Ok(Vec::new());
    }
    if Mutant::FenceApart.is_alive() && !super::fence::owned_before(client, node, items).await? {
        return Ok(vec![Finished::Fenced; items.len()]);
    }
    let addresses: Vec<_> = items.iter().map(|item| item.attempt.exchange.address.map(address_to_sql)).collect();
    // The last word on an endpoint is the one that holds.
    let healths: BTreeMap<EndpointNo, (Health, Epoch)> =
        items.iter().filter_map(|item| Some((item.endpoint, (item.health?, item.epoch)))).collect();
    let notices: Vec<_> = items.iter().map(|item| item.notice.as_deref().map(to_text)).collect();
    let values = values(items, &addresses).texts(notices.iter().map(Option::as_deref));
    let values = fenced(values, node, items).int8s(items.iter().map(|item| item.epoch.0));
    let attempts = items.iter().flat_map(|item| item.earlier.iter().chain([&item.attempt]));
    let ahead = stretch::most_ahead(attempts.map(|attempt| (&attempt.id, attempt.started_at)));
    stretch::note_ahead(client, stretch::ATTEMPTS, ahead).await?;
    let (earlier, rows, kept) = tokio::join!(
        biased;
        record_earlier(client, node, items),
        hot::ask(client, &FINISH, items.len(), &values),
        async { if healths.is_empty() { Ok(()) } else { health::write_fenced(client, node, &healths).await } },
    );
    let rows = earlier.and(kept).and(rows)?;
    // What the fence has kept out has no row.
    let mut results = vec![Finished::Fenced; items.len()];
    for row in &rows {
        let at = usize::try_from(get::<i64>(row, 0)? - 1).unwrap_or(usize::MAX);
        let taken = get::<bool>(row, 1)?;
        if let Some(result) = results.get_mut(at) {
            *result = if taken { Finished::Recorded } else { Finished::Superseded };
        }
    }
    Ok(results)
}

/// The node and the shards of some outcomes.
fn fenced<'a>(values: Values<'a>, node: NodeNo, items: &[&Finish]) -> Values<'a> {
    values.int8(node.0).int2s(shards_of(items.iter().map(|item| item.endpoint.0)))
}

/// Records attempts that were made again at once: of no other effect than to be seen.
async fn record_earlier(client: &Client, node: NodeNo, items: &[&Finish]) -> Result<()> {
    let attempts: Vec<_> = items.iter().filter_map(|item| Some((*item, item.earlier.as_ref()?))).collect();
    if attempts.is_empty() {
        return Ok(());
    }
    let addresses: Vec<_> = attempts.iter().map(|(_, attempt)| attempt.exchange.address.map(address_to_sql)).collect();
    let values = fenced(attempt_values(&attempts, &addresses), node, items);
    let values = values.int8s(attempts.iter().map(|(item, _)| item.epoch.0));
    query(client, EARLIER, &values).await.map(drop)
}

fn values<'a>(items: &[&'a Finish], addresses: &'a [Option<Vec<u8>>]) -> Values<'a> {
    let attempts: Vec<_> = items.iter().map(|item| (*item, &item.attempt)).collect();
    attempt_values(&attempts, addresses)
        .int2s(items.iter().map(|item| match item.step {
            Step::End { .. } => 0,
            Step::Retry { counted: true, .. } => 1,
            Step::Retry { counted: false, .. } => 2,
            Step::Keep => 3,
            Step::Hold { .. } => 4,
        }))
        .int2s(items.iter().map(|item| match item.step {
            Step::End { state, .. } => Some(i16::from(state.code())),
            Step::Retry { .. } | Step::Hold { .. } | Step::Keep => None,
        }))
        .int2s(items.iter().map(|item| match item.step {
            Step::End { reason, .. } => reason.map(|reason| i16::from(reason.code())),
            Step::Retry { .. } | Step::Hold { .. } | Step::Keep => None,
        }))
        .maybe_int8s(items.iter().map(|item| match item.step {
            Step::Retry { due, .. } | Step::Hold { due, .. } => Some(due.as_micros()),
            Step::End { .. } | Step::Keep => None,
        }))
        .maybe_int8s(items.iter().map(|item| match item.step {
            Step::Hold { since, .. } => Some(since.as_micros()),
            Step::Retry { .. } | Step::End { .. } | Step::Keep => None,
        }))
}

/// The values of attempts, in the order of the columns that both statements begin with.
fn attempt_values<'a>(items: &[(&'a Finish, &'a NewAttempt)], addresses: &'a [Option<Vec<u8>>]) -> Values<'a> {
    let attempts = || items.iter().map(|(_, attempt)| *attempt);
    let exchanges = || attempts().map(|attempt| &attempt.exchange);
    let phases = || exchanges().map(|exchange| &exchange.phases);
    let by_hand: Vec<_> = attempts().map(|attempt| attempt.trigger == Trigger::Manual).collect();
    let status: Vec<_> = exchanges().map(|exchange| exchange.status.map(i32::from)).collect();
    Values::default()
        .int8s(items.iter().map(|(item, _)| item.message.0))
        .int8s(items.iter().map(|(item, _)| item.endpoint.0))
        .byteas(attempts().map(|attempt| attempt.id.as_bytes().as_slice()))
        .int8s(attempts().map(|attempt| attempt.started_at.as_micros()))
        .and(by_hand, tokio_postgres::types::Type::BOOL_ARRAY)
        .int2s(attempts().map(|attempt| i16::from(attempt.outcome.code())))
        .and(status, tokio_postgres::types::Type::INT4_ARRAY)
        .int4s(phases().map(|phases| micros(phases.dns)))
        .int4s(phases().map(|phases| micros(phases.connect)))
        .int4s(phases().map(|phases| micros(phases.tls)))
        .int4s(phases().map(|phases| micros(phases.first_byte)))
        .int4s(phases().map(|phases| micros(phases.total)))
        .byteas(addresses.iter().map(Option::as_deref))
        .texts(attempts().map(|attempt| &*attempt.url))
        .byteas(exchanges().map(|exchange| &*exchange.response))
        .int2s(exchanges().map(|exchange| exchange.left_out.map_or(0, |what| what as i16)))
}
