//! Doing background tasks, a part at a time.
//!
//! Between two parts the runner rests as long as the last one took: whoever hands in messages has the store for half of
//! the time at least. Deliveries come due behind everything else of their endpoint, and go at the pace that the lane of
//! the endpoint has anyhow.

use std::sync::Arc;
use std::time::Duration;

use ringback_model::{
    AppNo, DeliveryState, EndpointNo, FilterSubject, MessageNo, OrgNo, Reason, Task, TaskKind, TaskScope, TaskState,
};
use ringback_store::{
    Advance, Advanced, AppConfig, Arm, Clear, Direction, Document, DocumentKind, DocumentPage, EndpointConfig, Paging,
    QueueNo, Shard, SurveyQuery, Surveyed,
};
use sha2::{Digest, Sha256};

use crate::matching::{self, Look, ReportText, Subject};
use crate::message::queue_at;
use crate::task::Running;
use crate::{Service, ServiceError};

/// Messages that one part looks at, and deliveries that it ends: some 2 ms of the writer, which nobody else has meanwhile.
const PART: usize = 150;
/// Tasks that take turns.
const TASKS: usize = 100;
/// How often tasks are looked for that somebody else has started.
const LOOK: Duration = Duration::from_secs(5);
/// How long a task may take from its mark to its document.
const STRAY: Duration = Duration::from_secs(60);

impl Service {
    /// Does background tasks, for ever.
    pub async fn run_tasks(self: Arc<Self>) {
        loop {
            match self.work_on_tasks().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(?error, "background tasks cannot go on; trying again"),
            }
            // Either a new task, or time to look.
            tokio::time::timeout(LOOK, self.tasks.notified()).await.ok();
        }
    }

    /// Does one part of each task that is not over; answers whether there is more to do.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn work_on_tasks(&self) -> Result<bool, ServiceError> {
        let paging = Paging { limit: TASKS, after: None, direction: Direction::Ascending };
        let page = DocumentPage { kind: DocumentKind::RunningTask, parent: 0, paging };
        let mut more = false;
        for mark in self.store.documents(page).await? {
            let began = tokio::time::Instant::now();
            more |= self.work_on(&mark).await?;
            tokio::time::sleep(began.elapsed()).await;
        }
        Ok(more)
    }

    async fn work_on(&self, mark: &Document) -> Result<bool, ServiceError> {
        let running: Running = serde_json::from_str(&mark.body)?;
        let found = self.store.document_by_key(DocumentKind::Task, running.org_no, mark.key.clone()).await?;
        let Some(document) = found else {
            // Whoever asked for it got no answer, or is about to.
            if self.clock.now().since(running.created_at) > STRAY {
                self.forget_running(mark.no).await?;
            }
            return Ok(false);
        };
        let task: Task = serde_json::from_str(&document.body)?;
        if task.state != TaskState::Running {
            self.forget_running(mark.no).await?;
            return Ok(false);
        }
        // Of several nodes one does it: the one that sends what comes of it.
        let place = task.endpoint_no.or(task.app_no).unwrap_or(running.org_no);
        if !self.store.owns(Shard::of(place)) {
            return Ok(false);
        }
        let endpoint = EndpointNo(task.endpoint_no.unwrap_or_default());
        let part = match task.kind {
            TaskKind::AppUsage | TaskKind::EventTypes => {
                Part::of(self.gather(document.no, OrgNo(running.org_no), task).await?)
            }
            TaskKind::Purge => match self.directory.app(AppNo(task.app_no.unwrap_or_default())).await? {
                Some(app) => Part::of(self.purge_some(&app, task).await?),
                None => given_up(task, "the application was deleted"),
            },
            TaskKind::Recover | TaskKind::ReplayMissing | TaskKind::BulkReplay | TaskKind::Cancel => {
                self.part_at(endpoint, task).await?
            }
        };
        self.save(&document, endpoint, part).await?;
        Ok(true)
    }

    /// What the next part is of a task on the deliveries of an endpoint.
    async fn part_at(&self, endpoint: EndpointNo, task: Task) -> Result<Part, ServiceError> {
        let app = self.directory.app(AppNo(task.app_no.unwrap_or_default())).await?;
        let config = app.as_ref().and_then(|app| app.endpoint(endpoint));
        match (&app, config) {
            (Some(app), Some(config)) if task.kind == TaskKind::Cancel || !config.endpoint.disabled => {
                self.part(app, config, task).await
            }
            (Some(_), Some(_)) => Ok(given_up(task, "the endpoint was disabled")),
            _ => Ok(given_up(task, "the endpoint was deleted")),
        }
    }

    /// The same while it is there. Nothing is done yet.
    pub(crate) async fn part(
        &self,
        app: &AppConfig,
        config: &EndpointConfig,
        mut task: Task,
    ) -> Result<Part, ServiceError> {
        if task.kind == TaskKind::Cancel {
            let clear = Clear {
                endpoint: config.no,
                // The version of the task is fence enough.
                epoch: None,
                state: DeliveryState::Canceled,
                reason: Reason::Canceled,
                limit: PART,
                upto: task.upto.map(MessageNo),
            };
            return Ok(Part { task, arm: Vec::new(), clear: Some(clear) });
        }
        let query = SurveyQuery {
            app: app.no,
            endpoint: config.no,
            after: task.cursor,
            before: task.before,
            limit: PART,
            with_payload: task.kind == TaskKind::ReplayMissing
                && (app.reads_reports || config.endpoint.filter.is_some()),
            with_status: task.scope.status_class.is_some(),
        };
        let found = self.store.survey(query).await?;
        let arm: Vec<_> = found.iter().filter_map(|surveyed| wanted(app, config, &task, surveyed)).collect();
        if let Some(last) = found.last() {
            task.cursor = last.message.id;
        }
        task.looked_at += found.len() as u64;
        task.changed += arm.len() as u64;
        if found.len() < PART {
            task.state = TaskState::Finished;
        }
        Ok(Part { task, arm, clear: None })
    }

    /// Does a part and saves how far it is. When somebody has changed the task meanwhile, the next look sees how.
    async fn save(&self, document: &Document, endpoint: EndpointNo, part: Part) -> Result<(), ServiceError> {
        let Part { mut task, arm, clear } = part;
        task.updated_at = self.clock.now();
        let clears = clear.is_some();
        let (no, mut version) = (document.no, document.version);
        let advance = Advance { task: no, version, body: serde_json::to_string(&task)?, endpoint, arm, clear };
        let Advanced::Done { count } = self.store.advance(advance).await? else { return Ok(()) };
        if clears {
            // How many there were is known only now.
            version += 1;
            task.changed += count as u64;
            // It sees none but those.
            task.looked_at = task.changed;
            if count < PART {
                task.state = TaskState::Finished;
            }
            let body = serde_json::to_string(&task)?;
            self.store.advance(Advance { task: no, version, body, endpoint, arm: Vec::new(), clear: None }).await?;
        }
        Ok(())
    }
}

/// A part of a task: what is done, and the task as it is then.
pub(crate) struct Part {
    pub(crate) task: Task,
    arm: Vec<Arm>,
    clear: Option<Clear>,
}

impl Part {
    /// One that is done already, and has only to be saved.
    fn of(task: Task) -> Self {
        Self { task, arm: Vec::new(), clear: None }
    }
}

fn given_up(mut task: Task, why: &str) -> Part {
    (task.state, task.failure) = (TaskState::Failed, Some(why.to_owned()));
    Part::of(task)
}

/// What is to be done for a message, if anything is.
fn wanted(app: &AppConfig, config: &EndpointConfig, task: &Task, surveyed: &Surveyed) -> Option<Arm> {
    let message = &surveyed.message;
    let chosen = surveyed.has_body
        && is_in_scope(&task.scope, surveyed)
        && match (task.kind, surveyed.state) {
            (TaskKind::Recover, state) => state == Some(DeliveryState::Fail),
            (TaskKind::ReplayMissing, state) => state.is_none() && matches(app, config, surveyed),
            (TaskKind::BulkReplay, Some(state)) => state != DeliveryState::Pending,
            (TaskKind::BulkReplay, None) => false,
            (TaskKind::Cancel | TaskKind::AppUsage | TaskKind::EventTypes | TaskKind::Purge, _) => false,
        };
    if !chosen {
        return None;
    }
    let queue = match surveyed.state {
        Some(_) => surveyed.queue,
        None => queue_at(&config.endpoint, message.ordering_key.as_ref()),
    };
    Some(Arm { message: message.no, was: surveyed.state, queue: queue.map(|queue| queue_of_task(task, queue)) })
}

fn is_in_scope(scope: &TaskScope, surveyed: &Surveyed) -> bool {
    let message = &surveyed.message;
    (scope.event_types.is_empty() || scope.event_types.contains(&message.event_type))
        && scope.tag.as_ref().is_none_or(|tag| message.tags.contains(tag))
        && scope.channel.as_ref().is_none_or(|channel| message.channels.contains(channel))
        && scope.status.is_none_or(|status| surveyed.state.is_some_and(|state| state.code() == status))
        && scope.status_class.is_none_or(|class| class == surveyed.status.map_or(0, |status| status / 100 * 100))
}

/// Whether the endpoint would get the message if it came now.
fn matches(app: &AppConfig, config: &EndpointConfig, surveyed: &Surveyed) -> bool {
    let message = &surveyed.message;
    let look = Look::new(app, &message.event_type, true);
    let payload = message.payload.as_ref().filter(|_| look == Look::Whole);
    let text = payload.map(|payload| ReportText::new(&app.settings, &message.event_type, payload));
    let report = text.as_ref().and_then(ReportText::head);
    let filtered = FilterSubject::of(message);
    let subject = Subject::of(message, report.as_ref(), &filtered);
    matching::judge(&config.endpoint, &subject).is_ok()
}

/// The queue in which the deliveries of a task keep their order, beside the one that new messages go into: neither waits
/// for the other.
fn queue_of_task(task: &Task, queue: QueueNo) -> QueueNo {
    let mut hash = Sha256::new();
    hash.update(task.id.as_bytes());
    hash.update(queue.0.to_be_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    // Never 0, the queue of `fifo`.
    QueueNo(i64::from_be_bytes(first) | 1)
}
