//! Event types: the names that messages carry and endpoints filter by.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_model::{EventType, ReportMapping, Timestamp};
use ringback_service::{EventTypeDraft, FieldError, ImportedEventType, Right, Service, schemas_of};
use ringback_store::Direction;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::extract::{Asked, Caller, Path};
use crate::paging::{self, ListParams, ListResponse, OrderParam};
use crate::patch::{Patch, refuse_nulls};
use crate::problem::Problem;
use crate::query::Query;
use crate::respond;

/// Where a value of a report comes from: the path in the payload, alone or with how it is written there.
#[derive(ToSchema)]
#[schema(as = MappedFrom)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is a schema alone: the model reads and writes it")]
pub(crate) enum MappedFromSchema {
    /// The path, with dots between levels.
    Path(String),
    /// The path, and how the value is written there.
    More {
        /// The path, with dots between levels.
        path: String,
        /// What the report says for what the payload says, in any case.
        #[schema(value_type = Option<std::collections::HashMap<String, String>>, example = json!({"OK": "delivered"}))]
        words: Option<std::collections::HashMap<String, String>>,
        /// How a time is written there, as `timeFormat` of an endpoint names it; RFC 3339 if absent.
        #[schema(example = "epoch_ms")]
        format: Option<String>,
        /// The zone of times that name none (IANA); UTC if absent.
        #[serde(rename = "timeZone")]
        time_zone: Option<String>,
    },
}

/// What is said about a new event type.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventTypeIn {
    /// What messages carry.
    #[schema(min_length = 1, max_length = 256, pattern = "^[a-zA-Z0-9._:\\-]+$", example = "sms.dlr")]
    name: String,
    /// What it means, for people.
    description: String,
    /// Left out of lists unless asked for.
    archived: Option<bool>,
    /// Not for new use.
    deprecated: Option<bool>,
    /// Applications see it only with a token that carries this flag.
    feature_flag: Option<String>,
    /// The same as a list of one: another name of it.
    #[schema(max_items = 1)]
    feature_flags: Option<Vec<String>>,
    /// JSON Schemas by version.
    #[schema(value_type = Option<Object>)]
    schemas: Option<Box<RawValue>>,
    /// How payloads of your own form become reports: the report's path and the payload's, with dots between levels; or an
    /// object with `path`, and `words`, `format` or `timeZone`.
    #[schema(value_type = Option<std::collections::HashMap<String, MappedFromSchema>>, example = json!({"message.id": "data.sms.id"}))]
    report_mapping: Option<ReportMapping>,
}

/// What an event type says from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventTypeUpdate {
    /// What it means, for people.
    description: String,
    /// Left out of lists unless asked for.
    archived: Option<bool>,
    /// Not for new use.
    deprecated: Option<bool>,
    /// Applications see it only with a token that carries this flag.
    feature_flag: Option<String>,
    /// The same as a list of one: another name of it.
    #[schema(max_items = 1)]
    feature_flags: Option<Vec<String>>,
    /// JSON Schemas by version.
    #[schema(value_type = Option<Object>)]
    schemas: Option<Box<RawValue>>,
    /// How payloads of your own form become reports: the report's path and the payload's, with dots between levels; or an
    /// object with `path`, and `words`, `format` or `timeZone`.
    #[schema(value_type = Option<std::collections::HashMap<String, MappedFromSchema>>, example = json!({"message.id": "data.sms.id"}))]
    report_mapping: Option<ReportMapping>,
}

/// What changes about an event type; what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventTypePatch {
    /// What it means, for people.
    #[serde(default)]
    #[schema(value_type = String)]
    description: Patch<String>,
    /// Left out of lists unless asked for.
    #[serde(default)]
    #[schema(value_type = bool)]
    archived: Patch<bool>,
    /// Not for new use.
    #[serde(default)]
    #[schema(value_type = bool)]
    deprecated: Patch<bool>,
    /// Applications see it only with a token that carries this flag.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    feature_flag: Patch<String>,
    /// The same as a list of one: another name of it.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 1)]
    feature_flags: Patch<Vec<String>>,
    /// JSON Schemas by version.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    schemas: Patch<Box<RawValue>>,
    /// How payloads of your own form become reports, all of it.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::HashMap<String, MappedFromSchema>>)]
    report_mapping: Patch<ReportMapping>,
}

/// An event type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventTypeOut {
    name: String,
    description: String,
    archived: bool,
    deprecated: bool,
    feature_flag: Option<String>,
    /// The same as a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    feature_flags: Option<[String; 1]>,
    /// JSON Schemas by version; those of a built-in type (`/schemas`) where it has none of its own.
    #[schema(value_type = Option<Object>)]
    schemas: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "ReportMapping::is_empty")]
    #[schema(value_type = std::collections::HashMap<String, MappedFromSchema>, required = false)]
    report_mapping: ReportMapping,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl EventTypeOut {
    pub(crate) fn new(event_type: EventType, with_schemas: bool) -> Self {
        let schemas = schemas_of(&event_type).filter(|_| with_schemas);
        // It was read as JSON when it came in.
        let schemas = schemas.and_then(|text| RawValue::from_string(text.into_owned()).ok());
        let EventType {
            name,
            description,
            archived,
            deprecated,
            feature_flag,
            schemas: _,
            report_mapping,
            created_at,
            updated_at,
        } = event_type;
        Self {
            name,
            description,
            archived,
            deprecated,
            feature_flags: feature_flag.clone().map(|flag| [flag]),
            feature_flag,
            schemas,
            report_mapping,
            created_at,
            updated_at,
        }
    }
}

impl EventTypeIn {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its name, and what it says.
    pub(crate) fn imported(self) -> Result<ImportedEventType, FieldError> {
        let Self { name, description, archived, deprecated, feature_flag, feature_flags, schemas, report_mapping } =
            self;
        let said =
            EventTypeUpdate { description, archived, deprecated, feature_flag, feature_flags, schemas, report_mapping };
        Ok(ImportedEventType { name, draft: said.draft()? })
    }
}

impl EventTypeUpdate {
    fn draft(self) -> Result<EventTypeDraft, FieldError> {
        let Self { description, archived, deprecated, feature_flag, feature_flags, schemas, report_mapping } = self;
        let mut flag = None;
        let said = |flag: Option<String>| flag.map_or(Patch::Absent, Patch::Set);
        one_flag(said(feature_flag), feature_flags.map_or(Patch::Absent, Patch::Set))?.write_option(&mut flag);
        Ok(EventTypeDraft {
            description,
            archived: archived.unwrap_or(false),
            deprecated: deprecated.unwrap_or(false),
            feature_flag: flag,
            schemas: schemas.map(text),
            report_mapping: report_mapping.unwrap_or_default(),
        })
    }
}

/// The flag, by whichever of its names it was given.
fn one_flag(flag: Patch<String>, flags: Patch<Vec<String>>) -> Result<Patch<String>, FieldError> {
    let from_list = match flags {
        Patch::Absent => Patch::Absent,
        Patch::Null => Patch::Null,
        Patch::Set(mut flags) => match (flags.pop(), flags.is_empty()) {
            (None, _) => Patch::Null,
            (Some(flag), true) => Patch::Set(flag),
            (Some(_), false) => return Err(FieldError::body("featureFlags", "An event type has one flag at most.")),
        },
    };
    match (flag, from_list) {
        (one, Patch::Absent) => Ok(one),
        (Patch::Absent, other) => Ok(other),
        (one, other) if one == other => Ok(one),
        _ => {
            Err(FieldError::body("featureFlags", "It is another name of `featureFlag`: give one of them, or the same."))
        }
    }
}

/// Schemas as they are kept: as they were written.
fn text(schemas: Box<RawValue>) -> String {
    String::from(Box::<str>::from(schemas))
}

/// The name of an event type as an iterator of a list.
#[derive(Debug)]
struct Position(String);

impl std::str::FromStr for Position {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"._:-".contains(&b);
        if !name.is_empty() && name.bytes().all(is_allowed) { Ok(Self(name.to_owned())) } else { Err(()) }
    }
}

/// Lists event types, by name.
#[utoipa::path(
    get, path = "/api/v1/event-type", operation_id = "v1.event-type.list", tag = "Event Type",
    params(
        ListParams, OrderParam,
        ("include_archived" = Option<bool>, Query, description = "Archived ones too."),
        ("with_content" = Option<bool>, Query, description = "With schemas; without them if absent."),
    ),
    responses((status = 200, body = ListResponse<EventTypeOut>)),
)]
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let window = query.window(Direction::Ascending, true)?.map(|Position(name)| name);
    let with_content = query.flag("with_content")?;
    let page = service.list_event_types(&actor, window, query.flag("include_archived")?).await?;
    Ok(paging::page(
        page,
        |event_type| event_type.name.clone(),
        |event_type| EventTypeOut::new(event_type, with_content),
    ))
}

/// Makes an event type.
///
/// One that is archived comes back.
#[utoipa::path(
    post, path = "/api/v1/event-type", operation_id = "v1.event-type.create", tag = "Event Type",
    params(("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key.")),
    request_body = EventTypeIn,
    responses((status = 201, body = EventTypeOut)),
)]
pub(crate) async fn create(State(service): State<Arc<Service>>, asked: Asked) -> Result<Response, Problem> {
    asked.actor.require(Right::ManageEventTypes)?;
    let new = asked.config::<EventTypeIn>(&[])?.imported();
    let ImportedEventType { name, draft } = new.map_err(|fault| Problem::invalid([fault]))?;
    let event_type = service.create_event_type(&asked.actor, &name, draft, asked.idempotency).await?;
    Ok(respond::json(StatusCode::CREATED, &EventTypeOut::new(event_type, true)))
}

/// Reads an event type.
#[utoipa::path(
    get, path = "/api/v1/event-type/{event_type_name}", operation_id = "v1.event-type.get", tag = "Event Type",
    params(("event_type_name" = String, Path, description = "Name of the event type.")),
    responses((status = 200, body = EventTypeOut)),
)]
pub(crate) async fn get(
    State(service): State<Arc<Service>>,
    Path(name): Path<String>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let event_type = service.get_event_type(&actor, &name).await?;
    Ok(respond::json(StatusCode::OK, &EventTypeOut::new(event_type, true)))
}

/// Replaces what an event type says, or makes it.
#[utoipa::path(
    put, path = "/api/v1/event-type/{event_type_name}", operation_id = "v1.event-type.update", tag = "Event Type",
    params(("event_type_name" = String, Path, description = "Name of the event type.")),
    request_body = EventTypeUpdate,
    responses((status = 200, body = EventTypeOut), (status = 201, description = "There was none.", body = EventTypeOut)),
)]
pub(crate) async fn put(
    State(service): State<Arc<Service>>,
    Path(name): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    asked.actor.require(Right::ManageEventTypes)?;
    let draft = asked.config::<EventTypeUpdate>(&[])?.draft().map_err(|fault| Problem::invalid([fault]))?;
    let made = service.put_event_type(&asked.actor, &name, draft).await?;
    Ok(respond::json(respond::made(made.created), &EventTypeOut::new(made.item, true)))
}

/// Changes an event type.
#[utoipa::path(
    patch, path = "/api/v1/event-type/{event_type_name}", operation_id = "v1.event-type.patch", tag = "Event Type",
    params(("event_type_name" = String, Path, description = "Name of the event type.")),
    request_body = EventTypePatch,
    responses((status = 200, body = EventTypeOut)),
)]
pub(crate) async fn patch(
    State(service): State<Arc<Service>>,
    Path(name): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    asked.actor.require(Right::ManageEventTypes)?;
    let patch: EventTypePatch = asked.config(&[])?;
    refuse_nulls(&[
        ("description", patch.description.is_null()),
        ("archived", patch.archived.is_null()),
        ("deprecated", patch.deprecated.is_null()),
    ])?;
    let schemas = patch.schemas.map(text);
    let flag = one_flag(patch.feature_flag, patch.feature_flags).map_err(|fault| Problem::invalid([fault]))?;
    let change = |draft: &mut EventTypeDraft| {
        patch.description.clone().write(&mut draft.description, String::new());
        patch.archived.write(&mut draft.archived, false);
        patch.deprecated.write(&mut draft.deprecated, false);
        flag.clone().write_option(&mut draft.feature_flag);
        schemas.clone().write_option(&mut draft.schemas);
        patch.report_mapping.clone().write(&mut draft.report_mapping, ReportMapping::new());
    };
    let event_type = service.update_event_type(&asked.actor, &name, change).await?;
    Ok(respond::json(StatusCode::OK, &EventTypeOut::new(event_type, true)))
}

/// Archives an event type, or removes it.
#[utoipa::path(
    delete, path = "/api/v1/event-type/{event_type_name}", operation_id = "v1.event-type.delete", tag = "Event Type",
    params(
        ("event_type_name" = String, Path, description = "Name of the event type."),
        ("expunge" = Option<bool>, Query, description = "Remove it, rather than archive it."),
    ),
    responses((status = 204, description = "It is archived, or removed.")),
)]
pub(crate) async fn delete(
    State(service): State<Arc<Service>>,
    Path(name): Path<String>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    service.delete_event_type(&actor, &name, query.flag("expunge")?).await?;
    Ok(respond::nothing())
}
