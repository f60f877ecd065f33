//! Texts with `{{path}}` in them. There are no loops and no conditions, so each one ends; and a value is encoded for the
//! place where it stands, so it cannot end that either.

use super::{form, query, xml};
use crate::json::{escape, quote};
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
    /// As text of an element or an attribute.
    Xml,
}

/// A text with places for values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value { slot: Slot, quoted: bool },
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
    /// It is a number of JSON where there are numbers.
    pub(crate) digits: bool,
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
        let (mut pieces, mut rest, mut quoted) = (Vec::new(), text, false);
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
                    quoted = quotes(before, quoted);
                    push(&mut pieces, before);
                    pieces.push(Piece::Value { slot, quoted });
                    ("", behind)
                }
                None => rest.split_at(at + 1),
            };
            quoted = quotes(kept, quoted);
            push(&mut pieces, kept);
            rest = behind;
        }
        push(&mut pieces, rest);
        Ok(Self { pieces })
    }

    /// The paths and fields that it needs.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value { slot, .. } => Some(slot),
            Piece::Text(_) => None,
        })
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
                Piece::Value { slot, quoted } => write(&fill(slot)?, encoding, *quoted, out),
            }
        }
        Ok(())
    }
}

fn push(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(last)) => last.push_str(text),
        Some(Piece::Value { .. }) | None => pieces.push(Piece::Text(text.to_owned())),
    }
}

/// Whether a place behind this text is within the quotes of a JSON string.
fn quotes(text: &str, mut quoted: bool) -> bool {
    let mut escaped = false;
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            _ => {}
        }
    }
    quoted
}

fn write(filling: &Filling, encoding: Encoding, quoted: bool, out: &mut String) {
    let text = filling.text.as_str();
    match encoding {
        Encoding::Plain => out.push_str(text),
        Encoding::Query => query::encode(text, out),
        Encoding::Form => form::encode(text, out),
        Encoding::Xml => xml::escape(text, out),
        Encoding::Json if quoted => escape(text, out),
        Encoding::Json if filling.digits && super::json::is_number(text) => out.push_str(text),
        Encoding::Json => quote(text, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str, encoding: Encoding, value: &str, digits: bool) -> String {
        let template = Template::parse(text, Some(&|name| name == "mobile")).unwrap();
        let mut out = String::new();
        let filling = Filling { text: value.to_owned(), digits };
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
        assert_eq!(render("<a>{{message.id}}</a>", Encoding::Xml, "</a>&", false), "<a>&lt;/a&gt;&amp;</a>");
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
