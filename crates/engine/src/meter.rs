//! What the engine counts for metrics. The pump alone writes; whoever scrapes reads.

use ringback_model::{
    AttemptOutcome, Counter, DeliveryState, Failure, Histogram, HistogramReading, NotSent, Reason, Trigger,
};
use ringback_store::{Due, NewAttempt, Step};

/// What attempts are told apart by: the word for each outcome.
const OUTCOMES: [&str; 20] = [
    "delivered",
    "status_3xx",
    "status_4xx",
    "status_5xx",
    "status_other",
    "timeout",
    "connect",
    "tls",
    "closed",
    "protocol",
    "unacknowledged",
    "secret_rejected",
    "address_denied",
    "dns",
    "local",
    "unrenderable",
    "token",
    "payload_gone",
    "expired",
    "called_off",
];
/// The word for each end of a delivery.
const ENDS: [&str; 13] = [
    "success",
    "exhausted",
    "never_sent",
    "panicked",
    "payload_gone",
    "endpoint_deleted",
    "gone",
    "canceled",
    "unrenderable",
    "skipped",
    "expired",
    "called_off",
    "other",
];

/// What an engine has done since it was started.
#[derive(Debug)]
pub(crate) struct EngineMeter {
    attempts: [Counter; OUTCOMES.len()],
    ends: [Counter; ENDS.len()],
    retries: Counter,
    lag: Histogram,
    exchange: Histogram,
    delivery: Histogram,
}

/// What a meter shows at some moment.
#[derive(Clone, Debug)]
pub struct EngineReading {
    /// Attempts by outcome.
    pub attempts: Vec<(&'static str, u64)>,
    /// Deliveries that ended, by how.
    pub ends: Vec<(&'static str, u64)>,
    /// Attempts after which another one was scheduled.
    pub retries: u64,
    /// How long after its due time an attempt of the schedule began.
    pub lag: HistogramReading,
    /// How long exchanges took.
    pub exchange: HistogramReading,
    /// How long after it came due a delivery succeeded at the first try: after the acceptance of its message, or the later
    /// time that was asked for.
    pub delivery: HistogramReading,
}

impl EngineMeter {
    /// Nothing has happened.
    pub(crate) fn new() -> Self {
        Self {
            attempts: Default::default(),
            ends: Default::default(),
            retries: Counter::default(),
            lag: Histogram::of_times(),
            exchange: Histogram::of_times(),
            delivery: Histogram::of_times(),
        }
    }

    /// Counts an attempt, one that came just before it, and what becomes of the delivery.
    pub(crate) fn count(&self, due: &Due, earlier: Option<&NewAttempt>, last: &NewAttempt, step: Step) {
        if due.trigger == Trigger::Scheduled {
            self.lag.note_time(earlier.unwrap_or(last).started_at.since(due.due));
        }
        for attempt in earlier.into_iter().chain([last]) {
            self.attempts[outcome(&attempt.outcome)].add_one();
            if !matches!(attempt.outcome, AttemptOutcome::NotSent { .. }) {
                self.exchange.note_time(attempt.exchange.phases.total);
            }
        }
        match step {
            Step::End { state, reason } => {
                self.ends[end(state, reason)].add_one();
                if state == DeliveryState::Success && due.trigger == Trigger::Scheduled && due.tries == 0 {
                    let ended = last.started_at + last.exchange.phases.total;
                    self.delivery.note_time(ended.since(due.late_since()));
                }
            }
            Step::Retry { .. } => self.retries.add_one(),
            Step::Hold { .. } | Step::Keep => {}
        }
    }

    /// What was counted.
    pub(crate) fn read(&self) -> EngineReading {
        let words = |words: &[&'static str], counters: &[Counter]| {
            words.iter().zip(counters).map(|(word, counter)| (*word, counter.get())).collect()
        };
        EngineReading {
            attempts: words(&OUTCOMES, &self.attempts),
            ends: words(&ENDS, &self.ends),
            retries: self.retries.get(),
            lag: self.lag.read(),
            exchange: self.exchange.read(),
            delivery: self.delivery.read(),
        }
    }
}

fn outcome(outcome: &AttemptOutcome) -> usize {
    match outcome {
        AttemptOutcome::Delivered => 0,
        AttemptOutcome::Failed { why, .. } => match why {
            Failure::Status(300..=399) => 1,
            Failure::Status(400..=499) => 2,
            Failure::Status(500..=599) => 3,
            Failure::Status(_) => 4,
            Failure::Timeout => 5,
            Failure::Connect => 6,
            Failure::Tls => 7,
            Failure::Closed => 8,
            Failure::Protocol => 9,
            Failure::Unacknowledged(_) => 10,
            Failure::SecretRejected(_) => 11,
        },
        AttemptOutcome::NotSent { why } => match why {
            NotSent::AddressDenied => 12,
            NotSent::Dns => 13,
            NotSent::LocalResource | NotSent::Panic | NotSent::Stopped => 14,
            NotSent::Render => 15,
            NotSent::Token => 16,
            NotSent::PayloadGone => 17,
            NotSent::Expired => 18,
            NotSent::CalledOff => 19,
        },
    }
}

fn end(state: DeliveryState, reason: Option<Reason>) -> usize {
    match (state, reason) {
        (DeliveryState::Success, _) => 0,
        (_, Some(reason)) => usize::from(reason.code()).min(ENDS.len() - 1),
        (_, None) => ENDS.len() - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_the_word_of_its_reason() {
        let word = |reason| ENDS[end(DeliveryState::Fail, Some(reason))];
        let words = [
            (Reason::Exhausted, "exhausted"),
            (Reason::NeverSent, "never_sent"),
            (Reason::Panicked, "panicked"),
            (Reason::PayloadGone, "payload_gone"),
            (Reason::EndpointDeleted, "endpoint_deleted"),
            (Reason::Gone, "gone"),
            (Reason::Canceled, "canceled"),
            (Reason::Unrenderable, "unrenderable"),
            (Reason::Skipped, "skipped"),
            (Reason::Expired, "expired"),
            (Reason::CalledOff, "called_off"),
        ];
        for (reason, expected) in words {
            assert_eq!(word(reason), expected);
        }
        assert_eq!(ENDS[end(DeliveryState::Success, None)], "success");
    }

    #[test]
    fn each_outcome_has_a_word_of_its_own_kind() {
        let word =
            |status| OUTCOMES[outcome(&AttemptOutcome::Failed { why: Failure::Status(status), retry_after: None })];
        assert_eq!([302, 404, 503, 204].map(word), ["status_3xx", "status_4xx", "status_5xx", "status_other"]);
        let not_sent = |why| OUTCOMES[outcome(&AttemptOutcome::NotSent { why })];
        assert_eq!(
            [NotSent::Dns, NotSent::Expired, NotSent::CalledOff].map(not_sent),
            ["dns", "expired", "called_off"]
        );
    }
}
