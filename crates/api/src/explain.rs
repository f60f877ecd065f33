//! What is wrong with a body, in words for whoever wrote it.
//!
//! The JSON reader speaks to programmers in Rust (`expected u16`, `struct MessageIn`); callers know neither. Its errors
//! have no parts to look at, so the texts are taken apart here, in one place; one of a form that is not known is passed
//! on as it is.

use ringback_model::sentence;
use serde_json::error::Category;

/// How much of a caller's own value is told back.
const ECHO_MAX: usize = 80;

/// A fault of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Explained {
    /// The member that it is about, when it is not the one that was being read.
    pub(crate) member: Option<String>,
    /// What to change.
    pub(crate) message: String,
}

/// Says what an error of the JSON reader means.
pub(crate) fn explain(error: &serde_json::Error) -> Explained {
    let text = error.to_string();
    // The place is told by the path where there is one; in JSON that is none it is all there is.
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = text.strip_suffix(&place).unwrap_or(&text);
    match error.classify() {
        Category::Data => explain_value(what),
        Category::Eof => at_place("The JSON ends too early", error),
        Category::Syntax | Category::Io => at_place(&format!("This is no JSON: {what}"), error),
    }
}

fn at_place(what: &str, error: &serde_json::Error) -> Explained {
    let message = format!("{what} (line {}, column {}).", error.line(), error.column());
    Explained { member: None, message }
}

/// JSON it is, and a value in it is not what it should be.
fn explain_value(what: &str) -> Explained {
    let named = |start: &str| what.strip_prefix(start).and_then(|rest| rest.split_once('`'));
    if let Some((name, _)) = named("missing field `") {
        return Explained { member: Some(name.to_owned()), message: "This member has to be there.".to_owned() };
    }
    if let Some((name, _)) = named("duplicate field `") {
        let message = "This member is given twice, or once under each of its names: keep one.".to_owned();
        return Explained { member: Some(name.to_owned()), message };
    }
    if let Some((name, known)) = named("unknown field `") {
        let known = known.strip_prefix(", expected ").map(|known| known.strip_prefix("one of ").unwrap_or(known));
        let choice = known.map(|known| format!(", only {known}")).unwrap_or_default();
        let hint = elsewhere(name).map(|place| format!(" {place}")).unwrap_or_default();
        return Explained { member: Some(echo(name)), message: format!("There is no such member here{choice}.{hint}") };
    }
    if let Some((given, wanted)) =
        what.strip_prefix("unknown variant `").and_then(|rest| rest.rsplit_once("`, expected "))
    {
        let wanted = wanted.strip_prefix("one of ").unwrap_or(wanted);
        return Explained { member: None, message: format!("It has to be one of {wanted}, not `{}`.", echo(given)) };
    }
    let mismatch = ["invalid type: ", "invalid value: ", "invalid length "].into_iter();
    if let Some((given, wanted)) =
        mismatch.filter_map(|start| what.strip_prefix(start)).find_map(|rest| rest.rsplit_once(", expected "))
    {
        return Explained {
            member: None,
            message: format!("It has to be {}, not {}.", wanted_words(wanted), echo(given)),
        };
    }
    Explained { member: None, message: sentence(what) }
}

/// Where a member belongs that is looked for in a place where others of its like are.
fn elsewhere(member: &str) -> Option<&'static str> {
    (member == "ca").then_some("The receiver's authority is the endpoint's own `ca`, beside `auth`.")
}

/// What was expected, in words of JSON rather than of Rust.
fn wanted_words(wanted: &str) -> &str {
    match wanted {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number up to 65535",
        "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        // A word that stands for a variant, with something behind it.
        "unit" | "unit variant" | "a string" | "a borrowed string" => "a text",
        "a boolean" => "`true` or `false`",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("struct ") || other.starts_with("internally tagged enum ") => "an object",
        other => other,
    }
}

/// The first characters of what may be long.
fn echo(text: &str) -> String {
    let mut letters = text.chars();
    let start: String = letters.by_ref().take(ECHO_MAX).collect();
    if letters.next().is_some() { start + "…" } else { start }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only read")]
    struct Body {
        #[serde(alias = "otherName")]
        text: String,
        number: Option<u16>,
        flag: Option<bool>,
        list: Option<Vec<String>>,
        map: Option<HashMap<String, String>>,
        choice: Option<Choice>,
        kind: Option<Kind>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "type", deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    enum Kind {
        One { token: Option<String> },
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Choice {
        One,
        Two,
    }

    fn told(body: &str) -> (Option<String>, String) {
        let Explained { member, message } = explain(&serde_json::from_str::<Body>(body).unwrap_err());
        (member, message)
    }

    #[test]
    fn faults_are_told_in_words_of_json() {
        for (body, message) in [
            ("5", "It has to be an object, not integer `5`."),
            (r#"{"text":5}"#, "It has to be a text, not integer `5`."),
            (r#"{"text":"","number":"5"}"#, "It has to be a whole number up to 65535, not string \"5\"."),
            (r#"{"text":"","number":70000}"#, "It has to be a whole number up to 65535, not integer `70000`."),
            (r#"{"text":"","flag":"yes"}"#, "It has to be `true` or `false`, not string \"yes\"."),
            (r#"{"text":"","list":{}}"#, "It has to be a list, not map."),
            (r#"{"text":"","map":[]}"#, "It has to be an object, not sequence."),
            (r#"{"text":"","kind":"x"}"#, "It has to be an object, not string \"x\"."),
            (r#"{"text":"","choice":"x"}"#, "It has to be one of `one` or `two`, not `x`."),
            (r#"{"text":"","choice":{"one":1}}"#, "It has to be a text, not integer `1`."),
            ("{", "The JSON ends too early (line 1, column 1)."),
            ("{\n'a'", "This is no JSON: key must be a string (line 2, column 1)."),
        ] {
            assert_eq!(told(body), (None, message.to_owned()), "{body}");
        }
    }

    #[test]
    fn a_member_that_is_none_is_named_with_those_that_are() {
        let (member, message) = told(r#"{"text":"","kind":{"type":"One","tokn":""}}"#);
        assert_eq!(member.as_deref(), Some("tokn"));
        assert_eq!(message, "There is no such member here, only `token`.");
        let (_, message) = told(r#"{"text":"","kind":{"type":"One","ca":""}}"#);
        assert!(message.ends_with("the endpoint's own `ca`, beside `auth`."), "{message}");
    }

    #[test]
    fn members_that_are_missing_or_given_twice_are_named() {
        assert_eq!(told("{}").0.as_deref(), Some("text"));
        for twice in [r#"{"text":"","text":""}"#, r#"{"text":"","otherName":""}"#] {
            let (member, message) = told(twice);
            assert_eq!(member.as_deref(), Some("text"));
            assert!(message.contains("twice"), "{message}");
        }
    }

    #[test]
    fn of_a_long_value_only_the_beginning_is_told_back() {
        let (_, message) = told(&format!(r#"{{"text":"","flag":"{}"}}"#, "é".repeat(100_000)));
        assert!(message.chars().count() < 200 && message.contains('…'), "{message}");
        let (_, message) = told(&format!(r#"{{"text":"","choice":"{}"}}"#, "x".repeat(100_000)));
        assert!(message.chars().count() < 200, "{message}");
    }
}
