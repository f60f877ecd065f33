//! The receivers' part, and the executor's: when there is an answer, and what becomes of it.

use std::time::Duration;

use ringback_engine::Judgement;
use ringback_engine::scheduler::{Action, Event};
use ringback_model::{AttemptOutcome, Clock, Exchange, Failure, NotSent, Random, Timestamp, Trigger};
use ringback_store::backend::sqlite::Op;
use ringback_store::{Due, Epoch, Finish, NewAttempt};

use crate::plan::{Manner, TIMEOUT};
use crate::world::{Happening, MENDED_AFTER, START, World};

impl World {
    /// The receiver's part: when it answers, and what.
    pub(crate) fn start(&mut self, due: Due) {
        let now = self.clock.now();
        if due.trigger == Trigger::Scheduled && now >= due.message.ends_at() {
            // The executor sends nothing.
            self.laws.not_sent(&due);
            let outcome = AttemptOutcome::NotSent { why: NotSent::Expired };
            return self.after(1, Happening::Answer(Box::new((due, now, outcome))));
        }
        self.laws.started(&due, &self.plan, now);
        let recent = self.recent.entry(due.endpoint).or_default();
        recent.retain(|at| now.since(*at) < Duration::from_secs(1));
        recent.push(now);
        let in_a_second = recent.len();
        let status = |code| AttemptOutcome::Failed { why: Failure::Status(code), retry_after: None };
        let asked = (self.random.below(3) == 0).then(|| Duration::from_millis(self.random.below(5_000)));
        let quick = 200 + self.random.below(20_000);
        let manner = match self.plan.endpoint(due.endpoint).manner {
            // In the end every receiver is mended, or a breaker would make the run as long as its probes are far apart.
            _ if now > START + MENDED_AFTER => Manner::Good,
            manner => manner,
        };
        let (micros, outcome) = match manner {
            Manner::Good => (quick, AttemptOutcome::Delivered),
            Manner::Flaky(percent) if self.random.below(100) < percent => (quick, status(500)),
            Manner::Flaky(_) => (quick, AttemptOutcome::Delivered),
            Manner::Slow(ms) => match self.random.below(ms * 1_000) {
                late if late > TIMEOUT.as_micros() as u64 => {
                    (TIMEOUT.as_micros() as u64, AttemptOutcome::Failed { why: Failure::Timeout, retry_after: None })
                }
                slow => (slow, AttemptOutcome::Delivered),
            },
            Manner::Dead if self.random.below(4) == 0 => (10, AttemptOutcome::NotSent { why: NotSent::Dns }),
            Manner::Dead => (quick, status(500)),
            Manner::Hung => {
                (TIMEOUT.as_micros() as u64, AttemptOutcome::Failed { why: Failure::Timeout, retry_after: None })
            }
            Manner::Strict(most) if in_a_second > most => {
                (quick, AttemptOutcome::Failed { why: Failure::Status(429), retry_after: asked })
            }
            Manner::Strict(_) => (quick, AttemptOutcome::Delivered),
        };
        self.after(micros, Happening::Answer(Box::new((due, now, outcome))));
    }

    /// The executor's part and the pump's: judge, free the place, hand the outcome to the store.
    pub(crate) fn answered(
        &mut self,
        (due, started_at, outcome): (Due, Timestamp, AttemptOutcome),
        actions: &mut Vec<Action>,
    ) {
        let now = self.clock.now();
        self.laws.answered(&due, &outcome, now);
        self.summary.attempts += 1;
        self.summary.failed_attempts += u64::from(outcome != AttemptOutcome::Delivered);
        let endpoint = due.endpoint;
        let policy = &self.plan.endpoint(endpoint).retry;
        let judgement = Judgement::of(&due, policy, &outcome, now, self.random.fraction());
        let before = self.scheduler.health(endpoint);
        let row = (due.message.no, due.trigger);
        let event = Event::Answered { endpoint, row, verdict: judgement.verdict, retry: judgement.retry() };
        self.scheduler.step(event, now, actions);
        let health = self.scheduler.health(endpoint);
        self.enqueue(Op::Finish(Finish {
            message: due.message.no,
            endpoint,
            epoch: Epoch::ONLY,
            earlier: None,
            attempt: NewAttempt {
                id: self.ids.make(now, &*self.random),
                started_at,
                trigger: due.trigger,
                outcome,
                url: "http://receiver.example/".into(),
                exchange: Exchange::default(),
            },
            step: judgement.step,
            health: health.differs_durably(&before).then_some(health),
            notice: None,
        }));
    }
}
