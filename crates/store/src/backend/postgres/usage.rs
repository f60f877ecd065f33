//! How many bytes of payload are kept of each application: counted when messages are read for the first time after their
//! acceptance, and given back when their payload goes.

use ringback_model::{AppNo, MessageNo};

use super::connection::{Client, Purpose, query, transaction};
use super::error::Result;
use super::value::{Values, get};

/// See [`crate::Store::usage`].
pub(super) async fn usage(client: &Client, app: AppNo) -> Result<u64> {
    let sql = "SELECT bytes FROM ringback.usage WHERE app = $1";
    let rows = transaction(client, Purpose::Read, query(client, sql, &Values::default().int8(app.0))).await?;
    let bytes: i64 = rows.first().map_or(Ok(0), |row| get(row, 0))?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// Counts messages of runs of numbers, which are read at this moment. Within a transaction.
pub(super) async fn count(client: &Client, runs: &[(MessageNo, MessageNo)]) -> Result<()> {
    let sql = "INSERT INTO ringback.usage AS usage (app, bytes) \
               SELECT m.app, sum(COALESCE(octet_length(m.payload), 0) + COALESCE(octet_length(m.raw), 0)) \
               FROM unnest($1::bigint[], $2::bigint[]) AS run (after, through) \
               JOIN ringback.message m ON m.no > run.after AND m.no <= run.through GROUP BY m.app ORDER BY m.app \
               ON CONFLICT (app) DO UPDATE SET bytes = usage.bytes + excluded.bytes";
    let values =
        Values::default().int8s(runs.iter().map(|(after, _)| after.0)).int8s(runs.iter().map(|(_, through)| through.0));
    query(client, sql, &values).await.map(drop)
}

/// Gives back what messages take, whose payloads go now. Those that were not counted yet will not be. Within a transaction.
pub(super) async fn give_back(client: &Client, messages: &[MessageNo]) -> Result<()> {
    // Nobody else gives the same back meanwhile.
    let lock = "SELECT FROM ringback.message WHERE no = ANY ($1::bigint[]) ORDER BY no FOR UPDATE";
    let sql = "UPDATE ringback.usage u SET bytes = u.bytes - gone.bytes FROM ( \
                 SELECT m.app, sum(COALESCE(octet_length(m.payload), 0) + COALESCE(octet_length(m.raw), 0)) AS bytes \
                 FROM ringback.message m \
                 JOIN ringback.mention_cursor c ON c.shard = (m.no >> 55) << 55 AND m.no <= c.read_to \
                 WHERE m.no = ANY ($1::bigint[]) GROUP BY m.app) gone \
               WHERE u.app = gone.app AND gone.bytes > 0";
    let values = || Values::default().int8s(messages.iter().map(|no| no.0));
    query(client, lock, &values()).await?;
    query(client, sql, &values()).await.map(drop)
}
