//! Where a value comes from: the report, the event around it, or a member of the producer's own payload.

use std::borrow::Cow;

use ringback_model::{Message, near};
use serde::Deserialize;

use crate::json::{find, plain};
use crate::report::{Kind, Path, Report, paths};

/// What is known of the event itself.
const EVENT: [&str; 5] = ["event.type", "event.id", "event.messageId", "event.occurredAt", "event.acceptedAt"];

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Source {
    /// A path into the report.
    Report(Path),
    /// One of [`EVENT`], by its place.
    Event(usize),
    /// A member of the payload, whatever shape it has.
    Payload(Vec<String>),
    /// The payload as it stands.
    WholePayload,
}

/// What a value is taken from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'a> {
    pub(crate) message: &'a Message,
    pub(crate) payload: &'a str,
    /// Absent where the payload is none and nothing asks for one.
    pub(crate) report: Option<&'a Report<'a>>,
}

impl Source {
    /// Reads a path.
    ///
    /// # Errors
    /// A sentence that names what was probably meant.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "payload" {
            return Ok(Self::WholePayload);
        }
        if let Some(path) = text.strip_prefix("payload.")
            && path.split('.').all(|part| !part.is_empty())
        {
            return Ok(Self::Payload(path.split('.').map(str::to_owned).collect()));
        }
        if let Some(at) = EVENT.iter().position(|known| *known == text) {
            return Ok(Self::Event(at));
        }
        Path::parse(text).map(Self::Report).map_err(|_| {
            let near = near(text, paths().chain(EVENT));
            if text == "message.custom" {
                return "`message.custom` has values by name: write `message.custom.NAME`.".to_owned();
            }
            let mut sentence = crate::unknown("path", text, &near);
            if near.is_empty() {
                sentence.push_str(" A member of your own payload is written `payload.NAME`.");
            }
            sentence
        })
    }

    /// Whether there must be a report to take it from.
    pub(crate) const fn needs_report(&self) -> bool {
        matches!(self, Self::Report(_))
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Report(path) => path.kind(),
            Self::Event(3 | 4) => Kind::Time,
            Self::Event(_) | Self::Payload(_) => Kind::Text,
            Self::WholePayload => Kind::Json,
        }
    }

    /// Its path, as it was written.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Report(path) => path.text(),
            Self::Event(at) => EVENT[*at].to_owned(),
            Self::Payload(path) => format!("payload.{}", path.join(".")),
            Self::WholePayload => "payload".to_owned(),
        }
    }

    /// How a path into the payload is written that has brackets or quotes in it, as other languages have them.
    pub(crate) fn meant(&self) -> Option<String> {
        let text = self.text();
        let is_odd = matches!(self, Self::Payload(_)) && text.contains(['[', ']', '"', '\'']);
        let parts = || text.split(['.', '[', ']', '"', '\'']).filter(|part| !part.is_empty());
        is_odd.then(|| parts().collect::<Vec<_>>().join("."))
    }

    /// What has to be there for it to have a value.
    pub(crate) fn member(&self) -> String {
        match self {
            Self::Report(path) => path.member(),
            Self::Event(_) | Self::Payload(_) | Self::WholePayload => self.text(),
        }
    }

    /// Whether its value is another one for a message that failed than for any other.
    pub(crate) fn tells_outcome(&self) -> bool {
        matches!(self.text().as_str(), "message.status" | "message.rawStatus" | "message.reason" | "message.permanent")
    }

    /// Whether it is the time of an arrival, which a message that failed has none of.
    pub(crate) fn tells_arrival(&self) -> bool {
        matches!(self.text().as_str(), "message.deliveredAt" | "message.readAt")
    }

    /// The value as text, if there is one. An empty text is none.
    pub(crate) fn get<'a>(&self, event: Event<'a>) -> Option<Cow<'a, str>> {
        let message = event.message;
        let value = match self {
            Self::Report(path) => path.get(event.report?),
            Self::Event(0) => Some(Cow::Borrowed(message.event_type.as_str())),
            Self::Event(1) => message.event_id.as_deref().map(Cow::Borrowed),
            Self::Event(2) => Some(Cow::Owned(message.id.to_string())),
            Self::Event(3) => Some(Cow::Owned(message.occurred_at.unwrap_or(message.accepted_at).to_string())),
            Self::Event(_) => Some(Cow::Owned(message.accepted_at.to_string())),
            Self::Payload(path) => find(event.payload, path.iter().map(String::as_str)).and_then(plain),
            Self::WholePayload => Some(Cow::Borrowed(event.payload)),
        };
        value.filter(|text| !text.is_empty())
    }

    /// The value as JSON, where it stands in the payload as such.
    pub(crate) fn json<'a>(&self, event: Event<'a>) -> Option<&'a str> {
        match self {
            Self::WholePayload => Some(event.payload),
            Self::Payload(path) => find(event.payload, path.iter().map(String::as_str)),
            Self::Report(_) if self.kind() == Kind::Json => event.report?.inbound.map(serde_json::value::RawValue::get),
            Self::Report(_) | Self::Event(_) => None,
        }
    }
}

impl TryFrom<String> for Source {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}
