//! Finding what is due: [`take`], which writes nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use ringback_model::{EndpointNo, MessageNo, Priority, Timestamp, Trigger};
use tokio_postgres::Row;

use super::connection::{Client, Purpose, transaction};
use super::error::Result;
use super::hot::{self, Hot};
use super::message::{WHOLE, priority, read_whole, whole, whole_types};
use super::value::{Values, get, limit, maybe_time, small, time};
use crate::backend::share;
use crate::{Due, QueueNo, Take, Taken};

/// The group of those that were asked for by hand, before all priorities.
const BY_HAND: i32 = -1;
/// The row that says when the next one comes due.
const NEXT: i32 = -2;

/// Which messages are looked at: all of them.
#[cfg(not(feature = "mutants"))]
macro_rules! above {
    () => {
        ""
    };
}
/// All of them, or those above what was tried before.
#[cfg(feature = "mutants")]
macro_rules! above {
    () => {
        "AND (current_setting('ringback.mutant', true) IS DISTINCT FROM 'high-water' \
          OR message > COALESCE((SELECT max(a.message) FROM ringback.attempt a WHERE a.endpoint = $1), 0)) "
    };
}

/// The first rows of each group that are due and not held, one more than can be answered so that it is seen whether there
/// are more. Each group is read along its index, from its beginning.
const CANDIDATES_SQL: &str = concat!(
    "SELECT -1, first.message, first.due FROM (SELECT message, manual_due AS due FROM ringback.delivery \
      WHERE endpoint = $1 AND manual_due <= $2 AND message <> ALL ($4::bigint[]) \
      ORDER BY manual_due, message LIMIT $3) first \
    UNION ALL \
    SELECT class.priority, first.message, first.due FROM generate_series(0, $6::integer) AS class (priority) \
      CROSS JOIN LATERAL (SELECT message, due FROM ringback.delivery \
        WHERE endpoint = $1 AND priority = class.priority AND due <= $2 AND message <> ALL ($5::bigint[]) ",
    above!(),
    " \
        ORDER BY due, message LIMIT $3) first \
    UNION ALL \
    SELECT -2, 0, LEAST((SELECT manual_due FROM ringback.delivery WHERE endpoint = $1 AND manual_due > $2 \
        ORDER BY manual_due, message LIMIT 1), \
      (SELECT min(next.due) FROM generate_series(0, $6::integer) AS class (priority) CROSS JOIN LATERAL \
        (SELECT due FROM ringback.delivery WHERE endpoint = $1 AND priority = class.priority AND due > $2 \
          ORDER BY due, message LIMIT 1) next))"
);

/// All that an attempt needs to know, of as many rows as the bytes allow, and how many there would have been.
const LOAD_SQL: &str = concat!(
    "SELECT ",
    whole!(),
    ", d.priority, d.queue, d.tries, d.unsent, fit.at, fit.total, d.held FROM (\
       SELECT chosen.at, chosen.message, count(*) OVER () AS total, row_number() OVER (ORDER BY chosen.at) AS place, \
         sum(COALESCE(octet_length(m.raw), octet_length(m.payload), 0)) OVER (ORDER BY chosen.at) AS bytes \
       FROM unnest($2::bigint[]) WITH ORDINALITY AS chosen (message, at) \
       JOIN ringback.message m ON m.no = chosen.message \
       JOIN ringback.delivery d ON d.message = chosen.message AND d.endpoint = $1) fit \
     JOIN ringback.message m ON m.no = fit.message \
     JOIN ringback.delivery d ON d.message = fit.message AND d.endpoint = $1 \
     WHERE fit.place = 1 OR fit.bytes <= $3 ORDER BY fit.at"
);

pub(super) static CANDIDATES: LazyLock<Hot> = LazyLock::new(|| {
    Hot::new(CANDIDATES_SQL, "bigint, bigint, bigint, bigint[], bigint[], integer", &["integer", "bigint", "bigint"])
});
pub(super) static LOAD: LazyLock<Hot> = LazyLock::new(|| {
    let whole = whole_types!("smallint", "bigint", "integer", "integer", "bigint", "bigint", "bigint");
    Hot::new(LOAD_SQL, "bigint, bigint[], bigint", whole)
});

/// A delivery that is due, as its index tells it.
#[derive(Clone, Copy)]
struct Candidate {
    message: MessageNo,
    trigger: Trigger,
    due: Timestamp,
}

/// See [`crate::Store::take`].
pub(super) async fn take(client: &Client, take: &Take) -> Result<Taken> {
    transaction(client, Purpose::Read, read(client, take)).await
}

async fn read(client: &Client, take: &Take) -> Result<Taken> {
    let held = |by: Trigger| take.held.iter().filter(move |(_, trigger)| *trigger == by).map(|(message, _)| message.0);
    let highest = i32::try_from(Priority::COUNT).unwrap_or(i32::MAX) - 1;
    let values = Values::default()
        .int8(take.endpoint.0)
        .int8(take.now.as_micros())
        .int8(limit(take.limit.saturating_add(1)))
        .int8s(held(Trigger::Manual))
        .int8s(held(Trigger::Scheduled))
        .and(highest, tokio_postgres::types::Type::INT4);
    let mut taken = Taken::default();
    let mut groups: BTreeMap<i32, Vec<Candidate>> = BTreeMap::new();
    for row in hot::ask(client, &CANDIDATES, 1, &values).await? {
        match get(&row, 0)? {
            NEXT => taken.next_due = maybe_time(&row, 2)?,
            group => {
                let trigger = if group == BY_HAND { Trigger::Manual } else { Trigger::Scheduled };
                let candidate = Candidate { message: MessageNo(get(&row, 1)?), trigger, due: time(&row, 2)? };
                groups.entry(group).or_default().push(candidate);
            }
        }
    }
    for group in groups.values_mut() {
        group.sort_unstable_by_key(|candidate| (candidate.due, candidate.message));
    }
    let lengths: Vec<_> = groups.values().map(Vec::len).collect();
    let shares = share::shares(take.limit, &lengths);
    taken.more = shares != lengths;
    let chosen: Vec<_> = groups.values().zip(shares).flat_map(|(group, share)| &group[..share]).collect();
    if chosen.is_empty() {
        return Ok(taken);
    }
    let values = Values::default()
        .int8(take.endpoint.0)
        .int8s(chosen.iter().map(|candidate| candidate.message.0))
        .int8(limit(take.max_bytes));
    let rows = hot::ask(client, &LOAD, chosen.len(), &values).await?;
    for row in &rows {
        let at: i64 = get(row, WHOLE + 4)?;
        let candidate = usize::try_from(at - 1).ok().and_then(|at| chosen.get(at));
        taken.rows.extend(candidate.map(|candidate| load(row, take.endpoint, **candidate)).transpose()?);
        taken.more |= get::<i64>(row, WHOLE + 5)? > limit(rows.len());
    }
    Ok(taken)
}

fn load(row: &Row, endpoint: EndpointNo, candidate: Candidate) -> Result<Due> {
    Ok(Due {
        message: Arc::new(read_whole(row)?),
        endpoint,
        trigger: candidate.trigger,
        priority: priority(row, WHOLE)?,
        due: candidate.due,
        queue: get::<Option<i64>>(row, WHOLE + 1)?.map(QueueNo),
        tries: small(row, WHOLE + 2)?,
        unsent: small(row, WHOLE + 3)?,
        held_since: maybe_time(row, WHOLE + 6)?,
    })
}
