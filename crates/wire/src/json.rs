//! JSON without a tree: finding a member, and writing texts.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Members of an object in their order, each with its text as it stands.
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a str)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> serde::de::Visitor<'de> for Pairs<'a> {
            type Value = Members<'a>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members<'a>, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<_, &'de RawValue>()? {
                    members.push((name, value.get()));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Pairs(std::marker::PhantomData))
    }
}

/// The name of a member, without a copy where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The value at a path, as it stands; a part that is a number is a place in a list. The last of equal names counts.
pub(crate) fn find<'a, 'p>(json: &'a str, path: impl Iterator<Item = &'p str>) -> Option<&'a str> {
    let mut value = json;
    for part in path {
        value = match value.as_bytes().first()? {
            b'{' => {
                let members: Members<'a> = serde_json::from_str(value).ok()?;
                members.0.into_iter().rev().find(|(name, _)| name == part)?.1
            }
            b'[' => serde_json::from_str::<Vec<&'a RawValue>>(value).ok()?.get(part.parse::<usize>().ok()?)?.get(),
            _ => return None,
        };
    }
    Some(value)
}

/// A JSON value as text: a string without its quotes, null as nothing, everything else as it stands.
pub(crate) fn plain(json: &str) -> Option<Cow<'_, str>> {
    match json.as_bytes().first() {
        Some(b'"') => unquote(json).ok(),
        _ if json == "null" => None,
        _ => Some(Cow::Borrowed(json)),
    }
}

/// The text of a JSON string, quotes included, without a copy where it has no escapes.
pub(crate) fn unquote(raw: &str) -> Result<Cow<'_, str>, serde_json::Error> {
    match raw.get(1..raw.len().saturating_sub(1)) {
        Some(inner) if !inner.contains('\\') => Ok(Cow::Borrowed(inner)),
        _ => serde_json::from_str::<String>(raw).map(Cow::Owned),
    }
}

/// JSON in which no string has half of a surrogate pair, which is no character: U+FFFD stands in its place. An emoji that
/// somebody cut in two is left like that, and nothing but JSON as it stands can hold it.
#[must_use]
pub fn mended(json: &str) -> Cow<'_, str> {
    if !json.contains("\\u") {
        return Cow::Borrowed(json);
    }
    let unit = |at: usize| {
        let digits = json.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let (mut out, mut from, mut at) = (String::new(), 0, 0);
    while let Some(found) = json[at..].find('\\') {
        at += found;
        match (unit(at), unit(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => at += 12,
            (Some(0xd800..=0xdfff), _) => {
                out.push_str(&json[from..at]);
                out.push_str("\\ufffd");
                at += 6;
                from = at;
            }
            // Behind the backslash stands one character in ASCII.
            _ => at += 2,
        }
    }
    if from == 0 {
        return Cow::Borrowed(json);
    }
    out.push_str(&json[from..]);
    Cow::Owned(out)
}

/// Writes a text as a JSON string (RFC 8259, 7), with no more escapes than it needs.
pub(crate) fn quote(text: &str, out: &mut String) {
    out.push('"');
    escape(text, out);
    out.push('"');
}

/// Writes what stands between the quotes.
pub(crate) fn escape(text: &str, out: &mut String) {
    // Most have nothing to escape, which is seen faster than where it would be.
    if !text.bytes().fold(false, |found, byte| found | (byte < 0x20) | (byte == b'"') | (byte == b'\\')) {
        return out.push_str(text);
    }
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            0x00..=0x1f => "",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        if escaped.is_empty() {
            out.push_str(&format!("\\u{byte:04x}"));
        } else {
            out.push_str(escaped);
        }
        from = at + 1;
    }
    out.push_str(&text[from..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_leads_through_objects_and_lists() {
        let json = r#"{"a":{"b":[1.0,{"c":"x"}],"b\u0062":2},"a2":null}"#;
        let get = |path: &str| find(json, path.split('.'));
        assert_eq!(get("a.b.0"), Some("1.0"));
        assert_eq!(get("a.b.1.c"), Some("\"x\""));
        assert_eq!(get("a.bb"), Some("2"));
        assert_eq!((get("a.b.2"), get("a.x"), get("a2.x")), (None, None, None));
    }

    #[test]
    fn half_a_surrogate_pair_becomes_the_character_for_what_is_none() {
        for (given, wanted) in [
            (r#"{"a":"nine \ud83d"}"#, r#"{"a":"nine \ufffd"}"#),
            (
                r#"["\uD83D\uDE00","\ude00\ud83d\u0041","\\ud83d"]"#,
                r#"["\uD83D\uDE00","\ufffd\ufffd\u0041","\\ud83d"]"#,
            ),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
        ] {
            assert_eq!(mended(given), wanted);
            assert!(serde_json::from_str::<serde_json::Value>(&mended(given)).is_ok());
        }
        assert!(matches!(mended(r#"{"a\n":"\u00e9 x \"q\""}"#), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn what_is_mended_reads_and_what_was_whole_stays(units in proptest::collection::vec(any::<u16>(), 0..12)) {
            let json = format!("\"{}\"", units.iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>());
            let text = serde_json::from_str::<String>(&mended(&json)).unwrap();
            prop_assert_eq!(text, String::from_utf16_lossy(&units));
        }

        #[test]
        fn what_is_quoted_reads_back(text in any::<String>()) {
            let mut out = String::new();
            quote(&text, &mut out);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }
}
