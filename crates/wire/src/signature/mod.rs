//! What shows a receiver that a request is genuine: the standard signature, and those of providers of messaging.
//!
//! A provider's signature is data (`[[signature]]` in the file of its dialect): an [`algorithm`], a key, and the
//! [`content`] that is signed, put together from parts of the request. Nothing here draws a nonce or reads a clock: the
//! nonce follows from key, message and time.

mod algorithm;
mod check;
mod content;
mod ed25519;
mod explain;
mod form;
mod jwt;
mod provider;
mod scheme;
mod standard;

#[cfg(test)]
mod vectors;

pub use check::{CheckError, Checked, Received, check_signatures};
pub use explain::{Explanation, SignedWith, Written};
pub(crate) use provider::Provider;
pub(crate) use scheme::Scheme;
pub use standard::Signer;
