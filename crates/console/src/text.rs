//! Values as people read them.

use std::time::Duration;

use ringback_model::Timestamp;
use ringback_service::Backlog;

/// A time with its zone: `2026-01-31 12:00:05 UTC`.
pub(crate) fn time(at: Timestamp) -> String {
    let text = at.to_string();
    let seconds = text.get(..19).unwrap_or(&text).replace('T', " ");
    format!("{seconds} UTC")
}

/// So many of something: `no webhook`, `1 webhook`, `2 webhooks`.
pub(crate) fn number_of(number: u64, noun: &str) -> String {
    match number {
        0 => format!("no {noun}"),
        1 => format!("1 {noun}"),
        _ => format!("{} {noun}s", count(number)),
    }
}

/// How long ago, in one unit.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.since(at).as_secs();
    let (number, unit) = match seconds {
        0..=4 => return "just now".to_owned(),
        5..=119 => (seconds, "second"),
        120..=7_199 => (seconds / 60, "minute"),
        7_200..=172_799 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let many = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{many} ago")
}

/// A length of time in the unit that suits it: `850 µs`, `12.4 ms`, `3.2 s`.
pub(crate) fn length(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0..=999 => format!("{micros} µs"),
        1_000..=999_999 => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

/// A length of time in the largest unit that suits it, from microseconds to days.
pub(crate) fn rough_length(time: Duration) -> String {
    let (seconds, unit) = match time.as_secs() {
        0..=119 => return length(time).replace(".0 ", " "),
        120..=7_199 => (60.0, "min"),
        7_200..=172_799 => (3_600.0, "h"),
        _ => (86_400.0, "d"),
    };
    format!("{:.0} {unit}", time.as_secs_f64() / seconds)
}

/// A number with its thousands apart: `1 234 567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            // A space that no line breaks at.
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// How many deliveries wait.
pub(crate) fn pending(backlog: Backlog) -> String {
    let number = count(backlog.pending);
    if backlog.more { format!("more than {number}") } else { number }
}

/// A part of a whole, 0 to 1, in percent; only all of it is 100.
pub(crate) fn percent(part: f64) -> String {
    let tenths = (part * 1_000.0).floor() / 10.0;
    if part >= 1.0 { "100 %".to_owned() } else { format!("{tenths:.1} %") }
}

/// JSON with a line for each member, every token as it stands; what is no JSON comes back as it is.
pub(crate) fn pretty_json(text: &str) -> String {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return text.to_owned();
    }
    let (mut out, mut depth, mut in_text, mut escaped) = (String::with_capacity(text.len() * 2), 0_usize, false, false);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth.min(40)));
    };
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if in_text {
            out.push(letter);
            (in_text, escaped) = (escaped || letter != '"', !escaped && letter == '\\');
            continue;
        }
        match letter {
            '"' => {
                in_text = true;
                out.push(letter);
            }
            '{' | '[' => {
                out.push(letter);
                while letters.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(end) = letters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            letter if letter.is_ascii_whitespace() => {}
            letter => out.push(letter),
        }
    }
    out
}

/// Text of somebody else with what cannot be seen, or turns the direction of reading, made visible.
pub(crate) fn visible(text: &str) -> String {
    let hides = |letter: char| {
        (letter.is_control() && letter != '\n' && letter != '\t')
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut out = String::with_capacity(text.len());
    for letter in text.chars().filter(|letter| *letter != '\r') {
        if hides(letter) {
            out.extend(letter.escape_unicode());
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_laid_out_and_no_token_of_it_is_changed() {
        let text = r#"{ "b":1.50,"a":[],"a":{"x":"y{,:\\\""},"l":[1, 2]}"#;
        let lines = [
            "{",
            "  \"b\": 1.50,",
            "  \"a\": [],",
            "  \"a\": {",
            "    \"x\": \"y{,:\\\\\\\"\"",
            "  },",
            "  \"l\": [",
            "    1,",
            "    2",
            "  ]",
            "}",
        ];
        assert_eq!(pretty_json(text), lines.join("\n"));
        assert_eq!(pretty_json("{not json"), "{not json");
    }

    #[test]
    fn what_cannot_be_seen_is_shown() {
        assert_eq!(visible("a\u{1b}[31m\u{202e}b\r\n\tc"), "a\\u{1b}[31m\\u{202e}b\n\tc");
    }

    #[test]
    fn numbers_are_read_at_a_glance() {
        assert_eq!([7, 1_000, 1_234_567].map(count), ["7", "1\u{202f}000", "1\u{202f}234\u{202f}567"]);
        assert_eq!([1.0, 0.99999, 0.5, 0.0].map(percent), ["100 %", "99.9 %", "50.0 %", "0.0 %"]);
        let texts = [90, 600, 10_800, 864_000].map(|s| rough_length(Duration::from_secs(s)));
        assert_eq!(texts, ["90 s", "10 min", "3 h", "10 d"]);
    }

    #[test]
    fn lengths_have_the_unit_that_suits_them() {
        let texts = [850, 12_400, 3_200_000].map(|us| length(Duration::from_micros(us)));
        assert_eq!(texts, ["850 µs", "12.4 ms", "3.2 s"]);
    }

    #[test]
    fn times_name_their_zone_and_lengths_their_unit() {
        let at = Timestamp::from_seconds(1_800_000_000);
        assert_eq!(time(at), "2027-01-15 08:00:00 UTC");
        assert_eq!(ago(at, at + Duration::from_secs(3)), "just now");
        assert_eq!(ago(at, at + Duration::from_secs(7_300)), "2 hours ago");
    }
}
