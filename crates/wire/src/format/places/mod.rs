//! Where values stand in a template: what is around each, and whether it can be encoded there at all.
//!
//! A template is read once, when its endpoint is saved, as the receiver will read it with values in it. A value that could
//! end what it stands in, however it is written, is refused then, with its line and column.

mod csv;
mod html;
mod json;
mod xml;

use super::template::Encoding;

/// What stands around a value, as far as its encoding asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing: a JSON value, text of an element, a whole field of CSV.
    Bare,
    /// Quotes, which it must not end: a string of JSON, an attribute, a field of CSV.
    Quoted,
    /// Quotes of a field of CSV that it is the first in.
    First,
}

/// Why a template cannot be used.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    /// Where, in bytes.
    at: usize,
    what: String,
}

/// The place of each value of a template, in order.
///
/// # Errors
/// What is wrong, and on which line and column.
pub(crate) fn places(text: &str, encoding: Encoding) -> Result<Vec<Place>, String> {
    let read = match encoding {
        Encoding::Json | Encoding::JsonLines => json::places(text),
        Encoding::Xml => xml::places(text),
        Encoding::Html => html::places(text),
        Encoding::Csv => csv::places(text),
        Encoding::Plain | Encoding::Query | Encoding::Form => Ok(Vec::new()),
    };
    read.map_err(|Fault { at, what }| {
        let before = &text[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("Line {line}, column {column}: {what}")
    })
}

/// A template that is being read.
#[derive(Clone, Copy, Debug)]
struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn is_end(&self) -> bool {
        self.at == self.text.len()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += letter.len_utf8();
        Some(letter)
    }

    /// Passes over this text if it comes next.
    fn take(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        self.at += if is_next { text.len() } else { 0 };
        is_next
    }

    /// Passes over a value if one comes next.
    fn take_value(&mut self) -> bool {
        let Some(end) = self.rest().strip_prefix("{{").and_then(|inside| inside.find("}}")) else { return false };
        self.at += end + 4;
        true
    }

    fn is_value(&self) -> bool {
        self.rest().starts_with("{{")
    }

    fn take_while(&mut self, is: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(|letter| !is(letter)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn fault<T>(&self, what: impl Into<String>) -> Result<T, Fault> {
        Err(Fault { at: self.at, what: what.into() })
    }

    /// Passes over everything up to this end and over that, which holds no values.
    fn skip_to(&mut self, end: &str, what: &str) -> Result<&'t str, Fault> {
        let rest = self.rest();
        let length = rest.find(end).unwrap_or(rest.len());
        if let Some(value) = rest[..length].find("{{") {
            self.at += value;
            return self.fault(format!("A value cannot stand in {what}."));
        }
        if length == rest.len() {
            return self.fault(format!("{what} is not closed by `{end}`.").replacen("a ", "A ", 1));
        }
        self.at += length + end.len();
        Ok(&rest[..length])
    }
}
