//! The one way out: which addresses may be called, and the only code that opens a connection to one.
//!
//! A URL is read by [`TargetUrl::parse`], judged by [`EgressPolicy::check_url`] when it is registered, and judged again
//! with its resolved addresses by [`EgressPolicy::vet`] each time a connection is opened. Only `vet` makes
//! [`VettedAddrs`], and [`Connector`] dials nothing else, so that a dial which nobody checked does not compile.
//! A reader who wants to know what can never be called needs `address.rs` and `policy.rs` alone.

mod address;
mod connector;
mod identity;
mod internal_name;
mod policy;
mod proxy;
mod resolver;
mod scripted_resolver;
mod socket;
mod tls;
mod url;

pub use address::{Verdict, classify};
pub use connector::{ConnectError, Connection, Connector};
pub use identity::{IdentityError, TlsIdentity};
pub use policy::{Denied, EgressPolicy, PolicyError, VettedAddrs, parse_networks};
pub use proxy::{Proxy, ProxyError};
pub use resolver::{DnsResolver, ResolveError, Resolver};
pub use scripted_resolver::ScriptedResolver;
pub use socket::Socket;
pub use tls::{TlsProblem, Trust, TrustError};
pub(crate) use url::percent_decode;
pub use url::{Host, Origin, REGISTERED_URL_MAX, Scheme, TargetUrl, UrlError, UrlWarning};
