//! Background tasks of an application: which there are, how far one is, and calling it off.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use ringback_model::{Task, TaskId, TaskKind, TaskState};
use ringback_service::{Direction, Right, Service, ServiceError, TaskFilter, Window};

use super::sign_in::in_query;
use crate::answer::{page, see_other};
use crate::error::PageError;
use crate::flash;
use crate::form::Form;
use crate::layout::Layout;
use crate::text;
use crate::visit::AppVisit;

/// Tasks on one page.
const PAGE: usize = 25;

#[derive(Template)]
#[template(path = "tasks.html")]
struct TasksPage {
    layout: Layout,
    base: String,
    rows: Vec<Row>,
    is_live: bool,
    is_first: bool,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    layout: Layout,
    base: String,
    row: Row,
    /// The webhook that it is about.
    url: String,
    /// Names and values of what else it says.
    facts: Vec<(&'static str, String)>,
    may_end: bool,
}

/// A task as it is told.
struct Row {
    id: String,
    what: &'static str,
    /// The webhook; empty if it is about none.
    endpoint: String,
    state: &'static str,
    tone: &'static str,
    is_running: bool,
    /// How much of it is done, of 100; nothing where that cannot be told.
    percent: Option<u32>,
    looked_at: String,
    changed: String,
    /// What the second count is of.
    counts: &'static str,
    started: String,
    updated: String,
    failure: String,
}

/// The list.
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let from: Option<TaskId> = in_query(query.as_deref(), "from").parse().ok();
    let window = Window { limit: PAGE, from, backwards: false, order: Direction::Descending };
    let filter = TaskFilter { app: Some(visit.app.application.id), ..TaskFilter::default() };
    let listed = service.list_tasks(&visit.visit.actor, window, &filter).await?;
    let rows: Vec<Row> = listed.items.iter().map(row).collect();
    let template = TasksPage {
        layout: Layout::of_app(&service, &visit, "Tasks", "/tasks").await?,
        base: visit.base.clone(),
        is_live: rows.iter().any(|row| row.is_running),
        is_first: from.is_none(),
        next: rows.last().filter(|_| !listed.done).map(|last| last.id.clone()),
        rows,
    };
    Ok(page(&template))
}

/// One of them.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let task = find(&service, &visit, &id).await?;
    let row = row(&task);
    let endpoint = match &task.endpoint {
        Some(id) if visit.may(Right::ReadEndpoints) => {
            service.get_endpoint(&visit.visit.actor, &visit.name, &id.to_string()).await.ok()
        }
        Some(_) | None => None,
    };
    let template = TaskPage {
        layout: Layout::of_app(&service, &visit, row.what, "/tasks").await?.after(query.as_deref()),
        base: visit.base.clone(),
        url: endpoint.map(|view| view.endpoint.url).unwrap_or_default(),
        facts: facts(&task),
        may_end: row.is_running && visit.may(Right::Resend),
        row,
    };
    Ok(page(&template))
}

/// Calls one off.
pub(crate) async fn end(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
    _form: Form,
) -> Result<Response, PageError> {
    find(&service, &visit, &id).await?;
    service.cancel_task(&visit.visit.actor, &id).await?;
    Ok(see_other(&flash::on(&format!("{}/tasks/{id}", visit.base), "task-ended")))
}

/// A task of the application that is visited: the actor may know of others.
async fn find(service: &Service, visit: &AppVisit, id: &str) -> Result<Task, PageError> {
    let (task, _) = service.get_task(&visit.visit.actor, id).await?;
    if task.app == Some(visit.app.application.id) {
        Ok(task)
    } else {
        Err(ServiceError::NotFound(ringback_service::Resource::Task).into())
    }
}

fn row(task: &Task) -> Row {
    let (state, tone) = match task.state {
        TaskState::Running => ("Running", "warn"),
        TaskState::Finished => ("Finished", "good"),
        TaskState::Failed => ("Failed", "bad"),
        TaskState::Canceled => ("Called off", ""),
    };
    Row {
        id: task.id.to_string(),
        what: what(task.kind),
        endpoint: task.endpoint.map(|id| id.to_string()).unwrap_or_default(),
        state,
        tone,
        is_running: task.state == TaskState::Running,
        percent: task.progress().map(|part| (part * 100.0) as u32),
        looked_at: text::count(task.looked_at),
        changed: text::count(task.changed),
        counts: match task.kind {
            TaskKind::Cancel => "Called off",
            TaskKind::Purge => "Payloads removed",
            _ => "Sent again",
        },
        started: text::time(task.created_at),
        updated: text::time(task.updated_at),
        failure: task.failure.clone().unwrap_or_default(),
    }
}

/// What a task does, in words.
pub(crate) const fn what(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Recover => "Resend what failed",
        TaskKind::ReplayMissing => "Send what was never sent",
        TaskKind::BulkReplay => "Send everything again",
        TaskKind::Cancel => "Call off what is pending",
        TaskKind::AppUsage => "Count deliveries",
        TaskKind::EventTypes => "Gather event types",
        TaskKind::Purge => "Remove all contents",
    }
}

fn facts(task: &Task) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(from) = task.from {
        facts.push(("Messages from", text::time(from.made_at())));
        facts.push(("Until", text::time(task.before.made_at())));
    }
    let scope = &task.scope;
    let given = [
        ("Event types", scope.event_types.join(", ")),
        ("Channel", scope.channel.clone().unwrap_or_default()),
        ("Tag", scope.tag.clone().unwrap_or_default()),
    ];
    facts.extend(given.into_iter().filter(|(_, value)| !value.is_empty()));
    facts
}
