//! Webhooks: the endpoints of an application. `fields.rs` is the form as names and values, to and from an endpoint;
//! `edit.rs` the pages that add and change one; `list.rs` the table; `details.rs` one of them, and how it is deleted;
//! `secret.rs` what its signatures are verified with.

pub(crate) mod details;
pub(crate) mod edit;
pub(crate) mod exchange;
pub(crate) mod fields;
pub(crate) mod list;
pub(crate) mod secret;

use ringback_model::{Endpoint, Gate, SendMethod, VerificationState, product_name};
use ringback_service::dialect_of;

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
    pub(crate) number: String,
    pub(crate) state: State,
    pub(crate) description: String,
}

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
            None => ("Active", "good", String::new()),
        };
        Self { word, tone, why }
    }
}

impl Row {
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
            number: endpoint.product_unique_id.clone().unwrap_or_else(|| "—".to_owned()),
            state: State::of(endpoint),
            description: endpoint.description.clone(),
        }
    }
}
