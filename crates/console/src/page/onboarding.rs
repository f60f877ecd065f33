//! The three steps from nothing to the first event that is sent, with ticks at those that are done.

use ringback_service::{Direction, MessageFilter, Right, Service, Window};

use crate::error::PageError;
use crate::visit::AppVisit;

/// A step.
pub(crate) struct Step {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
    pub(crate) is_done: bool,
    /// Where it is done, and what the link says.
    pub(crate) link: Option<(String, &'static str)>,
}

const TITLES: [(&str, &str); 3] = [
    ("Add an application", "A customer of yours, or yourself for a try."),
    (
        "Add a webhook, and test it",
        "The URL that gets what happens. A test shows what it answers before anything is saved.",
    ),
    ("Send the first event", "From the page of an event type, or with POST /api/v1/app/…/msg as your platform will."),
];

fn steps(done: [bool; 3], links: [Option<(String, &'static str)>; 3]) -> Vec<Step> {
    let step = |(((title, text), is_done), link): (((&'static str, &'static str), bool), _)| Step {
        title,
        text,
        is_done,
        link,
    };
    TITLES.into_iter().zip(done).zip(links).map(step).collect()
}

/// The steps before there is any application.
pub(crate) fn before_any() -> Vec<Step> {
    steps([false; 3], [None, None, None])
}

/// The steps of an application, for whoever can take them; none when all are done, and none in the portal.
pub(crate) async fn of_app(service: &Service, visit: &AppVisit, has_webhook: bool) -> Result<Vec<Step>, PageError> {
    if visit.visit.is_portal() || !visit.may(Right::ManageEndpoints) {
        return Ok(Vec::new());
    }
    let window = Window { limit: 1, from: None, backwards: false, order: Direction::Descending };
    let messages = service.list_messages(&visit.visit.actor, &visit.name, window, MessageFilter::default()).await?;
    let has_message = !messages.items.is_empty();
    if has_webhook && has_message {
        return Ok(Vec::new());
    }
    let add = (!has_webhook).then(|| (format!("{}/webhooks/add/dlr", visit.base), "Add Webhook"));
    let send = (has_webhook && !has_message).then(|| (format!("{}/event-types", visit.visit.base), "Event types"));
    Ok(steps([true, has_webhook, has_message], [None, add, send]))
}
