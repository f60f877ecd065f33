//! Test and preview of an endpoint that need not be saved: the request of a delivery, and what came of it. Nothing is
//! kept and nothing counted.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use ringback_engine::{Route, RouteError};
use ringback_model::{
    Endpoint, EndpointNo, EndpointSecrets, Message, MessageNo, Redacted, RetryPolicy, Timestamp, Verification, near,
};
use ringback_store::{AppConfig, EndpointConfig};
use ringback_wire::{MASK, Prepared, RenderError};

use crate::check::{EVENT_TYPE_RULE, is_event_type_name};
use crate::endpoint_compose::Composed;
use crate::exchange::{announce_token, exchange_view, request_view, without_secrets};
use crate::matching;
use crate::{Actor, EndpointDraft, ExchangeView, RequestView, Right, Service, ServiceError, Verdict};

/// The header that tells a test from a delivery.
const TEST_HEADER: &str = "x-webhook-test";

/// The endpoint that is tried.
pub enum ProbeSubject {
    /// One that is not saved: all that it says.
    Unsaved(Box<EndpointDraft>),
    /// A saved one, with changes that are not saved.
    Saved {
        /// Its id or uid.
        name: String,
        /// What is to be different this once.
        change: Box<dyn Fn(&mut EndpointDraft) + Send + Sync>,
    },
}

impl std::fmt::Debug for ProbeSubject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unsaved(draft) => f.debug_tuple("Unsaved").field(draft).finish(),
            Self::Saved { name, .. } => f.debug_tuple("Saved").field(name).finish(),
        }
    }
}

/// The event that is sent.
#[derive(Clone, Debug, Default)]
pub struct ProbeEvent {
    /// Its type; what the endpoint's filters say if absent.
    pub event_type: Option<String>,
    /// Its payload; the sample of its type if absent.
    pub payload: Option<Bytes>,
    /// Its request goes without the header that tells a test from a delivery.
    pub unmarked: bool,
}

/// The request that a delivery would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewView {
    /// The request.
    pub request: RequestView,
    /// What was changed about the endpoint on the way in, and what the request goes without; in words.
    pub warnings: Vec<String>,
}

/// What came of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestView {
    /// What was sent and what came back.
    pub exchange: ExchangeView,
    /// What it means.
    pub verdict: Verdict,
    /// What was changed about the endpoint on the way in, and what the request goes without; in words.
    pub warnings: Vec<String>,
}

/// A request that is ready to go.
struct Ready {
    route: Route,
    prepared: Prepared,
    view: RequestView,
    warnings: Vec<String>,
    /// That no delivery would be made of the event, and why.
    withheld: Option<String>,
}

impl Service {
    /// Sends the request of a delivery to an endpoint that need not be saved, once, and says what came of it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Invalid`] and [`ServiceError::TooMany`]. What the receiver does is
    /// no error.
    pub async fn test_endpoint(
        &self,
        actor: &Actor,
        app: &str,
        subject: ProbeSubject,
        event: ProbeEvent,
    ) -> Result<TestView, ServiceError> {
        actor.require(Right::ManageEndpoints)?;
        let app = self.app(actor, app).await?;
        let Ready { route, prepared, view, warnings, withheld } = self.ready(actor, &app, subject, event).await?;
        self.test_limit.take(app.no, self.clock.now())?;
        let sent = self.verifier.probe.send(&route, prepared.clone(), route.timeout).await;
        let outcome = sent.outcome_by(route.recipe.success(), route.shows_secret(), self.clock.wall());
        let sent = without_secrets(&route, sent);
        let verdict = Verdict::of(&prepared, &sent, &outcome, route.recipe.success());
        let verdict = verdict.with(withheld.as_deref());
        Ok(TestView { exchange: exchange_view(view, &sent), verdict, warnings })
    }

    /// The request that [`Service::test_endpoint`] would send.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] and [`ServiceError::Invalid`].
    pub async fn preview_endpoint(
        &self,
        actor: &Actor,
        app: &str,
        subject: ProbeSubject,
        event: ProbeEvent,
    ) -> Result<PreviewView, ServiceError> {
        actor.require(Right::ReadEndpoints)?;
        let app = self.app(actor, app).await?;
        let ready = self.ready(actor, &app, subject, event).await?;
        Ok(PreviewView { request: ready.view, warnings: ready.warnings })
    }

    async fn ready(
        &self,
        actor: &Actor,
        app: &AppConfig,
        subject: ProbeSubject,
        event: ProbeEvent,
    ) -> Result<Ready, ServiceError> {
        let is_saved = matches!(subject, ProbeSubject::Saved { .. });
        let Composed { endpoint, secrets, mut warnings } = self.compose_subject(app, subject).await?;
        warnings.extend(why_silent(&endpoint, is_saved).map(str::to_owned));
        let (is_marked, is_given) = (!event.unmarked, event.payload.is_some());
        let message = self.probe_message(actor, app, &endpoint, event).await?;
        let wall = self.clock.wall();
        let (route, hidden) = (route_of(app, &endpoint, &secrets)?, route_of(app, &endpoint, &masked(&secrets))?);
        let [mut prepared, mut shown] = self.prepare_probe([&route, &hidden], &message, wall).await?;
        if is_marked {
            for one in [&mut prepared, &mut shown] {
                one.headers.insert(TEST_HEADER, HeaderValue::from_static("true"));
            }
        }
        announce_token(&route, &mut prepared);
        warnings.extend(prepared.left_out.map(|what| what.to_string()));
        let withheld = matching::left_out(&app.settings, &endpoint, &message, is_given);
        warnings.extend(withheld.clone());
        let view = request_view(&route, &prepared, &shown);
        Ok(Ready { route, prepared, view, warnings, withheld })
    }

    async fn compose_subject(&self, app: &AppConfig, subject: ProbeSubject) -> Result<Composed, ServiceError> {
        let (name, change) = match subject {
            ProbeSubject::Unsaved(draft) => return self.compose_unsaved(app, *draft).await,
            ProbeSubject::Saved { name, change } => (name, change),
        };
        let missing = || ServiceError::body("endpointId", "There is no endpoint with this id or uid.");
        let config = app.endpoint_by_name(&name).cloned().ok_or_else(missing)?;
        let pending =
            |endpoint: &Endpoint| endpoint.verification.as_deref().and_then(|v: &Verification| v.pending_url.clone());
        let mut draft = EndpointDraft::of(&config.endpoint);
        change(&mut draft);
        let mut composed = self.compose(app, config.endpoint.clone(), config.secrets.clone(), draft).await?;
        // A URL that has to pass a handshake before it is saved may be tested all the same.
        if let Some(url) = pending(&composed.endpoint)
            && pending(&config.endpoint).as_ref() != Some(&url)
        {
            composed.endpoint.url = url;
        }
        Ok(composed)
    }

    /// A message that no store has ever seen.
    pub(crate) async fn probe_message(
        &self,
        actor: &Actor,
        app: &AppConfig,
        endpoint: &Endpoint,
        event: ProbeEvent,
    ) -> Result<Message, ServiceError> {
        let event_type = event.event_type.or_else(|| usual_event_type(endpoint)).ok_or_else(|| {
            ServiceError::body("eventType", "Say which event is to be sent: the endpoint takes events of all types.")
        })?;
        if !is_event_type_name(&event_type) {
            return Err(ServiceError::body("eventType", EVENT_TYPE_RULE));
        }
        let payload = match event.payload {
            Some(payload) => payload,
            None => match self.sample(actor, &event_type).await? {
                Some(sample) => sample,
                None => return Err(self.no_sample(app, &event_type).await?),
            },
        };
        let now = self.clock.now();
        Ok(Message {
            no: MessageNo(0),
            app: app.no,
            id: self.ids.make(now, &*self.random),
            event_type,
            event_id: None,
            channels: Vec::new(),
            tags: Vec::new(),
            payload: Some(payload),
            raw: None,
            raw_content_type: None,
            ordering_key: None,
            occurred_at: None,
            callback_url: None,
            deliver_at: None,
            deliver_until: None,
            accepted_at: now,
            expires_at: Timestamp::MAX,
        })
    }

    /// Why there is nothing to send of an event type: it has no sample, or another one was meant.
    async fn no_sample(&self, app: &AppConfig, event_type: &str) -> Result<ServiceError, ServiceError> {
        let advice = "give a payload, or keep a schema with `examples` on it.";
        let unknown = self.unknown_event_types(app.org, &[event_type], advice).await?;
        let known = if unknown.is_empty() { Vec::new() } else { self.known_event_types(app.org).await? };
        Ok(match near(event_type, known.iter().map(String::as_str)).first() {
            Some(meant) => {
                let rule = format!("There is no event type `{event_type}`; is it `{meant}`? If not, {advice}");
                ServiceError::body("eventType", rule)
            }
            None => ServiceError::body("payload", format!("There is no sample of this event type: {advice}")),
        })
    }

    /// The requests that a delivery of this message by these routes would be.
    async fn prepare_probe(
        &self,
        routes: [&Route; 2],
        message: &Message,
        wall: Timestamp,
    ) -> Result<[Prepared; 2], ServiceError> {
        let prepared = self.verifier.probe.transformer().prepare_both(routes, message, wall).await;
        prepared.map_err(not_rendered)
    }
}

/// Why an endpoint gets none of the deliveries that are shown here. One that is not saved has yet to pass its handshake
/// anyway.
fn why_silent(endpoint: &Endpoint, is_saved: bool) -> impl Iterator<Item = &'static str> {
    let said = [
        (endpoint.disabled, "the endpoint is disabled: deliveries are not made"),
        (endpoint.paused, "the endpoint is paused: deliveries wait until it goes on"),
        (is_saved && endpoint.is_unverified(), "the endpoint has not passed its handshake: deliveries wait for that"),
    ];
    said.into_iter().filter(|(is_so, _)| *is_so).map(|(_, why)| why)
}

/// The route to an endpoint that need not be saved.
pub(crate) fn route_of(app: &AppConfig, endpoint: &Endpoint, secrets: &EndpointSecrets) -> Result<Route, ServiceError> {
    let config = EndpointConfig {
        no: EndpointNo(0),
        app: app.no,
        version: 0,
        deleted: false,
        endpoint: endpoint.clone(),
        secrets: secrets.clone(),
    };
    Route::new(Arc::new(config), &app.settings, &RetryPolicy::default()).map_err(unusable)
}

fn unusable(error: RouteError) -> ServiceError {
    match error {
        RouteError::Url(error) => ServiceError::body("url", format!("The URL cannot be used: {error}.")),
        RouteError::Recipe(error) => ServiceError::body(error.field, error.message),
    }
}

/// Why no request can be made, at the member that has to be another one.
fn not_rendered(error: RenderError) -> ServiceError {
    match error {
        // No payload of this type would do.
        RenderError::NoShape { .. } => ServiceError::body(
            "eventType",
            format!("{error} Name an event type that it has a form for, or give the endpoint another dialect."),
        ),
        error => ServiceError::body("payload", format!("No request can be made of it: {error}")),
    }
}

/// The secrets with those masked that end up in a place where they cannot be told from the rest.
pub(crate) fn masked(secrets: &EndpointSecrets) -> EndpointSecrets {
    let mut masked = secrets.clone();
    for value in masked.custom_values.iter_mut().filter(|value| !value.reveal().is_empty()) {
        *value = Redacted::new(MASK.to_owned());
    }
    masked
}

/// The event type that an endpoint is for, if its filters say.
fn usual_event_type(endpoint: &Endpoint) -> Option<String> {
    let by_product = endpoint.product.as_ref().map(|product| match (&endpoint.report_type, product.as_str()) {
        (Some(report_type), product) => format!("{product}.{report_type}"),
        (None, "voice") => "voice.ivr".to_owned(),
        (None, "otp") => "otp.feedback".to_owned(),
        (None, "lookup") => "lookup.result".to_owned(),
        (None, product) => format!("{product}.dlr"),
    });
    let by_name = || endpoint.event_types.as_ref().and_then(|types| types.first().cloned());
    by_product.or_else(by_name)
}
