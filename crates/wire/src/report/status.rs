//! The states of a message: their words, their rank, and which of them are final.

/// A state of a message, in the words that all dialects are rendered from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// The platform has taken it.
    Accepted,
    /// It waits for its time.
    Scheduled,
    /// It waits for its turn.
    Queued,
    /// It is on its way to the operator.
    Sending,
    /// The operator has taken it.
    Sent,
    /// Nobody can tell; a later state overrides it.
    Unknown,
    /// Somebody called it off.
    Canceled,
    /// It was refused: by the platform, or by the operator.
    Rejected,
    /// Its time was up.
    Expired,
    /// It cannot be delivered.
    Undelivered,
    /// The handset has it.
    Delivered,
    /// Somebody has read it.
    Read,
    /// Somebody has listened to it.
    Played,
}

/// All states with their word, rank and whether nothing more is expected after them.
const TABLE: [(Status, &str, u8, bool); 13] = [
    (Status::Accepted, "accepted", 10, false),
    (Status::Scheduled, "scheduled", 12, false),
    (Status::Queued, "queued", 20, false),
    (Status::Sending, "sending", 25, false),
    (Status::Sent, "sent", 30, false),
    (Status::Unknown, "unknown", 40, false),
    (Status::Canceled, "canceled", 50, true),
    (Status::Rejected, "rejected", 50, true),
    (Status::Expired, "expired", 50, true),
    (Status::Undelivered, "undelivered", 50, true),
    (Status::Delivered, "delivered", 60, true),
    (Status::Read, "read", 70, true),
    (Status::Played, "played", 75, true),
];

/// What gateways say of a message (SMPP 3.4, appendix B, and 5.0), but for the words that are ours, too. An operator that
/// has accepted it has taken it.
const SMPP: [(&str, Status); 7] = [
    ("ENROUTE", Status::Sent),
    ("ACCEPTD", Status::Sent),
    ("DELIVRD", Status::Delivered),
    ("UNDELIV", Status::Undelivered),
    ("SKIPPED", Status::Undelivered),
    ("REJECTD", Status::Rejected),
    ("DELETED", Status::Canceled),
];

impl Status {
    /// Every state, by rank.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }

    /// The state with this word, in any case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1.eq_ignore_ascii_case(word.trim())).map(|row| row.0)
    }

    /// The state that a word of ours or one of SMPP stands for, in any case.
    #[must_use]
    pub fn understood(word: &str) -> Option<Self> {
        let by_smpp = || SMPP.iter().find(|row| row.0.eq_ignore_ascii_case(word.trim())).map(|row| row.1);
        Self::parse(word).or_else(by_smpp)
    }

    fn row(self) -> &'static (Self, &'static str, u8, bool) {
        &TABLE[self as usize]
    }

    /// Its word.
    #[must_use]
    pub fn text(self) -> &'static str {
        self.row().1
    }

    /// How far the message has come: a state with a higher rank comes later.
    #[must_use]
    pub fn rank(self) -> u8 {
        self.row().2
    }

    /// Whether nothing more is expected after it, and the message did not arrive.
    #[must_use]
    pub fn is_failure(self) -> bool {
        self.is_final() && self < Self::Delivered
    }

    /// Whether nothing more is expected after it.
    #[must_use]
    pub fn is_final(self) -> bool {
        self.row().3
    }

    /// Its bits in a Kannel mask: 1 delivered, 2 failed, 4 buffered, 8 accepted by the operator, 16 rejected by it.
    #[must_use]
    pub fn kannel_bits(self) -> u8 {
        match self {
            Self::Delivered | Self::Read | Self::Played => 1,
            Self::Unknown | Self::Canceled | Self::Expired | Self::Undelivered => 2,
            Self::Accepted | Self::Scheduled | Self::Queued | Self::Sending => 4,
            Self::Sent => 8,
            // Rejected by the operator; a receiver that asks for failures wants to hear of it, too.
            Self::Rejected => 16 | 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_states_and_of_their_ranks() {
        for (at, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, at);
            assert_eq!(Status::parse(&row.1.to_uppercase()), Some(row.0));
        }
        assert!(TABLE.is_sorted_by_key(|row| row.2));
    }
}
