//! XML 1.0: an element for each name, no white space between elements, `<x></x>` for nothing. Characters that XML forbids
//! become U+FFFD.

use std::collections::{HashMap, HashSet};

use super::{Pair, Value};
use crate::json::{Members, plain};

/// What stands in front of the root.
const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;

/// Writes a document.
pub(crate) fn document(root: &str, pairs: &[Pair<'_>], nested: bool, out: &mut String) {
    out.push_str(DECLARATION);
    open(root, out);
    let pairs: Vec<(&str, &Value<'_>)> = pairs.iter().map(|(name, value)| (*name, value)).collect();
    elements(&pairs, nested, out);
    close(root, out);
}

/// Writes a document of a JSON object's members, and more elements behind them.
pub(crate) fn converted(root: &str, json: &Members<'_>, pairs: &[Pair<'_>], nested: bool, out: &mut String) {
    out.push_str(DECLARATION);
    open(root, out);
    let pairs: Vec<(&str, &Value<'_>)> = pairs.iter().map(|(name, value)| (*name, value)).collect();
    let heads = pairs.iter().map(|(name, _)| if nested { name.split('.').next().unwrap_or(name) } else { name });
    members(json, &heads.collect::<Vec<_>>(), out);
    elements(&pairs, nested, out);
    close(root, out);
}

fn elements(pairs: &[(&str, &Value<'_>)], nested: bool, out: &mut String) {
    let mut done: Vec<&str> = Vec::new();
    for (name, value) in pairs {
        let head = if nested { name.split('.').next().unwrap_or(name) } else { name };
        if head.len() == name.len() {
            match value {
                Value::Json(json) => element(head, json, out),
                _ => {
                    open(head, out);
                    escape(value.text(), out);
                    close(head, out);
                }
            }
        } else if !done.contains(&head) {
            done.push(head);
            let inner = pairs
                .iter()
                .filter_map(|(name, value)| name.strip_prefix(head)?.strip_prefix('.').map(|rest| (rest, *value)));
            open(head, out);
            elements(&inner.collect::<Vec<_>>(), nested, out);
            close(head, out);
        }
    }
}

/// A JSON value as elements of this name: one for each item of a list.
fn element(name: &str, json: &str, out: &mut String) {
    if json.starts_with('[')
        && let Ok(items) = serde_json::from_str::<Vec<&serde_json::value::RawValue>>(json)
    {
        for item in items {
            element(name, item.get(), out);
        }
        return;
    }
    open(name, out);
    if json.starts_with('{') {
        if let Ok(json) = serde_json::from_str(json) {
            members(&json, &[], out);
        }
    } else {
        escape(&plain(json).unwrap_or_default(), out);
    }
    close(name, out);
}

/// Writes an element for each member; `taken` are the names of those that follow. A name that XML cannot have is mended, and
/// numbered where another one is called so: two of one name would be taken for a list.
fn members(Members(members): &Members<'_>, taken: &[&str], out: &mut String) {
    let names = || members.iter().map(|(name, _)| &**name);
    if names().all(is_name) {
        members.iter().for_each(|(name, value)| element(name, value, out));
        return;
    }
    let good = names().filter(|name| is_name(name)).chain(taken.iter().copied());
    let mut used: HashSet<String> = good.map(str::to_owned).collect();
    let mut mended: HashMap<&str, String> = HashMap::new();
    for (name, value) in members {
        if is_name(name) {
            element(name, value, out);
            continue;
        }
        let new = mended.entry(&**name).or_insert_with(|| free(&used, name));
        used.insert(new.clone());
        element(new, value, out);
    }
}

/// A name that XML can have, and that is not used.
fn free(used: &HashSet<String>, name: &str) -> String {
    let mut mended = String::with_capacity(name.len() + 2);
    push_name(name, &mut mended);
    let numbered = (2..).map(|number: usize| format!("{mended}_{number}"));
    std::iter::once(mended.clone()).chain(numbered).find(|name| !used.contains(name)).unwrap_or(mended)
}

fn open(name: &str, out: &mut String) {
    out.push('<');
    push_name(name, out);
    out.push('>');
}

fn close(name: &str, out: &mut String) {
    out.push_str("</");
    push_name(name, out);
    out.push('>');
}

/// Writes a name; what no name may hold becomes `_`, for names of a payload are not checked beforehand.
fn push_name(name: &str, out: &mut String) {
    if is_name(name) {
        return out.push_str(name);
    }
    let mut letters = name.chars();
    match letters.next() {
        Some(first) if is_name_start(first) => out.push(first),
        Some(first) if is_name_char(first) => out.extend(['_', first]),
        Some(_) | None => out.push('_'),
    }
    out.extend(letters.map(|letter| if is_name_char(letter) { letter } else { '_' }));
}

/// Whether a text is a name of XML 1.0 (production 5) without a colon, which namespaces would take as theirs.
pub(crate) fn is_name(name: &str) -> bool {
    // Names of members are usually plain, which is seen faster from their bytes.
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return name.bytes().next().is_some_and(|first| !first.is_ascii_digit());
    }
    let mut letters = name.chars();
    letters.next().is_some_and(is_name_start) && letters.all(is_name_char)
}

fn is_name_start(letter: char) -> bool {
    matches!(letter, 'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
        | '\u{10000}'..='\u{effff}')
}

fn is_name_char(letter: char) -> bool {
    is_name_start(letter)
        || matches!(letter, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// Writes text so that it ends no element and no attribute.
pub(crate) fn escape(text: &str, out: &mut String) {
    // Most have nothing to escape, which is seen faster than where it would be. What XML does not have beyond the
    // controls, U+FFFE and U+FFFF, begins with 0xef.
    let is_marked = |byte: u8| (byte < 0x20) | matches!(byte, b'&' | b'<' | b'>' | b'"' | 0xef);
    if !text.bytes().fold(false, |found, byte| found | is_marked(byte)) {
        return out.push_str(text);
    }
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // As a reference it survives: parsers turn a bare one into a line feed.
            '\r' => out.push_str("&#13;"),
            _ if is_char(letter) => out.push(letter),
            _ => out.push('\u{fffd}'),
        }
    }
}

/// Writes text so that it ends no attribute, whichever quotes that has, and keeps its line breaks there.
pub(crate) fn escape_attribute(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '\n', '\t']) {
        escape(&rest[..at], out);
        out.push_str(match rest.as_bytes()[at] {
            b'\'' => "&#39;",
            b'\n' => "&#10;",
            _ => "&#9;",
        });
        rest = &rest[at + 1..];
    }
    escape(rest, out);
}

/// Whether XML 1.0 has such a character (production 2).
pub(crate) fn is_char(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}
