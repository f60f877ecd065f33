//! The rows that a lane holds and has not started, in the order in which they go.

use std::collections::BTreeMap;

use ringback_model::{MessageNo, Timestamp, Trigger};
use ringback_store::Due;

use super::event::RowId;

/// Of so many turns, each class behind the most urgent one gets one: 5 % for whoever waits behind.
const TURNS_PER_SHARE: u32 = 20;

/// The order within a lane: manual ones, then by urgency, then by due time and number.
pub(super) type Rank = (u8, Timestamp, MessageNo, Trigger);

/// Rows that may start.
#[derive(Debug, Default)]
pub(super) struct Window {
    rows: BTreeMap<Rank, Due>,
    bytes: usize,
}

impl Window {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes of payload in the rows.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Due> {
        self.rows.values()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = RowId> {
        self.rows.values().map(|due| (due.message.no, due.trigger))
    }

    /// Takes in a row, unless it is here. Asked for by hand twice, it has two times at which it came due, and is one row.
    pub(super) fn insert(&mut self, due: Due) {
        let rank = rank_of(&due);
        if due.trigger == Trigger::Manual && self.by_hand().any(|other| other.2 == due.message.no) {
            return;
        }
        let bytes = bytes_of(&due);
        if self.rows.insert(rank, due).is_none() {
            self.bytes += bytes;
        }
    }

    pub(super) fn remove(&mut self, rank: &Rank) -> Option<Due> {
        let due = self.rows.remove(rank)?;
        self.bytes -= bytes_of(&due);
        Some(due)
    }

    /// Takes out the scheduled row of a message.
    pub(super) fn remove_scheduled(&mut self, message: MessageNo) {
        let rank = self.rows.keys().find(|rank| rank.2 == message && rank.3 == Trigger::Scheduled).copied();
        if let Some(rank) = rank {
            self.remove(&rank);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether a row of this urgency goes before the last one here.
    pub(super) fn is_overtaken_by(&self, due: &Due) -> bool {
        self.rows.last_key_value().is_some_and(|(last, _)| urgency_of(due) < last.0)
    }

    /// Leaves the last row that can wait longer than this one to the store. Of each class one row stays: without it, the
    /// class's share of the turns would go to nobody. Answers whether there was one to leave.
    pub(super) fn give_way_to(&mut self, due: &Due) -> bool {
        let from_last = self.rows.keys().rev().take_while(|rank| rank.0 > urgency_of(due));
        let before = self.rows.keys().rev().skip(1);
        let victim = from_last.zip(before).find(|(rank, before)| rank.0 == before.0).map(|(rank, _)| *rank);
        victim.is_some_and(|rank| self.remove(&rank).is_some())
    }

    /// Whether somebody asked for the row that goes first.
    pub(super) fn first_is_by_hand(&self) -> bool {
        self.by_hand().next().is_some()
    }

    /// Whether a row may go at all.
    pub(super) fn has(&self, free: impl Fn(&Due) -> bool) -> bool {
        self.rows.values().any(free)
    }

    /// The row that goes at this turn, of those that may: the first, or one of a class that has its share of the turns.
    pub(super) fn pick(&self, turn: u32, free: impl Fn(&Due) -> bool) -> Option<Rank> {
        let first_of = |rows: std::collections::btree_map::Range<'_, Rank, Due>| {
            rows.into_iter().find(|(_, due)| free(due)).map(|(rank, _)| *rank)
        };
        let first = first_of(self.rows.range(..))?;
        let last = self.rows.last_key_value()?.0.0;
        if first.3 == Trigger::Manual || first.0 == last {
            return Some(first);
        }
        let mut shares = TURNS_PER_SHARE - 1 - turn % TURNS_PER_SHARE;
        for urgency in (first.0 + 1..=last).rev() {
            let Some(rank) = first_of(self.rows.range(start_of(urgency)..start_of(urgency + 1))) else { continue };
            if shares == 0 {
                return Some(rank);
            }
            shares -= 1;
        }
        Some(first)
    }

    /// The first row that may go, whoever's turn it is.
    pub(super) fn next(&self, free: impl Fn(&Due) -> bool) -> Option<(Rank, &Due)> {
        self.rows.iter().find(|(_, due)| free(due)).map(|(rank, due)| (*rank, due))
    }

    fn by_hand(&self) -> impl Iterator<Item = &Rank> {
        self.rows.range(..start_of(1)).map(|(rank, _)| rank)
    }
}

/// Below every rank of this urgency, and above those of more urgent ones.
fn start_of(urgency: u8) -> Rank {
    (urgency, Timestamp::MIN, MessageNo(i64::MIN), Trigger::Scheduled)
}

fn rank_of(due: &Due) -> Rank {
    (urgency_of(due), due.due, due.message.no, due.trigger)
}

/// 0 for what somebody asked for, then by priority.
fn urgency_of(due: &Due) -> u8 {
    match due.trigger {
        Trigger::Manual => 0,
        Trigger::Scheduled => due.priority.0 + 1,
    }
}

/// What a row keeps in memory, as far as it can be large.
pub(super) fn bytes_of(due: &Due) -> usize {
    let length = |bytes: &Option<bytes::Bytes>| bytes.as_ref().map_or(0, bytes::Bytes::len);
    length(&due.message.payload) + length(&due.message.raw)
}
