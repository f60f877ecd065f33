//! A client of the API on one connection, honest about what it does not know.
//!
//! No retries and no pool: a request that was begun and not answered is [`None`], never sent twice behind the back of
//! the ledger.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// One connection to the API, opened anew when it is gone.
#[derive(Debug)]
pub(super) struct Client {
    address: SocketAddr,
    token: Arc<str>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// An answer that was read to its end.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    /// The status.
    pub(super) status: StatusCode,
    /// The body.
    pub(super) body: Bytes,
}

impl Reply {
    /// The body as JSON; null if it is none.
    #[must_use]
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The `id` of the answer, if it has one.
    #[must_use]
    pub(super) fn id(&self) -> Option<String> {
        self.json().get("id")?.as_str().map(str::to_owned)
    }
}

impl Client {
    /// A client that has not connected yet. An empty token sends no authorization.
    #[must_use]
    pub(super) fn new(address: SocketAddr, token: Arc<str>) -> Self {
        Self { address, token, sender: None }
    }

    /// Sees to an open connection; false if there is none to be had just now.
    pub(super) async fn connect(&mut self) -> bool {
        if let Some(sender) = &mut self.sender
            && sender.ready().await.is_ok()
        {
            return true;
        }
        self.sender = open(self.address).await;
        self.sender.is_some()
    }

    /// Sends a request and reads the answer. `None` if there was no whole answer in time: what became of the request,
    /// nobody knows. Without a connection nothing is sent, which is `None`, too.
    pub(super) async fn call(&mut self, method: Method, path: &str, key: Option<&str>, body: Bytes) -> Option<Reply> {
        if !self.connect().await {
            return None;
        }
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.address.to_string())
            .header(header::CONTENT_TYPE, "application/json");
        if !self.token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Full::new(body)).ok()?;
        let sender = self.sender.as_mut()?;
        let exchange = async {
            let response = sender.send_request(request).await.ok()?;
            let status = response.status();
            Some(Reply { status, body: response.into_body().collect().await.ok()?.to_bytes() })
        };
        let reply = tokio::time::timeout(PATIENCE, exchange).await.ok().flatten();
        if reply.is_none() {
            // A late answer must not be taken for that of the next request.
            self.sender = None;
        }
        reply
    }

    /// [`call`](Self::call) with GET.
    pub(super) async fn get(&mut self, path: &str) -> Option<Reply> {
        self.call(Method::GET, path, None, Bytes::new()).await
    }

    /// [`call`](Self::call) with POST of a JSON value.
    pub(super) async fn post(&mut self, path: &str, body: &Value) -> Option<Reply> {
        self.call(Method::POST, path, None, body.to_string().into()).await
    }
}

async fn open(address: SocketAddr) -> Option<SendRequest<Full<Bytes>>> {
    #[expect(clippy::disallowed_methods, reason = "the harness calls the server under test on loopback")]
    let connecting = TcpStream::connect(address);
    let stream = tokio::time::timeout(PATIENCE, connecting).await.ok()?.ok()?;
    stream.set_nodelay(true).ok()?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    // Ends by itself when the sender is dropped or the server goes away.
    tokio::spawn(connection);
    Some(sender)
}
