//! Values that dialects of providers ask for, worked out of what a report says.

use std::borrow::Cow;

use ringback_model::Timestamp;

use super::path::shown;
use super::{Call, Message, Report};

/// The batch of a message: as told, else the part of its id in front of the place.
pub(super) fn group_id<'r>(report: &'r Report<'_>) -> Option<Cow<'r, str>> {
    let message = report.message.as_ref()?;
    let told = shown(message.group_id.as_ref());
    told.or_else(|| batch_and_place(message).map(|(batch, _)| Cow::Borrowed(batch)))
}

/// The place of a message in its batch: as told, else as its id ends.
pub(super) fn index<'r>(report: &'r Report<'_>) -> Option<Cow<'r, str>> {
    let message = report.message.as_ref()?;
    let told = shown(message.index.as_ref());
    told.or_else(|| batch_and_place(message).map(|(_, place)| Cow::Borrowed(place)))
}

/// What the id of a message of the rich DLR family is made of: batch, last colon, place in digits (`b34e35ad-...:1`). An id
/// that does not end so is one thing.
fn batch_and_place<'r>(message: &'r Message<'_>) -> Option<(&'r str, &'r str)> {
    let (batch, place) = message.id.as_ref()?.as_str().rsplit_once(':')?;
    let is_place = !place.is_empty() && place.bytes().all(|digit| digit.is_ascii_digit());
    // A number of JSON has no zero in front.
    let place = match place.trim_start_matches('0') {
        "" => &place[place.len().saturating_sub(1)..],
        short => short,
    };
    (is_place && !batch.is_empty()).then_some((batch, place))
}

/// The code of what went wrong, of a message that failed.
pub(super) fn failure_code<'r>(report: &'r Report<'_>) -> Option<Cow<'r, str>> {
    let failed = report.status()?.is_failure();
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
    fn an_id_that_ends_in_a_place_tells_batch_and_place() {
        for (message, batch, place) in [
            (r#""id":"b34e35ad-fe34:1""#, Some("b34e35ad-fe34"), Some("1")),
            (r#""id":"a:b:007""#, Some("a:b"), Some("7")),
            (r#""id":"a:00""#, Some("a"), Some("0")),
            (r#""id":"a:1","groupId":"t","index":4"#, Some("t"), Some("4")),
            (r#""id":"a:1","groupId":"","index":null"#, Some(""), Some("1")),
            (r#""id":"a:1x""#, None, None),
            (r#""id":"a:""#, None, None),
            (r#""id":":1""#, None, None),
            (r#""id":"a""#, None, None),
        ] {
            let text = format!(r#"{{"message":{{{message}}}}}"#);
            let report = Report::parse(text.as_bytes()).unwrap();
            let found = (group_id(&report), index(&report));
            assert_eq!(found, (batch.map(Cow::Borrowed), place.map(Cow::Borrowed)), "{message}");
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
