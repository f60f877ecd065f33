//! Programs of a customer: integrations, each with a key of its own, and polling endpoints, whose messages are asked for.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use ringback_model::{Poller, Redacted};
use ringback_service::{Direction, Integration, IntegrationDraft, PollerDraft, Right, Service, Window};

use crate::answer::{page_with, see_other};
use crate::error::PageError;
use crate::flash;
use crate::form::{Faults, Form, list};
use crate::layout::Layout;
use crate::text;
use crate::visit::AppVisit;

/// As many of each as an application may have.
const ALL: usize = 1_000;

#[derive(Template)]
#[template(path = "programs.html")]
struct ProgramsPage {
    layout: Layout,
    base: String,
    integrations: Vec<IntegrationRow>,
    pollers: Vec<PollerRow>,
    /// A key that was just made, or asked for.
    key: Option<ShownKey>,
    /// Keys can be made and seen.
    may_keys: bool,
    may_pollers: bool,
    name: String,
    name_faults: Faults,
    form: Form,
    faults: Faults,
}

#[derive(Template)]
#[template(path = "poller.html")]
struct PollerPage {
    layout: Layout,
    base: String,
    row: PollerRow,
    /// Where the server is found, if the operator has said.
    origin: String,
    path: String,
    form: Form,
    faults: Faults,
    may_change: bool,
}

struct IntegrationRow {
    id: String,
    name: String,
    made: String,
    changed: String,
}

struct PollerRow {
    id: String,
    uid: String,
    event_types: String,
    channels: String,
    disabled: bool,
    made: String,
}

struct ShownKey {
    name: String,
    key: Redacted,
}

/// What stands on the page beside the lists.
#[derive(Default)]
struct Around {
    query: Option<String>,
    key: Option<ShownKey>,
    name: String,
    name_faults: Faults,
    form: Form,
    faults: Faults,
}

/// The page.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    answer(&service, &visit, Around { query, ..Around::default() }).await
}

/// Makes an integration, and shows its key.
pub(crate) async fn add_integration(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    form: Form,
) -> Result<Response, PageError> {
    let actor = &visit.visit.actor;
    let name = form.get("name").trim().to_owned();
    let draft = IntegrationDraft { name: name.clone(), ..IntegrationDraft::default() };
    let around = match service.create_integration(actor, &visit.name, draft, None).await {
        Ok(made) => {
            let key = service.get_integration_key(actor, &visit.name, &made.id.to_string()).await?;
            Around { key: Some(ShownKey { name, key }), ..Around::default() }
        }
        Err(error) => Around { name, name_faults: Faults::of(error)?, ..Around::default() },
    };
    answer(&service, &visit, around).await
}

/// Shows the key of an integration, puts another in its place, or deletes the integration.
pub(crate) async fn change_integration(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, PageError> {
    let (actor, app) = (&visit.visit.actor, visit.name.as_str());
    let integration = service.get_integration(actor, app, &id).await?;
    let key = match form.get("do") {
        "show" => service.get_integration_key(actor, app, &id).await?,
        "rotate" => service.rotate_integration_key(actor, app, &id, None).await?,
        "delete" => {
            service.delete_integration(actor, app, &id).await?;
            return Ok(see_other(&flash::on(&format!("{}/programs", visit.base), "integration-deleted")));
        }
        _ => return Err(PageError::BadForm),
    };
    let key = Some(ShownKey { name: integration.name, key });
    answer(&service, &visit, Around { key, ..Around::default() }).await
}

/// Makes a polling endpoint.
pub(crate) async fn add_poller(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    form: Form,
) -> Result<Response, PageError> {
    let mut draft = PollerDraft::default();
    write(&form, &mut draft);
    match service.create_poller(&visit.visit.actor, &visit.name, draft, None).await {
        Ok(made) => Ok(see_other(&flash::on(&format!("{}/programs/poller/{}", visit.base, made.id), "poller-added"))),
        Err(error) => {
            let faults = Faults::of(error)?;
            answer(&service, &visit, Around { form, faults, ..Around::default() }).await
        }
    }
}

/// One polling endpoint.
pub(crate) async fn show_poller(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let poller = service.get_poller(&visit.visit.actor, &visit.name, &id).await?;
    let form = form_of(&poller);
    poller_answer(&service, &visit, &poller, form, Faults::default(), query.as_deref()).await
}

/// Changes it, or deletes it.
pub(crate) async fn change_poller(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, PageError> {
    let (actor, app) = (&visit.visit.actor, visit.name.as_str());
    if form.get("do") == "delete" {
        service.delete_poller(actor, app, &id).await?;
        return Ok(see_other(&flash::on(&format!("{}/programs", visit.base), "poller-deleted")));
    }
    match service.update_poller(actor, app, &id, |draft| write(&form, draft)).await {
        Ok(_) => Ok(see_other(&flash::on(&format!("{}/programs/poller/{id}", visit.base), "poller-changed"))),
        Err(error) => {
            let faults = Faults::of(error)?;
            let poller = service.get_poller(actor, app, &id).await?;
            poller_answer(&service, &visit, &poller, form, faults, None).await
        }
    }
}

fn write(form: &Form, draft: &mut PollerDraft) {
    draft.uid = form.line("uid").map(str::to_owned);
    draft.event_types = list(form.get("eventTypes"));
    draft.channels = list(form.get("channels"));
    draft.disabled = form.has("disabled");
}

fn form_of(poller: &Poller) -> Form {
    let mut form = Form::default();
    let joined =
        |items: &Option<Vec<String>>, between| items.as_ref().map(|items| items.join(between)).unwrap_or_default();
    form.set("uid", poller.uid.clone().unwrap_or_default());
    form.set("eventTypes", joined(&poller.event_types, "\n"));
    form.set("channels", joined(&poller.channels, ", "));
    if poller.disabled {
        form.set("disabled", "on");
    }
    form
}

async fn poller_answer(
    service: &Service,
    visit: &AppVisit,
    poller: &Poller,
    form: Form,
    faults: Faults,
    query: Option<&str>,
) -> Result<Response, PageError> {
    let row = poller_row(poller);
    let status = status_of(&[&faults]);
    let template = PollerPage {
        layout: Layout::of_app(service, visit, "Polling endpoint", "/programs").await?.after(query),
        base: visit.base.clone(),
        origin: service.public_url().unwrap_or("https://…").to_owned(),
        path: format!("/api/v1/app/{}/poller/{}", visit.name, row.id),
        row,
        form,
        faults,
        may_change: visit.may(Right::ManageEndpoints),
    };
    Ok(page_with(status, &template))
}

async fn answer(service: &Service, visit: &AppVisit, around: Around) -> Result<Response, PageError> {
    let Around { query, key, name, name_faults, form, faults } = around;
    let (actor, app) = (&visit.visit.actor, visit.name.as_str());
    let may_keys = visit.may(Right::ManageClients);
    let window = Window { limit: ALL, from: None, backwards: false, order: Direction::Ascending };
    let integrations = service.list_integrations(actor, app, window).await?.items;
    let window = Window { limit: ALL, from: None, backwards: false, order: Direction::Ascending };
    let pollers = service.list_pollers(actor, app, &window).await?.items;
    let status = status_of(&[&name_faults, &faults]);
    let template = ProgramsPage {
        layout: Layout::of_app(service, visit, "Programs", "/programs").await?.after(query.as_deref()),
        base: visit.base.clone(),
        integrations: integrations.into_iter().map(integration_row).collect(),
        pollers: pollers.iter().map(poller_row).collect(),
        key,
        may_keys,
        may_pollers: visit.may(Right::ManageEndpoints),
        name,
        name_faults,
        form,
        faults,
    };
    Ok(page_with(status, &template))
}

fn status_of(faults: &[&Faults]) -> StatusCode {
    if faults.iter().all(|faults| faults.is_empty()) { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }
}

fn integration_row(integration: Integration) -> IntegrationRow {
    IntegrationRow {
        id: integration.id.to_string(),
        name: integration.name,
        made: text::time(integration.created_at),
        changed: text::time(integration.updated_at),
    }
}

fn poller_row(poller: &Poller) -> PollerRow {
    let told = |items: &Option<Vec<String>>| items.as_ref().map_or_else(|| "All".to_owned(), |items| items.join(", "));
    PollerRow {
        id: poller.id.to_string(),
        uid: poller.uid.clone().unwrap_or_default(),
        event_types: told(&poller.event_types),
        channels: told(&poller.channels),
        disabled: poller.disabled,
        made: text::time(poller.created_at),
    }
}
