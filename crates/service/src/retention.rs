//! For how long things are kept, and letting go of them by a pass in the background.

use std::ops::RangeInclusive;
use std::time::Duration;

use ringback_model::{MessageNo, OrganizationSettings, Reason, Timestamp};
use ringback_store::{Aging, AgingQuery, AppConfig, Expire, Expiry, Part, StoreError};

use crate::{Service, ServiceError};

/// For how many days a payload may be kept, as on the reference server.
pub(crate) const PAYLOAD_DAYS: RangeInclusive<u16> = 5..=90;
/// For how many days attempts and messages may be kept.
pub(crate) const RECORD_DAYS: RangeInclusive<u16> = 5..=3_650;
/// For how many days each of them is kept, unless somebody says otherwise.
pub(crate) const DAYS: u16 = 90;

/// Messages of a part that are looked at in one step.
const STEP: usize = 500;
/// Rows that are written in one commit: less than 2 ms of the writer's time.
pub(crate) const ROWS: usize = 100;
/// How long the pass rests after a commit, and when nothing was due.
const BETWEEN_STEPS: Duration = Duration::from_millis(20);
const WHEN_IDLE: Duration = Duration::from_secs(2);
/// How long it rests when the store could not answer.
const IN_TROUBLE: Duration = Duration::from_secs(10);

/// For how long an organization keeps attempts and messages, from the acceptance on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retention {
    attempts: Duration,
    messages: Duration,
}

/// What is to be done about a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Verdict {
    /// What goes now.
    now: Vec<Expiry>,
    /// When it is to be looked at again; never, if it goes as a whole.
    next: Option<Timestamp>,
}

impl Retention {
    pub(crate) fn of(settings: &OrganizationSettings) -> Self {
        let days = |own: Option<u16>| Duration::from_secs(u64::from(own.unwrap_or(DAYS)) * 86_400);
        Self { attempts: days(settings.attempt_retention_days), messages: days(settings.message_retention_days) }
    }

    /// That of the organization of an application; of one that is gone, that of all who say nothing.
    pub(crate) fn of_app(app: Option<&AppConfig>) -> Self {
        app.map_or_else(|| Self::of(&OrganizationSettings::default()), |app| Self::of(&app.settings))
    }

    /// When something of a message is to go first, of which is known when its own time or its payload's ends.
    pub(crate) fn first_look(self, accepted_at: Timestamp, ends_at: Timestamp) -> Timestamp {
        ends_at.min(accepted_at + self.attempts)
    }

    /// What of a message goes now, and when the next of it does. A message is kept for as long as its payload is.
    fn judge(self, message: &Aging, now: Timestamp) -> Verdict {
        let attempts_end = message.accepted_at + self.attempts;
        let message_ends = message.expires_at.max(message.accepted_at + self.messages);
        if now >= message_ends {
            return Verdict { now: vec![Expiry::Message], next: None };
        }
        let mut verdict = Verdict { now: Vec::new(), next: Some(message_ends) };
        let mut at = |time: Timestamp, what: Expiry| {
            if now >= time {
                verdict.now.push(what);
            } else {
                verdict.next = verdict.next.map(|next| next.min(time));
            }
        };
        if message.has_payload {
            at(message.expires_at, Expiry::Payload(Reason::Expired));
        }
        if let Some(until) = message.deliver_until.filter(|until| message.is_pending && *until < message.expires_at) {
            at(until, Expiry::Deliveries(Reason::Expired));
        }
        // There may be some by then.
        if message.has_attempts || now < attempts_end {
            at(attempts_end, Expiry::Attempts);
        }
        verdict
    }
}

impl Service {
    /// Lets go of what is old for as long as the server runs.
    pub async fn let_go(&self) {
        loop {
            let rest = match self.let_go_of_some().await {
                Ok(true) => BETWEEN_STEPS,
                Ok(false) => WHEN_IDLE,
                Err(error) => {
                    tracing::warn!(?error, "what is old could not be let go of; it stays a little longer");
                    IN_TROUBLE
                }
            };
            tokio::time::sleep(rest).await;
        }
    }

    /// Visits the part of the messages that has been due for longest, or some of the deleted endpoints if there is none;
    /// answers whether there may be more.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn let_go_of_some(&self) -> Result<bool, ServiceError> {
        let now = self.clock.now();
        let Some(part) = self.store.upkeep(now, 1).await?.pop() else {
            return self.erase_some_secrets().await;
        };
        let (mut after, mut next) = (MessageNo(0), None::<Timestamp>);
        loop {
            let messages = self.store.aging(AgingQuery { part: part.no, after, limit: STEP }).await?;
            let mut items = Vec::new();
            for message in &messages {
                let app = self.directory.app(message.app).await?;
                let verdict = Retention::of_app(app.as_deref()).judge(message, now);
                items.extend(verdict.now.into_iter().map(|what| (message.no, what)));
                next = next.into_iter().chain(verdict.next).min();
            }
            let is_last = messages.len() < STEP;
            self.let_go_in_steps(items, is_last.then_some((part, next))).await?;
            let Some(last) = messages.last().filter(|_| !is_last) else { return Ok(true) };
            after = last.no;
        }
    }

    async fn let_go_in_steps(
        &self,
        mut items: Vec<(MessageNo, Expiry)>,
        visited: Option<(Part, Option<Timestamp>)>,
    ) -> Result<(), StoreError> {
        while !items.is_empty() || visited.is_some() {
            let step = Expire {
                items: items.iter().take(ROWS).copied().collect(),
                rows: ROWS,
                visited: visited.filter(|_| items.len() <= ROWS),
                ..Expire::default()
            };
            let (asked, is_last) = (step.items.len(), step.visited.is_some());
            let done = self.store.expire(step).await?.done;
            if is_last && done == asked {
                break;
            }
            items.drain(..done);
            tokio::time::sleep(BETWEEN_STEPS).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ringback_model::AppNo;

    use super::*;

    const ACCEPTED: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn day(days: u64) -> Timestamp {
        ACCEPTED + Duration::from_secs(days * 86_400)
    }

    proptest! {
        /// However often a message is looked at, as long as that is not before it was asked for, each thing goes at the first
        /// look after its time and nothing goes before.
        #[test]
        fn each_thing_goes_when_its_time_is_over_and_is_looked_at_then(
            payload in 5u64..90,
            attempts in 5u64..200,
            messages in 5u64..200,
            until in proptest::option::of(0u64..100),
            is_pending: bool,
        ) {
            let span = |days: u64| Duration::from_secs(days * 86_400);
            let retention = Retention { attempts: span(attempts), messages: span(messages) };
            let mut message = Aging {
                no: MessageNo(1),
                app: AppNo(1),
                accepted_at: ACCEPTED,
                expires_at: day(payload),
                deliver_until: until.map(day),
                has_payload: true,
                has_attempts: true,
                is_pending,
            };
            let mut now = retention.first_look(ACCEPTED, day(until.unwrap_or(payload).min(payload)));
            let mut looks = 0;
            loop {
                looks += 1;
                prop_assert!(looks < 8);
                let verdict = retention.judge(&message, now);
                for what in &verdict.now {
                    match what {
                        Expiry::Payload(_) => {
                            prop_assert_eq!(now, day(payload));
                            (message.has_payload, message.is_pending) = (false, false);
                        }
                        Expiry::Deliveries(_) => {
                            prop_assert_eq!(Some(now), until.map(day));
                            message.is_pending = false;
                        }
                        Expiry::Attempts => {
                            prop_assert_eq!(now, day(attempts));
                            message.has_attempts = false;
                        }
                        Expiry::Message => prop_assert_eq!(now, day(payload.max(messages))),
                        Expiry::Answer(_) => prop_assert!(false, "nobody asked for it"),
                    }
                }
                match verdict.next {
                    Some(next) => {
                        prop_assert!(next > now);
                        now = next;
                    }
                    None => break,
                }
            }
            prop_assert_eq!(now, day(payload.max(messages)));
        }
    }
}
