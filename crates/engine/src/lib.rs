//! Makes due deliveries happen.
//!
//! `pump/` takes due work into lanes, asks the scheduler what may run and starts it; `executor.rs` is one attempt on
//! one screen, `sender.rs` how its request is sent; `node.rs` keeps the lease that all of it is done under; `scheduler/` decides, and is pure; `egress/` is the only way out of the house and `transport/` one HTTP
//! exchange over it. `mail/` sends e-mails to the operator.

mod busiest;
mod clock;
mod configuration;
mod engine;
mod executor;
mod gatekeeper;
mod holds;
mod inquiry;
mod judgement;
mod log;
mod meter;
mod node;
mod notice;
mod oauth;
mod probe;
mod process;
mod pump;
mod random;
mod route;
mod sender;
mod tallies;
mod term;
mod transformer;
mod watch;

pub mod egress;
pub mod mail;
pub mod scheduler;
pub mod transport;

pub use busiest::AppReading;
pub use clock::SystemClock;
pub use engine::{Engine, EngineOptions};
pub use inquiry::{Inquiry, InquiryError};
pub use judgement::Judgement;
pub use meter::EngineReading;
pub use oauth::{OauthClient, TokenError};
pub use probe::Probe;

pub use random::SystemRandom;
pub use route::{DestinationError, Route, RouteError, check_auth};
pub use sender::{Sender, Sending, Tried};
pub use term::NodeReading;
pub use transformer::{Transformer, serve_transformations};
pub use watch::{EngineState, EngineWatch, Stalled};
