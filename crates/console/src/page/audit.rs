//! The audit log: who changed what.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ringback_service::{AuditFilter, AuditView, AuditedField, Service};
use url::form_urlencoded;

use super::sign_in::in_query;
use crate::answer::page;
use crate::error::PageError;
use crate::layout::Layout;
use crate::text;
use crate::visit::Visit;

/// Records on one page.
const PAGE: usize = 50;
/// Kinds of things that can be filtered by.
const THINGS: [&str; 11] = [
    "webhook",
    "application",
    "event type",
    "settings",
    "access",
    "client",
    "integration",
    "poller",
    "background task",
    "message",
    "user",
];

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    layout: Layout,
    base: String,
    rows: Vec<Row>,
    by: String,
    app: String,
    subject: String,
    thing: String,
    things: [&'static str; 11],
    is_filtered: bool,
    is_first: bool,
    next: Option<String>,
}

struct Row {
    at: String,
    at_iso: String,
    by: String,
    thing: String,
    deed: String,
    tone: &'static str,
    title: String,
    subject: String,
    /// Where it is shown; nowhere if empty.
    path: String,
    app: String,
    changes: Vec<AuditedField>,
}

/// The page.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let of = |name: &str| in_query(query.as_deref(), name).trim().to_owned();
    let [by, thing, app, subject, before] = ["by", "thing", "app", "subject", "before"].map(of);
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    // An application may be named by the id that its operator gave it; one that is gone by its own.
    let app_id = match some(&app) {
        Some(name) => match service.get_application(&visit.actor, &name).await {
            Ok(found) => Some(found.application.id.to_string()),
            Err(_) => Some(name),
        },
        None => None,
    };
    let filter = AuditFilter {
        by: some(&by),
        thing: some(&thing),
        app: app_id,
        subject: some(&subject),
        before: before.parse().ok(),
        with_server: visit.is_admin(),
    };
    let found = service.list_audits(&visit.actor, filter, PAGE + 1).await?;
    let given = [("by", &by), ("thing", &thing), ("app", &app), ("subject", &subject)];
    let next = found.get(PAGE - 1).filter(|_| found.len() > PAGE).map(|last| {
        let mut next = form_urlencoded::Serializer::new(String::new());
        given.into_iter().filter(|(_, value)| !value.is_empty()).for_each(|(name, value)| {
            next.append_pair(name, value);
        });
        next.append_pair("before", &last.no.to_string()).finish()
    });
    let template = AuditPage {
        layout: Layout::of_organization(&service, &visit, "Audit log", "/audit").await?,
        base: visit.base.clone(),
        rows: found.into_iter().take(PAGE).map(|view| row(&visit.base, view)).collect(),
        is_filtered: given.iter().any(|(_, value)| !value.is_empty()),
        is_first: before.is_empty(),
        by,
        app,
        subject,
        thing,
        things: THINGS,
        next,
    };
    Ok(page(&template))
}

fn row(base: &str, view: AuditView) -> Row {
    let AuditView { at, by, thing, deed, app, subject, title, mut changes, .. } = view;
    let app = app.unwrap_or_default();
    let lives = !["deleted", "called off"].contains(&deed.as_str());
    let path = match thing.as_str() {
        "webhook" if lives => format!("{base}/{app}/webhooks/{subject}"),
        "application" if lives => format!("{base}/{subject}/application"),
        "event type" if lives => {
            let name: String = form_urlencoded::byte_serialize(subject.as_bytes()).collect();
            format!("{base}/event-types/{name}")
        }
        "message" => format!("{base}/{app}/messages/{subject}"),
        "background task" if !app.is_empty() => format!("{base}/{app}/tasks/{subject}"),
        "settings" => format!("{base}/settings"),
        _ => String::new(),
    };
    for value in changes.iter_mut().flat_map(|change| [&mut change.before, &mut change.after]).flatten() {
        *value = text::visible(value);
    }
    Row {
        at: text::time(at),
        at_iso: at.to_string(),
        by,
        tone: match deed.as_str() {
            "added" | "given" => "good",
            "deleted" | "revoked" => "bad",
            _ => "",
        },
        thing,
        deed,
        title: text::visible(&title),
        subject,
        path,
        app,
        changes,
    }
}
