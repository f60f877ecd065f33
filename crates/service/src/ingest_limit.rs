//! How much may be handed in for an application: so many messages a second, and so many bytes that are kept.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ringback_model::{AppNo, IngestLimits, Timestamp};
use ringback_store::AppConfig;

use crate::{Service, ServiceError};

/// What may come at once after a quiet time, as a time at the rate.
const BURST: Duration = Duration::from_secs(1);
/// For how long a reading of what is kept counts.
const FRESH: Duration = Duration::from_secs(1);
/// When it is worth another try once the quota is reached: payloads go when their time is over, whenever that is.
const WHEN_THERE_IS_ROOM: Duration = Duration::from_secs(300);
/// Applications that are remembered before those that have been quiet are forgotten.
const APPLICATIONS: usize = 10_000;

/// What this server remembers of what was handed in.
#[derive(Debug, Default)]
pub(crate) struct IngestLimiter(Mutex<HashMap<AppNo, Taken>>);

#[derive(Clone, Copy, Debug)]
struct Taken {
    /// When all that was taken would have come, had it come evenly.
    even: Timestamp,
    /// Bytes that are kept, and when that was read.
    used: Option<(Timestamp, u64)>,
}

impl IngestLimiter {
    /// Takes so many messages, if one may come; more than may come at once are owed by those after them.
    fn take(&self, app: AppNo, rate: u32, messages: usize, now: Timestamp) -> Result<(), ServiceError> {
        self.with(app, now, |taken| {
            let ahead = taken.even.since(now);
            if ahead >= BURST {
                return Err(ServiceError::TooMany {
                    code: "rate_limited",
                    detail: format!("At most {rate} messages a second are taken for this application."),
                    retry_after: ahead - BURST + Duration::from_secs(1) / rate.max(1),
                });
            }
            let messages = u32::try_from(messages).unwrap_or(u32::MAX);
            taken.even = taken.even.max(now) + Duration::from_secs(1) * messages / rate.max(1);
            Ok(())
        })
    }

    /// Bytes that are kept, if that was read just now.
    fn used(&self, app: AppNo, now: Timestamp) -> Option<u64> {
        let used = self.with(app, now, |taken| taken.used);
        used.filter(|(at, _)| now.since(*at) < FRESH).map(|(_, bytes)| bytes)
    }

    fn note_used(&self, app: AppNo, now: Timestamp, bytes: u64) {
        self.with(app, now, |taken| taken.used = Some((now, bytes)));
    }

    fn with<T>(&self, app: AppNo, now: Timestamp, act: impl FnOnce(&mut Taken) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= APPLICATIONS {
            all.retain(|_, taken| taken.even > now);
        }
        act(all.entry(app).or_insert(Taken { even: now, used: None }))
    }
}

impl Service {
    /// Lets messages of an application in, if its limits allow.
    ///
    /// # Errors
    /// [`ServiceError::TooMany`].
    pub(crate) async fn let_in(&self, app: &AppConfig, messages: usize) -> Result<(), ServiceError> {
        let IngestLimits { ingest_rate, storage_quota } = app.application.ingest;
        let now = self.clock.now();
        if let Some(quota) = storage_quota {
            let used = match self.ingest.used(app.no, now) {
                Some(used) => used,
                None => {
                    let used = self.store.usage(app.no).await?;
                    self.ingest.note_used(app.no, now, used);
                    used
                }
            };
            if used >= quota {
                let detail = format!(
                    "The payloads kept of this application have {used} bytes, and {quota} are allowed: have some removed, \
                     keep them for a shorter time, or raise `storageQuota`."
                );
                let code = "quota_reached";
                return Err(ServiceError::TooMany { code, detail, retry_after: WHEN_THERE_IS_ROOM });
            }
        }
        match ingest_rate {
            Some(rate) => self.ingest.take(app.no, rate, messages, now),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const APP: AppNo = AppNo(1);

    proptest! {
        #[test]
        fn over_any_time_no_more_come_than_the_rate_allows_and_what_waits_as_told_gets_in(
            rate in 1u32..2_000,
            asks in proptest::collection::vec((0u64..400_000, 1usize..50), 1..200),
        ) {
            let limiter = IngestLimiter::default();
            let start = Timestamp::from_seconds(1_800_000_000);
            let (mut now, mut let_in, mut last) = (start, 0, 0);
            for (wait, messages) in asks {
                now = now + Duration::from_micros(wait);
                match limiter.take(APP, rate, messages, now) {
                    Ok(()) => (let_in, last) = (let_in + messages, messages),
                    Err(ServiceError::TooMany { retry_after, .. }) => {
                        prop_assert!(retry_after > Duration::ZERO);
                        now = now + retry_after;
                        prop_assert!(limiter.take(APP, rate, messages, now).is_ok());
                        (let_in, last) = (let_in + messages, messages);
                    }
                    Err(other) => prop_assert!(false, "{}", other),
                }
                // What the last request brings beyond the burst is owed.
                let most = f64::from(rate) * (now.since(start).as_secs_f64() + 1.0) + last as f64;
                prop_assert!(let_in as f64 <= most + 1.0, "{} of {}", let_in, most);
            }
        }
    }

    #[test]
    fn applications_do_not_count_for_each_other_and_quiet_ones_are_forgotten() {
        let (limiter, now) = (IngestLimiter::default(), Timestamp::from_seconds(1_800_000_000));
        for app in 0..20_000 {
            assert!(limiter.take(AppNo(app), 1, 1, now + Duration::from_secs(app.unsigned_abs() / 100)).is_ok());
        }
        assert!(limiter.0.lock().unwrap_or_else(PoisonError::into_inner).len() <= APPLICATIONS);
    }
}
