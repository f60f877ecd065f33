//! When a delivery is tried again, and when it is given up. Pure: the time and the jitter are arguments.

use std::time::Duration;

use crate::{AttemptOutcome, DeliveryState, Failure, NotSent, Reason, Timestamp};

/// The longest wait that a `Retry-After` can ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3_600);
/// How much later than scheduled a try may be put, so that many do not come at once.
const JITTER: f64 = 0.2;
/// How long a delivery that no request can be made of may hold up those behind it.
const HOLD_IN_QUEUE: Duration = Duration::from_secs(3_600);
/// Panics before a delivery ends.
const PANICS_TO_END: u16 = 3;

/// The delays between the tries of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    delays: Vec<Duration>,
}

impl Default for RetryPolicy {
    /// The schedule of Standard Webhooks 1.0: ten tries over 75 h 35 m.
    fn default() -> Self {
        const M: u64 = 60;
        const H: u64 = 3_600;
        Self::new([5, 5 * M, 30 * M, 2 * H, 5 * H, 10 * H, 14 * H, 20 * H, 24 * H].map(Duration::from_secs).to_vec())
    }
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Tries that reached the receiver, or may have.
    pub tries: u16,
    /// Attempts of which nothing was sent.
    pub unsent: u16,
    /// When the message was accepted.
    pub accepted_at: Timestamp,
    /// Since when it is held because no request could be made of it.
    pub held_since: Option<Timestamp>,
    /// Whether others wait for it.
    pub in_queue: bool,
    /// From when on it is not tried any more; by its schedule alone if absent.
    pub ends_at: Option<Timestamp>,
}

/// What becomes of a delivery after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It has ended.
    End {
        /// As what.
        state: DeliveryState,
        /// Why, unless it succeeded.
        reason: Option<Reason>,
    },
    /// It is tried again.
    Retry {
        /// Not before this time.
        due: Timestamp,
    },
    /// It waits for a change of its endpoint.
    Hold {
        /// Since when, from the first time on.
        since: Timestamp,
        /// When it is tried for the last time.
        until: Timestamp,
    },
}

impl RetryPolicy {
    /// The policy that waits so long after the first try, the second, and so on. No delays: no retry.
    #[must_use]
    pub fn new(delays: Vec<Duration>) -> Self {
        Self { delays }
    }

    /// The delays between tries.
    #[must_use]
    pub fn delays(&self) -> &[Duration] {
        &self.delays
    }

    /// How long after acceptance a delivery of which nothing could be sent is given up.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.delays.iter().sum()
    }

    /// What becomes of a scheduled delivery after an attempt with this outcome.
    ///
    /// `progress` counts what came before this attempt; `jitter` is a number in `0.0..1.0`. A wait is never shorter
    /// than scheduled, and `Retry-After` can only lengthen it.
    #[must_use]
    pub fn decide(&self, progress: Progress, outcome: &AttemptOutcome, now: Timestamp, jitter: f64) -> Decision {
        let by_schedule = self.decide_by_schedule(progress, outcome, now, jitter);
        let Some(ends_at) = progress.ends_at else { return by_schedule };
        match by_schedule {
            Decision::Retry { .. } | Decision::Hold { .. } if now >= ends_at => fail(Reason::Expired),
            // It ends when its time does, not at the try after that.
            Decision::Retry { due } => Decision::Retry { due: due.min(ends_at) },
            Decision::Hold { since, until } => Decision::Hold { since, until: until.min(ends_at) },
            end @ Decision::End { .. } => end,
        }
    }

    fn decide_by_schedule(
        &self,
        progress: Progress,
        outcome: &AttemptOutcome,
        now: Timestamp,
        jitter: f64,
    ) -> Decision {
        match outcome {
            AttemptOutcome::Delivered => Decision::End { state: DeliveryState::Success, reason: None },
            AttemptOutcome::Failed { why: Failure::Status(410), .. } => fail(Reason::Gone),
            AttemptOutcome::Failed { retry_after, .. } => match self.delays.get(usize::from(progress.tries)) {
                None => fail(Reason::Exhausted),
                Some(delay) => {
                    let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
                    Decision::Retry { due: now + stretch(*delay, jitter).max(asked) }
                }
            },
            AttemptOutcome::NotSent { why } => self.after_nothing_sent(*why, progress, now, jitter),
        }
    }

    fn after_nothing_sent(&self, why: NotSent, progress: Progress, now: Timestamp, jitter: f64) -> Decision {
        let delay = match why {
            NotSent::Stopped => return Decision::Retry { due: now },
            NotSent::PayloadGone => return fail(Reason::PayloadGone),
            NotSent::Expired => return fail(Reason::Expired),
            NotSent::CalledOff => {
                return Decision::End { state: DeliveryState::Canceled, reason: Some(Reason::CalledOff) };
            }
            NotSent::Render => return self.hold(progress, now),
            NotSent::Panic if progress.unsent + 1 >= PANICS_TO_END => return fail(Reason::Panicked),
            NotSent::LocalResource | NotSent::Token | NotSent::Panic => {
                Duration::from_secs(1 << u32::from(progress.unsent.min(6))).min(Duration::from_secs(60))
            }
            NotSent::AddressDenied | NotSent::Dns => {
                let step = usize::from(progress.tries) + usize::from(progress.unsent);
                match self.delays.get(step).or(self.delays.last()) {
                    Some(delay) => *delay,
                    None => return fail(Reason::NeverSent),
                }
            }
        };
        if now >= progress.accepted_at + self.length() {
            return fail(Reason::NeverSent);
        }
        Decision::Retry { due: now + stretch(delay, jitter) }
    }

    /// Another try would fare no better: only a change of the endpoint can help, or somebody who asks for it.
    fn hold(&self, progress: Progress, now: Timestamp) -> Decision {
        let since = progress.held_since.unwrap_or(now);
        let end = progress.accepted_at + self.length();
        let until = if progress.in_queue { end.min(since + HOLD_IN_QUEUE) } else { end };
        if now >= until { fail(Reason::Unrenderable) } else { Decision::Hold { since, until } }
    }
}

fn fail(reason: Reason) -> Decision {
    Decision::End { state: DeliveryState::Fail, reason: Some(reason) }
}

fn stretch(delay: Duration, jitter: f64) -> Duration {
    delay.mul_f64(1.0 + JITTER * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn failed(retry_after: Option<Duration>) -> AttemptOutcome {
        AttemptOutcome::Failed { why: Failure::Status(500), retry_after }
    }

    fn progress(tries: u16) -> Progress {
        Progress { tries, accepted_at: NOW, ..Progress::default() }
    }

    #[test]
    fn the_default_schedule_is_that_of_standard_webhooks() {
        assert_eq!(RetryPolicy::default().length(), Duration::from_secs(75 * 3_600 + 35 * 60 + 5));
        assert_eq!(RetryPolicy::default().delays().len() + 1, 10);
    }

    #[test]
    fn gone_ends_at_once() {
        let gone = AttemptOutcome::Failed { why: Failure::Status(410), retry_after: None };
        assert_eq!(RetryPolicy::default().decide(progress(0), &gone, NOW, 0.0), fail(Reason::Gone));
    }

    #[test]
    fn the_third_panic_ends_the_delivery() {
        let panic = AttemptOutcome::NotSent { why: NotSent::Panic };
        let ends = |unsent| {
            let progress = Progress { unsent, accepted_at: NOW, ..Progress::default() };
            matches!(RetryPolicy::default().decide(progress, &panic, NOW, 0.0), Decision::End { .. })
        };
        assert_eq!([ends(0), ends(1), ends(2)], [false, false, true]);
    }

    #[test]
    fn a_payload_that_is_gone_ends_at_once() {
        let gone = AttemptOutcome::NotSent { why: NotSent::PayloadGone };
        assert_eq!(RetryPolicy::default().decide(progress(0), &gone, NOW, 0.0), fail(Reason::PayloadGone));
    }

    proptest! {
        #[test]
        fn what_cannot_be_rendered_is_held_until_the_schedule_ends_and_at_most_an_hour_where_others_wait(
            in_queue: bool,
            before in 0u64..400_000,
            held in proptest::option::of(0u64..400_000),
        ) {
            let policy = RetryPolicy::default();
            let now = NOW + Duration::from_secs(before);
            let held_since = held.map(|ago| (now - Duration::from_secs(ago)).max(NOW));
            let progress = Progress { accepted_at: NOW, held_since, in_queue, ..Progress::default() };
            let decision = policy.decide(progress, &AttemptOutcome::NotSent { why: NotSent::Render }, now, 0.5);
            let (end, hour) = (NOW + policy.length(), Duration::from_secs(3_600));
            match decision {
                Decision::Hold { since, until } => {
                    prop_assert_eq!(since, held_since.unwrap_or(now));
                    prop_assert!(now < until && until <= end);
                    prop_assert_eq!(until, if in_queue { end.min(since + hour) } else { end });
                }
                ended => {
                    prop_assert_eq!(ended, fail(Reason::Unrenderable));
                    prop_assert!(now >= end || (in_queue && held_since.is_some_and(|since| now >= since + hour)));
                }
            }
        }

        #[test]
        fn a_delivery_has_one_try_more_than_the_schedule_has_delays(delays in proptest::collection::vec(0u64..100_000, 0..20)) {
            let policy = RetryPolicy::new(delays.iter().copied().map(Duration::from_secs).collect());
            let tries = (0u16..).find(|t| matches!(policy.decide(progress(*t), &failed(None), NOW, 0.5), Decision::End { .. }));
            prop_assert_eq!(usize::from(tries.unwrap()), delays.len());
        }

        #[test]
        fn retry_after_only_ever_delays_and_changes_no_count(tries in 0u16..12, seconds in 0u64..10_000_000, jitter in 0.0f64..1.0) {
            let policy = RetryPolicy::default();
            let without = policy.decide(progress(tries), &failed(None), NOW, jitter);
            let with = policy.decide(progress(tries), &failed(Some(Duration::from_secs(seconds))), NOW, jitter);
            match (without, with) {
                (Decision::Retry { due: a }, Decision::Retry { due: b }) => {
                    prop_assert!(b >= a);
                    prop_assert!(b <= a.max(NOW + RETRY_AFTER_MAX));
                }
                (a, b) => prop_assert_eq!(a, b),
            }
        }

        #[test]
        fn a_wait_lies_within_the_jitter_of_its_delay(tries in 0u16..9, jitter in 0.0f64..1.0) {
            let policy = RetryPolicy::default();
            let delay = policy.delays()[usize::from(tries)];
            match policy.decide(progress(tries), &failed(None), NOW, jitter) {
                Decision::Retry { due } => {
                    prop_assert!(due >= NOW + delay);
                    prop_assert!(due <= NOW + delay.mul_f64(1.0 + JITTER));
                }
                Decision::End { .. } | Decision::Hold { .. } => prop_assert!(false, "ended early"),
            }
        }

        #[test]
        fn nothing_is_put_off_beyond_the_time_of_its_message(
            tries in 0u16..12,
            unsent in 0u16..12,
            late in 0u64..500_000,
            life in 0u64..500_000,
            code in proptest::sample::select(vec![0, 1, 2, 64, 66, 67, 70, 71, 72]),
        ) {
            let policy = RetryPolicy::default();
            let (now, ends_at) = (NOW + Duration::from_secs(late), NOW + Duration::from_secs(life));
            let without = Progress { tries, unsent, accepted_at: NOW, ..Progress::default() };
            let outcome = AttemptOutcome::from_code(code, 500).expect("a known outcome");
            let within = policy.decide(Progress { ends_at: Some(ends_at), ..without }, &outcome, now, 0.5);
            match (policy.decide(without, &outcome, now, 0.5), within) {
                (Decision::Retry { due }, Decision::Retry { due: earlier }) => {
                    prop_assert!(now < ends_at);
                    prop_assert_eq!(earlier, due.min(ends_at));
                }
                (Decision::Hold { until, .. }, Decision::Hold { until: earlier, .. }) => {
                    prop_assert!(now < ends_at);
                    prop_assert_eq!(earlier, until.min(ends_at));
                }
                (Decision::Retry { .. } | Decision::Hold { .. }, ended) => {
                    prop_assert!(now >= ends_at);
                    prop_assert_eq!(ended, fail(Reason::Expired));
                }
                (end, same) => prop_assert_eq!(end, same),
            }
        }

        #[test]
        fn what_cannot_be_sent_ends_with_the_schedule(unsent in 0u16..1_000, late in 0u64..1_000_000) {
            let policy = RetryPolicy::default();
            let progress = Progress { unsent, accepted_at: NOW, ..Progress::default() };
            let now = NOW + policy.length() + Duration::from_secs(late);
            for why in [NotSent::Dns, NotSent::AddressDenied, NotSent::LocalResource, NotSent::Token] {
                let decision = policy.decide(progress, &AttemptOutcome::NotSent { why }, now, 0.5);
                prop_assert_eq!(decision, fail(Reason::NeverSent));
            }
        }
    }
}
