//! The table of webhooks.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ringback_model::EndpointId;
use ringback_service::{Direction, Right, Service, Window};

use super::{ACTIVE, FAILING, Lately, METHODS, Row};
use crate::answer::page;
use crate::error::PageError;
use crate::layout::Layout;
use crate::page::onboarding::{self, Step};
use crate::page::sign_in::in_query;
use crate::visit::AppVisit;

/// Rows on one page.
const PAGE: usize = 25;
/// Webhooks of one application that are looked through.
const WEBHOOKS_MAX: usize = 10_000;
/// States that can be filtered by.
const STATES: [&str; 6] = [ACTIVE, FAILING, "Paused", "Disabled", "Unverified", "Verification failed"];

#[derive(Template)]
#[template(path = "webhooks.html")]
struct WebhooksPage {
    layout: Layout,
    base: String,
    rows: Vec<Row>,
    /// There are none at all, whatever the filters say.
    none: bool,
    may_change: bool,
    steps: Vec<Step>,
    filters: Vec<Filter>,
    find: String,
    is_filtered: bool,
    first: usize,
    last: usize,
    total: usize,
    before: Option<String>,
    after: Option<String>,
}

struct Filter {
    name: &'static str,
    label: &'static str,
    chosen: String,
    words: Vec<String>,
}

/// The table.
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let query = query.as_deref();
    let window = Window { limit: WEBHOOKS_MAX, from: None, backwards: false, order: Direction::Descending };
    let all = service.list_endpoints(&visit.visit.actor, &visit.name, &window).await?.items;
    let mut all: Vec<Row> = all.iter().map(|view| Row::of(&view.endpoint)).collect();
    // How attempts go is looked up for all where it decides which are shown, else for those that are.
    if [ACTIVE, FAILING].contains(&in_query(query, "state").as_str()) {
        all = with_healths(&service, &visit, all).await?;
    }
    let none = all.is_empty();
    let words = |of: fn(&Row) -> &str| {
        let mut words: Vec<String> = all.iter().map(|row| of(row).to_owned()).collect();
        words.sort_unstable();
        words.dedup();
        words
    };
    let filter = |name, label, words| Filter { name, label, chosen: in_query(query, name), words };
    let filters = vec![
        filter("product", "Product", words(|row| &row.product)),
        filter("type", "Report type", words(|row| &row.report_type)),
        filter("method", "Server method", METHODS.iter().map(|row| row.1.to_owned()).collect()),
        filter("state", "State", STATES.map(str::to_owned).to_vec()),
    ];
    let find = in_query(query, "find").trim().to_owned();
    let is_filtered = !find.is_empty() || filters.iter().any(|filter| !filter.chosen.is_empty());
    let fits = |row: &Row| {
        let values = [row.product.as_str(), &row.report_type, row.method, row.state.word];
        let chosen = filters.iter().map(|filter| filter.chosen.as_str()).zip(values);
        let lower = find.to_lowercase();
        let texts = [&row.url, &row.id, &row.number, &row.description];
        chosen.into_iter().all(|(chosen, value)| chosen.is_empty() || chosen == value)
            && texts.iter().any(|text| text.to_lowercase().contains(&lower))
    };
    let rows: Vec<Row> = all.into_iter().filter(fits).collect();
    let total = rows.len();
    let number = in_query(query, "page").parse::<usize>().unwrap_or(1).clamp(1, total.div_ceil(PAGE).max(1));
    let start = (number - 1) * PAGE;
    let rows = rows.into_iter().skip(start).take(PAGE).collect();
    let mut rows = with_healths(&service, &visit, rows).await?;
    let ids: Vec<EndpointId> = rows.iter().filter_map(|row| row.id.parse().ok()).collect();
    let activities = service.activities(&visit.visit.actor, &visit.name, &ids).await?;
    let now = service.clock().now();
    for (row, activity) in rows.iter_mut().zip(&activities) {
        row.lately = Lately::of(activity, now);
    }
    let at = |number: usize| {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        let kept = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        for (name, value) in kept.filter(|(name, value)| name != "page" && name != "said" && !value.is_empty()) {
            pairs.append_pair(&name, &value);
        }
        pairs.append_pair("page", &number.to_string());
        format!("{}/webhooks?{}", visit.base, pairs.finish())
    };
    let template = WebhooksPage {
        layout: Layout::of_app(&service, &visit, "Webhooks", "/webhooks").await?.after(query),
        base: visit.base.clone(),
        none,
        may_change: visit.may(Right::ManageEndpoints),
        steps: onboarding::of_app(&service, &visit, !none).await?,
        filters,
        find,
        is_filtered,
        first: start + 1,
        last: start + rows.len(),
        total,
        before: (number > 1).then(|| at(number - 1)),
        after: (start + rows.len() < total).then(|| at(number + 1)),
        rows,
    };
    Ok(page(&template))
}

/// The rows with how the attempts of each go.
async fn with_healths(service: &Service, visit: &AppVisit, rows: Vec<Row>) -> Result<Vec<Row>, PageError> {
    let ids: Vec<EndpointId> = rows.iter().filter_map(|row| row.id.parse().ok()).collect();
    let healths = service.healths(&visit.visit.actor, &visit.name, &ids).await?;
    let now = service.clock().now();
    Ok(rows.into_iter().zip(&healths).map(|(row, health)| row.with(health, now)).collect())
}
