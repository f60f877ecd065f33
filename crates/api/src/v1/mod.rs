//! Version 1 of the API: one file per resource, one handler per operation.

pub(crate) mod application;
pub(crate) mod attempt;
pub(crate) mod auth;
pub(crate) mod background_task;
pub(crate) mod deleted_endpoint;
pub(crate) mod destination;
pub(crate) mod endpoint;
pub(crate) mod endpoint_body;
pub(crate) mod endpoint_import;
pub(crate) mod endpoint_message;
pub(crate) mod endpoint_messaging;
pub(crate) mod endpoint_out;
mod endpoint_unknown;
pub(crate) mod endpoint_value;
pub(crate) mod environment;
pub(crate) mod event_type;
pub(crate) mod event_type_import;
pub(crate) mod expunge;
pub(crate) mod filter;
pub(crate) mod header;
pub(crate) mod health;
pub(crate) mod integration;
pub(crate) mod message;
pub(crate) mod message_batch;
pub(crate) mod message_body;
pub(crate) mod oauth_client;
pub(crate) mod operational_webhook;
pub(crate) mod organization;
mod organization_jql;
pub(crate) mod poller;
pub(crate) mod precheck;
pub(crate) mod probe;
pub(crate) mod secret;
pub(crate) mod statistics;
pub(crate) mod story;
pub(crate) mod transformation;
pub(crate) mod usage;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, post, put};
use ringback_service::Service;

/// All operations. Paths are written out in full, so that one look-up finds a handler and nothing is cut off first.
pub(crate) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/api/v1/app", get(application::list).post(application::create))
        .route(
            "/api/v1/app/{app_id}",
            get(application::get).put(application::put).patch(application::patch).delete(application::delete),
        )
        .route("/api/v1/app/{app_id}/deleted-endpoint", get(deleted_endpoint::list))
        .route("/api/v1/app/{app_id}/endpoint/{endpoint_id}/restore", post(deleted_endpoint::restore))
        .route("/api/v1/app/{app_id}/endpoint", get(endpoint::list).post(endpoint::create))
        .route(
            "/api/v1/app/{app_id}/endpoint/{endpoint_id}",
            get(endpoint::get).put(endpoint::put).patch(endpoint::patch).delete(endpoint::delete).post(probe::by_name),
        )
        .route("/api/v1/app/{app_id}/endpoint/{endpoint_id}/recover", post(background_task::recover))
        .route("/api/v1/app/{app_id}/endpoint/{endpoint_id}/replay-missing", post(background_task::replay_missing))
        .route("/api/v1/app/{app_id}/endpoint/{endpoint_id}/bulk-replay", post(background_task::bulk_replay))
        .route("/api/v1/app/{app_id}/endpoint/{endpoint_id}/cancel", post(background_task::cancel_pending))
        .route("/api/v1/app/{app_id}/endpoint/{endpoint_id}/verify", post(probe::verify))
        .route("/api/v1/app/{app_id}/endpoint/{endpoint_id}/secret", get(secret::get))
        .route("/api/v1/app/{app_id}/endpoint/{endpoint_id}/secret/rotate", post(secret::rotate))
        .route(
            "/api/v1/app/{app_id}/endpoint/{endpoint_id}/headers",
            get(header::get).put(header::put).patch(header::patch),
        )
        .route(
            "/api/v1/app/{app_id}/endpoint/{endpoint_id}/transformation",
            get(transformation::get).patch(transformation::patch),
        )
        .route("/api/v1/app/{app_id}/endpoint/{endpoint_id}/transformation/simulate", post(transformation::simulate))
        .route("/api/v1/app/{app_id}/endpoint/{endpoint_id}/msg", get(endpoint_message::list))
        .route("/api/v1/app/{app_id}/endpoint/{endpoint_id}/send-example", post(endpoint_message::send_example))
        .route("/api/v1/app/{app_id}/endpoint/{endpoint_id}/stats", get(statistics::stats))
        .route("/api/v1/app/{app_id}/endpoint/{endpoint_id}/attempt-stats", get(statistics::attempt_stats))
        .route("/api/v1/app/{app_id}/endpoint/{endpoint_id}/statistics", get(statistics::endpoint))
        .route("/api/v1/app/{app_id}/statistics", get(statistics::application))
        .route("/api/v1/statistics", get(statistics::organization))
        .route("/api/v1/stats/usage/app", post(usage::applications))
        .route("/api/v1/stats/usage/event-types", put(usage::event_types))
        .route("/api/v1/app/{app_id}/msg", get(message::list).post(message::create))
        .route("/api/v1/app/{app_id}/msg/batch", post(message_batch::create))
        .route("/api/v1/app/{app_id}/msg/bulk-expunge", post(expunge::some))
        .route("/api/v1/app/{app_id}/msg/expunge-all-contents", post(expunge::all))
        .route("/api/v1/app/{app_id}/msg/precheck/active", post(precheck::active))
        .route("/api/v1/app/{app_id}/msg/{msg_id}", get(message::get))
        .route("/api/v1/app/{app_id}/msg/{msg_id}/content", delete(message::expunge))
        .route("/api/v1/app/{app_id}/msg/{msg_id}/story", get(story::get))
        .route("/api/v1/app/{app_id}/msg/{msg_id}/filter", post(filter::try_on_message))
        .route("/api/v1/app/{app_id}/msg/{msg_id}/endpoint", get(attempt::list_deliveries))
        .route(
            "/api/v1/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/cancel",
            post(background_task::cancel_delivery),
        )
        .route("/api/v1/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/skip", post(background_task::skip_delivery))
        .route("/api/v1/background-task", get(background_task::list))
        .route("/api/v1/background-task/{task_id}", get(background_task::get))
        .route("/api/v1/background-task/{task_id}/cancel", post(background_task::cancel))
        .route("/api/v1/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/resend", post(attempt::resend))
        .route("/api/v1/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/attempt", get(attempt::list_by_delivery))
        .route("/api/v1/app/{app_id}/msg/{msg_id}/attempt", get(attempt::list_by_message))
        .route("/api/v1/app/{app_id}/msg/{msg_id}/attempt/{attempt_id}", get(attempt::get))
        .route("/api/v1/app/{app_id}/msg/{msg_id}/attempt/{attempt_id}/content", delete(attempt::expunge))
        .route("/api/v1/app/{app_id}/attempt/endpoint/{endpoint_id}", get(attempt::list_by_endpoint))
        .route("/api/v1/app/{app_id}/attempt/msg/{msg_id}", get(attempt::list_by_message))
        .route("/api/v1/app/{app_id}/oauth-client", get(oauth_client::list).post(oauth_client::create))
        .route("/api/v1/app/{app_id}/oauth-client/{client_id}", delete(oauth_client::delete))
        .route("/api/v1/app/{app_id}/integration", get(integration::list).post(integration::create))
        .route(
            "/api/v1/app/{app_id}/integration/{integ_id}",
            get(integration::get).put(integration::put).delete(integration::delete),
        )
        .route("/api/v1/app/{app_id}/integration/{integ_id}/key", get(integration::get_key))
        .route("/api/v1/app/{app_id}/integration/{integ_id}/key/rotate", post(integration::rotate_key))
        .merge(poller_routes())
        .merge(organization_routes())
}

/// Operations on sinks that are asked for their messages.
fn poller_routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/api/v1/app/{app_id}/destination", get(destination::list).post(destination::create))
        .route(
            "/api/v1/app/{app_id}/destination/{destination_id}",
            get(destination::get).put(destination::put).patch(destination::patch).delete(destination::delete),
        )
        .route("/api/v1/app/{app_id}/poller/{sink_id}", get(poller::poll))
        .route("/api/v1/app/{app_id}/poller/{sink_id}/consumer/{consumer_id}", get(poller::consumer_poll))
        .route("/api/v1/app/{app_id}/poller/{sink_id}/consumer/{consumer_id}/seek", post(poller::consumer_seek))
        .route("/api/v1/app/{app_id}/polling-endpoint/{sink_id}/consumer/{consumer_id}", get(poller::lease))
        .route("/api/v1/app/{app_id}/polling-endpoint/{sink_id}/consumer/{consumer_id}/commit", post(poller::commit))
}

/// Operations on what an organization has beside its applications.
fn organization_routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/api/v1/event-type", get(event_type::list).post(event_type::create))
        .route("/api/v1/event-type/import/openapi", post(event_type_import::import))
        .route("/api/v1/endpoint/import/csv", post(endpoint_import::import))
        .route("/api/v1/environment/export", post(environment::export))
        .route("/api/v1/environment/import", post(environment::import))
        .route(
            "/api/v1/event-type/{event_type_name}",
            get(event_type::get).put(event_type::put).patch(event_type::patch).delete(event_type::delete),
        )
        .route("/api/v1/operational-webhook/endpoint", get(operational_webhook::list).post(operational_webhook::create))
        .route(
            "/api/v1/operational-webhook/endpoint/{webhook_id}",
            get(operational_webhook::get).put(operational_webhook::put).delete(operational_webhook::delete),
        )
        .route("/api/v1/operational-webhook/endpoint/{webhook_id}/secret", get(operational_webhook::get_secret))
        .route(
            "/api/v1/operational-webhook/endpoint/{webhook_id}/secret/rotate",
            post(operational_webhook::rotate_secret),
        )
        .route(
            "/api/v1/operational-webhook/endpoint/{webhook_id}/headers",
            get(operational_webhook::get_headers)
                .put(operational_webhook::put_headers)
                .patch(operational_webhook::patch_headers),
        )
        .route("/api/v1/organization", get(organization::get).patch(organization::patch))
        .route("/api/v1/auth/app-portal-access/{app_id}", post(auth::app_portal_access))
        .route("/api/v1/auth/dashboard-access/{app_id}", post(auth::dashboard_access))
        .route("/api/v1/auth/app/{app_id}/expire-all", post(auth::expire_all))
        .route("/api/v1/auth/logout", post(auth::logout))
        .route("/api/v1/auth/whoami", get(auth::whoami))
        .route("/api/v1/health", get(health::get))
        .route("/api/v1/health/ping", get(health::ping))
}
