//! How often somebody may try to sign in: each account from each address, and each address over all accounts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ringback_model::Timestamp;

use crate::ServiceError;

/// Tries that fail before there is a wait.
const FREE: u32 = 5;
/// Those of one address over all accounts.
const FREE_FOR_ADDRESS: u32 = 50;
/// The first wait; it doubles with each further failure.
const WAIT: Duration = Duration::from_secs(5);
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);
/// After this long without a failure all is forgotten.
const FORGET: Duration = Duration::from_secs(30 * 60);
/// Counters that are remembered before those that are over are forgotten.
const REMEMBERED: usize = 10_000;

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Timestamp,
}

/// The failures of late.
#[derive(Debug, Default)]
pub(crate) struct SignInLimit(Mutex<HashMap<String, Failures>>);

impl SignInLimit {
    /// Counts a try of this account from this address as a failure, until [`SignInLimit::succeeded`] takes it back:
    /// many tries at one time are not one try.
    pub(crate) fn take(&self, account: &str, address: &str, now: Timestamp) -> Result<(), ServiceError> {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= REMEMBERED {
            failures.retain(|_, one| now < one.last + FORGET);
        }
        let keys = [(pair(account, address), FREE), (address.to_owned(), FREE_FOR_ADDRESS)];
        for (key, free) in &keys {
            if let Some(one) = failures.get(key).filter(|one| now < one.last + FORGET)
                && let Some(over) = one.count.checked_sub(*free)
            {
                let wait = WAIT.saturating_mul(1 << over.min(16)).min(WAIT_MAX);
                let free_at = one.last + wait;
                if now < free_at {
                    return Err(ServiceError::TooMany {
                        code: "rate_limited",
                        detail: "Too many tries have failed. Wait a little, and try again.".to_owned(),
                        retry_after: free_at.since(now),
                    });
                }
            }
        }
        for (key, _) in keys {
            let one = failures.entry(key).or_insert(Failures { count: 0, last: now });
            if one.last + FORGET <= now {
                one.count = 0;
            }
            *one = Failures { count: one.count.saturating_add(1), last: now };
        }
        Ok(())
    }

    /// The try came through.
    pub(crate) fn succeeded(&self, account: &str, address: &str) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.remove(&pair(account, address));
        if let Some(one) = failures.get_mut(address) {
            one.count = one.count.saturating_sub(1);
        }
    }
}

fn pair(account: &str, address: &str) -> String {
    format!("{address} {account}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    #[test]
    fn guesses_become_slow_and_other_addresses_and_accounts_do_not_wait_for_them() {
        let limit = SignInLimit::default();
        let mut now = NOW;
        for _ in 0..FREE {
            limit.take("a", "1.1.1.1", now).unwrap();
        }
        let mut waited = Duration::ZERO;
        for _ in 0..20 {
            let Err(ServiceError::TooMany { retry_after, .. }) = limit.take("a", "1.1.1.1", now) else { panic!() };
            limit.take("a", "2.2.2.2", NOW).ok();
            now = now + retry_after;
            waited += retry_after;
            limit.take("a", "1.1.1.1", now).unwrap();
        }
        assert!(waited > Duration::from_secs(3 * 3_600), "{waited:?}");
        limit.take("b", "1.1.1.1", now).unwrap();
        limit.take("a", "3.3.3.3", now).unwrap();
    }

    #[test]
    fn an_address_cannot_go_through_all_accounts_and_who_signs_in_owes_nothing() {
        let limit = SignInLimit::default();
        for n in 0..200 {
            limit.take(&n.to_string(), "1.1.1.1", NOW).unwrap();
            limit.succeeded(&n.to_string(), "1.1.1.1");
        }
        let refused = (0..200).filter(|n| limit.take(&n.to_string(), "1.1.1.1", NOW).is_err()).count();
        assert_eq!(refused, 200 - FREE_FOR_ADDRESS as usize);
        limit.take("199", "1.1.1.1", NOW + FORGET).unwrap();
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let limit = SignInLimit::default();
        for n in 0..=REMEMBERED {
            limit.take("a", &format!("address {n}"), NOW).unwrap();
        }
        limit.take("a", "another", NOW + FORGET).unwrap();
        assert_eq!(limit.0.lock().unwrap().len(), 2);
    }
}
