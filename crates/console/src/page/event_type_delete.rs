//! How an event type is archived, brought back, or deleted.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use ringback_service::{EventTypeDraft, Right, Service};

use super::event_types::{find, path_of};
use crate::answer::{page, see_other};
use crate::error::PageError;
use crate::flash;
use crate::form::Form;
use crate::layout::Layout;
use crate::text;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "event_type_delete.html")]
struct DeletePage {
    layout: Layout,
    base: String,
    name: String,
    archived: bool,
    /// How many webhooks name it.
    webhooks: String,
    /// Only those of the newest applications were counted.
    more: bool,
    /// Messages of a type that is not known are refused.
    strict: bool,
}

/// Says what archiving it does, and what deleting it.
pub(crate) async fn ask(
    State(service): State<Arc<Service>>,
    visit: Visit,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let extent = service.event_type_extent(&visit.actor, &name).await?;
    let own = find(&service, &visit, &name).await?.ok_or(PageError::NotFound)?;
    Ok(page(&DeletePage {
        layout: Layout::of_organization(&service, &visit, "Delete event type", "/event-types").await?,
        base: visit.base.clone(),
        archived: own.archived,
        webhooks: text::number_of(extent.endpoints as u64, "webhook"),
        more: extent.more,
        strict: extent.strict,
        name,
    }))
}

/// Archives it, or deletes it.
pub(crate) async fn delete(
    State(service): State<Arc<Service>>,
    visit: Visit,
    Path((_, name)): Path<(String, String)>,
    form: Form,
) -> Result<Response, PageError> {
    let expunge = match form.get("how") {
        "delete" => true,
        "archive" => false,
        _ => return Err(PageError::BadForm),
    };
    service.delete_event_type(&visit.actor, &name, expunge).await?;
    let (to, word) = if expunge {
        (format!("{}/event-types", visit.base), "event-type-deleted")
    } else {
        (path_of(&visit.base, &name), "event-type-archived")
    };
    Ok(see_other(&flash::on(&to, word)))
}

/// Brings an archived one back.
pub(crate) async fn restore(
    State(service): State<Arc<Service>>,
    visit: Visit,
    Path((_, name)): Path<(String, String)>,
    _form: Form,
) -> Result<Response, PageError> {
    visit.actor.require(Right::ManageEventTypes)?;
    service.update_event_type(&visit.actor, &name, |draft: &mut EventTypeDraft| draft.archived = false).await?;
    Ok(see_other(&flash::on(&path_of(&visit.base, &name), "event-type-restored")))
}
