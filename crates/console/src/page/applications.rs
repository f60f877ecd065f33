//! Applications: the customers of an organization.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use ringback_model::DEFAULT_ORGANIZATION;
use ringback_service::{Actor, ApplicationDraft, ApplicationFilter, ApplicationView, Right, Service, Window};

use super::sign_in::in_query;
use crate::answer::{page_with, see_other};
use crate::error::PageError;
use crate::flash;
use crate::form::{Faults, Form};
use crate::layout::Layout;
use crate::page::onboarding::{self, Step};
use crate::text;
use crate::visit::{AppVisit, User, Visit};

/// Applications on one page.
const PAGE: usize = 50;
/// Applications that a form offers.
const OFFERED: usize = 100;

#[derive(Template)]
#[template(path = "applications.html")]
struct ApplicationsPage {
    layout: Layout,
    base: String,
    rows: Vec<Row>,
    steps: Vec<Step>,
    may_add: bool,
    may_import: bool,
    name: String,
    uid: String,
    faults: Faults,
    /// Where the next page begins.
    next: Option<String>,
    is_first: bool,
    find: String,
    not_found: bool,
}

struct Row {
    id: String,
    name: String,
    uid: String,
    created: String,
}

/// The organization that is meant when none is named.
pub(crate) async fn home(_user: User) -> Response {
    see_other(&format!("/console/{DEFAULT_ORGANIZATION}"))
}

/// An application's first page.
pub(crate) async fn open(visit: AppVisit) -> Response {
    see_other(&format!("{}/webhooks", visit.base))
}

/// The applications of an organization, the newest first.
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let around = Around { query, ..Around::default() };
    answer(&service, &visit, around).await
}

/// Adds one.
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    visit: Visit,
    form: Form,
) -> Result<Response, PageError> {
    let (name, uid) = (form.get("name").trim().to_owned(), form.get("uid").trim().to_owned());
    let draft = ApplicationDraft {
        name: name.clone(),
        uid: form.line("uid").map(str::to_owned),
        ..ApplicationDraft::default()
    };
    match service.create_application(&visit.actor, draft, false, None).await {
        Ok(made) => {
            let path = format!("{}/{}/webhooks", visit.base, made.item.application.id);
            Ok(see_other(&flash::on(&path, "application-added")))
        }
        Err(error) => {
            let around = Around { name, uid, faults: Faults::of(error)?, ..Around::default() };
            answer(&service, &visit, around).await
        }
    }
}

/// Applications that a form offers.
#[derive(Clone, Debug, Default)]
pub(super) struct Offered {
    /// The newest: id and name.
    pub(super) apps: Vec<(String, String)>,
    /// There are no others, so that one can be chosen and need not be named.
    pub(super) are_all: bool,
}

impl Offered {
    /// Whether this one is offered.
    pub(super) fn has(&self, app: &str) -> bool {
        self.apps.iter().any(|(id, _)| id == app)
    }
}

/// The newest applications, for a form to offer.
pub(super) async fn offered(service: &Service, actor: &Actor) -> Result<Offered, PageError> {
    if !actor.may(Right::ListApplications) {
        return Ok(Offered::default());
    }
    let window =
        Window { limit: OFFERED, from: None, backwards: false, order: ringback_service::Direction::Descending };
    let listed = service.list_applications(actor, window, ApplicationFilter::default()).await?;
    let apps = listed.items.into_iter().map(|one| (one.application.id.to_string(), one.application.name));
    Ok(Offered { apps: apps.collect(), are_all: listed.done })
}

#[derive(Default)]
struct Around {
    query: Option<String>,
    name: String,
    uid: String,
    faults: Faults,
}

async fn answer(service: &Service, visit: &Visit, around: Around) -> Result<Response, PageError> {
    let Around { query, name, uid, faults } = around;
    let from = Some(in_query(query.as_deref(), "from")).filter(|from| !from.is_empty());
    let find = in_query(query.as_deref(), "find").trim().to_owned();
    if !find.is_empty()
        && let Ok(found) = service.get_application(&visit.actor, &find).await
    {
        return Ok(see_other(&format!("{}/{}/webhooks", visit.base, found.application.id)));
    }
    let is_first = from.is_none();
    let window = Window { limit: PAGE, from, backwards: false, order: ringback_service::Direction::Descending };
    let listed = service.list_applications(&visit.actor, window, ApplicationFilter::default()).await?;
    let next = listed.items.last().filter(|_| !listed.done).map(|last| last.application.id.to_string());
    let row = |view: ApplicationView| Row {
        id: view.application.id.to_string(),
        name: view.application.name,
        uid: view.application.uid.unwrap_or_default(),
        created: text::time(view.application.created_at),
    };
    let layout = Layout::of_organization(service, visit, "Applications", "").await?.after(query.as_deref());
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let template = ApplicationsPage {
        layout,
        base: visit.base.clone(),
        steps: if listed.items.is_empty() && is_first { onboarding::before_any() } else { Vec::new() },
        rows: listed.items.into_iter().map(row).collect(),
        may_add: visit.may(Right::ManageApplications),
        may_import: visit.may(Right::ManageEndpoints),
        name,
        uid,
        faults,
        next,
        is_first,
        not_found: !find.is_empty(),
        find,
    };
    Ok(page_with(status, &template))
}
