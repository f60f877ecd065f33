//! Nodes: leases by the clock of the database, and who owns which shard.
//!
//! Whoever takes shards, or sets them free, holds one lock of the whole store, so that it sees in each statement what all
//! others before it have done. A lease that has run out is ended by deleting its row, which waits for a renewal under way
//! and is seen by every later one: so of a renewal and a take-over one knows of the other. A shard that an outcome is
//! being recorded for is locked by that; it is passed over and taken at the next look, once the outcome is there to be
//! seen.

use std::time::Duration;

use ringback_model::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::connection::{Client, Purpose, begin, commit, query, transaction};
use super::error::{Result, SqlError};
use super::value::{Values, get};
use crate::node::fair_share;
use crate::{Epoch, HandOver, Lease, NewNode, Node, NodeNo, Shard};

/// How long a lease lasts.
pub(super) const LEASE: Duration = Duration::from_secs(10);

/// What is locked by whoever takes shards or sets them free; a number of its own beside those in `queue.rs`.
const LOCK: &str = "SELECT pg_advisory_xact_lock(3, 0)";

const JOIN: &str = "INSERT INTO ringback.node (name, version, process, since, leased_until) \
    VALUES ($1, $2, $3, clock_timestamp(), clock_timestamp() + $4 * interval '1 second') RETURNING no";

/// The leases of nodes of which it is known that they have ended.
const BURY: &str = "UPDATE ringback.node SET leased_until = '-infinity' WHERE no = ANY ($1::bigint[])";

const RENEW: &str = "UPDATE ringback.node SET leased_until = clock_timestamp() + $2 * interval '1 second', leaves = $3 \
    WHERE no = $1 RETURNING (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

const END_LEASES: &str = "DELETE FROM ringback.node WHERE leased_until < clock_timestamp()";

/// Takes shards that nobody owns, up to a fair share. None is locked by another who takes, so what is passed over is in
/// the hands of an outcome.
const CLAIM: &str = "\
    WITH living AS MATERIALIZED (SELECT no FROM ringback.node WHERE NOT leaves), \
      share AS (SELECT 256 / count(*) + CASE WHEN count(*) FILTER (WHERE no < $1) < 256 % count(*) THEN 1 ELSE 0 END \
        AS shards FROM living HAVING bool_or(no = $1)), \
      free AS (SELECT s.no FROM ringback.shard s \
        WHERE s.owner IS NULL OR NOT EXISTS (SELECT FROM ringback.node n WHERE n.no = s.owner) ORDER BY s.no \
        LIMIT COALESCE((SELECT GREATEST(0, shards - (SELECT count(*) FROM ringback.shard WHERE owner = $1)) \
          FROM share), 0) \
        FOR UPDATE OF s SKIP LOCKED) \
    UPDATE ringback.shard s SET owner = $1, epoch = s.epoch + 1 FROM free WHERE s.no = free.no RETURNING s.no";

const SHARDS: &str = "SELECT no, owner, epoch FROM ringback.shard ORDER BY no";

const NODES: &str = "SELECT no, leaves, leased_until < clock_timestamp() FROM ringback.node ORDER BY no";

const FREE: &str = "\
    WITH mine AS MATERIALIZED (SELECT no FROM ringback.shard WHERE owner = $1 AND ($3 OR no = ANY ($2::smallint[])) \
      ORDER BY no FOR UPDATE) \
    UPDATE ringback.shard s SET owner = NULL, epoch = s.epoch + 1 FROM mine WHERE s.no = mine.no";

const LEAVE: &str = "DELETE FROM ringback.node WHERE no = $1 AND $2";

/// How nodes and shards stand, as one of the nodes sees it.
#[derive(Debug, Default)]
struct Standing {
    /// Its shards.
    mine: Vec<(Shard, Epoch)>,
    /// It has so many more than its fair share.
    surplus: usize,
    /// It could take some.
    claims: bool,
    others: usize,
}

/// Makes a node, which owns nothing yet.
pub(super) async fn join(client: &Client, purpose: Purpose, node: &NewNode) -> Result<NodeNo> {
    let rows = transaction(client, purpose, async {
        if !node.ended.is_empty() {
            query(client, BURY, &Values::default().int8s(node.ended.iter().map(|ended| ended.0))).await?;
        }
        let values = Values::default()
            .and(node.name.as_str(), Type::TEXT)
            .and(node.version.as_str(), Type::TEXT)
            .and(node.process.as_str(), Type::TEXT)
            .and(LEASE.as_secs_f64(), Type::FLOAT8);
        query(client, JOIN, &values).await
    })
    .await?;
    let row = rows.first().ok_or_else(|| SqlError::unreadable("node", "it was not returned"))?;
    get(row, 0).map(NodeNo)
}

/// Prolongs a lease; `None` if it was ended. With `stays` it takes what is free, too. Answers whether it has taken any.
pub(super) async fn renew(
    client: &Client,
    purpose: Purpose,
    node: NodeNo,
    stays: bool,
) -> Result<Option<(Lease, bool)>> {
    let values = Values::default().int8(node.0).and(LEASE.as_secs_f64(), Type::FLOAT8).and(!stays, Type::BOOL);
    let renewing = query(client, RENEW, &values);
    let (begun, renewed, standing, done) = tokio::join!(biased;
        begin(client, purpose), renewing, standing(client, node), commit(client));
    begun?;
    let (renewed, mut standing) = (renewed?, standing?);
    done?;
    let Some(renewed) = renewed.first() else { return Ok(None) };
    let renewed_at = Some(Timestamp::from_micros(get(renewed, 0)?));
    let takes = stays && standing.claims;
    if takes {
        standing = claim(client, purpose, node).await?;
    }
    let Standing { mine, surplus, others, claims: _ } = standing;
    Ok(Some((Lease { node, lasts: Some(LEASE), renewed_at, shards: mine, surplus, others }, takes)))
}

/// Ends the leases that have run out and takes shards, all in one message, so that nothing stays locked while anything
/// travels.
async fn claim(client: &Client, purpose: Purpose, node: NodeNo) -> Result<Standing> {
    let (nothing, own) = (Values::default(), Values::default().int8(node.0));
    let (begun, locked, ended, claimed, standing, done) = tokio::join!(biased;
        begin(client, purpose),
        query(client, LOCK, &nothing),
        query(client, END_LEASES, &nothing),
        query(client, CLAIM, &own),
        standing(client, node),
        commit(client),
    );
    begun.and(locked)?;
    ended.and(claimed)?;
    let standing = standing?;
    done.map(|()| standing)
}

async fn standing(client: &Client, node: NodeNo) -> Result<Standing> {
    let nothing = Values::default();
    let (nodes, shards) = tokio::join!(biased; query(client, NODES, &nothing), query(client, SHARDS, &nothing));
    let nodes = nodes?.iter().map(living).collect::<Result<Vec<_>>>()?;
    let shards = shards?.iter().map(owned).collect::<Result<Vec<_>>>()?;
    Ok(Standing::of(node, &nodes, &shards))
}

/// A node: whether it leaves, and whether its lease has run out.
struct Living {
    no: NodeNo,
    leaves: bool,
    ended: bool,
}

fn living(row: &Row) -> Result<Living> {
    Ok(Living { no: NodeNo(get(row, 0)?), leaves: get(row, 1)?, ended: get(row, 2)? })
}

fn owned(row: &Row) -> Result<(Shard, Option<NodeNo>, Epoch)> {
    let shard = Shard::with_number(get::<i16>(row, 0)?.into());
    let shard = shard.ok_or_else(|| SqlError::unreadable("shard", "there is none of this number"))?;
    Ok((shard, get::<Option<i64>>(row, 1)?.map(NodeNo), Epoch(get(row, 2)?)))
}

impl Standing {
    fn of(node: NodeNo, nodes: &[Living], shards: &[(Shard, Option<NodeNo>, Epoch)]) -> Self {
        let is_there = |owner: &NodeNo| nodes.iter().any(|other| other.no == *owner && !other.ended);
        let staying: Vec<_> =
            nodes.iter().filter(|other| !other.leaves && !other.ended).map(|other| other.no).collect();
        let rank = staying.iter().filter(|other| **other < node).count();
        let share = if staying.contains(&node) { fair_share(rank, staying.len()) } else { 0 };
        let mine: Vec<_> = shards
            .iter()
            .filter(|(_, owner, _)| *owner == Some(node))
            .map(|(shard, _, epoch)| (*shard, *epoch))
            .collect();
        let free = shards.iter().any(|(_, owner, _)| !owner.as_ref().is_some_and(is_there));
        let others = nodes.iter().filter(|other| other.no != node && !other.ended).count();
        let ended = nodes.iter().any(|other| other.ended && other.no != node);
        Self { surplus: mine.len().saturating_sub(share), claims: ended || (free && mine.len() < share), mine, others }
    }
}

/// Sets shards of a node free; all of them, and the node's row goes, if it leaves.
pub(super) async fn hand_over(client: &Client, purpose: Purpose, item: &HandOver) -> Result<()> {
    let shards = item.shards.iter().map(|shard| i16::from(shard.number()));
    let freed = Values::default().int8(item.node.0).int2s(shards).and(item.leaves, Type::BOOL);
    let left = Values::default().int8(item.node.0).and(item.leaves, Type::BOOL);
    let nothing = Values::default();
    let (begun, locked, freed, left, done) = tokio::join!(biased;
        begin(client, purpose),
        query(client, LOCK, &nothing),
        query(client, FREE, &freed),
        query(client, LEAVE, &left),
        commit(client),
    );
    begun.and(locked)?;
    freed.and(left)?;
    done
}

/// See [`crate::Store::nodes`].
pub(super) async fn nodes(client: &Client) -> Result<Vec<Node>> {
    let sql = "SELECT no, name, version, process, (extract(epoch FROM since) * 1000000)::bigint, \
               (extract(epoch FROM GREATEST(interval '0', leased_until - clock_timestamp())) * 1000000)::bigint, \
               (SELECT count(*) FROM ringback.shard WHERE owner = node.no), leaves \
               FROM ringback.node WHERE leased_until > '-infinity' ORDER BY no";
    let rows = transaction(client, Purpose::Search, query(client, sql, &Values::default())).await?;
    rows.iter()
        .map(|row| {
            Ok(Node {
                no: NodeNo(get(row, 0)?),
                name: get(row, 1)?,
                version: get(row, 2)?,
                process: get(row, 3)?,
                since: Timestamp::from_micros(get(row, 4)?),
                lease_left: Duration::from_micros(u64::try_from(get::<i64>(row, 5)?).unwrap_or(0)),
                shards: usize::try_from(get::<i64>(row, 6)?).unwrap_or(0),
                leaves: get(row, 7)?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(no: i64) -> Living {
        Living { no: NodeNo(no), leaves: false, ended: false }
    }

    /// Shards of which the first so many are owned by the first node, and so on; the rest by nobody.
    fn shards(owned: &[(i64, usize)]) -> Vec<(Shard, Option<NodeNo>, Epoch)> {
        let owners = owned.iter().flat_map(|(owner, count)| std::iter::repeat_n(Some(NodeNo(*owner)), *count));
        Shard::all().zip(owners.chain(std::iter::repeat(None))).map(|(shard, owner)| (shard, owner, Epoch(1))).collect()
    }

    #[test]
    fn who_has_too_many_gives_and_who_has_too_few_takes_what_is_free() {
        let two = [node(3), node(7)];
        let standing = Standing::of(NodeNo(3), &two, &shards(&[(3, 256)]));
        assert_eq!((standing.mine.len(), standing.surplus, standing.claims, standing.others), (256, 128, false, 1));
        let standing = Standing::of(NodeNo(7), &two, &shards(&[(3, 256)]));
        assert_eq!((standing.mine.len(), standing.surplus, standing.claims), (0, 0, false), "nothing is free");
        assert!(Standing::of(NodeNo(7), &two, &shards(&[(3, 128)])).claims);
        assert!(!Standing::of(NodeNo(3), &two, &shards(&[(3, 128)])).claims, "they are for the other");
        let three = [node(1), node(2), node(3)];
        let surplus = |no| Standing::of(NodeNo(no), &three, &shards(&[(1, 86), (2, 86), (3, 84)])).surplus;
        assert_eq!([surplus(1), surplus(2), surplus(3)], [0, 1, 0]);
    }

    #[test]
    fn what_a_node_had_whose_lease_has_run_out_is_free() {
        let nodes = [Living { ended: true, ..node(1) }, node(2)];
        let standing = Standing::of(NodeNo(2), &nodes, &shards(&[(1, 128), (2, 128)]));
        assert_eq!((standing.surplus, standing.claims, standing.others), (0, true, 0));
        let standing = Standing::of(NodeNo(2), &[node(2)], &shards(&[(1, 128), (2, 128)]));
        assert!(standing.claims, "it was ended by somebody");
    }

    #[test]
    fn nobody_leaves_room_for_a_node_that_leaves() {
        let nodes = [Living { leaves: true, ..node(1) }, node(2)];
        let standing = Standing::of(NodeNo(2), &nodes, &shards(&[(2, 128), (1, 100)]));
        assert_eq!((standing.surplus, standing.claims, standing.others), (0, true, 1));
        assert_eq!(Standing::of(NodeNo(1), &nodes, &shards(&[(2, 128), (1, 100)])).surplus, 100);
    }
}
