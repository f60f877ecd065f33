//! How often somebody may have this server call a URL at once, so that nobody turns it on a third party.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ringback_model::{AppNo, Timestamp};

use crate::ServiceError;

/// The span that is looked at.
const SPAN: Duration = Duration::from_secs(60);
/// Applications that are remembered before those that have been quiet are forgotten.
const APPLICATIONS: usize = 1_000;

/// At most so many in any minute, for each application.
#[derive(Debug)]
pub(crate) struct ProbeLimit {
    what: &'static str,
    max: usize,
    taken: Mutex<HashMap<AppNo, VecDeque<Timestamp>>>,
}

impl ProbeLimit {
    /// At most `max` of `what` in a minute.
    pub(crate) fn new(what: &'static str, max: usize) -> Self {
        Self { what, max, taken: Mutex::default() }
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&self, app: AppNo, now: Timestamp) -> Result<(), ServiceError> {
        self.try_take(app, now).map_err(|retry_after| ServiceError::TooMany {
            code: "rate_limited",
            detail: format!("At most {} {} a minute are allowed for an application.", self.max, self.what),
            retry_after,
        })
    }

    /// The same; or how long it takes until there is one.
    pub(crate) fn try_take(&self, app: AppNo, now: Timestamp) -> Result<(), Duration> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() >= APPLICATIONS {
            taken.retain(|_, times| times.back().is_some_and(|last| now < *last + SPAN));
        }
        let times = taken.entry(app).or_default();
        while times.front().is_some_and(|first| *first + SPAN <= now) {
            times.pop_front();
        }
        if times.len() >= self.max {
            return Err(times.front().map_or(SPAN, |first| (*first + SPAN).since(now)));
        }
        times.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const APP: AppNo = AppNo(1);

    proptest! {
        #[test]
        fn no_minute_has_more_than_its_number_and_the_wait_that_is_named_is_enough(gaps in proptest::collection::vec(0u64..30, 1..100)) {
            let limit = ProbeLimit::new("tests", 10);
            let mut now = Timestamp::from_seconds(1_000);
            let mut taken: Vec<Timestamp> = Vec::new();
            for gap in gaps {
                now = now + Duration::from_secs(gap);
                match limit.take(APP, now) {
                    Ok(()) => taken.push(now),
                    Err(ServiceError::TooMany { retry_after, .. }) => {
                        prop_assert!(retry_after <= SPAN && retry_after > Duration::ZERO);
                        now = now + retry_after;
                        prop_assert!(limit.take(APP, now).is_ok());
                        taken.push(now);
                    }
                    Err(other) => prop_assert!(false, "{}", other),
                }
                let recent = taken.iter().filter(|at| now < **at + SPAN).count();
                prop_assert!(recent <= 10);
            }
        }
    }

    #[test]
    fn applications_do_not_share_a_limit_and_quiet_ones_are_forgotten() {
        let limit = ProbeLimit::new("tests", 1);
        let now = Timestamp::from_seconds(0);
        for app in 0..APPLICATIONS {
            assert!(limit.take(AppNo(app as i64), now).is_ok());
        }
        assert!(limit.take(AppNo(0), now).is_err());
        assert!(limit.take(AppNo(-1), now + SPAN).is_ok());
        assert_eq!(limit.taken.lock().unwrap().len(), 1);
    }
}
