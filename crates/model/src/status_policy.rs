//! Which states of a message an endpoint wants to hear of.

use serde::{Deserialize, Serialize};

/// Which states of a message make a delivery. Decided from the report alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusPolicy {
    /// All of them.
    #[default]
    All,
    /// Those after which nothing more is expected.
    FinalOnly,
    /// Those of a Kannel mask: 1 delivered, 2 failed, 4 buffered, 8 accepted by the operator, 16 rejected by it.
    Mask(u8),
}
