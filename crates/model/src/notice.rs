//! What an operator may want to hear about as it happens: what becomes of endpoints, and deliveries that go badly for long,
//! are given up, or come through after all.
//!
//! A notice is kept in the commit of what it is about, and told afterwards: a crash loses none.

use serde::{Deserialize, Serialize};

use crate::{AttemptId, EndpointId, MessageId, Timestamp};

/// What happened. The texts are the event types that it is told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NoticeKind {
    /// An endpoint was made.
    #[serde(rename = "endpoint.created")]
    EndpointCreated,
    /// An endpoint was changed.
    #[serde(rename = "endpoint.updated")]
    EndpointUpdated,
    /// An endpoint was deleted.
    #[serde(rename = "endpoint.deleted")]
    EndpointDeleted,
    /// An endpoint was disabled, by somebody or by the server.
    #[serde(rename = "endpoint.disabled")]
    EndpointDisabled,
    /// An endpoint that was disabled was enabled.
    #[serde(rename = "endpoint.enabled")]
    EndpointEnabled,
    /// The fourth try of a delivery has failed; more follow.
    #[serde(rename = "message.attempt.failing")]
    AttemptFailing,
    /// A delivery was given up.
    #[serde(rename = "message.attempt.exhausted")]
    AttemptExhausted,
    /// A delivery that was failing came through.
    #[serde(rename = "message.attempt.recovered")]
    AttemptRecovered,
}

impl NoticeKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::EndpointCreated,
        Self::EndpointUpdated,
        Self::EndpointDeleted,
        Self::EndpointDisabled,
        Self::EndpointEnabled,
        Self::AttemptFailing,
        Self::AttemptExhausted,
        Self::AttemptRecovered,
    ];

    /// The event type that it is told by.
    #[must_use]
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::EndpointCreated => "endpoint.created",
            Self::EndpointUpdated => "endpoint.updated",
            Self::EndpointDeleted => "endpoint.deleted",
            Self::EndpointDisabled => "endpoint.disabled",
            Self::EndpointEnabled => "endpoint.enabled",
            Self::AttemptFailing => "message.attempt.failing",
            Self::AttemptExhausted => "message.attempt.exhausted",
            Self::AttemptRecovered => "message.attempt.recovered",
        }
    }

    /// What it means, in a sentence.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::EndpointCreated => "An endpoint was created.",
            Self::EndpointUpdated => "An endpoint was changed.",
            Self::EndpointDeleted => "An endpoint was deleted.",
            Self::EndpointDisabled => "An endpoint was disabled, by somebody or because it has failed for days.",
            Self::EndpointEnabled => "An endpoint that was disabled was enabled.",
            Self::AttemptFailing => "The fourth try of a delivery has failed; more follow.",
            Self::AttemptExhausted => "A delivery was given up.",
            Self::AttemptRecovered => "A delivery that was failing came through.",
        }
    }
}

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// What happened.
    pub kind: NoticeKind,
    /// The number of the application.
    pub app_no: i64,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The caller's own id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_uid: Option<String>,
    /// How it was disabled, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<Disabled>,
    /// The last attempt of the delivery, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<NoticedAttempt>,
}

/// How an endpoint was disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Disabled {
    /// Since when it has failed; if somebody has disabled it, when.
    pub since: Timestamp,
    /// The server has done it.
    pub automatic: bool,
}

/// The last attempt of a delivery that a notice is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NoticedAttempt {
    /// The message.
    pub message: MessageId,
    /// The producer's own id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// The attempt.
    pub id: AttemptId,
    /// What it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// When it began.
    pub started_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_kept_under_the_name_that_it_is_told_by() {
        for kind in NoticeKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.event_type());
        }
    }
}
