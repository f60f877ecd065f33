//! Bodies of requests: JSON, read in one pass into a typed value that may borrow from it.
//!
//! Only when something is wrong is the body read again, to say where. Configuration is read more strictly than
//! messages: a member that is given twice is refused, for nobody can know which one was meant.

use std::borrow::Cow;

use ringback_model::UniqueJson;
use ringback_service::FieldError;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::explain::{Explained, explain};
use crate::problem::Problem;

/// Arrays and objects that may stand inside each other.
const DEPTH_MAX: usize = 64;
/// The kind of every error in here, as clients know it.
const KIND: &str = "value_error.jsondecode";

/// Reads a body.
pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    let text = text(body)?;
    // Where it is wrong is found by reading it once more: the way there costs nothing as long as all is well.
    serde_json::from_str(text).ok().ok_or_else(|| locate::<T>(text))
}

/// Reads a body that configures something.
pub(crate) fn parse_config<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    let text = text(body)?;
    let value = serde_json::from_str(text).ok().ok_or_else(|| locate::<T>(text))?;
    let UniqueJson = serde_json::from_str(text).ok().ok_or_else(|| locate::<UniqueJson>(text))?;
    Ok(value)
}

/// The body as text, if its form is one that can be read without harm.
fn text(body: &[u8]) -> Result<&str, Problem> {
    if body.is_empty() {
        return Err(whole("The body is empty: send a JSON object."));
    }
    let text = std::str::from_utf8(body).map_err(|error| {
        let at = error.valid_up_to();
        whole(format!("The body is not UTF-8: the byte at {at} is none that a text has there."))
    })?;
    // A list would be read as the members of an object in some order, which nobody means.
    if text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('[') {
        return Err(whole("The body is a list: send a JSON object."));
    }
    if is_too_deep(body) {
        return Err(whole(format!("Arrays and objects may stand at most {DEPTH_MAX} deep inside each other.")));
    }
    Ok(text)
}

fn whole(message: impl Into<String>) -> Problem {
    Problem::invalid([FieldError { path: vec!["body".into()], message: message.into(), kind: KIND }])
}

/// Whether arrays and objects stand too deep inside each other, wherever a reader might first fall over it.
fn is_too_deep(body: &[u8]) -> bool {
    // Almost no body has so many brackets at all, and counting them is next to nothing.
    if body.iter().filter(|byte| matches!(byte, b'[' | b'{')).count() <= DEPTH_MAX {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return true;
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Reads one part of a body that was read as it stands, so that each part can be told what is wrong with it; `place` is
/// the way to it.
pub(crate) fn parse_part<'a, T: Deserialize<'a>>(
    part: &'a RawValue,
    place: &[Cow<'static, str>],
) -> Result<T, FieldError> {
    serde_json::from_str(part.get()).ok().ok_or_else(|| fault_of::<T>(part.get(), place))
}

/// Reads a body that is known to be wrong once more, and says where it is.
fn locate<'a, T: Deserialize<'a>>(text: &'a str) -> Problem {
    Problem::invalid([fault_of::<T>(text, &["body".into()])])
}

fn fault_of<'a, T: Deserialize<'a>>(text: &'a str, place: &[Cow<'static, str>]) -> FieldError {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut path = place.to_vec();
    let message = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Ok(_) => "There is more behind the end of the JSON value.".to_owned(),
        Err(error) => {
            let names = error.path().iter().filter_map(|segment| match segment {
                serde_path_to_error::Segment::Seq { index } => Some(index.to_string()),
                serde_path_to_error::Segment::Map { key } => Some(key.clone()),
                serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => None,
            });
            path.extend(names.map(Cow::Owned));
            let Explained { member, message } = explain(&error.into_inner());
            // A member that is missing is no place to go to, but it has a name; one that nobody knows may be where the way
            // ends already.
            let named = member.filter(|member| path.last() != Some(&Cow::Borrowed(member.as_str())));
            path.extend(named.map(Cow::Owned));
            message
        }
    };
    FieldError { path, message, kind: KIND }
}

/// A text of a body, borrowed unless it has escapes.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nested(depth: usize) -> Vec<u8> {
        let mut body = vec![b'['; depth];
        body.extend(vec![b']'; depth]);
        body
    }

    #[test]
    fn depth_is_limited_and_brackets_in_texts_do_not_count() {
        assert!(!is_too_deep(&nested(64)));
        assert!(is_too_deep(&nested(65)));
        assert!(is_too_deep(&nested(100_000)));
        assert!(!is_too_deep(format!("[\"{}\"]", "[\\\"{".repeat(1_000)).as_bytes()));
        assert!(!is_too_deep("[[],[]]".repeat(1_000).as_bytes()));
    }

    proptest! {
        #[test]
        fn a_member_given_twice_is_found_at_any_depth(depth in 0usize..20) {
            let open = "{\"a\":".repeat(depth);
            let close = "}".repeat(depth);
            let is_unique = |object: &str| serde_json::from_str::<UniqueJson>(&[&open, object, &close].concat()).is_ok();
            let (twice, once) = (is_unique("{\"k\":1,\"k\":2}"), is_unique("{\"k\":1,\"l\":[null,1.5]}"));
            prop_assert!(once && !twice);
        }

        #[test]
        fn whatever_is_sent_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(parse::<UniqueJson>(&body));
            drop(parse_config::<Vec<u8>>(&body));
        }
    }
}
