//! Pages of lists: `limit`, `iterator` and `order` in, `data`, `iterator`, `prevIterator` and `done` out.
//!
//! An iterator is the id of an item; with a `-` in front it asks for the page before that item.

use std::str::FromStr;

use axum::response::Response;
use http::StatusCode;
use ringback_service::{Page, Window};
use ringback_store::Direction;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;
use crate::query::{Query, wrong};
use crate::respond;

/// How many items a page has when nobody says.
pub(crate) const LIMIT_DEFAULT: usize = 50;
/// How many it has at most.
const LIMIT_MAX: usize = 250;

/// What every list knows. For the OpenAPI document; [`Query::window`] reads it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters that `Query` reads")]
pub(crate) struct ListParams {
    /// At most so many items.
    #[param(minimum = 1, maximum = 250, default = 50)]
    limit: Option<u16>,
    /// `iterator` or `prevIterator` of another page: this page is the one next to it.
    iterator: Option<String>,
}

/// The same for lists whose order can be chosen.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes a parameter that `Query` reads")]
pub(crate) struct OrderParam {
    /// Whether the list goes up or down by id (event types by name); each list has a default of its own.
    #[param(inline, value_type = Option<Order>)]
    order: Option<String>,
}

/// Values of `order`.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes values that `Query` reads")]
pub(crate) enum Order {
    Ascending,
    Descending,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListResponse<T> {
    /// The items. A page of messages or attempts with filters that few meet may have fewer than asked for, or none, and
    /// not be the last one: it has looked at 10,000, and `iterator` goes on from there.
    data: Vec<T>,
    /// Asks for the next page.
    iterator: Option<String>,
    /// Asks for the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_iterator: Option<String>,
    /// There is no more in the direction that was asked for.
    done: bool,
}

impl Query {
    /// How many items are asked for.
    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        let rule = "It is 1 to 250.";
        let limit = self.parsed("limit", rule)?.unwrap_or(LIMIT_DEFAULT);
        if (1..=LIMIT_MAX).contains(&limit) { Ok(limit) } else { Err(wrong("limit", rule)) }
    }

    /// The part of a list that is asked for; `order` is the list's own, and `ordered` says whether it can be chosen.
    pub(crate) fn window<K: FromStr>(&self, order: Direction, ordered: bool) -> Result<Window<K>, Problem> {
        let limit = self.limit()?;
        let order = match self.text("order").filter(|_| ordered) {
            None => order,
            Some("ascending") => Direction::Ascending,
            Some("descending") => Direction::Descending,
            Some(_) => return Err(wrong("order", "It is `ascending` or `descending`.")),
        };
        let iterator = self.text("iterator");
        let backwards = iterator.is_some_and(|iterator| iterator.starts_with('-'));
        let from = iterator.map(|iterator| iterator.strip_prefix('-').unwrap_or(iterator));
        let rule = "Take it from `iterator` or `prevIterator` of another page of the same list.";
        let from = from.map(|id| id.parse().ok().ok_or_else(|| wrong("iterator", rule))).transpose()?;
        Ok(Window { limit, from, backwards, order })
    }
}

/// 200 with a page; `id` names an item.
pub(crate) fn page<T, U: Serialize>(page: Page<T>, id: impl Fn(&T) -> String, show: impl FnMut(T) -> U) -> Response {
    let (on, back) = match &page.stopped {
        Some(stopped) if stopped.backwards => (None, Some(stopped.at.clone())),
        Some(stopped) => (Some(stopped.at.clone()), None),
        None => (None, None),
    };
    let iterator = on.or_else(|| page.items.last().map(&id));
    let prev_iterator = back.or_else(|| page.items.first().map(&id)).map(|id| format!("-{id}"));
    let Page { items, done, .. } = page.map(show);
    respond::json_sized(StatusCode::OK, &ListResponse { data: items, iterator, prev_iterator, done }, 4_096)
}

#[cfg(test)]
mod tests {
    use ringback_service::Stopped;
    use serde_json::{Value, json};

    use super::*;

    async fn shown(page_of: Page<&str>) -> Value {
        let response = page(page_of, |item| (*item).to_owned(), |item| item);
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    #[tokio::test]
    async fn iterators_lead_on_from_where_a_search_stopped() {
        let stopped = |backwards| Some(Stopped { at: "s".to_owned(), backwards });
        assert_eq!(
            shown(Page { items: vec![], done: false, stopped: stopped(false) }).await,
            json!({"data": [], "iterator": "s", "done": false})
        );
        assert_eq!(
            shown(Page { items: vec!["a", "b"], done: false, stopped: stopped(false) }).await,
            json!({"data": ["a", "b"], "iterator": "s", "prevIterator": "-a", "done": false})
        );
        assert_eq!(
            shown(Page { items: vec!["a", "b"], done: false, stopped: stopped(true) }).await,
            json!({"data": ["a", "b"], "iterator": "b", "prevIterator": "-s", "done": false})
        );
        assert_eq!(
            shown(Page { items: vec!["a", "b"], done: true, stopped: None }).await,
            json!({"data": ["a", "b"], "iterator": "b", "prevIterator": "-a", "done": true})
        );
    }
}
