//! The fence: what an owner writes it writes under the epoch that it got the shard with, or not at all.
//!
//! Whoever writes locks the row of the shard, shared, and compares it in the same statement; a take-over changes that row.
//! So whichever of the two comes first, the other one waits for it and sees what it did.

use tokio_postgres::types::Type;

use super::connection::{Client, query};
use super::error::Result;
use super::value::Values;
use crate::{Epoch, Finish, NodeNo, Shard};

/// The shards of a statement's items that a node owns, locked in their order.
macro_rules! fence {
    ($node:literal, $shards:literal) => {
        concat!(
            "fence AS MATERIALIZED (SELECT no, epoch FROM ringback.shard WHERE owner = ",
            $node,
            " AND no = ANY (",
            $shards,
            "::smallint[]) ORDER BY no FOR SHARE)"
        )
    };
}

/// Whether an item gets through the fence. It is a column and no join: how many items a join would let through the
/// planner cannot guess, and goes through all of them again for each.
#[cfg(not(feature = "mutants"))]
macro_rules! passes {
    ($item:literal) => {
        concat!("(", $item, ".endpoint >> 55, ", $item, ".epoch) IN (SELECT no::bigint, epoch FROM fence)")
    };
}

/// A fence that can be opened to everybody.
#[cfg(feature = "mutants")]
macro_rules! passes {
    ($item:literal) => {
        concat!(
            "((",
            $item,
            ".endpoint >> 55, ",
            $item,
            ".epoch) IN (SELECT no::bigint, epoch FROM fence) \
              OR current_setting('ringback.mutant', true) IN ('fence-missing', 'fence-apart'))"
        )
    };
}
pub(super) use {fence, passes};

/// Whether a node owns a shard under this epoch: then it does so until the end of the transaction.
pub(super) async fn holds(client: &Client, node: NodeNo, shard: Shard, epoch: Epoch) -> Result<bool> {
    let sql = "SELECT FROM ringback.shard WHERE no = $1 AND owner = $2 AND epoch = $3 FOR SHARE";
    let values = Values::default().and(i16::from(shard.number()), Type::INT2).int8(node.0).int8(epoch.0);
    Ok(!query(client, sql, &values).await?.is_empty())
}

/// The shards of some numbers, each once, in their order.
pub(super) fn shards_of(numbers: impl Iterator<Item = i64>) -> Vec<i16> {
    let mut shards: Vec<_> = numbers.map(|no| i16::from(Shard::of(no).number())).collect();
    shards.sort_unstable();
    shards.dedup();
    shards
}

/// Whether a node owned the shards of some outcomes a moment ago: what is no fence.
pub(super) async fn owned_before(client: &Client, node: NodeNo, items: &[&Finish]) -> Result<bool> {
    let sql = "SELECT FROM ringback.shard WHERE no = $1 AND owner = $2 AND epoch = $3";
    for item in items {
        let shard = i16::from(Shard::of(item.endpoint.0).number());
        let values = Values::default().and(shard, Type::INT2).int8(node.0).int8(item.epoch.0);
        if query(client, sql, &values).await?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}
