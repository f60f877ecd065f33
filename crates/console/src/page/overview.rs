//! How deliveries go: of an organization, an application or a webhook, over an hour, a day or a week.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use ringback_model::{Breaker, Endpoint, Tally, Timestamp};
use ringback_service::{
    Backlog, EndpointStanding, JointBacklog, Node, Right, Service, Shard, Standings, Statistics, StatisticsWindow,
};

use super::sign_in::in_query;
use crate::answer::page;
use crate::chart::{self, Chart, Key};
use crate::error::PageError;
use crate::layout::Layout;
use crate::text;
use crate::visit::{AppVisit, Visit};

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    layout: Layout,
    heading: String,
    about: String,
    /// The page above this one.
    back: Option<(String, String)>,
    here: String,
    windows: Vec<WindowLink>,
    in_words: &'static str,
    tiles: Vec<Tile>,
    traffic: Chart,
    lag: Chart,
    /// Steps in which anything happened, the latest first.
    steps: Vec<Step>,
    lists: Option<Lists>,
}

struct WindowLink {
    word: &'static str,
    label: &'static str,
    current: bool,
}

struct Tile {
    label: &'static str,
    value: String,
    note: String,
    tone: &'static str,
}

struct Step {
    from: String,
    delivered: String,
    failed: String,
    not_sent: String,
    lags: [String; 3],
}

struct Lists {
    failing: Vec<Webhook>,
    slowest: Vec<Webhook>,
    in_words: &'static str,
}

struct Webhook {
    path: String,
    id: String,
    name: String,
    failed: String,
    success: String,
    mean: String,
    attempts: String,
}

/// What the page is about.
struct Subject {
    layout: Layout,
    heading: String,
    about: String,
    back: Option<(String, String)>,
    here: String,
}

/// How the deliveries of all applications go.
pub(crate) async fn of_organization(
    State(service): State<Arc<Service>>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let window = window(query.as_deref());
    let statistics = service.organization_statistics(&visit.actor, window).await?;
    let standings = service.organization_standings(&visit.actor, window).await?;
    let subject = Subject {
        layout: Layout::of_organization(&service, &visit, "Overview", "/overview").await?,
        heading: "Overview".to_owned(),
        about: "How the deliveries of all applications go.".to_owned(),
        back: None,
        here: format!("{}/overview", visit.base),
    };
    let lists = lists(&service, &visit, standings, window).await?;
    let counted = service.organization_backlog(&visit.actor).await?;
    let pending = counted.map(|(one, at)| joint_tiles(&one, at, service.clock().now())).into_iter().flatten();
    let nodes = nodes_tile(&service.nodes(&visit.actor).await?);
    Ok(answer(subject, &statistics, pending.chain(nodes).collect(), Some(lists)))
}

/// How the deliveries of an application go.
pub(crate) async fn of_application(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let window = window(query.as_deref());
    let actor = &visit.visit.actor;
    let statistics = service.application_statistics(actor, &visit.name, window).await?;
    let standings = service.standings(actor, &visit.name, window).await?;
    let counted = service.application_backlog(actor, &visit.name).await?;
    let subject = Subject {
        layout: Layout::of_app(&service, &visit, "Overview", "/overview").await?,
        heading: "Overview".to_owned(),
        about: format!("How the deliveries of {} go.", visit.app.application.name),
        back: None,
        here: format!("{}/overview", visit.base),
    };
    let lists = lists(&service, &visit.visit, standings, window).await?;
    let pending = counted.map(|(one, at)| joint_tiles(&one, at, service.clock().now())).into_iter().flatten();
    Ok(answer(subject, &statistics, pending.collect(), Some(lists)))
}

/// How the deliveries of a webhook go.
pub(crate) async fn of_endpoint(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, name)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let window = window(query.as_deref());
    let actor = &visit.visit.actor;
    let endpoint = service.get_endpoint(actor, &visit.name, &name).await?.endpoint;
    let statistics = service.endpoint_statistics(actor, &visit.name, &name, window).await?;
    let condition = service.endpoint_condition(actor, &visit.name, &name).await?;
    let subject = Subject {
        layout: Layout::of_app(&service, &visit, "Overview of a webhook", "/overview").await?,
        heading: name_of(&endpoint),
        about: format!("How the deliveries of the webhook {} go.", endpoint.id),
        back: Some((format!("{}/overview", visit.base), "All webhooks".to_owned())),
        here: format!("{}/overview/{}", visit.base, endpoint.id),
    };
    let now = service.clock().now();
    let tiles = vec![pending_tile(condition.backlog, now), breaker_tile(condition.health.breaker, now)];
    Ok(answer(subject, &statistics, tiles, None))
}

fn answer(subject: Subject, statistics: &Statistics, beside: Vec<Tile>, lists: Option<Lists>) -> Response {
    let Subject { layout, heading, about, back, here } = subject;
    let window = statistics.window;
    let link = |one: StatisticsWindow| WindowLink { word: one.text(), label: label(one), current: one == window };
    let happened = |tally: &Tally| tally.attempts() + tally.not_sent + tally.given_up > 0;
    let steps = statistics.points.iter().rev().filter(|(_, tally)| happened(tally));
    page(&OverviewPage {
        layout,
        heading,
        about,
        back,
        here,
        windows: StatisticsWindow::ALL.map(link).into(),
        in_words: in_words(window),
        tiles: tiles(statistics).into_iter().chain(beside).collect(),
        traffic: traffic(statistics),
        lag: lag(statistics),
        steps: steps.map(|(at, tally)| step(*at, tally)).collect(),
        lists,
    })
}

/// The window that a query names.
fn window(query: Option<&str>) -> StatisticsWindow {
    StatisticsWindow::from_text(&in_query(query, "window")).unwrap_or_default()
}

const fn label(window: StatisticsWindow) -> &'static str {
    match window {
        StatisticsWindow::Hour => "1 hour",
        StatisticsWindow::Day => "24 hours",
        StatisticsWindow::Week => "7 days",
    }
}

const fn in_words(window: StatisticsWindow) -> &'static str {
    match window {
        StatisticsWindow::Hour => "in the last hour",
        StatisticsWindow::Day => "in the last 24 hours",
        StatisticsWindow::Week => "in the last 7 days",
    }
}

fn tiles(statistics: &Statistics) -> Vec<Tile> {
    let total = &statistics.total;
    let tile = |label, value, note, tone| Tile { label, value, note, tone };
    let rate_tone = match total.success_rate() {
        Some(rate) if rate >= 0.99 => "good",
        Some(rate) if rate >= 0.9 => "warn",
        Some(_) => "bad",
        None => "",
    };
    let seconds = statistics.window.span().length().as_secs_f64() * f64::from(statistics.window.steps());
    let per_minute = format!("{:.1} a minute", total.delivered as f64 * 60.0 / seconds);
    let lag = |q| total.lag(q).map_or_else(none, text::rough_length);
    let or_nothing = |count: u64| if count == 0 { "" } else { "bad" };
    vec![
        tile("Delivered", text::count(total.delivered), per_minute, ""),
        tile(
            "Success rate",
            total.success_rate().map_or_else(none, text::percent),
            format!("of {} attempt{}", text::count(total.attempts()), if total.attempts() == 1 { "" } else { "s" }),
            rate_tone,
        ),
        tile("Lag, median", lag(0.5), "from due to delivered".to_owned(), ""),
        tile("Lag p95", lag(0.95), "95 of 100 within".to_owned(), ""),
        tile("Lag p99", lag(0.99), "99 of 100 within".to_owned(), ""),
        tile("Failed", text::count(total.failed), "attempts".to_owned(), or_nothing(total.failed)),
        tile("Given up", text::count(total.given_up), "deliveries".to_owned(), or_nothing(total.given_up)),
    ]
}

fn pending_tile(backlog: Backlog, now: Timestamp) -> Tile {
    let note = match backlog.oldest {
        Some(oldest) => format!("oldest from {}", text::ago(oldest, now)),
        None if backlog.pending > 0 => "being counted".to_owned(),
        None => "nothing waits".to_owned(),
    };
    Tile { label: "Pending now", value: text::pending(backlog), note, tone: "" }
}

/// What waits in an organization or an application, as it was last counted.
fn joint_tiles(counted: &JointBacklog, at: Timestamp, now: Timestamp) -> [Tile; 2] {
    let mut pending = pending_tile(counted.backlog, now);
    if now.since(at).as_secs() > 30 {
        pending.note = format!("{}, counted {}", pending.note, text::ago(at, now));
    }
    [pending, breakers_tile(counted.open_breakers)]
}

/// Webhooks that all attempts fail at.
fn breakers_tile(open: u64) -> Tile {
    let (note, tone) = if open == 0 { ("no webhook is held back", "") } else { ("one probe at a time", "bad") };
    Tile { label: "Open breakers", value: text::count(open), note: note.to_owned(), tone }
}

/// Whether all attempts at the webhook fail.
fn breaker_tile(breaker: Option<Breaker>, now: Timestamp) -> Tile {
    let (value, note, tone) = match breaker {
        None => ("Closed", "attempts go as they are due".to_owned(), ""),
        Some(Breaker { probe_at, .. }) if probe_at <= now => ("Open", "one probe at a time".to_owned(), "bad"),
        Some(Breaker { probe_at, .. }) => {
            let seconds = Duration::from_secs(probe_at.since(now).as_secs() + 1);
            ("Open", format!("next probe in {}", text::rough_length(seconds)), "bad")
        }
    };
    Tile { label: "Breaker", value: value.to_owned(), note, tone }
}

/// The servers that share the work, where several can.
fn nodes_tile(nodes: &[Node]) -> Option<Tile> {
    let shards: Vec<_> = nodes.iter().map(|node| node.shards.to_string()).collect();
    let is_whole = nodes.iter().map(|node| node.shards).sum::<usize>() == Shard::COUNT;
    let tone = if is_whole { "" } else { "warn" };
    let note = format!("shards: {}", shards.join(" + "));
    (!nodes.is_empty()).then(|| Tile { label: "Nodes", value: text::count(nodes.len() as u64), note, tone })
}

fn none() -> String {
    "—".to_owned()
}

fn traffic(statistics: &Statistics) -> Chart {
    let column = |(at, tally): &(Timestamp, Tally)| {
        let Tally { delivered, failed, not_sent, .. } = *tally;
        let title = format!("{}: {delivered} delivered, {failed} failed, {not_sent} not sent", text::time(*at));
        ([delivered, failed, not_sent], title)
    };
    let columns: Vec<_> = statistics.points.iter().map(column).collect();
    let (bars, top) = chart::bars(&columns, ["good", "bad", "warn"]);
    let total = &statistics.total;
    let unit = match statistics.window {
        StatisticsWindow::Hour => "minute",
        StatisticsWindow::Day | StatisticsWindow::Week => "hour",
    };
    let half = if top.is_multiple_of(2) { text::count(top / 2) } else { String::new() };
    Chart {
        id: "traffic",
        title: "Attempts",
        description: format!(
            "Attempts for each {unit} {}: {} delivered, {} failed, {} not sent.",
            in_words(statistics.window),
            total.delivered,
            total.failed,
            total.not_sent
        ),
        legend: vec![
            Key { tone: "good", label: "Delivered" },
            Key { tone: "bad", label: "Failed" },
            Key { tone: "warn", label: "Not sent" },
        ],
        bars,
        lines: Vec::new(),
        scale: vec![text::count(top), half, "0".to_owned()],
        times: times(statistics),
    }
}

/// The quantiles of lag that are told.
const QUANTILES: [(f64, &str); 3] = [(0.99, "p99"), (0.95, "p95"), (0.5, "p50")];

fn lag(statistics: &Statistics) -> Chart {
    let series = |q: f64| statistics.points.iter().map(|(_, tally)| tally.lag(q)).collect::<Vec<_>>();
    let top = chart::decade(series(0.99).into_iter().flatten());
    let lines = QUANTILES.map(|(q, tone)| chart::line(&series(q), top, tone));
    let told = |q| statistics.total.lag(q).map_or_else(none, text::rough_length);
    Chart {
        id: "lag",
        title: "Lag",
        description: format!(
            "From the time a message was due to its delivery, {}: half within {}, 95 of 100 within {}, 99 of 100 within {}.",
            in_words(statistics.window),
            told(0.5),
            told(0.95),
            told(0.99)
        ),
        legend: vec![
            Key { tone: "p50", label: "p50" },
            Key { tone: "p95", label: "p95" },
            Key { tone: "p99", label: "p99" },
        ],
        bars: Vec::new(),
        lines: lines.into(),
        scale: chart::decades(top),
        times: times(statistics),
    }
}

/// The first, the middle and the last time.
fn times(statistics: &Statistics) -> Vec<String> {
    let points = &statistics.points;
    let shown = |at: usize| {
        let time = text::time(points.get(at)?.0);
        let hours_and_minutes = time.get(11..16)?;
        let day = time.get(5..10)?;
        Some(match statistics.window {
            StatisticsWindow::Hour => format!("{hours_and_minutes} UTC"),
            StatisticsWindow::Day | StatisticsWindow::Week => format!("{day} {hours_and_minutes} UTC"),
        })
    };
    let middle = shown(points.len() / 2);
    [shown(0), middle, Some("now".to_owned())].into_iter().flatten().collect()
}

fn step(at: Timestamp, tally: &Tally) -> Step {
    Step {
        from: text::time(at),
        delivered: text::count(tally.delivered),
        failed: text::count(tally.failed),
        not_sent: text::count(tally.not_sent),
        lags: [0.5, 0.95, 0.99].map(|q| tally.lag(q).map_or_else(none, text::rough_length)),
    }
}

async fn lists(
    service: &Service,
    visit: &Visit,
    standings: Standings,
    window: StatisticsWindow,
) -> Result<Lists, PageError> {
    let failing = webhooks(service, visit, &standings.failing).await?;
    let slowest = webhooks(service, visit, &standings.slowest).await?;
    // Webhooks are told apart for a day at most.
    let in_words = in_words(if window == StatisticsWindow::Week { StatisticsWindow::Day } else { window });
    Ok(Lists { failing, slowest, in_words })
}

async fn webhooks(service: &Service, visit: &Visit, standings: &[EndpointStanding]) -> Result<Vec<Webhook>, PageError> {
    let mut webhooks = Vec::with_capacity(standings.len());
    for EndpointStanding { app, endpoint: id, tally } in standings {
        let (app, id) = (app.to_string(), id.to_string());
        let name = if visit.may(Right::ReadEndpoints) {
            name_of(&service.get_endpoint(&visit.actor, &app, &id).await?.endpoint)
        } else {
            id.clone()
        };
        webhooks.push(Webhook {
            path: format!("{}/{app}/overview/{id}", visit.base),
            name,
            failed: text::count(tally.failed + tally.not_sent),
            success: tally.success_rate().map_or_else(none, text::percent),
            mean: tally.mean_exchange().map_or_else(none, text::length),
            attempts: text::count(tally.attempts()),
            id,
        });
    }
    Ok(webhooks)
}

/// What a webhook is called: its description, else its URL.
fn name_of(endpoint: &Endpoint) -> String {
    let description = endpoint.description.trim();
    if description.is_empty() { endpoint.url.clone() } else { description.to_owned() }
}
