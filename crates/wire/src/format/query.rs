//! The query of a URL: RFC 3986's unreserved characters stay, everything else is `%XX` in upper case.

use super::Pair;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

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

/// Writes a text so that it is a part of a path or a query and ends neither.
pub(crate) fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            percent(byte, out);
        }
    }
}

pub(super) fn percent(byte: u8, out: &mut String) {
    out.push('%');
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}
