//! A background task: work on many deliveries, messages or applications that takes longer than a request.

use serde::{Deserialize, Serialize};

use crate::{AppId, EndpointId, Id, MessageId, TaskId, Timestamp};

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
    /// Deliveries of applications are counted.
    #[serde(rename = "application.stats")]
    AppUsage,
    /// The event types that endpoints of applications ask for are gathered.
    #[serde(rename = "event-type.aggregate")]
    EventTypes,
    /// The payloads of all messages of an application are removed.
    #[serde(rename = "application.purge_content")]
    Purge,
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

/// Which messages, or which applications, a task is about.
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
    /// Only these applications, by id; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub apps: Vec<AppId>,
    /// Only what was counted since this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Only what was counted until this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
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
    /// The application; none if it is about all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppId>,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_no: Option<i64>,
    /// The endpoint, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<EndpointId>,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_no: Option<i64>,
    /// Which messages it is about.
    pub scope: TaskScope,
    /// Where it began, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<MessageId>,
    /// The last message that it has dealt with; it begins after this one.
    pub cursor: MessageId,
    /// It ends before this message.
    pub before: MessageId,
    /// The number of the last message that it may call off deliveries of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upto: Option<i64>,
    /// The last application that it has dealt with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_app: Option<AppId>,
    /// Messages, or applications, that it has looked at.
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

impl Task {
    /// A task that begins at `now`, about everything of an organization that there is by then.
    #[must_use]
    pub fn new(id: TaskId, kind: TaskKind, now: Timestamp) -> Self {
        Self {
            id,
            kind,
            state: TaskState::Running,
            app: None,
            app_no: None,
            endpoint: None,
            endpoint_no: None,
            scope: TaskScope::default(),
            from: None,
            cursor: Id::floor(Timestamp::MIN),
            before: Id::floor(now),
            upto: None,
            after_app: None,
            looked_at: 0,
            changed: 0,
            failure: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Which part of its time it has dealt with, 0 to 1; `None` if it cannot tell where it began.
    #[must_use]
    pub fn progress(&self) -> Option<f64> {
        let from = self.from?.made_at();
        let all = self.before.made_at().since(from).as_secs_f64();
        let done = self.cursor.made_at().since(from).as_secs_f64();
        Some(match self.state {
            TaskState::Finished => 1.0,
            TaskState::Running | TaskState::Failed | TaskState::Canceled if all > 0.0 => (done / all).clamp(0.0, 1.0),
            TaskState::Running | TaskState::Failed | TaskState::Canceled => 0.0,
        })
    }
}

/// What a task has counted of an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppUsage {
    /// The application.
    pub app: AppId,
    /// The operator's own id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Deliveries that came to their end.
    pub deliveries: u64,
}

/// What the endpoints of an application ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppEventTypes {
    /// The application.
    pub app: AppId,
    /// The types, and patterns of them, that an endpoint names; each once, in order.
    pub named: Vec<String>,
    /// Some endpoint gets all types.
    pub catches_all: bool,
}

/// What a task was there to find out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskFindings {
    /// Of [`TaskKind::AppUsage`], by application.
    AppUsage(Vec<AppUsage>),
    /// Of [`TaskKind::EventTypes`], by application.
    EventTypes(Vec<AppEventTypes>),
}
