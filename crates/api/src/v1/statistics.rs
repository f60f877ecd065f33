//! How deliveries went: counts over time, for charts and for the client libraries.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_model::{EndpointId, Tally, Timestamp};
use ringback_service::{EndpointStanding, Service, Standings, Statistics, StatisticsWindow};
use serde::Serialize;
use utoipa::ToSchema;

use crate::extract::{Caller, Path};
use crate::problem::Problem;
use crate::query::{Query, wrong};
use crate::respond;

/// Deliveries to an endpoint by what came of them, and what waits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndpointStats {
    /// Deliveries that succeeded; each resend that did counts, too.
    success: u64,
    /// Deliveries that wait, now.
    pending: u64,
    /// Always 0: what is under way is among those that wait.
    sending: u64,
    /// Deliveries that failed: their tries are used up.
    fail: u64,
    /// Always 0: what is called off is not counted.
    canceled: u64,
}

/// Deliveries to an endpoint by what came of them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndpointAttemptStats {
    /// Deliveries that succeeded; each resend that did counts, too.
    success: u64,
    /// Deliveries that failed: their tries are used up.
    fail: u64,
    /// Always 0: what is called off is not counted.
    canceled: u64,
}

/// What was counted over some time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TallyOut {
    /// Attempts that succeeded.
    delivered: u64,
    /// Attempts that the receiver failed.
    failed: u64,
    /// Attempts of which nothing was sent.
    not_sent: u64,
    /// Deliveries that ended without success.
    given_up: u64,
    /// The part of what reached the receiver that succeeded, 0 to 1; null if nothing did.
    success_rate: Option<f64>,
    /// From acceptance to success, retries included.
    lag: LagOut,
    /// The mean time of an exchange, in milliseconds.
    exchange_ms: Option<f64>,
}

/// The lag that half, 95 and 99 of a hundred deliveries stayed within, in milliseconds; null if there were none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LagOut {
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
}

/// One step of a series.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PointOut {
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    #[serde(flatten)]
    tally: TallyOut,
}

/// How deliveries went.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatisticsOut {
    /// How far back: `1h`, `24h` or `7d`.
    window: &'static str,
    /// How long a step is, in seconds.
    step_seconds: u64,
    /// All steps together.
    total: TallyOut,
    /// Each step, oldest first; the last one is under way.
    points: Vec<PointOut>,
}

/// How deliveries of an application went, and which endpoints ask for a look.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApplicationStatisticsOut {
    #[serde(flatten)]
    statistics: StatisticsOut,
    /// Endpoints with the most attempts that failed, within the last 24 hours.
    failing: Vec<EndpointStandingOut>,
    /// Endpoints that take longest to answer, within the last 24 hours.
    slowest: Vec<EndpointStandingOut>,
}

/// How one endpoint did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointStandingOut {
    #[schema(value_type = String)]
    endpoint_id: EndpointId,
    #[serde(flatten)]
    tally: TallyOut,
}

impl From<Tally> for TallyOut {
    fn from(tally: Tally) -> Self {
        // Whole microseconds: what is below is noise.
        let millis = |time: Duration| time.as_micros() as f64 / 1e3;
        let lag = |q| tally.lag(q).map(millis);
        Self {
            delivered: tally.delivered,
            failed: tally.failed,
            not_sent: tally.not_sent,
            given_up: tally.given_up,
            success_rate: tally.success_rate(),
            lag: LagOut { p50_ms: lag(0.5), p95_ms: lag(0.95), p99_ms: lag(0.99) },
            exchange_ms: tally.mean_exchange().map(millis),
        }
    }
}

impl From<Statistics> for StatisticsOut {
    fn from(statistics: Statistics) -> Self {
        let Statistics { window, points, total } = statistics;
        let point = |(start, tally): (Timestamp, Tally)| PointOut { start, tally: tally.into() };
        Self {
            window: window.text(),
            step_seconds: window.span().length().as_secs(),
            total: total.into(),
            points: points.into_iter().map(point).collect(),
        }
    }
}

impl From<EndpointStanding> for EndpointStandingOut {
    fn from(standing: EndpointStanding) -> Self {
        Self { endpoint_id: standing.endpoint, tally: standing.tally.into() }
    }
}

fn window(query: &Query) -> Result<StatisticsWindow, Problem> {
    match query.text("window") {
        None => Ok(StatisticsWindow::default()),
        Some(text) => StatisticsWindow::from_text(text).ok_or_else(|| wrong("window", "It is `1h`, `24h` or `7d`.")),
    }
}

/// Counts the deliveries to an endpoint that ended in a range of 28 days at most.
///
/// To the hour within the last eight days, to the day (UTC) before; what ended in the last ten seconds may be missing.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/stats", operation_id = "v1.endpoint.get-stats",
    tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
        ("since" = Option<String>, Query, format = DateTime, description = "From this time on; a day before the end if absent."),
        ("until" = Option<String>, Query, format = DateTime, description = "Up to this time; now if absent."),
    ),
    responses((status = 200, body = EndpointStats)),
)]
pub(crate) async fn stats(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let range = (query.time("since")?, query.time("until")?);
    let (tally, backlog) = service.endpoint_stats(&actor, &app, &endpoint, range).await?;
    let stats = EndpointStats {
        success: tally.delivered,
        pending: backlog.pending,
        sending: 0,
        fail: tally.given_up,
        canceled: 0,
    };
    Ok(respond::json(StatusCode::OK, &stats))
}

/// Counts the deliveries to an endpoint that ended, as `stats` does, without those that wait.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/attempt-stats",
    operation_id = "v1.endpoint.get-attempt-stats", tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
        ("since" = Option<String>, Query, format = DateTime, description = "From this time on; a day before the end if absent."),
        ("until" = Option<String>, Query, format = DateTime, description = "Up to this time; now if absent."),
    ),
    responses((status = 200, body = EndpointAttemptStats)),
)]
pub(crate) async fn attempt_stats(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let range = (query.time("since")?, query.time("until")?);
    let tally = service.endpoint_tally(&actor, &app, &endpoint, range).await?;
    let stats = EndpointAttemptStats { success: tally.delivered, fail: tally.given_up, canceled: 0 };
    Ok(respond::json(StatusCode::OK, &stats))
}

/// Tells how the deliveries of all applications went.
#[utoipa::path(
    get, path = "/api/v1/statistics", operation_id = "v1.statistics.organization", tag = "Statistics",
    params(("window" = Option<String>, Query, description = "`1h`, `24h` (if absent) or `7d`.")),
    responses((status = 200, body = StatisticsOut)),
)]
pub(crate) async fn organization(
    State(service): State<Arc<Service>>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let statistics = service.organization_statistics(&actor, window(&query)?).await?;
    Ok(respond::json(StatusCode::OK, &StatisticsOut::from(statistics)))
}

/// Tells how the deliveries of an application went, and which of its endpoints ask for a look.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/statistics", operation_id = "v1.statistics.application", tag = "Statistics",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("window" = Option<String>, Query, description = "`1h`, `24h` (if absent) or `7d`."),
    ),
    responses((status = 200, body = ApplicationStatisticsOut)),
)]
pub(crate) async fn application(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let window = window(&query)?;
    let statistics = service.application_statistics(&actor, &app, window).await?.into();
    let Standings { failing, slowest } = service.standings(&actor, &app, window).await?;
    let listed = |standings: Vec<EndpointStanding>| standings.into_iter().map(Into::into).collect();
    let body = ApplicationStatisticsOut { statistics, failing: listed(failing), slowest: listed(slowest) };
    Ok(respond::json(StatusCode::OK, &body))
}

/// Tells how the deliveries of an endpoint went.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/statistics", operation_id = "v1.statistics.endpoint",
    tag = "Statistics",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
        ("window" = Option<String>, Query, description = "`1h`, `24h` (if absent) or `7d`."),
    ),
    responses((status = 200, body = StatisticsOut)),
)]
pub(crate) async fn endpoint(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let statistics = service.endpoint_statistics(&actor, &app, &endpoint, window(&query)?).await?;
    Ok(respond::json(StatusCode::OK, &StatisticsOut::from(statistics)))
}
