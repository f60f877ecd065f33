//! Pollers: sinks that a customer reads from, for whom it is easier to ask than to be called.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{PollerId, Timestamp, event_type_is_among};

/// A sink of an application whose messages are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Poller {
    /// Its public id.
    pub id: PollerId,
    /// The caller's own id for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Nothing is read from it at present. What comes meanwhile is kept for it all the same.
    #[serde(default)]
    pub disabled: bool,
    /// The event types that it gets, patterns among them; all of them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_types: Option<Vec<String>>,
    /// It gets messages that carry one of these channels; all of them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<String>>,
    /// The caller's own notes.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub metadata: IndexMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Poller {
    /// Whether it gets messages of this type with these channels.
    #[must_use]
    pub fn takes(&self, event_type: &str, channels: &[String]) -> bool {
        let by_channel = |wanted: &Vec<String>| wanted.iter().any(|channel| channels.contains(channel));
        self.event_types.as_ref().is_none_or(|types| event_type_is_among(event_type, types))
            && self.channels.as_ref().is_none_or(by_channel)
    }
}

/// How far somebody is who reads from a poller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Consumer {
    /// Everything up to this place is done with.
    pub place: Place,
    /// What it has been given and has not said to be done with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
}

/// A place in what a poller gets: behind a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Place {
    /// The place of the message among those of its application; 0 before the first.
    pub offset: i64,
    /// What was accepted before this time is passed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// Messages that a consumer was given to work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// The last of them.
    pub offset: i64,
    /// Until then nobody else is given any.
    pub until: Timestamp,
}
