//! An endpoint: a registered webhook. Its URL, its filters, how it is signed, and the limits of its lane.

use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{EndpointId, Redacted, SigningSecret, Timestamp};

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

/// User and password out of the URL, sent as `authorization: Basic`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BasicAuth {
    /// The user name, percent-decoded.
    pub username: String,
    /// The password, percent-decoded.
    pub password: Redacted,
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
    /// Why nothing is sent at present, if so.
    #[must_use]
    pub fn gate(&self) -> Option<Gate> {
        match (self.disabled, self.paused) {
            (true, _) => Some(Gate::Disabled),
            (false, true) => Some(Gate::Paused),
            (false, false) => None,
        }
    }

    /// Whether a message of this event type with these channels is for this endpoint.
    #[must_use]
    pub fn matches(&self, event_type: &str, channels: &[String]) -> bool {
        let by_type = self.event_types.as_ref().is_none_or(|types| types.iter().any(|t| t == event_type));
        let by_channel = self.channels.as_ref().is_none_or(|wanted| wanted.iter().any(|c| channels.contains(c)));
        by_type && by_channel
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
    /// User and password out of the URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic: Option<BasicAuth>,
}

impl EndpointSecrets {
    /// The secrets that sign at `wall`: the current one and those whose grace period has not ended.
    pub fn live_keys(&self, wall: Timestamp) -> impl Iterator<Item = &SigningSecret> {
        self.keys.iter().filter(move |key| key.expires_at.is_none_or(|end| wall < end)).map(|key| &key.secret)
    }
}
