//! What pollers get: messages that were noted for them in the commit that accepted them, read in that order.

use ringback_model::{AppNo, Message, MessageNo, PollerNo};

/// Bits of a message's number below the shard of its application. A store without shards never fills them.
const OFFSET_BITS: u32 = 55;

/// Asks for messages of a poller, in the order of their numbers. Their payloads are not read.
///
/// IMPORTANT: of the messages up to the last one that is answered none is left out, and none comes later: whoever goes on
/// from there has missed nothing.
#[derive(Clone, Copy, Debug)]
pub struct PollQuery {
    /// The application.
    pub app: AppNo,
    /// The poller.
    pub poller: PollerNo,
    /// Only those after this one.
    pub after: MessageNo,
    /// At most so many.
    pub limit: usize,
}

/// A message of a poller.
#[derive(Clone, Debug)]
pub struct Polled {
    /// The message, without its payload.
    pub message: Message,
    /// It has one.
    pub has_payload: bool,
}

/// The place of a message among those of its application: a number that clients can hold which know no 64 bits.
#[must_use]
pub const fn offset_of(message: MessageNo) -> i64 {
    message.0 & ((1 << OFFSET_BITS) - 1)
}

/// The message of an application at a place; nothing if there can be no such place.
#[must_use]
pub const fn message_at(app: AppNo, offset: i64) -> Option<MessageNo> {
    if offset < 0 || offset >> OFFSET_BITS != 0 {
        return None;
    }
    Some(MessageNo((app.0 >> OFFSET_BITS << OFFSET_BITS) | offset))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_place_leads_back_to_its_message_and_places_rise_with_numbers(
            shard in 0i64..256, app in 1i64..1 << 50, one in 1i64..1 << 54, other in 1i64..1 << 54,
        ) {
            let of_shard = |number: i64| (shard << OFFSET_BITS) + number;
            let (app, one, other) = (AppNo(of_shard(app)), MessageNo(of_shard(one)), MessageNo(of_shard(other)));
            prop_assert_eq!(message_at(app, offset_of(one)), Some(one));
            prop_assert_eq!(offset_of(one).cmp(&offset_of(other)), one.cmp(&other));
        }

        #[test]
        fn what_is_no_place_leads_nowhere(offset in prop_oneof![i64::MIN..0, 1i64 << OFFSET_BITS..i64::MAX]) {
            prop_assert_eq!(message_at(AppNo(1), offset), None);
        }
    }
}
