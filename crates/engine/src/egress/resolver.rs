//! From a host name to addresses, by DNS alone.
//!
//! Names are asked for as they stand, fully qualified: no search domains, which would turn `backend` into a machine of
//! the operator's, and no `/etc/hosts`, which is the operator's own address book. An error ends the look-up; there is no
//! second way to resolve that could answer differently.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::{ResolverBuilder, TokioResolver};
use tokio::time::timeout;

/// How long one look-up may take, both families of addresses together.
const BUDGET: Duration = Duration::from_secs(3);
/// How long an answer is used again at most, whatever its time to live says: receivers move by changing it.
const POSITIVE_TTL_MAX: Duration = Duration::from_secs(60);
/// How long a refusal is used again at most: a customer who corrects a name wants to see it work.
const NEGATIVE_TTL_MAX: Duration = Duration::from_secs(5);

/// Why a name has no addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The name does not exist, or has no address.
    #[error("the host name does not exist or has no address")]
    NotFound,
    /// No answer in time.
    #[error("the name server did not answer in time")]
    Timeout,
    /// The name server could not be asked or answered with an error.
    #[error("the name server could not be asked: {0}")]
    Failed(String),
}

/// Something that turns host names into addresses.
#[async_trait]
pub trait Resolver: Send + Sync + std::fmt::Debug + 'static {
    /// All addresses of a name (lower case, without a last dot), in the order in which to try them.
    ///
    /// # Errors
    /// When there is none. The caller does not ask elsewhere.
    async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError>;
}

/// Asks name servers.
#[derive(Debug)]
pub struct DnsResolver {
    /// A machine without name servers still starts: it can call literal addresses, and says for names what is missing.
    inner: Result<TokioResolver, ResolveError>,
}

impl DnsResolver {
    /// A resolver with the name servers that the system is configured with.
    #[must_use]
    pub fn system() -> Self {
        Self::build(TokioResolver::builder_tokio())
    }

    /// A resolver with these name servers, asked over UDP and, for long answers, TCP.
    #[must_use]
    pub fn with_servers(servers: &[SocketAddr]) -> Self {
        let servers = servers.iter().map(|server| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = server.port();
                connection
            });
            NameServerConfig::new(server.ip(), true, connections.to_vec())
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        Self::build(Ok(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())))
    }

    fn build(builder: Result<ResolverBuilder<TokioRuntimeProvider>, NetError>) -> Self {
        let inner = builder.and_then(|mut builder| {
            let options = builder.options_mut();
            options.use_hosts_file = ResolveHosts::Never;
            options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
            options.positive_max_ttl = Some(POSITIVE_TTL_MAX);
            options.negative_max_ttl = Some(NEGATIVE_TTL_MAX);
            // Two tries within the budget.
            options.timeout = BUDGET / 2;
            options.attempts = 1;
            builder.build()
        });
        let inner = inner.map_err(|error| ResolveError::Failed(error.to_string()));
        if let Err(error) = &inner {
            tracing::warn!(%error, "host names cannot be resolved");
        }
        Self { inner }
    }
}

#[async_trait]
impl Resolver for DnsResolver {
    async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let resolver = self.inner.as_ref().map_err(Clone::clone)?;
        // The last dot makes the name fully qualified.
        let looked_up = timeout(BUDGET, resolver.lookup_ip(format!("{host}."))).await;
        let answer = looked_up.map_err(|_elapsed| ResolveError::Timeout)?.map_err(|error| match error {
            NetError::Timeout => ResolveError::Timeout,
            error if error.is_no_records_found() => ResolveError::NotFound,
            error => ResolveError::Failed(error.to_string()),
        })?;
        let addresses: Vec<IpAddr> = answer.iter().collect();
        if addresses.is_empty() { Err(ResolveError::NotFound) } else { Ok(addresses) }
    }
}
