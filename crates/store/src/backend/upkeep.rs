//! Parts of the messages that are visited together, when something in them is to go.

use std::collections::BTreeMap;

use ringback_model::{MessageNo, Timestamp};

/// Numbers of a part, as a power of two.
const BITS: u32 = 12;

/// The part that a message is in.
pub(in crate::backend) const fn part(message: MessageNo) -> i64 {
    message.0 >> BITS
}

/// The number below the first one of a part, and the last one.
pub(in crate::backend) const fn bounds(part: i64) -> (MessageNo, MessageNo) {
    let first = part << BITS;
    (MessageNo(first - 1), MessageNo(first + ((1 << BITS) - 1)))
}

/// The first time of each part.
pub(in crate::backend) fn first_times(times: &[(MessageNo, Timestamp)]) -> BTreeMap<i64, Timestamp> {
    let mut first = BTreeMap::new();
    for (message, at) in times {
        first.entry(part(*message)).and_modify(|first: &mut Timestamp| *first = (*first).min(*at)).or_insert(*at);
    }
    first
}
