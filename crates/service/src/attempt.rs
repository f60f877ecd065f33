//! What became of messages: deliveries, the attempts made for them, and one more on request.

use std::collections::HashMap;
use std::sync::Arc;

use ringback_model::{
    AppNo, Attempt, AttemptId, Delivery, DeliveryState, Endpoint, EndpointId, EndpointNo, Gate, Message, MessageId,
    MessageNo, Reason, Timestamp,
};
use ringback_store::{AppConfig, AttemptQuery, AttemptScope, Audit, EndpointConfig, Idempotency, Rearm, Rearmed};
use ringback_wire::dialect::Withheld;

use crate::audit::Note;
use crate::matching::{self, Unmatched};
use crate::page;
use crate::task::require_enabled;
use crate::{Actor, Page, Resource, Right, Service, ServiceError, Window};

/// A delivery, with the endpoint that it goes to as that stands now.
#[derive(Clone, Debug)]
pub struct DeliveryView {
    /// The endpoint; it may have been deleted.
    pub endpoint: Arc<EndpointConfig>,
    /// Where the delivery stands.
    pub state: DeliveryState,
    /// When its next try is due, if one is: none is as long as the delivery is held.
    pub next_attempt: Option<Timestamp>,
    /// Why it ended without success, or what it waits for beside its time; in words.
    pub reason: Option<String>,
}

/// An attempt, with the public names of what it belongs to.
#[derive(Clone, Debug)]
pub struct AttemptView {
    /// The attempt.
    pub attempt: Attempt,
    /// Its message.
    pub message: MessageId,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// The message itself without its payload, if it was asked for.
    pub about: Option<Message>,
}

/// Which attempts are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptFilter {
    /// Only those begun after this time.
    pub after: Option<Timestamp>,
    /// Only those begun before this time.
    pub before: Option<Timestamp>,
    /// Only those that left their delivery so: an attempt has succeeded or failed, and no attempt is anything else.
    pub state: Option<DeliveryState>,
    /// Only answers of this class: 100, 200 and so on; 0 for none.
    pub status_class: Option<u16>,
    /// Only those of messages with this channel.
    pub channel: Option<String>,
    /// Only those of messages with this tag.
    pub tag: Option<String>,
    /// Only those of messages of these types; all if empty.
    pub event_types: Vec<String>,
    /// Each with its message.
    pub with_message: bool,
}

/// What is recorded of a delivery: what the message is about, and where it goes. Nothing that it says is in it.
pub(crate) fn record(
    actor: &Actor,
    (app, config): (&AppConfig, &EndpointConfig),
    message: &Message,
    (now, deed): (Timestamp, &str),
) -> Option<Box<Audit>> {
    let title = format!("{} to {}", message.event_type, config.endpoint.url);
    let (app_id, subject) = (Some(app.application.id), message.id.to_string());
    let note = Note { org: app.org.0, by: &actor.by, thing: "message", app: app_id, subject, title: &title };
    note.done(now, deed)
}

/// What holds a pending delivery back, in words.
fn held(endpoint: &Endpoint, delivery: &Delivery) -> Option<String> {
    if endpoint.disabled {
        return Some(match &endpoint.disabled_reason {
            Some(why) => format!("the endpoint is disabled: {why}"),
            None => "the endpoint is disabled".to_owned(),
        });
    }
    if endpoint.paused {
        return Some("the endpoint is paused".to_owned());
    }
    if endpoint.gate() == Some(Gate::Unverified) {
        return Some("the endpoint has not passed its handshake".to_owned());
    }
    delivery.blocked.then(|| "it waits behind an earlier message".to_owned())
}

impl Service {
    /// A page of the deliveries of a message, by endpoint id. Deleted endpoints are among them.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn list_deliveries(
        &self,
        actor: &Actor,
        app: &str,
        message: &str,
        window: &Window<EndpointId>,
    ) -> Result<Page<DeliveryView>, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let app = self.app(actor, app).await?;
        let message = self.message(&app, message).await?;
        let views = self.deliveries_of(app.no, message.no).await?;
        Ok(window.page_of(views, |view| view.endpoint.endpoint.id))
    }

    /// What became of a message at each endpoint that it went to.
    pub(crate) async fn deliveries_of(
        &self,
        app: AppNo,
        message: MessageNo,
    ) -> Result<Vec<DeliveryView>, ServiceError> {
        let mut views = Vec::new();
        for delivery in self.store.deliveries(message).await? {
            views.extend(self.delivery_view(app, &delivery).await?);
        }
        Ok(views)
    }

    /// Where a delivery stands, as people are told; `None` if its endpoint never was.
    pub(crate) async fn delivery_view(
        &self,
        app: AppNo,
        delivery: &Delivery,
    ) -> Result<Option<DeliveryView>, ServiceError> {
        let Some(endpoint) = self.directory.endpoint(app, delivery.endpoint).await? else { return Ok(None) };
        // What waits for a deleted endpoint will never go, whether or not somebody has cleared it away yet.
        let state = match delivery.state {
            DeliveryState::Pending | DeliveryState::Sending if endpoint.is_gone() => DeliveryState::Canceled,
            other => other,
        };
        let reason = match state {
            DeliveryState::Success => None,
            DeliveryState::Pending | DeliveryState::Sending => held(&endpoint.endpoint, delivery),
            DeliveryState::Canceled if endpoint.is_gone() => Some(Reason::EndpointDeleted.to_string()),
            // Nothing is sent before, so it is what the delivery has waited for.
            DeliveryState::Fail if delivery.reason == Some(Reason::Expired) && endpoint.endpoint.is_unverified() => {
                Some("its time ended before the URL had passed its handshake".to_owned())
            }
            DeliveryState::Fail | DeliveryState::Canceled => delivery.reason.map(|reason| reason.to_string()),
        };
        let next_attempt = delivery.due.filter(|_| state == DeliveryState::Pending && reason.is_none());
        Ok(Some(DeliveryView { endpoint, state, next_attempt, reason }))
    }

    /// A page of the attempts made for a message, by id; for one endpoint only, if one is named.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], and [`ServiceError::Invalid`] for times that lie ahead.
    pub async fn list_attempts_of_message(
        &self,
        actor: &Actor,
        app: &str,
        message: &str,
        endpoint: Option<&str>,
        window: Window<AttemptId>,
        filter: AttemptFilter,
    ) -> Result<Page<AttemptView>, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let app = self.app(actor, app).await?;
        let message = self.message(&app, message).await?.no;
        let endpoint = match endpoint {
            Some(name) => Some(app.endpoint_by_name(name).ok_or(ServiceError::NotFound(Resource::Endpoint))?.no),
            None => None,
        };
        let mut page = self.attempts(app.no, AttemptScope::Message { message, endpoint }, window, filter).await?;
        self.numbers_for(actor).await?.of_attempts(&mut page.items);
        Ok(page)
    }

    /// A page of the attempts made to an endpoint, by id.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], and [`ServiceError::Invalid`] for times that lie ahead.
    pub async fn list_attempts_of_endpoint(
        &self,
        actor: &Actor,
        app: &str,
        endpoint: &str,
        window: Window<AttemptId>,
        filter: AttemptFilter,
    ) -> Result<Page<AttemptView>, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let (app, config) = self.lane_config(actor, app, endpoint).await?;
        let mut page = self.attempts(app.no, AttemptScope::Endpoint(config.no), window, filter).await?;
        self.numbers_for(actor).await?.of_attempts(&mut page.items);
        Ok(page)
    }

    /// One attempt made for a message.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn get_attempt(
        &self,
        actor: &Actor,
        app: &str,
        message: &str,
        attempt: &str,
    ) -> Result<AttemptView, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let missing = || ServiceError::NotFound(Resource::Attempt);
        let app = self.app(actor, app).await?;
        let message = self.message(&app, message).await?;
        let Ok(id) = attempt.parse() else { return Err(missing()) };
        let attempt = self.store.attempt(message.no, id).await?.ok_or_else(missing)?;
        let endpoint = self.directory.endpoint(app.no, attempt.endpoint).await?.ok_or_else(missing)?;
        let mut view = AttemptView { attempt, message: message.id, endpoint: endpoint.endpoint.id, about: None };
        self.numbers_for(actor).await?.of_attempts([&mut view]);
        Ok(view)
    }

    /// Asks for one more attempt of a message to an endpoint, beside its schedule. It is durable when this answers, with
    /// a sentence where the endpoint would not get the message by itself: what somebody wants sent is sent.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], and [`ServiceError::Refused`] when there is nothing to send: `missing_payload` without
    /// a payload, `early_state` where the dialect has no word for the state.
    pub async fn resend(
        &self,
        actor: &Actor,
        app: &str,
        message: &str,
        endpoint: &str,
        idempotency: Option<Idempotency>,
    ) -> Result<Option<String>, ServiceError> {
        actor.require(Right::Resend)?;
        let (app, config) = self.lane_config(actor, app, endpoint).await?;
        require_enabled(&config)?;
        let message = self.message(&app, message).await?;
        let kept_away = matching::kept_away(&app.settings, &config.endpoint, &message);
        if kept_away == Some(Unmatched::State(Withheld::Dialect)) {
            return Err(ServiceError::Refused {
                code: "early_state",
                detail: "The dialect of this endpoint has no word for a state this early, so there is nothing to send."
                    .to_owned(),
            });
        }
        let now = self.clock.now();
        let audit = record(actor, (&app, &config), &message, (now, "resent"));
        let rearm = Rearm { message: message.no, endpoint: config.no, now, idempotency, audit };
        match self.store.rearm(rearm).await? {
            Rearmed::Armed | Rearmed::Replayed => Ok(kept_away.map(Unmatched::beside)),
            Rearmed::KeyReused => Err(ServiceError::key_reused()),
            Rearmed::NoPayload => Err(ServiceError::Refused {
                code: "missing_payload",
                detail: "The payload of this message was removed or has expired, so it cannot be sent again."
                    .to_owned(),
            }),
            Rearmed::NotFound => Err(ServiceError::NotFound(Resource::Message)),
        }
    }

    async fn attempts(
        &self,
        app: AppNo,
        scope: AttemptScope,
        window: Window<AttemptId>,
        filter: AttemptFilter,
    ) -> Result<Page<AttemptView>, ServiceError> {
        self.check_span(filter.after, filter.before)?;
        let AttemptFilter { after, before, state, status_class, channel, tag, event_types, with_message } = filter;
        let succeeded = match state {
            None => None,
            Some(DeliveryState::Success) => Some(true),
            Some(DeliveryState::Fail) => Some(false),
            Some(DeliveryState::Pending | DeliveryState::Sending | DeliveryState::Canceled) => {
                return Ok(window.page(Vec::new()));
            }
        };
        let paging = window.paging();
        let query = AttemptQuery {
            scope,
            paging,
            after,
            before,
            succeeded,
            status_class,
            channel,
            tag,
            event_types,
            look: page::LOOK,
        };
        let page = window.page_of_hits(self.store.attempts(query).await?);
        let messages = self.messages_of(&page.items).await?;
        let endpoints = self.endpoint_ids(app, &page.items).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for attempt in page.items {
            // Both are there unless retention has just removed the message.
            if let (Some(message), Some(endpoint)) = (messages.get(&attempt.message), endpoints.get(&attempt.endpoint))
            {
                let about = with_message.then(|| message.clone());
                items.push(AttemptView { message: message.id, endpoint: *endpoint, attempt, about });
            }
        }
        Ok(Page { items, done: page.done, stopped: page.stopped })
    }

    async fn messages_of(&self, attempts: &[Attempt]) -> Result<HashMap<MessageNo, Message>, ServiceError> {
        let mut numbers: Vec<MessageNo> = attempts.iter().map(|attempt| attempt.message).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let messages = self.store.messages_by_no(numbers).await?;
        Ok(messages.into_iter().map(|message| (message.no, message)).collect())
    }

    async fn endpoint_ids(
        &self,
        app: AppNo,
        attempts: &[Attempt],
    ) -> Result<HashMap<EndpointNo, EndpointId>, ServiceError> {
        let mut ids = HashMap::new();
        for attempt in attempts {
            if !ids.contains_key(&attempt.endpoint)
                && let Some(config) = self.directory.endpoint(app, attempt.endpoint).await?
            {
                ids.insert(attempt.endpoint, config.endpoint.id);
            }
        }
        Ok(ids)
    }
}
