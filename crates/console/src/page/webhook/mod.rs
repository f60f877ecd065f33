//! Webhooks: the endpoints of an application. `fields.rs` is the form as names and values, to and from an endpoint;
//! `edit.rs` the pages that add and change one, `fault.rs` where on them a fault stands, and
//! `gone.rs` what comes of one that was deleted meanwhile; `list.rs` the table; `details.rs` one of them, and how it is deleted;
//! `sample.rs` the event that a preview is made of; `deleted.rs` those that are gone and can come back; `secret.rs` what its signatures are verified with; `again.rs` what
//! sends many messages once more; `diagnostics.rs` what whoever helps has to know.

pub(crate) mod again;
mod choices;
pub(crate) mod deleted;
pub(crate) mod details;
pub(crate) mod diagnostics;
pub(crate) mod edit;
pub(crate) mod exchange;
mod fault;
pub(crate) mod fields;
mod gone;
pub(crate) mod list;
mod sample;
pub(crate) mod secret;
pub(crate) mod transformation;

use ringback_model::{Endpoint, Gate, Health, SendMethod, Timestamp, VerificationState, product_name};
use ringback_service::{Activity, dialect_of};

use crate::text;

/// A send method as the form writes it, and as people do.
pub(crate) const METHODS: [(&str, &str, SendMethod); 4] = [
    ("post", "POST", SendMethod::Post),
    ("get", "GET", SendMethod::Get),
    ("json", "JSON", SendMethod::Json),
    ("xml", "XML", SendMethod::Xml),
];

/// What a table says of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) product: String,
    pub(crate) url: String,
    pub(crate) report_type: String,
    pub(crate) method: &'static str,
    /// Its number; empty for all.
    pub(crate) number: String,
    pub(crate) state: State,
    pub(crate) description: String,
    pub(crate) lately: Lately,
}

/// How it went for an endpoint lately; empty where nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lately {
    /// Which part of the attempts of a day succeeded.
    pub(crate) rate: String,
    pub(crate) tone: &'static str,
    /// The counts that it is made of.
    pub(crate) counts: String,
    /// When it last took something, and exactly.
    pub(crate) last: String,
    pub(crate) last_at: String,
}

impl Lately {
    /// What is told of it.
    pub(crate) fn of(activity: &Activity, now: Timestamp) -> Self {
        let day = &activity.day;
        let rate = day.success_rate();
        Self {
            rate: rate.map(text::percent).unwrap_or_default(),
            tone: match rate {
                Some(rate) if rate < 0.5 => "bad",
                Some(rate) if rate < 0.95 => "warn",
                _ => "",
            },
            counts: format!(
                "{} delivered, {} failed in the last 24 hours",
                text::count(day.delivered),
                text::count(day.failed + day.not_sent)
            ),
            last: activity.last.map(|at| text::ago(at, now)).unwrap_or_default(),
            last_at: activity.last.map(text::time).unwrap_or_default(),
        }
    }
}

/// States of those that send: attempts go well, or they fail.
pub(crate) const ACTIVE: &str = "Active";
pub(crate) const FAILING: &str = "Failing";

/// Whether an endpoint sends, in a word and a colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) word: &'static str,
    pub(crate) tone: &'static str,
    /// Why, in words.
    pub(crate) why: String,
}

impl State {
    /// Where an endpoint stands.
    pub(crate) fn of(endpoint: &Endpoint) -> Self {
        let failed = endpoint.verification.as_deref().filter(|v| v.state == VerificationState::Failed);
        let (word, tone, why) = match endpoint.gate() {
            Some(Gate::Disabled) => ("Disabled", "bad", endpoint.disabled_reason.clone().unwrap_or_default()),
            Some(Gate::Paused) => ("Paused", "warn", "Messages are taken and held.".to_owned()),
            Some(Gate::Unverified) => match failed {
                Some(v) => ("Verification failed", "bad", v.reason.clone().unwrap_or_default()),
                None => ("Unverified", "warn", "The handshake has still to pass. Messages are held.".to_owned()),
            },
            Some(Gate::Deleted) => ("Deleted", "bad", String::new()),
            None => (ACTIVE, "good", String::new()),
        };
        Self { word, tone, why }
    }
}

/// What is said of attempts that fail; empty where they do not.
pub(crate) fn trouble(health: &Health, now: Timestamp) -> String {
    let Some(since) = health.failing_since.map(text::time) else { return String::new() };
    match health.breaker {
        Some(breaker) if breaker.probe_at > now => format!(
            "Its attempts have failed since {since}, so that one at a time is made. The next one may go at {}.",
            text::time(breaker.probe_at)
        ),
        Some(_) => format!(
            "Its attempts have failed since {since}, so that one at a time is made. The next one goes as soon as something \
             is due."
        ),
        None => format!("Its attempts have failed since {since}."),
    }
}

impl Row {
    /// The same with how its attempts go: one that would send, and fails to, is failing.
    pub(crate) fn with(mut self, health: &Health, now: Timestamp) -> Self {
        if self.state.word == ACTIVE && health.failing_since.is_some() {
            self.state = State { word: FAILING, tone: "bad", why: trouble(health, now) };
        }
        self
    }

    /// What the table says of an endpoint.
    pub(crate) fn of(endpoint: &Endpoint) -> Self {
        let shape = endpoint.shape.as_deref().cloned().unwrap_or_default();
        let method = dialect_of(&shape).1;
        let all = endpoint.product.as_deref();
        Self {
            id: endpoint.id.to_string(),
            product: all.map_or_else(|| "All".to_owned(), product_name),
            url: endpoint.url.clone(),
            report_type: match &endpoint.report_type {
                Some(report_type) => report_type.to_uppercase(),
                None => endpoint.event_types.as_ref().map_or_else(|| "All events".to_owned(), |types| types.join(", ")),
            },
            method: METHODS.iter().find(|row| row.2 == method).map_or("", |row| row.1),
            number: endpoint.product_unique_id.clone().unwrap_or_default(),
            state: State::of(endpoint),
            description: endpoint.description.clone(),
            lately: Lately::default(),
        }
    }
}
