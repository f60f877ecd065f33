//! Sends a request that is ready the way all requests of its endpoint go: with a token where the receiver asks for one,
//! as whom it wants to see in TLS, judged by its own rule.
//!
//! What a receiver answers with 401 is sent once more at once if there is another secret to show: the one before a
//! rotation, within its grace, or a token that is fetched anew.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use ringback_model::{AttemptOutcome, Clock, EndpointNo, Failure, Timestamp};
use ringback_wire::Prepared;

use crate::egress::TargetUrl;
use crate::oauth::{Shown, TokenError, Tokens, shown};
use crate::route::Route;
use crate::transport::{OutgoingRequest, Receiver, Sent, Transport};

/// One exchange.
#[derive(Debug)]
pub struct Tried {
    /// When it began.
    pub started_at: Timestamp,
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// What was seen.
    pub sent: Sent,
}

/// What came of a sending.
#[derive(Debug)]
pub struct Sending {
    /// The exchange before the last one, if the receiver rejected what it was shown and there was something else.
    pub earlier: Option<Tried>,
    /// The one that counts.
    pub last: Tried,
}

/// Sends requests. One per process, or several that share a transport.
#[derive(Debug)]
pub struct Sender {
    transport: Arc<Transport>,
    clock: Arc<dyn Clock>,
    tokens: Tokens,
}

impl Sender {
    /// A sender over this transport, with no token yet.
    #[must_use]
    pub fn new(transport: Arc<Transport>, clock: Arc<dyn Clock>) -> Self {
        Self { transport, clock, tokens: Tokens::default() }
    }

    /// The transport.
    #[must_use]
    pub fn transport(&self) -> &Arc<Transport> {
        &self.transport
    }

    /// Forgets all that is kept of an endpoint: it was deleted, or has rested for long.
    pub fn forget(&self, endpoint: EndpointNo) {
        self.transport.forget(endpoint);
        self.tokens.forget(endpoint);
    }

    /// Sends a request to an endpoint, at the URL of its route or another one of the same origin; twice if the first secret is rejected and there is a second one.
    pub async fn send(&self, route: &Route, to: &TargetUrl, prepared: Prepared) -> Sending {
        let Prepared { method, target: path_and_query, headers, body, left_out: _ } = prepared;
        let mut request = OutgoingRequest { method, path_and_query, headers, body };
        let token = match self.token(route, None).await {
            Ok(token) => token,
            Err(error) => return Sending { earlier: None, last: self.no_token(route, error) },
        };
        if let Some(token) = &token {
            request.headers.insert(AUTHORIZATION, token.header.clone());
        }
        if token.is_none() && !route.recipe.has_retired_auth() {
            return Sending { earlier: None, last: self.once(route, to, request, None).await };
        }
        let first = self.once(route, to, request.clone(), token.as_ref()).await;
        if !matches!(first.outcome, AttemptOutcome::Failed { why: Failure::SecretRejected(401), .. })
            || !self.show_another(route, token.as_ref(), &mut request.headers).await
        {
            return Sending { earlier: None, last: first };
        }
        let last = self.once(route, to, request, token.as_ref()).await;
        Sending { earlier: Some(first), last }
    }

    /// One exchange. `token` is one that was shown before; the one in the request is known from there.
    async fn once(&self, route: &Route, to: &TargetUrl, request: OutgoingRequest, token: Option<&Shown>) -> Tried {
        let started_at = self.clock.now();
        let receiver = Receiver { endpoint: Some(route.config.no), target: to, identity: route.identity.as_ref() };
        let fetched = route.oauth.as_ref().and_then(|_| request.headers.get(AUTHORIZATION)).cloned();
        let mut sent = self.transport.send_to(receiver, request, route.timeout).await;
        let outcome = sent.outcome_by(route.recipe.success(), route.shows_secret(), self.clock.wall());
        // What comes back is kept and shown to people, so a receiver that echoes secrets must not make them readable.
        if !sent.exchange.response.is_empty() {
            let before = token.map(|token| &token.header);
            sent.mask(&route.secret_mask(fetched.iter().chain(before).map(shown)));
        }
        Tried { started_at, outcome, sent }
    }

    /// Puts another secret into the place of the one that was rejected; `false` if there is none.
    async fn show_another(&self, route: &Route, token: Option<&Shown>, headers: &mut HeaderMap) -> bool {
        match token {
            None => route.recipe.show_retired_auth(headers, self.clock.wall()),
            // One that was fetched just now would be no better another time.
            Some(Shown { is_new: true, .. }) => false,
            Some(Shown { header, .. }) => match self.token(route, Some(header)).await {
                Ok(Some(token)) => {
                    headers.insert(AUTHORIZATION, token.header);
                    true
                }
                Ok(None) | Err(_) => false,
            },
        }
    }

    async fn token(&self, route: &Route, refused: Option<&HeaderValue>) -> Result<Option<Shown>, TokenError> {
        let Some(client) = &route.oauth else { return Ok(None) };
        let tools = (&*self.transport, &*self.clock);
        self.tokens.get(tools, route.config.no, client, route.timeout, refused).await.map(Some)
    }

    fn no_token(&self, route: &Route, error: TokenError) -> Tried {
        let mut sent = Sent::without_token(error);
        sent.mask(&route.secret_mask([]));
        let outcome = sent.outcome(self.clock.wall());
        Tried { started_at: self.clock.now(), outcome, sent }
    }
}
