//! Sending many messages to a webhook again, or calling off what is pending: first how many there are, then the task.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use ringback_model::{TaskKind, Timestamp};
use ringback_service::{Right, Service, TaskDraft, TaskExtent};

use crate::answer::{page_with, see_other};
use crate::error::PageError;
use crate::flash;
use crate::form::{Faults, Form};
use crate::layout::Layout;
use crate::page::{messages, task};
use crate::text;
use crate::visit::AppVisit;

/// What can be done: the word in the form, the task, and what it means.
const DEEDS: [(&str, TaskKind, &str); 4] = [
    ("recover", TaskKind::Recover, "Each gets its full retry schedule anew, behind what is waiting now."),
    (
        "missing",
        TaskKind::ReplayMissing,
        "Messages that match the webhook as it is now, and were not meant for it when they came.",
    ),
    ("all", TaskKind::BulkReplay, "Whatever has ended, delivered or not: your code gets what it has had once more."),
    ("call-off", TaskKind::Cancel, "Nothing that waits for the webhook now is sent to it. It can be sent again later."),
];
/// How far back the form begins.
const BACK: Duration = Duration::from_secs(86_400);

#[derive(Template)]
#[template(path = "webhook_again.html")]
struct AgainPage {
    layout: Layout,
    base: String,
    id: String,
    url: String,
    disabled: bool,
    deeds: Vec<Deed>,
    since: String,
    until: String,
    faults: Faults,
    others: Vec<String>,
    /// What would be done, once it was looked.
    found: Option<Found>,
}

struct Deed {
    word: &'static str,
    title: &'static str,
    about: &'static str,
    chosen: bool,
}

/// What somebody has asked for, counted.
struct Found {
    word: &'static str,
    sentence: String,
    /// There is nothing to do.
    is_nothing: bool,
    button: &'static str,
}

/// What a form asks for.
struct Asked {
    word: &'static str,
    kind: TaskKind,
    draft: TaskDraft,
}

/// The form.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
) -> Result<Response, PageError> {
    visit.visit.actor.require(Right::Resend)?;
    let mut form = Form::default();
    form.set("what", "recover");
    form.set("since", field(service.clock().wall() - BACK));
    answer(&service, &visit, &id, &form, Faults::default(), None).await
}

/// Says how many there are, or starts the task.
pub(crate) async fn step(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, PageError> {
    let actor = &visit.visit.actor;
    let asked = match read(&form) {
        Ok(asked) => asked,
        Err(faults) => return answer(&service, &visit, &id, &form, faults, None).await,
    };
    if form.get("do") == "start" {
        return match service.start_task(actor, &visit.name, &id, asked.kind, asked.draft, None).await {
            Ok(task) => Ok(see_other(&flash::on(&format!("{}/tasks/{}", visit.base, task.id), "task-started"))),
            Err(error) => answer(&service, &visit, &id, &form, Faults::of(error)?, None).await,
        };
    }
    match service.task_extent(actor, &visit.name, &id, asked.kind, &asked.draft).await {
        Ok(extent) => {
            let found = Some(found(&asked, extent));
            answer(&service, &visit, &id, &form, Faults::default(), found).await
        }
        Err(error) => answer(&service, &visit, &id, &form, Faults::of(error)?, None).await,
    }
}

fn read(form: &Form) -> Result<Asked, Faults> {
    let deed = DEEDS.iter().find(|(word, ..)| *word == form.get("what"));
    let Some((word, kind, _)) = deed else { return Err(Faults::whole("Choose what is to be done.")) };
    let mut faults = Faults::default();
    let mut time = |name: &str| {
        let text = form.line(name)?;
        let read = messages::time(text);
        if read.is_none() {
            faults.note(name, "Write a date and a time, such as 2027-01-15T08:00.");
        }
        read
    };
    let (since, until) = (time("since"), time("until"));
    if !faults.is_empty() {
        return Err(faults);
    }
    // What is pending is called off whenever it came.
    let draft = match kind {
        TaskKind::Cancel => TaskDraft::default(),
        _ => TaskDraft { since, until, ..TaskDraft::default() },
    };
    Ok(Asked { word, kind: *kind, draft })
}

/// What would be done, in words.
fn found(asked: &Asked, extent: TaskExtent) -> Found {
    let TaskExtent { deliveries, looked_at, is_more } = extent;
    let (one, many, button) = match asked.kind {
        TaskKind::Recover => ("1 failed delivery is sent again", "failed deliveries are sent again", "Send them again"),
        TaskKind::ReplayMissing => {
            ("1 message is sent for the first time", "messages are sent for the first time", "Send them")
        }
        TaskKind::Cancel => ("1 pending delivery is called off", "pending deliveries are called off", "Call them off"),
        _ => ("1 delivery is sent once more", "deliveries are sent once more", "Send them again"),
    };
    let number = if deliveries == 1 { one.to_owned() } else { format!("{} {many}", text::count(deliveries)) };
    let sentence = match (is_more, deliveries) {
        (false, 0) => "There is nothing to do: no message is like this.".to_owned(),
        (false, _) => format!("{number}."),
        (true, _) => format!(
            "Among the first {} messages: {number}. There are more messages, which are looked at as it goes on.",
            text::count(looked_at)
        ),
    };
    Found { word: asked.word, sentence, is_nothing: deliveries == 0 && !is_more, button }
}

async fn answer(
    service: &Service,
    visit: &AppVisit,
    id: &str,
    form: &Form,
    faults: Faults,
    found: Option<Found>,
) -> Result<Response, PageError> {
    visit.visit.actor.require(Right::Resend)?;
    let view = service.get_endpoint(&visit.visit.actor, &visit.name, id).await?;
    let deed = |(word, kind, about): &(&'static str, TaskKind, &'static str)| Deed {
        word,
        title: task::what(*kind),
        about,
        chosen: form.get("what") == *word,
    };
    let template = AgainPage {
        layout: Layout::of_app(service, visit, "Send again", "/webhooks").await?,
        base: visit.base.clone(),
        id: id.to_owned(),
        url: view.endpoint.url,
        disabled: view.endpoint.disabled,
        deeds: DEEDS.iter().map(deed).collect(),
        since: form.get("since").to_owned(),
        until: form.get("until").to_owned(),
        others: faults.others(&["since", "until"]).into_iter().map(str::to_owned).collect(),
        faults,
        found,
    };
    let status = if template.faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(page_with(status, &template))
}

/// A time as a field for a date and time has it.
fn field(at: Timestamp) -> String {
    at.to_string().get(..16).unwrap_or_default().to_owned()
}
