//! The receivers, as their users see them: over a socket.

#![expect(clippy::unwrap_used, reason = "a step of a test that fails is the failure of the test")]

mod raw_receiver;
mod receiver;
mod torture;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than anything here takes, shorter than patience.
const LIMIT: Duration = Duration::from_secs(10);

/// A bare connection: these tests look at bytes, which a client library would judge first.
async fn connect(address: SocketAddr) -> TcpStream {
    #[expect(clippy::disallowed_methods, reason = "a test's own connection to its own loopback listener")]
    let stream = TcpStream::connect(address).await.unwrap();
    stream
}

/// Sends one request over a connection of its own and returns everything until the other side closes.
async fn exchange(address: SocketAddr, target: &str, body: &str) -> Vec<u8> {
    let mut stream = connect(address).await;
    stream.write_all(post(target, body, "close").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A reset is an end like any other here: what came before it counts.
    tokio::time::timeout(LIMIT, stream.read_to_end(&mut answer)).await.unwrap().ok();
    answer
}

fn post(target: &str, body: &str, connection: &str) -> String {
    let length = body.len();
    format!(
        "POST {target} HTTP/1.1\r\nHost: it\r\nX-Tag: a\r\nX-Tag: b\r\nConnection: {connection}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}
