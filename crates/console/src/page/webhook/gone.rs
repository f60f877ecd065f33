//! The form of a webhook that was deleted while it was open: what was entered stays, and can be saved all the same.

use axum::response::Response;
use ringback_service::{Service, ServiceError};

use super::edit::{self, Around, Target};
use super::fields;
use crate::error::PageError;
use crate::form::{Faults, Form};
use crate::visit::AppVisit;

/// What such a form is about.
pub(super) fn target(target: &Target, form: &Form) -> Target {
    let id = match target {
        Target::Saved(view, _) => view.endpoint.id.to_string(),
        Target::New(id) | Target::Gone(id, _) => id.clone(),
    };
    Target::Gone(id, kind(form))
}

/// The kind that the webhook would be as a new one.
fn kind(form: &Form) -> &'static str {
    match (form.line("product"), form.get("reportType")) {
        (None, _) => "event",
        (_, "mo") => "mo",
        _ => "dlr",
    }
}

/// A step with it: restores the webhook and saves it, saves it as a new one, or shows the form anew.
pub(super) async fn step(service: &Service, visit: &AppVisit, id: &str, mut form: Form) -> Result<Response, PageError> {
    if !service.can_restore_endpoint(&visit.visit.actor, &visit.name, id).await? {
        return Err(PageError::NotFound);
    }
    let gone = Target::Gone(id.to_owned(), kind(&form));
    match form.get("do") {
        "save-new" => edit::save(service, visit, Target::New(kind(&form).to_owned()), form).await,
        "restore" => match service.restore_endpoint(&visit.visit.actor, &visit.name, id).await {
            Ok(_) => {
                let target = edit::saved(service, visit, id).await?;
                if let Target::Saved(view, headers) = &target {
                    form.set("version", fields::of(view, headers).get("version"));
                }
                edit::save(service, visit, target, form).await
            }
            Err(ServiceError::Conflict { detail, .. }) => {
                let around = Around { faults: Faults::whole(detail), ..Around::default() };
                edit::answer(service, visit, &gone, form, around).await
            }
            Err(error) => Err(error.into()),
        },
        _ => edit::step(service, visit, gone, form).await,
    }
}
