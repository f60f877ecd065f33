//! One HTTP exchange with a receiver, over a kept-alive or a new connection.
//!
//! [`Transport::send`] is the whole of it: one request, one deadline over everything, one result. It follows no
//! redirect, decompresses nothing, knows no proxy, and believes nothing that a receiver says beyond its limits. It does
//! not decide what counts as a success: that is the endpoint's rule.
//!
//! `exchange.rs` is the way of a request, `live.rs` a connection and one turn on it, `pool.rs` what is kept between.

mod exchange;
mod live;
mod pool;
mod retry_after;
mod tap;

pub use exchange::{Answer, BodyEnd, Fault, OutgoingRequest, Receiver, Sent, Transport};
pub use retry_after::{RETRY_AFTER_MAX, retry_after};
