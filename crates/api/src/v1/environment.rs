//! What an organization is set up with: out of one installation, and into another.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_model::Timestamp;
use ringback_service::{FieldError, ImportedEventType, OrganizationDraft, Right, Service};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::event_type::{EventTypeIn, EventTypeOut};
use super::organization::{OrganizationOut, OrganizationPatch};
use crate::extract::{Asked, Caller};
use crate::problem::Problem;
use crate::{json, respond};

/// The version of what is written here.
const VERSION: u16 = 1;

/// What an organization is set up with. It holds no secrets.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnvironmentOut {
    version: u16,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// All of them, archived ones too.
    event_types: Vec<EventTypeOut>,
    settings: OrganizationOut,
    /// Always empty: this server has none.
    #[schema(value_type = Vec<Object>)]
    connectors: [(); 0],
}

/// What an organization is to be set up with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnvironmentIn {
    /// The version of this form, as it was exported.
    version: Option<u16>,
    /// Event types to make, or to replace what they say.
    #[schema(value_type = Option<Vec<EventTypeIn>>)]
    event_types: Option<Vec<Box<RawValue>>>,
    /// What holds for all applications from now on; what it does not name stays.
    #[schema(value_type = Option<OrganizationPatch>)]
    settings: Option<Box<RawValue>>,
}

/// Reads what the organization is set up with.
#[utoipa::path(
    post, path = "/api/v1/environment/export", operation_id = "v1.environment.export", tag = "Environment",
    responses((status = 200, body = EnvironmentOut)),
)]
pub(crate) async fn export(State(service): State<Arc<Service>>, Caller(actor): Caller) -> Result<Response, Problem> {
    let environment = service.export_environment(&actor).await?;
    let body = EnvironmentOut {
        version: VERSION,
        created_at: service.clock().now(),
        event_types: environment.event_types.into_iter().map(|one| EventTypeOut::new(one, true)).collect(),
        settings: OrganizationOut::new(actor.org, environment.settings),
        connectors: [],
    };
    Ok(respond::json(StatusCode::OK, &body))
}

/// Sets the organization up with what was read elsewhere.
///
/// What it has beside stays. Nothing is kept if any part is refused; the answer names each of those.
#[utoipa::path(
    post, path = "/api/v1/environment/import", operation_id = "v1.environment.import", tag = "Environment",
    request_body = EnvironmentIn, responses((status = 204, description = "It is set up.")),
)]
pub(crate) async fn import(State(service): State<Arc<Service>>, asked: Asked) -> Result<Response, Problem> {
    asked.actor.require(Right::ManageOrganization)?;
    let EnvironmentIn { version, event_types, settings } = asked.config(&[])?;
    if let Some(version) = version.filter(|version| *version > VERSION) {
        let rule = format!(
            "It is of version {version}, and this server reads {VERSION}: import it where it came from, or update this one."
        );
        return Err(Problem::invalid([FieldError::body("version", rule)]));
    }
    let (mut drafts, mut faults) = (Vec::new(), Vec::new());
    for (at, event_type) in event_types.into_iter().flatten().enumerate() {
        match imported(&event_type, at) {
            Ok(imported) => drafts.push(imported),
            Err(fault) => faults.push(fault),
        }
    }
    let settings = settings.map(|settings| json::parse_part(&settings, &["body".into(), "settings".into()]));
    let settings: Option<OrganizationPatch> = settings.transpose().unwrap_or_else(|fault| {
        faults.push(fault);
        None
    });
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let change = settings.map(|settings| move |draft: &mut OrganizationDraft| settings.apply(draft));
    service.import_environment(&asked.actor, &drafts, change).await?;
    Ok(respond::nothing())
}

/// An event type, by its position in the list.
fn imported(event_type: &RawValue, at: usize) -> Result<ImportedEventType, FieldError> {
    let place = ["body".into(), "eventTypes".into(), at.to_string().into()];
    let event_type: EventTypeIn = json::parse_part(event_type, &place)?;
    let name = event_type.name().to_owned();
    event_type.imported().map_err(|fault| {
        // What follows `body` is the member of the event type, which is known by its name.
        let to_it = ["body".into(), "eventTypes".into(), name.into()];
        FieldError { path: to_it.into_iter().chain(fault.path.into_iter().skip(1)).collect(), ..fault }
    })
}
