//! An example of an event, sent to one endpoint as a message like any other: kept, retried, and seen in the lists.

use bytes::Bytes;
use ringback_model::{Class, Message, Priority};
use ringback_store::{Accept, Accepted, Idempotency, MessageRef};

use crate::check::{EVENT_TYPE_RULE, is_event_type_name};
use crate::message::target;
use crate::service::TRIES;
use crate::{Actor, MessageDraft, Right, Service, ServiceError};

/// An event type that needs no registration, and its payload: for a first sign of life.
const PING: (&str, &str) = ("svix.ping", r#"{"success":true}"#);

/// Which example is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExampleDraft<'a> {
    /// The event type.
    pub event_type: &'a str,
    /// Which of the examples of its schema, from 0.
    pub place: usize,
    /// A payload in place of all of these.
    pub payload: Option<Bytes>,
}

impl Service {
    /// Sends the example of an event type to an endpoint, whatever the endpoint's filters say.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], of the event type too, and [`ServiceError::Refused`]: `invalid_scheme` when that has no
    /// example, `endpoint_disabled` for an endpoint that is disabled; [`ServiceError::Invalid`] for an example that is not
    /// there.
    pub async fn send_example(
        &self,
        actor: &Actor,
        app: &str,
        endpoint: &str,
        example: &ExampleDraft<'_>,
        idempotency: Option<Idempotency>,
    ) -> Result<Message, ServiceError> {
        actor.require(Right::Resend)?;
        // Who chooses what is in it makes a message.
        if example.payload.is_some() {
            actor.require(Right::CreateMessages)?;
        }
        let payload = self.example_of(actor, example).await?;
        let draft = MessageDraft { event_type: example.event_type, payload, ..MessageDraft::default() };
        let now = self.clock.now();
        let id = self.ids.make(now, &*self.random);
        for _ in 0..TRIES {
            let (config, endpoint) = self.lane_config(actor, app, endpoint).await?;
            if endpoint.endpoint.disabled {
                let detail = "The endpoint is disabled: nothing is sent to it. Enable it first.".to_owned();
                return Err(ServiceError::Refused { code: "endpoint_disabled", detail });
            }
            let accept = Accept {
                app: config.no,
                app_version: config.version,
                message: draft.to_message(id, now, config.settings.retention_days, None),
                priority: Priority::new(Class::default(), false),
                // It stands in no queue: it must not wait for real events, nor hold them up.
                pollers: Vec::new(),
                targets: vec![target(&endpoint, None)],
                idempotency,
            };
            let id = match self.store.accept(accept).await? {
                Accepted::New { .. } => id,
                Accepted::Replayed { id: first } => first,
                Accepted::KeyReused => return Err(ServiceError::key_reused()),
                // It has no event id.
                Accepted::EventIdTaken => return Err(ServiceError::contended()),
                Accepted::Stale => {
                    self.directory.forget(config.no);
                    continue;
                }
            };
            let made = self.store.message(config.no, MessageRef::Id(id)).await?;
            return made.ok_or_else(ServiceError::contended);
        }
        Err(ServiceError::contended())
    }

    async fn example_of(&self, actor: &Actor, example: &ExampleDraft<'_>) -> Result<Bytes, ServiceError> {
        let ExampleDraft { event_type, place, payload } = example;
        if !is_event_type_name(event_type) {
            return Err(ServiceError::body("eventType", EVENT_TYPE_RULE));
        }
        if let Some(payload) = payload {
            return Ok(payload.clone());
        }
        if *event_type == PING.0 {
            return Ok(Bytes::from_static(PING.1.as_bytes()));
        }
        if let Some(example) = self.sample_at(actor, event_type, *place).await? {
            return Ok(example);
        }
        if self.sample(actor, event_type).await?.is_some() {
            return Err(ServiceError::body("exampleIndex", "There are not so many examples of this event type."));
        }
        self.get_event_type(actor, event_type).await?;
        let detail = "There is no example of this event type: keep a schema with `examples` on it.".to_owned();
        Err(ServiceError::Refused { code: "invalid_scheme", detail })
    }
}
