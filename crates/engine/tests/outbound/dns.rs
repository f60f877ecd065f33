//! The resolver against a name server of the test's own, on loopback.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ringback_engine::egress::{Connector, DnsResolver, EgressPolicy, ResolveError, Resolver, Trust};
use ringback_engine::transport::Transport;
use tokio::net::UdpSocket;

use crate::receiver::{Receiver, ok};
use crate::world::{DENIED, call, ip, outcome};

const A: u16 = 1;
const AAAA: u16 = 28;
/// The response codes of DNS.
const NO_ERROR: u8 = 0;
const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;

/// What the server says to a question; `None` for silence.
type Say = fn(name: &str, kind: u16) -> Option<(u8, Vec<IpAddr>)>;

/// Starts a server: its address, and the questions that it was asked.
async fn server(say: Say) -> (SocketAddr, Arc<Mutex<Vec<(String, u16)>>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let asked: Arc<Mutex<Vec<(String, u16)>>> = Arc::default();
    let kept = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut buffer = [0; 1_500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let (name, kind, end) = question(&buffer[..length]);
            kept.lock().unwrap().push((name.clone(), kind));
            if let Some((code, addresses)) = say(&name, kind) {
                socket.send_to(&answer(&buffer[..end], code, &addresses), from).await.unwrap();
            }
        }
    });
    (address, asked)
}

/// The name and type that a query asks for, and where its question ends (RFC 1035, section 4.1).
fn question(query: &[u8]) -> (String, u16, usize) {
    let (mut at, mut name) = (12, String::new());
    while query[at] != 0 {
        let label = &query[at + 1..at + 1 + usize::from(query[at])];
        name.push_str(&String::from_utf8_lossy(label));
        name.push('.');
        at += 1 + label.len();
    }
    (name.to_ascii_lowercase(), u16::from_be_bytes([query[at + 1], query[at + 2]]), at + 5)
}

fn answer(query: &[u8], code: u8, addresses: &[IpAddr]) -> Vec<u8> {
    let mut bytes = query.to_vec();
    let count = u8::try_from(addresses.len()).unwrap();
    bytes[2..12].copy_from_slice(&[0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
    for address in addresses {
        let (kind, data) = match address {
            IpAddr::V4(v4) => (A, v4.octets().to_vec()),
            IpAddr::V6(v6) => (AAAA, v6.octets().to_vec()),
        };
        // The name of the question, type, class IN, a time to live of zero.
        bytes.extend([0xc0, 12]);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 0, 0]);
        bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        bytes.extend(data);
    }
    bytes
}

#[tokio::test]
async fn a_name_is_asked_for_once_in_each_family_and_as_it_stands() {
    let (address, asked) = server(|_, kind| {
        Some((NO_ERROR, if kind == A { vec![ip("192.0.2.1"), ip("192.0.2.2")] } else { vec![ip("2001:db8::1")] }))
    })
    .await;
    let found = DnsResolver::with_servers(&[address]).resolve("hooks.example").await.unwrap();
    assert_eq!(found, [ip("192.0.2.1"), ip("192.0.2.2"), ip("2001:db8::1")]);
    let mut asked = asked.lock().unwrap().clone();
    asked.sort();
    assert_eq!(asked, [("hooks.example.".to_owned(), A), ("hooks.example.".to_owned(), AAAA)]);
}

#[tokio::test]
async fn neither_search_domains_nor_the_hosts_file_are_looked_into() {
    let (address, asked) = server(|_, _| Some((NXDOMAIN, Vec::new()))).await;
    let resolver = DnsResolver::with_servers(&[address]);
    let hostname = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    for name in ["backend", "ip6-allnodes", hostname.trim()].into_iter().filter(|name| !name.is_empty()) {
        assert_eq!(resolver.resolve(name).await, Err(ResolveError::NotFound), "{name}");
    }
    assert!(asked.lock().unwrap().iter().all(|(name, _)| name.matches('.').count() == 1));
}

#[tokio::test]
async fn one_family_is_enough() {
    let (address, _) =
        server(|_, kind| Some((NO_ERROR, if kind == A { Vec::new() } else { vec![ip("2001:db8::1")] }))).await;
    assert_eq!(DnsResolver::with_servers(&[address]).resolve("hooks.example").await, Ok(vec![ip("2001:db8::1")]));
}

#[tokio::test]
async fn an_error_of_the_server_is_an_error_and_silence_ends_within_the_budget() {
    let (failing, _) = server(|_, _| Some((SERVFAIL, Vec::new()))).await;
    assert!(DnsResolver::with_servers(&[failing]).resolve("hooks.example").await.is_err());
    let (silent, _) = server(|_, _| None).await;
    let begun = Instant::now();
    assert_eq!(DnsResolver::with_servers(&[silent]).resolve("hooks.example").await, Err(ResolveError::Timeout));
    assert!(begun.elapsed() < Duration::from_millis(3_500));
}

#[tokio::test]
async fn a_public_name_with_a_private_answer_is_not_dialled() {
    let canary = Receiver::start(vec![ok("")]).await;
    let (address, _) =
        server(|_, kind| Some((NO_ERROR, if kind == A { vec![ip("127.0.0.1")] } else { Vec::new() }))).await;
    let resolver = Arc::new(DnsResolver::with_servers(&[address]));
    let transport = Transport::new(Arc::new(Connector::new(EgressPolicy::public(), resolver, Trust::public())));
    let sent = call(&transport, &format!("http://hooks.example:{}/", canary.port())).await;
    assert_eq!((outcome(&sent), canary.connections()), (DENIED, 0));
}
