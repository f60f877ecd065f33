//! The receiving side of a run: one listener per endpoint, one log for all.
//!
//! A request is in the log before it is answered, with the answer that it is about to get. Every endpoint has its own
//! port, as real receivers do, and behaves by its [`Profile`] until healed.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::history::{Arrival, EndpointNumber, PostNumber};
use super::plan::{self, ENDPOINTS, Mood, Profile};
use super::seed::Seed;
use crate::signature;

/// How far a timestamp may be from the clock, in seconds, unless the clock is a part of the run: what the official
/// libraries allow.
const TOLERANCE: i64 = 300;

/// All receivers of a run. They end when this is dropped.
#[derive(Debug)]
pub(super) struct Receivers {
    places: Vec<Place>,
    log: Arc<Log>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Place {
    address: SocketAddr,
    secret: Arc<str>,
}

/// What arrived, and the switch that heals.
#[derive(Debug)]
pub(super) struct Log {
    inner: Mutex<Inner>,
    open: AtomicUsize,
    healed: AtomicBool,
    opened: AtomicBool,
    /// How far a timestamp may be from the clock, in seconds.
    tolerance: AtomicI64,
    /// A moment on both clocks; the wall clock is read once.
    started: (Instant, i64),
}

#[derive(Debug, Default)]
struct Inner {
    arrivals: Vec<Arrival>,
    tries: HashMap<(PostNumber, EndpointNumber), u32>,
    delivered: HashSet<(PostNumber, EndpointNumber)>,
    last: Option<Instant>,
}

impl Receivers {
    /// Starts a receiver for every endpoint of the plan.
    ///
    /// # Errors
    /// If a port cannot be had.
    pub(super) async fn start(seed: &Seed) -> Result<Self> {
        let mut seed = seed.part(100);
        let log = Arc::new(Log::new()?);
        let mut places = Vec::new();
        let mut tasks = JoinSet::new();
        for number in 0..ENDPOINTS.len() {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
            let place = Place { address: listener.local_addr()?, secret: plan::secret(&mut seed).into() };
            tasks.spawn(accept(listener, number, place.secret.clone(), log.clone()));
            places.push(place);
        }
        Ok(Self { places, log, _tasks: tasks })
    }

    /// The URL to register for an endpoint.
    #[must_use]
    pub(super) fn url(&self, endpoint: EndpointNumber) -> String {
        format!("http://{}/hook/{endpoint}", self.places[endpoint].address)
    }

    /// The secret to register for an endpoint.
    #[must_use]
    pub(super) fn secret(&self, endpoint: EndpointNumber) -> &str {
        &self.places[endpoint].secret
    }

    /// The common log.
    #[must_use]
    pub(super) fn log(&self) -> &Arc<Log> {
        &self.log
    }
}

impl Log {
    fn new() -> Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "receivers judge a timestamp by their own wall clock")]
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        let started = (Instant::now(), i64::try_from(wall.as_secs())?);
        Ok(Self {
            inner: Mutex::default(),
            open: AtomicUsize::new(0),
            healed: AtomicBool::new(false),
            opened: AtomicBool::new(false),
            tolerance: AtomicI64::new(TOLERANCE),
            started,
        })
    }

    /// From now on every receiver answers 200 at once.
    pub(super) fn heal(&self) {
        self.healed.store(true, Ordering::SeqCst);
    }

    /// From now on the receiver that was shut answers 200.
    pub(super) fn open(&self) {
        self.opened.store(true, Ordering::SeqCst);
    }

    /// How many requests have arrived at an endpoint.
    #[must_use]
    pub(super) fn count_at(&self, endpoint: EndpointNumber) -> usize {
        self.inner().arrivals.iter().filter(|arrival| arrival.endpoint == endpoint).count()
    }

    /// How many arrivals there are: the position of the next one.
    #[must_use]
    pub(super) fn position(&self) -> usize {
        self.inner().arrivals.len()
    }

    /// The arrivals so far.
    #[must_use]
    pub(super) fn arrivals(&self) -> Vec<Arrival> {
        self.inner().arrivals.clone()
    }

    /// The arrival at this many places before the end, if it was answered 2xx.
    #[must_use]
    pub(super) fn recent_ok(&self, back: usize) -> Option<Arrival> {
        let inner = self.inner();
        let at = inner.arrivals.len().checked_sub(back + 1)?;
        inner.arrivals.get(at).filter(|arrival| arrival.ok).cloned()
    }

    /// Whether a delivery has been answered 2xx.
    #[must_use]
    pub(super) fn delivered(&self, pairs: &[(PostNumber, EndpointNumber)]) -> Vec<bool> {
        let inner = self.inner();
        pairs.iter().map(|pair| inner.delivered.contains(pair)).collect()
    }

    /// How long nothing has arrived.
    #[must_use]
    pub(super) fn quiet(&self) -> Duration {
        self.inner().last.map_or(Duration::MAX, |last| last.elapsed())
    }

    /// Waits, but not long, until every connection is closed: after a kill, the last requests that were on the wire
    /// have then been logged and belong to the life that sent them.
    pub(super) async fn drained(&self) {
        for _ in 0..125 {
            if self.open.load(Ordering::SeqCst) == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Logs a request and says how to answer it. One of several messages is an arrival of each, answered by the mood for
    /// the first.
    fn arrive(&self, endpoint: EndpointNumber, secret: &str, headers: &HeaderMap, body: &[u8]) -> Mood {
        let signed = signature::verify(secret, headers, body).is_ok() && self.is_fresh(headers);
        let id = text(headers, "webhook-id");
        let messages = messages_in(body).unwrap_or_else(|| vec![(id.to_owned(), body)]);
        // The id of the request is that of its first message.
        let signed = signed && messages[0].0 == id;
        let mut inner = self.inner();
        let mood = match number_in(messages[0].1) {
            Some(post) if !self.healed.load(Ordering::SeqCst) && !self.is_open(endpoint) => {
                let tries = inner.tries.entry((post, endpoint)).or_default();
                *tries += 1;
                ENDPOINTS[endpoint].profile.mood(post, *tries - 1)
            }
            _ => Mood { delay: Duration::ZERO, status: Some(200) },
        };
        let ok = mood.status == Some(200);
        for (place, (message_id, payload)) in messages.into_iter().enumerate() {
            let (post, sha) = (number_in(payload), Sha256::digest(payload).into());
            if let (Some(post), true) = (post, ok) {
                inner.delivered.insert((post, endpoint));
            }
            inner.arrivals.push(Arrival { endpoint, post, sha, message_id, signed, ok, place });
        }
        inner.last = Some(Instant::now());
        mood
    }

    fn is_open(&self, endpoint: EndpointNumber) -> bool {
        ENDPOINTS[endpoint].profile == Profile::Shut && self.opened.load(Ordering::SeqCst)
    }

    /// Lets timestamps be so much further from the clock: somebody is about to set the server's.
    pub(super) fn tolerate(&self, seconds: i64) {
        self.tolerance.store(TOLERANCE + seconds, Ordering::SeqCst);
    }

    fn is_fresh(&self, headers: &HeaderMap) -> bool {
        let (instant, unix) = self.started;
        let now = unix + i64::try_from(instant.elapsed().as_secs()).unwrap_or(i64::MAX);
        text(headers, "webhook-timestamp")
            .parse::<i64>()
            .is_ok_and(|at| (now - at).abs() <= self.tolerance.load(Ordering::SeqCst))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ids and payloads of a request of several messages; none if it is not one.
fn messages_in(body: &[u8]) -> Option<Vec<(String, &[u8])>> {
    let elements: Vec<HashMap<String, &serde_json::value::RawValue>> = serde_json::from_slice(body).ok()?;
    let mut messages = Vec::with_capacity(elements.len());
    for element in &elements {
        let payload: &serde_json::value::RawValue = element.get("payload")?;
        messages.push((serde_json::from_str(element.get("id")?.get()).ok()?, payload.get().as_bytes()));
    }
    Some(messages).filter(|messages| !messages.is_empty())
}

/// The number in a payload made by [`payload`](super::load::payload).
fn number_in(body: &[u8]) -> Option<PostNumber> {
    let rest = body.strip_prefix(b"{\"n\":")?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn accept(listener: TcpListener, endpoint: EndpointNumber, secret: Arc<str>, log: Arc<Log>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                log.open.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(stream, endpoint, secret.clone(), log.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection. An error is the killed sender, or a mood that closes: both are what is wanted.
async fn serve(stream: TcpStream, endpoint: EndpointNumber, secret: Arc<str>, log: Arc<Log>) {
    let service = service_fn(|request| handle(request, endpoint, secret.clone(), log.clone()));
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
    log.open.fetch_sub(1, Ordering::SeqCst);
}

/// Makes hyper close the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer")]
struct Closed;

async fn handle(
    request: Request<Incoming>,
    endpoint: EndpointNumber,
    secret: Arc<str>,
    log: Arc<Log>,
) -> Result<Response<Empty<Bytes>>, Closed> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.or(Err(Closed))?.to_bytes();
    let mood = log.arrive(endpoint, &secret, &head.headers, &body);
    tokio::time::sleep(mood.delay).await;
    let status = mood.status.and_then(|status| StatusCode::from_u16(status).ok()).ok_or(Closed)?;
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::{messages_in, number_in};

    #[test]
    fn the_messages_of_a_request_of_several_are_found_to_the_byte() {
        let body = br#"[{"id":"a","payload":{ "n":1}},{"id":"b","eventType":"x","payload":7}]"#;
        let found = messages_in(body).unwrap();
        assert_eq!(found, [("a".to_owned(), &br#"{ "n":1}"#[..]), ("b".to_owned(), b"7")]);
        for other in [&b"[]"[..], b"{}", b"[1]", b""] {
            assert_eq!(messages_in(other), None);
        }
    }

    #[test]
    fn the_number_of_a_payload_is_found_and_nothing_else_is_taken_for_one() {
        assert_eq!(number_in(b"{\"n\":17,\"x\":1}"), Some(17));
        for other in [&b"{\"n\":"[..], b"{\"n\":,", b"{ \"n\":1,", b"17", b"", b"{\"n\":99999999999999999999999,"] {
            assert_eq!(number_in(other), None);
        }
    }
}
