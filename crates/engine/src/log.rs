//! What the log tells of attempts.

use ringback_model::AttemptOutcome;
use ringback_store::{Due, NewAttempt, Step};

use crate::route::Route;

/// One line for each attempt: those that were delivered at `debug`, the others at `info`. The receiver's words and the
/// payload are not in it, nor is any part of a secret: of the URL only the host is told.
pub(crate) fn attempt(due: &Due, route: &Route, done: &NewAttempt, step: Step) {
    let (next, retry_at) = match step {
        Step::End { state, .. } => (state.text(), None),
        Step::Retry { due, .. } => ("retry", Some(due)),
        Step::Hold { due, .. } => ("held", Some(due)),
        Step::Keep => ("as scheduled", None),
    };
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                target: "ringback::attempt",
                msg = %due.message.id,
                endpoint = %route.config.endpoint.id,
                attempt = %done.id,
                host = %route.target.host(),
                trigger = done.trigger.text(),
                tries = due.tries + 1,
                status = done.exchange.status,
                ms = done.exchange.phases.total.as_micros() as f64 / 1e3,
                next = next,
                retry_at = retry_at.map(tracing::field::display),
                "{}",
                done.outcome,
            )
        };
    }
    match done.outcome {
        AttemptOutcome::Delivered => line!(debug),
        AttemptOutcome::Failed { .. } | AttemptOutcome::NotSent { .. } => line!(info),
    }
}
