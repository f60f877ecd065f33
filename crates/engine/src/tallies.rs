//! Counts what came of attempts, for charts: in memory, and from time to time into the store. What was counted since is
//! lost in a crash; deliveries themselves are told by their rows, never by these counts.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use ringback_model::{AppNo, AttemptOutcome, DeliveryState, EndpointNo, Tally, Timestamp, Trigger};
use ringback_store::{Count, Due, NewAttempt, Step, Store, StoreError};

/// How often counts are added to the store: a chart lags so far behind.
const EVERY: Duration = Duration::from_secs(10);
/// Endpoints in one commit, so that nobody waits long for it.
const ENDPOINTS_PER_COMMIT: usize = 100;

/// What was counted and not yet handed over.
#[derive(Debug)]
pub(crate) struct Tallies {
    counted: HashMap<(EndpointNo, AppNo), Tally>,
    /// When they are handed over next.
    pub(crate) due: Timestamp,
}

impl Tallies {
    /// Nothing was counted yet.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { counted: HashMap::new(), due: now + EVERY }
    }

    /// Counts an attempt, one that came just before it, and what becomes of the delivery.
    pub(crate) fn count(&mut self, due: &Due, earlier: Option<&NewAttempt>, last: &NewAttempt, step: Step) {
        let tally = self.counted.entry((due.endpoint, due.message.app)).or_default();
        for attempt in earlier.into_iter().chain([last]) {
            let took = u64::try_from(attempt.exchange.phases.total.as_micros()).unwrap_or(u64::MAX);
            match attempt.outcome {
                AttemptOutcome::Delivered => {
                    tally.exchange_us += took;
                    match due.trigger {
                        Trigger::Scheduled => {
                            let end = attempt.started_at + attempt.exchange.phases.total;
                            tally.deliver(end.since(due.late_since()));
                        }
                        // How long somebody took to ask for it says nothing of the queue.
                        Trigger::Manual => tally.delivered += 1,
                    }
                }
                AttemptOutcome::Failed { .. } => {
                    tally.exchange_us += took;
                    tally.failed += 1;
                }
                AttemptOutcome::NotSent { .. } => tally.not_sent += 1,
            }
        }
        if matches!(step, Step::End { state: DeliveryState::Fail, .. }) {
            tally.given_up += 1;
        }
    }

    /// What was counted, if it is time to hand it over.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<Counted> {
        (now >= self.due).then(|| {
            self.due = now + EVERY;
            self.take(now)
        })
    }

    /// What was counted.
    pub(crate) fn take(&mut self, now: Timestamp) -> Counted {
        let counted = mem::take(&mut self.counted).into_iter();
        Counted { at: now, endpoints: counted.map(|((endpoint, app), tally)| (endpoint, app, tally)).collect() }
    }
}

/// What is handed over.
#[derive(Debug)]
pub(crate) struct Counted {
    at: Timestamp,
    endpoints: Vec<(EndpointNo, AppNo, Tally)>,
}

impl Counted {
    /// Adds it to the store, some endpoints at a time. What cannot be added is left out of the charts.
    pub(crate) async fn write(self, store: Arc<dyn Store>) {
        for endpoints in self.endpoints.chunks(ENDPOINTS_PER_COMMIT) {
            let count = Count { at: self.at, endpoints: endpoints.to_vec() };
            match store.tally(count).await {
                Ok(()) => {}
                // The store has told it already, and statistics are the least of what is missing.
                Err(StoreError::Broken | StoreError::Full) => return,
                Err(error) => {
                    tracing::warn!(?error, "counts for charts could not be kept: the charts miss some seconds")
                }
            }
        }
    }
}
