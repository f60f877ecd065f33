//! How far a migration is. It is kept in the database that is filled, and moved on in the commit of the rows that it
//! speaks of: so whenever a run is killed, the next one goes on behind the last row that is there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cell::Cell;
use super::piece::Piece;

/// Sums of rows are kept below this: what PostgreSQL makes of 15 hexadecimal digits.
pub(in crate::backend) const SUM_END: u64 = 1 << 60;

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::backend) struct Progress {
    /// Which store is carried over.
    pub(in crate::backend) source: String,
    /// How it stood when that began.
    pub(in crate::backend) state: String,
    /// What is over of each piece.
    pub(in crate::backend) pieces: BTreeMap<Piece, Over>,
}

/// What is over of a piece.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::backend) struct Over {
    /// The key of the last row that was read; empty before the first one.
    pub(in crate::backend) after: Vec<Cell>,
    /// Rows that were read,
    pub(in crate::backend) read: u64,
    /// and rows that were written for them.
    pub(in crate::backend) written: u64,
    /// The sum of what was written, below [`SUM_END`].
    pub(in crate::backend) sum: u64,
}

impl Progress {
    pub(in crate::backend) fn new(source: String, state: String) -> Self {
        Self { source, state, pieces: BTreeMap::new() }
    }

    /// What is over of a piece.
    pub(in crate::backend) fn of(&self, piece: Piece) -> Over {
        self.pieces.get(&piece).cloned().unwrap_or_default()
    }

    /// Rows and their sum, of all pieces that fill a table.
    pub(in crate::backend) fn of_table(&self, name: &str) -> (u64, u64) {
        let pieces = self.pieces.iter().filter(|(piece, _)| piece.table().name == name);
        pieces.fold((0, 0), |(rows, sum), (_, over)| (rows + over.written, (sum + over.sum) % SUM_END))
    }

    /// As it is kept.
    pub(in crate::backend) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("names and numbers are valid JSON")
    }

    /// What was kept.
    pub(in crate::backend) fn of_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_read_back_whatever_keys_rows_have() {
        let mut progress = Progress::new("a".to_owned(), "b".to_owned());
        let after = vec![Cell::Number(i64::MIN), Cell::Text("\u{1f600}\0".to_owned()), Cell::Bytes(vec![0, 255])];
        progress.pieces.insert(Piece::Words, Over { after, read: 3, written: 2, sum: SUM_END - 1 });
        assert_eq!(Progress::of_text(&progress.to_text()), Some(progress));
    }

    #[test]
    fn two_pieces_that_fill_one_table_count_together() {
        let mut progress = Progress::new(String::new(), String::new());
        let over = |written, sum| Over { after: Vec::new(), read: 9, written, sum };
        progress.pieces.insert(Piece::Keys, over(3, SUM_END - 1));
        progress.pieces.insert(Piece::YoungKeys, over(2, 5));
        progress.pieces.insert(Piece::Messages, over(7, 7));
        assert_eq!(progress.of_table("idempotency"), (5, 4));
        assert_eq!(progress.of_table("polled"), (0, 0));
    }
}
