//! From the rows of the embedded store to those of PostgreSQL: numbers get their shard, a secret is bound to the number
//! that its owner has there, and texts that a producer chose become bytes.

use ringback_model::{MessageNo, Notice, Task};
use rusqlite::Result;
use rusqlite::types::Type;

use super::Source;
use crate::DocumentKind;
use crate::backend::migration::{Cell, Piece, Row};
use crate::backend::sqlite::document::place;
use crate::backend::sqlite::error::{sealed, unreadable};
use crate::backend::{mention, upkeep};
use crate::notice::to_text;

/// Columns of attempts that PostgreSQL has 32 bits for.
const ATTEMPT_TIMES: std::ops::RangeInclusive<usize> = 5..=9;

impl Source {
    /// Adds what is written for a row of a piece.
    pub(super) fn convert(&self, piece: Piece, row: Row, out: &mut Vec<Row>) -> Result<()> {
        let converted = match piece {
            Piece::Documents => self.document(row)?,
            Piece::Configurations | Piece::Health | Piece::Usage => {
                let floor = self.floor(&row[0])?;
                shifted(row, &[0], floor)
            }
            Piece::Messages => self.message(row)?,
            Piece::Tags => {
                let floor = self.floor(&row[0])?;
                as_bytes(shifted(row, &[0, 3], floor), &[1])
            }
            Piece::Deliveries => {
                let floor = self.floor(&row[1])?;
                shifted(row, &[0, 1], floor)
            }
            Piece::Attempts => self.attempt(row)?,
            Piece::Polled => {
                let floor = self.floor(&row[0])?;
                shifted(row, &[0, 1], floor)
            }
            Piece::Words => match self.word(row)? {
                Some(row) => row,
                None => return Ok(()),
            },
            Piece::Upkeep => return self.upkeep(row, out),
            Piece::Tallies => self.tally(row)?,
            Piece::Keys => match self.key(row, None)? {
                Some(row) => row,
                None => return Ok(()),
            },
            Piece::YoungKeys => {
                let (no, row) = (row[0].number(), row.into_iter().skip(1).collect());
                match self.key(row, no)? {
                    Some(row) => row,
                    None => return Ok(()),
                }
            }
            // Titles may be what somebody typed in.
            Piece::Audits => row.into_iter().map(without_zeros).collect(),
            Piece::Notices => self.notice(row)?,
        };
        out.push(storable(piece, converted)?);
        Ok(())
    }

    /// Where the shard begins of what belongs to the document with this number.
    fn floor(&self, no: &Cell) -> Result<i64> {
        self.places.floor(&self.connection, number(no)?)
    }

    fn document(&self, row: Row) -> Result<Row> {
        let [no, kind, parent, key, uid, version, deleted_at, body, secret] = columns(row)?;
        let (code, parent_no, name) = (number(&kind)?, number(&parent)?, text(&key)?.to_owned());
        let of = DocumentKind::of_code(code).ok_or_else(|| broken(format!("a document is of kind {code}")))?;
        let floor = self.places.of(&self.connection, of, parent_no, &name)?;
        // An application belongs to an organization, which is in the first shard as all that is not an application's.
        let parent_no = if of == DocumentKind::Application { parent_no } else { parent_no + floor };
        let body = if of == DocumentKind::Task { self.task(text(&body)?)? } else { body };
        let secret = match secret.bytes() {
            None => Cell::Nothing,
            Some(bytes) => {
                let before = place(of, number(&parent)?, &name);
                let plain = self.key.open(&before, bytes).map_err(|error| sealed(8, error))?;
                Cell::Bytes(self.key.seal(&*self.random, &place(of, parent_no, &name), &plain))
            }
        };
        let (no, parent) = (Cell::Number(number(&no)? + floor), Cell::Number(parent_no));
        Ok(vec![no, kind, parent, key, uid, version, deleted_at, body, secret])
    }

    /// A background task names what it is about by number, too.
    fn task(&self, body: &str) -> Result<Cell> {
        let mut task: Task = serde_json::from_str(body).map_err(broken)?;
        let owner = task.endpoint_no.or(task.app_no);
        let floor = owner.map_or(Ok(0), |no| self.places.floor(&self.connection, no))?;
        for no in [&mut task.app_no, &mut task.endpoint_no, &mut task.upto].into_iter().flatten() {
            *no += floor;
        }
        serde_json::to_string(&task).map(Cell::Text).map_err(broken)
    }

    fn message(&self, row: Row) -> Result<Row> {
        let floor = self.floor(&row[1])?;
        let mut row = as_bytes(shifted(row, &[0, 1], floor), &[8, 10]);
        for column in [9, 17] {
            if let Some(text) = row[column].text() {
                row[column] = Cell::Texts(serde_json::from_str(text).map_err(broken)?);
            }
        }
        Ok(row)
    }

    fn attempt(&self, row: Row) -> Result<Row> {
        let floor = self.floor(&row[2])?;
        let mut row = shifted(row, &[0, 2], floor);
        for cell in &mut row[ATTEMPT_TIMES] {
            *cell = Cell::Number(number(cell)?.min(i64::from(i32::MAX)));
        }
        Ok(row)
    }

    /// A word that PostgreSQL cannot hold would not have been kept there either.
    fn word(&self, row: Row) -> Result<Option<Row>> {
        let [_, app, word, message] = columns(row)?;
        if text(&word)?.contains('\0') {
            return Ok(None);
        }
        let floor = self.floor(&app)?;
        let message = number(&message)? + floor;
        let part = Cell::Number(mention::part(MessageNo(message)));
        Ok(Some(vec![part, Cell::Number(number(&app)? + floor), word, Cell::Number(message)]))
    }

    /// A part of the numbers, which holds messages of all applications here, is one of each shard there.
    fn upkeep(&self, row: Row, out: &mut Vec<Row>) -> Result<()> {
        let [part, at, noted_at] = columns(row)?;
        let (below, last) = upkeep::bounds(number(&part)?);
        let mut floors = Vec::new();
        // Attempts may have outlived their messages, and go with the part.
        for sql in [
            "SELECT DISTINCT app FROM message WHERE no > ?1 AND no <= ?2",
            "SELECT DISTINCT endpoint FROM attempt WHERE message > ?1 AND message <= ?2",
        ] {
            let mut found = self.connection.prepare_cached(sql)?;
            let mut rows = found.query([below.0, last.0])?;
            while let Some(row) = rows.next()? {
                floors.push(self.places.floor(&self.connection, row.get(0)?)?);
            }
        }
        floors.sort_unstable();
        floors.dedup();
        out.extend(floors.into_iter().map(|floor| {
            let part = upkeep::part(MessageNo(floor + last.0));
            vec![Cell::Number(part), at.clone(), noted_at.clone()]
        }));
        Ok(())
    }

    /// Counts of an endpoint name its application; those of others name none.
    fn tally(&self, row: Row) -> Result<Row> {
        let [span, start, subject, app, org, counts] = columns(row)?;
        let floor = self.floor(if number(&app)? == 0 { &subject } else { &app })?;
        let subject = Cell::Number(number(&subject)? + floor);
        let app = if number(&app)? == 0 { app } else { Cell::Number(number(&app)? + floor) };
        let counts = Cell::Numbers(serde_json::from_str(text(&counts)?).map_err(broken)?);
        Ok(vec![span, start, subject, app, org, counts])
    }

    /// Of the entries under one key the youngest counts: `young` is its place among those, if it is one of them.
    fn key(&self, row: Row, young: Option<i64>) -> Result<Option<Row>> {
        let [key, body, expires_at, answer] = columns(row)?;
        let bytes = key.bytes().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        let newest = bytes.and_then(|key| self.young.get(&key).copied());
        if newest != young {
            return Ok(None);
        }
        let answer = match answer {
            Cell::Nothing => Cell::Bytes(Vec::new()),
            Cell::Number(no) => {
                let no = no + self.places.floor(&self.connection, no)?;
                Cell::Bytes(no.to_be_bytes().to_vec())
            }
            other => other,
        };
        Ok(Some(vec![key, body, expires_at, answer]))
    }

    fn notice(&self, row: Row) -> Result<Row> {
        let [no, body] = columns(row)?;
        let mut notice: Notice = serde_json::from_str(text(&body)?).map_err(broken)?;
        notice.app_no += self.places.floor(&self.connection, notice.app_no)?;
        Ok(vec![no, Cell::Text(to_text(&notice))])
    }
}

/// The columns of a row, each under a name of its own.
fn columns<const N: usize>(row: Row) -> Result<[Cell; N]> {
    <[Cell; N]>::try_from(row).map_err(|row| broken(format!("a row has {} columns", row.len())))
}

/// With the numbers in some columns as they are in a shard.
fn shifted(mut row: Row, columns: &[usize], floor: i64) -> Row {
    for column in columns {
        if let Cell::Number(number) = &mut row[*column] {
            *number += floor;
        }
    }
    row
}

/// With the texts in some columns as bytes.
fn as_bytes(mut row: Row, columns: &[usize]) -> Row {
    for column in columns {
        if let Cell::Text(text) = &mut row[*column] {
            row[*column] = Cell::Bytes(std::mem::take(text).into_bytes());
        }
    }
    row
}

fn without_zeros(cell: Cell) -> Cell {
    match cell {
        Cell::Text(text) if text.contains('\0') => Cell::Text(text.replace('\0', "\u{fffd}")),
        other => other,
    }
}

/// PostgreSQL's texts have no zero bytes.
fn storable(piece: Piece, row: Row) -> Result<Row> {
    if row.iter().filter_map(Cell::text).any(|text| text.contains('\0')) {
        let key = row.first().and_then(Cell::number).unwrap_or_default();
        return Err(broken(format!(
            "a text of {} (number {key}) has a zero byte in it, which PostgreSQL cannot hold: change or delete it first",
            piece.name()
        )));
    }
    Ok(row)
}

fn number(cell: &Cell) -> Result<i64> {
    cell.number().ok_or_else(|| broken("there is no number where one has to be"))
}

fn text(cell: &Cell) -> Result<&str> {
    cell.text().ok_or_else(|| broken("there is no text where one has to be"))
}

fn broken(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    unreadable(0, Type::Null, why)
}
