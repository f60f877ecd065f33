//! What came of a case, by the API's own word and by what arrived, and whether that is as expected.

use anyhow::Context as _;
use serde_json::Value;

use super::case::Case;
use super::client::Client;
use crate::receiver::Arrival;

/// A delivery of one event, as the API tells it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// `success`, `pending`, `fail` and so on.
    pub(super) status: String,
    /// Its attempts.
    pub(super) attempts: usize,
}

impl Outcome {
    /// Reads what the API says of the one delivery of a message.
    pub(super) async fn of(client: &Client, app: &str, message: &str) -> anyhow::Result<Self> {
        let deliveries = client.get(&format!("/app/{app}/msg/{message}/endpoint")).await?;
        let attempts = client.get(&format!("/app/{app}/attempt/msg/{message}")).await?;
        let status = deliveries.pointer("/data/0/statusText").and_then(Value::as_str);
        let attempts = attempts.get("data").and_then(Value::as_array);
        Ok(Self {
            status: status.context("the API shows no delivery of a message")?.to_owned(),
            attempts: attempts.context("the API shows no attempts of a message")?.len(),
        })
    }

    /// Whether the delivery has ended.
    pub(super) fn is_final(&self) -> bool {
        !["pending", "sending"].contains(&self.status.as_str())
    }
}

/// An arrival of a case, with the result of the check of its signature.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) arrival: Arrival,
    pub(super) verified: bool,
}

/// Everything that is known of a case when it is over.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) case: &'a Case,
    /// Ids of the messages, in the order of its events.
    pub(super) messages: &'a [String],
    /// What arrived, in order.
    pub(super) arrivals: &'a [Checked],
    /// What the API says of each message.
    pub(super) outcomes: &'a [Outcome],
}

impl Report<'_> {
    /// What is not as expected; nothing if all is well.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let expected: Vec<_> = self.case.expected();
        let arrived: Vec<_> =
            self.arrivals.iter().map(|one| (self.event_of(&one.arrival), one.arrival.answered)).collect();
        if !arrived.iter().map(|(event, answer)| (*event, *answer)).eq(expected.iter().map(|(e, a)| (Some(*e), *a))) {
            problems.push(format!(
                "{} requests should have arrived, and {} did, or in another order",
                expected.len(),
                arrived.len()
            ));
        }
        for (number, one) in self.arrivals.iter().enumerate() {
            if !one.verified {
                problems.push(format!("the signature of request {} does not verify", number + 1));
            }
            let payload =
                self.event_of(&one.arrival).and_then(|event| self.case.events.get(event)).map(|event| event.payload);
            if payload.is_some_and(|payload| payload.as_bytes() != one.arrival.body) {
                problems.push(format!("the body of request {} is not the payload that was sent", number + 1));
            }
        }
        for (event, outcome) in self.outcomes.iter().enumerate() {
            let wanted = if self.case.succeeds(event) { "success" } else { "fail" };
            if outcome.status != wanted {
                problems.push(format!("delivery {} should end as {wanted} and is {}", event + 1, outcome.status));
            }
            let tries = expected.iter().filter(|(of, _)| *of == event).count();
            if outcome.attempts != tries {
                problems.push(format!(
                    "delivery {} should have {tries} attempts and has {}",
                    event + 1,
                    outcome.attempts
                ));
            }
        }
        problems
    }

    /// The numbers of the events, from 1, as they succeeded.
    pub(super) fn order(&self) -> Vec<usize> {
        let succeeded = self.arrivals.iter().filter(|one| one.arrival.answered.is_success());
        succeeded.filter_map(|one| self.event_of(&one.arrival)).map(|event| event + 1).collect()
    }

    fn event_of(&self, arrival: &Arrival) -> Option<usize> {
        self.messages.iter().position(|id| id == arrival.header("webhook-id"))
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode};

    use super::super::case::CASES;
    use super::*;

    fn ordered() -> &'static Case {
        CASES.iter().find(|case| case.name == "ordered").unwrap()
    }

    fn arrival(event: usize, answered: u16) -> Checked {
        let id = format!("msg_{event}");
        let arrival = Arrival {
            method: Method::POST,
            target: "/ordered".into(),
            headers: [("webhook-id".parse().unwrap(), id.parse().unwrap())].into_iter().collect(),
            body: ordered().events[event].payload.into(),
            answered: StatusCode::from_u16(answered).unwrap(),
        };
        Checked { arrival, verified: true }
    }

    fn problems(arrivals: &[Checked], attempts: [usize; 3]) -> Vec<String> {
        let messages = ["msg_0".to_owned(), "msg_1".to_owned(), "msg_2".to_owned()];
        let outcomes = attempts.map(|attempts| Outcome { status: "success".into(), attempts });
        Report { case: ordered(), messages: &messages, arrivals, outcomes: &outcomes }.problems()
    }

    #[test]
    fn what_is_as_expected_has_no_problems() {
        assert!(problems(&[arrival(0, 503), arrival(0, 200), arrival(1, 200), arrival(2, 200)], [2, 1, 1]).is_empty());
    }

    #[test]
    fn a_broken_order_a_changed_body_a_bad_signature_and_a_missing_attempt_are_each_named() {
        let swapped = problems(&[arrival(0, 503), arrival(1, 200), arrival(0, 200), arrival(2, 200)], [2, 1, 1]);
        assert!(swapped[0].contains("in another order"), "{swapped:?}");

        let mut changed = [arrival(0, 503), arrival(0, 200), arrival(1, 200), arrival(2, 200)];
        changed[1].arrival.body = "{}".into();
        changed[3].verified = false;
        let changed = problems(&changed, [2, 1, 0]);
        assert!(
            changed[0].contains("body of request 2") && changed[1].contains("signature of request 4"),
            "{changed:?}"
        );
        assert!(changed[2].contains("delivery 3 should have 1 attempts"), "{changed:?}");
    }
}
