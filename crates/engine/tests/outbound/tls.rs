//! TLS: a valid certificate passes, and for any other not a byte of the request goes out.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, KeyPair, date_time_ymd};
use ringback_engine::egress::{ConnectError, ScriptedResolver, TlsProblem, Trust};
use ringback_engine::transport::{Fault, Sent};
use ringback_model::{AttemptOutcome, Failure};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::receiver::{Receiver, ok};
use crate::world::{call, failed, ip, outcome, policy, transport, with_trust};

struct Authority {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self { certificate: params.self_signed(&key).unwrap(), key }
    }

    fn trust(&self) -> Trust {
        Trust::with_extra([self.certificate.der().clone()]).unwrap()
    }

    fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = params(names);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.certificate, &self.key).unwrap();
        (certificate.der().clone(), key.serialize_der())
    }
}

type Identity = (CertificateDer<'static>, Vec<u8>);

fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}

fn self_signed(names: &[&str]) -> Identity {
    let key = KeyPair::generate().unwrap();
    (params(names).self_signed(&key).unwrap().der().clone(), key.serialize_der())
}

/// The certificate of an authority that is served as that of a host.
fn own_authority(names: &[&str]) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = params(names);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params.self_signed(&key).unwrap().der().clone(), key.serialize_der())
}

/// A TLS receiver with this identity: its port, and every byte that came through TLS with the name that was asked for.
#[derive(Debug, Default)]
struct Seen {
    bytes: Vec<u8>,
    server_names: Vec<Option<String>>,
    alpn: Vec<Option<Vec<u8>>>,
}

async fn serve(identity: Identity) -> (u16, Arc<Mutex<Seen>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (certificate, key) = identity;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::try_from(key).unwrap())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let seen = Arc::new(Mutex::new(Seen::default()));
    let kept = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(tcp).await else { continue };
            {
                let mut kept = kept.lock().unwrap();
                kept.server_names.push(stream.get_ref().1.server_name().map(str::to_owned));
                kept.alpn.push(stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec));
            }
            let mut buffer = [0; 4_096];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                kept.lock().unwrap().bytes.extend_from_slice(&buffer[..read]);
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
            }
        }
    });
    (port, seen)
}

fn resolver() -> Arc<ScriptedResolver> {
    let loopback: [IpAddr; 1] = [ip("127.0.0.1")];
    Arc::new(
        ScriptedResolver::new().with_addresses("hooks.example", loopback).with_addresses("a.b.hooks.example", loopback),
    )
}

fn problem(sent: &Sent) -> TlsProblem {
    match &sent.result {
        Err(Fault::Connect(ConnectError::Tls(problem))) => *problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_valid_certificate_passes_and_the_connection_is_used_again() {
    let authority = Authority::new("known");
    let (port, seen) = serve(authority.issue(&["hooks.example", "127.0.0.1"], |_| {})).await;
    let transport = with_trust(policy("127.0.0.0/8"), resolver(), authority.trust());
    for _ in 0..3 {
        let sent = call(&transport, &format!("https://hooks.example.:{port}/")).await;
        assert_eq!((outcome(&sent), sent.exchange.response.as_ref()), (AttemptOutcome::Delivered, b"ok".as_slice()));
    }
    let sent = call(&transport, &format!("https://127.0.0.1:{port}/")).await;
    assert_eq!(outcome(&sent), AttemptOutcome::Delivered);
    assert!(sent.exchange.phases.tls > std::time::Duration::ZERO);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.server_names, [Some("hooks.example".to_owned()), None], "one connection per origin, no last dot");
    assert!(seen.alpn.iter().all(|alpn| alpn.as_deref() == Some(b"http/1.1")), "HTTP/1.1 alone is offered");
}

#[tokio::test]
async fn no_other_certificate_gets_a_byte_of_the_request() {
    let authority = Authority::new("known");
    let expired = authority.issue(&["hooks.example"], |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let not_yet = authority.issue(&["hooks.example"], |params| {
        params.not_before = date_time_ymd(2100, 1, 1);
        params.not_after = date_time_ymd(2101, 1, 1);
    });
    let deep_wildcard = authority.issue(&["*.hooks.example"], |_| {});
    let cases = [
        (expired, "hooks.example", Some(TlsProblem::Expired)),
        (not_yet, "hooks.example", Some(TlsProblem::NotYetValid)),
        (authority.issue(&["other.example"], |_| {}), "hooks.example", Some(TlsProblem::WrongHost)),
        (authority.issue(&["hooks.example"], |_| {}), "127.0.0.1", Some(TlsProblem::WrongHost)),
        (deep_wildcard, "a.b.hooks.example", Some(TlsProblem::WrongHost)),
        (Authority::new("unknown").issue(&["hooks.example"], |_| {}), "hooks.example", Some(TlsProblem::UnknownIssuer)),
        (self_signed(&["hooks.example"]), "hooks.example", None),
        (own_authority(&["hooks.example"]), "hooks.example", Some(TlsProblem::AuthorityAsServer)),
    ];
    for (identity, host, expected) in cases {
        let (port, seen) = serve(identity).await;
        let transport = with_trust(policy("127.0.0.0/8"), resolver(), authority.trust());
        let sent = call(&transport, &format!("https://{host}:{port}/")).await;
        assert_eq!(outcome(&sent), failed(Failure::Tls), "{expected:?}");
        if let Some(expected) = expected {
            assert_eq!(problem(&sent), expected);
        }
        assert!(seen.lock().unwrap().bytes.is_empty(), "{expected:?}");
        assert_eq!(transport.idle(), 0);
    }
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_a_failure_of_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let received = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.ok();
        bytes
    });
    let sent =
        call(&transport(policy("127.0.0.0/8"), ScriptedResolver::new()), &format!("https://127.0.0.1:{port}/")).await;
    assert_eq!((outcome(&sent), problem(&sent)), (failed(Failure::Tls), TlsProblem::NotTls));
    let received = received.await.unwrap();
    assert!(!received.windows(4).any(|window| window == b"POST"), "nothing but a ClientHello");
}

#[tokio::test]
async fn a_handshake_that_stalls_ends_at_the_deadline() {
    let receiver = Receiver::start(vec![ok("")]).await;
    let transport = transport(policy("127.0.0.0/8"), ScriptedResolver::new());
    let target = format!("https://127.0.0.1:{}/", receiver.port());
    let sent = crate::world::call_within(&transport, &target, std::time::Duration::from_millis(200)).await;
    assert_eq!((outcome(&sent), problem(&sent)), (failed(Failure::Timeout), TlsProblem::Silent));
    assert!(receiver.requests().is_empty());
}

#[tokio::test]
async fn plain_http_is_refused_where_only_https_is_allowed() {
    let receiver = Receiver::start(vec![ok("")]).await;
    let policy = policy("127.0.0.0/8").https_only(true);
    let sent =
        call(&transport(policy, ScriptedResolver::new()), &format!("http://127.0.0.1:{}/", receiver.port())).await;
    assert_eq!(outcome(&sent), crate::world::DENIED);
    assert_eq!(receiver.connections(), 0);
}

#[test]
fn garbage_is_no_root() {
    assert!(Trust::with_extra([CertificateDer::from(vec![1, 2, 3])]).is_err());
}
