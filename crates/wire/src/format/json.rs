//! Compact JSON, members in the order given.

use super::{Nesting, Pair, Value};
use crate::json::quote;

/// Writes an object. Names with one beginning stand in one object, or in one list, if dots make any. `plain_names` says
/// that all of them stand there as they are: most do, and to know it once saves a look at each.
pub(crate) fn object(pairs: &[Pair<'_>], nesting: Nesting, plain_names: bool, out: &mut String) {
    if nesting != Nesting::Flat && pairs.iter().any(|(name, _)| name.contains('.')) {
        let pairs: Vec<(&str, &Value<'_>)> = pairs.iter().map(|(name, value)| (*name, value)).collect();
        return nest(&pairs, nesting, out);
    }
    out.push('{');
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        if plain_names {
            out.push('"');
            out.push_str(name);
            out.push_str("\":");
        } else {
            quote(name, out);
            out.push(':');
        }
        write(value, out);
    }
    out.push('}');
}

/// Whether a name stands in JSON as it is.
pub(crate) fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\')
}

/// Writes members behind those of an object that stands already, whose last `}` is taken off and put back.
pub(crate) fn append(object: &str, pairs: &[Pair<'_>], nesting: Nesting, out: &mut String) {
    let Some(open) = object.trim_end().strip_suffix('}').filter(|_| !pairs.is_empty()) else {
        return out.push_str(object);
    };
    out.push_str(open);
    if !open.trim_end().ends_with('{') {
        out.push(',');
    }
    let mut added = String::new();
    self::object(pairs, nesting, false, &mut added);
    out.push_str(&added[1..]);
}

fn write(value: &Value<'_>, out: &mut String) {
    match value {
        Value::Text(text) => quote(text, out),
        Value::Digits(digits) if is_number(digits) => out.push_str(digits),
        // A number that is not there is no text either.
        Value::Digits(text) if text.is_empty() => out.push_str("null"),
        Value::Digits(text) => quote(text, out),
        Value::Json(json) => out.push_str(json),
        Value::Null => out.push_str("null"),
        Value::List => out.push_str("[]"),
    }
}

/// Whether digits are a number of JSON, which begins with no superfluous zero.
pub(crate) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'))
}

fn nest(pairs: &[(&str, &Value<'_>)], nesting: Nesting, out: &mut String) {
    let mut heads: Vec<&str> = Vec::new();
    for (name, _) in pairs {
        let head = name.split('.').next().unwrap_or(name);
        if !heads.contains(&head) {
            heads.push(head);
        }
    }
    let is_list = nesting == Nesting::Lists && heads.iter().all(|head| head.bytes().all(|byte| byte.is_ascii_digit()));
    out.push(if is_list { '[' } else { '{' });
    for (at, head) in heads.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        if !is_list {
            quote(head, out);
            out.push(':');
        }
        let inner = pairs
            .iter()
            .filter_map(|(name, value)| name.strip_prefix(head)?.strip_prefix('.').map(|rest| (rest, *value)))
            .collect::<Vec<_>>();
        match pairs.iter().find(|(name, _)| *name == head) {
            Some((_, value)) if inner.is_empty() => write(value, out),
            _ => nest(&inner, nesting, out),
        }
    }
    out.push(if is_list { ']' } else { '}' });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_between_dots_make_lists_and_an_empty_list_stays_one() {
        let text = |text: &'static str| Value::Text(text.into());
        let pairs = [
            ("a.to.0.n", text("1")),
            ("a.none", Value::List),
            ("a.to.1.n", text("2")),
            ("a.some", Value::List),
            ("a.some.0", text("3")),
            ("b", Value::Null),
        ];
        let written = |nesting| {
            let mut out = String::new();
            object(&pairs, nesting, false, &mut out);
            out
        };
        let lists = r#"{"a":{"to":[{"n":"1"},{"n":"2"}],"none":[],"some":["3"]},"b":null}"#;
        assert_eq!(written(Nesting::Lists), lists);
        let objects = r#"{"a":{"to":{"0":{"n":"1"},"1":{"n":"2"}},"none":[],"some":{"0":"3"}},"b":null}"#;
        assert_eq!(written(Nesting::Objects), objects);
    }
}
