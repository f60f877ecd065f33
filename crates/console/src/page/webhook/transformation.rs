//! The code that a webhook's events go through: written, tried out on an event, and saved.

use std::fmt::Write as _;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use indexmap::IndexMap;
use ringback_model::Redacted;
use ringback_service::{
    ProbeEvent, RequestView, Right, Service, ServiceError, TransformationChange, TransformationTrial,
};

use crate::answer::{page_with, see_other};
use crate::error::PageError;
use crate::flash;
use crate::form::{Faults, Form};
use crate::layout::Layout;
use crate::visit::AppVisit;

/// What stands in the field of a webhook that has no code yet.
const EXAMPLE: &str =
    "function handler(webhook) {\n  // webhook.payload is the event; what is returned is sent.\n  return webhook;\n}\n";

#[derive(Template)]
#[template(path = "webhook_transformation.html")]
struct TransformationPage {
    layout: Layout,
    base: String,
    id: String,
    url: String,
    code: String,
    variables: String,
    enabled: bool,
    event_type: String,
    payload: String,
    faults: Faults,
    others: Vec<String>,
    made: Option<Option<RequestView>>,
}

/// The page.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let kept = service.get_transformation(&visit.visit.actor, &visit.name, &id).await?;
    let mut form = Form::default();
    let code = kept.as_ref().and_then(|kept| kept.code.as_ref()).map(Redacted::reveal);
    form.set("code", code.unwrap_or(EXAMPLE));
    if kept.as_ref().is_some_and(|kept| kept.enabled) {
        form.set("enabled", "yes");
    }
    form.set("variables", kept.map(|kept| lines(&kept.variables)).unwrap_or_default());
    answer(&service, &visit, &id, query.as_deref(), &form, Faults::default(), None).await
}

/// Saves the code, or shows what it makes of an event.
pub(crate) async fn step(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, PageError> {
    let done = if form.get("do") == "save" {
        match save(&service, &visit, &id, &form).await {
            Ok(()) => return Ok(see_other(&flash::on(&path(&visit, &id), "transformation-saved"))),
            Err(error) => Err(error),
        }
    } else {
        attempt(&service, &visit, &id, &form).await.map(Some)
    };
    let (made, faults) = match done {
        Ok(made) => (made, Faults::default()),
        Err(error) => (None, Faults::of(error)?),
    };
    answer(&service, &visit, &id, None, &form, faults, made).await
}

async fn save(service: &Service, visit: &AppVisit, id: &str, form: &Form) -> Result<(), ServiceError> {
    let code = form.line("code").map(|_| form.secret("code"));
    let change = TransformationChange {
        enabled: Some(form.has("enabled") && code.is_some()),
        code: Some(code),
        variables: Some(variables(form.get("variables"))?),
    };
    service.change_transformation(&visit.visit.actor, &visit.name, id, &change, None).await
}

async fn attempt(
    service: &Service,
    visit: &AppVisit,
    id: &str,
    form: &Form,
) -> Result<Option<RequestView>, ServiceError> {
    let payload = form.line("payload").map(|text| Bytes::copy_from_slice(text.as_bytes()));
    if payload.as_ref().is_some_and(|payload| serde_json::from_slice::<serde::de::IgnoredAny>(payload).is_err()) {
        return Err(ServiceError::body("payload", "This is no JSON."));
    }
    let trial = TransformationTrial {
        code: Some(form.secret("code")),
        variables: Some(variables(form.get("variables"))?),
        event: ProbeEvent { event_type: form.line("event_type").map(str::to_owned), payload, unmarked: false },
    };
    service.try_transformation(&visit.visit.actor, &visit.name, id, trial).await
}

/// Variables as they are written: a name, `=` and a value on each line.
fn variables(text: &str) -> Result<IndexMap<String, Redacted>, ServiceError> {
    let mut variables = IndexMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| ServiceError::body("variables", "Each line is a name, `=` and a value."))?;
        variables.insert(name.trim().to_owned(), Redacted::new(value.trim().to_owned()));
    }
    Ok(variables)
}

fn lines(variables: &IndexMap<String, Redacted>) -> String {
    variables.iter().fold(String::new(), |mut text, (name, value)| {
        // Writing into a text does not fail.
        writeln!(text, "{name} = {}", value.reveal()).ok();
        text
    })
}

fn path(visit: &AppVisit, id: &str) -> String {
    format!("{}/webhooks/{id}/transformation", visit.base)
}

async fn answer(
    service: &Service,
    visit: &AppVisit,
    id: &str,
    query: Option<&str>,
    form: &Form,
    faults: Faults,
    made: Option<Option<RequestView>>,
) -> Result<Response, PageError> {
    visit.visit.actor.require(Right::ManageTransformations)?;
    let view = service.get_endpoint(&visit.visit.actor, &visit.name, id).await?;
    let layout = Layout::of_app(service, visit, "Transformation", "/webhooks").await?.after(query);
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let shown = ["code", "variables", "payload", "eventType", "enabled"];
    let others = faults.others(&shown).into_iter().map(str::to_owned).collect();
    let page = TransformationPage {
        layout,
        base: visit.base.clone(),
        id: id.to_owned(),
        url: view.endpoint.url,
        code: form.get("code").to_owned(),
        variables: form.get("variables").to_owned(),
        enabled: form.has("enabled"),
        event_type: form.get("event_type").to_owned(),
        payload: form.get("payload").to_owned(),
        faults,
        others,
        made,
    };
    Ok(page_with(status, &page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_as_they_are_written() {
        let written = "region = eu\nkey=a=b\n";
        let read = variables(&format!("\n{written}  \r\n")).unwrap();
        assert_eq!(read["key"].reveal(), "a=b");
        assert_eq!(lines(&read), "region = eu\nkey = a=b\n");
        assert!(variables("no value").is_err());
    }
}
