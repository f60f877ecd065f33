//! Paths into a report, as dialects, templates and placeholders write them: `message.id`.

use std::borrow::Cow;

use ringback_model::near;

use super::{Report, Status, Text, derived, failure};

/// What kind of value is at a path: how it is formatted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text as it is.
    Text,
    /// A whole number.
    Integer,
    /// A time.
    Time,
    /// A telephone number.
    Number,
    /// An amount of money.
    Money,
    /// JSON as it stands.
    Json,
}

type Get = for<'r, 'a> fn(&'r Report<'a>) -> Option<Cow<'r, str>>;

/// A path that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// One of the table, by its place.
    Known(usize),
    /// A passthrough value: `message.custom.NAME`.
    Custom(String),
}

macro_rules! paths {
    ($($path:literal $kind:ident $($member:ident).+;)*) => {
        &[$(($path, Kind::$kind, (|report: &Report<'_>| paths!(@get report, $($member).+)) as Get)),*]
    };
    (@get $report:ident, message.group_id) => { derived::group_id($report) };
    (@get $report:ident, message.index) => { derived::index($report) };
    (@get $report:ident, $last:ident) => { shown($report.$last.as_ref()) };
    (@get $report:ident, $a:ident.$b:ident) => { shown($report.$a.as_ref()?.$b.as_ref()) };
    (@get $report:ident, $a:ident.$b:ident.$c:ident) => { shown($report.$a.as_ref()?.$b.as_ref()?.$c.as_ref()) };
}

const TABLE: &[(&str, Kind, Get)] = paths! {
    "product" Text product;
    "productUniqueId" Text product_unique_id;
    "category" Text category;
    "message.id" Text message.id;
    "message.groupId" Text message.group_id;
    "message.index" Integer message.index;
    "message.from" Number message.from;
    "message.to" Number message.to;
    "message.status" Text message.status;
    "message.rawStatus" Text message.raw_status;
    "message.error.code" Text message.error.code;
    "message.error.scheme" Text message.error.scheme;
    "message.error.text" Text message.error.text;
    "message.parts" Integer message.parts;
    "message.acceptedAt" Time message.accepted_at;
    "message.sentAt" Time message.sent_at;
    "message.deliveredAt" Time message.delivered_at;
    "message.readAt" Time message.read_at;
    "message.price.amount" Money message.price.amount;
    "message.price.currency" Text message.price.currency;
    "message.clientRef" Text message.client_ref;
    "message.network.countryName" Text message.network.country_name;
    "message.network.countryCode" Text message.network.country_code;
    "message.network.regionName" Text message.network.region_name;
    "message.network.regionCode" Text message.network.region_code;
    "message.network.operatorName" Text message.network.operator_name;
    "message.network.operatorCode" Text message.network.operator_code;
    "message.network.mcc" Text message.network.mcc;
    "message.network.mnc" Text message.network.mnc;
    "message.network.ported" Text message.network.ported;
    "call.id" Text call.id;
    "call.userCallId" Text call.user_call_id;
    "call.taskId" Text call.task_id;
    "call.ivrId" Text call.ivr_id;
    "call.from" Number call.from;
    "call.to" Number call.to;
    "call.startedAt" Time call.started_at;
    "call.answeredAt" Time call.answered_at;
    "call.endedAt" Time call.ended_at;
    "call.talkSeconds" Integer call.talk_seconds;
    "call.endReason" Text call.end_reason;
    "call.endedBy" Text call.ended_by;
    "call.recordedAt" Time call.recorded_at;
    "call.recording" Text call.recording;
    "feedback.result" Text feedback.result;
    "lookup.reachable" Text lookup.reachable;
    "lookup.ported" Text lookup.ported;
    "lookup.mccMnc" Text lookup.mcc_mnc;
    "lookup.errorCode" Text lookup.error_code;
};

/// Paths that are worked out of others.
const DERIVED: &[(&str, Kind, Get)] = &[
    ("message.resultCode", Kind::Text, result_code),
    ("message.finalCode", Kind::Text, final_code),
    ("message.failureCode", Kind::Text, derived::failure_code),
    ("message.failureTitle", Kind::Text, derived::failure_title),
    ("message.submission", Kind::Text, submission),
    ("message.reason", Kind::Text, |report| failure::of_report(report).map(|reason| Cow::Borrowed(reason.name))),
    ("message.permanent", Kind::Text, permanent),
    ("call.outcome", Kind::Text, derived::call_outcome),
    ("call.sipCode", Kind::Text, derived::sip_code),
    ("inbound.id", Kind::Text, |report| report.inbound_part("id")),
    ("inbound.type", Kind::Text, |report| report.inbound_part("type")),
    ("inbound.from", Kind::Number, |report| report.inbound_part("from")),
    ("inbound.to", Kind::Number, |report| report.inbound_part("display_phone_number")),
    ("inbound.text", Kind::Text, |report| report.inbound_part("text")),
    ("inbound.name", Kind::Text, |report| report.inbound_part("name")),
    ("inbound.waId", Kind::Text, |report| report.inbound_part("wa_id")),
    ("inbound.receivedAt", Kind::Time, derived::inbound_time),
    ("inbound.mediaLink", Kind::Text, |report| report.inbound_part("media_link")),
    ("inbound.mediaType", Kind::Text, |report| report.inbound_part("media_type")),
    ("inbound.mediaCount", Kind::Integer, derived::media_count),
    ("inbound", Kind::Json, |report| report.inbound.map(|raw| Cow::Borrowed(raw.get()))),
];

pub(super) fn shown<'r>(text: Option<&'r Text<'_>>) -> Option<Cow<'r, str>> {
    text.map(|text| Cow::Borrowed(text.as_str()))
}

/// The code of the outcome: `000` for what was delivered, whatever code came with it; else that of the error, but for a zero,
/// which would say the same of a message that has not arrived.
fn result_code<'r>(report: &'r Report<'_>) -> Option<Cow<'r, str>> {
    if matches!(report.status(), Some(Status::Delivered | Status::Read | Status::Played)) {
        return Some(Cow::Borrowed("000"));
    }
    let error = report.message.as_ref()?.error.as_ref();
    let code = shown(error.and_then(|error| error.code.as_ref())).filter(|code| !code.is_empty());
    code.filter(|code| report.status().is_none() || !is_zero(code))
}

/// Whether a code stands for success: `0`, `000`, with as many zeros as somebody likes.
pub(super) fn is_zero(code: &str) -> bool {
    let code = code.trim();
    !code.is_empty() && code.bytes().all(|digit| digit == b'0')
}

/// The same once the state is final, nothing before.
fn final_code<'r>(report: &'r Report<'_>) -> Option<Cow<'r, str>> {
    report.status().filter(|status| status.is_final()).and_then(|_| result_code(report))
}

/// `refused` for a message that was rejected and never sent, `taken` in any other state; nothing where none is known.
fn submission<'r>(report: &'r Report<'_>) -> Option<Cow<'r, str>> {
    let message = report.message.as_ref()?;
    let refused = report.status()? == Status::Rejected && message.sent_at.is_none();
    Some(Cow::Borrowed(if refused { "refused" } else { "taken" }))
}

/// Whether another try is pointless, once that is known.
fn permanent<'r>(report: &'r Report<'_>) -> Option<Cow<'r, str>> {
    failure::of_report(report).map(|reason| Cow::Borrowed(if reason.permanent { "true" } else { "false" }))
}

fn row(at: usize) -> &'static (&'static str, Kind, Get) {
    if at < TABLE.len() { &TABLE[at] } else { &DERIVED[at - TABLE.len()] }
}

/// All paths that stand for a value of a report, without those of passthrough values (`message.custom.NAME`).
pub fn paths() -> impl Iterator<Item = &'static str> {
    TABLE.iter().chain(DERIVED).map(|row| row.0)
}

/// The members that a report may have, with the kind of their values; those of passthrough values have no names.
pub(super) fn members() -> impl Iterator<Item = (&'static str, Kind)> {
    TABLE.iter().map(|row| (row.0, row.1)).chain([("inbound", Kind::Json)])
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// Paths that look like it.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<&'static str>> {
        if let Some(name) = text.strip_prefix("message.custom.")
            && !name.is_empty()
        {
            return Ok(Self::Custom(name.to_owned()));
        }
        paths().position(|path| path == text).map(Self::Known).ok_or_else(|| {
            // An object is meant by what is in it.
            let within = |path: &&str| path.strip_prefix(text).is_some_and(|rest| rest.starts_with('.'));
            let within: Vec<_> = paths().filter(within).take(3).collect();
            if within.is_empty() { near(text, paths()) } else { within }
        })
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Known(at) => row(*at).1,
            Self::Custom(_) => Kind::Text,
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Known(at) => row(*at).0.to_owned(),
            Self::Custom(name) => format!("message.custom.{name}"),
        }
    }

    /// The member that has to be there for it to have a value: another one where it is worked out.
    pub(crate) fn member(&self) -> String {
        match self.text().as_str() {
            "message.submission" | "message.finalCode" | "message.resultCode" | "message.reason"
            | "message.permanent" => "message.status".to_owned(),
            "call.outcome" | "call.sipCode" => "call.endReason".to_owned(),
            _ => self.text(),
        }
    }

    pub(crate) fn get<'r>(&self, report: &'r Report<'_>) -> Option<Cow<'r, str>> {
        match self {
            Self::Known(at) => row(*at).2(report),
            Self::Custom(name) => {
                let custom = report.message.as_ref()?.custom.as_ref()?;
                custom.0.iter().find(|(known, _)| known == name).map(|(_, value)| Cow::Borrowed(value.as_str()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_finds_its_value_and_a_typo_finds_what_was_meant() {
        let report = Report::parse(br#"{"message":{"id":"1","custom":{"custom1":"x"},"status":"delivered"}}"#).unwrap();
        let get = |path: &str| Path::parse(path).unwrap().get(&report).map(Cow::into_owned);
        assert_eq!(get("message.id").as_deref(), Some("1"));
        assert_eq!(get("message.custom.custom1").as_deref(), Some("x"));
        assert_eq!(get("message.finalCode").as_deref(), Some("000"));
        assert_eq!(get("message.error.code"), None);
        assert_eq!(
            (get("message.reason").as_deref(), get("message.permanent").as_deref()),
            (Some("none"), Some("false"))
        );
        assert_eq!(Path::parse("message.stats").unwrap_err()[0], "message.status");
    }
}
