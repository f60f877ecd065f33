//! Requests that are answered once only.
//!
//! A key is kept with a hash of the request's body and with what the answer can be rebuilt from: never the answer
//! itself. It is written in the commit of what it stands for, so that neither is there without the other. The youngest
//! keys are in memory too, and only the older ones in an index: see `young.rs`.

use ringback_model::{MessageId, Mutant};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{OptionalExtension as _, Result, params};

use super::batch::Batch;
use super::error::unreadable;
use super::hot::Hot;
use super::value::{At, time};
use super::young::Entry;
use crate::Idempotency;

/// What stands under a key.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing that is still valid.
    Nothing,
    /// The same request: what its answer is made of.
    SameBody(Answer),
    /// Another request.
    OtherBody,
}

/// What an answer is rebuilt from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// There is nothing to tell.
    Empty,
    /// A message.
    Message(MessageId),
    /// The number of a document.
    Document(i64),
}

impl Answer {
    pub(super) fn message_id(self) -> Result<MessageId> {
        match self {
            Self::Message(id) => Ok(id),
            Self::Empty | Self::Document(_) => Err(unreadable(0, rusqlite::types::Type::Blob, "no message's id")),
        }
    }

    pub(super) fn document_no(self) -> Result<i64> {
        match self {
            Self::Document(no) => Ok(no),
            Self::Empty | Self::Message(_) => {
                Err(unreadable(0, rusqlite::types::Type::Integer, "no document's number"))
            }
        }
    }
}

impl ToSql for Answer {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Empty => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Message(id) => ToSqlOutput::Borrowed(ValueRef::Blob(id.as_bytes())),
            Self::Document(no) => ToSqlOutput::from(*no),
        })
    }
}

impl FromSql for Answer {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Null => Ok(Self::Empty),
            ValueRef::Integer(no) => Ok(Self::Document(no)),
            ValueRef::Blob(bytes) => {
                let id: Result<[u8; 20], _> = bytes.try_into();
                id.map(|id| Self::Message(MessageId::from_bytes(id))).or(Err(FromSqlError::InvalidType))
            }
            ValueRef::Real(_) | ValueRef::Text(_) => Err(FromSqlError::InvalidType),
        }
    }
}

/// Looks up the key of a request.
pub(super) fn find(batch: &Batch<'_>, request: &Idempotency) -> Result<Found> {
    let (answer, body, expires_at) = match batch.young(&request.key) {
        Some(entry) => (entry.answer, entry.body, entry.expires_at),
        None => {
            let old = batch
                .connection
                .prepare_cached("SELECT answer, body, expires_at FROM idempotency WHERE key = ?1")?
                .query_row([request.key], |row| Ok((row.get(0)?, row.get(1)?, time(row, 2)?)))
                .optional()?;
            let Some(old) = old else { return Ok(Found::Nothing) };
            old
        }
    };
    Ok(if expires_at <= batch.now {
        Found::Nothing
    } else if body == request.body {
        Found::SameBody(answer)
    } else {
        Found::OtherBody
    })
}

/// Keeps the key of a request that was carried out in this commit.
pub(super) fn keep(batch: &mut Batch<'_>, request: &Idempotency, answer: Answer) -> Result<()> {
    if Mutant::IdempotencyForgotten.is_alive() {
        return Ok(());
    }
    let no = batch.next_young();
    batch.hot(Hot::InsertKey)?.execute(params![no, request.key, request.body, At(request.expires_at), answer])?;
    batch.add_young(request.key, Entry { no, body: request.body, expires_at: request.expires_at, answer });
    Ok(())
}

/// Deletes keys that have expired, and moves the surplus of the young ones into the index; at most `limit` of each.
/// Answers how many at the most, so that there may be more if it is the limit.
pub(super) fn sweep(batch: &mut Batch<'_>, limit: usize) -> Result<usize> {
    let mut leaving = Vec::new();
    let (mut surplus, mut count) = (batch.surplus_of_young(), 0);
    let mut last = None;
    for (no, key, entry) in batch.oldest_young().take(limit) {
        match entry {
            Some(entry) if entry.expires_at > batch.now && surplus == 0 => break,
            Some(entry) if entry.expires_at > batch.now => leaving.push((key, *entry)),
            Some(_) | None => {}
        }
        surplus = surplus.saturating_sub(1);
        (last, count) = (Some(no), count + 1);
    }
    // In the order of the index, so that neighbours share a page.
    leaving.sort_unstable_by_key(|(key, _)| *key);
    for (key, entry) in leaving {
        batch
            .connection
            .prepare_cached(
                "INSERT OR REPLACE INTO idempotency (key, body, expires_at, answer) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![key, entry.body, At(entry.expires_at), entry.answer])?;
    }
    if let Some(last) = last {
        batch.connection.prepare_cached("DELETE FROM idempotency_young WHERE no <= ?1")?.execute([last])?;
        batch.retire_young(count);
    }
    let deleted = batch
        .connection
        .prepare_cached(
            "DELETE FROM idempotency WHERE key IN (SELECT key FROM idempotency INDEXED BY idempotency_by_expiry \
             WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        )?
        .execute(params![At(batch.now), i64::try_from(limit).unwrap_or(i64::MAX)])?;
    Ok(count.max(deleted))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;
    use ringback_model::{AppNo, Clock as _, IdMaker, ManualClock, Priority, SeededRandom, Timestamp};
    use rusqlite::Connection;

    use super::super::apply::{ApplyContext, Op, OpResult, apply};
    use super::super::connection::open_in_memory;
    use super::super::young::Young;
    use crate::{Accept, Accepted, Idempotency, MasterKey, NewMessage};

    struct Store {
        connection: Connection,
        context: ApplyContext,
        clock: Arc<ManualClock>,
        random: Arc<SeededRandom>,
        ids: IdMaker,
    }

    impl Store {
        fn new() -> Self {
            let connection = open_in_memory().unwrap();
            let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000)));
            let random = Arc::new(SeededRandom::new(1));
            let context = Self::context(&connection, &random, &clock);
            Self { connection, context, clock, random, ids: IdMaker::new() }
        }

        fn context(connection: &Connection, random: &Arc<SeededRandom>, clock: &Arc<ManualClock>) -> ApplyContext {
            ApplyContext::new(connection, MasterKey::from_bytes([1; 32]), random.clone(), clock.clone()).unwrap()
        }

        fn restart(&mut self) {
            self.context = Self::context(&self.connection, &self.random, &self.clock);
        }

        fn accept(&mut self, key: u32, life: Duration) -> Accepted {
            let now = self.clock.now();
            let mut hash = [0; 16];
            hash[..4].copy_from_slice(&key.wrapping_mul(0x9e37_79b1).to_be_bytes());
            let accept = Accept {
                app: AppNo(1),
                app_version: 0,
                message: NewMessage {
                    id: self.ids.make(now, &*self.random),
                    event_type: "sms.dlr".into(),
                    event_id: None,
                    channels: Vec::new(),
                    tags: Vec::new(),
                    payload: Bytes::from_static(b"{}"),
                    raw: None,
                    raw_content_type: None,
                    ordering_key: None,
                    occurred_at: None,
                    callback_url: None,
                    deliver_at: None,
                    deliver_until: None,
                    accepted_at: now,
                    expires_at: Timestamp::MAX,
                },
                priority: Priority(0),
                pollers: Vec::new(),
                targets: Vec::new(),
                idempotency: Some(Idempotency { key: hash, body: [7; 16], expires_at: now + life }),
            };
            match self.apply(Op::Accept(accept)) {
                OpResult::Accept(Ok(accepted)) => accepted,
                other => panic!("{other:?}"),
            }
        }

        fn apply(&mut self, op: Op) -> OpResult {
            apply(&mut self.connection, &mut self.context, &[op]).0.remove(0)
        }

        fn sweep(&mut self) {
            while !matches!(self.apply(Op::Sweep { limit: 20 }), OpResult::Sweep(Ok(count)) if count < 20) {}
        }

        fn count(&self, table: &str) -> usize {
            self.connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
        }
    }

    #[test]
    fn a_key_is_found_while_it_is_young_when_it_is_old_and_after_a_restart() {
        let mut store = Store::new();
        for key in 0..200 {
            assert!(matches!(store.accept(key, Duration::from_secs(900)), Accepted::New { .. }));
        }
        store.sweep();
        assert_eq!((store.count("idempotency_young"), store.count("idempotency")), (Young::MAX, 200 - Young::MAX));
        for round in 0..2 {
            for key in 0..200 {
                let again = store.accept(key, Duration::from_secs(900));
                assert!(matches!(again, Accepted::Replayed { .. }), "{key} in round {round}: {again:?}");
            }
            store.restart();
        }
    }

    #[test]
    fn keys_that_have_expired_leave_both_tables_and_can_be_used_again() {
        let mut store = Store::new();
        for key in 0..100 {
            store.accept(key, Duration::from_secs(900));
        }
        store.sweep();
        store.clock.advance(Duration::from_secs(901));
        assert!(matches!(store.accept(3, Duration::from_secs(900)), Accepted::New { .. }), "an old one");
        assert!(matches!(store.accept(99, Duration::from_secs(900)), Accepted::New { .. }), "a young one");
        store.sweep();
        assert_eq!((store.count("idempotency_young"), store.count("idempotency")), (2, 0));
        assert!(matches!(store.accept(99, Duration::from_secs(900)), Accepted::Replayed { .. }));
        store.restart();
        assert!(matches!(store.accept(3, Duration::from_secs(900)), Accepted::Replayed { .. }));
    }
}
