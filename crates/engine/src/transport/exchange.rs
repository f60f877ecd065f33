//! The way of one request: a connection, a turn on it, and what came of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::uri::PathAndQuery;
use http::{Method, Request, Uri};
use http_body_util::Full;
use hyper::client::conn::http1;
use ringback_model::{AttemptOutcome, EndpointNo, Exchange, Failure, NotSent, Redacted, Timestamp};
use ringback_wire::{Acknowledgement, MASK, SecretMask, Success};
use tokio::time::Instant;

use super::live::{FullRequest, Live, Turn, TurnError, http};
use super::pool::Pool;
use super::retry_after;
use crate::TokenError;
use crate::egress::{ConnectError, Connector, EgressPolicy, TargetUrl, TlsIdentity};

/// Headers that belong to the connection or the framing, which nobody but the transport sets.
const OWN_HEADERS: [HeaderName; 8] =
    [ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, EXPECT, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// A request as it goes out.
#[derive(Clone, Debug)]
pub struct OutgoingRequest {
    /// The method.
    pub method: Method,
    /// The request target: that of the URL, or one with more in its query.
    pub path_and_query: PathAndQuery,
    /// The headers, without `host` and those of the framing, which are set here.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl OutgoingRequest {
    fn into_http(self, target: &TargetUrl) -> FullRequest {
        let Self { method, path_and_query, mut headers, body } = self;
        for name in OWN_HEADERS {
            headers.remove(name);
        }
        headers.insert(HOST, target.host_header().clone());
        if body.is_empty() && method != Method::GET {
            // An empty body has no length unless it is said, and some servers insist (411).
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from(path_and_query);
        *request.headers_mut() = headers;
        request
    }
}

/// How the body of an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// All of it is there.
    Complete,
    /// It is longer than what is read of one; the beginning is there.
    TooLong,
    /// It did not come in time.
    TooSlow,
    /// The connection was cut, or the framing was wrong.
    Broken,
}

/// An answer: the status stands, whatever became of the body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status, 100 to 999.
    pub status: u16,
    /// The headers. Drop them soon: they share the connection's read buffer.
    pub headers: HeaderMap,
    /// Whether [`Exchange::response`] is the whole body.
    pub body: BodyEnd,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There was no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// There was no token to show.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// There was one, and no answer on it.
    #[error("{}", AttemptOutcome::Failed { why: *.0, retry_after: None })]
    Failed(Failure),
}

impl Fault {
    /// Whether it counts as a try of the receiver, and as what.
    ///
    /// # Errors
    /// Why not a byte of the request went out through no fault of the receiver's.
    pub const fn failure(&self) -> Result<Failure, NotSent> {
        match self {
            Self::Connect(error) => error.failure(),
            Self::Token(_) => Err(NotSent::Token),
            Self::Failed(failure) => Ok(*failure),
        }
    }

    /// What it is as the outcome of an attempt.
    #[must_use]
    pub const fn outcome(&self) -> AttemptOutcome {
        match self.failure() {
            Ok(why) => AttemptOutcome::Failed { why, retry_after: None },
            Err(why) => AttemptOutcome::NotSent { why },
        }
    }
}

/// What came of a request.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The answer, or why there is none.
    pub result: Result<Answer, Fault>,
    /// What was seen on the wire.
    pub exchange: Exchange,
    /// The token that was fetched to be shown, if one was.
    pub token: Option<Redacted>,
}

impl Sent {
    /// What came of a request that was not sent for want of a token.
    #[must_use]
    pub fn without_token(error: TokenError) -> Self {
        let exchange = Exchange { response: error.to_string().into(), ..Exchange::default() };
        Self { result: Err(Fault::Token(error)), exchange, token: None }
    }

    /// Takes the secrets out of what came back, headers aside. Judge it before: a rule may look for what is masked.
    pub fn mask(&mut self, mask: &SecretMask) {
        match &mut self.result {
            Ok(answer) => {
                let is_cut = answer.body != BodyEnd::Complete;
                if let Some(masked) = mask.bytes(&self.exchange.response, is_cut) {
                    self.exchange.response = masked.into();
                }
            }
            Err(Fault::Token(TokenError::Refused { status, code: Some(code) })) => {
                if mask.bytes(code.as_bytes(), false).is_some() {
                    *self = Self::without_token(TokenError::Refused { status: *status, code: None });
                }
            }
            Err(Fault::Token(_) | Fault::Connect(_) | Fault::Failed(_)) => {}
        }
    }

    /// Takes the secrets out of the headers of an answer, names included.
    pub fn mask_headers(&mut self, mask: &SecretMask) {
        let Ok(answer) = &mut self.result else { return };
        let mut masked = HeaderMap::with_capacity(answer.headers.len());
        for (name, value) in &answer.headers {
            let of_name = mask.bytes(name.as_str().as_bytes(), false);
            let of_value = mask.bytes(value.as_bytes(), false);
            let name = of_name.and_then(|masked| HeaderName::from_bytes(&masked).ok()).unwrap_or_else(|| name.clone());
            let value = of_value.map_or_else(|| Ok(value.clone()), |masked| HeaderValue::from_bytes(&masked));
            // A mask is text that both take.
            masked.append(name, value.unwrap_or_else(|_| HeaderValue::from_static(MASK)));
        }
        answer.headers = masked;
    }

    /// The outcome by the rule that holds where nobody has another: success is 2xx.
    #[must_use]
    pub fn outcome(&self, wall: Timestamp) -> AttemptOutcome {
        self.outcome_by(&Success::default(), false, wall)
    }

    /// The outcome by a rule; `with_secret` says whether the receiver was shown one that it may have rejected.
    #[must_use]
    pub fn outcome_by(&self, rule: &Success, with_secret: bool, wall: Timestamp) -> AttemptOutcome {
        match &self.result {
            Ok(Answer { status, headers, .. }) => {
                let why = match rule.judge(*status, &self.exchange.response) {
                    Acknowledgement::Given => return AttemptOutcome::Delivered,
                    Acknowledgement::WrongBody => Failure::Unacknowledged(*status),
                    Acknowledgement::WrongStatus if with_secret && matches!(status, 401 | 403) => {
                        Failure::SecretRejected(*status)
                    }
                    Acknowledgement::WrongStatus => Failure::Status(*status),
                };
                AttemptOutcome::Failed { why, retry_after: retry_after(headers, wall) }
            }
            Err(fault) => fault.outcome(),
        }
    }
}

/// Whom a request goes to, and on whose connections.
#[derive(Clone, Copy, Debug)]
pub struct Receiver<'a> {
    /// Whose connections are used and kept; `None` for one that is opened for this request and closed after it.
    pub endpoint: Option<EndpointNo>,
    /// Where to.
    pub target: &'a TargetUrl,
    /// Who this side is in TLS, if anybody.
    pub identity: Option<&'a Arc<TlsIdentity>>,
}

/// Sends requests and keeps connections. One per process.
#[derive(Debug)]
pub struct Transport {
    connector: Arc<Connector>,
    pool: Pool,
    http: http1::Builder,
}

impl Transport {
    /// A transport over this connector, with no connection yet.
    #[must_use]
    pub fn new(connector: Arc<Connector>) -> Self {
        Self { connector, pool: Pool::new(), http: http() }
    }

    /// The connector that it dials with: its policy is what registration checks URLs against.
    #[must_use]
    pub const fn connector(&self) -> &Arc<Connector> {
        &self.connector
    }

    /// Puts another policy in force and closes every idle connection. One that is in use is closed after its turn.
    pub fn set_policy(&self, policy: EgressPolicy) {
        self.connector.set_policy(policy);
        self.pool.clear();
    }

    /// Closes the idle connections of an endpoint: it was changed or deleted.
    pub fn forget(&self, endpoint: EndpointNo) {
        self.pool.forget(endpoint);
    }

    /// Closes idle connections that are too old. Traffic does it by the way; without any, call it every few seconds.
    pub fn sweep(&self) {
        self.pool.sweep(Instant::now());
    }

    /// Closes all idle connections: the server is stopping.
    pub fn close_idle(&self) {
        self.pool.clear();
    }

    /// How many connections lie idle.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.pool.len()
    }

    /// Sends one request and reads its answer, all within `timeout`. Dropping the future closes the connection.
    pub async fn send(
        &self,
        endpoint: EndpointNo,
        target: &TargetUrl,
        request: OutgoingRequest,
        timeout: Duration,
    ) -> Sent {
        self.send_to(Receiver { endpoint: Some(endpoint), target, identity: None }, request, timeout).await
    }

    /// [`Transport::send`] to somebody who wants to know who calls, or over a connection of its own.
    pub async fn send_to(&self, receiver: Receiver<'_>, request: OutgoingRequest, timeout: Duration) -> Sent {
        let begun = Instant::now();
        let mut exchange = Exchange::default();
        let request = request.into_http(receiver.target);
        let result = self.exchange(receiver, request, (begun, begun + timeout), &mut exchange).await;
        exchange.phases.total = begun.elapsed();
        Sent { result, exchange, token: None }
    }

    async fn exchange(
        &self,
        receiver: Receiver<'_>,
        mut request: FullRequest,
        (begun, deadline): (Instant, Instant),
        seen: &mut Exchange,
    ) -> Result<Answer, Fault> {
        let (endpoint, generation) = (receiver.endpoint, self.connector.generation());
        let (origin, identity) = (receiver.target.origin(), receiver.identity.map(|identity| &**identity));
        let idle = |endpoint| self.pool.take(endpoint, origin, identity, generation, begun);
        while let Some(mut live) = endpoint.and_then(idle) {
            live.wake_up();
            let began = Instant::now();
            match live.turn(request, deadline).await {
                Ok(turn) => return Ok(self.finish(endpoint, live, turn, began, seen)),
                // Closed while it was idle: the next one, or a new one, within the same attempt.
                Err(TurnError::Unsent(returned, _)) => request = *returned,
                Err(TurnError::Failed(failure)) => return Err(failed(live.address, failure, seen)),
            }
        }
        let mut live = self.open(receiver, deadline, seen).await?;
        let began = Instant::now();
        match live.turn(request, deadline).await {
            Ok(turn) => Ok(self.finish(endpoint, live, turn, began, seen)),
            // On a new connection this is the receiver's doing, and counts as a try of it.
            Err(TurnError::Unsent(_, failure) | TurnError::Failed(failure)) => Err(failed(live.address, failure, seen)),
        }
    }

    async fn open(&self, receiver: Receiver<'_>, deadline: Instant, seen: &mut Exchange) -> Result<Box<Live>, Fault> {
        let Receiver { target, identity, .. } = receiver;
        let shown = identity.map(|identity| &**identity);
        let mut connected = self.connector.connect(target, shown, deadline, seen).await;
        if matches!(connected, Err(ConnectError::LocalResource)) && self.pool.len() > 0 {
            // Idle connections hold what is missing, and nobody waits for them.
            self.pool.clear();
            connected = self.connector.connect(target, shown, deadline, seen).await;
        }
        let live = Live::begin(&self.http, connected?, target.origin().clone(), identity.cloned()).await;
        live.map(Box::new).map_err(|_| Fault::Failed(Failure::Closed))
    }

    fn finish(
        &self,
        endpoint: Option<EndpointNo>,
        mut live: Box<Live>,
        turn: Turn,
        began: Instant,
        seen: &mut Exchange,
    ) -> Answer {
        let Turn { answer, body, head_at, clean } = turn;
        seen.status = Some(answer.status);
        seen.response = body;
        seen.phases.first_byte = head_at - began;
        seen.address = Some(live.address);
        if let Some(endpoint) = endpoint
            && clean
            && live.settle()
            && live.generation == self.connector.generation()
        {
            self.pool.put(endpoint, live, Instant::now());
        }
        answer
    }
}

fn failed(address: IpAddr, failure: Failure, seen: &mut Exchange) -> Fault {
    seen.address = Some(address);
    Fault::Failed(failure)
}
