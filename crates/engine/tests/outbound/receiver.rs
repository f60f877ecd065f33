//! A receiver that does exactly what a test tells it, byte by byte.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One step of an answer.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Sends these bytes at once.
    Send(Vec<u8>),
    /// Sends these bytes one by one, so long apart.
    Drip(Vec<u8>, Duration),
    /// Sends these bytes again and again, until the far end closes.
    Endless(Vec<u8>),
    /// Waits.
    Wait(Duration),
    /// Does nothing more, and keeps the connection.
    Hang,
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
}

pub(crate) fn send(text: impl Into<Vec<u8>>) -> Act {
    Act::Send(text.into())
}

/// A plain 200 with this body.
pub(crate) fn ok(body: &str) -> Vec<Act> {
    vec![send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()))]
}

/// A listener on loopback that answers from a script.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    /// Answers the n-th request, over all connections, with the n-th script; the last one stays.
    pub(crate) async fn start(scripts: Vec<Vec<Act>>) -> Self {
        Self::start_on("127.0.0.1:0", scripts).await
    }

    pub(crate) async fn start_on(address: &str, scripts: Vec<Vec<Act>>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let receiver =
            Self { address: listener.local_addr().unwrap(), connections: Arc::default(), requests: Arc::default() };
        let (connections, requests) = (Arc::clone(&receiver.connections), Arc::clone(&receiver.requests));
        let scripts = Arc::new(scripts);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, Arc::clone(&scripts), Arc::clone(&requests)));
            }
        });
        receiver
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The requests that came, as text.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, scripts: Arc<Vec<Vec<Act>>>, requests: Arc<Mutex<Vec<String>>>) {
    while let Some(request) = read_request(&mut stream).await {
        let turn = {
            let mut requests = requests.lock().unwrap();
            requests.push(request);
            requests.len() - 1
        };
        let script = scripts.get(turn).or(scripts.last()).cloned().unwrap_or_default();
        for act in script {
            if perform(&mut stream, act).await.is_none() {
                return;
            }
        }
    }
}

/// Does one step; `None` when the connection is over.
async fn perform(stream: &mut TcpStream, act: Act) -> Option<()> {
    match act {
        Act::Send(bytes) => stream.write_all(&bytes).await.ok(),
        Act::Drip(bytes, apart) => {
            for byte in bytes {
                stream.write_all(&[byte]).await.ok()?;
                tokio::time::sleep(apart).await;
            }
            Some(())
        }
        Act::Endless(bytes) => loop {
            stream.write_all(&bytes).await.ok()?;
        },
        Act::Wait(time) => {
            tokio::time::sleep(time).await;
            Some(())
        }
        Act::Hang => std::future::pending().await,
        Act::Close => None,
        Act::Reset => {
            stream.set_zero_linger().unwrap();
            None
        }
    }
}

/// Reads a head and the body that its `content-length` says.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if bytes.len() >= end + 4 + length.map_or(0, |length| length.parse().unwrap()) {
                return Some(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        let mut chunk = [0; 4_096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}
