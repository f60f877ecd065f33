//! A client of the API, as small as the demo needs: JSON in, JSON out, over real HTTP to this process's own server.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::request::Builder;
use http::{Method, Request, StatusCode};
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

    /// Calls a path of the server, whatever it answers.
    pub(super) async fn ask(&self, method: Method, path: &str, body: String) -> anyhow::Result<(StatusCode, String)> {
        let request = self.request(method, path, "application/json", &self.bearer()).body(Full::new(body.into()))?;
        let (status, body) = self.exchange(request).await?;
        Ok((status, String::from_utf8(body.to_vec())?))
    }

    /// Posts a form with basic authentication, given as base64.
    pub(super) async fn form(&self, path: &str, form: &'static str, basic: &str) -> anyhow::Result<Value> {
        let kind = "application/x-www-form-urlencoded";
        let request = self.request(Method::POST, path, kind, &format!("Basic {basic}"));
        self.succeed(request.body(Full::new(form.into()))?, path).await
    }

    async fn call(&self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Value> {
        let what = format!("{method} /api/v1{path}");
        let path = format!("/api/v1{path}");
        let request = self.request(method, &path, "application/json", &self.bearer()).body(Full::new(body))?;
        self.succeed(request, &what).await
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token.reveal())
    }

    fn request(&self, method: Method, path: &str, kind: &str, authorization: &str) -> Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string())
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_TYPE, kind)
    }

    async fn succeed(&self, request: Request<Full<Bytes>>, what: &str) -> anyhow::Result<Value> {
        let (status, body) = self.exchange(request).await.with_context(|| format!("{what} failed"))?;
        if !status.is_success() {
            bail!("{what} was answered {status}: {}", String::from_utf8_lossy(&body));
        }
        tracing::debug!(what, %status, "called the API");
        if body.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&body)?) }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
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
        Ok((status, body))
    }
}

/// A text member of an answer.
pub(super) fn text(answer: &Value, member: &str) -> anyhow::Result<String> {
    let text = answer.get(member).and_then(Value::as_str);
    Ok(text.with_context(|| format!("the API answered without `{member}`"))?.to_owned())
}
