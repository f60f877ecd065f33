//! Links to the portal of an application, and the end of tokens.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::header::HOST;
use http::{HeaderMap, StatusCode};
use ringback_model::{AppId, OrgId, Redacted};
use ringback_service::{PortalCapability, PortalLinkDraft, Right, Service};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::application::ApplicationIn;
use crate::extract::{Asked, Caller, Path, bearer};
use crate::problem::Problem;
use crate::respond;

/// A link that is asked for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppPortalAccessIn {
    /// The application, made with this if there is none of the uid in the path.
    application: Option<ApplicationIn>,
    /// What the link may do; everything if absent. Looking is always part of it, and `ManageTransformations` gives
    /// nothing here.
    #[schema(value_type = Option<Vec<String>>, example = json!(["ViewBase", "CreateAttempts"]))]
    capabilities: Option<Vec<PortalCapability>>,
    /// For how many seconds it is good.
    #[schema(minimum = 3_600, maximum = 604_800, default = 604_800)]
    expiry: Option<u64>,
    /// Flags of event types that it sees.
    feature_flags: Option<Vec<String>>,
    /// It may look and nothing else: the old way of saying `"capabilities": ["ViewBase"]`.
    #[schema(deprecated)]
    read_only: Option<bool>,
    /// A name by which this link can be ended without the others.
    #[schema(min_length = 1, max_length = 256, example = "user_1FB8")]
    session_id: Option<String>,
}

/// A link to the portal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AppPortalAccessOut {
    /// Where to send the customer. The token is in its fragment, which reaches no server.
    #[schema(value_type = String, example = "https://hooks.example.com/portal/org_…/app_…#token=…")]
    url: Redacted,
    /// The token by itself.
    #[schema(value_type = String)]
    token: Redacted,
}

/// Which tokens are to end, and when.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApplicationTokenExpireIn {
    /// After how many seconds they end; at once if absent.
    #[schema(minimum = 0, maximum = 604_800)]
    expiry: Option<u64>,
    /// The sessions whose tokens end; all tokens of the application if empty.
    session_ids: Option<Vec<String>>,
}

impl AppPortalAccessIn {
    /// The draft of the use case; the body is `{}` if there is none.
    fn read(asked: &Asked) -> Result<Self, Problem> {
        if asked.body.is_empty() { Ok(Self::default()) } else { asked.config(&[]) }
    }

    fn draft(&self) -> PortalLinkDraft {
        let read_only = self.read_only == Some(true);
        PortalLinkDraft {
            feature_flags: self.feature_flags.clone().unwrap_or_default(),
            capabilities: if read_only { Some(vec![PortalCapability::ViewBase]) } else { self.capabilities.clone() },
            life: self.expiry.map(Duration::from_secs),
            session: self.session_id.clone(),
        }
    }
}

/// Makes a link to the portal of an application.
///
/// Whoever has the link sees the webhooks, messages and figures of this application alone, and may do there what the
/// capabilities say. The same token is taken by the API.
#[utoipa::path(
    post, path = "/api/v1/auth/app-portal-access/{app_id}", operation_id = "v1.authentication.app-portal-access",
    tag = "Authentication",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        (
            "idempotency-key" = Option<String>, Header,
            description = "It is taken, and changes nothing: every request gets a link of its own."
        ),
    ),
    request_body = AppPortalAccessIn,
    responses((status = 200, body = AppPortalAccessOut)),
)]
pub(crate) async fn app_portal_access(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, Problem> {
    asked.actor.require(Right::GrantAccess)?;
    let mut body = AppPortalAccessIn::read(&asked)?;
    let new = body.application.take().map(ApplicationIn::draft).transpose()?;
    link(&service, &asked, &app, &body.draft(), new, &headers).await
}

/// Makes a link to the portal of an application that may do everything a link can: the old name.
#[utoipa::path(
    post, path = "/api/v1/auth/dashboard-access/{app_id}", operation_id = "v1.authentication.dashboard-access",
    tag = "Authentication",
    params(("app_id" = String, Path, description = "Id or uid of the application.")),
    responses((status = 200, body = AppPortalAccessOut)),
)]
pub(crate) async fn dashboard_access(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, Problem> {
    link(&service, &asked, &app, &PortalLinkDraft::default(), None, &headers).await
}

async fn link(
    service: &Service,
    asked: &Asked,
    app: &str,
    draft: &PortalLinkDraft,
    new: Option<ringback_service::ApplicationDraft>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let link = service.create_portal_link(&asked.actor, app, draft, new).await?;
    let origin = match service.public_url() {
        Some(origin) => origin.to_owned(),
        None => format!("http://{}", headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost")),
    };
    let url = Redacted::new(format!("{origin}{}", link.path.reveal()));
    Ok(respond::json(StatusCode::OK, &AppPortalAccessOut { url, token: link.token }))
}

/// Ends all tokens of an application, or those of some sessions.
#[utoipa::path(
    post, path = "/api/v1/auth/app/{app_id}/expire-all", operation_id = "v1.authentication.expire-all",
    tag = "Authentication",
    params(("app_id" = String, Path, description = "Id or uid of the application.")),
    request_body = ApplicationTokenExpireIn,
    responses((status = 204, description = "They end; on other nodes within a second.")),
)]
pub(crate) async fn expire_all(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let body = if asked.body.is_empty() { ApplicationTokenExpireIn::default() } else { asked.config(&[])? };
    let after = Duration::from_secs(body.expiry.unwrap_or(0));
    let sessions = body.session_ids.unwrap_or_default();
    service.expire_all_tokens(&asked.actor, &app, after, &sessions).await?;
    Ok(respond::nothing())
}

/// Whose token the request is made with.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WhoamiOut {
    /// The organization.
    #[schema(value_type = String)]
    env_id: OrgId,
    /// The one application that it is for, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    app_id: Option<AppId>,
    /// What it is: always a token of this server's own.
    #[schema(example = "SvixJwt")]
    permission_source: &'static str,
}

/// Tells whose token the request is made with.
#[utoipa::path(
    get, path = "/api/v1/auth/whoami", operation_id = "v1.authentication.whoami", tag = "Authentication",
    responses((status = 200, body = WhoamiOut)),
)]
pub(crate) async fn whoami(Caller(actor): Caller) -> Response {
    let whoami = WhoamiOut { env_id: actor.org, app_id: actor.app, permission_source: "SvixJwt" };
    respond::json(StatusCode::OK, &whoami)
}

/// Ends the token of an application that the request is made with.
#[utoipa::path(
    post, path = "/api/v1/auth/logout", operation_id = "v1.authentication.logout", tag = "Authentication",
    params((
        "idempotency-key" = Option<String>, Header,
        description = "It is taken, and changes nothing: a token that has ended is not taken again."
    )),
    responses((status = 204, description = "It counts no more; on other nodes within a second.")),
)]
pub(crate) async fn logout(State(service): State<Arc<Service>>, headers: HeaderMap) -> Result<Response, Problem> {
    service.log_out(bearer(&headers)?).await?;
    Ok(respond::nothing())
}
