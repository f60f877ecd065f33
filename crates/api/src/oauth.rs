//! `POST /oauth/token`: the built-in issuer, client credentials (RFC 6749, 4.4).

use std::collections::HashSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use ringback_model::Redacted;
use ringback_service::{GrantError, Service, TOKEN_LIFE};
use serde_json::json;

use crate::extract;
use crate::problem::Problem;
use crate::respond;

/// What tokens are for: as those of other issuers have to say.
const SCOPE: &str = "webhooks:write";

/// What a client says.
#[derive(Debug, Default)]
struct Grant {
    kind: String,
    id: String,
    secret: Redacted,
    scope: String,
}

/// The path of the issuer.
pub(crate) fn routes() -> Router<Arc<Service>> {
    Router::new().route("/oauth/token", post(token).fallback(other_method))
}

/// What any other method is answered, in the form of this path.
async fn other_method() -> Response {
    let body = json!({"error": "invalid_request", "error_description": "A token is asked for by POST, with a form."});
    let mut answer = respond::json(StatusCode::METHOD_NOT_ALLOWED, &body);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    answer
}

async fn token(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match extract::read(body).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    let mut grant = Grant::default();
    let mut seen = HashSet::new();
    for (name, value) in url::form_urlencoded::parse(&body) {
        // What stands there twice is read in two ways by two readers (RFC 6749, 3.2).
        if !seen.insert(name.clone()) {
            return refuse("invalid_request", "A member of the form stands there twice: send each once.");
        }
        match &*name {
            "grant_type" => grant.kind = value.into_owned(),
            "client_id" => grant.id = value.into_owned(),
            "client_secret" => grant.secret = Redacted::new(value.into_owned()),
            "scope" => grant.scope = value.into_owned(),
            _ => {}
        }
    }
    if let Some((id, secret)) = basic(&parts.headers) {
        (grant.id, grant.secret) = (id, secret);
    }
    match grant.kind.as_str() {
        "client_credentials" => {}
        "" => return refuse("invalid_request", "Send the form member `grant_type=client_credentials`."),
        _ => return refuse("unsupported_grant_type", "The only grant here is `client_credentials`."),
    }
    // A narrower one is not to be had, and a client that asks for it would take this one for that (RFC 6749, 3.3).
    if grant.scope.split_whitespace().any(|scope| scope != SCOPE) {
        let rule = format!("The one scope here is `{SCOPE}`: ask for that, or for none.");
        return refuse("invalid_scope", &rule);
    }
    match service.grant_token(&grant.id, &grant.secret).await {
        Ok(token) => {
            let mut body = json!({
                "access_token": token.reveal(), "token_type": "Bearer", "expires_in": TOKEN_LIFE.as_secs(),
            });
            if !grant.scope.trim().is_empty() {
                body["scope"] = SCOPE.into();
            }
            let mut answer = respond::json(StatusCode::OK, &body);
            answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            answer
        }
        Err(error @ GrantError::Client) => {
            let body = json!({"error": "invalid_client", "error_description": error.to_string()});
            let mut answer = respond::json(StatusCode::UNAUTHORIZED, &body);
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
            answer
        }
        Err(GrantError::Service(error)) => Problem::from(error).into_response(),
    }
}

fn refuse(error: &str, description: &str) -> Response {
    respond::json(StatusCode::BAD_REQUEST, &json!({"error": error, "error_description": description}))
}

/// Id and secret of basic authentication, each form-encoded (RFC 6749, 2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, Redacted)> {
    let (scheme, pair) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let pair = BASE64.decode(pair.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let pair = String::from_utf8(pair).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let decoded = |text: &str| {
        let mut pairs = url::form_urlencoded::parse(text.as_bytes());
        pairs.next().map(|(text, _)| text.into_owned()).unwrap_or_default()
    };
    Some((decoded(id), Redacted::new(decoded(secret))))
}
