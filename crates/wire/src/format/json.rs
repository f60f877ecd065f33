//! Compact JSON, members in the order given.

use super::{Pair, Value};
use crate::json::quote;

/// Writes an object. With `nested`, dots in names make objects: names with one beginning stand in one object.
pub(crate) fn object(pairs: &[Pair<'_>], nested: bool, out: &mut String) {
    if nested && pairs.iter().any(|(name, _)| name.contains('.')) {
        let pairs: Vec<(&str, &Value<'_>)> = pairs.iter().map(|(name, value)| (*name, value)).collect();
        return nest(&pairs, out);
    }
    out.push('{');
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        quote(name, out);
        out.push(':');
        write(value, out);
    }
    out.push('}');
}

/// Writes members behind those of an object that stands already, whose last `}` is taken off and put back.
pub(crate) fn append(object: &str, pairs: &[Pair<'_>], nested: bool, out: &mut String) {
    let Some(open) = object.trim_end().strip_suffix('}').filter(|_| !pairs.is_empty()) else {
        return out.push_str(object);
    };
    out.push_str(open);
    if !open.trim_end().ends_with('{') {
        out.push(',');
    }
    let mut added = String::new();
    self::object(pairs, nested, &mut added);
    out.push_str(&added[1..]);
}

fn write(value: &Value<'_>, out: &mut String) {
    match value {
        Value::Text(text) => quote(text, out),
        Value::Digits(digits) if is_number(digits) => out.push_str(digits),
        Value::Digits(text) => quote(text, out),
        Value::Json(json) => out.push_str(json),
        Value::Null => out.push_str("null"),
    }
}

/// Whether digits are a number of JSON, which begins with no superfluous zero.
pub(crate) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'))
}

fn nest(pairs: &[(&str, &Value<'_>)], out: &mut String) {
    let mut heads: Vec<&str> = Vec::new();
    for (name, _) in pairs {
        let head = name.split('.').next().unwrap_or(name);
        if !heads.contains(&head) {
            heads.push(head);
        }
    }
    out.push('{');
    for (at, head) in heads.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        quote(head, out);
        out.push(':');
        match pairs.iter().find(|(name, _)| *name == head) {
            Some((_, value)) => write(value, out),
            None => {
                let inner = pairs
                    .iter()
                    .filter_map(|(name, value)| name.strip_prefix(head)?.strip_prefix('.').map(|rest| (rest, *value)));
                nest(&inner.collect::<Vec<_>>(), out);
            }
        }
    }
    out.push('}');
}
