//! The receivers' part, and the executor's: when there is an answer, and what becomes of it.

use std::collections::HashSet;
use std::time::Duration;

use ringback_engine::Judgement;
use ringback_engine::scheduler::{Action, Event, Verdict};
use ringback_model::{AttemptOutcome, Clock, EndpointNo, Exchange, Failure, NotSent, Random, Trigger};
use ringback_store::backend::sqlite::Op;
use ringback_store::{Due, Epoch, Finish, NewAttempt};

use crate::plan::{Manner, TIMEOUT};
use crate::world::{Happening, MENDED_AFTER, Request, START, World};

impl World {
    /// The receiver's part: when it answers, and what. What cannot be sent any more is left out, as the executor does.
    pub(crate) fn start(&mut self, rows: Vec<Due>, is_batch: bool) {
        let now = self.clock.now();
        self.summary.batches += u64::from(is_batch);
        let (rows, left) = self.leave_some(rows);
        let is_over = |due: &Due| due.trigger == Trigger::Scheduled && now >= due.message.ends_at();
        let (over, going): (Vec<_>, Vec<_>) = rows.into_iter().partition(is_over);
        over.iter().for_each(|due| self.laws.not_sent(due));
        let expired = |due| (due, AttemptOutcome::NotSent { why: NotSent::Expired });
        let mut rows: Vec<_> = over.into_iter().map(expired).collect();
        let Some(endpoint) = going.first().map(|due| due.endpoint) else {
            self.laws.begun(rows[0].0.endpoint);
            let request = Request { rows, left, started_at: now, outcome: None, is_batch };
            return self.after(1, Happening::Answer(Box::new(request)));
        };
        let ending: HashSet<_> = rows.iter().map(|(due, _)| due.message.no).collect();
        self.summary.followers += self.laws.started(&going, &ending, &self.plan, now);
        let (micros, outcome) = self.answer_of(endpoint);
        rows.extend(going.into_iter().map(|due| (due, outcome.clone())));
        rows.sort_by_key(|(due, _)| due.message.no);
        let request = Request { rows, left, started_at: now, outcome: Some(outcome), is_batch };
        self.after(micros, Happening::Answer(Box::new(request)));
    }

    /// Now and then a row cannot be in a request, and if it stands behind another one it stays with all behind it.
    fn leave_some(&mut self, rows: Vec<Due>) -> (Vec<Due>, Vec<Due>) {
        let (mut met, mut closed) = (HashSet::new(), HashSet::new());
        let (left, going): (Vec<_>, Vec<_>) = rows.into_iter().partition(|due| {
            let Some(queue) = due.queue else { return false };
            if !met.insert(queue) && self.random.below(20) == 0 {
                closed.insert(queue);
            }
            closed.contains(&queue)
        });
        self.summary.left += left.len() as u64;
        (going, left)
    }

    /// What a receiver answers now, and after how many microseconds.
    fn answer_of(&mut self, endpoint: EndpointNo) -> (u64, AttemptOutcome) {
        let now = self.clock.now();
        let recent = self.recent.entry(endpoint).or_default();
        recent.retain(|at| now.since(*at) < Duration::from_secs(1));
        recent.push(now);
        let in_a_second = recent.len();
        let status = |code| AttemptOutcome::Failed { why: Failure::Status(code), retry_after: None };
        let asked = (self.random.below(3) == 0).then(|| Duration::from_millis(self.random.below(5_000)));
        let quick = 200 + self.random.below(20_000);
        let manner = match self.plan.endpoint(endpoint).manner {
            // In the end every receiver is mended, or a breaker would make the run as long as its probes are far apart.
            _ if now > START + MENDED_AFTER => Manner::Good,
            manner => manner,
        };
        match manner {
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
        }
    }

    /// The executor's part and the pump's: judge, free the place, hand the outcomes to the store.
    pub(crate) fn answered(&mut self, request: Request, actions: &mut Vec<Action>) {
        let now = self.clock.now();
        let Request { rows, left, started_at, outcome, is_batch } = request;
        self.laws.answered(&rows, now);
        let endpoint = rows[0].0.endpoint;
        let before = self.scheduler.health(endpoint);
        let (policy, jitter) = (self.plan.endpoint(endpoint).retry.clone(), self.random.fraction());
        let judged: Vec<_> =
            rows.iter().map(|(due, outcome)| Judgement::of(due, &policy, outcome, now, jitter)).collect();
        let id = |(due, _): &(Due, AttemptOutcome)| (due.message.no, due.trigger);
        let event = if is_batch {
            let rows = rows.iter().map(id).zip(judged.iter().map(Judgement::retry)).collect();
            let verdict = outcome.map_or(Verdict::NotSent, |outcome| Judgement::verdict_of(&outcome));
            Event::BatchAnswered { endpoint, rows, verdict }
        } else {
            let (row, judgement) = (id(&rows[0]), judged[0]);
            Event::Answered { endpoint, row, verdict: judgement.verdict, retry: judgement.retry() }
        };
        self.scheduler.step(event, now, actions);
        for due in left {
            self.scheduler.step(Event::Settled { endpoint, row: (due.message.no, due.trigger) }, now, actions);
        }
        let health = self.scheduler.health(endpoint);
        let mut told = health.differs_durably(&before).then_some(health);
        for ((due, outcome), judgement) in rows.into_iter().zip(judged) {
            self.summary.attempts += 1;
            self.summary.failed_attempts += u64::from(outcome != AttemptOutcome::Delivered);
            let id = self.ids.make(now, &*self.random);
            let attempt = NewAttempt {
                id,
                started_at,
                trigger: due.trigger,
                outcome,
                url: "http://receiver.example/".into(),
                exchange: Exchange::default(),
            };
            self.enqueue(Op::Finish(Finish {
                message: due.message.no,
                endpoint,
                epoch: Epoch::ONLY,
                earlier: None,
                attempt,
                step: judgement.step,
                health: told.take(),
                notice: None,
            }));
        }
    }
}
