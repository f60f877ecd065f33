//! JSON with line breaks, for people. It is laid out token by token and never read into values: numbers keep their
//! digits, and a member that is there twice is shown twice.

use crate::terminal::Style;

/// The text laid out, with two spaces for each level. It has to be JSON, as answers of the API are.
pub(super) fn json(text: &str, style: Style) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let (mut rest, mut depth) = (text.trim(), 0usize);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_end(rest),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        rest = after.trim_start();
        match first {
            '{' | '[' if rest.starts_with(['}', ']']) => {
                out.push_str(token);
                out.push_str(&rest[..1]);
                rest = rest[1..].trim_start();
            }
            '{' | '[' => {
                depth += 1;
                out.push_str(token);
                new_line(&mut out, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push_str(token);
            }
            ',' => {
                out.push(',');
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            '"' if rest.starts_with(':') => out.push_str(&style.bold(harmless(token))),
            '"' => out.push_str(&harmless(token)),
            _ => out.push_str(token),
        }
    }
    out
}

/// Where the text in quotes ends that `rest` begins with.
fn string_end(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// JSON escapes what steers a terminal up to U+001F; the rest of it is escaped here.
fn harmless(token: &str) -> String {
    let escape = |c: char| if c.is_control() { format!("\\u{:04x}", c as u32) } else { c.to_string() };
    token.chars().map(escape).collect()
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn numbers_and_members_stay_as_they_are() {
        let text = json("{\"a\":1.50,\"a\":[12345678901234567890,{}],\"c\":\"\\\"}\u{9b}2J\"}", Style::plain());
        let shown =
            "{\n  \"a\": 1.50,\n  \"a\": [\n    12345678901234567890,\n    {}\n  ],\n  \"c\": \"\\\"}\\u009b2J\"\n}";
        assert_eq!(text, shown);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_laid_out_is_the_same_json(value in any_json()) {
            let laid_out = json(&value.to_string(), Style::plain());
            prop_assert_eq!(serde_json::from_str::<Value>(&laid_out).unwrap(), value);
        }
    }
}
