//! What becomes of a body on its way through frameworks, editors and proxies: the forms that it may have had before.

/// The forms that a body may have had when it was signed, with how it came to be what it is.
pub(super) fn forms(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = Vec::new();
    let trimmed = body.trim_ascii_end();
    forms.push(("white space was added at its end", trimmed.to_vec()));
    forms.push(("the line break at its end was taken off", [body, b"\n"].concat()));
    if let Ok(text) = std::str::from_utf8(body) {
        forms.push(("its line breaks were changed from LF to CRLF", text.replace("\r\n", "\n").into_bytes()));
        forms.push((
            "its line breaks were changed from CRLF to LF",
            text.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes(),
        ));
        forms.push((
            "a byte order mark was put in front of it",
            text.trim_start_matches('\u{feff}').as_bytes().to_vec(),
        ));
        if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
            let spellings: [fn(&str) -> String; 3] = [str::to_owned, escaped, unescaped];
            for spell in spellings {
                for (comma, colon) in [(",", ":"), (", ", ": "), (",", ": ")] {
                    forms.push((PARSED, spell(&compact(text, comma, colon)).into_bytes()));
                }
                for indent in ["  ", "    ", "\t"] {
                    forms.push((PARSED, spell(&indented(text, indent)).into_bytes()));
                }
            }
            forms.extend(sorted(text).map(|text| (PARSED, text.into_bytes())));
        }
    }
    forms.retain(|(_, form)| form != body);
    forms
}

const PARSED: &str =
    "something has read it as JSON and written it anew: take the bytes as they came, before any parser";

/// The tokens of JSON: texts in quotes, marks, and what stands between them.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = *rest.as_bytes().first()?;
        let length = match first {
            b'"' => {
                let mut escaped = false;
                let mut end = rest.bytes().skip(1).position(|byte| {
                    let is_end = byte == b'"' && !escaped;
                    escaped = byte == b'\\' && !escaped;
                    is_end
                });
                end.as_mut().map_or(rest.len(), |end| *end + 2)
            }
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            _ => rest.find(|c: char| c.is_whitespace() || "{}[],:".contains(c)).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        Some(token)
    })
}

fn compact(text: &str, comma: &str, colon: &str) -> String {
    tokens(text)
        .map(|token| match token {
            "," => comma,
            ":" => colon,
            token => token,
        })
        .collect()
}

fn indented(text: &str, indent: &str) -> String {
    let mut out = String::new();
    let mut depth = 0usize;
    let mut tokens = tokens(text).peekable();
    while let Some(token) = tokens.next() {
        let line = |out: &mut String, depth: usize| *out += &format!("\n{}", indent.repeat(depth));
        match token {
            "{" | "[" => {
                out.push_str(token);
                if let Some(end) = tokens.next_if(|next| matches!(*next, "}" | "]")) {
                    out.push_str(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            "}" | "]" => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push_str(token);
            }
            "," => {
                out.push(',');
                line(&mut out, depth);
            }
            ":" => out.push_str(": "),
            token => out.push_str(token),
        }
    }
    out
}

/// Everything that is not ASCII as `\u…`, as Python and PHP write it.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out += &format!("\\u{unit:04x}"));
        }
    }
    out
}

/// `\u…` and `\/` as the characters that they stand for.
fn unescaped(text: &str) -> String {
    tokens_kept(text, |token| match serde_json::from_str::<String>(token) {
        Ok(text) => serde_json::Value::from(text).to_string(),
        Err(_) => token.to_owned(),
    })
}

/// The text with each text in quotes changed, and all else as it is.
fn tokens_kept(text: &str, change: impl Fn(&str) -> String) -> String {
    let (mut out, mut rest) = (String::new(), text);
    for token in tokens(text) {
        let at = rest.find(token).unwrap_or_default();
        out += &rest[..at];
        out += &if token.starts_with('"') { change(token) } else { token.to_owned() };
        rest = &rest[at + token.len()..];
    }
    out + rest
}

/// With members sorted by name, compact and with spaces: how a parser that forgets the order would have got it.
fn sorted(text: &str) -> impl Iterator<Item = String> + use<> {
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    value.sort_all_objects();
    let text = value.to_string();
    [compact(&text, ", ", ": "), text].into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_was_signed_is_among_those_of_what_others_have_made_of_it() {
        let signed = r#"{"name":"Grüß","n":[1,2],"e":{}}"#;
        for made in [
            "{\"name\": \"Grüß\", \"n\": [1, 2], \"e\": {}}",
            "{\"name\":\"Gr\\u00fc\\u00df\",\"n\":[1,2],\"e\":{}}",
            "{\n  \"name\": \"Grüß\",\n  \"n\": [\n    1,\n    2\n  ],\n  \"e\": {}\n}\n",
            "{\"name\":\"Grüß\",\"n\":[1,2],\"e\":{}}\n",
        ] {
            assert!(forms(made.as_bytes()).iter().any(|(_, form)| form == signed.as_bytes()), "{made}");
        }
        assert!(forms(signed.as_bytes()).iter().any(|(_, form)| form.starts_with(b"{\n  \"name\": \"Gr")));
        assert!(forms(b"a=1&b=2").iter().all(|(how, _)| *how != PARSED));
    }
}
