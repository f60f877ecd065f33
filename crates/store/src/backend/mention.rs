//! How words are kept: in parts of a million messages each, so that a part goes as a whole when its messages have gone.

use ringback_model::MessageNo;

/// Words of messages that are gone which are deleted with each commit of new ones.
pub(in crate::backend) const SWEEP: usize = 500;

/// The part that a message's words are in.
pub(in crate::backend) const fn part(message: MessageNo) -> i64 {
    message.0 >> 20
}
