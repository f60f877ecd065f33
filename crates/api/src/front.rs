//! What every request goes through before and after its handler: the few things that are the same for all.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, CONNECTION, ORIGIN,
};
use http::uri::{PathAndQuery, Uri};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use ringback_service::{Monitor, Service};
use tower_service::Service as _;

use crate::extract::BATCH_MAX;
use crate::host::Hosts;
use crate::monitor::{self, Audience, FigureReader, RequestMeter};
use crate::problem::{Cause, Problem};
use crate::unread::Unread;
use crate::{backfill, docs, jql, oauth, openapi, respond, schemas, v1};

/// The API as a whole: it answers one request at a time, from as many tasks as there are.
#[derive(Clone, Debug)]
pub struct Api {
    service: Arc<Service>,
    router: Router,
    requests: Arc<RequestMeter>,
    hosts: Arc<Hosts>,
}

impl Api {
    /// The API over a service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        let router = Router::new()
            .merge(v1::routes())
            .merge(openapi::routes())
            .merge(docs::routes())
            .merge(jql::routes())
            .merge(backfill::routes())
            .merge(oauth::routes())
            .merge(schemas::routes())
            .fallback(async || Problem::no_such_path())
            .method_not_allowed_fallback(async || Problem::method_not_allowed())
            .with_state(service.clone());
        Self { service, router, requests: Arc::default(), hosts: Arc::default() }
    }

    /// The same API with further paths beside its own: metrics, or pages. Pages of others may read the answers of the
    /// API, and no others.
    ///
    /// # Panics
    /// When one of them is taken already.
    #[must_use]
    pub fn with_routes(mut self, routes: Router) -> Self {
        self.router = self.router.merge(routes);
        self
    }

    /// The same API for requests to these names alone.
    #[must_use]
    pub fn for_hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = Arc::new(hosts);
        self
    }

    /// The same API with the paths of metrics and readiness beside its own.
    #[must_use]
    pub fn with_monitor(mut self, monitor: Arc<Monitor>) -> Self {
        self.router = self.router.merge(monitor::routes(monitor, self.requests.clone(), Audience::Public));
        self
    }

    /// What a listener of the operator's own serves: metrics and readiness of this API, and nothing else.
    #[must_use]
    pub fn monitor(&self, monitor: Arc<Monitor>) -> Self {
        let router = monitor::routes(monitor, self.requests.clone(), Audience::Operator)
            .fallback(async || Problem::no_such_path())
            .method_not_allowed_fallback(async || Problem::method_not_allowed());
        Self { service: self.service.clone(), router, requests: Arc::default(), hosts: Arc::default() }
    }

    /// What reads the figures that `/metrics` tells, for whoever hands them on.
    #[must_use]
    pub fn figures(&self, monitor: Arc<Monitor>) -> FigureReader {
        FigureReader::new(monitor, self.requests.clone())
    }

    /// Answers a request.
    pub async fn answer<B>(&self, request: Request<B>) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let unread = Unread::of(request.body());
        let mut request = request.map(|body| unread.watch(body));
        let is_jql = jql::is_path(request.uri().path());
        let from_a_page = request.headers().contains_key(ORIGIN) && !is_page(request.uri().path());
        let mut response = if !self.hosts.allow(request.headers()) {
            Problem::not_this_host().into_response()
        } else if request.method() == Method::OPTIONS && !is_page(request.uri().path()) {
            preflight(request.headers())
        } else if request.body().size_hint().lower() > BATCH_MAX as u64 {
            Problem::too_large().into_response()
        } else {
            trim_slashes(request.uri_mut());
            let handler = AssertUnwindSafe(self.router.clone().call(request.map(Body::new))).catch_unwind();
            match handler.await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                // The panic hook has told the log where; here it is an answer like any other.
                Err(_) => self.fault(&"a handler panicked"),
            }
        };
        if let Some(cause) = response.extensions_mut().remove::<Cause>() {
            self.log(&mut response, &cause);
        }
        if is_jql {
            response = jql::shaped(response);
        }
        self.requests.count(response.status());
        if from_a_page {
            response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        if unread.is_left() {
            // What is still to come would be taken for the next request, so the connection ends; whoever is told so opens another.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Logs what is behind an answer. A fault of ours gets a name under which both can be found.
    fn log(&self, response: &mut Response, cause: &Cause) {
        let mut chain = cause.0.to_string();
        let mut next = cause.0.source();
        while let Some(source) = next {
            chain = format!("{chain}: {source}");
            next = source.source();
        }
        if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
            *response = self.fault(&chain);
        } else {
            // Whoever refuses says so once; a line for each request would fill the disk that is full already.
            tracing::debug!(status = response.status().as_u16(), cause = %chain, "a request could not be served");
        }
    }

    fn fault(&self, cause: &dyn std::fmt::Display) -> Response {
        let request_id = self.service.request_id();
        tracing::error!(%request_id, %cause, "a request failed");
        Problem::internal(&request_id).into_response()
    }
}

/// Whether a path is that of a page for people, which no page of others has any business with.
fn is_page(path: &str) -> bool {
    path == "/" || ["/console", "/portal"].iter().any(|page| path.starts_with(page))
}

/// What a browser is told that asks before it sends a page's request: whatever the page wants. A token is needed all the
/// same, and none is sent along by itself.
fn preflight(headers: &HeaderMap) -> Response {
    let mut response = respond::nothing();
    let answer = response.headers_mut();
    answer.insert("allow", HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE"));
    if let Some(wanted) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    response
}

/// Takes slashes off the end of a path: they mean nothing.
fn trim_slashes(uri: &mut Uri) {
    let path = uri.path();
    if path.len() <= 1 || !path.ends_with('/') {
        return;
    }
    let path = path.trim_end_matches('/');
    let path = if path.is_empty() { "/" } else { path };
    let trimmed = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
        None => PathAndQuery::try_from(path),
    };
    if let Ok(trimmed) = trimmed {
        *uri = Uri::from(trimmed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_at_the_end_of_a_path_are_taken_off_and_the_query_stays() {
        for (given, expected) in [
            ("/", "/"),
            ("/a", "/a"),
            ("/a/", "/a"),
            ("/a//?b=/c/", "/a?b=/c/"),
            ("//", "/"),
            ("/a?b=c/", "/a?b=c/"),
            ("http://h/a/", "/a"),
        ] {
            let mut uri: Uri = given.parse().unwrap();
            trim_slashes(&mut uri);
            assert_eq!(uri.to_string(), expected);
        }
    }
}
