//! One message, and its story in four stages: the event, the webhooks that it is for, the attempts, and what the
//! receivers made of them.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use ringback_model::{AttemptOutcome, DeliveryState, Message, Ordering, Timestamp, Trigger, capitalized, sentence};
use ringback_service::{AttemptFilter, AttemptView, CallOff, Chapter, Direction, Numbers, Right, Service, Window};

use crate::answer::{page, see_other};
use crate::error::PageError;
use crate::flash;
use crate::form::Form;
use crate::layout::Layout;
use crate::page::webhook::exchange::steps;
use crate::text;
use crate::visit::AppVisit;

/// Attempts that one page shows.
const ATTEMPTS: usize = 100;
/// Bytes of a payload or an answer that a page shows; all of it can be downloaded.
const SHOWN: usize = 16 * 1024;

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage {
    layout: Layout,
    base: String,
    event: EventPart,
    webhooks: Vec<WebhookPart>,
    deliveries: Vec<DeliveryPart>,
    may_resend: bool,
    /// The payload can be had as it is.
    may_download: bool,
    /// The signatures of attempts can be explained.
    may_explain: bool,
}

struct EventPart {
    id: String,
    event_type: String,
    event_id: String,
    channels: String,
    tags: String,
    ordering_key: String,
    accepted: Time,
    occurred: Option<Time>,
    /// What is odd about it.
    notes: Vec<String>,
    payload: Shown,
}

struct Time {
    text: String,
    iso: String,
}

/// A text that may be cut.
struct Shown {
    text: String,
    is_cut: bool,
    is_gone: bool,
}

struct WebhookPart {
    url: String,
    matched: bool,
    why: String,
    note: String,
}

struct DeliveryPart {
    endpoint: String,
    url: String,
    state: &'static str,
    tone: &'static str,
    next: Option<Time>,
    reason: String,
    attempts: Vec<AttemptPart>,
    is_pending: bool,
    /// Others wait behind it: it is skipped for their sake.
    is_ordered: bool,
    /// What the receiver made of it, in words.
    handling: String,
    is_deleted: bool,
}

struct AttemptPart {
    id: String,
    at: Time,
    by: &'static str,
    result: String,
    tone: &'static str,
    total: String,
    phases: Vec<(&'static str, String)>,
    url: String,
    answer: Shown,
    left_out: String,
    /// There was a request, and it can be made anew.
    is_explained: bool,
}

/// The page.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path(path): Path<Vec<(String, String)>>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let name = last(&path, "msg");
    let actor = &visit.visit.actor;
    let numbers = service.numbers_for(&visit.visit.actor).await?;
    let story = service.message_story(actor, &visit.name, name).await?;
    let window = Window { limit: ATTEMPTS, from: None, backwards: false, order: Direction::Descending };
    let filter = AttemptFilter::default();
    let attempts = service.list_attempts_of_message(actor, &visit.name, name, None, window, filter).await?.items;
    let title = story.message.event_type.clone();
    let layout = Layout::of_app(&service, &visit, &title, "/messages").await?.after(query.as_deref());
    let deliveries: Vec<_> = story.chapters.iter().filter_map(|chapter| delivery_part(chapter, &attempts)).collect();
    let template = MessagePage {
        layout,
        base: visit.base.clone(),
        event: event_part(&story.message, story.notes),
        webhooks: story.chapters.iter().map(|chapter| webhook_part(chapter, story.message.accepted_at)).collect(),
        deliveries,
        may_resend: visit.may(Right::Resend),
        may_download: numbers == Numbers::Shown,
        may_explain: numbers == Numbers::Shown && visit.may(Right::ReadEndpoints) && story.message.payload.is_some(),
    };
    Ok(page(&template))
}

/// Sends it once more.
pub(crate) async fn resend(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path(path): Path<Vec<(String, String)>>,
    form: Form,
) -> Result<Response, PageError> {
    let name = last(&path, "msg");
    let warning = service.resend(&visit.visit.actor, &visit.name, name, form.get("endpoint"), None).await?;
    let word = if warning.is_some() { "resent-beside" } else { "resent" };
    Ok(see_other(&flash::on(&format!("{}/messages/{name}", visit.base), word)))
}

/// Calls a delivery off, or skips it for the sake of those behind it.
pub(crate) async fn call_off(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path(path): Path<Vec<(String, String)>>,
    form: Form,
) -> Result<Response, PageError> {
    let name = last(&path, "msg");
    let (how, word) = match form.get("do") {
        "skip" => (CallOff::Skip, "skipped"),
        _ => (CallOff::Cancel, "called-off"),
    };
    service.call_off(&visit.visit.actor, &visit.name, name, form.get("endpoint"), how).await?;
    Ok(see_other(&flash::on(&format!("{}/messages/{name}", visit.base), word)))
}

/// The payload, byte for byte.
pub(crate) async fn payload(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path(path): Path<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    service.numbers_for(&visit.visit.actor).await?.require()?;
    let message = service.get_message(&visit.visit.actor, &visit.name, last(&path, "msg")).await?;
    let payload = message.payload.ok_or(PageError::NotFound)?;
    Ok(download(payload.to_vec(), &format!("{}.json.txt", message.id)))
}

/// What a receiver answered, byte for byte.
pub(crate) async fn answer(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path(path): Path<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let (message, attempt) = (last(&path, "msg"), last(&path, "attempt"));
    service.numbers_for(&visit.visit.actor).await?.require()?;
    let view = service.get_attempt(&visit.visit.actor, &visit.name, message, attempt).await?;
    Ok(download(view.attempt.exchange.response.to_vec(), &format!("{attempt}.txt")))
}

pub(crate) fn last<'a>(path: &'a [(String, String)], wanted: &str) -> &'a str {
    path.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value)
}

/// Bytes of somebody else: never a page of ours, whatever they are.
pub(crate) fn download(bytes: Vec<u8>, name: &str) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox; frame-ancestors 'none'".to_owned()),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, bytes).into_response()
}

fn event_part(message: &Message, notes: Vec<String>) -> EventPart {
    EventPart {
        id: message.id.to_string(),
        event_type: message.event_type.clone(),
        event_id: message.event_id.clone().unwrap_or_default(),
        channels: message.channels.join(", "),
        tags: message.tags.join(", "),
        ordering_key: message.ordering_key.as_ref().map_or_else(String::new, |key| key.as_str().to_owned()),
        accepted: when(message.accepted_at),
        occurred: message.occurred_at.map(when),
        notes,
        payload: match &message.payload {
            Some(payload) => shown(&text::pretty_json(&String::from_utf8_lossy(payload))),
            None => Shown { text: String::new(), is_cut: false, is_gone: true },
        },
    }
}

fn webhook_part(chapter: &Chapter, accepted_at: Timestamp) -> WebhookPart {
    let endpoint = &chapter.endpoint.endpoint;
    WebhookPart {
        url: endpoint.url.clone(),
        matched: chapter.delivery.is_some(),
        why: chapter.why_not.as_ref().map_or_else(String::new, |why| why.text.to_string()),
        note: note(chapter, accepted_at),
    }
}

/// What has become of a webhook since the message came, in sentences.
fn note(chapter: &Chapter, accepted_at: Timestamp) -> String {
    let endpoint = &chapter.endpoint.endpoint;
    let since = match (chapter.endpoint.deleted, chapter.changed_since) {
        (true, _) if chapter.endpoint.is_gone() => "This webhook was deleted after the message had come.".to_owned(),
        (true, _) => {
            "This webhook was deleted after the message had come; what was pending then is still sent.".to_owned()
        }
        // Of one that was not there yet nothing else is worth telling.
        (false, true) if chapter.delivery.is_some() || endpoint.created_at <= accepted_at => format!(
            "The settings of this webhook were changed at {}, after the message had come; what is told here goes by the \
             present ones.",
            text::time(endpoint.updated_at)
        ),
        (false, _) => String::new(),
    };
    chapter.beside.iter().cloned().chain((!since.is_empty()).then_some(since)).collect::<Vec<_>>().join(" ")
}

fn delivery_part(chapter: &Chapter, attempts: &[AttemptView]) -> Option<DeliveryPart> {
    let delivery = chapter.delivery.as_ref()?;
    let endpoint = &chapter.endpoint.endpoint;
    let attempts: Vec<&AttemptView> = attempts.iter().filter(|view| view.endpoint == endpoint.id).collect();
    let (state, tone) = standing(delivery.state);
    Some(DeliveryPart {
        endpoint: endpoint.id.to_string(),
        url: endpoint.url.clone(),
        state,
        tone,
        next: delivery.next_attempt.map(when),
        reason: delivery.reason.as_deref().map(|reason| reason.trim_end_matches('.').to_owned()).unwrap_or_default(),
        handling: handling(delivery.state, attempts.first().copied()),
        attempts: attempts.into_iter().map(attempt_part).collect(),
        is_pending: tone == "warn",
        is_ordered: endpoint.ordering != Ordering::None,
        is_deleted: chapter.endpoint.deleted,
    })
}

/// Where a delivery stands, in a word and a colour.
pub(crate) const fn standing(state: DeliveryState) -> (&'static str, &'static str) {
    match state {
        DeliveryState::Success => ("Delivered", "good"),
        DeliveryState::Pending | DeliveryState::Sending => ("Pending", "warn"),
        DeliveryState::Fail => ("Failed", "bad"),
        DeliveryState::Canceled => ("Canceled", ""),
    }
}

/// What the last attempt says of the receiver.
fn handling(state: DeliveryState, last: Option<&AttemptView>) -> String {
    let Some(view) = last else {
        return "Nothing has been sent yet.".to_owned();
    };
    let status = view.attempt.exchange.status;
    match (&view.attempt.outcome, status) {
        (AttemptOutcome::Delivered, Some(status)) => format!("The receiver took it and answered {status}."),
        (AttemptOutcome::Delivered, None) => "The receiver took it.".to_owned(),
        (outcome, _) => {
            let after = match state {
                DeliveryState::Success => " An earlier or later attempt succeeded.",
                DeliveryState::Pending | DeliveryState::Sending => " It is tried again.",
                DeliveryState::Fail => " It is not tried again by itself.",
                DeliveryState::Canceled => " It was called off.",
            };
            sentence(&outcome.to_string()) + after
        }
    }
}

fn attempt_part(view: &AttemptView) -> AttemptPart {
    let attempt = &view.attempt;
    let phases = &attempt.exchange.phases;
    let (result, tone) = match (&attempt.outcome, attempt.exchange.status) {
        (AttemptOutcome::Delivered, Some(status)) => (status.to_string(), "good"),
        (AttemptOutcome::Delivered, None) => ("Delivered".to_owned(), "good"),
        (AttemptOutcome::Failed { .. }, Some(status)) => (status.to_string(), "bad"),
        (AttemptOutcome::Failed { .. }, None) => ("Failed".to_owned(), "bad"),
        (AttemptOutcome::NotSent { .. }, _) => ("Not sent".to_owned(), "warn"),
    };
    let answer = String::from_utf8_lossy(&attempt.exchange.response);
    let words = capitalized(&attempt.outcome.to_string());
    // Of what was never answered stands here what was in the way.
    let text = if answer.is_empty() && attempt.exchange.status.is_none() { &words } else { &*answer };
    AttemptPart {
        id: attempt.id.to_string(),
        at: when(attempt.started_at),
        by: match attempt.trigger {
            Trigger::Scheduled => "Schedule",
            Trigger::Manual => "Resend",
        },
        result,
        tone,
        total: text::length(phases.total),
        phases: steps(phases)
            .into_iter()
            .filter(|(_, took)| !took.is_zero())
            .map(|(name, took)| (name, text::length(took)))
            .collect(),
        url: attempt.url.clone(),
        answer: shown(text),
        is_explained: !matches!(attempt.outcome, AttemptOutcome::NotSent { .. }),
        left_out: attempt.exchange.left_out.map_or_else(String::new, |left_out| left_out.to_string()),
    }
}

fn shown(text: &str) -> Shown {
    let end = (0..=SHOWN.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    Shown { text: text::visible(&text[..end]), is_cut: end < text.len(), is_gone: false }
}

fn when(at: Timestamp) -> Time {
    Time { text: text::time(at), iso: at.to_string() }
}
