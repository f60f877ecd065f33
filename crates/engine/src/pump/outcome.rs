//! What comes of attempts: the place is free, the outcome goes to the store, and an endpoint may have to be stopped.

use std::sync::Arc;
use std::time::Duration;

use ringback_model::{AppNo, AttemptOutcome, DeliveryState, Failure, Health, Timestamp};
use ringback_store::{Due, Epoch, Finish, Step, StoreError};

use super::{Done, LOOK_AGAIN, Pump};
use crate::executor::{Answer, Answered};
use crate::gatekeeper::{Gatekeeper, Measure};
use crate::log;
use crate::notice;
use crate::route::Route;
use crate::scheduler::Event;

/// An endpoint that has failed for so long is disabled.
const FAILING_TOO_LONG: Duration = Duration::from_secs(5 * 24 * 3_600);

/// What has become of an attempt, and the epoch that it began under; nothing if it was cut off.
pub(super) type Attempted = Option<(Epoch, Answered)>;

impl Pump {
    pub(super) fn attempted(&mut self, done: Result<Attempted, tokio::task::JoinError>) {
        match done {
            Ok(Some((epoch, answered))) => self.answered(epoch, answered),
            // The term was over when it was to go on. It may go on by now; this attempt does not.
            Ok(None) => self.cut_off(),
            // Attempts catch their own panics; nothing else in these tasks can.
            Err(error) => tracing::error!(%error, "an attempt ended badly"),
        }
    }

    /// The exchange is over: frees its place, and hands what came of it to the store.
    pub(super) fn answered(&mut self, epoch: Epoch, answered: Answered) {
        match answered {
            Answered::One(answer) => self.one_answered(epoch, answer),
            Answered::Batch { answers, left, verdict } => {
                let rows = answers.iter().map(|answer| {
                    let row = (answer.due.message.no, answer.due.trigger);
                    (row, answer.judgement.retry())
                });
                let rows = rows.collect();
                let Some(endpoint) = answers.first().map(|answer| answer.due.endpoint) else { return };
                if self.is_at((endpoint, epoch)) {
                    let before = self.scheduler.health(endpoint);
                    self.tell(Event::BatchAnswered { endpoint, rows, verdict });
                    for due in left {
                        self.tell(Event::Settled { endpoint, row: (due.message.no, due.trigger) });
                    }
                    self.batch_answered(epoch, answers, before);
                }
            }
        }
    }

    fn one_answered(&mut self, epoch: Epoch, answer: Answer) {
        let endpoint = answer.due.endpoint;
        if !self.is_at((endpoint, epoch)) {
            return;
        }
        let (row, judgement) = ((answer.due.message.no, answer.due.trigger), answer.judgement);
        let before = self.scheduler.health(endpoint);
        self.tell(Event::Answered { endpoint, row, verdict: judgement.verdict, retry: judgement.retry() });
        let health = self.scheduler.health(endpoint);
        let measure = self.measure(&answer, health.failing_since);
        let route = measure.map(|measure| (measure, answer.due.message.app, Arc::clone(&answer.route)));
        let finish = self.conclude(epoch, answer, health.differs_durably(&before).then_some(health));
        match route {
            Some((measure, app, route)) if self.measured.insert(endpoint) => {
                self.take_measure(measure, app, &route, vec![finish], self.failing_since(health));
            }
            Some(_) | None => self.record(finish),
        }
    }

    /// The same of several, whose one request was answered. If the endpoint has to be stopped, none of them is recorded
    /// before: a crash between the two would let the next of a queue out.
    fn batch_answered(&mut self, epoch: Epoch, answers: Vec<Answer>, before: Health) {
        let Some((endpoint, app, route)) =
            answers.first().map(|one| (one.due.endpoint, one.due.message.app, Arc::clone(&one.route)))
        else {
            return;
        };
        let health = self.scheduler.health(endpoint);
        let measure = answers.iter().find_map(|answer| self.measure(answer, health.failing_since));
        // It is the endpoint's, so one of them tells it.
        let mut told = health.differs_durably(&before).then_some(health);
        let finishes: Vec<_> = answers.into_iter().map(|answer| self.conclude(epoch, answer, told.take())).collect();
        match measure {
            Some(measure) if self.measured.insert(endpoint) => {
                self.take_measure(measure, app, &route, finishes, self.failing_since(health));
            }
            Some(_) | None => finishes.into_iter().for_each(|finish| self.record(finish)),
        }
    }

    fn failing_since(&self, health: Health) -> Timestamp {
        health.failing_since.unwrap_or_else(|| self.clock.now())
    }

    /// Counts an attempt, and makes of it what the store is to keep.
    fn conclude(&mut self, epoch: Epoch, answer: Answer, health: Option<Health>) -> Finish {
        let Answer { due, route, earlier, attempt, judgement } = answer;
        for attempt in earlier.iter().chain([&attempt]) {
            log::attempt(&due, &route, attempt, judgement.step);
        }
        self.tallies.count(&due, earlier.as_ref(), &attempt, judgement.step);
        self.meter.count(&due, earlier.as_ref(), &attempt, judgement.step);
        self.busiest.count(due.message.app, attempt.outcome == AttemptOutcome::Delivered, self.clock.now());
        let notice = match self.noticed {
            Some(_) if !route.config.endpoint.callback => {
                notice::of_attempt(&due, &route.config.endpoint, &attempt, judgement.step)
            }
            Some(_) | None => None,
        };
        if matches!(judgement.step, Step::Hold { .. }) {
            self.holds.judged(due.endpoint, due.message.no, &due.message.event_type, route);
        }
        Finish {
            message: due.message.no,
            endpoint: due.endpoint,
            epoch,
            earlier,
            attempt,
            step: judgement.step,
            health,
            notice: notice.map(Box::new),
        }
    }

    /// Hands an outcome to the store. The feed tells when it is durable.
    fn record(&mut self, finish: Finish) {
        let noticed = self.noticed.clone().filter(|_| finish.notice.is_some());
        let finished = self.store.finish(finish);
        if let Some(noticed) = noticed {
            self.tasks.spawn(async move {
                if finished.await.is_ok() {
                    noticed.notify_one();
                }
                Done::Counted
            });
        }
    }

    fn measure(&self, answer: &Answer, failing_since: Option<Timestamp>) -> Option<Measure> {
        let Answer { due, route, attempt, judgement, earlier: _ } = answer;
        // What one callback URL answers says nothing of the others on its host, and nobody would enable it again.
        if route.config.endpoint.callback {
            return None;
        }
        if matches!(attempt.outcome, AttemptOutcome::Failed { why: Failure::Status(410), .. }) {
            return Some(Measure::DisableGone);
        }
        // Whoever has changed the endpoint since, or enabled it again, is given the time anew.
        let since = failing_since.map(|since| since.max(route.config.endpoint.updated_at));
        if since.is_some_and(|since| self.clock.now().since(since) >= FAILING_TOO_LONG) {
            return Some(Measure::DisableFailing);
        }
        self.pauses_after(due, judgement.step).then_some(Measure::Pause)
    }

    /// Whether a message of a queue was given up, at an endpoint that is paused then.
    fn pauses_after(&self, due: &Due, step: Step) -> bool {
        let given_up = due.queue.is_some() && matches!(step, Step::End { state: DeliveryState::Fail, .. });
        given_up && self.scheduler.pauses_when_exhausted(due.endpoint)
    }

    /// Stops an endpoint and then records the outcomes that led to it: were it the other way round, a crash between the
    /// two would let the next of the queue out. The lane sends nothing in the meantime.
    fn take_measure(
        &mut self,
        measure: Measure,
        app: AppNo,
        route: &Arc<Route>,
        finishes: Vec<Finish>,
        since: Timestamp,
    ) {
        let endpoint = route.config.no;
        self.tell(Event::Stopping(endpoint));
        let gatekeeper = Gatekeeper {
            store: self.store.clone(),
            directory: self.directory.clone(),
            clock: self.clock.clone(),
            app,
            url: route.url.clone(),
            told_since: self.noticed.is_some().then_some(since),
        };
        let noticed = self.noticed.clone();
        self.tasks.spawn(async move {
            let mut taken = gatekeeper.take(measure, endpoint).await;
            // The feed tells when they are durable.
            let finished: Vec<_> = finishes.into_iter().map(|finish| gatekeeper.store.finish(finish)).collect();
            while let Err(error) = &taken {
                tracing::error!(?error, ?measure, "an endpoint could not be stopped; trying again");
                if matches!(error, StoreError::Broken | StoreError::Corrupt { .. }) {
                    break;
                }
                tokio::time::sleep(LOOK_AGAIN).await;
                taken = gatekeeper.take(measure, endpoint).await;
            }
            if let Some(noticed) = noticed {
                for one in finished {
                    if one.await.is_ok() {
                        noticed.notify_one();
                    }
                }
            }
            Done::Measured(endpoint)
        });
    }
}
