//! Everything through a proxy that is told addresses and never names.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ringback_engine::egress::{Connector, Proxy, ScriptedResolver, Trust};
use ringback_engine::transport::Transport;
use ringback_model::{AttemptOutcome, Failure, NotSent};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::receiver::{Receiver, ok};
use crate::world::{DENIED, call, failed, ip, outcome, policy};

/// A proxy that answers so, and connects if that is a 200; what it was asked.
async fn proxy(answer: &'static str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(tunnel(stream, answer, kept.clone()));
        }
    });
    (address, asked)
}

#[expect(clippy::disallowed_methods, reason = "this is somebody else's proxy")]
async fn tunnel(mut client: TcpStream, answer: &'static str, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let to = head.split(' ').nth(1).unwrap().to_owned();
    asked.lock().unwrap().push(head);
    client.write_all(answer.as_bytes()).await.unwrap();
    if answer.contains(" 200 ") {
        let mut receiver = TcpStream::connect(&*to).await.unwrap();
        tokio::io::copy_bidirectional(&mut client, &mut receiver).await.ok();
    }
}

fn through(proxy: &str, allow: &str) -> Transport {
    let resolver = ScriptedResolver::new()
        .with_addresses("hooks.example", vec![ip("127.0.0.1")])
        .with_addresses("inner.example", vec![ip("10.0.0.7")]);
    let connector = Connector::new(policy(allow), Arc::new(resolver), Trust::public());
    Transport::new(Arc::new(connector.through(Some(proxy.parse::<Proxy>().unwrap()))))
}

#[tokio::test]
async fn the_proxy_is_told_the_vetted_address_and_what_it_has_to_be_shown() {
    let receiver = Receiver::start(vec![ok("")]).await;
    let (address, asked) = proxy("HTTP/1.1 200 Connection established\r\nx: y\r\n\r\n").await;
    let transport = through(&format!("http://user:pass@{address}"), "127.0.0.0/8");
    let sent = call(&transport, &format!("http://hooks.example:{}/a", receiver.port())).await;
    assert_eq!(outcome(&sent), AttemptOutcome::Delivered);
    let asked = asked.lock().unwrap().clone();
    let to = format!("127.0.0.1:{}", receiver.port());
    assert_eq!(
        asked,
        [format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\nproxy-authorization: Basic dXNlcjpwYXNz\r\n\r\n")]
    );
    let request = receiver.requests().pop().unwrap();
    assert!(request.starts_with("POST /a ") && request.contains(&format!("host: hooks.example:{}", receiver.port())));
    assert!(!request.contains("proxy-authorization"), "{request}");
}

#[tokio::test]
async fn the_proxy_is_asked_for_no_address_that_is_forbidden() {
    let (address, asked) = proxy("HTTP/1.1 200 OK\r\n\r\n").await;
    let transport = through(&format!("http://{address}"), "127.0.0.0/8");
    for url in ["http://inner.example/", "http://10.0.0.7/", "http://169.254.169.254/"] {
        assert_eq!(outcome(&call(&transport, url).await), DENIED, "{url}");
    }
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn trouble_with_the_proxy_is_ours_and_what_it_says_of_the_receiver_is_the_receivers() {
    const OURS: AttemptOutcome = AttemptOutcome::NotSent { why: NotSent::LocalResource };
    for (answer, expected) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", OURS),
        ("HTTP/1.1 302 Found\r\n\r\n", OURS),
        ("SSH-2.0-OpenSSH\r\n\r\n", OURS),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", failed(Failure::Connect)),
        ("HTTP/1.1 504 Gateway Timeout\r\n\r\n", failed(Failure::Timeout)),
    ] {
        let (address, _) = proxy(answer).await;
        let sent = call(&through(&format!("http://{address}"), "127.0.0.0/8"), "http://hooks.example:9/").await;
        assert_eq!(outcome(&sent), expected, "{answer}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let sent = call(&through(&format!("http://{closed}"), "127.0.0.0/8"), "http://hooks.example:9/").await;
    assert_eq!(outcome(&sent), OURS);
}
