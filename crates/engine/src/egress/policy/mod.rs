//! The operator's policy: what may be called beyond the public internet, and what not even there.
//!
//! Rules are the operator's alone and name addresses, never host names: a name is whatever its owner says today. The most
//! specific rule wins, a refusal wins over a permission for the same range, and without a rule [`classify`] decides.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use ringback_model::Mutant;

use super::address::{classify, is_metadata, nat64};
use super::internal_name::{is_internal, is_localhost};
use super::{Host, Scheme, TargetUrl};

/// A host with more addresses than this is not called: no receiver needs them, and somebody has to look at them all.
const ADDRESSES_MAX: usize = 32;

/// Ports above 1023 on which databases, brokers and control planes listen, which speak to anyone who speaks HTTP.
const RESTRICTED_PORTS: &[u16] = &[
    1433, 1521, 2049, 2375, 2376, 2379, 2380, 3306, 3389, 5432, 5672, 5900, 6379, 6443, 9042, 9092, 9200, 9300, 10250,
    11211, 27017, 27018, 27019,
];

/// Why a rule is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Neither a range nor an address.
    #[error("`{text}` is no address range: write it as 10.0.0.0/8, fd00::/8 or a single address")]
    Range {
        /// What was given.
        text: String,
    },
    /// A range that holds everything.
    #[error("`{text}` would allow every address: name the ranges that receivers are in")]
    Everything {
        /// What was given.
        text: String,
    },
}

/// Reads a list of ranges and single addresses with commas between them, as an operator writes it.
///
/// # Errors
/// When one of them is neither, or holds every address.
pub fn parse_networks(text: &str) -> Result<Vec<IpNet>, PolicyError> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(parse_network).collect()
}

fn parse_network(text: &str) -> Result<IpNet, PolicyError> {
    let net = match text.parse::<IpNet>() {
        Ok(net) => net,
        Err(_) => IpNet::from(text.parse::<IpAddr>().map_err(|_| PolicyError::Range { text: text.to_owned() })?),
    };
    if net.prefix_len() == 0 {
        return Err(PolicyError::Everything { text: text.to_owned() });
    }
    Ok(net.trunc())
}

/// Why a receiver is not called. A text never names an address that a customer has not written: it would map the
/// operator's network for whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Plain http where only https is allowed.
    #[error("only `https://` URLs are allowed on this server")]
    HttpsOnly,
    /// A port that other services live on.
    #[error("port {0} is not allowed: use 80, 443 or a port above 1023 that no database or control plane uses")]
    Port(u16),
    /// A host name that exists only inside a network.
    #[error("the host name is not one of the public internet")]
    InternalName,
    /// An address that is not public.
    #[error("the address is not allowed")]
    Address,
    /// A listener of this server itself.
    #[error("the address is not allowed")]
    OwnListener,
    /// More addresses than a receiver has.
    #[error("the host name has too many addresses")]
    TooManyAddresses,
}

/// What one address is to the policy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The operator allows it by name.
    Granted,
    /// Public, and no rule speaks of it.
    Public,
    /// Neither, or refused by a rule.
    Refused,
}

#[derive(Clone, Copy, Debug)]
struct Rule {
    net: IpNet,
    allow: bool,
}

/// What may be called. By default: public addresses over http and https, on ports that web servers use.
#[derive(Clone, Debug, Default)]
pub struct EgressPolicy {
    rules: Vec<Rule>,
    https_only: bool,
    listeners: Vec<SocketAddr>,
}

impl EgressPolicy {
    /// The public internet alone.
    #[must_use]
    pub fn public() -> Self {
        Self::default()
    }

    /// Allows ranges that are not public, on any port. The address of a cloud's metadata service is allowed only by a
    /// range that holds nothing else.
    #[must_use]
    pub fn allow(mut self, nets: impl IntoIterator<Item = IpNet>) -> Self {
        self.rules.extend(nets.into_iter().map(|net| Rule { net, allow: true }));
        self
    }

    /// Refuses ranges, public ones too: an operator's own public addresses, say.
    #[must_use]
    pub fn deny(mut self, nets: impl IntoIterator<Item = IpNet>) -> Self {
        self.rules.extend(nets.into_iter().map(|net| Rule { net, allow: false }));
        self
    }

    /// Refuses plain http everywhere.
    #[must_use]
    pub const fn https_only(mut self, only: bool) -> Self {
        self.https_only = only;
        self
    }

    /// Names the sockets on which this server listens, which no rule can make callable. One on an unspecified address
    /// (`0.0.0.0`, `::`) is refused on every address of this machine.
    #[must_use]
    pub fn listeners(mut self, listeners: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.listeners.extend(listeners);
        self
    }

    /// Whether a URL may be registered. Its host is not resolved: what a name stands for can change, so addresses are
    /// judged at each connection. Where the operator has allowed ranges, a name of an internal form or a port of
    /// another service passes here and is held to those ranges when it is called.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check_url(&self, target: &TargetUrl) -> Result<(), Denied> {
        if self.https_only && target.scheme() == Scheme::Http {
            return Err(Denied::HttpsOnly);
        }
        match target.host() {
            Host::Address(address) => self.check_address(target, *address),
            Host::Name(name) if is_localhost(name) => {
                let loopback = self.granted_loopback();
                let first = loopback.first().ok_or(Denied::InternalName)?;
                self.check_address(target, *first)
            }
            Host::Name(_) if self.rules.iter().any(|rule| rule.allow) => Ok(()),
            Host::Name(name) if is_internal(name) => Err(Denied::InternalName),
            Host::Name(_) if !is_web_port(target.port()) => Err(Denied::Port(target.port())),
            Host::Name(_) => Ok(()),
        }
    }

    /// Judges the addresses that a URL's host was resolved to, all of them: one that may not be called refuses the
    /// rest, because a name that points both ways is an attack or a mistake. This is the only source of [`VettedAddrs`].
    ///
    /// # Errors
    /// Why the receiver may not be called.
    pub fn vet(&self, target: &TargetUrl, addresses: &[IpAddr]) -> Result<VettedAddrs, Denied> {
        self.check_url(target)?;
        if addresses.is_empty() {
            return Err(Denied::Address);
        }
        if addresses.len() > ADDRESSES_MAX {
            return Err(Denied::TooManyAddresses);
        }
        for address in addresses {
            self.check_address(target, *address)?;
        }
        // A host that can be reached by IPv4 is called by it: a machine without IPv6 is far commoner than the reverse.
        let mut addresses: Vec<IpAddr> = addresses.iter().map(IpAddr::to_canonical).collect();
        addresses.sort_by_key(IpAddr::is_ipv6);
        Ok(VettedAddrs { addresses, port: target.port() })
    }

    /// The loopback addresses that the operator allows: all that `localhost` can ever mean.
    pub(super) fn granted_loopback(&self) -> Vec<IpAddr> {
        let mut loopback = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        loopback.retain(|address| self.standing(*address) == Standing::Granted);
        loopback
    }

    /// Whether a connection that has just been opened ended at a listener of this server. Only a connection tells
    /// that an address is one of this machine's own: its two ends then have the same one.
    pub(super) fn is_own_listener(&self, local: SocketAddr, peer: SocketAddr) -> bool {
        let here = local.ip().to_canonical() == peer.ip().to_canonical();
        self.listeners.iter().any(|own| own.port() == peer.port() && own.ip().is_unspecified() && here)
    }

    fn check_address(&self, target: &TargetUrl, address: IpAddr) -> Result<(), Denied> {
        if Mutant::AddressUnvetted.is_alive() {
            return Ok(());
        }
        if self.is_listener(address, target.port()) {
            return Err(Denied::OwnListener);
        }
        match self.standing(address) {
            Standing::Granted => Ok(()),
            Standing::Refused => Err(Denied::Address),
            Standing::Public => match target.host() {
                Host::Name(name) if is_internal(name) => Err(Denied::InternalName),
                Host::Name(_) | Host::Address(_) if !is_web_port(target.port()) => Err(Denied::Port(target.port())),
                Host::Name(_) | Host::Address(_) => Ok(()),
            },
        }
    }

    fn is_listener(&self, address: IpAddr, port: u16) -> bool {
        let address = address.to_canonical();
        self.listeners.iter().any(|own| {
            let everywhere = own.ip().is_unspecified() && address.is_loopback();
            own.port() == port && (everywhere || own.ip().to_canonical() == address)
        })
    }

    fn standing(&self, address: IpAddr) -> Standing {
        let address = address.to_canonical();
        let matching = self.rules.iter().filter(|rule| rule.net.contains(&address));
        match matching.max_by_key(|rule| (rule.net.prefix_len(), !rule.allow)) {
            Some(rule) if !rule.allow => return Standing::Refused,
            Some(rule) if !is_metadata(address) || rule.net.prefix_len() == rule.net.max_prefix_len() => {
                return Standing::Granted;
            }
            Some(_) | None => {}
        }
        // A refused IPv4 address stays refused behind a NAT64 prefix; an allowed one is allowed only as it is written.
        let inside = match address {
            IpAddr::V6(v6) => nat64(v6),
            IpAddr::V4(_) => None,
        };
        let refused_inside = inside.is_some_and(|v4| self.standing(v4.into()) == Standing::Refused);
        if refused_inside || !classify(address).is_global() { Standing::Refused } else { Standing::Public }
    }
}

fn is_web_port(port: u16) -> bool {
    matches!(port, 80 | 443 | 1024..) && !RESTRICTED_PORTS.contains(&port)
}

/// Addresses that a policy has judged and found fit to be called. There is no other way to make one than
/// [`EgressPolicy::vet`], and the connector dials nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VettedAddrs {
    addresses: Vec<IpAddr>,
    port: u16,
}

impl VettedAddrs {
    /// The sockets to dial, in the order in which to try them.
    pub fn sockets(&self) -> impl ExactSizeIterator<Item = SocketAddr> {
        self.addresses.iter().map(|address| SocketAddr::new(*address, self.port))
    }

    /// Whether a connection's far end is one of them.
    #[must_use]
    pub fn holds(&self, peer: SocketAddr) -> bool {
        peer.port() == self.port && self.addresses.contains(&peer.ip().to_canonical())
    }
}
