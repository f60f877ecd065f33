//! The black-box crash harness: it starts the real server, loads it, kills it, cuts its power, and compares what was
//! acknowledged with what arrived.
//!
//! It knows the public API and nothing else. The ledger of what was sent and acknowledged lies in the harness, outside
//! everything that is killed; the receivers are in the harness, too, and log before they answer. When the faults are
//! over, receivers are healed, the backlog drains, and the pure [`checker`] judges the [`history`].
//!
//! Read in this order: [`history`] and [`checker`] (what is promised), `run` and `crash` (the shape of a
//! run), `load` and `receivers` (what goes on beside it).

mod canary;
pub mod checker;
mod client;
mod crash;
mod dialects;
mod faults;
mod figures;
pub mod history;
mod large;
mod ledger;
mod load;
mod loop_disk;
mod nodes;
mod pace;
mod plan;
mod points;
mod powercut;
mod process;
mod receivers;
mod recovery;
#[cfg(test)]
mod rehearsal;
mod report;
mod retention;
mod run;
mod sampler;
mod seed;
mod settle;
mod shim;
mod sink;
mod soak;
mod stage;
mod term;

pub use canary::run as canary;
pub use crash::{Crash, run as crash};
pub use dialects::{Dialects, run as dialects};
pub use faults::{Faults, run as faults};
pub use large::{Figure, Large, run as large};
pub use nodes::{Cluster, Nodes, run as nodes};
pub use points::{Points, run as points};
pub use powercut::{Powercut, run as powercut};
pub use report::{Report, Verdict};
pub use retention::{Retention, run as retention};
pub use run::Options;
pub use soak::{Soak, run as soak};
pub use term::run as term;
