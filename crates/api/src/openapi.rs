//! The OpenAPI document: made from the handlers and the bodies that they read and write.
//!
//! A copy is kept at `openapi.json` in the root of the repository, for whoever makes a client from it; a test fails
//! when it is not what the code says.

use std::sync::LazyLock;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::CONTENT_TYPE;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ArrayItems, Schema};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Document, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi, ToSchema};

use crate::v1::{
    application, attempt, auth, background_task, deleted_endpoint, destination, endpoint, endpoint_import,
    endpoint_message, environment, event_type, event_type_import, expunge, filter, header, health, integration,
    message, message_batch, oauth_client, operational_webhook, organization, poller, precheck, probe, secret,
    statistics, story, transformation, usage,
};

/// The document, as text.
static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = ApiDocument::openapi().to_pretty_json().expect("a document of texts, numbers and lists of them");
    text.push('\n');
    text
});

/// Errors that say one thing.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `problem.rs` writes")]
pub(crate) struct HttpErrorOut {
    /// A stable word.
    code: String,
    /// What to do.
    detail: String,
}

/// Errors that say what is wrong with each part of a request.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `problem.rs` writes")]
struct HTTPValidationError {
    detail: Vec<ValidationErrorItem>,
}

/// One thing that is wrong with a request.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `problem.rs` writes")]
struct ValidationErrorItem {
    /// The way to it.
    loc: Vec<String>,
    /// What to change.
    msg: String,
    /// A stable word.
    r#type: String,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Ringback API",
        description = "Hand in events, register webhooks, see what became of every delivery. The API is compatible \
                       with that of the Svix server: its client libraries work with the server URL changed.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        application::list, application::create, application::get, application::put, application::patch,
        application::delete, endpoint::list, endpoint::create, endpoint::get, endpoint::put, endpoint::patch,
        endpoint::delete, endpoint_import::import, deleted_endpoint::list, deleted_endpoint::restore, probe::test, probe::preview, probe::verify, secret::get, secret::rotate, filter::try_on_message, header::get, header::put, header::patch, transformation::get, transformation::patch,
        transformation::simulate, event_type::list,
        event_type::create, event_type::get, event_type::put, event_type::patch, event_type::delete, event_type_import::import, environment::export, environment::import, precheck::active, message::list,
    endpoint_message::list, endpoint_message::send_example, message::create, message::expunge, message::get, expunge::some, expunge::all, message_batch::create, statistics::organization, statistics::stats, statistics::attempt_stats, story::get,
        statistics::application, statistics::endpoint, usage::applications, usage::event_types, attempt::list_deliveries, attempt::list_by_message, attempt::list_by_endpoint,
    attempt::expunge, attempt::get, attempt::resend, background_task::bulk_replay, background_task::cancel, background_task::cancel_delivery, background_task::cancel_pending, background_task::get, background_task::list, background_task::recover, background_task::replay_missing, background_task::skip_delivery, destination::create, destination::delete, destination::get, destination::list, destination::patch, destination::put, poller::commit, poller::consumer_poll, poller::consumer_seek, poller::lease, poller::poll, integration::create, integration::delete, integration::get, integration::get_key, integration::list, integration::put, integration::rotate_key, oauth_client::create, oauth_client::delete, oauth_client::list, operational_webhook::create, operational_webhook::delete, operational_webhook::get, operational_webhook::get_headers, operational_webhook::get_secret, operational_webhook::list, operational_webhook::patch_headers, operational_webhook::put, operational_webhook::put_headers, operational_webhook::rotate_secret, organization::get,
        organization::patch, auth::app_portal_access, auth::dashboard_access, auth::expire_all, auth::logout, auth::whoami, health::get, health::ping,
    ),
    components(schemas(HttpErrorOut, HTTPValidationError, ValidationErrorItem)),
    modifiers(&Security, &Errors, &Lists),
    servers((url = "/", description = "The server that this document is read from.")),
    security(("bearer" = [])),
)]
struct ApiDocument;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut Document) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("A token of an organization or of one application. `ringback token` prints one."));
        if let Some(components) = &mut document.components {
            components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
        }
    }
}

/// The answers that every operation may give when it does not do what was asked.
struct Errors;

/// Status, name, schema and meaning of each.
const ERRORS: &[(&str, &str, &str, &str)] = &[
    ("400", "Refused", "HttpErrorOut", "Not in this state of things."),
    ("401", "Unauthenticated", "HttpErrorOut", "No token, or none that counts."),
    ("403", "Forbidden", "HttpErrorOut", "The token is for something else."),
    ("404", "NotFound", "HttpErrorOut", "There is no such thing."),
    ("408", "TooSlow", "HttpErrorOut", "The body did not come in time."),
    ("409", "Conflict", "HttpErrorOut", "Something else stands in the way."),
    ("413", "TooLarge", "HttpErrorOut", "The body is too large."),
    ("421", "Misdirected", "HttpErrorOut", "The server does not go by the name in `host`."),
    ("422", "Invalid", "HTTPValidationError", "Something in the request has to be changed."),
    ("503", "Unavailable", "HttpErrorOut", "Try again a little later."),
];

impl Modify for Errors {
    fn modify(&self, document: &mut Document) {
        for (status, name, schema, meaning) in ERRORS {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(*schema))).build();
            let answer = ResponseBuilder::new().description(*meaning).content("application/json", content).build();
            if let Some(components) = &mut document.components {
                components.responses.insert((*name).to_owned(), RefOr::T(answer));
            }
            let operations = document.paths.paths.values_mut().flat_map(operations);
            for operation in operations.filter(|operation| may_answer(operation, status)) {
                let answer = RefOr::Ref(Ref::from_response_name(*name));
                operation.responses.responses.insert((*status).to_owned(), answer);
            }
        }
    }
}

/// Whether an operation may give this of the answers that are the same for all.
fn may_answer(operation: &Operation, status: &str) -> bool {
    match status {
        // It comes before all else.
        "421" => true,
        // Without a body there is none that could be too large, or come too slowly.
        "408" | "413" => operation.request_body.is_some(),
        _ => needs_a_token(operation),
    }
}

/// Pages of lists: what is in them is named, not told once more.
struct Lists;

/// What the name of a page begins with; the name of what is in it follows.
const LIST: &str = "ListResponse_";

impl Modify for Lists {
    fn modify(&self, document: &mut Document) {
        for (name, schema) in document.components.iter_mut().flat_map(|components| &mut components.schemas) {
            if let (Some(item), RefOr::T(Schema::Object(page))) = (name.strip_prefix(LIST), schema)
                && let Some(RefOr::T(Schema::Array(data))) = page.properties.get_mut("data")
            {
                data.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(item).into()));
            }
        }
    }
}

fn needs_a_token(operation: &Operation) -> bool {
    !operation.security.as_ref().is_some_and(|needed| needed.contains(&SecurityRequirement::default()))
}

fn operations(item: &mut utoipa::openapi::PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// The OpenAPI document as JSON text.
#[must_use]
pub fn document() -> &'static str {
    &TEXT
}

/// Where the document is served.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let serve = async || -> Response { ([(CONTENT_TYPE, "application/json")], document()).into_response() };
    Router::new().route("/openapi.json", get(serve)).route("/api/v1/openapi.json", get(serve))
}
