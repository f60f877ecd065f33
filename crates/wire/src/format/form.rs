//! `application/x-www-form-urlencoded` as the WHATWG URL standard writes it: a space is `+`.

use super::Pair;
use super::query::{copy, percent};

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
    let stays = |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'*' | b'-' | b'.' | b'_');
    copy(text, out, stays, |byte, out| if byte == b' ' { out.push('+') } else { percent(byte, out) });
}
