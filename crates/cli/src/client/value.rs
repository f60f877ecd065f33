//! From what stands on the command line to a value of the API.

use ringback_model::{Timestamp, near, parse_duration};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::failure::Failure;
use super::field::Kind;
use super::input::Input;

/// The value of a flag as JSON. `given` is what was said, more than once if the flag may be repeated.
pub(super) fn json(
    kind: &Kind,
    given: &[&str],
    flag: &str,
    (input, now): (&mut Input, Timestamp),
) -> Result<Box<RawValue>, Failure> {
    let one = given.first().copied().unwrap_or_default();
    let is_json = matches!(one.as_bytes().first(), Some(b'{' | b'[' | b'@')) || matches!(one, "-" | "null");
    let value = match kind {
        Kind::Json => return input.json(one, flag),
        Kind::List | Kind::Pairs if is_json && given.len() == 1 => return input.json(one, flag),
        Kind::Text | Kind::OneOf(_) => Value::from(one),
        Kind::Document => Value::from(input.text(one, flag)?),
        Kind::Time => Value::from(time(one, flag, now)?.as_str()),
        Kind::Integer | Kind::Number => Value::Number(number(kind, one, flag)?),
        Kind::Boolean => Value::Bool(one == "true"),
        Kind::List => given.iter().flat_map(|part| part.split(',')).map(Value::from).collect(),
        Kind::Pairs => Value::Object(pairs(given, flag)?),
    };
    to_raw_value(&value).map_err(|error| Failure::Usage(format!("{flag}: {error}")))
}

/// The value of a flag as it stands in a query.
pub(super) fn text(kind: &Kind, given: &[&str], flag: &str, now: Timestamp) -> Result<String, Failure> {
    let one = given.first().copied().unwrap_or_default();
    match kind {
        Kind::Time => time(one, flag, now),
        Kind::Integer | Kind::Number => Ok(number(kind, one, flag)?.to_string()),
        Kind::List => Ok(given.join(",")),
        Kind::Text | Kind::Document | Kind::OneOf(_) | Kind::Boolean | Kind::Pairs | Kind::Json => Ok(one.to_owned()),
    }
}

/// A time as it is, or so long ago (`2h`), or in so long (`+2h`).
fn time(given: &str, flag: &str, now: Timestamp) -> Result<String, Failure> {
    if given.parse::<Timestamp>().is_ok() {
        return Ok(given.to_owned());
    }
    let (ahead, length) = given.strip_prefix('+').map_or((false, given), |length| (true, length));
    let length = parse_duration(length).map_err(|_| {
        Failure::Usage(format!(
            "{flag} is a time such as 2026-01-31T12:00:00Z, 2h for two hours ago, or +2h for in two hours, and not `{given}`"
        ))
    })?;
    Ok(if ahead { now + length } else { now - length }.to_string())
}

fn number(kind: &Kind, given: &str, flag: &str) -> Result<serde_json::Number, Failure> {
    let number = serde_json::from_str::<serde_json::Number>(given).ok();
    let whole = number.filter(|number| *kind == Kind::Number || !number.is_f64());
    whole.ok_or_else(|| Failure::Usage(format!("{flag} is a number, and not `{given}`")))
}

fn pairs(given: &[&str], flag: &str) -> Result<Map<String, Value>, Failure> {
    let pair = |text: &&str| match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), Value::from(value))),
        _ => Err(Failure::Usage(format!("{flag} is written NAME=TEXT, and not `{text}`"))),
    };
    given.iter().map(pair).collect()
}

/// The one of these words that was meant, for an error.
pub(super) fn meant<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    near(word, words).first().map(|near| format!(" (was `{near}` meant?)")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn flags_become_json_by_what_the_member_is() {
        for (kind, given, wanted) in [
            (Kind::Text, vec!["12"], r#""12""#),
            (Kind::Document, vec!["a,b\n1,2"], r#""a,b\n1,2""#),
            (Kind::Integer, vec!["12"], "12"),
            (Kind::Boolean, vec!["true"], "true"),
            (Kind::List, vec!["a,b", "c"], r#"["a","b","c"]"#),
            (Kind::List, vec![r#"["a,b"]"#], r#"["a,b"]"#),
            (Kind::List, vec!["null"], "null"),
            (Kind::Pairs, vec!["a=1", "b=c=d"], r#"{"a":"1","b":"c=d"}"#),
            (Kind::Json, vec![r#"{"a":  1.0}"#], r#"{"a":  1.0}"#),
            (Kind::Time, vec!["2026-01-31T12:00:00+01:00"], r#""2026-01-31T12:00:00+01:00""#),
        ] {
            assert_eq!(json(&kind, &given, "--x", (&mut Input::default(), NOW)).unwrap().get(), wanted);
        }
    }

    #[test]
    fn a_time_may_be_a_distance_from_now() {
        let hour = Duration::from_secs(3_600);
        assert_eq!(time("1h", "--since", NOW).unwrap(), (NOW - hour).to_string());
        assert_eq!(time("+1h", "--since", NOW).unwrap(), (NOW + hour).to_string());
    }

    #[test]
    fn what_is_none_of_the_kind_is_refused_with_what_would_do() {
        for (kind, given, wanted) in [
            (Kind::Integer, "ten", "--x is a number"),
            (Kind::Integer, "1.5", "--x is a number"),
            (Kind::Time, "yesterday", "2h for two hours ago"),
            (Kind::Pairs, "a", "NAME=TEXT"),
            (Kind::Json, "{", "no whole JSON"),
        ] {
            let refused = json(&kind, &[given], "--x", (&mut Input::default(), NOW)).unwrap_err();
            assert!(refused.to_string().contains(wanted), "{refused}");
        }
    }
}
