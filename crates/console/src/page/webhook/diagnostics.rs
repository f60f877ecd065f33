//! What whoever helps with a webhook has to know, in one file: how it is set up, without secrets; its condition; its latest
//! attempts; and which server it is.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use ringback_model::{Endpoint, Tally, Timestamp};
use ringback_service::{
    AttemptFilter, AttemptView, Condition, Direction, Numbers, ProbeEvent, ProbeSubject, Service, StatisticsWindow,
    Window,
};
use serde_json::{Value, json};

use super::{State as Standing, fields};
use crate::error::{Fault, PageError};
use crate::page::message::download;
use crate::text;
use crate::visit::AppVisit;

/// Attempts that are told.
const ATTEMPTS: usize = 50;
/// Characters of an answer that are told.
const ANSWER: usize = 500;

/// The file.
pub(crate) async fn file(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
) -> Result<Response, PageError> {
    let (actor, app) = (&visit.visit.actor, visit.name.as_str());
    let view = service.get_endpoint(actor, app, &id).await?;
    let headers = service.get_headers(actor, app, &id).await?;
    let condition = service.endpoint_condition(actor, app, &id).await?;
    let day = service.endpoint_statistics(actor, app, &id, StatisticsWindow::Day).await?.total;
    let window = Window { limit: ATTEMPTS, from: None, backwards: false, order: Direction::Descending };
    let attempts = service.list_attempts_of_endpoint(actor, app, &id, window, AttemptFilter::default()).await?.items;
    let form = fields::of(&view, &headers);
    let settings = super::details::facts(&form);
    let subject = ProbeSubject::Saved { name: id.clone(), change: Box::new(|_| ()) };
    let sample = service.preview_endpoint(actor, app, subject, ProbeEvent::default()).await;
    let told = json!({
        "madeAt": service.clock().wall().to_string(),
        "server": { "version": env!("CARGO_PKG_VERSION"), "system": std::env::consts::OS, "machine": std::env::consts::ARCH },
        "application": { "id": app, "uid": visit.app.application.uid },
        "webhook": webhook(&view.endpoint),
        "settings": settings.into_iter().map(|(name, value)| json!([name, value])).collect::<Vec<_>>(),
        "condition": condition_told(&condition, &view.endpoint),
        "lastDay": counts(&day),
        "sample": match &sample {
            Ok(view) => json!({ "method": view.request.method, "url": view.request.url, "warnings": view.warnings }),
            Err(error) => json!({ "fault": error.to_string() }),
        },
        "attempts": attempts.iter().map(attempt).collect::<Vec<_>>(),
    });
    match serde_json::to_vec_pretty(&told) {
        Ok(bytes) => Ok(download(bytes, &format!("diagnostics-{id}.json.txt"))),
        Err(error) => Ok(Fault::response(error)),
    }
}

fn webhook(endpoint: &Endpoint) -> Value {
    json!({
        "id": endpoint.id.to_string(),
        "uid": endpoint.uid,
        "url": endpoint.url,
        "product": endpoint.product,
        "reportType": endpoint.report_type,
        "productUniqueId": endpoint.product_unique_id,
        "createdAt": endpoint.created_at.to_string(),
        "updatedAt": endpoint.updated_at.to_string(),
    })
}

fn condition_told(condition: &Condition, endpoint: &Endpoint) -> Value {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let state = Standing::of(endpoint);
    json!({
        "state": state.word,
        "why": state.why,
        "failingSince": time(condition.health.failing_since),
        "breakerOpenUntil": time(condition.health.breaker.map(|breaker| breaker.probe_at)),
        "pending": condition.backlog.pending,
        "morePending": condition.backlog.more,
        "oldestPending": time(condition.backlog.oldest),
    })
}

fn counts(day: &Tally) -> Value {
    json!({
        "delivered": day.delivered,
        "failed": day.failed,
        "notSent": day.not_sent,
        "givenUp": day.given_up,
        "meanExchange": day.mean_exchange().map(text::length),
        "lagP95": day.lag(0.95).map(text::length),
    })
}

/// An attempt. The file goes to others, so that phone numbers in it are masked for everybody.
fn attempt(view: &AttemptView) -> Value {
    let attempt = &view.attempt;
    let phases = &attempt.exchange.phases;
    let answer: String = String::from_utf8_lossy(&attempt.exchange.response).chars().take(ANSWER).collect();
    json!({
        "id": attempt.id.to_string(),
        "message": view.message.to_string(),
        "at": attempt.started_at.to_string(),
        "by": attempt.trigger.text(),
        "url": Numbers::Masked.show(&attempt.url),
        "outcome": attempt.outcome.to_string(),
        "status": attempt.exchange.status,
        "total": text::length(phases.total),
        "resolve": text::length(phases.dns),
        "connect": text::length(phases.connect),
        "tls": text::length(phases.tls),
        "firstByte": text::length(phases.first_byte),
        "answer": Numbers::Masked.show(&answer),
    })
}
