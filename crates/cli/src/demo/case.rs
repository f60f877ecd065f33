//! What the demo shows: cases, each an application of its own with one endpoint, and what must come of each.

use http::StatusCode;

/// The delays between the tries of a delivery, short enough to be watched.
pub(super) const SCHEDULE: &str = "200ms,500ms,1s";
/// Tries that [`SCHEDULE`] makes of a delivery.
const TRIES: usize = 4;

const OK: u16 = 200;
const BUSY: u16 = 503;

/// An event to send.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) event_type: &'static str,
    /// Messages with the same key stay in order, where the endpoint asks for it.
    pub(super) ordering_key: Option<&'static str>,
    pub(super) payload: &'static str,
}

/// One thing to show.
#[derive(Debug)]
pub(super) struct Case {
    /// Its name; the application's uid and the path of the receiver.
    pub(super) name: &'static str,
    /// What the receiver does, in words.
    pub(super) receiver: &'static str,
    /// Statuses that the receiver answers, in turn; the last one stays.
    pub(super) answers: &'static [u16],
    /// The endpoint's `ordering`.
    pub(super) ordering: &'static str,
    /// What is sent.
    pub(super) events: &'static [Event],
}

/// All cases, in the order of the table.
pub(super) const CASES: &[Case] = &[
    Case {
        name: "works",
        receiver: "answers 200",
        answers: &[OK],
        ordering: "none",
        events: &[Event {
            event_type: "sms.dlr",
            ordering_key: None,
            payload: r#"{"product":"sms","message":{"id":"7041","to":"+436601234567","status":"delivered","parts":1,"deliveredAt":"2026-01-31T12:00:04Z"}}"#,
        }],
    },
    Case {
        name: "recovers",
        receiver: "answers 503 twice, then 200",
        answers: &[BUSY, BUSY, OK],
        ordering: "none",
        events: &[Event {
            event_type: "whatsapp.mo",
            ordering_key: None,
            payload: r#"{"product":"whatsapp","inbound":{"messages":[{"from":"436601234567","type":"text","text":{"body":"Grüß dich 👋"}}]}}"#,
        }],
    },
    Case {
        name: "dead",
        receiver: "answers 503, always",
        answers: &[BUSY],
        ordering: "none",
        events: &[Event {
            event_type: "voice.call",
            ordering_key: None,
            payload: r#"{"product":"voice","call":{"id":"c-118","from":"+4312345","to":"+436601234567","talkSeconds":42,"endedBy":"callee"}}"#,
        }],
    },
    Case {
        name: "ordered",
        receiver: "answers 503 once, then 200",
        answers: &[BUSY, OK],
        ordering: "per_key",
        events: &[
            Event {
                event_type: "whatsapp.dlr",
                ordering_key: Some("wamid-51"),
                payload: r#"{"product":"whatsapp","message":{"id":"wamid-51","status":"sent"}}"#,
            },
            Event {
                event_type: "whatsapp.dlr",
                ordering_key: Some("wamid-51"),
                payload: r#"{"product":"whatsapp","message":{"id":"wamid-51","status":"delivered"}}"#,
            },
            Event {
                event_type: "whatsapp.dlr",
                ordering_key: Some("wamid-51"),
                payload: r#"{"product":"whatsapp","message":{"id":"wamid-51","status":"read"}}"#,
            },
        ],
    },
];

impl Case {
    /// The path of the receiver.
    pub(super) fn path(&self) -> String {
        format!("/{}", self.name)
    }

    /// What the receiver answers to its request number `count`, from 0.
    pub(super) fn answer(&self, count: usize) -> StatusCode {
        let last = self.answers.len().saturating_sub(1);
        self.answers
            .get(count.min(last))
            .and_then(|status| StatusCode::from_u16(*status).ok())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The requests that must arrive, in order: each as the number of its event and the answer. One event is tried
    /// until it succeeds or its tries are used up, and the next one comes after it.
    pub(super) fn expected(&self) -> Vec<(usize, StatusCode)> {
        let mut requests = Vec::new();
        for event in 0..self.events.len() {
            for _ in 0..TRIES {
                let answer = self.answer(requests.len());
                requests.push((event, answer));
                if answer.is_success() {
                    break;
                }
            }
        }
        requests
    }

    /// Whether the delivery of this event must succeed.
    pub(super) fn succeeds(&self, event: usize) -> bool {
        self.expected().iter().any(|(of, answer)| *of == event && answer.is_success())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(name: &str) -> Vec<(usize, u16)> {
        let case = CASES.iter().find(|case| case.name == name).unwrap();
        case.expected().into_iter().map(|(event, answer)| (event, answer.as_u16())).collect()
    }

    #[test]
    fn what_is_expected_follows_from_what_the_receiver_answers() {
        assert_eq!(expected("works"), [(0, 200)]);
        assert_eq!(expected("recovers"), [(0, 503), (0, 503), (0, 200)]);
        assert_eq!(expected("dead"), [(0, 503); 4]);
        assert_eq!(expected("ordered"), [(0, 503), (0, 200), (1, 200), (2, 200)]);
    }

    #[test]
    fn the_number_of_tries_is_that_of_the_schedule() {
        assert_eq!(ringback_model::parse_schedule(SCHEDULE).unwrap().len() + 1, TRIES);
    }

    #[test]
    fn payloads_are_json() {
        for event in CASES.iter().flat_map(|case| case.events) {
            serde_json::from_str::<serde_json::Value>(event.payload).unwrap();
        }
    }
}
