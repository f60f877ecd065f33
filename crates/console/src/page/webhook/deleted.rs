//! Deleted webhooks, and how one comes back.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use ringback_model::EndpointId;
use ringback_service::{Direction, Leftovers, Right, Service, ServiceError, Window};

use super::Row;
use crate::answer::{page, see_other};
use crate::error::PageError;
use crate::flash;
use crate::form::Form;
use crate::layout::Layout;
use crate::page::sign_in::in_query;
use crate::text;
use crate::visit::AppVisit;

/// Rows on one page.
const PAGE: usize = 25;

#[derive(Template)]
#[template(path = "webhooks_deleted.html")]
struct DeletedPage {
    layout: Layout,
    base: String,
    rows: Vec<Deleted>,
    may_change: bool,
    /// Why one could not be restored.
    fault: String,
    /// Where the older ones are.
    after: String,
}

struct Deleted {
    row: Row,
    at: String,
    /// Until when it can be restored; empty if that is over.
    until: String,
    /// How many deliveries are still sent; empty if none are.
    pending: String,
}

/// The table.
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    answer(&service, &visit, query.as_deref(), String::new()).await
}

/// Restores one.
pub(crate) async fn restore(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
    _form: Form,
) -> Result<Response, PageError> {
    match service.restore_endpoint(&visit.visit.actor, &visit.name, &id).await {
        Ok(view) => {
            let to = format!("{}/webhooks/{}", visit.base, view.endpoint.id);
            Ok(see_other(&flash::on(&to, "webhook-restored")))
        }
        Err(ServiceError::Conflict { detail, .. }) => answer(&service, &visit, None, detail).await,
        Err(other) => Err(other.into()),
    }
}

/// Calls off what is left to send of one.
pub(crate) async fn call_off(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
    _form: Form,
) -> Result<Response, PageError> {
    service.delete_endpoint(&visit.visit.actor, &visit.name, &id, Leftovers::CallOff).await?;
    Ok(see_other(&flash::on(&format!("{}/webhooks/deleted", visit.base), "webhook-drained")))
}

async fn answer(
    service: &Service,
    visit: &AppVisit,
    query: Option<&str>,
    fault: String,
) -> Result<Response, PageError> {
    let from: Option<EndpointId> = in_query(query, "after").parse().ok();
    let window = Window { limit: PAGE, from, backwards: false, order: Direction::Descending };
    let found = service.list_deleted_endpoints(&visit.visit.actor, &visit.name, window).await?;
    let last = found.items.last().map(|last| last.view.endpoint.id);
    let after = last.filter(|_| !found.done).map(|id| format!("{}/webhooks/deleted?after={id}", visit.base));
    let now = service.clock().now();
    let rows = found.items.iter().map(|deleted| Deleted {
        row: Row::of(&deleted.view.endpoint),
        at: text::time(deleted.deleted_at),
        until: if now < deleted.restorable_until { text::time(deleted.restorable_until) } else { String::new() },
        pending: if deleted.backlog.pending == 0 { String::new() } else { text::pending(deleted.backlog) },
    });
    Ok(page(&DeletedPage {
        layout: Layout::of_app(service, visit, "Deleted webhooks", "/webhooks").await?.after(query),
        base: visit.base.clone(),
        rows: rows.collect(),
        may_change: visit.may(Right::ManageEndpoints),
        fault,
        after: after.unwrap_or_default(),
    }))
}
