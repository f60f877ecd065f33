//! What tests of Ringback stand on, and the harness that tries to break it.
//!
//! * [`Receiver`] is a webhook receiver on a port of its own: it records every request and answers as scripted.
//! * [`RawReceiver`] answers in ways that HTTP libraries refuse to: drips, garbage, endless bodies, resets.
//! * [`Database`] is a PostgreSQL server in a folder, where its programs are installed.
//! * [`MailServer`] takes e-mails over SMTP, with TLS and without.
//! * [`signature`] signs and verifies Standard Webhooks, written apart from the product's own signer.
//! * [`torture`] is the black-box crash and power-cut harness behind the binary of the same name.
//!
//! Nothing here depends on another crate of the workspace: a test kit that shared code with what it tests would share
//! its mistakes. All sockets are on loopback addresses.

pub mod database;
mod late;
pub mod mail_server;
pub mod raw_receiver;
pub mod receiver;
pub mod signature;
pub mod torture;

pub use database::Database;
pub use late::Late;
pub use mail_server::{MailServer, MailServerOptions, TakenMail};
pub use raw_receiver::{RawMode, RawReceiver};
pub use receiver::{Answer, ReceivedRequest, Receiver};
pub use signature::{SignatureError, sign, verify};
