//! What one [`Count`] adds to, the same for every backend.

use std::collections::{BTreeMap, HashMap};

use ringback_model::{AppNo, Span, Tally, Timestamp};

use crate::Count;

/// Expired rows that are deleted with each count, at least.
pub(in crate::backend) const SWEEP: usize = 200;

/// One row: what is counted for a subject in a step of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backend) struct TallyRow {
    pub(in crate::backend) span: Span,
    pub(in crate::backend) start: Timestamp,
    pub(in crate::backend) subject: i64,
    /// Of an endpoint, its application and organization; 0 otherwise.
    pub(in crate::backend) owners: (i64, i64),
    pub(in crate::backend) tally: Tally,
}

/// The number that a span has in rows.
pub(in crate::backend) const fn span_code(span: Span) -> i64 {
    match span {
        Span::Minute => 1,
        Span::Hour => 2,
        Span::Day => 3,
    }
}

/// The rows that a count adds to, in the order of their keys, so that two nodes never wait for each other.
pub(in crate::backend) fn rows(count: &Count, organizations: &HashMap<AppNo, i64>) -> Vec<TallyRow> {
    let mut sums: BTreeMap<i64, ((i64, i64), Tally)> = BTreeMap::new();
    for (endpoint, app, tally) in &count.endpoints {
        let org = organizations.get(app).copied().unwrap_or(0);
        for (subject, owners) in [(endpoint.0, (app.0, org)), (app.0, (0, 0)), (org, (0, 0))] {
            if subject != 0 {
                sums.entry(subject).or_insert((owners, Tally::default())).1.add(tally);
            }
        }
    }
    let of_span = |span: Span| {
        let start = span.start_of(count.at);
        sums.iter().map(move |(subject, (owners, tally))| TallyRow {
            span,
            start,
            subject: *subject,
            owners: *owners,
            tally: *tally,
        })
    };
    Span::ALL.into_iter().flat_map(of_span).collect()
}

/// Counts without the zeros at their end.
pub(in crate::backend) fn trimmed(tally: &Tally) -> Vec<i64> {
    let counts = tally.counts();
    let used = counts.iter().rposition(|count| *count != 0).map_or(0, |last| last + 1);
    counts[..used].to_vec()
}
