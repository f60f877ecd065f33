//! Which names this server goes by. A page of another site can be made to ask a server in the visitor's own network, by a
//! name that its owner points there (DNS rebinding); such a request carries that name.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::HOST;

/// The names that requests may be for. Without any, all are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// These names, and every IP address and `localhost`: nobody can point those elsewhere.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Whether a request with these headers is for this server.
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(HOST).filter(|_| !self.0.is_empty()) else { return true };
        let Ok(host) = host.to_str() else { return false };
        let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _port)) => address,
            None => host.rsplit_once(':').map_or(host, |(name, _port)| name),
        };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        name == "localhost" || name.parse::<IpAddr>().is_ok() || self.0.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(hosts: &Hosts, host: &str) -> bool {
        hosts.allow(&HeaderMap::from_iter([(HOST, host.parse().unwrap())]))
    }

    #[test]
    fn a_request_is_for_a_name_of_the_server_an_address_or_localhost() {
        let hosts = Hosts::new(["Hooks.Example".to_owned()]);
        for good in
            ["hooks.example", "HOOKS.example:8071", "hooks.example.", "127.0.0.1:8071", "[::1]:8071", "localhost"]
        {
            assert!(allows(&hosts, good), "{good}");
        }
        for bad in ["evil.example", "hooks.example.evil", "127.0.0.1.evil.example", "", "x.hooks.example"] {
            assert!(!allows(&hosts, bad), "{bad}");
        }
        assert!(hosts.allow(&HeaderMap::new()), "HTTP/1.0");
        assert!(allows(&Hosts::default(), "evil.example"), "nothing was named");
    }
}
