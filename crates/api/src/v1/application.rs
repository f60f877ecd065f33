//! Applications.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use indexmap::IndexMap;
use ringback_model::{AppId, Application, ListedNumber, Redacted, Timestamp};
use ringback_service::{ApplicationDraft, ApplicationFilter, ApplicationView, Change, Right, Service};
use ringback_store::Direction;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::extract::{Asked, Caller, Path};
use crate::paging::{self, ListParams, ListResponse, OrderParam};
use crate::patch::{Patch, refuse_nulls};
use crate::problem::Problem;
use crate::query::Query;
use crate::respond;

/// What is said about an application.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApplicationIn {
    /// Its name, for people.
    #[schema(min_length = 1, max_length = 1024, example = "My first application")]
    name: String,
    /// Your own id for it: every path takes it in place of the server's.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 256, pattern = "^[a-zA-Z0-9\\-_.]+$", example = "customer-17")]
    uid: Option<String>,
    /// At most so many attempts a second, over all of its endpoints.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 1)]
    throttle_rate: Patch<u16>,
    /// The old name of `throttleRate`.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 1, deprecated)]
    rate_limit: Patch<u16>,
    /// At most so many messages a second are taken for it, with a burst of one second; null for no limit.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1000000)]
    ingest_rate: Patch<u32>,
    /// At most so many bytes of payload are kept of it; null for no limit. What comes in some seconds may be kept beside.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1)]
    storage_quota: Patch<u64>,
    /// The customer's numbers by product: what a webhook for one number is chosen from.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::HashMap<String, Vec<NumberOut>>>)]
    product_unique_ids: Patch<NumberLists>,
    /// What proves that an OTP backfill comes from the customer. Never returned; PUT without it keeps it.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 8, max_length = 256)]
    feedback_secret: Patch<Redacted>,
    /// Where messages may be called back to by a `callbackUrl`: prefixes of URLs.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    callback_allow_list: Patch<Vec<String>>,
    /// Your own notes.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::HashMap<String, String>>)]
    metadata: Option<IndexMap<String, String>>,
}

/// Numbers by product.
type NumberLists = IndexMap<String, Vec<ListedNumber>>;

/// One of a customer's numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NumberOut {
    /// The number, as reports carry it in `productUniqueId`.
    id: String,
    /// Its name, for people.
    name: Option<String>,
}

/// What changes about an application; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApplicationPatch {
    /// Its name, for people.
    #[serde(default)]
    #[schema(value_type = String)]
    name: Patch<String>,
    /// Your own id for it; null takes it away.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    uid: Patch<String>,
    /// At most so many attempts a second; null for no limit.
    #[serde(default)]
    #[schema(value_type = Option<u16>)]
    throttle_rate: Patch<u16>,
    /// The old name of `throttleRate`.
    #[serde(default)]
    #[schema(value_type = Option<u16>, deprecated)]
    rate_limit: Patch<u16>,
    /// At most so many messages a second are taken for it, with a burst of one second; null for no limit.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1000000)]
    ingest_rate: Patch<u32>,
    /// At most so many bytes of payload are kept of it; null for no limit. What comes in some seconds may be kept beside.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1)]
    storage_quota: Patch<u64>,
    /// The customer's numbers by product, all of them.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::HashMap<String, Vec<NumberOut>>>)]
    product_unique_ids: Patch<NumberLists>,
    /// What proves that an OTP backfill comes from the customer. Never returned; null takes it away.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 8, max_length = 256)]
    feedback_secret: Patch<Redacted>,
    /// Where messages may be called back to: prefixes of URLs, all of them.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    callback_allow_list: Patch<Vec<String>>,
    /// Your own notes, all of them.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    metadata: Patch<IndexMap<String, String>>,
}

/// An application.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApplicationOut {
    #[schema(value_type = String, example = "app_1srOrx2ZWZBpBUvZwXKQmoEYga2")]
    id: AppId,
    uid: Option<String>,
    name: String,
    throttle_rate: Option<u16>,
    /// The old name of `throttleRate`.
    #[schema(deprecated)]
    rate_limit: Option<u16>,
    ingest_rate: Option<u32>,
    storage_quota: Option<u64>,
    /// The customer's numbers by product.
    #[schema(value_type = std::collections::HashMap<String, Vec<NumberOut>>)]
    product_unique_ids: IndexMap<String, Vec<NumberOut>>,
    /// Whether there is a `feedbackSecret`.
    has_feedback_secret: bool,
    callback_allow_list: Vec<String>,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    metadata: IndexMap<String, String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl ApplicationIn {
    /// The draft of the use case.
    pub(crate) fn draft(self) -> Result<ApplicationDraft, Problem> {
        let rate = self.throttle_rate.or_older(self.rate_limit, "throttleRate", "rateLimit");
        let rate = rate.map_err(|fault| Problem::invalid([fault]))?;
        let mut draft = ApplicationDraft {
            uid: self.uid,
            name: self.name,
            metadata: self.metadata.unwrap_or_default(),
            ..ApplicationDraft::default()
        };
        rate.write_option(&mut draft.throttle_rate);
        apply_limits(&self.ingest_rate, &self.storage_quota, &mut draft);
        apply_lists(&self.product_unique_ids, &self.feedback_secret, &self.callback_allow_list, &mut draft);
        Ok(draft)
    }
}

fn apply_limits(rate: &Patch<u32>, quota: &Patch<u64>, draft: &mut ApplicationDraft) {
    rate.write_option(&mut draft.ingest.ingest_rate);
    quota.write_option(&mut draft.ingest.storage_quota);
}

/// Writes members of a body over a draft.
fn apply_lists(
    numbers: &Patch<NumberLists>,
    secret: &Patch<Redacted>,
    allowed: &Patch<Vec<String>>,
    draft: &mut ApplicationDraft,
) {
    numbers.clone().write(&mut draft.product_unique_ids, IndexMap::new());
    let secret = secret.clone().map(|secret| Change::Replace(Some(secret)));
    secret.write(&mut draft.feedback_secret, Change::Replace(None));
    allowed.clone().write(&mut draft.callback_allow_list, Vec::new());
}

impl From<ListedNumber> for NumberOut {
    fn from(number: ListedNumber) -> Self {
        Self { id: number.id, name: number.name }
    }
}

impl From<ApplicationView> for ApplicationOut {
    fn from(view: ApplicationView) -> Self {
        let ApplicationView { application, has_feedback_secret } = view;
        let Application {
            id,
            uid,
            name,
            throttle_rate,
            ingest,
            product_unique_ids,
            callback_allow_list,
            metadata,
            created_at,
            updated_at,
        } = application;
        let listed = |numbers: Vec<ListedNumber>| numbers.into_iter().map(NumberOut::from).collect();
        Self {
            id,
            uid,
            name,
            throttle_rate,
            rate_limit: throttle_rate,
            ingest_rate: ingest.ingest_rate,
            storage_quota: ingest.storage_quota,
            product_unique_ids: product_unique_ids.into_iter().map(|(product, all)| (product, listed(all))).collect(),
            has_feedback_secret,
            callback_allow_list,
            metadata,
            created_at,
            updated_at,
        }
    }
}

/// Lists the applications of the organization.
#[utoipa::path(
    get, path = "/api/v1/app", operation_id = "v1.application.list", tag = "Application",
    params(
        ListParams, OrderParam,
        ("exclude_apps_with_no_endpoints" = Option<bool>, Query, description = "Leave out those without an endpoint."),
        ("exclude_apps_with_disabled_endpoints" = Option<bool>, Query, description = "Leave out those whose endpoints \
            are all disabled."),
        ("exclude_apps_with_svix_play_endpoints" = Option<bool>, Query, description = "Leave out those whose endpoints \
            are all at `play.svix.com`."),
    ),
    responses((status = 200, body = ListResponse<ApplicationOut>)),
)]
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let window = query.window(Direction::Ascending, true)?.map(|id: AppId| id.to_string());
    let filter = ApplicationFilter {
        no_endpoints: query.flag("exclude_apps_with_no_endpoints")?,
        all_disabled: query.flag("exclude_apps_with_disabled_endpoints")?,
        all_at_play: query.flag("exclude_apps_with_svix_play_endpoints")?,
    };
    let page = service.list_applications(&actor, window, filter).await?;
    Ok(paging::page(page, |view| view.application.id.to_string(), ApplicationOut::from))
}

/// Makes an application.
#[utoipa::path(
    post, path = "/api/v1/app", operation_id = "v1.application.create", tag = "Application",
    params(
        ("get_if_exists" = Option<bool>, Query, description = "Answer the application of this uid, if there is one."),
        ("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key."),
    ),
    request_body = ApplicationIn,
    responses(
        (status = 201, body = ApplicationOut),
        (status = 200, description = "There was one already.", body = ApplicationOut),
    ),
)]
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    query: Query,
    asked: Asked,
) -> Result<Response, Problem> {
    asked.actor.require(Right::ManageApplications)?;
    let get_if_exists = query.flag("get_if_exists")?;
    let draft = asked.config::<ApplicationIn>(&[])?.draft()?;
    let made = service.create_application(&asked.actor, draft, get_if_exists, asked.idempotency).await?;
    Ok(respond::json(respond::made(made.created), &ApplicationOut::from(made.item)))
}

/// Reads an application.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}", operation_id = "v1.application.get", tag = "Application",
    params(("app_id" = String, Path, description = "Id or uid of the application.")),
    responses((status = 200, body = ApplicationOut)),
)]
pub(crate) async fn get(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let application = service.get_application(&actor, &app).await?;
    Ok(respond::json(StatusCode::OK, &ApplicationOut::from(application)))
}

/// Replaces an application, or makes it.
///
/// The id in the path does not become its uid.
#[utoipa::path(
    put, path = "/api/v1/app/{app_id}", operation_id = "v1.application.update", tag = "Application",
    params(("app_id" = String, Path, description = "Id or uid of the application.")),
    request_body = ApplicationIn,
    responses(
        (status = 200, body = ApplicationOut),
        (status = 201, description = "There was none.", body = ApplicationOut),
    ),
)]
pub(crate) async fn put(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    asked.actor.require(Right::ManageApplications)?;
    let draft = asked.config::<ApplicationIn>(&[])?.draft()?;
    let made = service.put_application(&asked.actor, &app, draft).await?;
    Ok(respond::json(respond::made(made.created), &ApplicationOut::from(made.item)))
}

/// Changes an application.
#[utoipa::path(
    patch, path = "/api/v1/app/{app_id}", operation_id = "v1.application.patch", tag = "Application",
    params(("app_id" = String, Path, description = "Id or uid of the application.")),
    request_body = ApplicationPatch,
    responses((status = 200, body = ApplicationOut)),
)]
pub(crate) async fn patch(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    asked.actor.require(Right::ManageApplications)?;
    let patch: ApplicationPatch = asked.config(&[])?;
    refuse_nulls(&[("name", patch.name.is_null()), ("metadata", patch.metadata.is_null())])?;
    let rate = patch.throttle_rate.or_older(patch.rate_limit, "throttleRate", "rateLimit");
    let rate = rate.map_err(|fault| Problem::invalid([fault]))?;
    let change = |draft: &mut ApplicationDraft| {
        patch.name.clone().write(&mut draft.name, String::new());
        patch.uid.clone().write_option(&mut draft.uid);
        rate.write_option(&mut draft.throttle_rate);
        apply_limits(&patch.ingest_rate, &patch.storage_quota, draft);
        apply_lists(&patch.product_unique_ids, &patch.feedback_secret, &patch.callback_allow_list, draft);
        patch.metadata.clone().write(&mut draft.metadata, IndexMap::new());
    };
    let application = service.update_application(&asked.actor, &app, change).await?;
    Ok(respond::json(StatusCode::OK, &ApplicationOut::from(application)))
}

/// Deletes an application with its endpoints.
#[utoipa::path(
    delete, path = "/api/v1/app/{app_id}", operation_id = "v1.application.delete", tag = "Application",
    params(("app_id" = String, Path, description = "Id or uid of the application.")),
    responses((status = 204, description = "It is deleted.")),
)]
pub(crate) async fn delete(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    service.delete_application(&actor, &app).await?;
    Ok(respond::nothing())
}
