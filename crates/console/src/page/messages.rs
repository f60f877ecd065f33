//! The messages of an application: the newest first, and a search by whatever somebody has at hand.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ringback_model::{DeliveryState, Message, MessageId, Timestamp};
use ringback_service::{Direction, MessageFilter, MessageStanding, Service, ServiceError, Window};
use url::form_urlencoded;

use super::sign_in::in_query;
use crate::answer::page;
use crate::error::PageError;
use crate::layout::Layout;
use crate::text;
use crate::visit::AppVisit;

/// Messages on one page.
const PAGE: usize = 25;

/// States that can be filtered by, as the query has them and as people do.
const STATES: [(&str, &str, DeliveryState); 4] = [
    ("pending", "One is pending", DeliveryState::Pending),
    ("failed", "One has failed", DeliveryState::Fail),
    ("delivered", "One was delivered", DeliveryState::Success),
    ("canceled", "One was canceled", DeliveryState::Canceled),
];

#[derive(Template)]
#[template(path = "messages.html")]
struct MessagesPage {
    layout: Layout,
    base: String,
    rows: Vec<Row>,
    search: String,
    event_type: String,
    /// Word, label, and whether it is chosen.
    states: [(&'static str, &'static str, bool); 4],
    channel: String,
    tag: String,
    before: String,
    after: String,
    is_filtered: bool,
    is_first: bool,
    fault: String,
    /// The same page with what has come since.
    here: String,
    /// The newest message that it shows; empty if it shows none.
    newest: String,
    /// The query of the next page.
    next: Option<String>,
    /// Back to when it was looked, where that was not to the end and the page is not full.
    looked_to: String,
}

struct Row {
    id: String,
    event_type: String,
    event_id: String,
    at: String,
    at_iso: String,
    standing: Standing,
}

/// Where a message stands, in a word and a colour.
pub(crate) struct Standing {
    pub(crate) text: String,
    pub(crate) tone: &'static str,
}

impl Standing {
    fn of(standing: MessageStanding) -> Self {
        let MessageStanding { success, pending, failed, canceled } = standing;
        let all = success + pending + failed + canceled;
        let (text, tone) = match (all, pending, failed) {
            (0, ..) => ("No webhook".to_owned(), ""),
            (_, 0, 0) if canceled == all => ("Canceled".to_owned(), ""),
            (1, 0, 0) => ("Delivered".to_owned(), "good"),
            (1, 0, _) => ("Failed".to_owned(), "bad"),
            (1, ..) => ("Pending".to_owned(), "warn"),
            (_, 0, 0) => (format!("{success} of {all} delivered"), "good"),
            (_, 0, _) => (format!("{failed} of {all} failed"), "bad"),
            _ => (format!("{pending} of {all} pending"), "warn"),
        };
        Self { text, tone }
    }
}

/// The list.
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let of = |name: &str| in_query(query.as_deref(), name).trim().to_owned();
    let [search, event_type, state, channel, tag, before, after, from] =
        ["search", "type", "state", "channel", "tag", "before", "after", "from"].map(of);
    let window = Window { limit: PAGE, from: from.parse().ok(), backwards: false, order: Direction::Descending };
    let actor = &visit.visit.actor;
    let found = if search.is_empty() {
        let filter = MessageFilter {
            after: time(&after),
            before: time(&before),
            channel: given(&channel),
            tag: given(&tag),
            event_types: given(&event_type).into_iter().collect(),
            state: STATES.iter().find(|(word, ..)| *word == state).map(|(_, _, state)| *state),
            with_content: false,
        };
        service.list_messages(actor, &visit.name, window, filter).await
    } else {
        service.search_messages(actor, &visit.name, &search, &window, false).await
    };
    let (found, fault) = match found {
        Ok(found) => (found, String::new()),
        Err(ServiceError::Invalid(faults)) => {
            let text = faults.into_iter().map(|fault| fault.message).collect::<Vec<_>>().join(" ");
            (ringback_service::Page::empty(), text)
        }
        Err(error) => return Err(error.into()),
    };
    let standings = service.message_standings(actor, &visit.name, &found.items).await?;
    let stopped_at = found.stopped.as_ref().and_then(|stopped| stopped.at.parse::<MessageId>().ok());
    let last = stopped_at.or_else(|| found.items.last().map(|last| last.id)).filter(|_| !found.done);
    let given = [
        ("search", &search),
        ("type", &event_type),
        ("state", &state),
        ("channel", &channel),
        ("tag", &tag),
        ("before", &before),
        ("after", &after),
    ];
    let with = |from: Option<MessageId>| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(given.into_iter().filter(|(_, value)| !value.is_empty()));
        query.extend_pairs(from.map(|from| ("from", from.to_string())));
        query.finish()
    };
    let next = last.map(|last| with(Some(last)));
    let here = format!("{}/messages?{}", visit.base, with(None));
    let layout = Layout::of_app(&service, &visit, "Messages", "/messages").await?.after(query.as_deref());
    let is_filtered = [&search, &event_type, &state, &channel, &tag, &before, &after].iter().any(|one| !one.is_empty());
    let template = MessagesPage {
        layout,
        base: visit.base.clone(),
        rows: found.items.iter().zip(standings).map(|(message, standing)| row(message, standing)).collect(),
        is_first: from.is_empty(),
        is_filtered,
        search,
        event_type,
        states: STATES.map(|(word, label, _)| (word, label, word == state)),
        channel,
        tag,
        before,
        after,
        fault,
        here,
        newest: found.items.first().map(|first| first.id.to_string()).unwrap_or_default(),
        next,
        looked_to: stopped_at.map(|at| text::time(at.made_at())).unwrap_or_default(),
    };
    Ok(page(&template))
}

fn row(message: &Message, standing: MessageStanding) -> Row {
    Row {
        id: message.id.to_string(),
        event_type: message.event_type.clone(),
        event_id: message.event_id.clone().unwrap_or_default(),
        at: text::time(message.accepted_at),
        at_iso: message.accepted_at.to_string(),
        standing: Standing::of(standing),
    }
}

/// What was entered, if anything was.
fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// What a field for a date and time holds, which names no zone: it is meant in UTC, as all times of the pages.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    let seconds = if text.matches(':').count() == 1 { ":00" } else { "" };
    format!("{text}{seconds}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stands_where_its_worst_delivery_stands() {
        let text = |success, pending, failed, canceled| {
            Standing::of(MessageStanding { success, pending, failed, canceled }).text
        };
        assert_eq!(text(0, 0, 0, 0), "No webhook");
        assert_eq!(
            (text(1, 0, 0, 0), text(0, 1, 0, 0), text(0, 0, 1, 0)),
            ("Delivered".into(), "Pending".into(), "Failed".into())
        );
        assert_eq!(text(2, 0, 1, 0), "1 of 3 failed");
        assert_eq!(text(2, 1, 1, 0), "1 of 4 pending");
        assert_eq!((text(2, 0, 0, 0), text(0, 0, 0, 2)), ("2 of 2 delivered".into(), "Canceled".into()));
    }

    #[test]
    fn a_field_of_a_date_and_time_is_read_as_utc() {
        assert_eq!(time("2027-01-15T08:00").unwrap().to_string(), "2027-01-15T08:00:00Z");
        assert_eq!(time("2027-01-15T08:00:07").unwrap().to_string(), "2027-01-15T08:00:07Z");
        assert_eq!((time(""), time("tomorrow")), (None, None));
    }
}
