//! Counts for charts: added with each [`Count`], read as a series or summed by endpoint.

use std::collections::HashMap;

use ringback_model::{AppNo, EndpointNo, Span, Tally, Timestamp};

use super::connection::{Client, query};
use super::error::Result;
use super::value::{Values, get, limit, time};
use crate::backend::tally::{SWEEP, rows, span_code, trimmed};
use crate::tally::{MAX_HOURS, MAX_STEPS, steps};
use crate::{Count, EndpointTallyQuery, Subject, TallyQuery};

const ADD: &str = "INSERT INTO ringback.tally AS tally (span, start, subject, app, org, counts) \
    SELECT span, start, subject, app, org, counts::bigint[] \
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[]) \
      AS added (span, start, subject, app, org, counts) \
    ON CONFLICT (span, start, subject) DO UPDATE SET counts = \
      (SELECT array_agg(coalesce(ours, 0) + coalesce(theirs, 0) ORDER BY place) \
       FROM unnest(tally.counts, excluded.counts) WITH ORDINALITY AS both_ (ours, theirs, place))";

const SWEEP_SPAN: &str = "DELETE FROM ringback.tally t USING \
    (SELECT start, subject FROM ringback.tally WHERE span = $1 AND start < $2 ORDER BY start LIMIT $3) old \
    WHERE t.span = $1 AND t.start = old.start AND t.subject = old.subject";

/// Adds counts, and deletes some that have been kept for long enough. Within a transaction.
pub(super) async fn add(client: &Client, item: &Count) -> Result<()> {
    let rows = rows(item, &organizations(client, item).await?);
    let counts: Vec<String> = rows
        .iter()
        .map(|row| {
            let counts: Vec<_> = trimmed(&row.tally).iter().map(i64::to_string).collect();
            format!("{{{}}}", counts.join(","))
        })
        .collect();
    let values = Values::default()
        .int8s(rows.iter().map(|row| span_code(row.span)))
        .int8s(rows.iter().map(|row| row.start.as_micros()))
        .int8s(rows.iter().map(|row| row.subject))
        .int8s(rows.iter().map(|row| row.owners.0))
        .int8s(rows.iter().map(|row| row.owners.1))
        .texts(counts.iter().map(String::as_str));
    query(client, ADD, &values).await?;
    for span in Span::ALL {
        let values = Values::default()
            .int8(span_code(span))
            .int8((item.at - span.kept()).as_micros())
            .int8(limit(SWEEP.max(rows.len())));
        query(client, SWEEP_SPAN, &values).await?;
    }
    Ok(())
}

async fn organizations(client: &Client, item: &Count) -> Result<HashMap<AppNo, i64>> {
    let sql = "SELECT no, parent FROM ringback.document WHERE no = ANY ($1)";
    let values = Values::default().int8s(item.endpoints.iter().map(|(_, app, _)| app.0));
    query(client, sql, &values).await?.iter().map(|row| Ok((AppNo(get(row, 0)?), get(row, 1)?))).collect()
}

/// See [`crate::Store::tallies`].
pub(super) async fn series(client: &Client, asked: &TallyQuery) -> Result<Vec<(Timestamp, Tally)>> {
    let sql = "SELECT start, counts FROM ringback.tally WHERE span = $1 AND start = ANY ($2) AND subject = $3 \
               ORDER BY start";
    let starts = steps(asked.span, asked.from, asked.until, MAX_STEPS).map(Timestamp::as_micros);
    let values = Values::default().int8(span_code(asked.span)).int8s(starts).int8(asked.subject.number());
    let rows = query(client, sql, &values).await?;
    rows.iter().map(|row| Ok((time(row, 0)?, Tally::from_counts(get(row, 1)?)))).collect()
}

/// See [`crate::Store::endpoint_tallies`].
pub(super) async fn endpoints(client: &Client, asked: &EndpointTallyQuery) -> Result<Vec<(EndpointNo, Tally)>> {
    let condition = match asked.of {
        Subject::Organization(_) => "org",
        Subject::Application(_) => "app",
        Subject::Endpoint(_) => "subject",
    };
    let sql = format!(
        "SELECT subject, counts FROM ringback.tally \
         WHERE span = $1 AND start = ANY ($2) AND app <> 0 AND {condition} = $3"
    );
    let starts = steps(Span::Hour, asked.from, asked.until, MAX_HOURS).map(Timestamp::as_micros);
    let values = Values::default().int8(span_code(Span::Hour)).int8s(starts).int8(asked.of.number());
    let mut sums: HashMap<EndpointNo, Tally> = HashMap::new();
    for row in query(client, &sql, &values).await? {
        sums.entry(EndpointNo(get(&row, 0)?)).or_default().add(&Tally::from_counts(get(&row, 1)?));
    }
    Ok(sums.into_iter().collect())
}
