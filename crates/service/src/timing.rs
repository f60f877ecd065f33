//! When a message may be sent: not before a time, and not after one.

use std::time::Duration;

use ringback_model::Timestamp;

use crate::ServiceError;
use crate::check::Faults;

/// What the two clocks may differ by and still be taken for one: a time is then kept as it was given.
const SAME: Duration = Duration::from_secs(1);

/// When a message may be sent, as its producer asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Not before this time; at once if it is over.
    pub deliver_at: Option<Timestamp>,
    /// For so long, from the acceptance on.
    pub ttl: Option<Duration>,
    /// Until this time. One that is over is kept all the same: the message's deliveries have failed, and say so.
    pub expires_at: Option<Timestamp>,
}

impl Timing {
    /// Until when it may be sent, if that has an end of its own.
    #[must_use]
    pub fn ends_at(&self, accepted_at: Timestamp) -> Option<Timestamp> {
        self.expires_at.or_else(|| self.ttl.map(|ttl| accepted_at + ttl))
    }

    /// Checks what is wrong whenever it is asked: a request that is repeated must not fare otherwise than the first time.
    pub(crate) fn check(&self, faults: &mut Faults) {
        if self.ttl.is_some_and(|ttl| ttl < Duration::from_secs(1)) {
            faults.note("ttl", "It is at least 1s; leave it out if the message is good for as long as it is kept.");
        }
        if self.ttl.is_some() && self.expires_at.is_some() {
            faults.note("expiresAt", "Say either `ttl` or `expiresAt`: both tell until when the message is sent.");
        }
        if let (Some(from), Some(until)) = (self.deliver_at, self.expires_at)
            && until <= from
        {
            faults.note("expiresAt", "It has to be after `deliverAt`.");
        }
    }

    /// The two times by the clock that schedules are kept by, of a message accepted at `now` whose payload is kept until
    /// `kept_until`.
    pub(crate) fn on_our_clock(
        &self,
        now: Timestamp,
        wall: Timestamp,
        kept_until: Timestamp,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), ServiceError> {
        let ours = |at: Timestamp| shift(at, wall, now);
        let deliver_at = self.deliver_at.map(ours);
        let until = self.expires_at.map(ours).or_else(|| self.ttl.map(|ttl| now + ttl));
        if deliver_at.is_some_and(|at| at >= kept_until) {
            let rule = format!("It has to be before {kept_until}: the payload is kept until then.");
            return Err(ServiceError::body("deliverAt", rule));
        }
        if let (Some(from), Some(until), Some(_)) = (deliver_at, until, self.ttl)
            && until <= from
        {
            return Err(ServiceError::body("ttl", "It counts from now on, and ends before `deliverAt`."));
        }
        Ok((deliver_at, until))
    }
}

/// A time of the clock on the wall, by the clock that does not jump.
fn shift(at: Timestamp, wall: Timestamp, now: Timestamp) -> Timestamp {
    match (now.since(wall), wall.since(now)) {
        (ahead, behind) if ahead < SAME && behind < SAME => at,
        (ahead, behind) => at + ahead - behind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn second(seconds: u64) -> Timestamp {
        NOW + Duration::from_secs(seconds)
    }

    #[test]
    fn a_time_is_kept_as_it_was_given_while_the_clocks_agree() {
        let timing = Timing { deliver_at: Some(second(60)), expires_at: Some(second(90)), ttl: None };
        let wall = NOW + Duration::from_millis(999);
        assert_eq!(timing.on_our_clock(NOW, wall, second(1_000)).unwrap(), (Some(second(60)), Some(second(90))));
    }

    #[test]
    fn a_time_is_so_far_ahead_as_the_clock_on_the_wall_says() {
        let timing = Timing { deliver_at: Some(second(60)), ..Timing::default() };
        assert_eq!(timing.on_our_clock(NOW, second(50), second(1_000)).unwrap().0, Some(second(10)));
        let set_back = NOW - Duration::from_secs(40);
        assert_eq!(timing.on_our_clock(NOW, set_back, second(1_000)).unwrap().0, Some(second(100)));
    }

    #[test]
    fn a_lifetime_counts_from_the_acceptance() {
        let timing = Timing { ttl: Some(Duration::from_secs(30)), ..Timing::default() };
        assert_eq!(timing.on_our_clock(NOW, NOW, second(1_000)).unwrap(), (None, Some(second(30))));
        let too_late = Timing { deliver_at: Some(second(30)), ..timing };
        assert!(too_late.on_our_clock(NOW, NOW, second(1_000)).is_err());
    }

    #[test]
    fn nothing_is_put_off_until_its_payload_is_gone() {
        let timing = Timing { deliver_at: Some(second(1_000)), ..Timing::default() };
        assert!(timing.on_our_clock(NOW, NOW, second(1_000)).is_err());
        assert!(timing.on_our_clock(NOW, NOW, second(1_001)).is_ok());
    }
}
