//! What a page says of what was just done. The way to the page carries a word, never a text, so that no link can make
//! the console say anything else.

macro_rules! flashes {
    ($($word:literal: $text:literal,)*) => {
        /// The text that a word stands for.
        pub(crate) fn text(word: &str) -> Option<&'static str> {
            match word {
                $($word => Some($text),)*
                _ => None,
            }
        }
    };
}

flashes! {
    "signed-out": "You are signed out.",
    "password": "Your password is changed. You are signed out everywhere else.",
    "sessions": "You are signed out everywhere else.",
    "user-added": "The user is added.",
    "user-changed": "The user is changed.",
    "user-removed": "The user is removed and signed out.",
    "application-added": "The application is added.",
    "resent": "The message is on its way once more.",
    "resent-beside": "The message is on its way. The webhook would not get it by itself: its registration says why.",
    "called-off": "The delivery is called off: it is not sent any more.",
    "skipped": "The delivery is skipped. What waited behind it goes on.",
    "integration-deleted": "The integration is deleted. Its key counts no more.",
    "poller-added": "The polling endpoint is added. It gets what matches from now on.",
    "poller-changed": "The polling endpoint is changed.",
    "poller-deleted": "The polling endpoint is deleted.",
    "task-started": "The task has started. It goes on in the background, whether this page is open or not.",
    "task-ended": "The task is called off. What it has done stays done.",
    "webhook-added": "The webhook is saved. Reports that come from now on are sent to it.",
    "webhook-saved": "The webhook is saved. It holds for every attempt from now on.",
    "secret-rotated": "There is a new secret. The old one signs along for 24 hours.",
    "transformation-saved": "The transformation is saved. It holds for every attempt from now on.",
    "webhook-deleted": "The webhook is deleted. What was pending for it is called off. It can be restored for 30 days.",
    "webhook-draining": "The webhook is deleted. What was pending for it is sent first. It can be restored for 30 days.",
    "webhook-drained": "What was left for the webhook is called off.",
    "webhook-restored": "The webhook is restored. Messages that come from now on are sent to it.",
    "event-type-added": "The event type is added.",
    "event-type-changed": "The event type is changed.",
    "revoked": "It is revoked and counts no more.",
    "all-revoked": "All links and tokens of the application are revoked.",
    "sent": "The event is accepted. This is its story.",
    "settings-changed": "The settings are changed. They hold for every message from now on.",
    "application-deleted": "The application is deleted. What was pending for it is called off.",
    "event-type-archived": "The event type is archived. It can be brought back.",
    "event-type-restored": "The event type is back. It is offered in lists again.",
    "event-type-deleted": "The event type is deleted.",
    "application-changed": "The application is changed.",
}

/// The path with the word on it.
pub(crate) fn on(path: &str, word: &str) -> String {
    let mark = if path.contains('?') { '&' } else { '?' };
    format!("{path}{mark}said={word}")
}

/// The word in a query.
pub(crate) fn of_query(query: Option<&str>) -> Option<&'static str> {
    url::form_urlencoded::parse(query?.as_bytes()).find(|(name, _)| name == "said").and_then(|(_, word)| text(&word))
}
