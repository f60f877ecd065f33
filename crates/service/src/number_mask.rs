//! Phone numbers, for those who may see them and for those who may not. What use cases hand out of messages and attempts
//! is masked here already, so that no page and no answer of the API has to think of it.

use bytes::Bytes;
use ringback_model::{Finding, Message, OrderingKey};

use crate::{Actor, AttemptView, Right, Service, ServiceError, Story};

/// Digits of a phone number, at least and at most.
const SHORTEST: usize = 7;
const LONGEST: usize = 15;
/// Digits that are left of one.
const LEFT: usize = 2;
/// What stands for the others, however many there are.
const MASK: &str = "••••••";

/// Whether somebody sees phone numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// In full.
    Shown,
    /// But for their ends.
    Masked,
}

impl Service {
    /// Whether the actor sees phone numbers: all do where the organization has not asked for the mask, and those who may
    /// see secrets do anyway.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn numbers_for(&self, actor: &Actor) -> Result<Numbers, ServiceError> {
        if actor.may(Right::ReadSecrets) || !self.settings_of(actor).await?.mask_numbers {
            return Ok(Numbers::Shown);
        }
        Ok(Numbers::Masked)
    }
}

impl Numbers {
    /// A text as it is shown.
    #[must_use]
    pub fn show(self, text: &str) -> String {
        match self {
            Self::Shown => text.to_owned(),
            Self::Masked => masked(text),
        }
    }

    /// Refuses what can only be had as it is.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] where numbers are masked.
    pub const fn require(self) -> Result<(), ServiceError> {
        match self {
            Self::Shown => Ok(()),
            Self::Masked => Err(ServiceError::Forbidden(
                "Phone numbers are masked for you, so that what has some in it cannot be had as it is. Ask whoever gave you \
                 access for more.",
            )),
        }
    }

    /// Messages as they are handed out.
    pub(crate) fn of_messages<'a>(self, messages: impl IntoIterator<Item = &'a mut Message>) {
        if self == Self::Masked {
            messages.into_iter().for_each(mask_message);
        }
    }

    /// Attempts as they are handed out.
    pub(crate) fn of_attempts<'a>(self, views: impl IntoIterator<Item = &'a mut AttemptView>) {
        if self == Self::Shown {
            return;
        }
        for AttemptView { attempt, about, .. } in views {
            about.iter_mut().for_each(mask_message);
            attempt.url = masked(&attempt.url);
            let answer = masked(&String::from_utf8_lossy(&attempt.exchange.response));
            attempt.exchange.response = answer.into_bytes().into();
        }
    }

    /// A story as it is handed out.
    pub(crate) fn of_story(self, story: &mut Story) {
        if self == Self::Shown {
            return;
        }
        mask_message(&mut story.message);
        story.notes.iter_mut().for_each(|note| *note = masked(note));
        for chapter in &mut story.chapters {
            chapter.findings.iter_mut().for_each(mask_finding);
            // A condition that is not met tells what it has found, and what cannot be rendered why.
            if let Some(why) = &mut chapter.why_not {
                why.text = masked(&why.text).into();
            }
            let reasons = chapter.delivery.iter_mut().filter_map(|delivery| delivery.reason.as_mut());
            reasons.for_each(|reason| *reason = masked(reason));
        }
    }
}

fn mask_message(message: &mut Message) {
    let texts = message.event_id.iter_mut().chain(&mut message.channels).chain(&mut message.tags);
    texts.for_each(|text| *text = masked(text));
    message.ordering_key = message.ordering_key.take().and_then(|key| OrderingKey::new(masked(key.as_str())));
    message.callback_url = message.callback_url.take().map(|url| masked(&url));
    message.payload = message.payload.take().map(|payload| masked_json(&payload));
    message.raw = message.raw.take().map(|raw| masked(&String::from_utf8_lossy(&raw)).into_bytes().into());
}

fn mask_finding(finding: &mut Finding) {
    finding.found = finding.found.take().map(|found| masked(&found));
    finding.parts.iter_mut().for_each(mask_finding);
}

/// JSON that says the same with its numbers masked, and is JSON still: what was a number becomes a text.
fn masked_json(payload: &[u8]) -> Bytes {
    let text = String::from_utf8_lossy(payload);
    let mut out = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(start) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let end = if from.starts_with('"') { string(from) } else { number(from) };
        let (token, after) = from.split_at(end);
        out.push_str(&masked_token(token));
        rest = after;
    }
    out.push_str(rest);
    out.into_bytes().into()
}

/// A text or a number of JSON, masked. What is written in escapes is read first.
fn masked_token(token: &str) -> String {
    let read = serde_json::from_str::<String>(token).ok();
    let plain = read.as_deref().unwrap_or(token);
    let shown = masked(plain);
    if shown == plain {
        return token.to_owned();
    }
    serde_json::Value::from(shown).to_string()
}

/// How long the text is that JSON begins with.
fn string(json: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    json.len()
}

/// How long the number is that JSON begins with.
fn number(json: &str) -> usize {
    json.find(|c: char| !c.is_ascii_digit() && !"+-.eE".contains(c)).unwrap_or(json.len())
}

/// Text with everything masked that may be a phone number: rather too much than too little.
fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let run = run(from);
        out.push_str(&mask_run(&from[..run]));
        rest = &from[run..];
    }
    out.push_str(rest);
    out
}

/// How long the run of digits is that a text begins with, and of what stands between the digits of a phone number.
fn run(text: &str) -> usize {
    let end = text.find(|c: char| !c.is_ascii_digit() && !" -()".contains(c)).unwrap_or(text.len());
    let between = text[..end].rfind(|c: char| c.is_ascii_digit()).map_or(0, |last| last + 1);
    if is_date(text) { digits(text) } else { between }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Whether it begins with a date, whose dashes are not those of a phone number.
fn is_date(text: &str) -> bool {
    let form = text.bytes().take(10).map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    form.eq(*b"0000-00-00")
}

fn mask_run(run: &str) -> String {
    let digits: Vec<char> = run.chars().filter(char::is_ascii_digit).collect();
    // No number in the world has 13 digits with a 1 before them: these are milliseconds.
    let is_time = run.len() == 13 && run.starts_with('1') && digits.len() == 13;
    if !(SHORTEST..=LONGEST).contains(&digits.len()) || is_time {
        return run.to_owned();
    }
    let end: String = digits[digits.len() - LEFT..].iter().collect();
    format!("{MASK}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_masked_however_they_are_written() {
        for (text, shown) in [
            (r#"{"to":"+254712345678"}"#, r#"{"to":"+••••••78"}"#),
            (r#"{"to":254712345678,"n":1}"#, r#"{"to":••••••78,"n":1}"#),
            ("mobile=%2B254712345678&x=1", "mobile=%2B••••••78&x=1"),
            ("call +254 (712) 345-678 now", "call +••••••78 now"),
            ("00254712345678 and 0712345678", "••••••78 and ••••••78"),
            ("é0712 345 678é", "é••••••78é"),
        ] {
            assert_eq!(Numbers::Masked.show(text), shown);
            assert_eq!(Numbers::Shown.show(text), text);
        }
    }

    #[test]
    fn json_stays_json_and_what_is_no_number_of_a_phone_stays_as_it_was_written() {
        let json = |text: &str| String::from_utf8(masked_json(text.as_bytes()).to_vec()).unwrap();
        for (text, shown) in [
            (r#"{"to":254712345678, "n" : 1.50}"#, r#"{"to":"••••••78", "n" : 1.50}"#),
            (r#"{"+254712345678":[-254712345678,2.54712345678e11]}"#, r#"{"+••••••78":["-••••••78","2.••••••78e11"]}"#),
            (r#"{"a":"\u0032\u0035\u00347 \"12345678"}"#, r#"{"a":"2547 \"••••••78"}"#),
            (r#"{"a":"\u0000123456 \\","b":"x"}"#, r#"{"a":"\u0000123456 \\","b":"x"}"#),
            (r#"{"at":1717232400000,"on":true,"no":null}"#, r#"{"at":1717232400000,"on":true,"no":null}"#),
        ] {
            assert_eq!(json(text), shown);
            serde_json::from_str::<serde_json::Value>(shown).unwrap();
        }
        assert!(!json("\"2547123456").contains("2547123"), "what is broken off is masked, too");
    }

    #[test]
    fn times_short_numbers_and_long_ids_are_left() {
        for text in [
            "2027-01-15 08:00:00",
            "2027-01-15T08:00:00Z",
            "1717232400000",
            "000",
            "error 404, 12 345",
            "1234567890123456",
            "",
        ] {
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn what_is_only_as_it_is_is_refused_where_numbers_are_masked() {
        assert!(Numbers::Shown.require().is_ok());
        assert!(matches!(Numbers::Masked.require(), Err(ServiceError::Forbidden(_))));
    }
}
