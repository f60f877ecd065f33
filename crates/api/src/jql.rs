//! `POST /jql`: subscriptions as Antly's clients ask for them. The token stands in the body, so no body is logged.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use ringback_model::{OrgId, Redacted, near};
use ringback_service::{Service, ServiceError, Subscribed, Subscription, SubscriptionError};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::explain::explain;
use crate::extract;
use crate::problem::{Cause, Problem, Told};
use crate::respond;

const PATH: &str = "/jql";
/// The word for a body that is too large.
const TOO_LARGE: &str = "payload_too_large";
/// The largest query.
const QUERY_MAX: usize = 64 * 1_024;
/// Where the token stands.
const TOKEN: &str = "__meta__.authenticationToken";

/// The class of tokens that only we make.
const API_KEY: &str = "apiKey";

/// A query. Everything is optional here, so that what is missing is told by its name.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Query {
    #[serde(rename = "__meta__")]
    meta: Meta,
    prefix: String,
    trigger: String,
    webhook_url: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Meta {
    namespace: String,
    schema: String,
    intent: String,
    authentication_class: String,
    authentication_token: Redacted,
}

/// An answer that is no success.
struct Refused {
    status: StatusCode,
    code: &'static str,
    field: Cow<'static, str>,
    message: String,
    retry_after: Option<Duration>,
}

impl Refused {
    fn invalid(code: &'static str, field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        let (status, field) = (StatusCode::UNPROCESSABLE_ENTITY, field.into());
        Self { status, code, field, message: message.into(), retry_after: None }
    }

    fn token(message: impl Into<String>) -> Self {
        let (status, message) = (StatusCode::UNAUTHORIZED, message.into());
        Self { status, code: "invalid_token", field: TOKEN.into(), message, retry_after: None }
    }

    /// Nobody knows whether the token is good.
    fn unknown(retry_after: Duration) -> Self {
        let seconds = respond::seconds(retry_after);
        let message = format!(
            "Whether this token is good cannot be found out now. Nothing was changed: send the same request again in \
             {seconds} s."
        );
        let (status, code) = (StatusCode::SERVICE_UNAVAILABLE, "token_not_checked");
        Self { status, code, field: TOKEN.into(), message, retry_after: Some(retry_after) }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self { status, code, field, message, retry_after } = self;
        let mut response = respond::json(status, &error(code, &field, &message));
        if let Some(wait) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, respond::seconds(wait).into());
        }
        response
    }
}

/// The path of JQL.
pub(crate) fn routes() -> Router<Arc<Service>> {
    Router::new().route(PATH, post(query))
}

/// Whether a path is that of JQL; slashes at its end mean nothing.
pub(crate) fn is_path(path: &str) -> bool {
    path.trim_end_matches('/') == PATH
}

/// An answer in the shape of JQL: what any path may be answered, from another method to a fault, is said here, too.
pub(crate) fn shaped(mut response: Response) -> Response {
    let Some(Told { code, message }) = response.extensions_mut().remove::<Told>() else { return response };
    let message = if code == TOO_LARGE { Cow::Borrowed("A query has at most 64 KiB.") } else { message };
    let (parts, _) = response.into_parts();
    let mut shaped = respond::json(parts.status, &error(code, "", &message));
    let kept = parts.headers.into_iter().filter_map(|(name, value)| Some((name?, value)));
    // Length and type are those of the body that takes its place.
    for (name, value) in kept.filter(|(name, _)| name != CONTENT_LENGTH && name != CONTENT_TYPE) {
        shaped.headers_mut().append(name, value);
    }
    *shaped.extensions_mut() = parts.extensions;
    shaped
}

fn error(code: &str, field: &str, message: &str) -> serde_json::Value {
    json!({"status": "error", "error": {"code": code, "field": field, "message": message}})
}

async fn query(State(service): State<Arc<Service>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let header = parts.headers.contains_key(AUTHORIZATION).then(|| extract::bearer(&parts.headers));
    let header = match header.transpose() {
        Ok(header) => header.map(|token| Redacted::new(token.to_owned())),
        Err(error) => return Refused::token(error.to_string()).into_response(),
    };
    let body = match extract::read_up_to(body, QUERY_MAX).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    let query = match read(&body) {
        Ok(query) => query,
        Err(refused) => return refused.into_response(),
    };
    let organization = match organization(parts.uri.query().unwrap_or_default()) {
        Ok(organization) => organization,
        Err(refused) => return refused.into_response(),
    };
    answer(&service, query, header, organization).await.unwrap_or_else(IntoResponse::into_response)
}

/// What is an object in a query, whatever is in it: a list would be taken as its members in their order.
#[derive(Deserialize)]
struct Objects {
    #[serde(rename = "__meta__", default)]
    _meta: HashMap<String, IgnoredAny>,
}

/// Reads a query; what cannot be read is named, and nothing of it is repeated: it may be a token.
fn read(body: &[u8]) -> Result<Query, Refused> {
    if body.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        let message = "The body is no JQL query: it is an object of JSON, with `__meta__`, `prefix`, `trigger` and \
                       `webhookUrl` in it.";
        return Err(Refused::invalid("invalid_query", "", message));
    }
    read_as::<Objects>(body)?;
    read_as(body)
}

fn read_as<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Refused> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let (path, error) = match serde_path_to_error::deserialize(&mut json) {
        Ok(query) => match json.end() {
            Ok(()) => return Ok(query),
            Err(error) => (String::new(), error),
        },
        Err(error) => (error.path().to_string(), error.into_inner()),
    };
    if error.is_data() {
        // The names of members are ours; what they hold may be a token.
        let text = error.to_string();
        let twice = text.strip_prefix("duplicate field `").and_then(|rest| rest.split_once('`')).map(|(name, _)| name);
        if let Some(name) = twice {
            let within = path.starts_with("__meta__") && name != "__meta__";
            let field = if within { format!("__meta__.{name}") } else { name.to_owned() };
            return Err(Refused::invalid("invalid_value", field, "This member is given twice: keep one."));
        }
        let wanted = if path == "__meta__" { "an object" } else { "a text" };
        return Err(Refused::invalid("invalid_value", path, format!("It has to be {wanted} of JSON.")));
    }
    let message = format!("The body is no JQL query. {}", explain(&error).message);
    Err(Refused::invalid("invalid_query", "", message))
}

/// The organization that the URL names, whose issuer made the token.
fn organization(query: &str) -> Result<Option<OrgId>, Refused> {
    let named = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "organization");
    let refuse = |_| Refused::invalid("invalid_value", "organization", "It is the id of an organization: `org_...`.");
    named.map(|(_, id)| id.parse().map_err(refuse)).transpose()
}

async fn answer(
    service: &Service,
    query: Query,
    header: Option<Redacted>,
    organization: Option<OrgId>,
) -> Result<Response, Response> {
    let refuse = |refused: Refused| refused.into_response();
    known("__meta__.namespace", &query.meta.namespace, &["system.Webhook"]).map_err(refuse)?;
    known("__meta__.schema", &query.meta.schema, &["controller"]).map_err(refuse)?;
    let intents = ["subscribeToWebhook", "unsubscribeFromWebhook"];
    known("__meta__.intent", &query.meta.intent, &intents).map_err(refuse)?;
    let in_body = !query.meta.authentication_token.reveal().is_empty();
    if in_body || header.is_none() {
        let class = &query.meta.authentication_class;
        known("__meta__.authenticationClass", class, &["oauth2", API_KEY]).map_err(refuse)?;
    }
    let token = if in_body { query.meta.authentication_token.clone() } else { header.unwrap_or_default() };
    if token.reveal().is_empty() {
        let message = "There is no token: give one as `__meta__.authenticationToken`, or as `Authorization: Bearer`.";
        return Err(refuse(Refused::token(message)));
    }
    // A token in the header is one of OAuth, whatever class the body names.
    let actor = if in_body && query.meta.authentication_class == API_KEY {
        service.authenticate_subscriber_here(token.reveal()).await
    } else {
        service.authenticate_subscriber(token.reveal(), organization).await
    };
    let actor = actor.map_err(not_authenticated)?;
    let Query { meta: Meta { intent, .. }, prefix, trigger, webhook_url } = query;
    let asked = Subscription { prefix, trigger, webhook_url };
    let result = if intent == intents[0] {
        let Subscribed { id, active, webhook_url } = service.subscribe(&actor, &asked).await.map_err(failure)?;
        let state = if active { "active" } else { "pending" };
        let Subscription { prefix, trigger, .. } = &asked;
        json!({"id": id, "prefix": prefix, "trigger": trigger, "webhookUrl": webhook_url, "state": state})
    } else {
        json!({"removed": i32::from(service.unsubscribe(&actor, &asked).await.map_err(failure)?)})
    };
    Ok(respond::json(StatusCode::OK, &json!({"status": "success", "result": result})))
}

fn known(field: &'static str, word: &str, words: &[&str]) -> Result<(), Refused> {
    if words.contains(&word) {
        return Ok(());
    }
    let listed = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
    if word.is_empty() {
        return Err(Refused::invalid(
            "unknown_value",
            field,
            format!("This member has to be there: {}.", listed(words)),
        ));
    }
    let mut near = near(word, words.iter().copied());
    // What undoes something is never told for what does it: the nearest one need not be what was meant.
    near.sort_by_key(|meant| meant.get(..2) != word.get(..2));
    let message = if near.is_empty() {
        format!("`{word}` is not known here: it is {}.", listed(words))
    } else {
        format!("`{word}` is not known here; is it {}?", listed(&near))
    };
    Err(Refused::invalid("unknown_value", field, message))
}

fn not_authenticated(error: ServiceError) -> Response {
    match error {
        ServiceError::Unauthenticated(message) => Refused::token(message).into_response(),
        ServiceError::Unavailable { retry_after, source } => {
            let mut response = Refused::unknown(retry_after).into_response();
            if let Some(source) = source {
                response.extensions_mut().insert(Cause(source.into()));
            }
            response
        }
        error => Problem::from(error).into_response(),
    }
}

fn failure(error: SubscriptionError) -> Response {
    match error {
        SubscriptionError::Invalid { code: "invalid_token", message, .. } => Refused::token(message).into_response(),
        SubscriptionError::Invalid { code, field, message } => Refused::invalid(code, field, message).into_response(),
        SubscriptionError::Service(ServiceError::NotFound(_)) => {
            Refused::token("The application of this token does not exist.").into_response()
        }
        SubscriptionError::Service(error) => Problem::from(error).into_response(),
    }
}
