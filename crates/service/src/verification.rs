//! The handshake with an endpoint's URL: by itself when the endpoint is saved, and whenever somebody asks for it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringback_engine::transport::Sent;
use ringback_engine::{Probe, Route};
use ringback_model::{
    AppNo, AttemptOutcome, Clock, Endpoint, EndpointNo, IdMaker, MessageId, NotSent, Random, RetryPolicy, SendMethod,
    Shape, Timestamp, Verification, VerificationKind, VerificationState,
};
use ringback_store::{AppConfig, Directory, EndpointConfig, Expect, PutResult, Store};
use ringback_wire::{Challenge, Handshake, MASK, Occasion, Prepared, sign_handshake};

use crate::endpoint::put;
use crate::endpoint_compose::Composed;
use crate::exchange::{announce_token, exchange_view, request_view, without_secrets};
use crate::probe_limit::ProbeLimit;
use crate::service::TRIES;
use crate::{Actor, EndpointView, ExchangeView, Resource, Right, Service, ServiceError, Verdict, dialect_of};

/// How long one try may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The tries that are made when an endpoint is saved: how long each waits for the end of the one before.
const AUTOMATIC: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(10)];

/// Where the handshake of an endpoint stands after a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationView {
    /// Where it stands, for the URL that receives.
    pub state: VerificationState,
    /// Why the try did not pass, in words.
    pub reason: Option<String>,
    /// When it was tried.
    pub checked_at: Option<Timestamp>,
    /// A URL that has still to pass before it takes the place of the one that receives.
    pub pending_url: Option<String>,
    /// What was sent and what came back; absent if no request could be made.
    pub exchange: Option<ExchangeView>,
}

/// Shakes hands. Shared by the service and what it leaves to the background.
#[derive(Debug)]
pub(crate) struct Verifier {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) probe: Arc<Probe>,
    pub(crate) ids: IdMaker,
    /// How many tries saving makes: who saves often is no more of a burden to a URL than who saves once.
    pub(crate) limit: ProbeLimit,
    /// Endpoints that were saved, and whose first try has still to be made.
    pub(crate) awaited: Mutex<HashSet<EndpointNo>>,
    /// How many tries are under way, by endpoint.
    pub(crate) under_way: Mutex<HashMap<EndpointNo, usize>>,
}

/// A try that is under way for as long as this lives.
struct UnderWay<'a>(&'a Verifier, EndpointNo);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut under_way = self.0.tries_under_way();
        if let Some(count) = under_way.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.1);
            }
        }
    }
}

/// What came of one try.
#[derive(Debug)]
struct Tried {
    /// Nothing, or why it did not pass.
    result: Result<(), Refused>,
    exchange: Option<ExchangeView>,
}

/// Why a try did not pass.
#[derive(Debug)]
struct Refused {
    reason: String,
    /// It says nothing about the receiver.
    is_ours: bool,
}

impl Service {
    /// Shakes hands with the URL of an endpoint, once, and keeps what came of it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Refused`] when the endpoint asks for no handshake,
    /// [`ServiceError::TooMany`], and [`ServiceError::Conflict`] when the endpoint was changed under way.
    pub async fn verify_endpoint(
        &self,
        actor: &Actor,
        app: &str,
        endpoint: &str,
    ) -> Result<VerificationView, ServiceError> {
        actor.require(Right::ManageEndpoints)?;
        let (app, config) = self.endpoint_config(actor, app, endpoint).await?;
        if config.endpoint.verification.is_none() {
            return Err(ServiceError::Refused {
                code: "no_verification",
                detail: "This endpoint asks for no handshake. Set `verification` first, such as \
                         `{\"kind\":\"token\",\"validationKey\":\"...\"}`."
                    .to_owned(),
            });
        }
        self.verification_limit.take(app.no, self.clock.now())?;
        self.verifier.attempt(app.no, config.no).await
    }

    /// What is told of an endpoint that was read: that a try is under way, if so. The URL that receives while another one
    /// is tried keeps its state.
    pub(crate) fn with_try(&self, no: EndpointNo, mut view: EndpointView) -> EndpointView {
        if let Some(verification) = view.endpoint.verification.as_deref_mut()
            && verification.state != VerificationState::Verified
            && self.verifier.tries_under_way().contains_key(&no)
        {
            verification.state = VerificationState::Verifying;
        }
        view
    }

    /// Leaves it to the background to shake hands with an endpoint that was saved and still has to pass.
    pub(crate) fn verify_in_background(&self, app: AppNo, endpoint: EndpointNo, document: &Endpoint) {
        if !document.verification.as_deref().is_some_and(needs_a_try) {
            return;
        }
        let verifier = self.verifier.clone();
        if !verifier.awaited().insert(endpoint) {
            // The try that is to come is of the endpoint as it stands then.
            return;
        }
        let tries = async move {
            // It was changed, which makes tries of its own, or deleted; or the store cannot take anything.
            if let Err(error) = verifier.tries(app, endpoint).await {
                tracing::debug!(%error, endpoint = endpoint.0, "a handshake was given up");
            }
        };
        self.verifier.probe.spawn(tries);
    }
}

/// Whether saving an endpoint makes tries: its URL, or the one that is to be its URL, was not tried yet.
fn needs_a_try(verification: &Verification) -> bool {
    verification.state == VerificationState::Unverified
        || (verification.pending_url.is_some() && verification.reason.is_none())
}

impl Verifier {
    fn awaited(&self) -> std::sync::MutexGuard<'_, HashSet<EndpointNo>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tries_under_way(&self) -> std::sync::MutexGuard<'_, HashMap<EndpointNo, usize>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, endpoint: EndpointNo) -> UnderWay<'_> {
        *self.tries_under_way().entry(endpoint).or_default() += 1;
        UnderWay(self, endpoint)
    }

    /// The tries that saving an endpoint makes.
    async fn tries(&self, app: AppNo, endpoint: EndpointNo) -> Result<(), ServiceError> {
        let mut last = None;
        for wait in AUTOMATIC {
            self.probe.pause(wait).await;
            while let Err(wait) = self.limit.try_take(app, self.clock.now()) {
                self.probe.pause(wait).await;
            }
            self.awaited().remove(&endpoint);
            let (_, config) = self.read(app, endpoint).await?;
            let checked_at = config.endpoint.verification.as_deref().and_then(|v| v.checked_at);
            if last.is_some_and(|last| last != checked_at) {
                // Somebody sees to it by hand.
                return Ok(());
            }
            let view = self.attempt(app, endpoint).await?;
            if view.state == VerificationState::Verified && view.pending_url.is_none() {
                return Ok(());
            }
            last = Some(view.checked_at);
        }
        Ok(())
    }

    /// One try, and what is kept of it.
    async fn attempt(&self, app: AppNo, endpoint: EndpointNo) -> Result<VerificationView, ServiceError> {
        let (app, config) = self.read(app, endpoint).await?;
        let Some(verification) = config.endpoint.verification.as_deref() else {
            return Err(changed());
        };
        let began = self.clock.now();
        let under_way = self.begin(endpoint);
        let tried = self.shake_hands(&app, &config, verification).await;
        if let Err(refused) = &tried.result {
            tracing::debug!(endpoint = config.no.0, reason = %refused.reason, "a handshake did not pass");
        }
        let kept = self.keep(&config, &tried, began).await?;
        drop(under_way);
        let reason = tried.result.err().map(|refused| refused.reason);
        Ok(VerificationView {
            state: kept.state,
            reason,
            checked_at: kept.checked_at,
            pending_url: kept.pending_url,
            exchange: tried.exchange,
        })
    }

    async fn shake_hands(&self, app: &AppConfig, config: &EndpointConfig, verification: &Verification) -> Tried {
        let mut asked = config.clone();
        if let Some(pending) = &verification.pending_url {
            asked.endpoint.url.clone_from(pending);
        }
        let asked = Arc::new(asked);
        let unfit = |reason: String| Tried { result: Err(Refused { reason, is_ours: false }), exchange: None };
        let route = match Route::new(asked.clone(), &app.settings, &RetryPolicy::default()) {
            Ok(route) => route,
            Err(error) => return unfit(format!("No request can be made of what is registered: {error}.")),
        };
        let target = match route.recipe.blank_target() {
            Ok(target) => target,
            Err(error) => return unfit(error.to_string()),
        };
        let challenge = Challenge::draw(&*self.random);
        let key = asked.secrets.validation_key.as_ref().map_or("", |key| key.reveal());
        let id: MessageId = self.ids.make(self.clock.now(), &*self.random);
        let id = id.to_string();
        let wall = self.clock.wall();
        let request = |key: &str| {
            let occasion = Occasion {
                target: &target,
                headers: route.recipe.headers(),
                send_method: send_method(&asked.endpoint),
            };
            let mut request = Handshake::new(verification, key, &challenge).request(&occasion)?;
            sign_handshake(&route.recipe, &mut request, &id, wall).map(|()| request)
        };
        let masked = if key.is_empty() { "" } else { MASK };
        let (mut request, shown) = match (request(key), request(masked)) {
            (Ok(request), Ok(shown)) => (request, shown),
            (Err(error), _) | (_, Err(error)) => return unfit(error.to_string()),
        };
        announce_token(&route, &mut request);
        let view = request_view(&route, &request, &shown);
        let sent = self.probe.send(&route, request.clone(), TIMEOUT).await;
        let told = without_secrets(&route, sent.clone());
        let result = judge(&Handshake::new(verification, key, &challenge), &route, &request, (&sent, &told), wall);
        Tried { result, exchange: Some(exchange_view(view, &told)) }
    }

    /// Writes down what came of a try, if the endpoint is still the one that was tried.
    async fn keep(
        &self,
        tested: &EndpointConfig,
        tried: &Tried,
        began: Timestamp,
    ) -> Result<Verification, ServiceError> {
        for _ in 0..TRIES {
            let (app, config) = self.read(tested.app, tested.no).await?;
            if subject(&config) != subject(tested) {
                return Err(changed());
            }
            let mut endpoint = config.endpoint.clone();
            let Some(verification) = endpoint.verification.as_deref_mut() else { return Err(changed()) };
            let is_outdated = tried.result.is_err() && verification.checked_at.is_some_and(|at| at > began);
            if is_outdated {
                // A later try, or one that passed meanwhile, knows better.
                return Ok(verification.clone());
            }
            if let Some(url) = write(verification, &tried.result, self.clock.now()) {
                endpoint.url = url;
                endpoint.updated_at = self.clock.now();
            }
            let kept = endpoint.verification.as_deref().cloned();
            let composed = Composed { endpoint, secrets: config.secrets.clone(), warnings: Vec::new() };
            let expect = Expect::Version { no: config.no.0, version: config.version };
            let result = self.store.put(put(&app, &composed, expect, None)?).await?;
            self.directory.forget(app.no);
            match result {
                PutResult::Stored(_) => return kept.ok_or_else(changed),
                PutResult::Stale => {}
                PutResult::UidTaken | PutResult::KeyTaken | PutResult::Replayed { .. } | PutResult::KeyReused => {
                    return Err(ServiceError::contended());
                }
            }
        }
        Err(ServiceError::contended())
    }

    async fn read(
        &self,
        app: AppNo,
        endpoint: EndpointNo,
    ) -> Result<(Arc<AppConfig>, Arc<EndpointConfig>), ServiceError> {
        let app = self.directory.app(app).await?.ok_or(ServiceError::NotFound(Resource::Application))?;
        let config = app.endpoint(endpoint).cloned().ok_or(ServiceError::NotFound(Resource::Endpoint))?;
        Ok((app, config))
    }
}

/// Puts what came of a try into a verification; returns the URL that takes the place of the endpoint's, if one does.
fn write(verification: &mut Verification, result: &Result<(), Refused>, now: Timestamp) -> Option<String> {
    verification.checked_at = Some(now);
    match result {
        Ok(()) => {
            verification.state = VerificationState::Verified;
            verification.reason = None;
            verification.pending_url.take()
        }
        Err(refused) => {
            verification.reason = Some(refused.reason.clone());
            // The state is that of the URL that receives, of which nothing was learned in the other cases.
            if verification.pending_url.is_none() && !refused.is_ours {
                verification.state = VerificationState::Failed;
            }
            None
        }
    }
}

/// Whether what came back passes. `told` is what may be told of it.
fn judge(
    handshake: &Handshake<'_>,
    route: &Route,
    request: &Prepared,
    (sent, told): (&Sent, &Sent),
    wall: Timestamp,
) -> Result<(), Refused> {
    let endpoint = &route.config.endpoint;
    let outcome = sent.outcome_by(route.recipe.success(), route.shows_secret(), wall);
    let verdict = || Verdict::of(request, told, &outcome, route.recipe.success()).sentences();
    let refused = |reason: String| Err(Refused { reason, is_ours: false });
    let Ok(answer) = &sent.result else {
        let is_ours = matches!(&outcome, AttemptOutcome::NotSent { why: NotSent::LocalResource });
        return Err(Refused { reason: verdict(), is_ours });
    };
    let is_ping = endpoint.verification.as_ref().is_some_and(|v| v.kind == VerificationKind::Ping);
    match (is_ping, &outcome) {
        (true, AttemptOutcome::Delivered) => return Ok(()),
        (true, AttemptOutcome::Failed { .. } | AttemptOutcome::NotSent { .. }) => return refused(verdict()),
        (false, _) => {}
    }
    let body = (answer.body == ringback_engine::transport::BodyEnd::Complete).then_some(&sent.exchange.response[..]);
    match handshake.judge(answer.status, body) {
        Ok(()) => Ok(()),
        // What a redirect or an error of the receiver means is known better elsewhere.
        Err(_) if answer.status >= 300 && outcome != AttemptOutcome::Delivered => refused(verdict()),
        Err(refusal) => refused(refusal.to_string()),
    }
}

/// What a try is about: when any of it has changed, its result says nothing any more.
fn subject(config: &EndpointConfig) -> impl PartialEq + use<> {
    let verification = config.endpoint.verification.as_deref();
    let terms = verification.map(|v| (v.kind, v.mode, v.parameter.clone(), v.pending_url.clone()));
    (config.endpoint.url.clone(), terms, config.secrets.validation_key.clone())
}

fn changed() -> ServiceError {
    ServiceError::Conflict {
        code: "conflict",
        detail: "The endpoint was changed while the handshake was under way. Verify it again.".to_owned(),
    }
}

/// How events are sent to an endpoint.
pub(crate) fn send_method(endpoint: &Endpoint) -> SendMethod {
    dialect_of(endpoint.shape.as_deref().unwrap_or(&Shape::default())).1
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn verification(state: VerificationState, pending_url: Option<&str>) -> Verification {
        Verification {
            kind: VerificationKind::Token,
            mode: ringback_model::VerificationMode::Default,
            parameter: None,
            state,
            reason: None,
            checked_at: None,
            pending_url: pending_url.map(str::to_owned),
        }
    }

    fn refused(is_ours: bool) -> Result<(), Refused> {
        Err(Refused { reason: "no".to_owned(), is_ours })
    }

    #[test]
    fn a_try_that_passes_verifies_and_puts_the_new_url_in_place() {
        let mut plain = verification(VerificationState::Failed, None);
        plain.reason = Some("before".to_owned());
        assert_eq!(write(&mut plain, &Ok(()), NOW), None);
        assert_eq!((plain.state, plain.reason, plain.checked_at), (VerificationState::Verified, None, Some(NOW)));
        let mut moving = verification(VerificationState::Verified, Some("https://new.example/"));
        assert_eq!(write(&mut moving, &Ok(()), NOW).as_deref(), Some("https://new.example/"));
        assert_eq!((moving.state, moving.pending_url), (VerificationState::Verified, None));
    }

    #[test]
    fn a_try_that_does_not_pass_fails_the_url_that_was_tried_and_no_other() {
        let mut plain = verification(VerificationState::Verified, None);
        assert_eq!(write(&mut plain, &refused(false), NOW), None);
        assert_eq!((plain.state, plain.reason.as_deref()), (VerificationState::Failed, Some("no")));
        let mut moving = verification(VerificationState::Verified, Some("https://new.example/"));
        assert_eq!(write(&mut moving, &refused(false), NOW), None);
        assert_eq!(moving.state, VerificationState::Verified, "the old URL keeps receiving");
        assert_eq!((moving.reason.as_deref(), moving.pending_url.is_some()), (Some("no"), true));
        let mut ours = verification(VerificationState::Unverified, None);
        write(&mut ours, &refused(true), NOW);
        assert_eq!(ours.state, VerificationState::Unverified, "a busy server says nothing about a receiver");
    }

    #[test]
    fn saving_makes_tries_for_what_was_not_tried_yet() {
        assert!(needs_a_try(&verification(VerificationState::Unverified, None)));
        assert!(needs_a_try(&verification(VerificationState::Verified, Some("https://new.example/"))));
        assert!(!needs_a_try(&verification(VerificationState::Verified, None)));
        assert!(!needs_a_try(&verification(VerificationState::Failed, None)));
    }
}
