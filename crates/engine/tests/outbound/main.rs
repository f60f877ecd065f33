//! The way out, end to end: what is never dialled, what hostile receivers can do, TLS, and what is used again.
//!
//! Receivers are listeners on loopback, allowed by a rule; names are resolved by a script. Nothing leaves the machine.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod dns;
mod hostile;
mod probe;
mod proxy;
mod receiver;
mod reuse;
mod ssrf;
mod ssrf_vectors;
mod tls;
mod world;
