//! Values that dialects of providers ask for, worked out of what a report says.

use std::borrow::Cow;

use ringback_model::Timestamp;

use super::path::shown;
use super::{Call, Report, Status};

/// The code of what went wrong, of a message that failed.
pub(super) fn failure_code<'r>(report: &'r Report<'_>) -> Option<Cow<'r, str>> {
    let failed =
        matches!(report.status()?, Status::Canceled | Status::Rejected | Status::Expired | Status::Undelivered);
    let code = shown(report.message.as_ref()?.error.as_ref()?.code.as_ref());
    code.filter(|code| failed && !code.is_empty())
}

/// What a failure with a code is called: its text, or the code again.
pub(super) fn failure_title<'r>(report: &'r Report<'_>) -> Option<Cow<'r, str>> {
    let code = failure_code(report)?;
    let text = shown(report.message.as_ref()?.error.as_ref()?.text.as_ref());
    Some(text.filter(|text| !text.is_empty()).unwrap_or(code))
}

/// What became of a call: `completed`, `busy`, `no_answer`, `canceled`, `rejected` or `failed`. One that was answered
/// was completed, whoever hung up; of others the reason tells, a SIP code (RFC 3261) or one of ANT's: 0 answered, -7 the
/// caller hung up, -8 the callee. Without a reason nobody knows.
pub(super) fn call_outcome<'r>(report: &'r Report<'_>) -> Option<Cow<'r, str>> {
    let call = report.call.as_ref()?;
    let reason = shown(call.end_reason.as_ref()).unwrap_or_default();
    Some(Cow::Borrowed(match (&*reason, was_answered(call)) {
        (_, Some(true)) | ("0" | "200", _) | ("-7" | "-8", None) => "completed",
        ("", _) => return None,
        ("486" | "600", _) => "busy",
        ("408" | "480", _) => "no_answer",
        ("487" | "-7", _) => "canceled",
        ("403" | "603" | "607" | "608" | "-8", _) => "rejected",
        _ => "failed",
    }))
}

/// Whether a call was answered; `None` if the report says nothing about that.
fn was_answered(call: &Call<'_>) -> Option<bool> {
    let seconds =
        call.talk_seconds.as_ref().map(|text| text.as_str().bytes().any(|digit| (b'1'..=b'9').contains(&digit)));
    if call.answered_at.is_some() { Some(true) } else { seconds }
}

/// The SIP code that a call ended with; 200 for one that was completed.
pub(super) fn sip_code<'r>(report: &'r Report<'_>) -> Option<Cow<'r, str>> {
    let is_code = |text: &str| text.len() == 3 && text.bytes().all(|digit| digit.is_ascii_digit());
    if call_outcome(report)? == "completed" {
        return Some(Cow::Borrowed("200"));
    }
    shown(report.call.as_ref()?.end_reason.as_ref()).filter(|reason| is_code(reason))
}

/// When an inbound message came in, as RFC 3339 writes it; it is told in seconds.
pub(super) fn inbound_time<'r>(report: &'r Report<'_>) -> Option<Cow<'r, str>> {
    let seconds: i64 = report.inbound_part("timestamp")?.parse().ok()?;
    Some(Cow::Owned(Timestamp::from_seconds(seconds).to_string()))
}

/// How many pictures, recordings or documents an inbound message has that can be fetched.
pub(super) fn media_count<'r>(report: &'r Report<'_>) -> Option<Cow<'r, str>> {
    report.inbound?;
    Some(Cow::Borrowed(if report.inbound_part("media_link").is_some() { "1" } else { "0" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(members: &str) -> (String, Option<String>) {
        let text = format!(r#"{{"call":{{{members}}}}}"#);
        let report = Report::parse(text.as_bytes()).unwrap();
        (call_outcome(&report).unwrap().into_owned(), sip_code(&report).map(Cow::into_owned))
    }

    #[test]
    fn a_call_tells_what_became_of_it() {
        for (members, outcome, code) in [
            (r#""endReason":"0""#, "completed", Some("200")),
            (r#""endReason":"-8""#, "completed", Some("200")),
            (r#""endReason":"-7","talkSeconds":0"#, "canceled", None),
            (r#""endReason":"-8","talkSeconds":"0""#, "rejected", None),
            (r#""endReason":"486","talkSeconds":12"#, "completed", Some("200")),
            (r#""endReason":"487","answeredAt":"2024-12-18T08:08:04Z""#, "completed", Some("200")),
            (r#""endReason":"486""#, "busy", Some("486")),
            (r#""endReason":"480""#, "no_answer", Some("480")),
            (r#""endReason":"603""#, "rejected", Some("603")),
            (r#""endReason":"404","talkSeconds":0"#, "failed", Some("404")),
            (r#""endReason":"lost""#, "failed", None),
        ] {
            assert_eq!(call(members), (outcome.to_owned(), code.map(str::to_owned)), "{members}");
        }
    }

    #[test]
    fn a_failure_with_a_code_has_a_title_too() {
        for (message, code, title) in [
            (r#""status":"undelivered","error":{"code":"30003","text":"off"}"#, Some("30003"), Some("off")),
            (r#""status":"undelivered","error":{"code":"30003"}"#, Some("30003"), Some("30003")),
            (r#""status":"undelivered","error":{"code":"","text":"off"}"#, None, None),
            (r#""status":"delivered","error":{"code":"000"}"#, None, None),
        ] {
            let text = format!(r#"{{"message":{{"id":"1",{message}}}}}"#);
            let report = Report::parse(text.as_bytes()).unwrap();
            let found = (failure_code(&report), failure_title(&report));
            assert_eq!(found, (code.map(Cow::Borrowed), title.map(Cow::Borrowed)), "{message}");
        }
    }
}
