//! Background tasks: how they are started, told of and called off; and those on the deliveries of one endpoint.
//!
//! A task is a document, durable before it is answered for. `task_runner.rs` does it a part at a time, each part and how
//! far it is in one commit, so that a restart goes on where it was. Beside the task stands a document that says that it
//! is running, made first: a start finds what is not over without reading what is.

use ringback_model::{
    AppId, DeliveryState, Id, MessageId, OrgNo, Reason, Task, TaskFindings, TaskId, TaskKind, TaskScope, TaskState,
    Timestamp,
};
use ringback_store::{
    AppConfig, Delete, Direction, Document, DocumentKind, DocumentPage, End, Ended, EndpointConfig, Expect,
    Idempotency, MessageQuery, Paging, Put, PutResult,
};

use crate::attempt::record;
use crate::audit::Note;
use crate::service::TRIES;
use crate::{Actor, FieldError, Page, Resource, Right, Service, ServiceError, Window};

/// Which messages a task is to be about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskDraft {
    /// Only those accepted since this time.
    pub since: Option<Timestamp>,
    /// Only those accepted until this time; until now if absent.
    pub until: Option<Timestamp>,
    /// See [`TaskScope`].
    pub scope: TaskScope,
}

/// Which tasks are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Only those that stand so.
    pub state: Option<TaskState>,
    /// Only those that do this.
    pub kind: Option<TaskKind>,
    /// Only those about this application.
    pub app: Option<AppId>,
}

/// What is called off of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOff {
    /// The delivery.
    Cancel,
    /// The delivery, for the sake of those behind it.
    Skip,
}

/// The document that says that a task is running.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Running {
    pub(crate) org_no: i64,
    pub(crate) created_at: Timestamp,
}

impl TaskDraft {
    fn check(&self, kind: TaskKind, now: Timestamp) -> Result<(), ServiceError> {
        let mut faults = Vec::new();
        if kind != TaskKind::Cancel && self.since.is_none() {
            faults.push(FieldError::body("since", "Say since when messages are meant."));
        }
        if self.since.is_some_and(|since| since > now) {
            faults.push(FieldError::body("since", "This time lies in the future."));
        }
        if let (Some(since), Some(until)) = (self.since, self.until)
            && until <= since
        {
            faults.push(FieldError::body("until", "It has to be after `since`."));
        }
        if self.scope.status.is_some_and(|status| ![0, 2, 4].contains(&status)) {
            let rule = "It is 0 (succeeded), 2 (failed) or 4 (canceled): what is pending is sent anyhow.";
            faults.push(FieldError::body("status", rule));
        }
        if self.scope.status_class.is_some_and(|class| ![0, 100, 200, 300, 400, 500].contains(&class)) {
            faults.push(FieldError::body("statusCodeClass", "It is 0, 100, 200, 300, 400 or 500."));
        }
        if faults.is_empty() { Ok(()) } else { Err(ServiceError::Invalid(faults)) }
    }
}

impl Service {
    /// Starts a task on an endpoint: it is durable when this answers.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Invalid`], and [`ServiceError::Conflict`] when the endpoint is
    /// disabled or the idempotency key was used for something else.
    pub async fn start_task(
        &self,
        actor: &Actor,
        app: &str,
        endpoint: &str,
        kind: TaskKind,
        draft: TaskDraft,
        idempotency: Option<Idempotency>,
    ) -> Result<Task, ServiceError> {
        actor.require(Right::Resend)?;
        let (app, config) = self.endpoint_config(actor, app, endpoint).await?;
        let task = self.plan_task(&app, &config, kind, &draft).await?;
        let title = format!("{} {}", word(kind), config.endpoint.url);
        self.keep_task(actor, app.org, task, &title, idempotency).await
    }

    /// The task that somebody asks for, if it can be done.
    pub(crate) async fn plan_task(
        &self,
        app: &AppConfig,
        config: &EndpointConfig,
        kind: TaskKind,
        draft: &TaskDraft,
    ) -> Result<Task, ServiceError> {
        let now = self.clock.now();
        draft.check(kind, self.clock.wall())?;
        if kind != TaskKind::Cancel {
            require_enabled(config)?;
        }
        let from = draft.since.map(Id::floor);
        Ok(Task {
            app: Some(app.application.id),
            app_no: Some(app.no.0),
            endpoint: Some(config.endpoint.id),
            endpoint_no: Some(config.no.0),
            scope: draft.scope.clone(),
            from,
            cursor: from.unwrap_or_else(|| Id::floor(Timestamp::MIN)),
            before: before(draft.until.map_or(now, |until| until.min(now))),
            upto: if kind == TaskKind::Cancel { Some(self.last_message(app).await?) } else { None },
            ..Task::new(self.ids.make(now, &*self.random), kind, now)
        })
    }

    /// Makes a new task durable, and rings for it; the first one if the key of the request was used before.
    pub(crate) async fn keep_task(
        &self,
        actor: &Actor,
        org: OrgNo,
        task: Task,
        title: &str,
        idempotency: Option<Idempotency>,
    ) -> Result<Task, ServiceError> {
        let now = task.created_at;
        let running = Running { org_no: org.0, created_at: now };
        let mark = document(DocumentKind::RunningTask, 0, &task.id, serde_json::to_string(&running)?, None);
        self.store.put(mark).await?;
        let mut put = document(DocumentKind::Task, org.0, &task.id, serde_json::to_string(&task)?, idempotency);
        let (app, subject) = (task.app, task.id.to_string());
        let note = Note { org: org.0, by: &actor.by, thing: "background task", app, subject, title };
        put.audit = note.done(now, "started");
        match self.store.put(put).await? {
            PutResult::Stored(_) => {
                self.tasks.notify_one();
                Ok(task)
            }
            PutResult::Replayed { no } => {
                let first = self.store.document(no).await?.ok_or(ServiceError::NotFound(Resource::Task))?;
                Ok(serde_json::from_str(&first.body)?)
            }
            PutResult::KeyReused => Err(ServiceError::key_reused()),
            PutResult::KeyTaken | PutResult::UidTaken | PutResult::Stale => Err(ServiceError::contended()),
        }
    }

    /// The number of the last message of an application, 0 if there is none.
    async fn last_message(&self, app: &AppConfig) -> Result<i64, ServiceError> {
        let newest = Paging { limit: 1, after: None, direction: Direction::Descending };
        Ok(self
            .store
            .messages(MessageQuery::all(app.no, newest))
            .await?
            .items
            .first()
            .map_or(0, |message| message.no.0))
    }

    /// One task, and what it has found out if it was there for that and is finished.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn get_task(&self, actor: &Actor, id: &str) -> Result<(Task, Option<TaskFindings>), ServiceError> {
        actor.require(Right::ReadMessages)?;
        let (document, task) = self.task(actor, id).await?;
        let findings = match task.state {
            TaskState::Finished => self.findings(document.no, task.kind).await?,
            TaskState::Running | TaskState::Failed | TaskState::Canceled => None,
        };
        Ok((task, findings))
    }

    /// A page of tasks, by id.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list_tasks(
        &self,
        actor: &Actor,
        window: Window<TaskId>,
        filter: &TaskFilter,
    ) -> Result<Page<Task>, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let Some(org) = self.organization(actor.org).await? else { return Ok(Page::empty()) };
        let mut paging = window.clone().map(|id| id.to_string()).paging();
        let wanted = paging.limit;
        let mut found = Vec::new();
        loop {
            let page = DocumentPage { kind: DocumentKind::Task, parent: org.0, paging: paging.clone() };
            let documents = self.store.documents(page).await?;
            paging.after = documents.last().map(|document| document.key.clone());
            let is_last = documents.len() < wanted;
            for document in documents {
                let task: Task = serde_json::from_str(&document.body)?;
                let is_meant = filter.state.is_none_or(|state| task.state == state)
                    && filter.kind.is_none_or(|kind| task.kind == kind)
                    && filter.app.is_none_or(|app| task.app == Some(app))
                    && sees(actor, &task);
                found.extend(is_meant.then_some(task));
            }
            if is_last || found.len() >= wanted {
                break;
            }
        }
        found.truncate(wanted);
        Ok(window.page(found))
    }

    /// Calls a task off. What it has done stays done.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], and [`ServiceError::Conflict`] when it is over.
    pub async fn cancel_task(&self, actor: &Actor, id: &str) -> Result<Task, ServiceError> {
        actor.require(Right::Resend)?;
        for _ in 0..TRIES {
            let (document, mut task) = self.task(actor, id).await?;
            if task.state != TaskState::Running {
                let detail = "This task is over, so there is nothing to call off.".to_owned();
                return Err(ServiceError::Conflict { code: "task_over", detail });
            }
            (task.state, task.updated_at) = (TaskState::Canceled, self.clock.now());
            let expect = Expect::Version { no: document.no, version: document.version };
            let body = serde_json::to_string(&task)?;
            let (org, app, subject, title) = (document.parent, task.app, task.id.to_string(), word(task.kind));
            let title = title.trim_end_matches(':');
            let note = Note { org, by: &actor.by, thing: "background task", app, subject, title };
            let audit = note.done(task.updated_at, "called off");
            let put = Put { expect, audit, ..self::document(DocumentKind::Task, org, &task.id, body, None) };
            if let PutResult::Stored(_) = self.store.put(put).await? {
                return Ok(task);
            }
        }
        Err(ServiceError::contended())
    }

    async fn task(&self, actor: &Actor, id: &str) -> Result<(Document, Task), ServiceError> {
        let missing = || ServiceError::NotFound(Resource::Task);
        let org = self.organization(actor.org).await?.ok_or_else(missing)?;
        let found = self.store.document_by_key(DocumentKind::Task, org.0, id.to_owned()).await?;
        let document = found.ok_or_else(missing)?;
        let task: Task = serde_json::from_str(&document.body)?;
        if sees(actor, &task) { Ok((document, task)) } else { Err(missing()) }
    }

    /// Calls one delivery off, and what was asked for by hand of it. It is durable when this answers.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], and [`ServiceError::Conflict`] when nothing is pending.
    pub async fn call_off(
        &self,
        actor: &Actor,
        app: &str,
        message: &str,
        endpoint: &str,
        how: CallOff,
    ) -> Result<(), ServiceError> {
        actor.require(Right::Resend)?;
        let (app, config) = self.lane_config(actor, app, endpoint).await?;
        let message = self.message(&app, message).await?;
        let (reason, deed) = match how {
            CallOff::Cancel => (Reason::Canceled, "called off"),
            CallOff::Skip => (Reason::Skipped, "skipped"),
        };
        let audit = record(actor, (&app, &config), &message, (self.clock.now(), deed));
        let (message, endpoint, state) = (message.no, config.no, DeliveryState::Canceled);
        let end = End { message, endpoint, state, reason, audit };
        match self.store.end(end).await? {
            Ended::Ended => Ok(()),
            Ended::NotPending => Err(ServiceError::Conflict {
                code: "not_pending",
                detail: "Nothing of this message is pending for the endpoint: it has ended before.".to_owned(),
            }),
            Ended::NotFound => Err(ServiceError::Conflict {
                code: "not_pending",
                detail: "This message makes no delivery for the endpoint.".to_owned(),
            }),
        }
    }

    /// Forgets that a task is running.
    pub(crate) async fn forget_running(&self, no: i64) -> Result<(), ServiceError> {
        self.store.delete(Delete::new(no, self.clock.now())).await?;
        Ok(())
    }
}

/// Refuses what would send to an endpoint that sends nothing.
pub(crate) fn require_enabled(config: &EndpointConfig) -> Result<(), ServiceError> {
    if !config.endpoint.disabled {
        return Ok(());
    }
    let why = config.endpoint.disabled_reason.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let detail = format!("This endpoint is disabled{why}, so nothing can be sent to it. Enable it first.");
    Err(ServiceError::Conflict { code: "endpoint_disabled", detail })
}

/// Whether somebody may know of a task: who asks for one application alone, of those about it.
fn sees(actor: &Actor, task: &Task) -> bool {
    task.app.map_or(actor.app.is_none(), |app| actor.sees(app))
}

/// The first id that is too late: ids are exact to 4 ms.
pub(crate) fn before(until: Timestamp) -> MessageId {
    Id::floor(until + std::time::Duration::from_millis(5))
}

/// A task as people call it, before what it is about.
pub(crate) const fn word(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Recover => "Resend what failed:",
        TaskKind::ReplayMissing => "Send what was never sent:",
        TaskKind::BulkReplay => "Send again:",
        TaskKind::Cancel => "Call off what is pending:",
        TaskKind::AppUsage => "Count the deliveries of applications",
        TaskKind::EventTypes => "Gather the event types of applications",
        TaskKind::Purge => "Remove all contents of",
    }
}

fn document(kind: DocumentKind, parent: i64, id: &TaskId, body: String, idempotency: Option<Idempotency>) -> Put {
    Put { idempotency, ..Put::new(kind, parent, id.to_string(), body) }
}
