//! The organization of the token: what holds for all of its applications.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use indexmap::IndexMap;
use ringback_model::{Branding, OrgId, OrganizationSettings, format_duration};
use ringback_service::{JqlIssuerDraft, OrganizationDraft, Right, Service};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::endpoint_value::Schedule;
use super::organization_jql::{JqlIssuerIn, JqlIssuerOut};
use crate::extract::{Asked, Caller};
use crate::patch::Patch;
use crate::problem::Problem;
use crate::respond;

/// What changes about an organization; what is absent stays, null takes it back to its default.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrganizationPatch {
    /// The zone that times are written in where an endpoint does not say: a name of the IANA data base.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "Africa/Nairobi")]
    time_zone: Patch<String>,
    /// Delays between tries where an endpoint does not say.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, example = json!(["5s", "5m", "30m"]))]
    retry_schedule: Patch<Schedule>,
    /// For how many days payloads are kept where a message does not say.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 5, maximum = 90)]
    retention_days: Patch<u16>,
    /// For how many days attempts are kept, from the acceptance of their message on.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 5, maximum = 3650)]
    attempt_retention_days: Patch<u16>,
    /// For how many days messages are kept; those whose payload is kept for longer, for as long as that.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 5, maximum = 3650)]
    message_retention_days: Patch<u16>,
    /// Every new endpoint has to pass a handshake before it gets anything.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    require_verification: Patch<bool>,
    /// A message of an event type that was not registered is refused.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    strict_event_types: Patch<bool>,
    /// A message whose payload does not keep to the newest schema of its event type is refused, and told where.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    validate_payloads: Patch<bool>,
    /// Phone numbers are masked on the pages of the console and the portal, for those who may not see secrets.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    mask_numbers: Patch<bool>,
    /// Products of your own with their types of report, whole: beside those known everywhere, or in place of one that has the
    /// same name. `{"sms": ["dlr", "mo"]}` lets endpoints get inbound SMS.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::HashMap<String, Vec<String>>>, example = json!({"sms": ["dlr", "mo"]}))]
    products: Patch<IndexMap<String, Vec<String>>>,
    /// How the pages look that customers see, whole.
    #[serde(default)]
    #[schema(value_type = Option<BrandingBody>)]
    branding: Patch<BrandingBody>,
    /// Where customers find help: an http(s) URL, or an address as `mailto:`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "mailto:help@example.com")]
    support_url: Patch<String>,
    /// Another issuer of tokens for JQL, whole; in place of the installation's.
    #[serde(default)]
    #[schema(value_type = Option<JqlIssuerIn>)]
    jql: Patch<JqlIssuerIn>,
}

/// An organization.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrganizationOut {
    #[schema(value_type = String, example = "org_23rb8YdGqMT0qIzpgGwdXfHirMu")]
    id: OrgId,
    time_zone: Option<String>,
    retry_schedule: Option<Vec<String>>,
    retention_days: Option<u16>,
    attempt_retention_days: Option<u16>,
    message_retention_days: Option<u16>,
    require_verification: bool,
    strict_event_types: bool,
    validate_payloads: bool,
    mask_numbers: bool,
    #[schema(value_type = std::collections::HashMap<String, Vec<String>>)]
    products: IndexMap<String, Vec<String>>,
    branding: BrandingBody,
    support_url: Option<String>,
    jql: Option<JqlIssuerOut>,
}

/// How pages look: the customer's, and those of the console about the organization.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct BrandingBody {
    /// Your name.
    name: Option<String>,
    /// Your logo: an https URL, which the browsers of your customers load it from.
    logo_url: Option<String>,
    /// The colour of buttons and links; made darker or lighter where it could not be read.
    #[schema(example = "#2450c4")]
    accent_color: Option<String>,
    /// Origins whose pages may show the customer's pages in a frame.
    #[schema(example = json!(["https://app.example.com"]))]
    frame_ancestors: Vec<String>,
}

impl From<Branding> for BrandingBody {
    fn from(branding: Branding) -> Self {
        let Branding { name, logo_url, accent_color, frame_ancestors } = branding;
        Self { name, logo_url, accent_color, frame_ancestors }
    }
}

impl From<BrandingBody> for Branding {
    fn from(body: BrandingBody) -> Self {
        let BrandingBody { name, logo_url, accent_color, frame_ancestors } = body;
        Self { name, logo_url, accent_color, frame_ancestors }
    }
}

impl OrganizationOut {
    pub(crate) fn new(id: OrgId, settings: OrganizationSettings) -> Self {
        let schedule = settings.retry_schedule();
        Self {
            id,
            time_zone: settings.time_zone,
            retry_schedule: schedule.map(|delays| delays.into_iter().map(format_duration).collect()),
            retention_days: settings.retention_days,
            attempt_retention_days: settings.attempt_retention_days,
            message_retention_days: settings.message_retention_days,
            require_verification: settings.require_verification,
            strict_event_types: settings.strict_event_types,
            validate_payloads: settings.validate_payloads,
            mask_numbers: settings.mask_numbers,
            products: settings.products,
            branding: settings.branding.into(),
            support_url: settings.support_url,
            jql: settings.jql.map(JqlIssuerOut::from),
        }
    }
}

impl OrganizationPatch {
    pub(crate) fn apply(&self, draft: &mut OrganizationDraft) {
        self.time_zone.clone().write_option(&mut draft.time_zone);
        self.retry_schedule.clone().map(|schedule| schedule.0).write_option(&mut draft.retry_schedule);
        self.retention_days.write_option(&mut draft.retention_days);
        self.attempt_retention_days.write_option(&mut draft.attempt_retention_days);
        self.message_retention_days.write_option(&mut draft.message_retention_days);
        self.require_verification.write(&mut draft.require_verification, false);
        self.strict_event_types.write(&mut draft.strict_event_types, false);
        self.validate_payloads.write(&mut draft.validate_payloads, false);
        self.mask_numbers.write(&mut draft.mask_numbers, false);
        self.products.clone().write(&mut draft.products, IndexMap::new());
        self.branding.clone().map(Branding::from).write(&mut draft.branding, Branding::default());
        self.support_url.clone().write_option(&mut draft.support_url);
        self.jql.clone().map(JqlIssuerDraft::from).write_option(&mut draft.jql);
    }
}

/// Reads what holds for all applications of the organization.
#[utoipa::path(
    get, path = "/api/v1/organization", operation_id = "v1.organization.get", tag = "Organization",
    responses((status = 200, body = OrganizationOut)),
)]
pub(crate) async fn get(State(service): State<Arc<Service>>, Caller(actor): Caller) -> Result<Response, Problem> {
    let settings = service.get_organization(&actor).await?;
    Ok(respond::json(StatusCode::OK, &OrganizationOut::new(actor.org, settings)))
}

/// Changes what holds for all applications of the organization.
///
/// It holds for every message accepted after the answer, and within a second for what is being delivered.
#[utoipa::path(
    patch, path = "/api/v1/organization", operation_id = "v1.organization.patch", tag = "Organization",
    request_body = OrganizationPatch,
    responses((status = 200, body = OrganizationOut)),
)]
pub(crate) async fn patch(State(service): State<Arc<Service>>, asked: Asked) -> Result<Response, Problem> {
    asked.actor.require(Right::ManageOrganization)?;
    let patch: OrganizationPatch = asked.config(&[])?;
    let settings = service.update_organization(&asked.actor, |draft| patch.apply(draft)).await?;
    Ok(respond::json(StatusCode::OK, &OrganizationOut::new(asked.actor.org, settings)))
}
