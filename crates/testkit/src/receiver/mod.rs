//! A webhook receiver for tests: records every request, answers as scripted, waits with a limit.
//!
//! ```
//! # use ringback_testkit::{Answer, Receiver};
//! # use std::time::Duration;
//! # async fn story() -> Result<(), Box<dyn std::error::Error>> {
//! let receiver = Receiver::start().await?;
//! receiver.fail_then_succeed("/hook", 2, 503);
//! // ... register receiver.url("/hook") and send a message ...
//! let requests = receiver.wait_for(3, Duration::from_secs(5)).await?;
//! assert_eq!(requests[2].target, "/hook");
//! # Ok(()) }
//! ```
//! Paths without a script answer an empty 200. Everything stops when the receiver is dropped.

mod answer;
mod request;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use answer::Answer;
use answer::{Act, Script};
pub use request::ReceivedRequest;

use crate::Late;

/// A receiver on a loopback port of its own. See the module.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    // Owns the accept loop and with it all connections: dropped with the receiver.
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    log: Mutex<Vec<Arc<ReceivedRequest>>>,
    scripts: Mutex<HashMap<String, Script>>,
    arrived: watch::Sender<usize>,
    /// How often `release` was called: what held answers wait for.
    released: watch::Sender<u64>,
    connections: watch::Sender<usize>,
}

/// Tells hyper to drop the connection: the handler has written to it itself.
#[derive(Debug, thiserror::Error)]
#[error("the script ends this connection")]
struct Ended;

impl Receiver {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            log: Mutex::default(),
            scripts: Mutex::default(),
            arrived: watch::Sender::new(0),
            released: watch::Sender::new(0),
            connections: watch::Sender::new(0),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, shared.clone()));
        Ok(Self { address, shared, _tasks: tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path (which begins with a slash; a query may follow).
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on every request to `path` gets this answer.
    pub fn answer(&self, path: &str, answer: Answer) {
        self.answers(path, [answer]);
    }

    /// From now on requests to `path` get these answers in turn; the last one stays.
    pub fn answers(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        lock(&self.shared.scripts).insert(path.to_owned(), Script::new(answers));
    }

    /// Answers `failures` requests with `status`, and 200 from then on.
    pub fn fail_then_succeed(&self, path: &str, failures: usize, status: u16) {
        let failures = std::iter::repeat_n(Answer::status(status), failures);
        self.answers(path, failures.chain([Answer::status(200)]));
    }

    /// Lets all answers go that are [held](Answer::held) at this moment.
    pub fn release(&self) {
        self.shared.released.send_modify(|count| *count += 1);
    }

    /// Everything that has arrived, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Arc<ReceivedRequest>> {
        lock(&self.shared.log).clone()
    }

    /// What has arrived at one path (without query), in order.
    #[must_use]
    pub fn requests_to(&self, path: &str) -> Vec<Arc<ReceivedRequest>> {
        lock(&self.shared.log).iter().filter(|request| request.path() == path).cloned().collect()
    }

    /// How many connections have been accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        *self.shared.connections.borrow()
    }

    /// Waits until at least `count` requests have arrived, at whatever path; returns all that are there then.
    ///
    /// # Errors
    /// [`Late`] after `limit`, with a list of what did arrive.
    pub async fn wait_for(&self, count: usize, limit: Duration) -> Result<Vec<Arc<ReceivedRequest>>, Late> {
        self.wait(format!("{count} requests"), limit, |_| true, count).await
    }

    /// Waits until at least `count` requests have arrived at one path; returns those of this path.
    ///
    /// # Errors
    /// [`Late`] after `limit`, with a list of what did arrive.
    pub async fn wait_for_path(
        &self,
        path: &str,
        count: usize,
        limit: Duration,
    ) -> Result<Vec<Arc<ReceivedRequest>>, Late> {
        self.wait(format!("{count} requests to {path}"), limit, |request| request.path() == path, count).await
    }

    async fn wait(
        &self,
        wanted: String,
        limit: Duration,
        counts: impl Fn(&ReceivedRequest) -> bool,
        count: usize,
    ) -> Result<Vec<Arc<ReceivedRequest>>, Late> {
        let mut arrived = self.shared.arrived.subscribe();
        let here = || -> Vec<_> { self.requests().into_iter().filter(|request| counts(request)).collect() };
        let enough = async {
            loop {
                arrived.borrow_and_update();
                let here = here();
                if here.len() >= count {
                    return here;
                }
                arrived.changed().await.expect("the sender lives as long as self");
            }
        };
        tokio::time::timeout(limit, enough).await.ok().ok_or_else(|| Late { wanted, seen: self.summary(), limit })
    }

    /// The last few requests in one line, for the message of a wait that ran out.
    fn summary(&self) -> String {
        let log = lock(&self.shared.log);
        let last: Vec<_> = log.iter().rev().take(8).rev().map(|r| format!("{} {}", r.method, r.target)).collect();
        format!("{} in all, the last being [{}]", log.len(), last.join(", "))
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                shared.connections.send_modify(|count| *count += 1);
                connections.spawn(serve(stream, shared.clone()));
            }
            // Reap what has ended, so that a long test does not collect finished tasks.
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection. An error here is the peer going away or a script ending it: both are expected.
async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let Ok((stream, twin)) = twins(stream) else { return };
    let twin = Arc::new(tokio::sync::Mutex::new(twin));
    let service = service_fn(move |request| handle(request, shared.clone(), twin.clone()));
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

/// The same connection twice: one for hyper, one to write past hyper.
fn twins(stream: TcpStream) -> io::Result<(TcpStream, TcpStream)> {
    let stream = stream.into_std()?;
    let twin = TcpStream::from_std(stream.try_clone()?)?;
    Ok((TcpStream::from_std(stream)?, twin))
}

async fn handle(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    twin: Arc<tokio::sync::Mutex<TcpStream>>,
) -> Result<Response<Full<Bytes>>, Ended> {
    let (head, body) = request.into_parts();
    // A request cut off in its body never arrived: it is not recorded.
    let body = body.collect().await.or(Err(Ended))?.to_bytes();
    let mut released = shared.released.subscribe();
    released.borrow_and_update();
    let answer = record(&shared, head, body);
    if answer.held {
        released.changed().await.or(Err(Ended))?;
    }
    tokio::time::sleep(answer.delay).await;
    match answer.act {
        Act::Reply { status, headers, body } => {
            let mut response = Response::new(Full::new(body));
            *response.status_mut() = status;
            for (name, value) in headers {
                response.headers_mut().append(name, value);
            }
            Ok(response)
        }
        Act::Raw(bytes) => {
            twin.lock().await.write_all(&bytes).await.ok();
            Err(Ended)
        }
    }
}

/// Puts the request into the log, wakes those who wait, and says what to answer.
fn record(shared: &Shared, head: http::request::Parts, body: Bytes) -> Answer {
    let target = head.uri.path_and_query().map_or_else(|| head.uri.to_string(), ToString::to_string);
    let mut log = lock(&shared.log);
    let request = ReceivedRequest {
        number: log.len(),
        method: head.method,
        target,
        headers: head.headers,
        body,
        arrived: Instant::now(),
    };
    // IMPORTANT: still under the lock of the log, so that answers go out in the order that the log shows.
    let answer = lock(&shared.scripts).get_mut(request.path()).map_or_else(|| Answer::status(200), Script::next);
    log.push(Arc::new(request));
    shared.arrived.send_replace(log.len());
    answer
}

/// What a test's panic left behind is still true: the log and the scripts are only ever changed in one step.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
