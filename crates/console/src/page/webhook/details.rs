//! One webhook: all that it says, a sample of its request, its handshake, and how it is deleted.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use ringback_model::{Endpoint, VerificationState, sentence};
use ringback_service::{
    Direction, EndpointMessage, EndpointView, Leftovers, MessageFilter, ProbeEvent, ProbeSubject, RESTORABLE,
    RequestView, Right, Service, ServiceError, Window,
};

use super::choices::in_words;
use super::exchange::{Shown, Tested, curl};
use super::{Row, fields, trouble};
use crate::answer::{page, page_with, see_other};
use crate::error::PageError;
use crate::flash;
use crate::form::Form;
use crate::layout::Layout;
use crate::page::message::standing;
use crate::text;
use crate::visit::AppVisit;

/// Messages that the page shows.
const LATEST: usize = 10;

#[derive(Template)]
#[template(path = "webhook.html")]
struct DetailsPage {
    layout: Layout,
    base: String,
    row: Row,
    /// Names and values of all that it says.
    facts: Vec<(String, String)>,
    created: String,
    updated: String,
    pending: String,
    /// How its attempts go, where they fail.
    trouble: String,
    sample: Option<Shown>,
    curl: String,
    sample_fault: String,
    /// What its owner should know of it.
    warnings: Vec<String>,
    verification: Option<Verified>,
    tested: Option<Tested>,
    may_change: bool,
    may_resend: bool,
    /// The secret can be seen or replaced.
    has_secret: bool,
    may_transform: bool,
    /// What came for it last.
    latest: Vec<Latest>,
}

/// A message of the webhook, and where it stands there.
struct Latest {
    id: String,
    event_type: String,
    at: String,
    state: &'static str,
    tone: &'static str,
    why: String,
}

struct Verified {
    state: &'static str,
    tone: &'static str,
    reason: String,
    checked: String,
    pending_url: String,
    /// What the handshake is made with; empty for whoever may not see it.
    key: String,
}

#[derive(Template)]
#[template(path = "webhook_delete.html")]
struct DeletePage {
    layout: Layout,
    base: String,
    row: Row,
    /// Until when it could be restored, if it were deleted now.
    until: String,
    /// How many deliveries are pending, in words; empty if none are.
    pending: String,
    /// They can be sent first.
    may_drain: bool,
    fault: String,
}

/// The page.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    answer(&service, &visit, &id, query.as_deref(), None).await
}

/// Shakes hands once more.
pub(crate) async fn verify(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
    _form: Form,
) -> Result<Response, PageError> {
    let view = service.verify_endpoint(&visit.visit.actor, &visit.name, &id).await?;
    answer(&service, &visit, &id, None, Some(Tested::handshake(&view))).await
}

/// Says what deleting it does.
pub(crate) async fn ask_delete(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
) -> Result<Response, PageError> {
    ask(&service, &visit, &id, String::new()).await
}

async fn ask(service: &Service, visit: &AppVisit, id: &str, fault: String) -> Result<Response, PageError> {
    visit.visit.actor.require(Right::ManageEndpoints)?;
    let view = service.get_endpoint(&visit.visit.actor, &visit.name, id).await?;
    let backlog = service.backlog(&visit.visit.actor, &visit.name, id).await?;
    let pending = match backlog.pending {
        0 => String::new(),
        1 => "1 delivery is pending for it".to_owned(),
        _ => format!("{} deliveries are pending for it", text::pending(backlog)),
    };
    let template = DeletePage {
        layout: Layout::of_app(service, visit, "Delete webhook", "/webhooks").await?,
        base: visit.base.clone(),
        row: Row::of(&view.endpoint),
        until: text::time(service.clock().now() + RESTORABLE),
        pending,
        may_drain: backlog.pending > 0 && view.endpoint.gate().is_none(),
        fault,
    };
    let status = if template.fault.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(page_with(status, &template))
}

/// Deletes it.
pub(crate) async fn delete(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, PageError> {
    let (leftovers, list, word) = match form.get("pending") {
        "send" => (Leftovers::Send, "webhooks/deleted", "webhook-draining"),
        _ => (Leftovers::CallOff, "webhooks", "webhook-deleted"),
    };
    match service.delete_endpoint(&visit.visit.actor, &visit.name, &id, leftovers).await {
        Ok(()) => Ok(see_other(&flash::on(&format!("{}/{list}", visit.base), word))),
        Err(ServiceError::Refused { detail, .. }) => ask(&service, &visit, &id, detail).await,
        Err(error) => Err(error.into()),
    }
}

async fn answer(
    service: &Service,
    visit: &AppVisit,
    id: &str,
    query: Option<&str>,
    tested: Option<Tested>,
) -> Result<Response, PageError> {
    let (actor, app) = (&visit.visit.actor, visit.name.as_str());
    let view = service.get_endpoint(actor, app, id).await?;
    let headers = service.get_headers(actor, app, id).await?;
    let form = fields::of(&view, &headers);
    let latest = latest(service, visit, id).await?;
    let endpoint = &view.endpoint;
    let (sample, warnings, sample_fault) = sample(service, visit, endpoint, latest.first()).await?;
    let condition = service.endpoint_condition(actor, app, id).await?;
    let now = service.clock().now();
    let key = if visit.may(Right::ReadSecrets) { service.get_validation_key(actor, app, id).await? } else { None };
    let key = key.map(|key| key.reveal().to_owned()).unwrap_or_default();
    let template = DetailsPage {
        layout: Layout::of_app(service, visit, "Webhook", "/webhooks").await?.after(query),
        base: visit.base.clone(),
        row: Row::of(endpoint).with(&condition.health, now),
        facts: facts(&form),
        created: text::time(endpoint.created_at),
        updated: text::time(endpoint.updated_at),
        pending: text::pending(condition.backlog),
        // Of one that is not sent to it is told beside why.
        trouble: if endpoint.gate().is_some() { trouble(&condition.health, now) } else { String::new() },
        curl: sample.as_ref().map(curl).unwrap_or_default(),
        sample: sample.as_ref().map(Shown::request),
        sample_fault,
        warnings: warnings.iter().map(|warning| sentence(warning)).collect(),
        verification: verified(&view, &key),
        tested,
        may_change: visit.may(Right::ManageEndpoints),
        may_resend: visit.may(Right::Resend),
        may_transform: visit.may(Right::ManageTransformations),
        has_secret: visit.may(Right::ReadSecrets) || visit.may(Right::RotateSecrets),
        latest,
    };
    Ok(page(&template))
}

/// A sample of its request, what its owner should know of it, and what is in the way of one: of the event that it is set up
/// for; where that can be any, of what came last, or of what the form would be tried with.
async fn sample(
    service: &Service,
    visit: &AppVisit,
    endpoint: &Endpoint,
    latest: Option<&Latest>,
) -> Result<(Option<RequestView>, Vec<String>, String), PageError> {
    let wanted = endpoint.event_types.as_deref().unwrap_or_default();
    let event_type = match latest {
        Some(latest) => Some(latest.event_type.clone()),
        None => super::sample::event_type(service, visit, wanted, None).await?,
    };
    let payload = Some(Bytes::from_static(b"{\"example\":true}"));
    let mut fault = String::new();
    for event in [
        ProbeEvent::default(),
        ProbeEvent { event_type: event_type.clone(), ..ProbeEvent::default() },
        ProbeEvent { event_type, payload, ..ProbeEvent::default() },
    ] {
        let subject = ProbeSubject::Saved { name: endpoint.id.to_string(), change: Box::new(|_| ()) };
        match service.preview_endpoint(&visit.visit.actor, &visit.name, subject, event).await {
            Ok(view) => return Ok((Some(view.request), view.warnings, String::new())),
            // What was said of the first is what helps.
            Err(ServiceError::Invalid(errors)) if fault.is_empty() => {
                fault = errors.first().map(|error| error.message.clone()).unwrap_or_default();
            }
            Err(ServiceError::Invalid(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok((None, Vec::new(), fault))
}

/// The messages that came for it last.
async fn latest(service: &Service, visit: &AppVisit, id: &str) -> Result<Vec<Latest>, PageError> {
    if !visit.may(Right::ReadMessages) {
        return Ok(Vec::new());
    }
    let window = Window { limit: LATEST, from: None, backwards: false, order: Direction::Descending };
    let which = (MessageFilter::default(), None);
    let found = service.list_endpoint_messages(&visit.visit.actor, &visit.name, id, window, which).await?;
    let told = |EndpointMessage { message, delivery }: EndpointMessage| {
        let (state, tone) = standing(delivery.state);
        let due = delivery.next_attempt.map(|at| format!("the next attempt is due at {}", text::time(at)));
        Latest {
            id: message.id.to_string(),
            event_type: message.event_type,
            at: text::time(message.accepted_at),
            state,
            tone,
            why: delivery.reason.or(due).unwrap_or_default(),
        }
    };
    Ok(found.items.into_iter().map(told).collect())
}

fn verified(view: &EndpointView, key: &str) -> Option<Verified> {
    let verification = view.endpoint.verification.as_deref()?;
    let (state, tone) = match verification.state {
        VerificationState::Verified => ("Verified", "good"),
        VerificationState::Unverified => ("Unverified", "warn"),
        VerificationState::Verifying => ("Verifying", "warn"),
        VerificationState::Failed => ("Failed", "bad"),
    };
    Some(Verified {
        state,
        tone,
        reason: verification.reason.clone().unwrap_or_default(),
        checked: verification.checked_at.map_or_else(|| "not tried yet".to_owned(), text::time),
        pending_url: verification.pending_url.clone().unwrap_or_default(),
        key: key.to_owned(),
    })
}

/// All that the form says, in words; values that are secret are not in it.
pub(crate) fn facts(form: &Form) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut tell = |label: &str, value: &str| {
        if !value.is_empty() {
            facts.push((label.to_owned(), value.to_owned()));
        }
    };
    let dialect = fields::find(form.get("dialect")).map_or("", |dialect| dialect.title);
    tell("Format", dialect);
    for (field, label) in [
        ("description", "Description"),
        ("eventTypes", "Event types"),
        ("channels", "Channels"),
        ("filter", "Filter"),
        ("auth", "Authentication"),
        ("auth.username", "User"),
        ("auth.header", "Header"),
        ("auth.tokenUrl", "Token URL"),
        ("auth.clientId", "Client ID"),
        ("auth.scope", "Scope"),
        ("ordering", "Order"),
        ("onExhausted", "When the tries are used up"),
        ("statusPolicy", "States that are sent"),
        ("statusMask", "Mask"),
        ("throttleRate", "Attempts a second"),
        ("maxConcurrency", "Attempts at a time"),
        ("batch.maxMessages", "Messages in one request"),
        ("batch.maxWaitMs", "They wait at most (ms)"),
        ("timeout", "Timeout"),
        ("retrySchedule", "Retry schedule"),
        ("timeFormat", "Times"),
        ("timeZone", "Time zone"),
        ("numberFormat", "Numbers"),
        ("emptyValue", "Values that are not there"),
        ("xmlRoot", "Root element of XML"),
        ("nested", "Dots in names make objects"),
        ("template.contentType", "A body of its own"),
        ("category", "Category"),
        ("success.status", "Statuses of success"),
        ("success.rule", "The answer’s body"),
        ("success.value", "What it has to hold"),
    ] {
        // What comes of the others says something only where they wait for each other.
        if field != "onExhausted" || form.get("ordering") != "none" {
            tell(label, in_words(field, form.get(field)));
        }
    }
    if form.get("dialect") == fields::CONSOLE && form.get("reportType") == "dlr" {
        for (slot, label) in fields::parameters_of(form.get("product")) {
            tell(label, form.get(&format!("parameters.{slot}")));
        }
    }
    if form.line("ca").or(form.line("auth.ca")).is_some() {
        tell("Authority of the receiver", "one of its own, beside the public ones");
    }
    for (list, label, switch) in [
        ("parameter", "Custom parameter", "customParametersEnabled"),
        ("header", "Custom header", "customHeadersEnabled"),
    ] {
        let note = if form.has(switch) { "" } else { " (kept, not sent)" };
        for at in form.rows(list) {
            let cell = |cell: &str| form.get(&format!("{list}-{at}-{cell}"));
            let value = if form.has(&format!("{list}-{at}-secret")) { "****" } else { cell("value") };
            tell(&format!("{label} {}", cell("name")), &format!("{value}{note}"));
        }
    }
    facts
}
