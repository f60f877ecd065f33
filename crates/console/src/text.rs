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

/// Whether a letter cannot be seen, or turns the direction of reading. Joiners are part of how some scripts are written.
fn hides(letter: char) -> bool {
    (letter.is_control() && !matches!(letter, '\n' | '\t' | '\r'))
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
        || matches!(letter, '\u{e0000}'..='\u{e007f}')
}

/// Text of somebody else with what cannot be seen, or turns the direction of reading, made visible.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars().filter(|letter| *letter != '\r') {
        write_visible(&mut out, letter);
    }
    out
}

fn write_visible(out: &mut String, letter: char) {
    if hides(letter) {
        out.extend(letter.escape_unicode());
    } else {
        out.push(letter);
    }
}

/// A page in which no text hides anything or turns the direction of reading, whoever has written it. What stands in fields
/// stays as it is, for it is sent back; but for questions, which are shown.
pub(crate) fn page_with_visible(html: String) -> String {
    if !html.contains(hides) {
        return html;
    }
    let mut out = String::with_capacity(html.len() + 64);
    let mut rest = html.as_str();
    while let Some(at) = rest.find("<input").into_iter().chain(rest.find("<textarea")).min() {
        let (before, field) = rest.split_at(at);
        before.chars().for_each(|letter| write_visible(&mut out, letter));
        let end = if field.starts_with("<textarea") { "</textarea>" } else { ">" };
        let end = field.find(end).map_or(field.len(), |at| at + end.len());
        let (field, after) = field.split_at(end);
        if field.starts_with("<input type=\"hidden\" name=\"ask\" ") {
            field.chars().for_each(|letter| write_visible(&mut out, letter));
        } else {
            out.push_str(field);
        }
        rest = after;
    }
    rest.chars().for_each(|letter| write_visible(&mut out, letter));
    out
}

/// A URL in the pieces that a line may be broken between, each with whether it stays whole: its port does.
pub(crate) fn url_pieces(url: &str) -> Vec<(bool, &str)> {
    let host = url.find("://").map_or(0, |at| at + 3);
    let path = url.get(host..).and_then(|rest| rest.find(['/', '?', '#'])).map_or(url.len(), |at| host + at);
    let port = url.get(host..path).and_then(|authority| authority.rfind(':')).map(|at| host + at);
    let port = port.filter(|at| url.get(at + 1..path).is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit())));
    let mut breaks: Vec<usize> = [Some(host), port].into_iter().flatten().collect();
    // A name is broken before a dot, a path behind what parts it.
    let name = url.get(host..port.unwrap_or(path)).unwrap_or_default();
    if name.bytes().any(|b| b.is_ascii_alphabetic()) {
        breaks.extend(name.match_indices('.').map(|(at, _)| host + at));
    }
    breaks.push(path);
    let parts = |letter: char| matches!(letter, '/' | '?' | '&' | '=');
    breaks.extend(url.get(path..).unwrap_or_default().match_indices(parts).map(|(at, mark)| path + at + mark.len()));
    breaks.push(url.len());
    breaks.sort_unstable();
    breaks.dedup();
    let mut from = 0;
    let mut piece = |to: usize| {
        let piece = (Some(from) == port, url.get(from..to).unwrap_or_default());
        from = to;
        piece
    };
    breaks.into_iter().map(&mut piece).filter(|(_, piece)| !piece.is_empty()).collect()
}

/// A sentence of the server's in the words of the pages, in parts: every second one is code.
pub(crate) fn prose(sentence: impl AsRef<str>) -> Vec<String> {
    in_pages_words(sentence.as_ref()).split('`').map(str::to_owned).collect()
}

/// A sentence of the server's in the words of the pages: what the API calls an endpoint is a webhook here. What stands
/// between backticks is said as it is, and a polling endpoint is called so.
pub(crate) fn in_pages_words(sentence: &str) -> String {
    const WORD: &str = "endpoint";
    let mut out = String::with_capacity(sentence.len());
    for (at, part) in sentence.split('`').enumerate() {
        if at > 0 {
            out.push('`');
        }
        let mut rest = part;
        while let Some((before, after)) = rest.split_once(WORD).filter(|_| at % 2 == 0) {
            out.push_str(before);
            let is_word = before.ends_with(|letter: char| letter.is_whitespace() || letter == '(') || out.is_empty();
            if !is_word || before.ends_with("olling ") {
                out.push_str(WORD);
            } else {
                let words = before.trim_end();
                let article = words.strip_suffix("an").or_else(|| words.strip_suffix("An"));
                if article.is_some_and(|head| !head.ends_with(char::is_alphanumeric)) && before.len() == words.len() + 1
                {
                    out.truncate(out.len() - 2);
                    out.push(' ');
                }
                out.push_str("webhook");
            }
            rest = after;
        }
        out.push_str(rest);
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
    fn no_text_of_a_page_hides_anything_and_what_stands_in_fields_stays() {
        let page = |text: &str| {
            format!(
                "<p title=\"{text}\">{text}</p><input type=\"hidden\" name=\"ask\" value=\"{text}?\">\
                 <input name=\"a\" value=\"{text}\"><textarea>\n{text}</textarea><b>{text}</b>"
            )
        };
        let shown = page_with_visible(page("a\u{202e}b"));
        let expected = "<p title=\"a\\u{202e}b\">a\\u{202e}b</p><input type=\"hidden\" name=\"ask\" \
                        value=\"a\\u{202e}b?\"><input name=\"a\" value=\"a\u{202e}b\">\
                        <textarea>\na\u{202e}b</textarea><b>a\\u{202e}b</b>";
        assert_eq!(shown, expected);
        for kept in ["plain \r\n\t text", "نمی\u{200c}خواهم", "1\u{202f}000"] {
            assert_eq!(page_with_visible(page(kept)), page(kept));
        }
    }

    #[test]
    fn a_url_is_broken_at_its_parts_and_never_in_its_port() {
        let pieces =
            |url| url_pieces(url).into_iter().map(|(whole, piece)| format!("{piece}{}", if whole { "!" } else { "" }));
        let pieces = |url| pieces(url).collect::<Vec<_>>();
        assert_eq!(
            pieces("https://hooks.example.com:8443/in/dlr?key=a&b"),
            ["https://", "hooks", ".example", ".com", ":8443!", "/", "in/", "dlr?", "key=", "a&", "b"]
        );
        assert_eq!(pieces("http://127.0.0.1:43841/fail"), ["http://", "127.0.0.1", ":43841!", "/", "fail"]);
        assert_eq!(pieces("http://[::1]/"), ["http://", "[::1]", "/"]);
        assert_eq!(pieces("é.example"), ["é", ".example"]);
        assert_eq!(pieces(""), Vec::<String>::new());
    }

    #[test]
    fn pages_speak_of_webhooks_and_code_of_what_it_is_called() {
        for (said, told) in [
            ("An endpoint, the endpoints.", "A webhook, the webhooks."),
            ("an endpoint (endpoint) of an endpoint", "a webhook (webhook) of a webhook"),
            ("`an endpoint` than endpoint /endpoint", "`an endpoint` than webhook /endpoint"),
            ("a polling endpoint; Webhook (URL Endpoint)", "a polling endpoint; Webhook (URL Endpoint)"),
        ] {
            assert_eq!(in_pages_words(said), told);
        }
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
