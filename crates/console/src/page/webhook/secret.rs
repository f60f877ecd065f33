//! What the signatures of a webhook are verified with: shown to whoever may see it, on a page of its own, and replaced.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use ringback_service::{Right, RotateDraft, Service, ServiceError};

use crate::answer::{page, see_other};
use crate::error::PageError;
use crate::flash;
use crate::form::Form;
use crate::layout::Layout;
use crate::visit::AppVisit;

/// How long the old secret signs along.
const GRACE: Duration = Duration::from_secs(86_400);

#[derive(Template)]
#[template(path = "webhook_secret.html")]
struct SecretPage {
    layout: Layout,
    base: String,
    id: String,
    url: String,
    /// Empty if the visitor may not see it.
    secret: String,
    may_rotate: bool,
}

/// The page.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let actor = &visit.visit.actor;
    let view = service.get_endpoint(actor, &visit.name, &id).await?;
    let (may_see, may_rotate) = (visit.may(Right::ReadSecrets), visit.may(Right::RotateSecrets));
    if !may_see && !may_rotate {
        return Err(ServiceError::Forbidden("You may look at webhooks and not at their secrets.").into());
    }
    let secret =
        if may_see { service.get_secret(actor, &visit.name, &id).await?.reveal().to_owned() } else { String::new() };
    let layout = Layout::of_app(&service, &visit, "Signing secret", "/webhooks").await?.after(query.as_deref());
    let base = visit.base.clone();
    Ok(page(&SecretPage { layout, base, id, url: view.endpoint.url, secret, may_rotate }))
}

/// Puts a new one in its place.
pub(crate) async fn rotate(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
    _form: Form,
) -> Result<Response, PageError> {
    let draft = RotateDraft { key: None, grace: GRACE };
    service.rotate_secret(&visit.visit.actor, &visit.name, &id, &draft, None).await?;
    Ok(see_other(&flash::on(&format!("{}/webhooks/{id}/secret", visit.base), "secret-rotated")))
}
