//! Which configurations others have changed.
//!
//! Each change notes the transaction that it was made in. Whatever is not seen at one look has a number that is not below
//! the oldest transaction which was under way then: so the next look begins there, and misses none, however late it
//! commits. What a look finds again, because some transaction goes on for long, is known by its version.

use std::collections::HashMap;

use ringback_model::AppNo;

use super::connection::{Purpose, answered, query, transaction};
use super::error::Result;
use super::pool::Pool;
use super::value::{Values, get};

const LOOK: &str = "\
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text, c.app, c.version FROM (SELECT) one \
    LEFT JOIN ringback.configuration c ON c.changed_in >= $1::text::xid8";

/// What has been seen.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// The transaction from which on something may be new; none before the first look.
    from: Option<String>,
    /// What the last look has found, with the version.
    seen: HashMap<AppNo, i64>,
}

impl Changes {
    /// Looks for changes since the last look; the first one finds none, for nothing was read before it.
    pub(super) async fn look(&mut self, pool: &Pool) -> Result<Vec<AppNo>> {
        let from = self.from.clone().unwrap_or_else(|| u64::MAX.to_string());
        let values = Values::default().and(from, tokio_postgres::types::Type::TEXT);
        let lease = pool.lease().await?;
        let rows = answered(transaction(&lease, Purpose::Search, query(&lease, LOOK, &values))).await;
        let rows = lease.give_back(rows)?;
        let (mut found, mut changed) = (HashMap::new(), Vec::new());
        for row in &rows {
            self.from = Some(get(row, 0)?);
            if let (Some(app), Some(version)) = (get::<Option<i64>>(row, 1)?, get::<Option<i64>>(row, 2)?) {
                let app = AppNo(app);
                if self.seen.get(&app) != Some(&version) {
                    changed.push(app);
                }
                found.insert(app, version);
            }
        }
        self.seen = found;
        Ok(changed)
    }
}
