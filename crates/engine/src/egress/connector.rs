//! The only code that opens a connection to a receiver.
//!
//! Each connection is made of one look-up, one judgement of all its addresses and a dial of nothing but these, so that
//! a name which changes between the look-up and the dial changes nothing. Literal addresses go the same way.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ringback_model::{Exchange, Failure, NotSent};
use rustix::io::Errno;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout_at};

use super::internal_name::is_localhost;
use super::tls::server_name;
use super::{
    Denied, EgressPolicy, Host, Proxy, ResolveError, Resolver, Scheme, Socket, TargetUrl, TlsIdentity, TlsProblem,
    Trust, VettedAddrs,
};

/// The longest that one dial or one handshake may take, whatever the deadline leaves: a receiver that is there
/// answers a SYN at once, and the time is better spent on its next address or the next attempt.
const PHASE_MAX: Duration = Duration::from_secs(5);

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The policy refuses the receiver. Nothing was sent to it.
    #[error("the receiver may not be called: {0}")]
    Denied(#[from] Denied),
    /// The host name has no address.
    #[error(transparent)]
    Dns(#[from] ResolveError),
    /// This machine is out of sockets, ports or memory.
    #[error("this machine is out of sockets, ports or memory")]
    LocalResource,
    /// The proxy that everything goes through does not do its work.
    #[error("the proxy of this server could not be used: {0}")]
    Proxy(&'static str),
    /// No address could be connected to.
    #[error("the receiver refused the connection or could not be reached")]
    Refused,
    /// The time was up.
    #[error("the receiver did not take the connection in time")]
    Timeout,
    /// The connection was made, and TLS failed on it.
    #[error("the TLS handshake failed: {0}")]
    Tls(TlsProblem),
}

impl ConnectError {
    /// What it means for the delivery: whether it counts as a try of the receiver.
    ///
    /// # Errors
    /// Never a try: what kept this side from dialling.
    pub const fn failure(&self) -> Result<Failure, NotSent> {
        match self {
            Self::Denied(_) => Err(NotSent::AddressDenied),
            Self::Dns(_) => Err(NotSent::Dns),
            Self::LocalResource | Self::Proxy(_) => Err(NotSent::LocalResource),
            Self::Refused => Ok(Failure::Connect),
            Self::Timeout | Self::Tls(TlsProblem::Silent) => Ok(Failure::Timeout),
            Self::Tls(_) => Ok(Failure::Tls),
        }
    }
}

/// An open connection, TLS included, to an address that was vetted.
#[derive(Debug)]
pub struct Connection {
    /// The byte stream.
    pub socket: Socket,
    /// The address at its far end. For operators, never for a customer.
    pub address: IpAddr,
    /// The generation of the policy by which it was vetted: see [`Connector::generation`].
    pub generation: u64,
}

#[derive(Debug)]
struct Rule {
    policy: Arc<EgressPolicy>,
    generation: u64,
}

/// Opens connections to receivers. One per process: deliveries, tests, verification and token fetches share it.
#[derive(Debug)]
pub struct Connector {
    rule: RwLock<Rule>,
    resolver: Arc<dyn Resolver>,
    trust: Trust,
    proxy: Option<Proxy>,
}

impl Connector {
    /// A connector that obeys `policy`, asks `resolver` and believes `trust`.
    #[must_use]
    pub fn new(policy: EgressPolicy, resolver: Arc<dyn Resolver>, trust: Trust) -> Self {
        Self { rule: RwLock::new(Rule { policy: Arc::new(policy), generation: 0 }), resolver, trust, proxy: None }
    }

    /// The same, with everything going through a proxy.
    #[must_use]
    pub fn through(mut self, proxy: Option<Proxy>) -> Self {
        self.proxy = proxy;
        self
    }

    /// The policy in force: what registration checks URLs against.
    #[must_use]
    pub fn policy(&self) -> Arc<EgressPolicy> {
        Arc::clone(&self.rule.read().unwrap_or_else(PoisonError::into_inner).policy)
    }

    /// Puts another policy in force. Connections of an older generation must not be used again.
    pub fn set_policy(&self, policy: EgressPolicy) {
        let mut rule = self.rule.write().unwrap_or_else(PoisonError::into_inner);
        *rule = Rule { policy: Arc::new(policy), generation: rule.generation + 1 };
    }

    /// A number that rises with each change of policy.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.rule.read().unwrap_or_else(PoisonError::into_inner).generation
    }

    /// Opens a connection to a receiver before `deadline`, in TLS as `identity` if there is one. What happens on the way, how long each phase took and which
    /// address was dialled, is written to `seen` also when it fails.
    ///
    /// # Errors
    /// Why there is none. Not a byte of a request has gone out.
    pub async fn connect(
        &self,
        target: &TargetUrl,
        identity: Option<&TlsIdentity>,
        deadline: Instant,
        seen: &mut Exchange,
    ) -> Result<Connection, ConnectError> {
        let (policy, generation) = {
            let rule = self.rule.read().unwrap_or_else(PoisonError::into_inner);
            (Arc::clone(&rule.policy), rule.generation)
        };
        // Before the look-up, so that not even a query leaves for a receiver that is refused in any case.
        policy.check_url(target)?;
        let begun = Instant::now();
        let resolved = timeout_at(deadline, self.resolve(&policy, target)).await;
        let looked_up = Instant::now();
        seen.phases.dns = looked_up - begun;
        let addresses = resolved.unwrap_or(Err(ResolveError::Timeout))?;
        let vetted = policy.vet(target, &addresses)?;

        let dialled = self.dial(&policy, &vetted, deadline, seen).await;
        let connected = Instant::now();
        seen.phases.connect = connected - looked_up;
        let (tcp, address) = dialled?;

        let socket = match target.scheme() {
            Scheme::Http => Socket::plain(tcp),
            Scheme::Https => {
                let shaken = self.handshake(tcp, target.host(), identity, deadline).await;
                seen.phases.tls = connected.elapsed();
                shaken?
            }
        };
        Ok(Connection { socket, address, generation })
    }

    async fn resolve(&self, policy: &EgressPolicy, target: &TargetUrl) -> Result<Vec<IpAddr>, ResolveError> {
        match target.host() {
            Host::Address(address) => Ok(vec![*address]),
            // Never asked for outside (RFC 6761), and nothing at all unless the operator allows loopback.
            Host::Name(name) if is_localhost(name) => Ok(policy.granted_loopback()),
            Host::Name(name) => self.resolver.resolve(name).await,
        }
    }

    async fn handshake(
        &self,
        tcp: TcpStream,
        host: &Host,
        identity: Option<&TlsIdentity>,
        deadline: Instant,
    ) -> Result<Socket, ConnectError> {
        let name = server_name(host).map_err(ConnectError::Tls)?;
        let deadline = deadline.min(Instant::now() + PHASE_MAX);
        match timeout_at(deadline, self.trust.connector(identity).connect(name, tcp)).await {
            Err(_elapsed) => Err(ConnectError::Tls(TlsProblem::Silent)),
            Ok(Err(error)) => {
                Err(ConnectError::Tls(TlsProblem::of(&error, identity.is_some_and(TlsIdentity::has_authority))))
            }
            Ok(Ok(stream)) => Ok(Socket::tls(stream)),
        }
    }

    /// Connects to the vetted addresses in turn, each with an equal share of the time that is left.
    async fn dial(
        &self,
        policy: &EgressPolicy,
        vetted: &VettedAddrs,
        deadline: Instant,
        seen: &mut Exchange,
    ) -> Result<(TcpStream, IpAddr), ConnectError> {
        let mut failed = ConnectError::Refused;
        let sockets = vetted.sockets();
        let mut left = u32::try_from(sockets.len()).unwrap_or(u32::MAX);
        for address in sockets {
            seen.address = Some(address.ip());
            let now = Instant::now();
            let share = (deadline.saturating_duration_since(now) / left.max(1)).min(PHASE_MAX);
            left -= 1;
            match timeout_at(now + share, self.dial_vetted(policy, vetted, address)).await {
                Err(_elapsed) => failed = ConnectError::Timeout,
                Ok(Ok(stream)) => return Ok((stream, address.ip())),
                Ok(Err(error @ (ConnectError::Refused | ConnectError::Timeout))) => failed = error,
                Ok(Err(error)) => return Err(error),
            }
        }
        Err(failed)
    }

    /// Connects to one of the vetted addresses, or has the proxy do it.
    async fn dial_vetted(
        &self,
        policy: &EgressPolicy,
        vetted: &VettedAddrs,
        address: SocketAddr,
    ) -> Result<TcpStream, ConnectError> {
        if let Some(proxy) = &self.proxy {
            return proxy.connect(&*self.resolver, address).await;
        }
        let stream = dial_one(address)
            .await
            .map_err(|error| if is_local(&error) { ConnectError::LocalResource } else { ConnectError::Refused })?;
        // Without an address the far end has already reset it.
        let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else {
            return Err(ConnectError::Refused);
        };
        if !vetted.holds(peer) {
            return Err(Denied::Address.into());
        }
        // A dial to a closed port of this machine can meet itself (TCP simultaneous open).
        if local == peer || policy.is_own_listener(local, peer) {
            return Err(Denied::OwnListener.into());
        }
        Ok(stream)
    }
}

async fn dial_one(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Whether an error is this machine's own: out of files, ports or memory.
fn is_local(error: &io::Error) -> bool {
    let Some(errno) = Errno::from_io_error(error) else { return false };
    matches!(errno, Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM | Errno::ADDRNOTAVAIL)
}
