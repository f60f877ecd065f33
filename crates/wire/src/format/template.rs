//! Texts with `{{path}}` in them. There are no loops and no conditions, so each one ends; and a value is encoded for the
//! place where it stands, so it cannot end that either.

use super::places::{Place, places};
use super::{csv, form, query, xml};
use crate::json::{escape, plain, quote};
use crate::source::Source;

/// The longest template, in bytes.
const LENGTH_MAX: usize = 64 << 10;

/// How values are written into a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As they are.
    Plain,
    /// As parts of a URL.
    Query,
    /// As parts of a form.
    Form,
    /// As JSON: within quotes, or as a value of its own.
    Json,
    /// The same, with no line break in a value: each line is a document.
    JsonLines,
    /// As text of an element or an attribute of XML.
    Xml,
    /// As text of an element or an attribute of HTML.
    Html,
    /// As a field of CSV, or a part of one.
    Csv,
}

/// A text with places for values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value { slot: Slot, place: Place },
}

/// What stands at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A value by its path.
    Path(Source),
    /// The field of the dialect with this name.
    Field(String),
}

/// A value that is put into a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filling {
    pub(crate) text: String,
    pub(crate) kind: FillingKind,
}

/// What a value is where JSON has more than texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FillingKind {
    /// A text.
    Text,
    /// A number if it is written as one; null if it is empty.
    Digits,
    /// JSON as it stands, and no string.
    Json,
}

impl Filling {
    /// A text.
    pub(crate) const fn text(text: String) -> Self {
        Self { text, kind: FillingKind::Text }
    }

    /// A value as it stands in the payload: the text of a string, everything else as it is.
    pub(crate) fn json(json: &str) -> Self {
        let kind = match json.as_bytes().first() {
            Some(b'"') => FillingKind::Text,
            _ if json == "null" => FillingKind::Digits,
            _ => FillingKind::Json,
        };
        Self { text: plain(json).unwrap_or_default().into_owned(), kind }
    }
}

impl Template {
    /// Reads a text. `field` says whether `{NAME}` stands for a field of the dialect; without it single braces are text.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub(crate) fn parse(text: &str, field: Option<&dyn Fn(&str) -> bool>) -> Result<Self, String> {
        if text.len() > LENGTH_MAX {
            return Err(format!("It has {} bytes; at most {LENGTH_MAX} are allowed.", text.len()));
        }
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            let slot = match from.strip_prefix("{{") {
                Some(inside) => {
                    let (path, behind) =
                        inside.split_once("}}").ok_or("A `{{` has no `}}`. A value is written `{{message.id}}`.")?;
                    Some((Slot::Path(Source::parse(path.trim())?), behind))
                }
                None => from[1..].split_once('}').and_then(|(name, behind)| {
                    let known = field.is_some_and(|field| field(name));
                    known.then(|| (Slot::Field(name.to_owned()), behind))
                }),
            };
            let (kept, behind) = match slot {
                Some((slot, behind)) => {
                    push(&mut pieces, before);
                    pieces.push(Piece::Value { slot, place: Place::Bare });
                    ("", behind)
                }
                None => rest.split_at(at + 1),
            };
            push(&mut pieces, kept);
            rest = behind;
        }
        push(&mut pieces, rest);
        Ok(Self { pieces })
    }

    /// Reads a body whose values are written so: each has its place there.
    ///
    /// # Errors
    /// A sentence that says what is wrong, and where.
    pub(crate) fn parse_body(text: &str, encoding: Encoding) -> Result<Self, String> {
        let mut template = Self::parse(text, None)?;
        let values = template.pieces.iter_mut().filter_map(|piece| match piece {
            Piece::Value { place, .. } => Some(place),
            Piece::Text(_) => None,
        });
        for (place, found) in values.zip(places(text, encoding)?) {
            *place = found;
        }
        Ok(template)
    }

    /// The paths and fields that it needs.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value { slot, .. } => Some(slot),
            Piece::Text(_) => None,
        })
    }

    /// What stands for values in one of the parts between slashes, as it is written.
    pub(crate) fn slots_of_part(&self, wanted: usize) -> Vec<String> {
        let (mut at, mut found) = (0, Vec::new());
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => {
                    let path = text.split('?').next().unwrap_or_default();
                    at += path.matches('/').count();
                    if path.len() < text.len() {
                        break;
                    }
                }
                Piece::Value { slot, .. } if at == wanted => found.push(match slot {
                    Slot::Path(source) => format!("`{}`", source.text()),
                    Slot::Field(name) => format!("`{{{name}}}`"),
                }),
                Piece::Value { .. } => {}
            }
        }
        found
    }

    /// Whether a value stands where the digits of an encoded byte do: `%{{message.id}}`, `%2{{message.id}}`.
    pub(crate) fn has_open_percent(&self) -> bool {
        let is_open = |text: &str| {
            let digits = text.rfind('%').map(|at| &text[at + 1..]);
            digits.is_some_and(|digits| digits.len() < 2 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        };
        let before = self.pieces.windows(2).filter(|pair| matches!(pair[1], Piece::Value { .. }));
        before.into_iter().any(|pair| matches!(&pair[0], Piece::Text(text) if is_open(text)))
    }

    /// Whether it is the same for every event.
    pub(crate) fn is_fixed(&self) -> bool {
        self.slots().next().is_none()
    }

    /// Writes it with the values that `fill` finds.
    ///
    /// # Errors
    /// Those of `fill`.
    pub(crate) fn render<E>(
        &self,
        encoding: Encoding,
        mut fill: impl FnMut(&Slot) -> Result<Filling, E>,
        out: &mut String,
    ) -> Result<(), E> {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Value { slot, place } => write(&fill(slot)?, encoding, *place, out),
            }
        }
        Ok(())
    }
}

impl Template {
    /// Writes it as path and query of a URL, with one text in the places of the path and another in those of the query.
    pub(crate) fn render_target(&self, in_path: &str, in_query: &str) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Value { .. } if out.contains('?') => query::encode(in_query, &mut out),
                Piece::Value { .. } => query::encode(in_path, &mut out),
            }
        }
        out
    }
}

fn push(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(last)) => last.push_str(text),
        Some(Piece::Value { .. }) | None => pieces.push(Piece::Text(text.to_owned())),
    }
}

fn write(filling: &Filling, encoding: Encoding, place: Place, out: &mut String) {
    let text = filling.text.as_str();
    match encoding {
        Encoding::Plain => out.push_str(text),
        Encoding::Query => query::encode(text, out),
        Encoding::Form => form::encode(text, out),
        Encoding::Xml if place == Place::Bare => xml::escape(text, out),
        Encoding::Xml => xml::escape_attribute(text, out),
        Encoding::Html => html(text, out),
        Encoding::Csv => csv::write(text, place, out),
        Encoding::Json | Encoding::JsonLines if place == Place::Quoted => escape(text, out),
        Encoding::Json | Encoding::JsonLines => write_json(filling, encoding, out),
    }
}

/// Writes a value of JSON that stands alone.
fn write_json(filling: &Filling, encoding: Encoding, out: &mut String) {
    let text = filling.text.as_str();
    match filling.kind {
        // Between two parts of a value a space says the same as a line break; within a string there is none.
        FillingKind::Json if encoding == Encoding::JsonLines => out.push_str(&text.replace(['\n', '\r'], " ")),
        FillingKind::Json => out.push_str(text),
        FillingKind::Digits if super::json::is_number(text) => out.push_str(text),
        FillingKind::Digits if text.is_empty() => out.push_str("null"),
        FillingKind::Digits | FillingKind::Text => quote(text, out),
    }
}

/// Writes text so that it ends no element and no attribute of HTML, whichever quotes that has.
fn html(text: &str, out: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // HTML has no way to write it.
            '\0' => out.push('\u{fffd}'),
            _ => out.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str, encoding: Encoding, value: &str, digits: bool) -> String {
        let template = match encoding {
            Encoding::Plain | Encoding::Query | Encoding::Form => Template::parse(text, Some(&|name| name == "mobile")),
            _ => Template::parse_body(text, encoding),
        };
        let template = template.unwrap();
        let mut out = String::new();
        let kind = if digits { FillingKind::Digits } else { FillingKind::Text };
        let filling = Filling { text: value.to_owned(), kind };
        template.render(encoding, |_| Ok::<_, ()>(filling.clone()), &mut out).unwrap();
        out
    }

    #[test]
    fn a_value_is_encoded_for_where_it_stands() {
        assert_eq!(render("a={{message.id}}&b=", Encoding::Query, "x&y=z é", false), "a=x%26y%3Dz%20%C3%A9&b=");
        assert_eq!(render("{mobile}", Encoding::Form, "a b", false), "a+b");
        assert_eq!(render(r#"{"a":"<{{message.id}}>"}"#, Encoding::Json, "q\"\n", false), r#"{"a":"<q\"\n>"}"#);
        assert_eq!(render(r#"{"a":{{message.parts}}}"#, Encoding::Json, "3", true), r#"{"a":3}"#);
        assert_eq!(render(r#"{"a":{{message.parts}}}"#, Encoding::Json, "3,4", true), r#"{"a":"3,4"}"#);
        assert_eq!(render("<a>{{message.id}}</a>", Encoding::Xml, "</a>&'", false), "<a>&lt;/a&gt;&amp;'</a>");
        assert_eq!(render("<a b='{{message.id}}'/>", Encoding::Xml, "'\n<", false), "<a b='&#39;&#10;&lt;'/>");
        assert_eq!(render("<p a='{{message.id}}'>", Encoding::Html, "'\n<\"", false), "<p a='&#39;\n&lt;&quot;'>");
        assert_eq!(render("a,{{message.id}}\r\n", Encoding::Csv, "x\",y", false), "a,\"x\"\",y\"\r\n");
        assert_eq!(render("a;{{message.id}}", Encoding::Csv, "=1+1", false), "a;\"'=1+1\"");
        assert_eq!(render("\"{{message.id}}\",\"n:{{message.id}}\"", Encoding::Csv, "-1", false), "\"'-1\",\"n:-1\"");
        assert_eq!(render("{other} {{message.id}}", Encoding::Plain, "x", false), "{other} x");
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let fault = |text: &str| Template::parse(text, None).unwrap_err();
        assert!(fault("{{message.id").contains("`}}`"));
        assert!(fault("{{message.idd}}").contains("message.id"));
        assert!(fault("{{order}}").contains("payload.NAME"));
        assert!(Template::parse("{{ payload.order.id }}{", None).is_ok());
    }
}
