//! A background task: work on the deliveries of one endpoint that takes longer than a request.

use serde::{Deserialize, Serialize};

use crate::{AppId, EndpointId, MessageId, TaskId, Timestamp};

/// What a task does. The texts are the API's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskKind {
    /// Failed deliveries are made due again.
    #[serde(rename = "endpoint.recover")]
    Recover,
    /// Messages that were never meant for the endpoint, and match it now, are delivered to it.
    #[serde(rename = "endpoint.replay")]
    ReplayMissing,
    /// Deliveries that were chosen by a filter are made due again, however they ended.
    #[serde(rename = "endpoint.bulk-replay")]
    BulkReplay,
    /// Pending deliveries are ended.
    #[serde(rename = "endpoint.cancel")]
    Cancel,
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// It is at work, or will be.
    Running,
    /// It has done all of it.
    Finished,
    /// It cannot go on; it says why.
    Failed,
    /// Somebody called it off; what it had done stays done.
    Canceled,
}

/// Which messages a task is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskScope {
    /// Only those of these types; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub event_types: Vec<String>,
    /// Only those with this channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Only those with this tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Only those whose delivery has ended so: the number of the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u8>,
    /// Only those whose last attempt was answered so: 100, 200 and so on; 0 for no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_class: Option<u16>,
}

/// The document of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Its public id.
    pub id: TaskId,
    /// What it does.
    pub kind: TaskKind,
    /// Where it stands.
    pub state: TaskState,
    /// The application.
    pub app: AppId,
    /// Its number.
    pub app_no: i64,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Its number.
    pub endpoint_no: i64,
    /// Which messages it is about.
    pub scope: TaskScope,
    /// The last message that it has dealt with; it begins after this one.
    pub cursor: MessageId,
    /// It ends before this message.
    pub before: MessageId,
    /// The number of the last message that it may call off deliveries of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upto: Option<i64>,
    /// Messages that it has looked at.
    pub looked_at: u64,
    /// Deliveries that it has changed.
    pub changed: u64,
    /// Why it cannot go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last got further.
    pub updated_at: Timestamp,
}
