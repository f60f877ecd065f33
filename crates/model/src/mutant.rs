//! Promises that a program built with the feature `mutants` breaks on purpose, so that the checks can be seen to notice.
//!
//! One build holds all of them; the variable `TORTURE_MUTANT` names the one that is alive. In any other build none is, and
//! the compiler takes the code away.

use std::sync::LazyLock;

/// The variable that names the mutant that is alive. It is none of the server's settings.
const VARIABLE: &str = "TORTURE_MUTANT";

/// One promise that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// A message is answered before its commit is on disk.
    AckBeforeCommit,
    /// A program goes on after the disk has failed it.
    BrokenDiskIgnored,
    /// An idempotency key is not kept with what it stands for.
    IdempotencyForgotten,
    /// A message is kept without its ordering key.
    OrderForgotten,
    /// What has failed once is not tried again.
    RetriesForgotten,
    /// A delivery in two hundred is recorded as delivered, and nothing was sent.
    DeliveredUnsent,
    /// A request in a hundred is changed after it was signed.
    BodyAltered,
    /// An address of the operator's own network is called.
    AddressUnvetted,
    /// An endpoint gets more requests at once than its cap.
    CapIgnored,
    /// An owner that was replaced records what it has sent.
    FenceMissing,
    /// Who owns a shard is asked before an outcome is recorded, and not while it is.
    FenceApart,
    /// What commits late is passed over, because a later message was sent before.
    HighWater,
    /// A node does not take in what others hand over to it.
    ShardForgotten,
}

impl Mutant {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AckBeforeCommit => "ack-before-commit",
            Self::BrokenDiskIgnored => "broken-disk-ignored",
            Self::IdempotencyForgotten => "idempotency-forgotten",
            Self::OrderForgotten => "order-forgotten",
            Self::RetriesForgotten => "retries-forgotten",
            Self::DeliveredUnsent => "delivered-unsent",
            Self::BodyAltered => "body-altered",
            Self::AddressUnvetted => "address-unvetted",
            Self::CapIgnored => "cap-ignored",
            Self::FenceMissing => "fence-missing",
            Self::FenceApart => "fence-apart",
            Self::HighWater => "high-water",
            Self::ShardForgotten => "shard-forgotten",
        }
    }

    /// Whether the promise is to be broken.
    #[must_use]
    #[inline]
    pub fn is_alive(self) -> bool {
        cfg!(feature = "mutants") && Self::alive() == Some(self.name())
    }

    /// The name of the one that is alive; none in a build that is used.
    #[must_use]
    pub fn alive() -> Option<&'static str> {
        static ALIVE: LazyLock<Option<String>> =
            LazyLock::new(|| std::env::var(VARIABLE).ok().filter(|_| cfg!(feature = "mutants")));
        ALIVE.as_deref()
    }
}
