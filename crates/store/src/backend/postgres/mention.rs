//! Words that messages are found by. Each shard is a run of its own: its numbers rise by themselves.

use ringback_model::{AppNo, MessageNo, Timestamp};
use tokio_postgres::types::Type;

use super::connection::{Client, Purpose, query, transaction};
use super::error::Result;
use super::shard::floor_of;
use super::value::{Values, get, is_storable, limit, time};
use super::{expire, usage};
use crate::backend::mention::{SWEEP, part};
use crate::{Mention, MentionQuery, Shard, Unread, UnreadQuery, UnreadRun};

/// Of each shard those that follow what was read of it, one shard after the other: in an order of all of them, every shard would
/// have to be read that far before the first row is known.
const UNREAD: &str = "SELECT run.read_to, m.no, m.app, m.event_type, m.accepted_at, LEAST(m.expires_at, m.deliver_until) \
    FROM (SELECT shard, coalesce(read_to, shard) AS read_to FROM \
        (SELECT number::bigint << 55 AS shard FROM generate_series(0, 255) AS number) all_ \
        LEFT JOIN ringback.mention_cursor USING (shard) WHERE shard >> 55 = ANY ($2::bigint[])) run, \
      LATERAL (SELECT no, app, event_type, accepted_at, expires_at, deliver_until FROM ringback.message \
        WHERE no > run.read_to AND no <= run.shard + ((1::bigint << 55) - 1) ORDER BY no LIMIT $1) m \
    LIMIT $1";

/// See [`crate::Store::unread`].
pub(super) async fn unread(client: &Client, owned: &[Shard], asked: &UnreadQuery) -> Result<Vec<UnreadRun>> {
    let owned = owned.iter().map(|shard| i64::from(shard.number()));
    let values = Values::default().int8(limit(asked.limit)).int8s(owned);
    let rows = transaction(client, Purpose::Read, query(client, UNREAD, &values)).await?;
    let mut runs: Vec<UnreadRun> = Vec::new();
    let mut young = None;
    for row in &rows {
        let (after, accepted_at): (MessageNo, Timestamp) = (MessageNo(get(row, 0)?), time(row, 4)?);
        if young == Some(after) || accepted_at >= asked.accepted_before {
            // What follows in this shard waits too.
            young = Some(after);
            continue;
        }
        let message = Unread {
            no: MessageNo(get(row, 1)?),
            app: AppNo(get(row, 2)?),
            event_type: get(row, 3)?,
            accepted_at,
            ends_at: time(row, 5)?,
        };
        match runs.last_mut().filter(|run| run.after == after) {
            Some(run) => run.messages.push(message),
            None => runs.push(UnreadRun { after, messages: vec![message] }),
        }
    }
    Ok(runs)
}

/// Moves cursors that stand where the pass has found them; answers how many did. In the order of shards, so that two
/// passes never wait for each other.
const ADVANCE: &str = "INSERT INTO ringback.mention_cursor AS cursor (shard, read_to) \
    SELECT shard, through FROM unnest($1::bigint[], $3::bigint[]) AS item (shard, through) ORDER BY shard \
    ON CONFLICT (shard) DO UPDATE SET read_to = excluded.read_to \
    WHERE cursor.read_to = (SELECT after FROM unnest($1::bigint[], $2::bigint[]) AS item (shard, after) \
      WHERE item.shard = cursor.shard) \
    RETURNING shard";

/// Keeps the words and times of each run, unless another pass was quicker there; and lets go of some of messages that are gone.
/// Answers whether all were kept. Within a transaction.
pub(super) async fn mention(client: &Client, now: Timestamp, item: &Mention) -> Result<bool> {
    let values = Values::default()
        .int8s(item.read.iter().map(|(after, _)| floor_of(after.0)))
        .int8s(item.read.iter().map(|(after, _)| after.0))
        .int8s(item.read.iter().map(|(_, through)| through.0));
    // A cursor that is new begins at the floor of its shard; one that another pass has made is found by its place.
    let moved = query(client, ADVANCE, &values).await?;
    let shards: Vec<i64> = moved.iter().map(|row| get(row, 0)).collect::<Result<_>>()?;
    let sql = "INSERT INTO ringback.mention (part, app, word, message) \
               SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[]) ON CONFLICT DO NOTHING";
    let words: Vec<_> = item
        .words
        .iter()
        .filter(|(_, word, message)| is_storable(word) && shards.contains(&floor_of(message.0)))
        .collect();
    let values = Values::default()
        .int8s(words.iter().map(|(_, _, message)| part(*message)))
        .int8s(words.iter().map(|(app, _, _)| app.0))
        .texts(words.iter().map(|(_, word, _)| word.as_str()))
        .int8s(words.iter().map(|(_, _, message)| message.0));
    query(client, sql, &values).await?;
    let times: Vec<_> =
        item.look_at.iter().filter(|(message, _)| shards.contains(&floor_of(message.0))).copied().collect();
    expire::note(client, now, &times).await?;
    let runs: Vec<_> = item.read.iter().filter(|(after, _)| shards.contains(&floor_of(after.0))).copied().collect();
    usage::count(client, &runs).await?;
    let all = shards.len() == item.read.len();
    sweep(client, shards).await?;
    Ok(all)
}

/// Lets go of words. Within a transaction.
pub(super) async fn forget_words(client: &Client, words: &[(AppNo, String, MessageNo)]) -> Result<()> {
    let sql = "DELETE FROM ringback.mention m USING unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[]) \
               AS gone (part, app, word, message) WHERE m.part = gone.part AND m.app = gone.app AND m.word = gone.word \
               AND m.message = gone.message";
    let words: Vec<_> = words.iter().filter(|(_, word, _)| is_storable(word)).collect();
    let values = Values::default()
        .int8s(words.iter().map(|(_, _, message)| part(*message)))
        .int8s(words.iter().map(|(app, _, _)| app.0))
        .texts(words.iter().map(|(_, word, _)| word.as_str()))
        .int8s(words.iter().map(|(_, _, message)| message.0));
    query(client, sql, &values).await.map(drop)
}

/// Of each shard the parts below the one that its oldest message is in.
const SWEEP_PARTS: &str = "DELETE FROM ringback.mention WHERE (part, app, word, message) IN \
    (SELECT old.part, old.app, old.word, old.message FROM unnest($1::bigint[]) AS run (shard), \
      LATERAL (SELECT min(no) >> 20 AS part FROM ringback.message WHERE no > run.shard) oldest, \
      LATERAL (SELECT part, app, word, message FROM ringback.mention \
        WHERE part >= run.shard >> 20 AND part < oldest.part ORDER BY part LIMIT $2) old LIMIT $2)";

async fn sweep(client: &Client, shards: Vec<i64>) -> Result<()> {
    let values = Values::default().int8s(shards).int8(limit(SWEEP));
    query(client, SWEEP_PARTS, &values).await.map(drop)
}

/// Each part of the application's shard by a look of its own, from the youngest.
const MENTIONED: &str = "WITH RECURSIVE parts (part) AS ( \
      SELECT max(part) FROM ringback.mention WHERE part BETWEEN $6 AND $3 \
      UNION ALL \
      SELECT (SELECT max(part) FROM ringback.mention WHERE part >= $6 AND part < parts.part) \
      FROM parts WHERE parts.part IS NOT NULL) \
    SELECT found.message FROM parts, LATERAL \
      (SELECT message FROM ringback.mention m WHERE m.part = parts.part AND app = $1 AND word = $2 AND message < $4 \
       ORDER BY message DESC LIMIT $5) found \
    ORDER BY found.message DESC LIMIT $5";

/// See [`crate::Store::mentioned`].
pub(super) async fn mentioned(client: &Client, asked: &MentionQuery) -> Result<Vec<MessageNo>> {
    if !is_storable(&asked.word) {
        return Ok(Vec::new());
    }
    let floor = floor_of(asked.app.0);
    let before = asked.before.unwrap_or(MessageNo(floor | (i64::MAX >> 8)));
    let values = Values::default()
        .int8(asked.app.0)
        .and(asked.word.as_str(), Type::TEXT)
        .int8(part(before))
        .int8(before.0)
        .int8(limit(asked.limit))
        .int8(part(MessageNo(floor)));
    let rows = transaction(client, Purpose::Search, query(client, MENTIONED, &values)).await?;
    rows.iter().map(|row| Ok(MessageNo(get(row, 0)?))).collect()
}
