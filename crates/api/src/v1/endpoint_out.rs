//! Endpoints as answers write them.

use std::time::Duration;

use indexmap::IndexMap;
use ringback_model::{EndpointId, OnExhausted, Ordering, Timestamp, format_duration};
use ringback_service::EndpointView;
use serde::Serialize;
use utoipa::ToSchema;

use super::endpoint_messaging::MessagingOut;
use super::endpoint_value::Batch;

/// In which order messages go.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes `ringback_model::Ordering`")]
pub(crate) enum OrderingName {
    None,
    PerKey,
    Fifo,
}

/// What an ordered endpoint does when a message has used up its tries.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes `ringback_model::OnExhausted`")]
pub(crate) enum OnExhaustedName {
    Skip,
    Pause,
}

/// An endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointOut {
    #[schema(value_type = String, example = "ep_1srOrx2ZWZBpBUvZwXKQmoEYga2")]
    id: EndpointId,
    uid: Option<String>,
    #[schema(format = "uri")]
    url: String,
    description: String,
    version: u16,
    disabled: bool,
    /// Why the server disabled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_reason: Option<String>,
    paused: bool,
    event_types: Option<Vec<String>>,
    /// The old name of `eventTypes`.
    #[schema(deprecated)]
    filter_types: Option<Vec<String>>,
    channels: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    filter: Option<serde_json::Value>,
    throttle_rate: Option<u16>,
    /// The old name of `throttleRate`.
    #[schema(deprecated)]
    rate_limit: Option<u16>,
    max_concurrency: Option<u16>,
    timeout: Option<String>,
    retry_schedule: Option<Vec<String>>,
    #[schema(value_type = OrderingName)]
    ordering: Ordering,
    #[schema(value_type = OnExhaustedName)]
    on_exhausted: OnExhausted,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<Batch>,
    #[serde(flatten)]
    messaging: MessagingOut,
    /// There is a `providerSecret`, which is never shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    has_provider_secret: bool,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    metadata: IndexMap<String, String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// What was changed on the way in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<String>,
}

impl From<EndpointView> for EndpointOut {
    fn from(view: EndpointView) -> Self {
        let EndpointView { endpoint, auth, has_provider_secret, warnings } = view;
        let messaging = MessagingOut::new(&endpoint, auth);
        let schedule = endpoint.retry_schedule();
        Self {
            id: endpoint.id,
            uid: endpoint.uid,
            url: endpoint.url,
            description: endpoint.description,
            version: endpoint.version,
            disabled: endpoint.disabled,
            disabled_reason: endpoint.disabled_reason,
            paused: endpoint.paused,
            filter_types: endpoint.event_types.clone(),
            event_types: endpoint.event_types,
            channels: endpoint.channels,
            filter: endpoint.filter.map(|filter| filter.into_source()),
            throttle_rate: endpoint.throttle_rate,
            rate_limit: endpoint.throttle_rate,
            max_concurrency: endpoint.max_concurrency,
            timeout: endpoint.timeout_micros.map(|micros| format_duration(Duration::from_micros(micros))),
            retry_schedule: schedule.map(|delays| delays.into_iter().map(format_duration).collect()),
            ordering: endpoint.ordering,
            on_exhausted: endpoint.on_exhausted,
            batch: endpoint.batch.map(Into::into),
            messaging,
            has_provider_secret,
            metadata: endpoint.metadata,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
            warnings,
        }
    }
}
