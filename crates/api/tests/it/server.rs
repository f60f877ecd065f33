//! The API over TCP.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::harness::World;

/// A server on a port of its own; stops when told.
async fn serve(world: &World) -> (std::net::SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(ringback_api::serve(listener, world.api.clone(), async { drop(stopped.await) }));
    (address, stop, server)
}

async fn connect(address: std::net::SocketAddr) -> TcpStream {
    #[expect(clippy::disallowed_methods, reason = "a client of this test, which talks to this test")]
    TcpStream::connect(address).await.unwrap()
}

/// Reads until the peer closes; fails when that takes too long.
async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut bytes)).await;
    drop(read.expect("the connection is closed in time"));
    String::from_utf8(bytes).unwrap()
}

/// Reads one answer without a body.
async fn read_head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_body_that_announces_itself_as_too_large_is_refused_before_it_comes() {
    let world = World::new();
    let (address, _stop, _server) = serve(&world).await;
    let mut stream = connect(address).await;
    let head = "POST /api/v1/app HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("payload_too_large"), "{answer}");
}

#[tokio::test]
async fn requests_that_two_readers_could_read_differently_are_refused_and_the_connection_is_closed() {
    let world = World::new();
    let (address, _stop, _server) = serve(&world).await;
    for framing in [
        "bad header: 1",
        "content-length: 1\r\ncontent-length: 2",
        "content-length: -1",
        "transfer-encoding: xchunked",
        "bad header: 1",
    ] {
        let mut stream = connect(address).await;
        let head = format!("POST /api/v1/health HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_all(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{framing}: {answer}");
    }
}

#[tokio::test]
async fn whoever_is_answered_before_the_body_is_there_is_told_that_the_connection_ends() {
    let world = World::new();
    let (address, _stop, _server) = serve(&world).await;
    for path in ["/api/v1/app", "/api/v1/nothing"] {
        let mut stream = connect(address).await;
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_all(&mut stream).await;
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
        // Where all of it is there the connection goes on.
        let mut stream = connect(address).await;
        let token = &world.token;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: 2\r\n\r\n{{}}"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_head(&mut stream).await;
        let is_read = path == "/api/v1/app";
        assert_eq!(answer.contains("connection: close"), !is_read, "{answer}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let world = World::new();
    let (address, _stop, _server) = serve(&world).await;
    let mut stream = connect(address).await;
    let head = format!("GET /api/v1/health HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n", "x".repeat(200_000));
    // The server may close before it has read all of it.
    drop(stream.write_all(head.as_bytes()).await);
    let mut answer = [0; 12];
    if stream.read_exact(&mut answer).await.is_ok() {
        assert_eq!(&answer, b"HTTP/1.1 431");
    }
}

#[tokio::test]
async fn told_to_stop_it_takes_no_more_connections_and_ends_idle_ones() {
    let world = World::new();
    let (address, stop, server) = serve(&world).await;
    let mut stream = connect(address).await;
    for _ in 0..2 {
        stream.write_all(b"GET /api/v1/health/ping HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 204 "));
    }
    stop.send(()).unwrap();
    assert_eq!(read_all(&mut stream).await, "");
    tokio::time::timeout(Duration::from_secs(10), server).await.expect("the server ends in time").unwrap();
}
