//! What counts as success: the statuses and the acknowledgement in the body that a receiver has to answer with.
//!
//! Most receivers answer 2xx and nobody looks further. Some gateways only count what says `ACK/Jasmin`, and some
//! receivers answer 200 to everything and put what they mean into the body.

use std::fmt;

use ringback_model::{BodyRule, BodyTest, SuccessRule};
use serde_json::Value;

use crate::RecipeError;

/// One status, or a class of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusPattern {
    /// This one.
    Exact(u16),
    /// All of this hundred: 2 stands for 200 to 299.
    Class(u16),
}

impl StatusPattern {
    /// The pattern that is written so: `200`, `2xx`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<u16>().ok()).flatten();
        let text = text.trim();
        match (text.len(), text.get(..1), text.get(1..)) {
            (3, Some(class), Some("xx" | "XX" | "Xx" | "xX")) => {
                digits(class).filter(|class| (1..=5).contains(class)).map(Self::Class)
            }
            (3, ..) => digits(text).filter(|status| (100..=599).contains(status)).map(Self::Exact),
            _ => None,
        }
    }

    /// Whether a status is meant.
    #[must_use]
    pub const fn matches(self, status: u16) -> bool {
        match self {
            Self::Exact(exact) => status == exact,
            Self::Class(class) => status / 100 == class,
        }
    }
}

impl fmt::Display for StatusPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(status) => write!(f, "{status}"),
            Self::Class(class) => write!(f, "{class}xx"),
        }
    }
}

/// How an answer was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledgement {
    /// It is a success.
    Given,
    /// Its status is not one of those that count.
    WrongStatus,
    /// Its status counts, and its body is not as it has to be.
    WrongBody,
}

/// A success rule, ready to judge answers by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Success {
    /// Those that count; 2xx if empty.
    status: Vec<StatusPattern>,
    /// The endpoint itself names them.
    names_status: bool,
    body: Option<(Body, BodyRule)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Body {
    Equals(String),
    Contains(String),
    NonEmpty,
    /// A member that is there, and has this value if one is given.
    Member(Vec<Step>, Option<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
}

impl Success {
    /// The rule of an endpoint; `default` are the statuses of its dialect, which hold where it names none.
    ///
    /// # Errors
    /// What of the rule makes no sense: registration answers with it.
    pub fn new(rule: Option<&SuccessRule>, default: &[StatusPattern]) -> Result<Self, RecipeError> {
        let Some(rule) = rule else { return Ok(Self { status: default.to_vec(), ..Self::default() }) };
        let mut status = Vec::with_capacity(rule.status.len());
        for (at, text) in rule.status.iter().enumerate() {
            let pattern = StatusPattern::parse(text).ok_or_else(|| {
                let message = format!("`{text}` is no status: write one such as `200`, or a class such as `2xx`.");
                RecipeError::new(format!("success.status.{at}"), message)
            })?;
            status.push(pattern);
        }
        let names_status = !status.is_empty();
        if !names_status {
            status.extend_from_slice(default);
        }
        let body = rule.body.as_ref().map(|rule| Ok((Body::new(rule)?, rule.clone()))).transpose()?;
        Ok(Self { status, names_status, body })
    }

    /// The statuses that count; 2xx if there are none.
    #[must_use]
    pub fn statuses(&self) -> &[StatusPattern] {
        &self.status
    }

    /// Whether the endpoint names the statuses that count, and not its dialect.
    #[must_use]
    pub const fn names_status(&self) -> bool {
        self.names_status
    }

    /// What the body has to hold, as the endpoint says it.
    #[must_use]
    pub fn body_rule(&self) -> Option<&BodyRule> {
        self.body.as_ref().map(|(_, rule)| rule)
    }

    /// Judges an answer by its status and as much of its body as was read.
    #[must_use]
    pub fn judge(&self, status: u16, body: &[u8]) -> Acknowledgement {
        let counts = if self.status.is_empty() {
            StatusPattern::Class(2).matches(status)
        } else {
            self.status.iter().any(|pattern| pattern.matches(status))
        };
        match &self.body {
            _ if !counts => Acknowledgement::WrongStatus,
            // As a handshake reads it: without the mark that some put in front of a text.
            Some((rule, _)) if !rule.is_met(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii()) => {
                Acknowledgement::WrongBody
            }
            Some(_) | None => Acknowledgement::Given,
        }
    }
}

impl Body {
    fn new(rule: &BodyRule) -> Result<Self, RecipeError> {
        let value = rule.value.as_deref().map(str::trim_ascii).filter(|value| !value.is_empty());
        let wanted = || {
            let message = "It needs the text that the answer has to hold, such as `ACK/Jasmin`.";
            value.map(str::to_owned).ok_or_else(|| RecipeError::new("success.body.value", message))
        };
        match rule.rule {
            BodyTest::Equals => Ok(Self::Equals(wanted()?)),
            BodyTest::Contains => Ok(Self::Contains(wanted()?)),
            BodyTest::NonEmpty => Ok(Self::NonEmpty),
            BodyTest::JsonPath => {
                let (path, value) = match value.unwrap_or_default().split_once("==") {
                    Some((path, value)) => (path, Some(unquote(value.trim_ascii()).to_owned())),
                    None => (value.unwrap_or_default(), None),
                };
                refuse_other_operators(path, value.as_deref())?;
                let refuse = || {
                    let message = "It is the path of a member such as `$.result.code`, alone or with the value that it \
                                   has to have: `$.result.code == 0`.";
                    RecipeError::new("success.body.value", message)
                };
                Ok(Self::Member(steps(path.trim_ascii()).ok_or_else(refuse)?, value))
            }
        }
    }

    fn is_met(&self, body: &[u8]) -> bool {
        match self {
            Self::Equals(text) => body == text.as_bytes(),
            Self::Contains(text) => body.windows(text.len()).any(|part| part == text.as_bytes()),
            Self::NonEmpty => !body.is_empty(),
            Self::Member(path, value) => {
                let Ok(document) = serde_json::from_slice::<Value>(body) else { return false };
                let member = path.iter().try_fold(&document, |at, step| match step {
                    Step::Name(name) => at.get(name),
                    Step::Index(index) => at.get(index),
                });
                match (member, value) {
                    (None, _) => false,
                    (Some(_), None) => true,
                    (Some(Value::String(text)), Some(value)) => text == value,
                    (Some(other), Some(value)) => serde_json::from_str(value).is_ok_and(|v: Value| v == *other),
                }
            }
        }
    }
}

/// Refuses what looks like a comparison and is none: it would be the name of a member that no answer has.
fn refuse_other_operators(path: &str, value: Option<&str>) -> Result<(), RecipeError> {
    const OPERATORS: [char; 5] = ['=', '!', '<', '>', '~'];
    // Within brackets a name may have anything in it.
    let mut depth = 0_usize;
    let operator = path.find(|letter| {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && OPERATORS.contains(&letter)
    });
    let (member, rest) = match (operator, value) {
        (Some(at), _) => (&path[..at], &path[at..]),
        (None, Some(value)) if value.starts_with('=') => (path, value),
        (None, _) => return Ok(()),
    };
    let (member, wanted) = (member.trim_ascii(), rest.trim_start_matches('=').trim_ascii());
    let message = if rest.starts_with('=') && !wanted.is_empty() && !wanted.starts_with(OPERATORS) {
        format!("A value is compared by `==`: write `{member} == {wanted}`.")
    } else {
        "It is compared by `==` alone, as in `$.result.code == 0`; a name with other signs in it stands in brackets: \
         `$[\"a=b\"]`."
            .to_owned()
    };
    Err(RecipeError::new("success.body.value", message))
}

/// The steps of `$.a.b[0]["c"]`; `$` may be left out.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    let mut steps = Vec::new();
    if rest.len() == path.len() && !rest.starts_with(['.', '[']) {
        // Without `$.` the first name stands alone.
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        steps.push(Step::Name(rest.get(..end).filter(|name| !name.is_empty())?.to_owned()));
        rest = &rest[end..];
    }
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (inside, after) = inner.split_once(']')?;
            let quoted = unquote(inside);
            steps.push(if quoted.len() < inside.len() {
                Step::Name(quoted.to_owned())
            } else {
                Step::Index(inside.parse().ok()?)
            });
            rest = after;
        } else {
            let name = rest.strip_prefix('.')?;
            let end = name.find(['.', '[']).unwrap_or(name.len());
            steps.push(Step::Name(name.get(..end).filter(|name| !name.is_empty())?.to_owned()));
            rest = &name[end..];
        }
    }
    Some(steps).filter(|steps| !steps.is_empty())
}

/// A text without the quotation marks around it, if it has some.
fn unquote(text: &str) -> &str {
    ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(status: &[&str], body: Option<(BodyTest, &str)>) -> SuccessRule {
        SuccessRule {
            status: status.iter().map(|text| (*text).to_owned()).collect(),
            body: body.map(|(rule, value)| BodyRule { rule, value: Some(value.to_owned()) }),
        }
    }

    fn judge(rule: &SuccessRule, status: u16, body: &str) -> Acknowledgement {
        Success::new(Some(rule), &[]).unwrap().judge(status, body.as_bytes())
    }

    #[test]
    fn without_a_rule_it_is_what_the_dialect_says_and_else_2xx() {
        let plain = Success::default();
        let by_dialect = Success::new(None, &[StatusPattern::Exact(200), StatusPattern::Exact(202)]).unwrap();
        for status in 100..600 {
            let given = |success: &Success| success.judge(status, b"") == Acknowledgement::Given;
            assert_eq!(given(&plain), (200..300).contains(&status), "{status}");
            assert_eq!(given(&by_dialect), status == 200 || status == 202, "{status}");
        }
    }

    #[test]
    fn statuses_of_the_endpoint_replace_those_of_the_dialect() {
        let success = Success::new(Some(&rule(&["2xx", "304"], None)), &[StatusPattern::Exact(500)]).unwrap();
        for (status, wanted) in [
            (204, Acknowledgement::Given),
            (304, Acknowledgement::Given),
            (301, Acknowledgement::WrongStatus),
            (500, Acknowledgement::WrongStatus),
        ] {
            assert_eq!(success.judge(status, b""), wanted, "{status}");
        }
    }

    #[test]
    fn a_gateway_that_wants_its_word_gets_it_with_white_space_around_and_nothing_else() {
        let jasmin = rule(&["1xx", "2xx", "3xx"], Some((BodyTest::Equals, "ACK/Jasmin")));
        for (status, body, wanted) in [
            (200, "ACK/Jasmin", Acknowledgement::Given),
            (200, " ACK/Jasmin\r\n", Acknowledgement::Given),
            (302, "ACK/Jasmin", Acknowledgement::Given),
            (200, "", Acknowledgement::WrongBody),
            (200, "ACK/jasmin", Acknowledgement::WrongBody),
            (200, "ACK/Jasmin!", Acknowledgement::WrongBody),
            (404, "ACK/Jasmin", Acknowledgement::WrongStatus),
        ] {
            assert_eq!(judge(&jasmin, status, body), wanted, "{status} {body:?}");
        }
    }

    #[test]
    fn a_body_holds_a_text_or_anything() {
        let contains = rule(&[], Some((BodyTest::Contains, "ok")));
        assert_eq!(judge(&contains, 200, "all is ok here"), Acknowledgement::Given);
        assert_eq!(judge(&contains, 200, "o k"), Acknowledgement::WrongBody);
        let any = rule(&[], Some((BodyTest::NonEmpty, "")));
        assert_eq!(judge(&any, 200, "x"), Acknowledgement::Given);
        assert_eq!(judge(&any, 200, " \r\n\t"), Acknowledgement::WrongBody);
    }

    #[test]
    fn a_member_of_json_is_found_and_compared() {
        let body = r#"{"status":"success","code":0,"list":[{"ok":true}],"a.b":null,"big":1.50}"#;
        for (path, met) in [
            ("$.status == success", true),
            ("$.status == \"success\"", true),
            ("status=='success'", true),
            ("$.code == 0", true),
            ("$.code == 00", false),
            ("$.code == \"0\"", true),
            ("$.list[0].ok == true", true),
            ("$.list[1].ok", false),
            ("$.list", true),
            ("$[\"a.b\"]", true),
            ("$[\"a.b\"] == null", true),
            ("$.big == 1.5", true),
            ("$.status == error", false),
            ("$.missing", false),
        ] {
            let wanted = if met { Acknowledgement::Given } else { Acknowledgement::WrongBody };
            assert_eq!(judge(&rule(&[], Some((BodyTest::JsonPath, path))), 200, body), wanted, "{path}");
        }
        let marked = format!("\u{feff} {body}");
        let met = judge(&rule(&[], Some((BodyTest::JsonPath, "$.code == 0"))), 200, &marked);
        assert_eq!(met, Acknowledgement::Given, "as a handshake reads it");
        let no_json = judge(&rule(&[], Some((BodyTest::JsonPath, "$.status"))), 200, "<html>");
        assert_eq!(no_json, Acknowledgement::WrongBody);
    }

    #[test]
    fn a_rule_that_makes_no_sense_is_refused_with_the_member_at_fault() {
        for (bad, field) in [
            (rule(&["200", "2x"], None), "success.status.1"),
            (rule(&["600"], None), "success.status.0"),
            (rule(&["+20"], None), "success.status.0"),
            (rule(&["9xx"], None), "success.status.0"),
            (rule(&[], Some((BodyTest::Equals, "  "))), "success.body.value"),
            (rule(&[], Some((BodyTest::Contains, ""))), "success.body.value"),
            (rule(&[], Some((BodyTest::JsonPath, ""))), "success.body.value"),
            (rule(&[], Some((BodyTest::JsonPath, "$."))), "success.body.value"),
            (rule(&[], Some((BodyTest::JsonPath, "$.a[x]"))), "success.body.value"),
        ] {
            assert_eq!(Success::new(Some(&bad), &[]).unwrap_err().field, field, "{bad:?}");
        }
    }

    #[test]
    fn what_looks_like_a_comparison_and_is_none_is_refused_with_what_is_meant() {
        let refusal = |value| Success::new(Some(&rule(&[], Some((BodyTest::JsonPath, value)))), &[]).unwrap_err();
        for (value, meant) in [
            ("$.status = ok", "write `$.status == ok`"),
            ("$.code=0", "write `$.code == 0`"),
            ("status === 'ok'", "write `status == 'ok'`"),
            ("$.code != 0", "by `==` alone"),
            ("$.code !== 0", "by `==` alone"),
            ("$.code >= 1", "by `==` alone"),
            ("$.code =", "by `==` alone"),
        ] {
            let refusal = refusal(value);
            assert_eq!(refusal.field, "success.body.value");
            assert!(refusal.message.contains(meant), "{value}: {}", refusal.message);
        }
        let odd = rule(&[], Some((BodyTest::JsonPath, "$[\"a=b\"] == 1=1")));
        assert_eq!(judge(&odd, 200, r#"{"a=b":"1=1"}"#), Acknowledgement::Given);
    }

    #[test]
    fn every_dialect_names_statuses_that_can_be_read() {
        for dialect in crate::dialect::names().filter_map(crate::dialect::find) {
            for text in &dialect.success {
                assert!(StatusPattern::parse(text).is_some(), "{}: {text}", dialect.name);
            }
        }
    }

    #[test]
    fn a_pattern_is_written_as_it_is_read() {
        for text in ["200", "2xx", "599", "5xx"] {
            assert_eq!(StatusPattern::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(StatusPattern::parse("é1"), None);
    }
}
