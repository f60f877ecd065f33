//! What the engine tells of that an operator may want to hear about as it happens: a delivery that goes badly for long, is
//! given up, or comes through after all; an endpoint that was disabled.
//!
//! Told once what it is about is durable. Whoever listens makes messages of it; nobody has to.

use ringback_model::{AppNo, AttemptId, DeliveryState, Endpoint, EndpointNo, MessageId, Reason, Timestamp, Trigger};
use ringback_store::{Due, NewAttempt, Step};
use tokio::sync::mpsc;

/// After so many failed tries a delivery is failing: about half an hour, by the usual schedule.
const FAILING_TRIES: u16 = 4;
/// Notices that may wait to be heard.
const WAITING: usize = 16_384;

/// Something to tell.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A delivery goes badly, was given up, or came through after all.
    Attempt {
        /// Which of these.
        kind: AttemptNotice,
        /// The application.
        app: AppNo,
        /// The endpoint.
        endpoint: Box<Endpoint>,
        /// The message.
        message: MessageId,
        /// The producer's own id of it.
        event_id: Option<String>,
        /// The last attempt.
        attempt: AttemptId,
        /// What it was answered.
        status: Option<u16>,
        /// When it began.
        at: Timestamp,
    },
    /// The server has disabled an endpoint.
    Disabled {
        /// The application.
        app: AppNo,
        /// The endpoint.
        endpoint: EndpointNo,
        /// Since when it has failed.
        since: Timestamp,
    },
}

/// What is told of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptNotice {
    /// Its fourth try has failed; more follow.
    Failing,
    /// It was given up.
    Exhausted,
    /// It came through after it was failing.
    Recovered,
}

/// Both sides of the way that notices take.
#[must_use]
pub fn notices() -> (mpsc::Sender<Notice>, mpsc::Receiver<Notice>) {
    mpsc::channel(WAITING)
}

/// What an attempt is worth telling, if anything.
pub(crate) fn of_attempt(due: &Due, endpoint: &Endpoint, attempt: &NewAttempt, step: Step) -> Option<Notice> {
    let kind = match step {
        Step::Retry { counted: true, .. } if due.tries + 1 == FAILING_TRIES => AttemptNotice::Failing,
        Step::End { state: DeliveryState::Success, .. } if due.tries >= FAILING_TRIES => AttemptNotice::Recovered,
        Step::End { state: DeliveryState::Fail, reason }
            if due.trigger == Trigger::Scheduled && is_given_up(reason) =>
        {
            AttemptNotice::Exhausted
        }
        Step::End { .. } | Step::Retry { .. } | Step::Hold { .. } | Step::Keep => return None,
    };
    Some(Notice::Attempt {
        kind,
        app: due.message.app,
        endpoint: Box::new(endpoint.clone()),
        message: due.message.id,
        event_id: due.message.event_id.clone(),
        attempt: attempt.id,
        status: attempt.exchange.status,
        at: attempt.started_at,
    })
}

fn is_given_up(reason: Option<Reason>) -> bool {
    !matches!(reason, Some(Reason::Canceled | Reason::EndpointDeleted))
}
