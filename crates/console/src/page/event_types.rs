//! Event types: what messages are about, with schema and example, and a form that sends a real one.

use std::collections::HashSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use ringback_model::{EventType, is_report};
use ringback_service::{
    Direction, EventTypeDraft, MessageDraft, Right, Service, ServiceError, Window, report_schema, report_schemas,
    schemas_of,
};

use super::applications::{Offered, offered};
use super::sign_in::in_query;
use crate::answer::{page_with, see_other};
use crate::error::PageError;
use crate::flash;
use crate::form::{Faults, Form};
use crate::layout::Layout;
use crate::meanwhile::{Differences, NOTICE, Rows, differences, is_seen, mark};
use crate::text;
use crate::visit::Visit;

/// Event types on one page.
const PAGE: usize = 100;

#[derive(Template)]
#[template(path = "event_types.html")]
struct EventTypesPage {
    layout: Layout,
    base: String,
    rows: Vec<Row>,
    /// Reports that every server knows, and this organization has not changed.
    built_in: Vec<Row>,
    may_manage: bool,
    name: String,
    description: String,
    schemas: String,
    faults: Faults,
    others: Vec<String>,
    is_first: bool,
    next: Option<String>,
}

struct Row {
    name: String,
    description: String,
    tags: Vec<&'static str>,
    changed: String,
}

#[derive(Template)]
#[template(path = "event_type.html")]
struct EventTypePage {
    layout: Layout,
    base: String,
    name: String,
    /// It is kept by this organization.
    is_own: bool,
    archived: bool,
    description: String,
    deprecated: bool,
    schemas: String,
    shown_schemas: String,
    example: String,
    may_manage: bool,
    may_send: bool,
    /// Applications to choose from.
    apps: Offered,
    app: String,
    event_id: String,
    channels: String,
    payload: String,
    faults: Faults,
    others: Vec<String>,
    send_faults: Faults,
    send_others: Vec<String>,
    /// A mark of what the form was filled in from.
    seen: String,
    notice: &'static str,
    differences: Differences,
}

/// The list.
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    list_answer(&service, &visit, &Form::default(), Faults::default(), query.as_deref()).await
}

/// Adds an event type.
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    visit: Visit,
    form: Form,
) -> Result<Response, PageError> {
    let name = form.get("name").trim();
    let added = match schemas(&form) {
        Ok(schemas) => {
            let description = form.get("description").trim().to_owned();
            let draft = EventTypeDraft { description, schemas, ..EventTypeDraft::default() };
            service.create_event_type(&visit.actor, name, draft, None).await
        }
        Err(error) => Err(error),
    };
    match added {
        Ok(_) => Ok(see_other(&flash::on(&path_of(&visit.base, name), "event-type-added"))),
        Err(error) => list_answer(&service, &visit, &form, Faults::of(error)?, None).await,
    }
}

async fn list_answer(
    service: &Service,
    visit: &Visit,
    form: &Form,
    faults: Faults,
    query: Option<&str>,
) -> Result<Response, PageError> {
    let from = Some(in_query(query, "from")).filter(|from| !from.is_empty());
    let is_first = from.is_none();
    let window = Window { limit: PAGE, from, backwards: false, order: Direction::Ascending };
    let listed = service.list_event_types(&visit.actor, window, true).await?;
    let next = listed.items.last().filter(|_| !listed.done).map(|last| encoded(&last.name));
    let own: HashSet<&str> = listed.items.iter().map(|one| one.name.as_str()).collect();
    let built_in = report_schemas().iter().filter(|one| is_first && !own.contains(one.event_type)).map(|one| Row {
        name: one.event_type.to_owned(),
        description: one.description.to_owned(),
        tags: Vec::new(),
        changed: String::new(),
    });
    let template = EventTypesPage {
        layout: Layout::of_organization(service, visit, "Event types", "/event-types").await?.after(query),
        base: visit.base.clone(),
        built_in: built_in.collect(),
        rows: listed.items.iter().map(row).collect(),
        may_manage: visit.may(Right::ManageEventTypes),
        name: form.get("name").to_owned(),
        description: form.get("description").to_owned(),
        schemas: form.get("schemas").to_owned(),
        others: others(&faults, &["name", "description", "schemas"]),
        is_first,
        next,
        faults,
    };
    Ok(page_with(status(&template.faults), &template))
}

fn row(one: &EventType) -> Row {
    let tags = [(one.deprecated, "deprecated"), (one.archived, "archived"), (one.schemas.is_some(), "schema")];
    Row {
        name: one.name.clone(),
        description: one.description.clone(),
        tags: tags.into_iter().filter(|(is, _)| *is).map(|(_, tag)| tag).collect(),
        changed: text::time(one.updated_at),
    }
}

/// One event type.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    visit: Visit,
    Path((_, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let on = On { name: &name, query: query.as_deref(), ..On::default() };
    one_answer(&service, &visit, on).await
}

/// Changes an event type, or keeps one of the built-in ones as the organization's own.
pub(crate) async fn change(
    State(service): State<Arc<Service>>,
    visit: Visit,
    Path((_, name)): Path<(String, String)>,
    form: Form,
) -> Result<Response, PageError> {
    let before = find(&service, &visit, &name).await?;
    let seen = form.get("seen");
    let changed = match schemas(&form) {
        Ok(schemas) => {
            let write = |draft: &mut EventTypeDraft| {
                draft.description = form.get("description").trim().to_owned();
                draft.deprecated = form.line("deprecated").is_some();
                draft.schemas.clone_from(&schemas);
            };
            if before.is_some() {
                let still = |draft: &EventTypeDraft| is_seen(seen, &rows(draft));
                service.save_event_type(&visit.actor, &name, still, write).await.map(drop)
            } else {
                let mut draft = EventTypeDraft::default();
                write(&mut draft);
                service.put_event_type(&visit.actor, &name, draft).await.map(drop)
            }
        }
        Err(error) => Err(error),
    };
    match changed {
        Ok(()) => Ok(see_other(&flash::on(&path_of(&visit.base, &name), "event-type-changed"))),
        Err(ServiceError::Conflict { code: "changed", .. }) => {
            one_answer(&service, &visit, On { name: &name, form: Some(&form), is_stale: true, ..On::default() }).await
        }
        Err(error) => {
            let on = On { name: &name, form: Some(&form), faults: Faults::of(error)?, ..On::default() };
            one_answer(&service, &visit, on).await
        }
    }
}

/// Hands in a message of this type, as a producer does.
pub(crate) async fn send(
    State(service): State<Arc<Service>>,
    visit: Visit,
    Path((_, name)): Path<(String, String)>,
    form: Form,
) -> Result<Response, PageError> {
    visit.actor.require(Right::CreateMessages)?;
    match hand_in(&service, &visit, &name, &form).await {
        Ok(path) => Ok(see_other(&flash::on(&path, "sent"))),
        Err(error) => {
            let send_faults = match error {
                ServiceError::NotFound(resource) => {
                    let mut faults = Faults::default();
                    faults.note("app", resource.to_string());
                    faults
                }
                other => Faults::of(other)?,
            };
            one_answer(&service, &visit, On { name: &name, form: Some(&form), send_faults, ..On::default() }).await
        }
    }
}

/// The path of the new message.
async fn hand_in(service: &Service, visit: &Visit, name: &str, form: &Form) -> Result<String, ServiceError> {
    let app = form.get("app").trim();
    if app.is_empty() {
        return Err(ServiceError::body("app", "Name the application that the event is about: its id or uid."));
    }
    let payload = form.get("payload").trim();
    if !serde_json::from_str::<serde_json::Value>(payload).is_ok_and(|payload| payload.is_object()) {
        return Err(ServiceError::body("payload", "The payload is a JSON object."));
    }
    let app = service.get_application(&visit.actor, app).await?.application.id.to_string();
    let channels: Vec<_> = form.get("channels").split(',').map(str::trim).filter(|one| !one.is_empty()).collect();
    let draft = MessageDraft {
        event_type: name,
        payload: Bytes::from(payload.to_owned()),
        event_id: form.line("event_id"),
        channels: (!channels.is_empty()).then(|| channels.into_iter().map(Into::into).collect()),
        ..MessageDraft::default()
    };
    let receipt = service.create_message(&visit.actor, &app, &draft, None).await?;
    Ok(format!("{}/{app}/messages/{}", visit.base, receipt.id))
}

/// What a page of one event type is shown with.
#[derive(Default)]
struct On<'a> {
    name: &'a str,
    /// A form that was refused.
    form: Option<&'a Form>,
    faults: Faults,
    send_faults: Faults,
    /// Somebody else has changed it since the form was opened.
    is_stale: bool,
    query: Option<&'a str>,
}

/// What the form shows, by what it is called.
fn rows(draft: &EventTypeDraft) -> Rows {
    let schemas = draft.schemas.as_deref().map(text::pretty_json).unwrap_or_default();
    let deprecated = if draft.deprecated { "yes" } else { "no" };
    [("Description", draft.description.as_str()), ("JSON Schemas by version", &schemas), ("Deprecated", deprecated)]
        .map(|(field, value)| (field.to_owned(), value.to_owned()))
        .into()
}

/// The same of what somebody has entered.
fn entered(form: &Form) -> Rows {
    let deprecated = form.line("deprecated").is_some();
    let schemas = Some(form.get("schemas").to_owned());
    rows(&EventTypeDraft {
        description: form.get("description").to_owned(),
        schemas,
        deprecated,
        ..EventTypeDraft::default()
    })
}

async fn one_answer(service: &Service, visit: &Visit, on: On<'_>) -> Result<Response, PageError> {
    let On { name, form, faults, send_faults, is_stale, query } = on;
    let own = find(service, visit, name).await?;
    let built_in = report_schema(name);
    let settings = service.get_organization(&visit.actor).await?;
    if own.is_none() && built_in.is_none() && !is_report(&settings.products, name) {
        return Err(PageError::NotFound);
    }
    let shown = match &own {
        Some(own) => schemas_of(own).map(std::borrow::Cow::into_owned),
        None => built_in.map(|built_in| built_in.schema.clone()),
    };
    let apps = offered(service, &visit.actor).await?;
    let example = service.sample(&visit.actor, name).await?;
    let example = example.map(|example| text::pretty_json(&String::from_utf8_lossy(&example))).unwrap_or_default();
    let sending = form.filter(|_| !send_faults.is_empty());
    let changing = form.filter(|_| !faults.is_empty() || is_stale);
    let theirs = own.as_ref().map(|own| rows(&EventTypeDraft::of(own))).unwrap_or_default();
    let sent = |field: &str| sending.map_or("", |form| form.get(field)).to_owned();
    let kept = |field: &str, kept: Option<&str>| match changing {
        Some(form) => form.get(field).to_owned(),
        None => kept.unwrap_or_default().to_owned(),
    };
    let schemas = own.as_ref().and_then(|own| own.schemas.as_deref()).map(text::pretty_json);
    let checked = |field: &str, kept: bool| changing.map_or(kept, |form| form.line(field).is_some());
    let template = EventTypePage {
        layout: Layout::of_organization(service, visit, name, "/event-types").await?.after(query),
        base: visit.base.clone(),
        is_own: own.is_some(),
        archived: own.as_ref().is_some_and(|own| own.archived),
        deprecated: checked("deprecated", own.as_ref().is_some_and(|own| own.deprecated)),
        description: kept("description", own.as_ref().map(|own| own.description.as_str())),
        schemas: kept("schemas", schemas.as_deref()),
        shown_schemas: shown.map(|shown| text::visible(&text::pretty_json(&shown))).unwrap_or_default(),
        may_manage: visit.may(Right::ManageEventTypes),
        may_send: visit.may(Right::CreateMessages),
        // Whoever has one customer sends to that.
        app: match (sending, &apps.apps[..]) {
            (None, [(only, _)]) => only.clone(),
            _ => sent("app"),
        },
        apps,
        event_id: sent("event_id"),
        channels: sent("channels"),
        payload: sending.map_or_else(|| example.clone(), |form| form.get("payload").to_owned()),
        example,
        others: others(&faults, &["description", "schemas"]),
        send_others: others(&send_faults, &["app", "eventId", "channels", "payload"]),
        name: name.to_owned(),
        // A form that is refused is still of what it was filled in from.
        seen: form.filter(|_| !faults.is_empty()).map_or_else(|| mark(&theirs), |form| form.get("seen").to_owned()),
        notice: if is_stale { NOTICE } else { "" },
        differences: form.filter(|_| is_stale).map(|form| differences(&theirs, &entered(form))).unwrap_or_default(),
        faults,
        send_faults,
    };
    let status = if template.faults.is_empty() { status(&template.send_faults) } else { status(&template.faults) };
    Ok(page_with(status, &template))
}

pub(super) async fn find(service: &Service, visit: &Visit, name: &str) -> Result<Option<EventType>, PageError> {
    match service.get_event_type(&visit.actor, name).await {
        Ok(found) => Ok(Some(found)),
        Err(ServiceError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The schemas of a form: JSON by version.
fn schemas(form: &Form) -> Result<Option<String>, ServiceError> {
    let Some(schemas) = form.line("schemas") else { return Ok(None) };
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(schemas) {
        Ok(_) => Ok(Some(schemas.to_owned())),
        Err(error) => {
            let rule = format!("It is a JSON object of schemas by version, such as {{\"1\": {{…}}}}: {error}.");
            Err(ServiceError::body("schemas", rule))
        }
    }
}

pub(super) fn path_of(base: &str, name: &str) -> String {
    format!("{base}/event-types/{}", encoded(name))
}

fn encoded(name: &str) -> String {
    url::form_urlencoded::byte_serialize(name.as_bytes()).collect()
}

fn others(faults: &Faults, shown: &[&str]) -> Vec<String> {
    faults.others(shown).into_iter().map(str::to_owned).collect()
}

fn status(faults: &Faults) -> StatusCode {
    if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }
}
