//! An open HTTP connection, and one turn on it: a request out, an answer in.
//!
//! The connection is not a task of its own. Whoever waits for an answer drives it, and between turns it lies in the
//! pool undriven: a hop between tasks and two wake-ups less for every request.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ringback_model::Failure;
use tokio::time::{Instant, timeout_at};

use super::exchange::{Answer, BodyEnd};
use super::tap::{Signals, Tap};
use crate::egress::{Connection, Origin, TlsIdentity};

/// The most that is read of an answer's body.
const BODY_MAX: usize = 64 * 1_024;
/// How long a body is waited for once the status is known, which is all that most receivers mean to say.
const BODY_PATIENCE: Duration = Duration::from_secs(2);
/// The limits of an answer's head.
const HEADERS_MAX: usize = 64;
const HEAD_MAX: usize = 32 * 1_024;

/// A request with its body at hand.
pub(super) type FullRequest = Request<Full<Bytes>>;

/// How connections are spoken on.
pub(super) fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.max_headers(HEADERS_MAX).max_buf_size(HEAD_MAX).max_header_size(HEAD_MAX);
    http
}

/// An open HTTP connection.
#[derive(Debug)]
pub(super) struct Live {
    sender: http1::SendRequest<Full<Bytes>>,
    /// `None` once it has ended. It must be dropped then: only that gives an unsent request back.
    connection: Option<http1::Connection<TokioIo<Tap>, Full<Bytes>>>,
    signals: Arc<Signals>,
    /// The origin it was opened for.
    pub(super) origin: Origin,
    /// Who this side is on it.
    pub(super) identity: Option<Arc<TlsIdentity>>,
    /// The address at its far end.
    pub(super) address: IpAddr,
    /// The generation of the policy that allowed it.
    pub(super) generation: u64,
    /// When it was opened.
    pub(super) opened: Instant,
}

/// How a turn failed.
#[derive(Debug)]
pub(super) enum TurnError {
    /// The connection was over before a byte of the request went out. Here it is again.
    Unsent(Box<FullRequest>, Failure),
    /// The request went out, wholly or in part.
    Failed(Failure),
}

/// What a turn brought.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) answer: Answer,
    pub(super) body: Bytes,
    /// When the head of the answer was there.
    pub(super) head_at: Instant,
    /// Whether the connection is fit for another turn, as far as the answer tells.
    pub(super) clean: bool,
}

impl Live {
    /// Begins HTTP on a connection that was just opened.
    pub(super) async fn begin(
        http: &http1::Builder,
        connection: Connection,
        origin: Origin,
        identity: Option<Arc<TlsIdentity>>,
    ) -> hyper::Result<Self> {
        let Connection { socket, address, generation } = connection;
        let (tap, signals) = Tap::new(socket);
        let (sender, connection) = http.handshake(TokioIo::new(tap)).await?;
        let opened = Instant::now();
        Ok(Self { sender, connection: Some(connection), signals, origin, identity, address, generation, opened })
    }

    /// Says that the next turn is not the first after a time of idleness.
    pub(super) fn wake_up(&self) {
        self.signals.announce_reuse();
    }

    /// Sends a request and reads its answer before `deadline`.
    pub(super) async fn turn(&mut self, request: FullRequest, deadline: Instant) -> Result<Turn, TurnError> {
        let head = timeout_at(deadline, self.head(request)).await;
        let response = head.map_err(|_elapsed| TurnError::Failed(Failure::Timeout))??;
        let head_at = Instant::now();
        let (head, body) = response.into_parts();
        let patience = deadline.min(head_at + BODY_PATIENCE);
        let (body, end) = self.body(body, patience).await;
        let clean = end == BodyEnd::Complete && !self.signals.saw_interim() && !has_odd_framing(&head.headers);
        let answer = Answer { status: head.status.as_u16(), headers: head.headers, body: end };
        Ok(Turn { answer, body, head_at, clean })
    }

    async fn head(&mut self, request: FullRequest) -> Result<Response<Incoming>, TurnError> {
        let mut response = pin!(self.sender.try_send_request(request));
        let connection = &mut self.connection;
        let answered = poll_fn(|cx| {
            // The connection first: it writes the request and reads the answer that the second line looks for.
            drive(connection, cx);
            response.as_mut().poll(cx)
        });
        answered.await.map_err(|mut error| match error.take_message() {
            Some(request) => TurnError::Unsent(Box::new(request), failure(&error.into_error())),
            None => TurnError::Failed(failure(&error.into_error())),
        })
    }

    /// Reads at most [`BODY_MAX`] of a body until `patience` ends.
    async fn body(&mut self, mut body: Incoming, patience: Instant) -> (Bytes, BodyEnd) {
        if body.is_end_stream() {
            return (Bytes::new(), BodyEnd::Complete);
        }
        let mut kept = BytesMut::new();
        let connection = &mut self.connection;
        let read = poll_fn(|cx| {
            loop {
                drive(connection, cx);
                match Pin::new(&mut body).poll_frame(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => return Poll::Ready(BodyEnd::Complete),
                    Poll::Ready(Some(Err(_))) => return Poll::Ready(BodyEnd::Broken),
                    Poll::Ready(Some(Ok(frame))) => {
                        // Copied, so that the connection's read buffer is free again for its next answer.
                        let Some(data) = frame.data_ref() else { continue };
                        let room = BODY_MAX - kept.len();
                        kept.extend_from_slice(&data[..data.len().min(room)]);
                        if data.len() > room {
                            return Poll::Ready(BodyEnd::TooLong);
                        }
                    }
                }
            }
        });
        let end = timeout_at(patience, read).await.unwrap_or(BodyEnd::TooSlow);
        (kept.freeze(), end)
    }

    /// Brings the connection to rest after a turn. Returns whether it can take another.
    pub(super) fn settle(&mut self) -> bool {
        // A waker that does nothing replaces that of the task which ends now: it would be kept alive by an idle
        // connection, and woken for nothing when that is closed.
        drive(&mut self.connection, &mut Context::from_waker(Waker::noop()));
        self.connection.is_some() && self.sender.is_ready()
    }
}

/// Lets the connection do what it can. Its own errors reach whoever waits for the answer or the body.
fn drive(connection: &mut Option<http1::Connection<TokioIo<Tap>, Full<Bytes>>>, cx: &mut Context<'_>) {
    if connection.as_mut().is_some_and(|connection| Pin::new(connection).poll(cx).is_ready()) {
        *connection = None;
    }
}

/// Framing that HTTP allows and nobody needs, where a reader of another opinion could see the end of the answer elsewhere.
fn has_odd_framing(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next();
    lengths.next().is_some() || (length.is_some() && headers.contains_key(TRANSFER_ENCODING))
}

fn failure(error: &hyper::Error) -> Failure {
    // An error that came with the request given back carries its cause inside.
    let cause = std::error::Error::source(error).and_then(|source| source.downcast_ref::<hyper::Error>());
    let error = cause.unwrap_or(error);
    let io = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    if io.and_then(std::io::Error::get_ref).is_some_and(|inner| inner.is::<rustls::Error>()) {
        // In TLS 1.3 a receiver says only after the handshake that it does not like a client certificate.
        return Failure::Tls;
    }
    let io = io.is_some();
    if io || error.is_closed() || error.is_canceled() || error.is_incomplete_message() || error.is_body_write_aborted()
    {
        Failure::Closed
    } else {
        Failure::Protocol
    }
}
