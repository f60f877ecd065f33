//! A client of the API, as small as the demo needs: JSON in, JSON out, over real HTTP to this process's own server.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use ringback_model::Redacted;
use serde_json::Value;
use tokio::net::TcpStream;

/// Speaks to one server with one token.
#[derive(Debug)]
pub(super) struct Client {
    address: SocketAddr,
    token: Redacted,
}

impl Client {
    /// A client of the server at `address`.
    pub(super) fn new(address: SocketAddr, token: Redacted) -> Self {
        Self { address, token }
    }

    /// Reads.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, Bytes::new()).await
    }

    /// Writes.
    pub(super) async fn post(&self, path: &str, body: String) -> anyhow::Result<Value> {
        self.call(Method::POST, path, body.into()).await
    }

    async fn call(&self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Value> {
        let what = format!("{method} /api/v1{path}");
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(HOST, self.address.to_string())
            .header(AUTHORIZATION, format!("Bearer {}", self.token.reveal()))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        self.exchange(request, &what).await.with_context(|| format!("{what} failed"))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>, what: &str) -> anyhow::Result<Value> {
        #[expect(clippy::disallowed_methods, reason = "this is a call of the API, by its own process, on loopback")]
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        drop(sender);
        // The answer is whole: how the connection ends says nothing more.
        connection.await?.ok();
        if !status.is_success() {
            bail!("it was answered {status}: {}", String::from_utf8_lossy(&body));
        }
        tracing::debug!(what, %status, "called the API");
        if body.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&body)?) }
    }
}
