//! A producer's own JSON as a report: by a mapping of report paths to payload paths, kept on the event type.

use std::borrow::Cow;

use indexmap::IndexMap;
use jiff::tz::TimeZone;
use ringback_model::{MappedFrom, ReportMapping, near};
use serde_json::value::RawValue;

use super::path::Kind;
use super::{Path, Report, Status};
use crate::RecipeError;
use crate::format::time;
use crate::json::{find, plain, quote};

/// A report made from another payload: JSON of its own, which [`Report::parse`] reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped(String);

impl Mapped {
    /// Applies a mapping; what the payload lacks is left out.
    ///
    /// # Errors
    /// When the payload is no JSON object.
    pub fn new(mapping: &ReportMapping, payload: &[u8]) -> Result<Self, serde_json::Error> {
        let payload: &RawValue = serde_json::from_slice(payload)?;
        let mut tree = Tree::default();
        for (to, from) in mapping {
            if let Some(found) = find(payload.get(), from.path.split('.')) {
                tree.put(to.split('.'), written(to, from, found));
            }
        }
        let mut text = String::with_capacity(payload.get().len());
        tree.write(&mut text);
        Ok(Self(text))
    }

    /// The report.
    ///
    /// # Errors
    /// When a value is of a kind that the report does not have there.
    pub fn report(&self) -> Result<Report<'_>, serde_json::Error> {
        Report::parse(self.0.as_bytes())
    }

    /// What decides who gets the report: see [`Report::parse_head`].
    ///
    /// # Errors
    /// When one of these values is of a kind that the report does not have there.
    pub fn head(&self) -> Result<Report<'_>, serde_json::Error> {
        Report::parse_head(self.0.as_bytes())
    }
}

/// The path whose words are known without a table.
const STATUS: &str = "message.status";

#[derive(Debug, Default)]
struct Tree<'a> {
    value: Option<Cow<'a, str>>,
    members: IndexMap<&'a str, Tree<'a>>,
}

impl<'a> Tree<'a> {
    fn put(&mut self, mut path: impl Iterator<Item = &'a str>, value: Cow<'a, str>) {
        match path.next() {
            Some(name) => self.members.entry(name).or_default().put(path, value),
            None => self.value = Some(value),
        }
    }

    fn write(&self, text: &mut String) {
        if let Some(value) = &self.value {
            text.push_str(value);
            return;
        }
        text.push('{');
        for (at, (name, member)) in self.members.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            quote(name, text);
            text.push(':');
            member.write(text);
        }
        text.push('}');
    }
}

/// A value as the report has it: its word, its time as RFC 3339; as it stands where it is neither.
fn written<'a>(to: &str, from: &MappedFrom, found: &'a str) -> Cow<'a, str> {
    let is_status = to == STATUS;
    if from.words.is_empty() && from.format.is_none() && !is_status {
        return Cow::Borrowed(found);
    }
    let Some(text) = plain(found) else { return Cow::Borrowed(found) };
    let word =
        from.words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text.trim())).map(|(_, meant)| meant.as_str());
    let new = match (word, from.format) {
        (Some(word), _) => Some(Cow::Borrowed(word)),
        (None, Some(format)) => time::parse(&text, format, &zone(from)).map(|at| Cow::Owned(at.to_string())),
        (None, None) if is_status => Status::understood(&text).map(|status| Cow::Borrowed(status.text())),
        (None, None) => None,
    };
    let Some(new) = new else { return Cow::Borrowed(found) };
    let mut quoted = String::with_capacity(new.len() + 2);
    quote(&new, &mut quoted);
    Cow::Owned(quoted)
}

fn zone(from: &MappedFrom) -> TimeZone {
    from.time_zone.as_deref().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC)
}

/// What may stand at a path that has words of its own; none where anything may.
fn words_of(path: &str) -> Option<Vec<&'static str>> {
    Some(match path {
        STATUS => Status::all().map(Status::text).collect(),
        "call.endedBy" => vec!["caller", "callee", "platform"],
        "feedback.result" => vec!["SUCCESS", "FAILURE"],
        "lookup.reachable" | "lookup.ported" | "message.network.ported" => vec!["true", "false"],
        _ => return None,
    })
}

/// Checks a mapping before it is kept.
///
/// # Errors
/// Which paths are none of a report's, with those that look like them; or what is said of their values that cannot be. All
/// of it, one for each path.
pub fn check_mapping(mapping: &ReportMapping) -> Result<(), Vec<RecipeError>> {
    let fault = |(to, from): (&String, &MappedFrom)| {
        let rule = check_one(to, from).err()?;
        Some(RecipeError::new(format!("reportMapping.{to}"), rule))
    };
    let faults: Vec<_> = mapping.iter().filter_map(fault).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn check_one(to: &str, from: &MappedFrom) -> Result<(), String> {
    let kind = match Path::parse(to) {
        Ok(path) if to == "inbound" || from.path.split('.').all(|part| !part.is_empty()) => path.kind(),
        Ok(_) => return Err("Name a member of your payload, with dots between levels: `data.sms.id`.".to_owned()),
        Err(near) => return Err(crate::unknown("path of a report", to, &near)),
    };
    if !from.words.is_empty() && kind != Kind::Text {
        return Err(format!("`{to}` has no words: leave `words` out."));
    }
    let mut seen: Vec<String> = Vec::with_capacity(from.words.len());
    for word in from.words.keys() {
        let plain = word.trim().to_ascii_lowercase();
        if seen.contains(&plain) {
            return Err(format!("`words` has `{word}` twice: case does not count there. Keep one."));
        }
        seen.push(plain);
    }
    if let Some(known) = words_of(to) {
        let is_known = |meant: &str| known.iter().any(|word| word.eq_ignore_ascii_case(meant.trim()));
        if let Some(meant) = from.words.values().find(|meant| !is_known(meant)) {
            let what = if to == STATUS { "status".to_owned() } else { format!("word for `{to}`") };
            return Err(match near(meant, known.iter().copied()) {
                near if near.is_empty() => format!("There is no {what} `{meant}`; there are {}.", known.join(", ")),
                near => crate::unknown(&what, meant, &near),
            });
        }
    }
    if (from.format.is_some() || from.time_zone.is_some()) && kind != Kind::Time {
        return Err(format!("`{to}` is no time: leave `format` and `timeZone` out."));
    }
    from.time_zone.as_deref().map_or(Ok(()), |name| crate::zone(name).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(json: &str) -> ReportMapping {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_the_payload_has_gets_its_place_in_the_report_and_the_rest_is_left_out() {
        let mapping = mapping(r#"{"message.id":"data.sms.id","message.to":"data.msisdn","message.parts":"data.none"}"#);
        let mapped = Mapped::new(&mapping, br#"{"data":{"sms":{"id":007}, "msisdn":"+1"}}"#);
        assert!(mapped.is_err(), "no JSON");
        let mapped = Mapped::new(&mapping, br#"{"data":{"sms":{"id": 7.10}, "msisdn":"+1"}}"#).unwrap();
        let message = mapped.report().unwrap().message.unwrap();
        assert_eq!((message.id.unwrap().as_str(), message.to.unwrap().as_str()), ("7.10", "+1"));
        assert!(message.parts.is_none());
    }

    /// The status of a report whose payload has this state.
    fn status(from: &str, state: &str) -> Option<Status> {
        let mapping = mapping(&format!(r#"{{"message.status":{from}}}"#));
        let payload = format!(r#"{{"s":{state}}}"#);
        Mapped::new(&mapping, payload.as_bytes()).unwrap().report().unwrap().status()
    }

    #[test]
    fn words_of_a_table_then_ours_then_those_of_smpp_say_the_status() {
        for (state, meant) in [
            ("delivered", Status::Delivered),
            ("DELIVRD", Status::Delivered),
            ("undeliv", Status::Undelivered),
            ("EXPIRED", Status::Expired),
            ("REJECTD", Status::Rejected),
            ("ACCEPTD", Status::Sent),
            ("ENROUTE", Status::Sent),
            ("DELETED", Status::Canceled),
            ("UNKNOWN", Status::Unknown),
            (" SKIPPED ", Status::Undelivered),
            ("SCHEDULED", Status::Scheduled),
        ] {
            assert_eq!(status(r#""s""#, &format!("\"{state}\"")), Some(meant), "{state}");
        }
        assert_eq!(status(r#""s""#, "\"fine\""), None);
        let own = r#"{"path":"s","words":{"Fine":"delivered","2":"rejected","ACCEPTD":"accepted"}}"#;
        assert_eq!(status(own, "\"FINE\""), Some(Status::Delivered));
        assert_eq!(status(own, "2"), Some(Status::Rejected));
        assert_eq!(status(own, "\"ACCEPTD\""), Some(Status::Accepted));
        assert_eq!(status(own, "\"DELIVRD\""), Some(Status::Delivered), "what the table leaves out stays understood");
    }

    #[test]
    fn a_time_is_read_in_the_format_and_the_zone_that_the_mapping_names() {
        for (format, zone, given) in [
            ("epoch_ms", "UTC", "1734509284831"),
            ("epoch_ms_str", "UTC", "\"1734509284831\""),
            ("epoch_s", "UTC", "1734509284.831"),
            ("YYYY-MM-DD HH:MM:SS.ffffff", "Asia/Kolkata", "\"2024-12-18 13:38:04.831000\""),
            ("yyyy-MM-dd'T'HH:mm:ss.SSSZ", "Asia/Kolkata", "\"2024-12-18T09:08:04.831+0100\""),
            ("rfc3339", "UTC", "\"2024-12-18T09:08:04.831+01:00\""),
        ] {
            let from = format!(r#"{{"message.sentAt":{{"path":"t","format":"{format}","timeZone":"{zone}"}}}}"#);
            let mapped = Mapped::new(&mapping(&from), format!(r#"{{"t":{given}}}"#).as_bytes()).unwrap();
            let message = mapped.report().unwrap().message.unwrap();
            assert_eq!(message.sent_at.unwrap().as_str(), "2024-12-18T08:08:04.831Z", "{format}");
        }
        let from = mapping(r#"{"message.sentAt":{"path":"t","format":"epoch_ms"}}"#);
        let mapped = Mapped::new(&from, br#"{"t":"soon"}"#).unwrap();
        assert_eq!(mapped.report().unwrap().message.unwrap().sent_at.unwrap().as_str(), "soon", "told when it is sent");
    }

    #[test]
    fn what_a_mapping_cannot_say_is_refused_with_what_was_meant() {
        for (json, word) in [
            (r#"{"message.idd":"id"}"#, "message.id"),
            (r#"{"message.id":"a..b"}"#, "data.sms.id"),
            (r#"{"message.status":{"path":"s","words":{"ok":"deliverd"}}}"#, "`delivered`"),
            (r#"{"message.parts":{"path":"s","words":{"one":"1"}}}"#, "no words"),
            (r#"{"call.endedBy":{"path":"s","words":{"A":"calle"}}}"#, "`callee`"),
            (r#"{"call.endedBy":{"path":"s","words":{"A":"subscriber"}}}"#, "caller, callee, platform"),
            (r#"{"feedback.result":{"path":"s","words":{"ok":"SUCESS"}}}"#, "`SUCCESS`"),
            (r#"{"message.status":{"path":"s","words":{"a":"sent","A":"read"}}}"#, "`A` twice"),
            (r#"{"message.price":"cost"}"#, "`message.price.amount`"),
            (r#"{"message.id":{"path":"s","format":"epoch_ms"}}"#, "no time"),
            (r#"{"message.sentAt":{"path":"s","timeZone":"Africa/Nairobbi"}}"#, "Africa/Nairobi"),
        ] {
            let error = check_mapping(&mapping(json)).unwrap_err().remove(0);
            assert!(error.message.contains(word), "{json}: {error}");
        }
        let several = mapping(r#"{"message.idd":"id","message.id":"id","message.too":"to"}"#);
        let faults = check_mapping(&several).unwrap_err();
        let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["reportMapping.message.idd", "reportMapping.message.too"], "all at once");
    }
}
