//! Receivers that misbehave below HTTP: what a sender must survive without losing a slot, memory or the next answer.
//!
//! A plain TCP listener: it reads one request per connection (head and `content-length` body), then acts by its
//! [`RawMode`]. It never ends by itself what is endless; the sender's deadline must.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// One way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawMode {
    /// Takes the request and never says a word.
    NeverAnswer,
    /// A proper head, one byte per interval.
    DripHead(Duration),
    /// A head of status 200 at once, then one byte of body per interval, without end.
    DripBody(Duration),
    /// A head of status 200, then body as fast as it is taken, without end.
    EndlessBody,
    /// A status line, then header lines as fast as they are taken, without end.
    EndlessHeaders,
    /// Bytes that are not HTTP, then the end.
    Garbage,
    /// A head with two different `content-length` headers.
    TwoContentLengths,
    /// One proper answer (200) with a second one (500) glued to it, and the connection kept open: a sender that reuses
    /// the connection would take the second for the answer to its next request.
    PipelinedSecondAnswer,
    /// Takes the request, then resets the connection.
    ResetAfterRequest,
    /// A whole head of status 200, then the end in the middle of the announced body.
    OkThenCut,
}

impl RawMode {
    /// Every mode, the drips with `interval`.
    #[must_use]
    pub fn all(interval: Duration) -> [Self; 10] {
        [
            Self::NeverAnswer,
            Self::DripHead(interval),
            Self::DripBody(interval),
            Self::EndlessBody,
            Self::EndlessHeaders,
            Self::Garbage,
            Self::TwoContentLengths,
            Self::PipelinedSecondAnswer,
            Self::ResetAfterRequest,
            Self::OkThenCut,
        ]
    }
}

/// A listener on a loopback port of its own that treats every connection by one [`RawMode`]. Ends when dropped.
#[derive(Debug)]
pub struct RawReceiver {
    address: SocketAddr,
    counts: Arc<Counts>,
    // Owns the accept loop and with it all connections.
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicUsize,
    open: AtomicUsize,
    requests: AtomicUsize,
}

impl RawReceiver {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start(mode: RawMode) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let counts = Arc::new(Counts::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, mode, counts.clone()));
        Ok(Self { address, counts, _tasks: tasks })
    }

    /// The URL of a path (which begins with a slash).
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections have been accepted so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    /// How many connections are open now: what a sender's connection cap is held against.
    #[must_use]
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }

    /// How many whole requests have been read so far.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, mode: RawMode, counts: Arc<Counts>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let counts = counts.clone();
                connections.spawn(async move {
                    counts.connections.fetch_add(1, Ordering::SeqCst);
                    counts.open.fetch_add(1, Ordering::SeqCst);
                    // An error is the peer leaving: what every mode but the short ones waits for.
                    serve(stream, mode, &counts).await.ok();
                    counts.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(mut stream: TcpStream, mode: RawMode, counts: &Counts) -> io::Result<()> {
    stream.set_nodelay(true)?;
    read_request(&mut stream).await?;
    counts.requests.fetch_add(1, Ordering::SeqCst);
    match mode {
        RawMode::NeverAnswer => until_closed(&mut stream).await,
        RawMode::DripHead(interval) => {
            drip(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".iter().copied(), interval).await
        }
        RawMode::DripBody(interval) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await?;
            drip(&mut stream, std::iter::repeat(b'x'), interval).await
        }
        RawMode::EndlessBody => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9223372036854775807\r\n\r\n").await?;
            without_end(&mut stream, &[b'x'; 16 * 1024]).await
        }
        RawMode::EndlessHeaders => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            without_end(&mut stream, "x-more: and more\r\n".repeat(512).as_bytes()).await
        }
        RawMode::Garbage => stream.write_all(b"\x00\xff\x1b]0;not http\x07\r\n\r\n\r\n").await,
        RawMode::TwoContentLengths => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 5\r\n\r\nhello").await
        }
        RawMode::PipelinedSecondAnswer => {
            let first = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst";
            let second = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 6\r\n\r\nsecond";
            stream.write_all(format!("{first}{second}").as_bytes()).await?;
            until_closed(&mut stream).await
        }
        RawMode::ResetAfterRequest => stream.set_zero_linger(),
        RawMode::OkThenCut => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this").await,
    }
}

/// Reads one request: the head, and as much body as `content-length` says.
async fn read_request(stream: &mut TcpStream) -> io::Result<()> {
    let mut read = Vec::new();
    let head_end = loop {
        if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(&read[..head_end]).to_ascii_lowercase();
    let length: usize =
        head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    while read.len() < head_end + length {
        if stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

async fn until_closed(stream: &mut TcpStream) -> io::Result<()> {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

async fn without_end(stream: &mut TcpStream, block: &[u8]) -> io::Result<()> {
    loop {
        stream.write_all(block).await?;
    }
}

async fn drip(stream: &mut TcpStream, bytes: impl Iterator<Item = u8>, interval: Duration) -> io::Result<()> {
    for byte in bytes {
        stream.write_all(&[byte]).await?;
        tokio::time::sleep(interval).await;
    }
    Ok(())
}
