//! Words that people look for a report by: its ids, and the numbers in it.

use std::borrow::Cow;

use super::{Report, Text};

/// Words longer than this are not looked for.
const LONGEST: usize = 128;
/// Shorter runs of digits are no phone number: as written they may still be an id.
const SHORTEST_NUMBER: usize = 5;

impl Report<'_> {
    /// The words that this report is found by, as [`search_word`] spells them, each once.
    #[must_use]
    pub fn search_words(&self) -> Vec<String> {
        let mut texts: Vec<Option<Cow<'_, str>>> = Vec::new();
        let of = |text: &'_ Option<Text<'_>>| text.as_ref().map(|text| Cow::Owned(text.as_str().to_owned()));
        if let Some(message) = &self.message {
            texts.extend([&message.id, &message.group_id, &message.client_ref, &message.from, &message.to].map(of));
        }
        if let Some(call) = &self.call {
            texts.extend([&call.id, &call.user_call_id, &call.task_id, &call.from, &call.to].map(of));
        }
        if self.inbound.is_some() {
            texts.extend(["id", "from", "wa_id"].map(|part| self.inbound_part(part)));
        }
        let mut words: Vec<String> = texts.iter().flatten().filter_map(|text| search_word(text)).collect();
        words.sort_unstable();
        words.dedup();
        words
    }
}

/// A word as it is looked for: a phone number by its digits alone, whatever stands between and before them; all else as
/// written, without the space around it. `None` for what nothing is found by.
#[must_use]
pub fn search_word(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = || text.bytes().filter(u8::is_ascii_digit);
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b"+()-./ ".contains(&byte));
    let word = if is_number && digits().count() >= SHORTEST_NUMBER {
        let digits: String = digits().map(char::from).collect();
        // The international prefix may be written as `00` or `+`, or be left out.
        digits.strip_prefix("00").map(str::to_owned).unwrap_or(digits)
    } else {
        text.to_owned()
    };
    (!word.is_empty() && word.len() <= LONGEST && !word.contains('\0')).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_however_it_is_written() {
        for text in ["254712345678", "+254712345678", "00254712345678", " +254 (712) 345-678 "] {
            assert_eq!(search_word(text).as_deref(), Some("254712345678"), "{text}");
        }
        assert_eq!(search_word("SM-0042").as_deref(), Some("SM-0042"));
        assert_eq!(search_word("1234").as_deref(), Some("1234"), "a short code");
        assert_eq!((search_word("  "), search_word(&"a".repeat(129)), search_word("a\0b")), (None, None, None));
    }

    #[test]
    fn reports_of_every_kind_are_found_by_ids_and_numbers() {
        let words = |payload: &str| Report::parse(payload.as_bytes()).unwrap().search_words();
        let dlr =
            r#"{"message":{"id":"m-1","groupId":"g-1","clientRef":"order 7","from":"ACME","to":"+254712345678"}}"#;
        assert_eq!(words(dlr), ["254712345678", "ACME", "g-1", "m-1", "order 7"]);
        let call = r#"{"call":{"id":"c-1","from":"254700000001","to":"254700000001"}}"#;
        assert_eq!(words(call), ["254700000001", "c-1"]);
        let mo = r#"{"inbound":{"contacts":[{"wa_id":"254700000002"}],"messages":[{"id":"wamid.A","from":"254700000002"}]}}"#;
        assert_eq!(words(mo), ["254700000002", "wamid.A"]);
        assert_eq!(words("{}"), [""; 0]);
    }
}
