//! `application/x-www-form-urlencoded` as the WHATWG URL standard writes it: a space is `+`.

use super::Pair;
use super::query::percent;

/// Writes names and values, with `&` between them.
pub(crate) fn pairs(pairs: &[Pair<'_>], out: &mut String) {
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            out.push('&');
        }
        encode(name, out);
        out.push('=');
        encode(value.text(), out);
    }
}

/// Writes one name or value.
pub(crate) fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            _ if byte.is_ascii_alphanumeric() || b"*-._".contains(&byte) => out.push(char::from(byte)),
            _ => percent(byte, out),
        }
    }
}
