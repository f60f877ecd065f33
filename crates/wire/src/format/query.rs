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
    let stays = |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~');
    copy(text, out, stays, percent);
}

/// Writes a text in whole pieces of what stays, which is ASCII, and lets `write` write every other byte.
pub(super) fn copy(text: &str, out: &mut String, stays: impl Fn(u8) -> bool, write: impl Fn(u8, &mut String)) {
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| !stays(*byte)) {
        // An empty piece may lie within a character.
        if from < at {
            out.push_str(&text[from..at]);
        }
        write(byte, out);
        from = at + 1;
    }
    out.push_str(&text[from..]);
}

pub(super) fn percent(byte: u8, out: &mut String) {
    out.push('%');
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}
