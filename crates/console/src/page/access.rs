//! Access: links to the portal and tokens for programs, made here and put out of force.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use ringback_service::{GivenView, PortalCapability, PortalLinkDraft, Right, Service, ServiceError};

use super::applications::{Offered, offered};
use super::sign_in::in_query;
use crate::answer::{page_with, see_other};
use crate::error::PageError;
use crate::flash;
use crate::form::{Faults, Form};
use crate::layout::Layout;
use crate::text;
use crate::visit::Visit;

/// What a link may do, as the form asks for it: field, label, capability.
const CAPABILITIES: [(&str, &str, PortalCapability); 5] = [
    ("manage", "Add, change, test and delete webhooks", PortalCapability::ManageEndpoint),
    ("secrets", "See signing secrets", PortalCapability::ViewEndpointSecret),
    ("rotate", "Replace signing secrets", PortalCapability::ManageEndpointSecret),
    ("transform", "See and change transformations", PortalCapability::ManageTransformations),
    ("resend", "Resend messages", PortalCapability::CreateAttempts),
];
/// How long links and tokens are good for: hours, and in words.
const LINK_LIVES: [(u64, &str); 3] = [(1, "1 hour"), (24, "24 hours"), (168, "7 days")];
const TOKEN_LIVES: [(u64, &str); 4] = [(24, "1 day"), (720, "30 days"), (2_160, "90 days"), (8_760, "a year")];

#[derive(Template)]
#[template(path = "access.html")]
struct AccessPage {
    layout: Layout,
    base: String,
    rows: Vec<Row>,
    /// Applications to choose from.
    apps: Offered,
    made: Option<Made>,
    boxes: Vec<(&'static str, &'static str, bool)>,
    link_lives: [(u64, &'static str); 3],
    token_lives: [(u64, &'static str); 4],
    /// The life that is chosen in the form that was sent.
    life: String,
    app: String,
    label: String,
    token_app: String,
    token_label: String,
    end_app: String,
    may_all: bool,
    link_faults: Faults,
    token_faults: Faults,
    end_faults: Faults,
}

struct Row {
    id: String,
    label: String,
    app: String,
    what: String,
    by: String,
    made: String,
    ends: String,
    may_revoke: bool,
}

/// What was just made: it is shown once.
struct Made {
    title: &'static str,
    text: String,
    is_link: bool,
}

/// What stands on the page beside the list.
#[derive(Default)]
struct Around {
    query: Option<String>,
    form: Form,
    made: Option<Made>,
    link_faults: Faults,
    token_faults: Faults,
    end_faults: Faults,
}

/// The page.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    answer(&service, &visit, Around { query, ..Around::default() }).await
}

/// Makes a link to the portal.
pub(crate) async fn make_link(
    State(service): State<Arc<Service>>,
    visit: Visit,
    form: Form,
) -> Result<Response, PageError> {
    let given = CAPABILITIES.iter().filter(|(field, ..)| form.has(field)).map(|(.., one)| *one);
    let draft = PortalLinkDraft {
        capabilities: Some(std::iter::once(PortalCapability::ViewBase).chain(given).collect()),
        life: hours(&form),
        ..PortalLinkDraft::default()
    };
    let mut around = Around::default();
    match service.give_link(&visit.actor, form.get("app").trim(), form.get("label"), &draft).await {
        Ok(link) => {
            let text = format!("{}{}", service.public_url().unwrap_or_default(), link.path.reveal());
            around.made = Some(Made { title: "Hand this link to your customer.", text, is_link: true });
        }
        Err(error) => around = Around { link_faults: faults(error)?, form, ..around },
    }
    answer(&service, &visit, around).await
}

/// Makes a token for programs.
pub(crate) async fn make_token(
    State(service): State<Arc<Service>>,
    visit: Visit,
    form: Form,
) -> Result<Response, PageError> {
    let life = hours(&form).unwrap_or_default();
    let mut around = Around::default();
    match service.give_token(&visit.actor, form.line("token-app"), form.get("token-label"), life).await {
        Ok(token) => {
            let text = token.reveal().to_owned();
            around.made = Some(Made { title: "Copy this token now: it is not shown again.", text, is_link: false });
        }
        Err(error) => around = Around { token_faults: faults(error)?, form, ..around },
    }
    answer(&service, &visit, around).await
}

/// Puts one out of force.
pub(crate) async fn revoke(
    State(service): State<Arc<Service>>,
    visit: Visit,
    form: Form,
) -> Result<Response, PageError> {
    service.revoke_given(&visit.actor, form.line("app"), form.get("id")).await?;
    Ok(see_other(&flash::on(&format!("{}/access", visit.base), "revoked")))
}

/// Puts all of an application out of force, those that nobody has listed too.
pub(crate) async fn end_all(
    State(service): State<Arc<Service>>,
    visit: Visit,
    form: Form,
) -> Result<Response, PageError> {
    match service.expire_all_tokens(&visit.actor, form.get("end-app").trim(), Duration::ZERO, &[]).await {
        Ok(()) => Ok(see_other(&flash::on(&format!("{}/access", visit.base), "all-revoked"))),
        Err(error) => {
            let around = Around { end_faults: faults(error)?, form, ..Around::default() };
            answer(&service, &visit, around).await
        }
    }
}

fn hours(form: &Form) -> Option<Duration> {
    form.get("life").parse::<u32>().ok().map(|hours| Duration::from_secs(u64::from(hours) * 3_600))
}

/// What is wrong with a form; an application that is not there is a fault of its field.
fn faults(error: ServiceError) -> Result<Faults, PageError> {
    match error {
        ServiceError::NotFound(resource) => {
            let mut faults = Faults::default();
            faults.note("app", resource.to_string());
            Ok(faults)
        }
        other => Faults::of(other),
    }
}

async fn answer(service: &Service, visit: &Visit, around: Around) -> Result<Response, PageError> {
    let Around { query, form, made, link_faults, token_faults, end_faults } = around;
    let may_all = visit.may(Right::ManageOrganization);
    let rows = service.list_given(&visit.actor).await?.into_iter().map(|view| row(view, may_all)).collect();
    let fine = [&link_faults, &token_faults, &end_faults].iter().all(|faults| faults.is_empty());
    let ticked =
        |field: &str| if link_faults.is_empty() { field != "secrets" && field != "rotate" } else { form.has(field) };
    let template = AccessPage {
        layout: Layout::of_organization(service, visit, "Access", "/access").await?.after(query.as_deref()),
        base: visit.base.clone(),
        rows,
        apps: offered(service, &visit.actor).await?,
        made,
        boxes: CAPABILITIES.map(|(field, label, _)| (field, label, ticked(field))).to_vec(),
        link_lives: LINK_LIVES,
        token_lives: TOKEN_LIVES,
        life: form.get("life").to_owned(),
        app: if form.get("app").is_empty() { in_query(query.as_deref(), "app") } else { form.get("app").to_owned() },
        label: form.get("label").to_owned(),
        token_app: form.get("token-app").to_owned(),
        token_label: form.get("token-label").to_owned(),
        end_app: form.get("end-app").to_owned(),
        may_all,
        link_faults,
        token_faults,
        end_faults,
    };
    let status = if fine { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(page_with(status, &template))
}

fn row(view: GivenView, may_all: bool) -> Row {
    let GivenView { app, given } = view;
    let words = |capabilities: &[PortalCapability]| {
        let held = CAPABILITIES.iter().filter(|(.., one)| capabilities.contains(one));
        let words: Vec<_> = held.map(|(field, ..)| *field).collect();
        if words.is_empty() { "Link: view".to_owned() } else { format!("Link: view, {}", words.join(", ")) }
    };
    Row {
        id: given.id,
        label: given.label,
        what: given.capabilities.as_deref().map_or_else(|| "Token".to_owned(), words),
        by: given.made_by,
        made: text::time(given.made_at),
        ends: text::time(given.expires_at),
        may_revoke: app.is_some() || may_all,
        app: app.map(|app| app.to_string()).unwrap_or_default(),
    }
}
