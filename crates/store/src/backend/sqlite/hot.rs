//! Statements that nearly every item of a commit uses: looked up once for a commit, not once for an item.

use rusqlite::{CachedStatement, Connection, Result};

/// The statements.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hot {
    InsertMessage,
    InsertDelivery,
    InsertAttempt,
    EndDelivery,
    InsertKey,
}

impl Hot {
    const COUNT: usize = 5;

    const fn sql(self) -> &'static str {
        match self {
            Self::InsertMessage => {
                "INSERT INTO message (no, app, id, event_type, event_id, channels, ordering_key, priority, occurred_at, \
                 accepted_at, expires_at, raw_content_type, raw, payload, callback_url, deliver_at, \
                 deliver_until, tags) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
            }
            Self::InsertDelivery => {
                "INSERT INTO delivery (message, endpoint, state, priority, tries, unsent, due, queue) \
                 VALUES (?1, ?2, 1, ?3, 0, 0, ?4, ?5)"
            }
            Self::InsertAttempt => {
                "INSERT INTO attempt (message, id, endpoint, no, started_at, by_hand, outcome, status, dns_us, \
                 connect_us, tls_us, first_byte_us, total_us, address, url, response, left_out) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"
            }
            Self::InsertKey => {
                "INSERT INTO idempotency_young (no, key, body, expires_at, answer) VALUES (?1, ?2, ?3, ?4, ?5)"
            }
            Self::EndDelivery => {
                "UPDATE delivery SET state = 0, due = NULL, held = NULL \
                 WHERE message = ?1 AND endpoint = ?2 AND state = 1 AND queue IS NULL"
            }
        }
    }
}

/// The statements of one commit.
#[derive(Default)]
pub(super) struct HotStatements<'a> {
    found: [Option<CachedStatement<'a>>; Hot::COUNT],
}

impl<'a> HotStatements<'a> {
    /// A statement, ready to be executed.
    pub(super) fn get(&mut self, connection: &'a Connection, hot: Hot) -> Result<&mut CachedStatement<'a>> {
        let place = &mut self.found[hot as usize];
        match place {
            Some(statement) => Ok(statement),
            None => Ok(place.insert(connection.prepare_cached(hot.sql())?)),
        }
    }
}

impl std::fmt::Debug for HotStatements<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HotStatements").finish_non_exhaustive()
    }
}
