//! What a look at a store finds, and what is wrong with it.

use ringback_model::DeliveryState;

use crate::{Backlog, Node};

/// What a look at a store finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// The version of the tables.
    pub version: i64,
    /// Messages.
    pub messages: u64,
    /// Deliveries by state.
    pub deliveries: Vec<(DeliveryState, u64)>,
    /// Attempts.
    pub attempts: u64,
    /// Configuration documents, deleted ones left out.
    pub documents: u64,
    /// What waits.
    pub backlog: Backlog,
    /// The servers that share it, where several can.
    pub nodes: Vec<Node>,
    /// What is wrong; nothing if all is well.
    pub troubles: Vec<String>,
}
