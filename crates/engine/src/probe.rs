//! Requests that are no deliveries: tests of an endpoint and handshakes with it.
//!
//! They go the one way out, with the same limits and by the same rules as deliveries, and share no connection with
//! them: each has one of its own, which is closed after it. What such a request finds is told to a person, so
//! [`Sent`] keeps the reason of a failure in full.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use ringback_model::Exchange;
use ringback_wire::Prepared;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Route;
use crate::egress::{ConnectError, Connector};
use crate::inquiry::{Inquiry, InquiryError, complete};
use crate::oauth::shown;
use crate::transformer::Transformer;
use crate::transport::{Fault, OutgoingRequest, Receiver, Sent, Transport};

/// Probes under way at most: a crowd of them must not take the sockets of deliveries.
const AT_ONCE: usize = 64;

/// Sends requests that are no deliveries. One per process.
#[derive(Debug)]
pub struct Probe {
    transport: Transport,
    transformer: Arc<Transformer>,
    turns: Semaphore,
    tasks: Mutex<JoinSet<()>>,
}

impl Probe {
    /// A probe that dials with the connector of the deliveries, and so obeys the policy that they obey.
    #[must_use]
    pub fn new(connector: Arc<Connector>) -> Self {
        Self {
            transport: Transport::new(connector),
            transformer: Arc::new(Transformer::here()),
            turns: Semaphore::new(AT_ONCE),
            tasks: Mutex::default(),
        }
    }

    /// The same; code of endpoints' owners is run by `transformer`.
    #[must_use]
    pub fn with_transformer(self, transformer: Arc<Transformer>) -> Self {
        Self { transformer, ..self }
    }

    /// What runs code of endpoints' owners.
    #[must_use]
    pub fn transformer(&self) -> &Transformer {
        &self.transformer
    }

    /// Sends one request along a route and reads its answer, all within `timeout`, the wait for a turn and for a token
    /// included. What the receiver is shown is the present secret, never one that was retired: it is what the test is of.
    /// Dropping the future closes the connection.
    pub async fn send(&self, route: &Route, request: Prepared, timeout: Duration) -> Sent {
        let begun = Instant::now();
        // The semaphore is never closed, so all that can happen is that this side is too busy.
        let Ok(Ok(_turn)) = tokio::time::timeout(timeout, self.turns.acquire()).await else {
            let result = Err(ConnectError::LocalResource.into());
            return Sent { result, exchange: Exchange::default(), token: None };
        };
        let Prepared { method, target, headers, body, left_out: _ } = request;
        let mut request = OutgoingRequest { method, path_and_query: target, headers, body };
        let left = || timeout.saturating_sub(begun.elapsed());
        let mut token = None;
        if let Some(client) = &route.oauth {
            match client.fetch(&self.transport, left()).await {
                Ok(fetched) => {
                    token = Some(shown(&fetched.header));
                    request.headers.insert(AUTHORIZATION, fetched.header);
                }
                Err(error) => return Sent::without_token(error),
            }
        }
        let receiver = Receiver { endpoint: None, target: &route.target, identity: route.identity.as_ref() };
        Sent { token, ..self.transport.send_to(receiver, request, left()).await }
    }

    /// Asks a server that is no receiver, and reads its answer, all within `timeout`, the wait for a turn included.
    ///
    /// # Errors
    /// When there is no answer, it is not 200, or not all of it was read.
    pub async fn ask(&self, inquiry: &Inquiry, timeout: Duration) -> Result<Bytes, InquiryError> {
        let begun = Instant::now();
        let Ok(Ok(_turn)) = tokio::time::timeout(timeout, self.turns.acquire()).await else {
            return Err(InquiryError::NoAnswer(Fault::from(ConnectError::LocalResource).outcome()));
        };
        let receiver = Receiver { endpoint: None, target: &inquiry.target, identity: None };
        let left = timeout.saturating_sub(begun.elapsed());
        let Sent { result, exchange, token: _ } = self.transport.send_to(receiver, inquiry.request(), left).await;
        let answer = result.map_err(|fault| InquiryError::NoAnswer(fault.outcome()))?;
        complete(answer.status, answer.body)?;
        Ok(exchange.response)
    }

    /// Runs something in the background, at most until [`Probe::stop`].
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Reap what has ended, so that it does not gather.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Lets some time pass.
    pub async fn pause(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Ends everything in the background: the server is stopping.
    pub fn stop(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}
