//! Columns to the types of the model, and back.

use ringback_model::{Id, Kind, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSqlOwned, ToSql, Type};

use super::error::{Result, SqlError};
use crate::backend::stretch::Stretch;

/// The values that a statement names, in order, each with its type: so a statement goes to the server in one piece, under
/// no name, which is what a pooler in transaction mode can carry.
#[derive(Default)]
pub(super) struct Values<'a>(Vec<(Box<dyn ToSql + Sync + Send + 'a>, Type)>);

impl<'a> Values<'a> {
    /// With one more value. Answers which one it is, counted from 1.
    pub(super) fn push(&mut self, value: impl ToSql + Sync + Send + 'a, type_: Type) -> usize {
        self.0.push((Box::new(value), type_));
        self.0.len()
    }

    /// With one more value.
    pub(super) fn and(mut self, value: impl ToSql + Sync + Send + 'a, type_: Type) -> Self {
        self.push(value, type_);
        self
    }

    /// With one more number.
    pub(super) fn int8(self, value: impl Into<Option<i64>>) -> Self {
        self.and(value.into(), Type::INT8)
    }

    /// With a list of numbers.
    pub(super) fn int8s(self, values: impl IntoIterator<Item = i64>) -> Self {
        self.and(values.into_iter().collect::<Vec<_>>(), Type::INT8_ARRAY)
    }

    /// With a list of numbers that may be missing.
    pub(super) fn maybe_int8s(self, values: impl IntoIterator<Item = Option<i64>>) -> Self {
        self.and(values.into_iter().collect::<Vec<_>>(), Type::INT8_ARRAY)
    }

    /// With a list of numbers.
    pub(super) fn int4s(self, values: impl IntoIterator<Item = i32>) -> Self {
        self.and(values.into_iter().collect::<Vec<_>>(), Type::INT4_ARRAY)
    }

    /// With a list of small numbers that may be missing.
    pub(super) fn int2s(self, values: impl IntoIterator<Item = impl Into<Option<i16>>>) -> Self {
        self.and(values.into_iter().map(Into::into).collect::<Vec<Option<i16>>>(), Type::INT2_ARRAY)
    }

    /// With a list of bytes that may be missing.
    pub(super) fn byteas(self, values: impl IntoIterator<Item = impl Into<Option<&'a [u8]>>>) -> Self {
        self.and(values.into_iter().map(Into::into).collect::<Vec<Option<&[u8]>>>(), Type::BYTEA_ARRAY)
    }

    /// With a list of texts that may be missing.
    pub(super) fn texts(self, values: impl IntoIterator<Item = impl Into<Option<&'a str>>>) -> Self {
        self.and(values.into_iter().map(Into::into).collect::<Vec<Option<&str>>>(), Type::TEXT_ARRAY)
    }

    /// As the client wants them.
    pub(super) fn borrow(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.0.iter().map(|(value, type_)| (&**value as &(dyn ToSql + Sync), type_.clone())).collect()
    }
}

/// The value in this column.
pub(super) fn get<T: FromSqlOwned>(row: &Row, column: usize) -> Result<T> {
    row.try_get(column).map_err(|error| SqlError::unreadable("column", error))
}

/// The time in this column.
pub(super) fn time(row: &Row, column: usize) -> Result<Timestamp> {
    get(row, column).map(Timestamp::from_micros)
}

/// The time in this column, if there is one.
pub(super) fn maybe_time(row: &Row, column: usize) -> Result<Option<Timestamp>> {
    Ok(get::<Option<i64>>(row, column)?.map(Timestamp::from_micros))
}

/// The id in this column.
pub(super) fn id<K: Kind>(row: &Row, column: usize) -> Result<Id<K>> {
    let bytes: Vec<u8> = get(row, column)?;
    let bytes = bytes.as_slice().try_into().map_err(|error| SqlError::unreadable("id", error))?;
    Ok(Id::from_bytes(bytes))
}

/// What `read` makes of the small number in this column.
pub(super) fn coded<T>(row: &Row, column: usize, read: impl FnOnce(i64) -> Option<T>) -> Result<T> {
    let code: i16 = get(row, column)?;
    read(code.into()).ok_or_else(|| SqlError::unreadable("code", format!("{code} has no meaning here")))
}

/// The number in this column, cut to what its type can hold.
pub(super) fn small<T: TryFrom<i32>>(row: &Row, column: usize) -> Result<T> {
    let number: i32 = get(row, column)?;
    T::try_from(number).ok().ok_or_else(|| SqlError::unreadable("number", format!("{number} is out of range")))
}

/// The text of bytes that were written as text.
pub(super) fn text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| SqlError::unreadable("text", error))
}

/// A limit as PostgreSQL counts.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Whether a column of text can hold it: PostgreSQL's texts have no zero bytes, so nothing with one is ever found.
pub(super) fn is_storable(text: &str) -> bool {
    !text.contains('\0')
}

/// Conditions of a search and the values that they name.
pub(super) struct Search<'a> {
    sql: String,
    values: Values<'a>,
}

impl<'a> Search<'a> {
    /// A search that begins with `sql`, which ends in a condition and names these values.
    pub(super) fn new(sql: String, values: Values<'a>) -> Self {
        Self { sql, values }
    }

    /// Narrows it: `condition` names one value as `?`.
    pub(super) fn and(&mut self, condition: &str, value: impl ToSql + Sync + Send + 'a, type_: Type) {
        let at = self.values.push(value, type_);
        self.and_plain(&condition.replace('?', &format!("${at}")));
    }

    /// Narrows it by a condition that names no value.
    pub(super) fn and_plain(&mut self, condition: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
    }

    /// Narrows it to a part of its list.
    pub(super) fn and_within<K: Kind>(&mut self, stretch: &Stretch<Id<K>>) {
        stretch.conditions().for_each(|(condition, bound)| self.and(&condition, bound, Type::BYTEA));
    }

    /// The statement with its order and limit, and its values.
    pub(super) fn finish(mut self, order: &str, rows: usize) -> (String, Values<'a>) {
        let at = self.values.push(limit(rows), Type::INT8);
        self.sql.push_str(&format!("{order} LIMIT ${at}"));
        (self.sql, self.values)
    }

    /// The statement for the one row that stands at this place, from 0.
    pub(super) fn finish_at(self, order: &str, place: usize) -> (String, Values<'a>) {
        let (mut sql, mut values) = self.finish(order, 1);
        let at = values.push(limit(place), Type::INT8);
        sql.push_str(&format!(" OFFSET ${at}"));
        (sql, values)
    }
}
