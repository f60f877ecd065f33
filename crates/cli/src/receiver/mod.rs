//! A webhook receiver: takes every request, answers as it is told, and hands on what arrived.
//!
//! It listens in plain HTTP/1.1 and stops when dropped. [`signature`] checks what it receives.

pub(crate) mod forward;
pub(crate) mod signature;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::forward::Forward;

/// Largest body that is taken: more than the largest message.
const BODY_MAX: usize = 4 << 20;

/// A request as it arrived, and what was answered.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// The method.
    pub(crate) method: Method,
    /// Path and query, as in the request line.
    pub(crate) target: String,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The whole body.
    pub(crate) body: Bytes,
    /// The status that was answered.
    pub(crate) answered: StatusCode,
}

impl Arrival {
    /// A header as text; empty if it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A running receiver.
#[derive(Debug)]
pub(crate) struct Receiver {
    address: SocketAddr,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
    // Owns the accept loop and with it all connections.
    _tasks: JoinSet<()>,
}

/// What is answered to a request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: StatusCode,
    /// The body.
    pub(crate) body: Bytes,
    /// The headers, beside those of the framing.
    pub(crate) headers: HeaderMap,
    /// How long it takes to come.
    pub(crate) delay: Duration,
}

impl From<StatusCode> for Reply {
    fn from(status: StatusCode) -> Self {
        Self { status, body: Bytes::new(), headers: HeaderMap::new(), delay: Duration::ZERO }
    }
}

/// Says what to answer to a request with this method, target and body.
type Answers = dyn Fn(&Method, &str, &[u8]) -> Reply + Send + Sync;

#[derive(Clone)]
struct Shared {
    answers: Arc<Answers>,
    /// Who is asked in place of `answers`, if anybody.
    forward: Option<Arc<Forward>>,
    arrivals: mpsc::UnboundedSender<Arrival>,
}

impl Receiver {
    /// Starts on a free port of 127.0.0.1; `answers` is asked once for each request, in the order of arrival.
    ///
    /// # Errors
    /// If no port can be had.
    pub(crate) async fn start(
        answers: impl Fn(&Method, &str, &[u8]) -> Reply + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::start_on((Ipv4Addr::LOCALHOST, 0).into(), answers, None).await
    }

    /// The same at this address; with `forward`, what is answered there is answered here.
    ///
    /// # Errors
    /// If it cannot be had.
    pub(crate) async fn start_on(
        address: SocketAddr,
        answers: impl Fn(&Method, &str, &[u8]) -> Reply + Send + Sync + 'static,
        forward: Option<Forward>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (sender, arrivals) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        let forward = forward.map(Arc::new);
        tasks.spawn(accept(listener, Shared { answers: Arc::new(answers), forward, arrivals: sender }));
        Ok(Self { address, arrivals, _tasks: tasks })
    }

    /// The URL of a path, which begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next request that arrives.
    pub(crate) async fn next(&mut self) -> Option<Arrival> {
        self.arrivals.recv().await
    }

    /// The next request that has arrived already.
    pub(crate) fn try_next(&mut self) -> Option<Arrival> {
        self.arrivals.try_recv().ok()
    }
}

async fn accept(listener: TcpListener, shared: Shared) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(stream, shared.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection. An error here is the sender going away.
async fn serve(stream: TcpStream, shared: Shared) {
    let service = service_fn(move |request| handle(request, shared.clone()));
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection to the receiver ended early");
    }
}

async fn handle(request: Request<Incoming>, shared: Shared) -> Result<Response<Full<Bytes>>, anyhow::Error> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_MAX).collect().await.map_err(anyhow::Error::from_boxed)?.to_bytes();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let reply = match &shared.forward {
        Some(forward) => forward.send(&head, body.clone()).await,
        None => (shared.answers)(&head.method, &target, &body),
    };
    let arrival = Arrival { method: head.method, target, headers: head.headers, body, answered: reply.status };
    // Nobody listens any more when the command is ending; the sender gets its answer all the same.
    drop(shared.arrivals.send(arrival));
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    Ok(response)
}
