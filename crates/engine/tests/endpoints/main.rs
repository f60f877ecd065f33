//! What a whole engine does with endpoints of every kind, over real receivers on loopback.
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

mod answers;
mod batching;
mod callback;
mod counting;
mod gates;
mod holding;
mod mtls;
mod oauth;
mod receiver;
mod rotation;
mod timing;
mod transformation;
mod world;
