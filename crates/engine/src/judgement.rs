//! What an outcome means: for the delivery, and for the lane. Pure.

use ringback_model::{
    AttemptOutcome, Decision, DeliveryState, Failure, NotSent, Progress, RetryPolicy, Timestamp, Trigger,
};
use ringback_store::{Due, Step};

use crate::scheduler::Verdict;

/// What becomes of a delivery, and what its lane learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What becomes of the delivery.
    pub step: Step,
    /// What the lane learns.
    pub verdict: Verdict,
}

impl Judgement {
    /// Judges an outcome at `now`; `jitter` is a number in `0.0..1.0`.
    #[must_use]
    pub fn of(due: &Due, policy: &RetryPolicy, outcome: &AttemptOutcome, now: Timestamp, jitter: f64) -> Self {
        let progress = Progress {
            tries: due.tries,
            unsent: due.unsent,
            accepted_at: due.message.accepted_at,
            held_since: due.held_since,
            in_queue: due.queue.is_some(),
            ends_at: Some(due.message.ends_at()),
        };
        let step = match (due.trigger, policy.decide(progress, outcome, now, jitter)) {
            (_, Decision::End { state: DeliveryState::Success, reason }) => {
                Step::End { state: DeliveryState::Success, reason }
            }
            // A resend is one extra attempt: when it fails, the schedule stands as it was.
            (Trigger::Manual, _) => Step::Keep,
            (Trigger::Scheduled, Decision::End { state, reason }) => Step::End { state, reason },
            (Trigger::Scheduled, Decision::Retry { due }) => {
                Step::Retry { due, counted: !matches!(outcome, AttemptOutcome::NotSent { .. }) }
            }
            (Trigger::Scheduled, Decision::Hold { since, until }) => Step::Hold { since, due: until },
        };
        Self { step, verdict: Self::verdict_of(outcome) }
    }

    /// What the lane learns of an outcome.
    #[must_use]
    pub fn verdict_of(outcome: &AttemptOutcome) -> Verdict {
        match outcome {
            AttemptOutcome::Delivered => Verdict::Delivered,
            AttemptOutcome::Failed { why, .. } => Verdict::Failed {
                timed_out: *why == Failure::Timeout,
                overloaded: matches!(why, Failure::Status(429 | 502 | 504)),
            },
            AttemptOutcome::NotSent { why: NotSent::AddressDenied | NotSent::Dns | NotSent::Token } => {
                Verdict::Unreachable
            }
            AttemptOutcome::NotSent {
                why:
                    NotSent::LocalResource
                    | NotSent::Render
                    | NotSent::Panic
                    | NotSent::Stopped
                    | NotSent::PayloadGone
                    | NotSent::Expired
                    | NotSent::CalledOff,
            } => Verdict::NotSent,
        }
    }

    /// When the delivery is due again, if it is.
    #[must_use]
    pub fn retry(&self) -> Option<Timestamp> {
        match self.step {
            Step::Retry { due, .. } | Step::Hold { due, .. } => Some(due),
            Step::End { .. } | Step::Keep => None,
        }
    }
}
