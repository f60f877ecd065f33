//! What the engine notices that an operator may want to hear about: a delivery that goes badly for long, is given up, or
//! comes through after all; an endpoint that it disables. It is kept in the commit of what it is about.

use ringback_model::{
    AppNo, DeliveryState, Disabled, Endpoint, Notice, NoticeKind, NoticedAttempt, Reason, Timestamp, Trigger,
};
use ringback_store::{Due, NewAttempt, Step};

/// After so many failed tries a delivery is failing: about half an hour, by the usual schedule.
const FAILING_TRIES: u16 = 4;

/// What an attempt is worth telling, if anything.
pub(crate) fn of_attempt(due: &Due, endpoint: &Endpoint, attempt: &NewAttempt, step: Step) -> Option<Notice> {
    let kind = match step {
        Step::Retry { counted: true, .. } if due.tries + 1 == FAILING_TRIES => NoticeKind::AttemptFailing,
        Step::End { state: DeliveryState::Success, .. } if due.tries >= FAILING_TRIES => NoticeKind::AttemptRecovered,
        Step::End { state: DeliveryState::Fail, reason }
            if due.trigger == Trigger::Scheduled && is_given_up(reason) =>
        {
            NoticeKind::AttemptExhausted
        }
        Step::End { .. } | Step::Retry { .. } | Step::Hold { .. } | Step::Keep => return None,
    };
    let attempt = NoticedAttempt {
        message: due.message.id,
        event_id: due.message.event_id.clone(),
        id: attempt.id,
        status: attempt.exchange.status,
        started_at: attempt.started_at,
    };
    Some(Notice { attempt: Some(attempt), ..of_endpoint(kind, due.message.app, endpoint) })
}

/// That the server disables an endpoint, which has failed for so long.
pub(crate) fn of_disabled(app: AppNo, endpoint: &Endpoint, since: Timestamp) -> Notice {
    let disabled = Some(Disabled { since, automatic: true });
    Notice { disabled, ..of_endpoint(NoticeKind::EndpointDisabled, app, endpoint) }
}

fn of_endpoint(kind: NoticeKind, app: AppNo, endpoint: &Endpoint) -> Notice {
    Notice {
        kind,
        app_no: app.0,
        endpoint: endpoint.id,
        endpoint_uid: endpoint.uid.clone(),
        disabled: None,
        attempt: None,
    }
}

fn is_given_up(reason: Option<Reason>) -> bool {
    !matches!(reason, Some(Reason::Canceled | Reason::EndpointDeleted))
}
