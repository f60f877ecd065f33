//! Nodes: servers that work on one store together, and the shards that they share out among them.
//!
//! An application belongs to one shard for ever, and a shard to one node at a time, which alone sends what is due there.
//! A node owns its shards for as long as its lease lasts, by the clock of the store; each time a shard changes hands its
//! epoch rises, and what an owner writes it writes under the epoch that it got the shard with. So whoever has slept
//! through the end of its lease, and does not know it yet, writes nothing.

use std::time::Duration;

use ringback_model::{EndpointNo, Timestamp};

/// Bits of a number below its shard.
const SHIFT: u32 = 55;

/// A fixed part of all applications, and all that belongs to them. An embedded store has one in use, the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u8);

impl Shard {
    /// How many there are.
    pub const COUNT: usize = 256;
    /// That of all that belongs to no application.
    pub const FIRST: Self = Self(0);

    /// The shard of what has this number: an application, or anything that belongs to one.
    #[must_use]
    pub const fn of(no: i64) -> Self {
        Self((no >> SHIFT) as u8)
    }

    /// The shard with this number, if there is one.
    #[must_use]
    pub fn with_number(number: i64) -> Option<Self> {
        u8::try_from(number).ok().map(Self)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }
}

/// How often a shard has changed hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub i64);

impl Epoch {
    /// The one epoch of a store that has one owner for as long as it is open.
    pub const ONLY: Self = Self(0);
}

/// The number of a node, drawn when it got its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeNo(pub i64);

/// A server that asks for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNode {
    /// What people know it by.
    pub name: String,
    /// Its version of Ringback.
    pub version: String,
    /// Which process it is, such that a later one of the same machine can tell whether it still runs.
    pub process: String,
    /// Nodes of which it is known that they have ended: their leases are over.
    pub ended: Vec<NodeNo>,
}

/// What a node owns, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The node.
    pub node: NodeNo,
    /// How long it lasts, from the moment before it was asked for; for ever if absent.
    pub lasts: Option<Duration>,
    /// When it was renewed, by the clock of the store; nothing if that is the node's own.
    pub renewed_at: Option<Timestamp>,
    /// Its shards, in their order, each with the epoch that it writes under.
    pub shards: Vec<(Shard, Epoch)>,
    /// So many of them it should hand over to others, which have fewer.
    pub surplus: usize,
    /// How many other nodes there are.
    pub others: usize,
}

impl Lease {
    /// That of the one owner of a store: everything, for ever.
    #[must_use]
    pub fn of_all() -> Self {
        let shards = Shard::all().map(|shard| (shard, Epoch::ONLY)).collect();
        Self { node: NodeNo(0), lasts: None, renewed_at: None, shards, surplus: 0, others: 0 }
    }
}

/// Gives shards to whoever has fewer.
#[derive(Clone, Debug)]
pub struct HandOver {
    /// Who gives them.
    pub node: NodeNo,
    /// The shards: nothing of them is under way any more, and what was is recorded.
    pub shards: Vec<Shard>,
    /// The node leaves: all others of its shards are free, too, and its lease is over.
    pub leaves: bool,
}

/// A node, as all of them see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its number.
    pub no: NodeNo,
    /// What people know it by.
    pub name: String,
    /// Its version of Ringback.
    pub version: String,
    /// See [`NewNode::process`].
    pub process: String,
    /// When it got its first lease.
    pub since: Timestamp,
    /// How long its lease lasts, if nothing is heard of it.
    pub lease_left: Duration,
    /// How many shards it owns.
    pub shards: usize,
    /// It is about to end.
    pub leaves: bool,
}

/// Asks for endpoints at which something is due.
#[derive(Clone, Debug)]
pub struct OverdueQuery {
    /// Of these shards, in their order.
    pub shards: Vec<Shard>,
    /// Only endpoints above this one.
    pub after: EndpointNo,
    /// What is due at this time.
    pub now: Timestamp,
    /// At most so many.
    pub limit: usize,
}

/// How many shards a node with this rank among so many may own: 256, as evenly as they can be shared out.
pub(crate) const fn fair_share(rank: usize, nodes: usize) -> usize {
    if nodes == 0 {
        return 0;
    }
    Shard::COUNT / nodes + (rank < Shard::COUNT % nodes) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_all_there_is_and_differ_by_one_at_most() {
        for nodes in 1..300 {
            let shares: Vec<_> = (0..nodes).map(|rank| fair_share(rank, nodes)).collect();
            assert_eq!(shares.iter().sum::<usize>(), Shard::COUNT, "{nodes}");
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
        assert_eq!(fair_share(0, 0), 0);
    }

    #[test]
    fn small_numbers_are_of_the_first_shard_and_each_shard_is_a_range() {
        assert_eq!(Shard::of(1_001), Shard::FIRST);
        for shard in Shard::all() {
            let floor = i64::from(shard.number()) << SHIFT;
            assert_eq!((Shard::of(floor), Shard::of(floor + ((1 << SHIFT) - 1))), (shard, shard));
            assert_eq!(Shard::with_number(i64::from(shard.number())), Some(shard));
        }
        assert_eq!(Shard::with_number(256), None);
    }
}
