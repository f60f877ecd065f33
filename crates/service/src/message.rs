//! Messages: the events that are handed to us for delivery. This is the path that everything else exists for.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use ringback_model::{
    AppNo, Class, DeliveryState, Endpoint, FilterSubject, Message, MessageId, Ordering, OrderingKey, PollerNo,
    Priority, Timestamp,
};
use ringback_store::{
    Accept, Accepted, AppConfig, EndpointConfig, Idempotency, MessageQuery, MessageRef, NewMessage, Paging,
    PollerConfig, QueueNo, Target,
};
use ringback_wire::report::{Report, Text};
use sha2::{Digest, Sha256};

use crate::check::{EVENT_TYPE_RULE, Faults, is_event_type_name};
use crate::log;
use crate::matching::{self, Look, ReportText, Subject};
use crate::page;
use crate::payload_schema;
use crate::retention::{DAYS, PAYLOAD_DAYS};
use crate::service::TRIES;
use crate::{Actor, ApplicationDraft, FieldError, Page, Resource, Right, Service, ServiceError, Timing, Window};

/// Endpoints that one message may go to.
const TARGETS_MAX: usize = 1_000;
/// Channels that one message may carry.
const CHANNELS_MAX: usize = 5;
/// For how many hours a payload may be kept.
const PAYLOAD_HOURS: std::ops::RangeInclusive<i64> = 1..=90 * 24;
/// How far ahead of us the clock of somebody who asks for a span of time may be.
pub(crate) const AHEAD_MAX: Duration = Duration::from_secs(3_600);
/// How messages from a phone are named: they go before reports.
const INBOUND: &str = ".mo";

/// A message as a caller hands it in: borrowed from the request's body, which is not copied.
#[derive(Clone, Debug, Default)]
pub struct MessageDraft<'a> {
    /// See [`Message::event_type`].
    pub event_type: &'a str,
    /// See [`Message::payload`].
    pub payload: Bytes,
    /// What is sent in place of the payload.
    pub raw: Option<RawBody<'a>>,
    /// See [`Message::event_id`].
    pub event_id: Option<&'a str>,
    /// See [`Message::channels`]; not empty if present.
    pub channels: Option<Vec<Cow<'a, str>>>,
    /// See [`Message::tags`].
    pub tags: Option<Vec<Cow<'a, str>>>,
    /// See [`Message::ordering_key`].
    pub ordering_key: Option<&'a str>,
    /// How urgent it is; as the report's category says if absent.
    pub class: Option<Class>,
    /// See [`Message::occurred_at`].
    pub occurred_at: Option<Timestamp>,
    /// When it may be sent.
    pub timing: Timing,
    /// A URL that it goes to beside the endpoints that match; see [`Message::callback_url`].
    pub callback_url: Option<&'a str>,
    /// For how many days the payload is kept.
    pub retention_days: Option<i64>,
    /// The same in hours, in place of days.
    pub retention_hours: Option<i64>,
    /// The application to make if there is none: its uid is the name that the message is addressed to.
    pub application: Option<ApplicationDraft>,
    /// The `traceparent` of whoever hands it in (W3C Trace Context), for the trace of the message. It is not kept.
    pub trace_parent: Option<&'a str>,
}

/// Bytes that are sent in place of a payload.
#[derive(Clone, Debug)]
pub struct RawBody<'a> {
    /// The bytes.
    pub bytes: Bytes,
    /// Their content type; `application/json` if absent.
    pub content_type: Option<&'a str>,
}

/// A message that is on disk with all of its deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its id.
    pub id: MessageId,
    /// When it was accepted.
    pub accepted_at: Timestamp,
}

/// Which messages of an application are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// Only those accepted after this time.
    pub after: Option<Timestamp>,
    /// Only those accepted before this time.
    pub before: Option<Timestamp>,
    /// Only those with this channel.
    pub channel: Option<String>,
    /// Only those with this tag.
    pub tag: Option<String>,
    /// Only those of these types; all if empty.
    pub event_types: Vec<String>,
    /// Only those with a delivery in this state.
    pub state: Option<DeliveryState>,
    /// With payloads; they are left out otherwise.
    pub with_content: bool,
}

impl MessageFilter {
    /// Asks the store for a page of them, as far as one request looks.
    pub(crate) fn query(self, app: AppNo, paging: Paging<MessageId>) -> MessageQuery {
        let Self { after, before, channel, tag, event_types, state, with_content } = self;
        let with_payload = with_content;
        MessageQuery { app, paging, after, before, channel, tag, event_types, state, with_payload, look: page::LOOK }
    }
}

impl MessageDraft<'_> {
    pub(crate) fn check(&self) -> Result<(), ServiceError> {
        let mut faults = Faults::default();
        if !is_event_type_name(self.event_type) {
            faults.note("eventType", EVENT_TYPE_RULE);
        }
        faults.uid("eventId", self.event_id, "msg");
        if let Some(channels) = &self.channels {
            faults.channels(channels, CHANNELS_MAX);
        }
        faults.tags(self.tags.as_deref().unwrap_or_default());
        if self.ordering_key.is_some_and(|key| !(1..=256).contains(&key.len())) {
            faults.note("orderingKey", "1 to 256 bytes are allowed; leave it out if the order does not matter.");
        }
        self.timing.check(&mut faults);
        if self.retention_days.is_some_and(|days| !u16::try_from(days).is_ok_and(|days| PAYLOAD_DAYS.contains(&days))) {
            faults.note("payloadRetentionPeriod", "It is 5 to 90 days; leave it out for 90.");
        }
        if self.retention_hours.is_some() && self.retention_days.is_some() {
            faults.note("payloadRetentionHours", "Say it in days or in hours: leave `payloadRetentionPeriod` out.");
        } else if self.retention_hours.is_some_and(|hours| !PAYLOAD_HOURS.contains(&hours)) {
            faults.note("payloadRetentionHours", "It is 1 to 2160 hours, which are 90 days; leave it out for these.");
        }
        if self.raw.as_ref().and_then(|raw| raw.content_type).is_some_and(|text| !is_content_type(text)) {
            faults.note("transformationsParams", "`headers.content-type` is a media type such as `text/plain`.");
        }
        faults.finish()
    }

    /// The message as it is kept, but for its number.
    pub(crate) fn to_message(
        &self,
        id: MessageId,
        now: Timestamp,
        days: Option<u16>,
        report: Option<&Report<'_>>,
    ) -> NewMessage {
        let days = || self.retention_days.unwrap_or_else(|| days.unwrap_or(DAYS).into()).unsigned_abs();
        let hours = self.retention_hours.map_or_else(|| 24 * days(), i64::unsigned_abs);
        let own_key = self.ordering_key.and_then(|key| OrderingKey::new(key.to_owned()));
        NewMessage {
            id,
            event_type: self.event_type.to_owned(),
            event_id: self.event_id.map(str::to_owned),
            channels: self.channels.iter().flatten().map(|channel| channel.clone().into_owned()).collect(),
            tags: self.tags.iter().flatten().map(|tag| tag.clone().into_owned()).collect(),
            payload: self.payload.clone(),
            raw: self.raw.as_ref().map(|raw| raw.bytes.clone()),
            raw_content_type: self.raw.as_ref().and_then(|raw| raw.content_type).map(str::to_owned),
            ordering_key: own_key.or_else(|| report.and_then(matching::ordering_key_of)),
            occurred_at: self.occurred_at,
            callback_url: None,
            deliver_at: None,
            deliver_until: None,
            accepted_at: now,
            expires_at: now + Duration::from_secs(hours * 3_600),
        }
    }
}

impl Service {
    /// Accepts a message: when this answers, it is on disk with all of its deliveries, and the engine knows of them.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] of the application, [`ServiceError::Invalid`], and [`ServiceError::Conflict`] when
    /// the event id is taken or the idempotency key was used for another body.
    pub async fn create_message(
        &self,
        actor: &Actor,
        app: &str,
        draft: &MessageDraft<'_>,
        idempotency: Option<Idempotency>,
    ) -> Result<Receipt, ServiceError> {
        actor.require(Right::CreateMessages)?;
        draft.check()?;
        self.ensure_inline_application(actor, app, draft).await?;
        let now = self.clock.now();
        let id = self.ids.make(now, &*self.random);
        for matched in 0..TRIES {
            let config = self.app(actor, app).await?;
            if matched == 0 {
                self.let_in(&config, 1).await?;
            }
            let Some(accept) = self.plan(&config, draft, id, now).await? else { continue };
            match self.store.accept(Accept { idempotency, ..accept }).await? {
                Accepted::New { .. } => {
                    log::accepted(&config, draft, id, &*self.clock, now);
                    return Ok(Receipt { id, accepted_at: now });
                }
                Accepted::Replayed { id } => return self.repeat_receipt(&config, id, now).await,
                Accepted::KeyReused => return Err(ServiceError::key_reused()),
                Accepted::EventIdTaken => return Err(event_id_taken(draft.event_id)),
                // Somebody has changed the application or an endpoint: match again with what they say now.
                Accepted::Stale => self.directory.forget(config.no),
            }
        }
        Err(ServiceError::contended())
    }

    /// The application that comes along with a message is made if there is none, and then has the uid that the message is
    /// addressed to. Beside one that is there it means nothing.
    pub(crate) async fn ensure_inline_application(
        &self,
        actor: &Actor,
        app: &str,
        draft: &MessageDraft<'_>,
    ) -> Result<(), ServiceError> {
        let Some(application) = &draft.application else { return Ok(()) };
        match self.find_app(actor, app).await? {
            Some(existing) => application.clone().check(&existing.settings, &*self.urls),
            None => {
                check_inline_uid(application, app)?;
                self.ensure_application(actor, application.clone()).await
            }
        }
    }

    /// What the store is to keep of a message: where it goes, in which queues, how urgent it is. `None` when the
    /// configuration has to be read again first.
    pub(crate) async fn plan(
        &self,
        config: &AppConfig,
        draft: &MessageDraft<'_>,
        id: MessageId,
        now: Timestamp,
    ) -> Result<Option<Accept>, ServiceError> {
        self.check_event_type(config, draft.event_type).await?;
        payload_schema::check(&config.settings, draft.event_type, &draft.payload)?;
        let callback = match draft.callback_url {
            None => None,
            Some(url) => {
                let url = self.check_callback(config, url)?;
                let Some(lane) = self.callback_lane(config, &url).await? else { return Ok(None) };
                Some((url, lane))
            }
        };
        let look = Look::new(config, draft.event_type, draft.class.is_some());
        let text = (look == Look::Whole).then(|| ReportText::new(&config.settings, draft.event_type, &draft.payload));
        let report = text.as_ref().and_then(ReportText::head);
        let class = match look {
            Look::Category => matching::class_of_payload(&draft.payload),
            Look::Whole | Look::None => None,
        };
        // What a message says of itself is a report only where the event type says so.
        let own = report.as_ref().filter(|_| matching::is_of_reports(&config.settings, draft.event_type));
        let class = draft.class.or(class).or_else(|| own.and_then(matching::class_of)).unwrap_or_default();
        let mut message = draft.to_message(id, now, config.settings.retention_days, own);
        (message.deliver_at, message.deliver_until) =
            draft.timing.on_our_clock(now, self.clock.wall(), message.expires_at)?;
        let mut targets = find_targets(config, &message, report.as_ref())?;
        if let Some((url, lane)) = callback {
            message.callback_url = Some(url);
            targets.push(Target::new(lane, None));
        }
        Ok(Some(Accept {
            app: config.no,
            app_version: config.version,
            priority: Priority::new(class, draft.event_type.ends_with(INBOUND)),
            pollers: pollers_of(config, &message),
            targets,
            message,
            idempotency: None,
        }))
    }

    /// Where the organization is strict, a message has an event type that was registered.
    async fn check_event_type(&self, app: &AppConfig, name: &str) -> Result<(), ServiceError> {
        if !app.settings.strict_event_types {
            return Ok(());
        }
        let advice = "this organization takes registered ones only: create it with POST /api/v1/event-type.";
        match self.unknown_event_types(app.org, &[name], advice).await?.pop() {
            Some((_, fault)) => Err(ServiceError::body("eventType", fault)),
            None => Ok(()),
        }
    }

    /// Whether a message of this type with these channels would go anywhere, whatever its payload says.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] of the application, and [`ServiceError::Invalid`].
    pub async fn has_takers(
        &self,
        actor: &Actor,
        app: &str,
        event_type: &str,
        channels: &[String],
    ) -> Result<bool, ServiceError> {
        actor.require(Right::CreateMessages)?;
        if !is_event_type_name(event_type) {
            return Err(ServiceError::body("eventType", EVENT_TYPE_RULE));
        }
        let app = self.app(actor, app).await?;
        let takes = |endpoint: &Endpoint| {
            !endpoint.callback
                && !endpoint.disabled
                && endpoint.matches_type(event_type)
                && endpoint.matches_channels(channels)
        };
        let is_polled = app.pollers.iter().any(|config| config.poller.takes(event_type, channels));
        Ok(is_polled || app.endpoints.iter().any(|config| takes(&config.endpoint)))
    }

    /// One message, by its id or the producer's own.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn get_message(&self, actor: &Actor, app: &str, name: &str) -> Result<Message, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let app = self.app(actor, app).await?;
        let mut message = self.message(&app, name).await?;
        self.numbers_for(actor).await?.of_messages([&mut message]);
        Ok(message)
    }

    /// A page of the messages of an application, by id.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] of the application, and [`ServiceError::Invalid`] for times that lie ahead.
    pub async fn list_messages(
        &self,
        actor: &Actor,
        app: &str,
        window: Window<MessageId>,
        filter: MessageFilter,
    ) -> Result<Page<Message>, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let app = self.app(actor, app).await?;
        self.check_span(filter.after, filter.before)?;
        let query = filter.query(app.no, window.paging());
        let mut page = window.page_of_hits(self.store.messages(query).await?);
        self.numbers_for(actor).await?.of_messages(&mut page.items);
        Ok(page)
    }

    /// Reads the payloads of messages that come without, in their order: up to so many bytes, but one at least.
    pub(crate) async fn read_payloads(&self, messages: &mut [Message], max_bytes: usize) -> Result<(), ServiceError> {
        let without = || |message: &&mut Message| message.payload.is_none();
        let numbers = messages.iter_mut().filter(without()).map(|message| message.no).collect();
        let mut read = self.store.payloads(numbers, max_bytes).await?.into_iter().peekable();
        for message in messages.iter_mut().filter(without()) {
            if let Some((_, payload)) = read.next_if(|(no, _)| *no == message.no) {
                message.payload = Some(payload);
            }
        }
        Ok(())
    }

    pub(crate) async fn message(&self, app: &AppConfig, name: &str) -> Result<Message, ServiceError> {
        let name = match name.parse() {
            Ok(id) => MessageRef::Id(id),
            Err(_) => MessageRef::EventId(name.to_owned()),
        };
        self.store.message(app.no, name).await?.ok_or(ServiceError::NotFound(Resource::Message))
    }

    /// Refuses times that lie ahead: nothing can have happened there, so somebody is mistaken about the unit or zone.
    pub(crate) fn check_span(&self, after: Option<Timestamp>, before: Option<Timestamp>) -> Result<(), ServiceError> {
        let latest = self.clock.wall() + AHEAD_MAX;
        let ahead =
            [("after", after), ("before", before)].into_iter().filter(|(_, at)| at.is_some_and(|at| at > latest));
        let faults: Vec<_> = ahead.map(|(name, _)| FieldError::query(name, "This time lies in the future.")).collect();
        if faults.is_empty() { Ok(()) } else { Err(ServiceError::Invalid(faults)) }
    }

    /// The answer that was given when the same request came first.
    async fn repeat_receipt(&self, app: &AppConfig, id: MessageId, now: Timestamp) -> Result<Receipt, ServiceError> {
        let first = self.store.message(app.no, MessageRef::Id(id)).await?;
        Ok(Receipt { id, accepted_at: first.map_or(now, |first| first.accepted_at) })
    }
}

/// The pollers that get a message.
fn pollers_of(config: &AppConfig, message: &NewMessage) -> Vec<PollerNo> {
    let takes = |config: &&PollerConfig| config.poller.takes(&message.event_type, &message.channels);
    config.pollers.iter().filter(takes).map(|config| config.no).collect()
}

/// The endpoints that a message goes to, and the queue that it stands in there.
fn find_targets(
    app: &AppConfig,
    message: &NewMessage,
    report: Option<&Report<'_>>,
) -> Result<Vec<Target>, ServiceError> {
    let filtered = FilterSubject::new(
        &message.event_type,
        &message.channels,
        message.raw_content_type.as_deref(),
        Some(&message.payload),
    );
    let subject = Subject { event_type: &message.event_type, channels: &message.channels, report, filtered: &filtered };
    let mut targets = Vec::new();
    let number = report.and_then(|report| report.product_unique_id.as_ref()).map(Text::as_str);
    for config in app.takers(&message.event_type, &message.channels, number) {
        let endpoint = &config.endpoint;
        if matching::judge(endpoint, &subject).is_err() {
            continue;
        }
        let queue = queue_at(endpoint, message.ordering_key.as_ref());
        targets.push(target(config, queue));
    }
    if targets.len() > TARGETS_MAX {
        return Err(ServiceError::body(
            "eventType",
            format!(
                "{} endpoints of this application match; at most {TARGETS_MAX} are allowed. Give endpoints a filter by \
                 event type or channel, or spread them over several applications.",
                targets.len()
            ),
        ));
    }
    Ok(targets)
}

/// An endpoint that a message goes to. What is held until a handshake has passed leaves in the order of acceptance.
pub(crate) fn target(config: &EndpointConfig, queue: Option<QueueNo>) -> Target {
    let priority = config.endpoint.is_unverified().then_some(Priority::HELD);
    Target { priority, ..Target::new(config.no, queue) }
}

/// The queue that a message with this key stands in at an endpoint.
pub(crate) fn queue_at(endpoint: &Endpoint, key: Option<&OrderingKey>) -> Option<QueueNo> {
    match endpoint.ordering {
        Ordering::None => None,
        Ordering::PerKey => key.map(queue_of),
        Ordering::Fifo => Some(QueueNo(0)),
    }
}

/// The queue of an ordering key: a hash of it that is never 0, the queue of `fifo`.
fn queue_of(key: &OrderingKey) -> QueueNo {
    let hash = Sha256::digest(key.as_str());
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    QueueNo(match i64::from_be_bytes(first) {
        0 => 1,
        other => other,
    })
}

/// The application that comes along with a message is the one that the message is addressed to.
/// Refuses an application that comes along with a request unless it has the uid that the request is addressed to.
pub(crate) fn check_inline_uid(application: &ApplicationDraft, app: &str) -> Result<(), ServiceError> {
    let (kind, message) = match application.uid.as_deref() {
        Some(uid) if uid == app => return Ok(()),
        Some(_) => (
            "application_uid_mismatch",
            "The uid of `application` must be the same as the one in the path of the request.",
        ),
        None => ("application_uid_missing", "`application` needs the uid that the path of the request names."),
    };
    let path = vec!["body".into(), "application".into(), "uid".into()];
    Err(ServiceError::Invalid(vec![FieldError { path, message: message.to_owned(), kind }]))
}

/// A media type with its parameters, as far as a header can hold it.
fn is_content_type(text: &str) -> bool {
    let printable = text.len() <= 256 && text.bytes().all(|b| (b' '..=b'~').contains(&b));
    let essence = text.split(';').next().unwrap_or_default().trim();
    let is_token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b));
    printable && essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

pub(crate) fn event_id_taken(event_id: Option<&str>) -> ServiceError {
    ServiceError::Conflict {
        code: "conflict",
        detail: format!(
            "Another message of this application has the eventId `{}` already. It was accepted, so there is nothing to \
             repeat; a new event needs an id of its own.",
            event_id.unwrap_or_default()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_number_depends_on_the_key_alone_and_is_stable_for_ever() {
        let queue = |text: &str| queue_of(&OrderingKey::new(text.to_owned()).unwrap());
        // The first 8 bytes of SHA-256("abc") (FIPS 180-4, example B.1).
        assert_eq!(queue("abc"), QueueNo(0xba78_16bf_8f01_cfea_u64 as i64));
        assert_ne!(queue("abd"), queue("abc"));
    }

    #[test]
    fn content_types_are_media_types() {
        for good in ["text/plain", "application/json; charset=utf-8", "application/vnd.api+json"] {
            assert!(is_content_type(good), "{good}");
        }
        for bad in ["", "text", "text/", "/plain", "text/plain\r\nX: 1", "téxt/plain", "a b/c"] {
            assert!(!is_content_type(bad), "{bad:?}");
        }
    }
}
