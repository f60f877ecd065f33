//! Columns to the types of the model, and back.

use ringback_model::{Id, Kind, Timestamp};
use rusqlite::types::{ToSql, ToSqlOutput, Type, Value};
use rusqlite::{Result, Row, RowIndex};

use super::error::unreadable;
use crate::backend::stretch::Stretch;

/// A time as it is bound to a statement.
pub(super) struct At(pub(super) Timestamp);

impl ToSql for At {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(self.0.as_micros().into())
    }
}

/// The time in this column.
pub(super) fn time(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    row.get(column).map(Timestamp::from_micros)
}

/// The time in this column, if there is one.
pub(super) fn maybe_time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_micros))
}

/// The id in this column.
pub(super) fn id<K: Kind>(row: &Row<'_>, column: usize) -> Result<Id<K>> {
    row.get(column).map(Id::from_bytes)
}

/// What `read` makes of the number in this column.
pub(super) fn coded<T>(row: &Row<'_>, column: usize, read: impl FnOnce(i64) -> Option<T>) -> Result<T> {
    let code = row.get(column)?;
    read(code).ok_or_else(|| unreadable(column, Type::Integer, format!("{code} has no meaning here")))
}

/// A list of texts as it is kept: nothing for none, else a JSON array.
pub(super) fn texts_to_sql(texts: &[String]) -> Option<String> {
    (!texts.is_empty()).then(|| serde_json::to_string(texts).expect("a list of texts is valid JSON"))
}

/// The list of texts in this column.
pub(super) fn texts(row: &Row<'_>, column: usize) -> Result<Vec<String>> {
    match row.get_ref(column)?.as_str_or_null()? {
        Some(text) => serde_json::from_str(text).map_err(|error| unreadable(column, Type::Text, error)),
        None => Ok(Vec::new()),
    }
}

/// The number in this column, cut to what its type can hold.
pub(super) fn small<T: TryFrom<i64>>(row: &Row<'_>, column: impl RowIndex + Copy) -> Result<T> {
    let number: i64 = row.get(column)?;
    T::try_from(number).ok().ok_or(rusqlite::Error::IntegralValueOutOfRange(column.idx(row.as_ref())?, number))
}

/// Conditions of a search and the values that they name, in order.
#[derive(Debug)]
pub(super) struct Search {
    sql: String,
    values: Vec<Value>,
}

impl Search {
    /// A search that begins with `sql`, which ends in a condition.
    pub(super) fn new(sql: String, values: Vec<Value>) -> Self {
        Self { sql, values }
    }

    /// Narrows it: `condition` names one value as `?`.
    pub(super) fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.push(value.into());
    }

    /// Narrows it by a condition that names no value.
    pub(super) fn and_plain(&mut self, condition: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
    }

    /// Narrows it to a part of its list.
    pub(super) fn and_within<K: Kind>(&mut self, stretch: &Stretch<Id<K>>) {
        stretch.conditions().for_each(|(condition, bound)| self.and(&condition, bound));
    }

    /// The statement with its order and limit, and its values.
    pub(super) fn finish(mut self, order: &str, limit: usize) -> (String, Vec<Value>) {
        self.sql.push_str(order);
        self.sql.push_str(" LIMIT ?");
        self.values.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
        (self.sql, self.values)
    }

    /// The statement for the one row that stands at this place, from 0.
    pub(super) fn finish_at(self, order: &str, place: usize) -> (String, Vec<Value>) {
        let (mut sql, mut values) = self.finish(order, 1);
        sql.push_str(" OFFSET ?");
        values.push(Value::Integer(i64::try_from(place).unwrap_or(i64::MAX)));
        (sql, values)
    }
}
