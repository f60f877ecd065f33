//! What handlers take in: who asks, what the path names, and the body with its idempotency key.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use ringback_service::{Actor, FieldError, Service, ServiceError, idempotency};
use ringback_store::Idempotency;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::json;
use crate::not_yet::{self, NotYet};
use crate::problem::Problem;

/// The largest body of a request.
pub(crate) const BODY_MAX: usize = 2 * 1_024 * 1_024;
/// The largest body with many messages in it.
pub(crate) const BATCH_MAX: usize = 8 * 1_024 * 1_024;
/// How long a body may take to come.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest idempotency key.
const KEY_MAX: usize = 256;

/// Who asks.
#[derive(Debug)]
pub(crate) struct Caller(pub(crate) Arc<Actor>);

/// Who asks, and the body that came along.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Who asks.
    pub(crate) actor: Arc<Actor>,
    /// The body as it came.
    pub(crate) body: Bytes,
    /// The key under which the request is answered once only.
    pub(crate) idempotency: Option<Idempotency>,
    /// Where the request stands in a trace of whoever asks: the header `traceparent` (W3C Trace Context).
    pub(crate) trace_parent: Option<HeaderValue>,
}

/// The names in the path of a request, decoded.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

impl FromRequestParts<Arc<Service>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Problem> {
        Ok(Self(service.authenticate(bearer(&parts.headers)?).await?))
    }
}

/// The same where the body may be as large as many messages are.
#[derive(Debug)]
pub(crate) struct AskedMuch(pub(crate) Asked);

impl FromRequest<Arc<Service>> for Asked {
    type Rejection = Problem;

    async fn from_request(request: Request, service: &Arc<Service>) -> Result<Self, Problem> {
        Self::read(request, service, BODY_MAX).await
    }
}

impl FromRequest<Arc<Service>> for AskedMuch {
    type Rejection = Problem;

    async fn from_request(request: Request, service: &Arc<Service>) -> Result<Self, Problem> {
        Asked::read(request, service, BATCH_MAX).await.map(Self)
    }
}

impl Asked {
    async fn read(request: Request, service: &Arc<Service>, most: usize) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let actor = service.authenticate(bearer(&parts.headers)?).await?;
        let key = if parts.method == Method::POST { idempotency_key(&parts.headers)? } else { None };
        let body = read_up_to(body, most).await?;
        let idempotency = key.map(|key| {
            let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
            idempotency(&actor, parts.method.as_str(), path, key, &body, service.clock().now())
        });
        let trace_parent = parts.headers.get("traceparent").cloned();
        Ok(Self { actor, body, idempotency, trace_parent })
    }

    /// The same as text, if it is one.
    pub(crate) fn trace_parent(&self) -> Option<&str> {
        self.trace_parent.as_ref()?.to_str().ok()
    }

    /// The body, read as a message: what it borrows is borrowed from here.
    pub(crate) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        json::parse(&self.body)
    }

    /// The same with an empty object for `value`, which is a part of the body and no configuration: it may be whatever
    /// JSON is.
    pub(crate) fn without(&self, value: &RawValue) -> Self {
        let text = self.body.slice_ref(value.get().as_bytes());
        let (before, behind) = self.body.split_at(text.as_ptr().addr() - self.body.as_ptr().addr());
        let body = [before, b"{}", &behind[text.len()..]].concat().into();
        Self { actor: self.actor.clone(), body, idempotency: self.idempotency, trace_parent: None }
    }

    /// The body, read as configuration.
    pub(crate) fn config<T: DeserializeOwned>(&self, not_yet: NotYet) -> Result<T, Problem> {
        let value = json::parse_config(&self.body)?;
        not_yet::refuse(&self.body, not_yet)?;
        Ok(value)
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // What cannot be decoded names nothing.
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(names)) => Ok(Self(names)),
            Err(_) => Err(Problem::no_such_path()),
        }
    }
}

pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, ServiceError> {
    let refused = |detail: &str| ServiceError::Unauthenticated(detail.to_owned());
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let header = given
        .next()
        .ok_or_else(|| refused("Send the header `authorization: Bearer <token>`. `ringback token` prints a token."))?;
    if given.next().is_some() {
        // A proxy in front may have looked at the other one.
        return Err(refused("The header `authorization` is given twice: send one."));
    }
    let value = header.to_str().ok().ok_or_else(|| refused("Invalid token"))?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        Some(_) | None => Err(refused("The header `authorization` has the form `Bearer <token>`.")),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let wrong = |rule: &str| {
        let path = ["header".into(), "idempotency-key".into()];
        Problem::invalid([FieldError::at(path, rule)])
    };
    let mut given = headers.get_all("idempotency-key").iter();
    let Some(header) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(wrong("It is given twice: send one key with a request."));
    }
    match header.to_str() {
        Ok(key) if (1..=KEY_MAX).contains(&key.len()) => Ok(Some(key)),
        Ok(_) | Err(_) => Err(wrong("It is 1 to 256 printable ASCII characters, such as a UUID.")),
    }
}

pub(crate) async fn read(body: axum::body::Body) -> Result<Bytes, Problem> {
    read_up_to(body, BODY_MAX).await
}

pub(crate) async fn read_up_to(body: axum::body::Body, most: usize) -> Result<Bytes, Problem> {
    // One frame, the usual case, is taken over as it is; more are put together.
    let body = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, most).collect());
    match body.await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::too_large()),
        Ok(Err(_)) => Err(Problem::bad_request("The body of the request broke off or is not framed as HTTP/1.1 asks.")),
        Err(_) => Err(Problem::too_slow()),
    }
}
