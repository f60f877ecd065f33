//! An HTTP proxy that everything which leaves goes through, where the operator's network has no other way out.
//!
//! The proxy is told an address and never a name (`CONNECT 203.0.113.7:443`): what was vetted here is what it dials. It
//! is used for `http` URLs too, so that it sees no more of a request than it has to.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ringback_model::Redacted;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::{ConnectError, Host, Resolver, TargetUrl};

/// The longest head of an answer of the proxy.
const HEAD_MAX: usize = 8_192;

/// Where the proxy is, and what it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    host: Host,
    port: u16,
    /// The value of `proxy-authorization`.
    authorization: Option<Redacted>,
}

/// Why a text names no proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a proxy is written http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, without a path")]
pub struct ProxyError;

impl FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let target = TargetUrl::parse(text).map_err(|_| ProxyError)?;
        if target.scheme() != super::Scheme::Http || target.path_and_query() != "/" {
            return Err(ProxyError);
        }
        let basic = target.credentials();
        let authorization = basic.map(|basic| {
            let pair = format!("{}:{}", basic.username, basic.password.reveal());
            Redacted::new(format!("Basic {}", BASE64.encode(pair)))
        });
        Ok(Self { host: target.host().clone(), port: target.port(), authorization })
    }
}

impl Proxy {
    /// Has the proxy connect to an address that was vetted.
    pub(super) async fn connect(&self, resolver: &dyn Resolver, to: SocketAddr) -> Result<TcpStream, ConnectError> {
        let mut stream = self.reach(resolver).await?;
        let mut head = format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n");
        if let Some(authorization) = &self.authorization {
            head += &format!("proxy-authorization: {}\r\n", authorization.reveal());
        }
        head += "\r\n";
        stream.write_all(head.as_bytes()).await.map_err(|_| trouble("it closed the connection"))?;
        match read_status(&mut stream).await? {
            200..=299 => Ok(stream),
            504 => Err(ConnectError::Timeout),
            403 | 500..=599 => Err(ConnectError::Refused),
            407 => Err(trouble("it asks for another user name and password")),
            _ => Err(trouble("it does not connect as it is asked to")),
        }
    }

    async fn reach(&self, resolver: &dyn Resolver) -> Result<TcpStream, ConnectError> {
        let addresses = match &self.host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => resolver.resolve(name).await.map_err(|_| trouble("its name has no address"))?,
        };
        for address in addresses {
            if let Ok(stream) = self.dial(address).await {
                return Ok(stream);
            }
        }
        Err(trouble("it cannot be reached"))
    }

    async fn dial(&self, address: IpAddr) -> std::io::Result<TcpStream> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        let stream = socket.connect((address, self.port).into()).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

fn trouble(what: &'static str) -> ConnectError {
    ConnectError::Proxy(what)
}

/// Reads the head of the proxy's answer and nothing beyond it: what follows is the receiver's.
async fn read_status(stream: &mut TcpStream) -> Result<u16, ConnectError> {
    let mut head = Vec::with_capacity(256);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) if head.len() < HEAD_MAX => head.push(byte),
            Ok(_) | Err(_) => return Err(trouble("it does not answer as a proxy")),
        }
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let version = words.next().is_some_and(|word| word.starts_with(b"HTTP/1."));
    let status = words.next().and_then(|word| std::str::from_utf8(word).ok()?.parse().ok());
    status.filter(|_| version).ok_or_else(|| trouble("it does not answer as a proxy"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_plain_origin_with_or_without_a_password() {
        let proxy: Proxy = "http://user:pa%3Ass@proxy.example:3128".parse().unwrap();
        assert_eq!(proxy.port, 3128);
        assert_eq!(
            proxy.authorization.as_ref().map(|it| it.reveal().to_owned()).as_deref(),
            Some("Basic dXNlcjpwYTpzcw==")
        );
        assert!(!format!("{proxy:?}").contains("dXNl"));
        assert!("http://10.0.0.1:3128/".parse::<Proxy>().is_ok());
        for bad in ["", "proxy:3128", "https://proxy:3128", "socks5://proxy:1080", "http://proxy:3128/path"] {
            assert_eq!(bad.parse::<Proxy>(), Err(ProxyError), "{bad}");
        }
    }
}
