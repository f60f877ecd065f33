//! An endpoint: a registered webhook. Its URL, its filters, how it is signed, and the limits of its lane.

use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{
    Auth, Batching, EndpointId, Filter, Redacted, RetiredAuth, Shape, SigningSecret, StatusPolicy, SuccessRule,
    Timestamp, Transformation, Verification, VerificationState, event_type_is_among,
};

/// How many attempts to one endpoint may be under way when its document does not say.
pub const MAX_CONCURRENCY_DEFAULT: u16 = 10;
/// How long one attempt may take, all phases together, when the endpoint's document does not say.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(15);

/// In which order an endpoint gets its messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ordering {
    /// As they come; a message that has to be retried holds up nothing.
    #[default]
    None,
    /// Messages with the same ordering key one after the other; other keys go on.
    #[serde(alias = "per_message")]
    PerKey,
    /// One after the other, all of them.
    Fifo,
}

/// What an ordered endpoint does when the head of a queue has used up its tries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExhausted {
    /// The head ends as failed and the next one goes.
    #[default]
    Skip,
    /// The head ends as failed and the endpoint is paused.
    Pause,
}

/// Why an endpoint sends nothing at present, whatever is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// `paused` is set: messages are taken and held.
    Paused,
    /// `disabled` is set: no new deliveries are made, pending ones wait.
    Disabled,
    /// Its handshake has not passed: messages are taken and held.
    Unverified,
    /// The endpoint was deleted: what is pending is shown as canceled.
    Deleted,
}

/// One request header of the endpoint's owner. The value is kept apart, in [`EndpointSecrets`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderField {
    /// The name as it was given; compared without case.
    pub name: String,
    /// Its value is named, never returned.
    #[serde(default)]
    pub sensitive: bool,
}

/// The document of an endpoint. Secrets are in [`EndpointSecrets`], which is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Its public id.
    pub id: EndpointId,
    /// The caller's own id for it, unique in the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Where requests go: normalised, without userinfo and fragment.
    pub url: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// A number the reference server keeps and nobody reads.
    #[serde(default)]
    pub version: u16,
    /// New messages make no delivery, pending ones wait.
    #[serde(default)]
    pub disabled: bool,
    /// Why and since when it is disabled, if the server did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<String>,
    /// Messages are taken and held.
    #[serde(default)]
    pub paused: bool,
    /// The event types that it gets; all of them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_types: Option<Vec<String>>,
    /// It gets messages that carry one of these channels; all of them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<String>>,
    /// What must be true of a message for it to get it; of all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Box<Filter>>,
    /// It gets reports of this product; of all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// It gets reports of this type (`dlr`, `mo`); of all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_type: Option<String>,
    /// It gets reports of this number of the customer (a WABA number); of all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_unique_id: Option<String>,
    /// It gets reports of this category; of all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Which states of a message make a delivery; the dialect's preset if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_policy: Option<StatusPolicy>,
    /// How requests look, where it is not the event's own JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Box<Shape>>,
    /// What counts as success, where the dialect's rule does not serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<Box<SuccessRule>>,
    /// Authorities, as PEM, that the certificates of its receiver and of its token server may come from beside the
    /// public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// The handshake before the first event, and where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Box<Verification>>,
    /// The name under which a JQL subscription was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Who registered it in the customer's place, by the operator's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_by: Option<String>,
    /// What was pending when it was deleted is sent all the same. Means nothing of one that was not deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drains: bool,
    /// It stands for one origin of `callbackUrl`s of messages: never listed, never matched.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub callback: bool,
    /// At most so many attempts a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle_rate: Option<u16>,
    /// At most so many attempts under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u16>,
    /// How long one attempt may take, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_micros: Option<u64>,
    /// Delays between tries, in microseconds, in place of the server's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_schedule_micros: Option<Vec<u64>>,
    /// In which order messages go.
    #[serde(default)]
    pub ordering: Ordering,
    /// What happens to the order when a message has used up its tries.
    #[serde(default)]
    pub on_exhausted: OnExhausted,
    /// Several messages go in one request; each in its own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batching>,
    /// Names of the owner's own request headers; values are in the sealed part.
    #[serde(default)]
    pub headers: Vec<HeaderField>,
    /// The caller's own notes.
    #[serde(default)]
    pub metadata: IndexMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Endpoint {
    /// An endpoint that says nothing but its URL.
    #[must_use]
    pub fn new(id: EndpointId, url: String, now: Timestamp) -> Self {
        Self {
            id,
            uid: None,
            url,
            description: String::new(),
            version: 1,
            disabled: false,
            disabled_reason: None,
            paused: false,
            event_types: None,
            channels: None,
            filter: None,
            product: None,
            report_type: None,
            product_unique_id: None,
            category: None,
            status_policy: None,
            shape: None,
            success: None,
            ca: None,
            verification: None,
            prefix: None,
            registered_by: None,
            drains: false,
            callback: false,
            throttle_rate: None,
            max_concurrency: None,
            timeout_micros: None,
            retry_schedule_micros: None,
            ordering: Ordering::default(),
            on_exhausted: OnExhausted::default(),
            batch: None,
            headers: Vec::new(),
            metadata: IndexMap::new(),
            created_at: now,
            updated_at: now,
        }
    }

    /// Why nothing is sent at present, if so.
    #[must_use]
    pub fn gate(&self) -> Option<Gate> {
        match (self.disabled, self.paused) {
            (true, _) => Some(Gate::Disabled),
            (false, true) => Some(Gate::Paused),
            (false, false) => self.is_unverified().then_some(Gate::Unverified),
        }
    }

    /// Whether its URL has a handshake still to pass.
    #[must_use]
    pub fn is_unverified(&self) -> bool {
        self.verification.as_ref().is_some_and(|v| v.state != VerificationState::Verified)
    }

    /// Whether it gets messages of this event type. A `*` in its filter stands for any part of a name without dots and
    /// colons.
    #[must_use]
    pub fn matches_type(&self, event_type: &str) -> bool {
        self.event_types.as_ref().is_none_or(|types| event_type_is_among(event_type, types))
    }

    /// Whether it gets messages that carry these channels.
    #[must_use]
    pub fn matches_channels(&self, channels: &[String]) -> bool {
        self.channels.as_ref().is_none_or(|wanted| wanted.iter().any(|channel| channels.contains(channel)))
    }

    /// Whether what it gets, or in which order, depends on the report that a message carries.
    #[must_use]
    pub fn reads_reports(&self) -> bool {
        let filters = [&self.product, &self.report_type, &self.product_unique_id, &self.category];
        filters.into_iter().any(Option::is_some)
            || self.status_policy.is_some_and(|policy| policy != StatusPolicy::All)
            || self.ordering == Ordering::PerKey
            // A dialect may leave states out; that of endpoints which name none never does.
            || self.shape.as_ref().is_some_and(|shape| shape.dialect.is_some())
    }

    /// How many attempts may be under way.
    #[must_use]
    pub fn concurrency(&self) -> u16 {
        match self.ordering {
            Ordering::Fifo => 1,
            Ordering::None | Ordering::PerKey => self.max_concurrency.unwrap_or(MAX_CONCURRENCY_DEFAULT).max(1),
        }
    }

    /// How long one attempt may take, all phases together.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout_micros.map_or(TIMEOUT_DEFAULT, Duration::from_micros)
    }

    /// The endpoint's own retry schedule, if it has one.
    #[must_use]
    pub fn retry_schedule(&self) -> Option<Vec<Duration>> {
        self.retry_schedule_micros.as_ref().map(|delays| delays.iter().copied().map(Duration::from_micros).collect())
    }
}

/// A secret that requests are signed with, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    /// The secret.
    pub secret: SigningSecret,
    /// Absent for the current one; the end of its grace period for one that was rotated out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// The sealed part of an endpoint's document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSecrets {
    /// The current key first, then those in their grace period, newest first.
    #[serde(default)]
    pub keys: Vec<SigningKey>,
    /// Values of [`Endpoint::headers`], by position.
    #[serde(default)]
    pub header_values: Vec<Redacted>,
    /// What is shown to the receiver; user and password out of the URL are basic authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// What was shown before, within its grace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_auth: Option<RetiredAuth>,
    /// Values of secret ones among [`Shape::custom_parameters`], by position; empty text for the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub custom_values: Vec<Redacted>,
    /// The key of the handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_key: Option<Redacted>,
    /// What the dialect signs with: Twilio's auth token, Telnyx's ed25519 key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_secret: Option<Redacted>,
    /// Code that may change each webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transformation: Option<Box<Transformation>>,
}

impl EndpointSecrets {
    /// The secrets that sign at `wall`: the current one and those whose grace period has not ended.
    pub fn live_keys(&self, wall: Timestamp) -> impl Iterator<Item = &SigningSecret> {
        self.keys.iter().filter(move |key| key.expires_at.is_none_or(|end| wall < end)).map(|key| &key.secret)
    }
}
