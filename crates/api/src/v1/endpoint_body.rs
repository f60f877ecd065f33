//! Endpoints as requests and answers write them.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use indexmap::IndexMap;
use ringback_model::{
    Endpoint, EndpointId, OnExhausted, Ordering, Redacted, Timestamp, format_duration, parse_duration, parse_schedule,
};
use ringback_service::{EndpointDraft, EndpointView, FieldError, HeaderDraft, HeadersChange};
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::patch::Patch;
use crate::problem::Problem;

/// What changes about an endpoint; what is absent stays, null takes it back to its default.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointPatch {
    /// Where requests go: http or https. User and password in it become basic authentication.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "uri", max_length = 2048, example = "https://example.com/webhook/")]
    url: Patch<String>,
    /// For people.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 8192)]
    description: Patch<String>,
    /// Your own id for it: every path takes it in place of the server's.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256, pattern = "^[a-zA-Z0-9\\-_.]+$")]
    uid: Patch<String>,
    /// A number of your own.
    #[serde(default)]
    #[schema(value_type = Option<u16>)]
    version: Patch<u16>,
    /// New messages make no delivery, and pending ones wait.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    disabled: Patch<bool>,
    /// Messages are taken and held.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    paused: Patch<bool>,
    /// The event types that it gets; all of them if absent or null.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, min_items = 1)]
    event_types: Patch<Vec<String>>,
    /// The old name of `eventTypes`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, deprecated)]
    filter_types: Patch<Vec<String>>,
    /// It gets messages that carry one of these; all of them if absent or null.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 10)]
    channels: Patch<Vec<String>>,
    /// At most so many attempts a second.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 1)]
    throttle_rate: Patch<u16>,
    /// The old name of `throttleRate`.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 1, deprecated)]
    rate_limit: Patch<u16>,
    /// At most so many attempts under way; 10 if absent.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 2048)]
    max_concurrency: Patch<u16>,
    /// How long one attempt may take, 1s to 30s: a text such as `"15s"`, or a number of seconds.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "15s")]
    timeout: Patch<Length>,
    /// Delays between tries, as a list or as a text with commas.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, example = json!(["5s", "5m", "30m"]))]
    retry_schedule: Patch<Schedule>,
    /// In which order messages go: `none`, `per_key` (those with one `orderingKey`), `fifo` (all).
    #[serde(default)]
    #[schema(value_type = Option<OrderingName>, example = "none")]
    ordering: Patch<Ordering>,
    /// What an ordered endpoint does when a message has used up its tries: `skip` it, or `pause`.
    #[serde(default)]
    #[schema(value_type = Option<OnExhaustedName>, example = "skip")]
    on_exhausted: Patch<OnExhausted>,
    /// Your own notes.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::HashMap<String, String>>)]
    metadata: Patch<IndexMap<String, String>>,
    /// Request headers, all of them: an object, or a list of `name`, `value` and `secret`.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::HashMap<String, String>>)]
    headers: Patch<HeaderList>,
    /// The signing secret, when an endpoint is made; one is drawn if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")]
    secret: Patch<String>,
    /// null forgets user and password that came with the URL.
    #[serde(default)]
    #[schema(ignore)]
    auth: Patch<IgnoredAny>,
}

/// In which order messages go.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes `ringback_model::Ordering`")]
pub(crate) enum OrderingName {
    None,
    PerKey,
    Fifo,
}

/// What an ordered endpoint does when a message has used up its tries.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes `ringback_model::OnExhausted`")]
pub(crate) enum OnExhaustedName {
    Skip,
    Pause,
}

/// What is said about an endpoint: the members of a change, of which the URL has to be there.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct EndpointIn(EndpointPatch);

impl PartialSchema for EndpointIn {
    fn schema() -> RefOr<Schema> {
        let mut schema = EndpointPatch::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.description = Some("What is said about an endpoint.".to_owned());
            object.required.push("url".to_owned());
            if let Some(RefOr::T(Schema::Object(url))) = object.properties.get_mut("url") {
                url.schema_type = Type::String.into();
            }
        }
        schema
    }
}

impl ToSchema for EndpointIn {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("EndpointIn")
    }
}

impl EndpointIn {
    /// The draft of the use case.
    pub(crate) fn draft(self) -> Result<EndpointDraft, Problem> {
        let patch = self.0.settled()?;
        let Patch::Set(url) = &patch.url else {
            return Err(Problem::invalid([FieldError::body("url", "An endpoint needs a URL to send to.")]));
        };
        let mut draft = EndpointDraft::new(url.clone());
        patch.apply(&mut draft);
        Ok(draft)
    }
}

impl EndpointPatch {
    /// The same change, with old names of members replaced by the new ones.
    pub(crate) fn settled(mut self) -> Result<Self, Problem> {
        if matches!(&self.url, Patch::Set(url) if url.contains("{{")) {
            let rule = "Placeholders such as `{{path}}` are not supported by this version of the server yet.";
            return Err(Problem::invalid([FieldError::body("url", rule)]));
        }
        let types = std::mem::take(&mut self.event_types).or_older(
            std::mem::take(&mut self.filter_types),
            "eventTypes",
            "filterTypes",
        );
        let rate = self.throttle_rate.or_older(self.rate_limit, "throttleRate", "rateLimit");
        match (types, rate) {
            (Ok(types), Ok(rate)) => Ok(Self { event_types: types, throttle_rate: rate, ..self }),
            (types, rate) => Err(Problem::invalid(types.err().into_iter().chain(rate.err()))),
        }
    }

    /// Refuses to change the secret by the way: the old one has to sign along for a while, as receivers still have it.
    pub(crate) fn keeps_the_secret(&self) -> Result<(), Problem> {
        match self.secret {
            Patch::Absent => Ok(()),
            Patch::Null | Patch::Set(_) => {
                let rule = "A secret is changed with POST to `secret/rotate` below this path. Leave it out here.";
                Err(Problem::invalid([FieldError::body("secret", rule)]))
            }
        }
    }

    /// Writes the change over a draft.
    pub(crate) fn apply(&self, draft: &mut EndpointDraft) {
        self.url.clone().write(&mut draft.url, String::new());
        self.description.clone().write(&mut draft.description, String::new());
        self.uid.clone().write_option(&mut draft.uid);
        self.version.write(&mut draft.version, 1);
        self.disabled.write(&mut draft.disabled, false);
        self.paused.write(&mut draft.paused, false);
        self.event_types.clone().write_option(&mut draft.event_types);
        self.channels.clone().write_option(&mut draft.channels);
        self.throttle_rate.write_option(&mut draft.throttle_rate);
        self.max_concurrency.write_option(&mut draft.max_concurrency);
        self.timeout.map(|length| length.0).write_option(&mut draft.timeout);
        self.retry_schedule.clone().map(|schedule| schedule.0).write_option(&mut draft.retry_schedule);
        self.ordering.write(&mut draft.ordering, Ordering::default());
        self.on_exhausted.write(&mut draft.on_exhausted, OnExhausted::default());
        self.metadata.clone().write(&mut draft.metadata, IndexMap::new());
        self.secret.clone().write_option(&mut draft.secret);
        let headers = self.headers.clone().map(|headers| HeadersChange::Replace(headers.0));
        headers.write(&mut draft.headers, HeadersChange::Replace(Vec::new()));
        draft.forget_basic = matches!(self.auth, Patch::Null);
    }
}

/// An endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointOut {
    #[schema(value_type = String, example = "ep_1srOrx2ZWZBpBUvZwXKQmoEYga2")]
    id: EndpointId,
    uid: Option<String>,
    #[schema(format = "uri")]
    url: String,
    description: String,
    version: u16,
    disabled: bool,
    /// Why the server disabled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_reason: Option<String>,
    paused: bool,
    event_types: Option<Vec<String>>,
    /// The old name of `eventTypes`.
    #[schema(deprecated)]
    filter_types: Option<Vec<String>>,
    channels: Option<Vec<String>>,
    throttle_rate: Option<u16>,
    /// The old name of `throttleRate`.
    #[schema(deprecated)]
    rate_limit: Option<u16>,
    max_concurrency: Option<u16>,
    timeout: Option<String>,
    retry_schedule: Option<Vec<String>>,
    #[schema(value_type = OrderingName)]
    ordering: Ordering,
    #[schema(value_type = OnExhaustedName)]
    on_exhausted: OnExhausted,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    metadata: IndexMap<String, String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// What was changed on the way in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<String>,
}

impl From<EndpointView> for EndpointOut {
    fn from(view: EndpointView) -> Self {
        Self { warnings: view.warnings, ..Self::from(view.endpoint) }
    }
}

impl From<Endpoint> for EndpointOut {
    fn from(endpoint: Endpoint) -> Self {
        let schedule = endpoint.retry_schedule();
        Self {
            id: endpoint.id,
            uid: endpoint.uid,
            url: endpoint.url,
            description: endpoint.description,
            version: endpoint.version,
            disabled: endpoint.disabled,
            disabled_reason: endpoint.disabled_reason,
            paused: endpoint.paused,
            filter_types: endpoint.event_types.clone(),
            event_types: endpoint.event_types,
            channels: endpoint.channels,
            throttle_rate: endpoint.throttle_rate,
            rate_limit: endpoint.throttle_rate,
            max_concurrency: endpoint.max_concurrency,
            timeout: endpoint.timeout_micros.map(|micros| format_duration(Duration::from_micros(micros))),
            retry_schedule: schedule.map(|delays| delays.into_iter().map(format_duration).collect()),
            ordering: endpoint.ordering,
            on_exhausted: endpoint.on_exhausted,
            metadata: endpoint.metadata,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
            warnings: Vec::new(),
        }
    }
}

/// A length of time: a text with its unit, or a number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length(Duration);

/// Lengths of time: a list, or a text with commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule(Vec<Duration>);

/// Request headers: an object of names and values, or a list that may say which are secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeaderList(pub(crate) Vec<HeaderDraft>);

struct LengthVisitor;

impl Visitor<'_> for LengthVisitor {
    type Value = Length;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a length of time such as \"15s\", or a number of seconds")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Length, E> {
        parse_duration(text).map(Length).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Length, E> {
        self.visit_str(&seconds.to_string())
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Length, E> {
        self.visit_str(&seconds.to_string())
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Length, E> {
        self.visit_str(&seconds.to_string())
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LengthVisitor)
    }
}

struct ScheduleVisitor;

impl<'de> Visitor<'de> for ScheduleVisitor {
    type Value = Schedule;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of lengths of time such as [\"5s\", \"5m\"], or a text such as \"5s,5m\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Schedule, E> {
        parse_schedule(text).map(Schedule).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Schedule, A::Error> {
        let mut delays = Vec::new();
        while let Some(Length(delay)) = items.next_element()? {
            delays.push(delay);
        }
        Ok(Schedule(delays))
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScheduleVisitor)
    }
}

/// One item of a list of headers.
#[derive(Debug, Deserialize)]
struct HeaderItem {
    name: String,
    value: Redacted,
    #[serde(default)]
    secret: bool,
}

struct HeaderListVisitor;

impl<'de> Visitor<'de> for HeaderListVisitor {
    type Value = HeaderList;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of header names and values, or a list of objects with `name`, `value` and `secret`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderList, A::Error> {
        let mut headers = Vec::new();
        while let Some((name, value)) = map.next_entry()? {
            headers.push(HeaderDraft { name, value, secret: false });
        }
        Ok(HeaderList(headers))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<HeaderList, A::Error> {
        let mut headers = Vec::new();
        while let Some(HeaderItem { name, value, secret }) = items.next_element()? {
            headers.push(HeaderDraft { name, value, secret });
        }
        Ok(HeaderList(headers))
    }
}

impl<'de> Deserialize<'de> for HeaderList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HeaderListVisitor)
    }
}
