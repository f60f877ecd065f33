//! From a command line to the request that it asks for. Nothing is sent here.

use bytes::Bytes;
use clap::ArgMatches;
use clap::parser::ValueSource;
use http::Method;
use ringback_model::Timestamp;
use serde_json::value::RawValue;

use super::answer::Success;
use super::catalogue::Operation;
use super::command::{BODY, KEY, UNSET};
use super::failure::Failure;
use super::field::Field;
use super::input::Input;
use super::members::Members;
use super::value;

/// A request of the API.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// How.
    pub(crate) method: Method,
    /// Where, from `/api/v1` on.
    pub(crate) path: String,
    /// The parts of the query.
    pub(crate) query: Vec<(&'static str, String)>,
    /// The body, if there is one.
    pub(crate) body: Option<Bytes>,
    /// The key that makes a repetition harmless, if one was given.
    pub(crate) key: Option<String>,
    /// The successful answers that there are; none if it is not known.
    pub(crate) successes: Vec<Success>,
}

impl Call {
    /// A call without a query, of which it is not known what is answered.
    pub(crate) fn new(method: Method, path: String, body: Option<Bytes>) -> Self {
        Self { method, path, query: Vec::new(), body, key: None, successes: Vec::new() }
    }

    /// Path and query.
    pub(crate) fn target(&self) -> String {
        let mut target = self.path.clone();
        for (place, (name, value)) in self.query.iter().enumerate() {
            target.push(if place == 0 { '?' } else { '&' });
            target.push_str(name);
            target.push('=');
            encode(value, &mut target);
        }
        target
    }

    /// Reads a request of `operation` off a command line.
    pub(crate) fn read(operation: &Operation, matches: &ArgMatches, now: Timestamp) -> Result<Self, Failure> {
        let mut query = Vec::new();
        for field in &operation.query {
            if let Some(given) = given(matches, "query:", field) {
                query.push((field.name, value::text(&field.kind, &given, &format!("--{}", field.flag()), now)?));
            }
        }
        let key = matches.try_get_one::<String>(KEY).ok().flatten().cloned();
        let (path, body) = (path(operation, matches)?, body(operation, matches, now)?);
        let successes = operation.successes.clone();
        Ok(Self { method: operation.method.clone(), path, query, body, key, successes })
    }
}

/// What was said of a field, in the environment or on the command line.
fn given<'a>(matches: &'a ArgMatches, prefix: &str, field: &Field) -> Option<Vec<&'a str>> {
    let id = format!("{prefix}{}", field.name);
    let values = matches.try_get_many::<String>(&id).ok()??;
    (matches.value_source(&id) != Some(ValueSource::DefaultValue)).then(|| values.map(String::as_str).collect())
}

fn path(operation: &Operation, matches: &ArgMatches) -> Result<String, Failure> {
    let mut path = operation.path.to_owned();
    for field in &operation.places {
        let place = given(matches, "place:", field).and_then(|given| given.first().copied()).unwrap_or_default();
        // It would change which path this is.
        if matches!(place, "" | "." | "..") {
            return Err(Failure::Usage(format!("`{place}` is no id: {}", field.help)));
        }
        let mut encoded = String::new();
        encode(place, &mut encoded);
        path = path.replace(&format!("{{{}}}", field.name), &encoded);
    }
    Ok(path)
}

fn body(operation: &Operation, matches: &ArgMatches, now: Timestamp) -> Result<Option<Bytes>, Failure> {
    let Some(fields) = &operation.body else { return Ok(None) };
    let mut input = Input::default();
    let whole = matches.try_get_one::<String>(BODY).ok().flatten();
    let whole = whole.map(|given| input.json(given, "the body")).transpose()?;
    let mut flags: Vec<(&str, Box<RawValue>)> = Vec::new();
    for field in fields {
        if let Some(given) = given(matches, "member:", field) {
            let flag = format!("--{}", field.flag());
            flags.push((field.name, value::json(&field.kind, &given, &flag, (&mut input, now))?));
        }
    }
    for name in matches.try_get_many::<String>(UNSET).ok().flatten().into_iter().flatten() {
        let known = fields.iter().find(|field| field.name == name || field.flag() == name.trim_start_matches('-'));
        let known = known.ok_or_else(|| {
            let meant = value::meant(name, fields.iter().map(|field| field.name));
            Failure::Usage(format!("--unset {name}: there is no such member{meant}"))
        })?;
        flags.push((known.name, RawValue::NULL.to_owned()));
    }
    match whole {
        // By far the most are sent as they were given.
        Some(whole) if flags.is_empty() => Ok(Some(text(&whole))),
        Some(whole) => {
            let mut members = Members::read(&whole)?;
            flags.into_iter().for_each(|(name, value)| members.set(name, value));
            Ok(Some(members.write().into()))
        }
        None if flags.is_empty() && operation.wants_body() => Err(nothing_given(fields)),
        None => {
            let mut members = Members::default();
            flags.into_iter().for_each(|(name, value)| members.set(name, value));
            Ok(Some(members.write().into()))
        }
    }
}

fn text(value: &RawValue) -> Bytes {
    Bytes::copy_from_slice(value.get().as_bytes())
}

fn nothing_given(fields: &[Field]) -> Failure {
    let first = fields.iter().find(|field| field.required).or(fields.first());
    let flag = first.map(|field| format!(", or flags such as --{}", field.flag())).unwrap_or_default();
    Failure::Usage(format!("the body is missing: give it as JSON, @FILE or - for standard input{flag}"))
}

/// Adds a text to a path or query, percent-encoded but for the unreserved characters (RFC 3986, section 2.3).
pub(crate) fn encode(text: &str, into: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push('%');
            into.push(char::from(HEX[usize::from(byte >> 4)]));
            into.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::super::command::{commands, find};
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn read(line: &[&str]) -> Result<Call, Failure> {
        let tool = Command::new("ringback").subcommands(commands());
        let matches = tool.try_get_matches_from(std::iter::once(&"ringback").chain(line)).unwrap();
        let (operation, matches) = find(&matches).unwrap();
        Call::read(operation, matches, NOW)
    }

    fn body_of(line: &[&str]) -> String {
        String::from_utf8(read(line).unwrap().body.unwrap_or_default().to_vec()).unwrap()
    }

    #[test]
    fn a_command_line_is_one_request() {
        let call =
            read(&["attempt", "list", "acme", "msg/1", "--status", "2", "--event-types", "a,b", "--after", "1h"]);
        let call = call.unwrap();
        let after = "2027-01-15T07%3A00%3A00Z";
        let target = format!("/api/v1/app/acme/attempt/msg/msg%2F1?status=2&after={after}&event_types=a%2Cb");
        assert_eq!((call.method.as_str(), call.target(), call.body), ("GET", target, None));
        let call = read(&["attempt", "resend", "a", "m", "e", "--idempotency-key", "k"]).unwrap();
        assert_eq!((call.method.as_str(), call.key.as_deref()), ("POST", Some("k")));
        for place in ["", ".", ".."] {
            assert!(read(&["app", "get", place]).unwrap_err().to_string().contains("is no id"), "`{place}`");
        }
    }

    #[test]
    fn a_body_is_what_was_given_and_flags_go_over_it() {
        let payload = r#"{"n": 1.50, "n": 12345678901234567890}"#;
        let sent = format!(r#"{{"eventType":"sms.dlr","payload":{payload},"channels":["a","b"]}}"#);
        assert_eq!(body_of(&["message", "send", "a", "sms.dlr", payload, "--channels", "a,b"]), sent);
        let whole = r#"{ "url": "https://a.example",  "x": 1.0 }"#;
        assert_eq!(body_of(&["endpoint", "create", "a", whole]), whole);
        let over = body_of(&["endpoint", "create", "a", whole, "--url", "https://b.example", "--disabled"]);
        assert_eq!(over, r#"{"url":"https://b.example","x":1.0,"disabled":true}"#);
        assert_eq!(
            body_of(&["app", "update", "a", "--unset", "uid,throttle-rate"]),
            r#"{"uid":null,"throttleRate":null}"#
        );
        assert_eq!(body_of(&["auth", "portal", "a"]), "{}", "all of its members may be left out");
    }

    #[test]
    fn what_makes_no_sense_is_refused_before_anything_is_sent() {
        for (line, words) in [
            (vec!["endpoint", "create", "a"], "such as --url"),
            (vec!["app", "update", "a"], "the body is missing"),
            (vec!["app", "update", "a", "--unset", "nam"], "was `name` meant?"),
            (vec!["endpoint", "create", "a", "[]", "--url", "b"], "has to be a JSON object"),
            (vec!["endpoint", "create", "a", r#"{"url":"a","url":"b"}"#, "--disabled"], "`url` stands in it twice"),
        ] {
            let refused = read(&line).unwrap_err();
            assert!(refused.to_string().contains(words), "{line:?}: {refused}");
        }
    }
}
