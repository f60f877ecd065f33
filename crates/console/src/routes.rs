//! Which path leads to which page.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use ringback_service::Service;

use crate::accent;
use crate::answer::see_other;
use crate::asset;
use crate::error::PageError;
use crate::guard::guard;
use crate::page::{
    access, account, application, applications, audit, endpoint_import, event_type_delete, event_types, message,
    messages, overview, programs, set_up, settings, sign_in, signature, task, users, webhook,
};
use crate::portal;
use crate::visit::PORTAL;

/// All pages.
pub fn routes(service: Arc<Service>) -> Router {
    Router::new()
        .merge(console_pages())
        .merge(app_pages("/console"))
        .merge(app_pages(PORTAL).layer(from_fn(portal::shell)))
        .route("/portal", get(async || PageError::Link))
        .route("/console/assets/{name}", get(asset::serve))
        .route("/console/assets/accent/{name}", get(accent::serve))
        .layer(from_fn_with_state(service.clone(), guard))
        .route("/", get(async || see_other("/console")))
        .with_state(service)
}

/// Pages of the operator alone.
fn console_pages() -> Router<Arc<Service>> {
    Router::new()
        .route("/console", get(applications::home))
        .route("/console/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .route("/console/sign-in/link", get(sign_in::link).post(sign_in::by_link))
        .route("/console/sign-out", post(sign_in::sign_out))
        .route("/console/set-up", get(set_up::form).post(set_up::set_up))
        .route("/console/account", get(account::show))
        .route("/console/account/password", post(account::change_password))
        .route("/console/account/sessions", post(account::end_sessions))
        .route("/console/users", get(users::list).post(users::create))
        .route("/console/users/{user}/role", post(users::change_role))
        .route("/console/users/{user}/link", post(users::make_link))
        .route("/console/users/{user}/delete", post(users::delete))
        .route("/console/{org}/overview", get(overview::of_organization))
        .route("/console/{org}/import", get(endpoint_import::show).post(endpoint_import::step))
        .route("/console/{org}/event-types", get(event_types::list).post(event_types::create))
        .route("/console/{org}/event-types/{name}", get(event_types::show).post(event_types::change))
        .route("/console/{org}/event-types/{name}/send", post(event_types::send))
        .route("/console/{org}/event-types/{name}/restore", post(event_type_delete::restore))
        .route("/console/{org}/event-types/{name}/delete", get(event_type_delete::ask).post(event_type_delete::delete))
        .route("/console/{org}/access", get(access::show))
        .route("/console/{org}/access/link", post(access::make_link))
        .route("/console/{org}/access/token", post(access::make_token))
        .route("/console/{org}/access/revoke", post(access::revoke))
        .route("/console/{org}/access/end", post(access::end_all))
        .route("/console/{org}/audit", get(audit::show))
        .route("/console/{org}/settings", get(settings::show).post(settings::change))
        .route("/console/{org}", get(applications::list).post(applications::create))
}

/// Pages of an application: the same in the console and in the portal.
fn app_pages(face: &str) -> Router<Arc<Service>> {
    let path = |tail: &str| format!("{face}/{{org}}/{{app}}{tail}");
    Router::new()
        .route(&path(""), get(applications::open))
        .route(&path("/{*rest}"), get(async || PageError::NotFound))
        .route(&path("/application"), get(application::show).post(application::change))
        .route(&path("/application/delete"), get(application::ask_delete).post(application::delete))
        .route(&path("/overview"), get(overview::of_application))
        .route(&path("/overview/{endpoint}"), get(overview::of_endpoint))
        .route(&path("/messages"), get(messages::list))
        .route(&path("/messages/{msg}"), get(message::show))
        .route(&path("/messages/{msg}/payload"), get(message::payload))
        .route(&path("/messages/{msg}/resend"), post(message::resend))
        .route(&path("/messages/{msg}/call-off"), post(message::call_off))
        .route(&path("/messages/{msg}/attempts/{attempt}/answer"), get(message::answer))
        .route(&path("/messages/{msg}/attempts/{attempt}/signature"), get(signature::show))
        .route(&path("/messages/{msg}/attempts/{attempt}/signature/{no}"), get(signature::content))
        .route(&path("/programs"), get(programs::show))
        .route(&path("/programs/integration"), post(programs::add_integration))
        .route(&path("/programs/integration/{id}"), post(programs::change_integration))
        .route(&path("/programs/poller"), post(programs::add_poller))
        .route(&path("/programs/poller/{id}"), get(programs::show_poller).post(programs::change_poller))
        .route(&path("/tasks"), get(task::list))
        .route(&path("/tasks/{id}"), get(task::show))
        .route(&path("/tasks/{id}/end"), post(task::end))
        .route(&path("/webhooks"), get(webhook::list::list))
        .route(&path("/webhooks/deleted"), get(webhook::deleted::list))
        .route(&path("/webhooks/deleted/{id}/restore"), post(webhook::deleted::restore))
        .route(&path("/webhooks/deleted/{id}/call-off"), post(webhook::deleted::call_off))
        .route(&path("/webhooks/add/{kind}"), get(webhook::edit::add).post(webhook::edit::add_step))
        .route(&path("/webhooks/{id}"), get(webhook::details::show))
        .route(&path("/webhooks/{id}/edit"), get(webhook::edit::edit).post(webhook::edit::edit_step))
        .route(&path("/webhooks/{id}/secret"), get(webhook::secret::show).post(webhook::secret::rotate))
        .route(
            &path("/webhooks/{id}/transformation"),
            get(webhook::transformation::show).post(webhook::transformation::step),
        )
        .route(&path("/webhooks/{id}/diagnostics"), get(webhook::diagnostics::file))
        .route(&path("/webhooks/{id}/again"), get(webhook::again::show).post(webhook::again::step))
        .route(&path("/webhooks/{id}/verify"), post(webhook::details::verify))
        .route(&path("/webhooks/{id}/delete"), get(webhook::details::ask_delete).post(webhook::details::delete))
}
