//! How a delivery goes on after an attempt: a pure function, so that every rule can be tested by calling it.

use ringback_model::{DeliveryState, Reason, Timestamp, Trigger};

use crate::{Finished, QueueNo, Step};

/// What of a delivery changes while it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) state: DeliveryState,
    pub(super) reason: Option<Reason>,
    /// When its schedule is due.
    pub(super) due: Option<Timestamp>,
    /// When the attempt that somebody asked for is due.
    pub(super) manual_due: Option<Timestamp>,
    pub(super) queue: Option<QueueNo>,
    pub(super) tries: u16,
    pub(super) unsent: u16,
    /// Since when it is held.
    pub(super) held: Option<Timestamp>,
    /// When it may be tried again at the earliest, while it waits behind another one that it failed together with.
    pub(super) not_before: Option<Timestamp>,
}

impl Progress {
    /// An attempt will still be made, or it waits for its turn to be made.
    pub(super) fn is_pending(&self) -> bool {
        self.state == DeliveryState::Pending
    }

    /// It waits behind an earlier delivery of its queue.
    pub(super) fn is_blocked(&self) -> bool {
        self.is_pending() && self.queue.is_some() && self.due.is_none()
    }

    /// Takes a step after an attempt that began at `began`. The attempt that a person asked for is beside the schedule: it
    /// can turn a failure into a success and never a success into a failure, and when it fails the schedule stands. Who
    /// asked after it had begun gets another one.
    pub(super) fn take(&mut self, trigger: Trigger, began: Timestamp, step: Step) -> Finished {
        let by_hand = trigger == Trigger::Manual;
        if by_hand {
            self.manual_due = self.manual_due.filter(|asked| *asked > began);
        }
        match step {
            Step::End { state: DeliveryState::Success, .. } if by_hand => self.end(DeliveryState::Success, None),
            Step::Retry { due, .. } | Step::Hold { due, .. } if by_hand => self.manual_due = Some(due),
            Step::Keep if by_hand && !self.is_pending() => {}
            // Ended in the meantime, by hand or by a clearing: as it ended it stays.
            _ if !self.is_pending() => return Finished::Superseded,
            Step::End { state, reason } => self.end(state, reason),
            Step::Retry { due, counted } => {
                self.put_off(due);
                self.held = None;
                let count = if counted { &mut self.tries } else { &mut self.unsent };
                *count = count.saturating_add(1);
            }
            Step::Hold { since, due } => {
                self.put_off(due);
                self.held = self.due.map(|_| since);
                self.unsent = self.unsent.saturating_add(1);
            }
            Step::Keep
                if self.is_pending() && self.due.is_none() && !self.is_blocked() && self.manual_due.is_none() =>
            {
                self.end(DeliveryState::Fail, Some(Reason::Exhausted));
            }
            Step::Keep => {}
        }
        Finished::Recorded
    }

    /// It is due again later; behind another one that was in the same request, it waits for that to end as well.
    fn put_off(&mut self, due: Timestamp) {
        let place = if self.is_blocked() { &mut self.not_before } else { &mut self.due };
        *place = Some(due);
    }

    fn end(&mut self, state: DeliveryState, reason: Option<Reason>) {
        self.state = state;
        self.reason = reason;
        self.due = None;
        self.held = None;
        self.not_before = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// When the attempts began: later than anybody asked, unless a case says otherwise.
    const BEGAN: Timestamp = Timestamp::from_seconds(200);

    fn times() -> impl Strategy<Value = Option<Timestamp>> {
        proptest::option::of((0i64..100).prop_map(Timestamp::from_seconds))
    }

    prop_compose! {
        /// Any delivery that the tables allow: only a pending one has a schedule, only an ended one a reason.
        fn deliveries()(
            state in 0i64..3,
            due in times(),
            manual_due in times(),
            queue in proptest::option::of((0i64..3).prop_map(QueueNo)),
            tries in 0u16..5,
            held: bool,
        ) -> Progress {
            let state = DeliveryState::from_code(state).unwrap();
            let pending = state == DeliveryState::Pending;
            let reason = (state == DeliveryState::Fail).then_some(Reason::Exhausted);
            let due = due.filter(|_| pending);
            let held = due.filter(|_| held);
            Progress { state, reason, due, manual_due, queue, tries, unsent: 0, held, not_before: None }
        }
    }

    fn steps() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::End { state: DeliveryState::Success, reason: None }),
            Just(Step::End { state: DeliveryState::Fail, reason: Some(Reason::Gone) }),
            any::<bool>().prop_map(|counted| Step::Retry { due: Timestamp::from_seconds(500), counted }),
            Just(Step::Hold { since: Timestamp::from_seconds(150), due: Timestamp::from_seconds(500) }),
            Just(Step::Keep),
        ]
    }

    fn triggers() -> impl Strategy<Value = Trigger> {
        prop_oneof![Just(Trigger::Scheduled), Just(Trigger::Manual)]
    }

    proptest! {
        #[test]
        fn a_success_stays_a_success(delivery in deliveries(), trigger in triggers(), step in steps()) {
            let mut after = Progress { state: DeliveryState::Success, reason: None, due: None, held: None, ..delivery };
            after.take(trigger, BEGAN, step);
            prop_assert_eq!((after.state, after.reason, after.due), (DeliveryState::Success, None, None));
        }

        #[test]
        fn only_a_pending_delivery_has_a_schedule(delivery in deliveries(), trigger in triggers(), step in steps()) {
            let mut after = delivery;
            after.take(trigger, BEGAN, step);
            prop_assert!(after.is_pending() || after.due.is_none());
            prop_assert!(after.due.is_some() || after.held.is_none(), "what is held has an end");
        }

        #[test]
        fn a_pending_delivery_is_never_forgotten(delivery in deliveries(), trigger in triggers(), step in steps()) {
            let mut after = delivery;
            prop_assume!(trigger == Trigger::Manual || step != Step::Keep);
            after.take(trigger, BEGAN, step);
            let will_run = after.due.is_some() || after.manual_due.is_some() || after.is_blocked();
            let was_forgotten = delivery.due.is_none() && delivery.manual_due.is_none() && !delivery.is_blocked();
            prop_assert!(!after.is_pending() || will_run || was_forgotten);
        }

        #[test]
        fn what_fails_with_the_one_before_it_stays_behind_it(delivery in deliveries(), step in steps()) {
            let (state, queue) = (DeliveryState::Pending, Some(QueueNo(1)));
            let mut after = Progress { state, queue, reason: None, due: None, held: None, ..delivery };
            after.take(Trigger::Scheduled, BEGAN, step);
            prop_assert!(after.is_blocked() || !after.is_pending());
            let put_off = matches!(step, Step::Retry { .. } | Step::Hold { .. });
            prop_assert_eq!(after.not_before, put_off.then_some(Timestamp::from_seconds(500)));
        }

        #[test]
        fn an_attempt_by_hand_that_fails_leaves_the_schedule_alone(delivery in deliveries()) {
            let mut after = delivery;
            prop_assume!(delivery.due.is_some() || delivery.is_blocked() || !delivery.is_pending());
            after.take(Trigger::Manual, BEGAN, Step::Keep);
            prop_assert_eq!(after, Progress { manual_due: None, ..delivery });
        }

        #[test]
        fn an_attempt_of_the_schedule_leaves_what_was_asked_for_by_hand(delivery in deliveries(), step in steps()) {
            let mut after = delivery;
            after.take(Trigger::Scheduled, BEGAN, step);
            prop_assert_eq!(after.manual_due, delivery.manual_due);
        }
    }

    #[test]
    fn what_was_only_wanted_by_hand_ends_as_failed_when_that_fails() {
        let mut delivery = Progress {
            state: DeliveryState::Pending,
            reason: None,
            due: None,
            manual_due: Some(Timestamp::from_seconds(1)),
            queue: None,
            tries: 0,
            unsent: 0,
            held: None,
            not_before: None,
        };
        assert_eq!(delivery.take(Trigger::Manual, BEGAN, Step::Keep), Finished::Recorded);
        assert_eq!((delivery.state, delivery.reason), (DeliveryState::Fail, Some(Reason::Exhausted)));
    }

    #[test]
    fn a_try_and_an_attempt_that_sent_nothing_are_counted_apart() {
        let due = Timestamp::from_seconds(9);
        let mut delivery = Progress {
            state: DeliveryState::Pending,
            reason: None,
            due: Some(Timestamp::from_seconds(1)),
            manual_due: None,
            queue: None,
            tries: 3,
            unsent: 7,
            held: None,
            not_before: None,
        };
        delivery.take(Trigger::Scheduled, BEGAN, Step::Retry { due, counted: true });
        assert_eq!((delivery.tries, delivery.unsent, delivery.due), (4, 7, Some(due)));
        delivery.take(Trigger::Scheduled, BEGAN, Step::Retry { due, counted: false });
        assert_eq!((delivery.tries, delivery.unsent, delivery.due), (4, 8, Some(due)));
    }
}
