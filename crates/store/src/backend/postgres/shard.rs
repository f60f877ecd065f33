//! The shard of everything: a fixed part of all applications.
//!
//! An application gets its shard once, from its id, when it is made. From then on the number of everything that belongs
//! to it carries the shard in its highest bits, above a number drawn from a sequence. So each key that begins with such a
//! number begins with its shard: a shard is one range of every table and index, no column is spent on it, and whoever
//! holds a number knows the shard without asking. Within a shard numbers are in the order in which they were drawn.

use sha2::{Digest as _, Sha256};

/// Bits of a number below its shard.
pub(super) const SHIFT: u32 = 55;

/// The number at which the shard of an application with this id begins. There are 256 shards; how they are chosen is
/// fixed for ever.
pub(in crate::backend) fn floor_of_id(id: &str) -> i64 {
    i64::from(Sha256::digest(id.as_bytes())[0]) << SHIFT
}

/// The number at which the shard that `no` belongs to begins.
pub(super) const fn floor_of(no: i64) -> i64 {
    no >> SHIFT << SHIFT
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn others_know_the_same_shards() {
        for id in ["app_2aVJUBMSFKUEk5GCjKzCGhqGkFN", "", "a"] {
            let floor = floor_of_id(id);
            assert_eq!(i64::from(crate::Shard::of(floor + 77).number()), floor >> SHIFT);
        }
    }

    #[test]
    fn the_shard_of_an_id_never_changes() {
        assert_eq!(floor_of_id("app_2aVJUBMSFKUEk5GCjKzCGhqGkFN") >> SHIFT, 210);
        assert_eq!(floor_of_id("") >> SHIFT, 227);
    }

    proptest! {
        #[test]
        fn a_number_keeps_its_shard_and_its_order(shard in 0i64..256, drawn in 1i64..1 << 50) {
            let no = (shard << SHIFT) + drawn;
            prop_assert_eq!(floor_of(no), shard << SHIFT);
            prop_assert!(no > 0 && no + 1 > no && floor_of(no + 1) == floor_of(no));
        }
    }
}
