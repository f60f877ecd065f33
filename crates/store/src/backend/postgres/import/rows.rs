//! Rows as one statement over arrays, and their sum.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use tokio_postgres::types::Type;

use super::Target;
use crate::backend::migration::{Cell, Column, Row, SUM_END, Table};
use crate::backend::postgres::message::texts_to_sql;
use crate::backend::postgres::value::Values;

/// The statement that writes rows, and its values: an array for each column.
pub(super) fn insert<'a>(table: &Table, rows: &'a [Row]) -> (String, Values<'a>) {
    let (mut names, mut arrays, mut picked) = (Vec::new(), Vec::new(), Vec::new());
    let mut values = Values::default();
    for (at, (name, column)) in table.columns.iter().enumerate() {
        let cells = rows.iter().map(|row| &row[at]);
        let (array, type_) = match column {
            Column::Big | Column::Int | Column::Small | Column::Truth => {
                let numbers: Vec<_> = cells.map(Cell::number).collect();
                (values.push(numbers, Type::INT8_ARRAY), "bigint[]")
            }
            Column::Text => {
                let texts: Vec<_> = cells.map(Cell::text).collect();
                (values.push(texts, Type::TEXT_ARRAY), "text[]")
            }
            Column::Bytes => {
                let bytes: Vec<_> = cells.map(Cell::bytes).collect();
                (values.push(bytes, Type::BYTEA_ARRAY), "bytea[]")
            }
            Column::Texts | Column::Numbers => {
                let lists: Vec<_> = cells.map(list).collect();
                (values.push(lists, Type::TEXT_ARRAY), "text[]")
            }
        };
        names.push(*name);
        arrays.push(format!("${array}::{type_}"));
        picked.push(match column {
            Column::Big | Column::Text | Column::Bytes => format!("item.{name}"),
            Column::Int => format!("item.{name}::integer"),
            Column::Small => format!("item.{name}::smallint"),
            Column::Truth => format!("item.{name} <> 0"),
            Column::Texts => format!("item.{name}::bytea[]"),
            Column::Numbers => format!("item.{name}::bigint[]"),
        });
    }
    let sql = format!(
        "INSERT INTO ringback.{} ({names}){} SELECT {} FROM unnest({}) AS item ({names})",
        table.name,
        if table.draws { " OVERRIDING SYSTEM VALUE" } else { "" },
        picked.join(", "),
        arrays.join(", "),
        names = names.join(", "),
    );
    (sql, values)
}

impl Target {
    /// The sum of rows as they are to be in a table, such as [`sum_of_table`] makes it of those that are there.
    pub(in crate::backend) fn sum(&self, table: &Table, rows: &[Row]) -> u64 {
        rows.iter().fold(0, |sum, row| (sum + sum_of_row(table, row)) % SUM_END)
    }
}

/// What counts the rows of a table and sums them up: each by the first 60 bits of a hash of all that is in it.
pub(super) fn sum_of_table(table: &Table) -> String {
    let columns: Vec<_> = table
        .columns
        .iter()
        .map(|(name, column)| {
            let text = match column {
                Column::Big | Column::Int | Column::Small | Column::Texts | Column::Numbers => format!("{name}::text"),
                Column::Truth => format!("{name}::integer::text"),
                Column::Text => format!("octet_length({name}) || ':' || {name}"),
                Column::Bytes => format!("encode(sha256({name}), 'hex')"),
            };
            format!("COALESCE({text}, '-')")
        })
        .collect();
    format!(
        "SELECT count(*), COALESCE(mod(sum(('x' || substr(encode(sha256(convert_to(concat_ws('|', {}), 'UTF8')), 'hex'), \
         1, 15))::bit(60)::bigint), {SUM_END}), 0)::bigint FROM ringback.{}",
        columns.join(", "),
        table.name
    )
}

fn sum_of_row(table: &Table, row: &Row) -> u64 {
    let mut text = String::new();
    for ((_, column), cell) in table.columns.iter().zip(row) {
        if !text.is_empty() {
            text.push('|');
        }
        push(&mut text, *column, cell);
    }
    let mut first = [0; 8];
    first.copy_from_slice(&Sha256::digest(text.as_bytes())[..8]);
    u64::from_be_bytes(first) >> 4
}

fn push(text: &mut String, column: Column, cell: &Cell) {
    let written = match (column, cell) {
        (Column::Truth, Cell::Number(number)) => write!(text, "{}", i32::from(*number != 0)),
        (_, Cell::Nothing) => write!(text, "-"),
        (_, Cell::Number(number)) => write!(text, "{number}"),
        (_, Cell::Text(value)) => write!(text, "{}:{value}", value.len()),
        (_, Cell::Bytes(bytes)) => Sha256::digest(bytes).iter().try_for_each(|byte| write!(text, "{byte:02x}")),
        (_, Cell::Texts(_) | Cell::Numbers(_)) => write!(text, "{}", list(cell).as_deref().unwrap_or("-")),
    };
    written.expect("a string takes all that is written to it");
}

/// A list as PostgreSQL writes it.
fn list(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Texts(texts) => texts_to_sql(texts),
        Cell::Numbers(numbers) => {
            let numbers: Vec<_> = numbers.iter().map(i64::to_string).collect();
            Some(format!("{{{}}}", numbers.join(",")))
        }
        Cell::Nothing | Cell::Number(_) | Cell::Text(_) | Cell::Bytes(_) => None,
    }
}
