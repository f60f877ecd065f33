//! A receiver that counts and keeps nothing: for loads in which figures are measured.
//!
//! It runs in a thread of its own, so that what it does for thousands of requests holds up nobody whose time is taken.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Where everything is taken.
pub(super) const TAKEN: &str = "taken";
/// Where requests are answered 500 until it is opened, but one in eight with 200, so that no breaker opens.
pub(super) const SHUT: &str = "shut";
/// Another place where everything is taken, counted apart.
pub(super) const HELD: &str = "held";
/// All of them.
const PLACES: [&str; 3] = [TAKEN, SHUT, HELD];

/// A running receiver. Ends when dropped.
#[derive(Debug)]
pub(super) struct Sink {
    address: SocketAddr,
    counts: Arc<Counts>,
    _end: oneshot::Sender<()>,
}

#[derive(Debug, Default)]
struct Counts {
    requests: [AtomicUsize; PLACES.len()],
    is_open: AtomicBool,
}

impl Sink {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// If there is no port, or no thread.
    pub(super) fn start() -> Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let (address, counts) = (listener.local_addr()?, Arc::new(Counts::default()));
        let (end, ended) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let counted = counts.clone();
        std::thread::Builder::new().name("sink".to_owned()).spawn(move || {
            runtime.block_on(async {
                // Dropping the runtime ends all connections.
                tokio::select! {
                    _ = accept(listener, counted) => {}
                    _ = ended => {}
                }
            });
        })?;
        Ok(Self { address, counts, _end: end })
    }

    /// The URL of a place; what follows it is anybody's.
    #[must_use]
    pub(super) fn url(&self, place: &str, rest: &str) -> String {
        format!("http://{}/{place}/{rest}", self.address)
    }

    /// How many requests a place has got.
    #[must_use]
    pub(super) fn count(&self, place: &str) -> usize {
        position(place).map_or(0, |at| self.counts.requests[at].load(Ordering::Relaxed))
    }

    /// From now on [`SHUT`] takes everything, too.
    pub(super) fn open(&self) {
        self.counts.is_open.store(true, Ordering::Relaxed);
    }
}

impl Counts {
    fn answer(&self, path: &str) -> StatusCode {
        let place = path.split('/').nth(1).unwrap_or_default();
        let Some(at) = position(place) else { return StatusCode::NOT_FOUND };
        let number = self.requests[at].fetch_add(1, Ordering::Relaxed);
        if place == SHUT && number % 8 != 7 && !self.is_open.load(Ordering::Relaxed) {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::OK
        }
    }
}

fn position(place: &str) -> Option<usize> {
    PLACES.iter().position(|known| *known == place)
}

async fn accept(listener: std::net::TcpListener, counts: Arc<Counts>) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let counts = counts.clone();
                let service = service_fn(move |request| handle(request, counts.clone()));
                connections.spawn(async move {
                    // An error is the server going away.
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn handle(request: Request<Incoming>, counts: Arc<Counts>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let mut response = Response::new(Empty::new());
    // A body that breaks off is no request.
    if body.collect().await.is_ok() {
        *response.status_mut() = counts.answer(head.uri.path());
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_shut_takes_one_in_eight_until_it_is_opened() {
        let sink = Sink::start().unwrap();
        let taken =
            |path: &str, times: usize| (0..times).filter(|_| sink.counts.answer(path) == StatusCode::OK).count();
        assert_eq!((taken("/shut/a", 80), taken("/taken/a", 3), taken("/held/", 2), taken("/else", 1)), (10, 3, 2, 0));
        sink.open();
        assert_eq!(taken("/shut/a", 80), 80);
        assert_eq!((sink.count(SHUT), sink.count(TAKEN), sink.count(HELD), sink.count("else")), (160, 3, 2, 0));
    }
}
