//! The HTTP API and its OpenAPI document.
//!
//! [`Api`] answers requests: [`front`](Api::answer) does what every request needs, the router under it leads to one
//! handler per operation in `v1/`, and `problem.rs` alone knows which error is which status. Handlers translate: body
//! and actor in, the use case of [`ringback_service`], the answer out. The API is that of the Svix server, so that its
//! client libraries work by changing their server URL; what is added are further fields and paths.
//!
//! Read `v1/message.rs` first.

mod backfill;
mod docs;
mod explain;
mod extract;
mod front;
mod host;
mod jql;
mod json;
mod monitor;
mod not_yet;
mod oauth;
mod object;
mod openapi;
mod paging;
mod patch;
mod problem;
mod query;
mod respond;
mod schemas;
mod server;
mod unread;
mod v1;

pub use front::Api;
pub use host::Hosts;
pub use monitor::{Family, FigureReader, Number, Point, Readings};
pub use openapi::document as openapi_document;
pub use server::serve;
