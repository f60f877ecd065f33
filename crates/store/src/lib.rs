//! The durable facts: what was accepted, what is due, what was tried, and the configuration it was done by.
//!
//! [`Store`] is the port that every backend implements; its methods are domain steps, each atomic, none of which hands
//! out a transaction, so that none can be held open while a request is under way. [`conformance`] is the suite that
//! every backend has to pass. [`Directory`] is the cache of configuration that matching and sending read.
//!
//! Read `port.rs` first, then `backend/sqlite/delivery.rs`.

mod audit;
pub mod backend;
pub mod conformance;
mod directory;
mod document;
mod error;
mod expiry;
mod fact;
mod feed;
mod inspection;
mod mention;
mod meter;
mod node;
mod notice;
mod poll;
mod port;
mod query;
mod reply;
mod seal;
mod takers;
mod tally;
mod task;

pub use audit::{AUDIT_KEPT, AUDIT_MOST, Audit, AuditQuery, Audited};
pub use directory::{AppConfig, Directory, EndpointConfig, PollerConfig};
pub use document::{
    Configuration, Delete, DeletedDocument, DeletedQuery, Document, DocumentKind, DocumentPage, Expect, KnownVersions,
    Put, PutResult, Rewrite, Written,
};
pub use error::StoreError;
pub use expiry::{Aging, AgingQuery, EXPUNGED, Expire, Expired, Expiry, Part};
pub use fact::{
    Accept, AcceptBatch, Accepted, BatchAccepted, Clear, Cleared, Due, Finish, Finished, Follow, Followed, Idempotency,
    LaneStart, NewAttempt, NewMessage, QueueNo, Rearm, Rearmed, Release, Released, Step, Take, Taken, Target,
};
pub use feed::{Committed, Feed, FeedSender, Settled, feed};
pub use inspection::Inspection;
pub use mention::{Mention, MentionQuery, Unread, UnreadQuery, UnreadRun};
pub use meter::{Room, StoreMeter};
pub use node::{Epoch, HandOver, Lease, NewNode, Node, NodeNo, OverdueQuery, Shard};
pub use notice::Noticed;
pub use poll::{PollQuery, Polled, message_at, offset_of};
pub use port::Store;
pub use query::{AttemptQuery, AttemptScope, Direction, EndpointDeliveryQuery, Hits, MessageQuery, MessageRef, Paging};
pub use reply::{Answer, Reply};
pub use seal::{MasterKey, SealError};
pub use tally::{Backlog, Backlogs, Count, EndpointTallyQuery, JointBacklog, Subject, TallyQuery};
pub use task::{Advance, Advanced, Arm, End, Ended, SurveyQuery, Surveyed};
