//! Which part of a list a search looks at: from its page's beginning, between the ids of its span of time, and so far.
//!
//! Lists run by id. A search whose conditions few meet would read all of an application or endpoint; it ends at a
//! horizon, and whoever asked goes on from there.

use ringback_model::{Id, Kind};

use crate::{Direction, Paging};

/// Where it is noted by how much the ids of messages, and of attempts, may be later than their times.
pub(in crate::backend) const MESSAGES: &str = "message_ids_ahead";
pub(in crate::backend) const ATTEMPTS: &str = "attempt_ids_ahead";

/// The condition of the index of attempts that did not end as they should.
pub(in crate::backend) const AMISS: &str = " AND (a.outcome <> 0 OR a.status IS NULL OR a.status / 100 <> 2)";

/// A part of a list that runs by id.
#[derive(Debug)]
pub(in crate::backend) struct Stretch<K> {
    /// The column that it runs by.
    column: &'static str,
    direction: Direction,
    after: Option<K>,
    /// From which id on, and below which one.
    pub(in crate::backend) span: (Option<K>, Option<K>),
    /// The last id that is looked at, if the list goes on behind it.
    pub(in crate::backend) horizon: Option<K>,
}

impl<K: Kind> Stretch<Id<K>> {
    /// All behind the page's beginning.
    pub(in crate::backend) fn open(column: &'static str, paging: &Paging<Id<K>>) -> Self {
        Self { column, direction: paging.direction, after: paging.after, span: (None, None), horizon: None }
    }

    /// What narrows a search to this part: conditions, each with the bytes of the id that it names as `?`.
    pub(in crate::backend) fn conditions(&self) -> impl Iterator<Item = (String, Vec<u8>)> {
        let column = self.column;
        let (beyond, up_to) = match self.direction {
            Direction::Ascending => (">", "<="),
            Direction::Descending => ("<", ">="),
        };
        let (from, to) = self.span;
        let bounds = [(beyond, self.after), (up_to, self.horizon), (">=", from), ("<", to)];
        bounds.into_iter().filter_map(move |(relation, bound)| {
            bound.map(|bound| (format!("{column} {relation} ?"), bound.as_bytes().to_vec()))
        })
    }

    /// Its order.
    pub(in crate::backend) fn order(&self) -> String {
        let column = self.column;
        match self.direction {
            Direction::Ascending => format!(" ORDER BY {column}"),
            Direction::Descending => format!(" ORDER BY {column} DESC"),
        }
    }
}
