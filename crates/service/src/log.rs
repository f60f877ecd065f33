//! What the log tells of messages.

use ringback_model::{Clock, MessageId, Timestamp};
use ringback_store::AppConfig;

use crate::MessageDraft;

/// The target of these lines.
const TARGET: &str = "ringback::message";

/// One line at `debug` for each message that is on disk, `begun` being when it was taken up. Nothing of its payload is in it.
pub(crate) fn accepted(app: &AppConfig, draft: &MessageDraft<'_>, id: MessageId, clock: &dyn Clock, begun: Timestamp) {
    if !tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
        return;
    }
    tracing::debug!(
        target: TARGET,
        msg = %id,
        app = %app.application.id,
        event_type = draft.event_type,
        ms = clock.now().since(begun).as_secs_f64() * 1e3,
        trace_parent = draft.trace_parent,
        "accepted",
    );
}
