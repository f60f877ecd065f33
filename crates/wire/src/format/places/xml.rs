//! XML 1.0 with namespaces: well-formed, and values in the text of elements and in attributes alone.

use super::{Cursor, Fault, Place};
use crate::format::xml::{is_char, is_name};

/// A document that is being read.
struct Document<'t> {
    cursor: Cursor<'t>,
    /// The elements that are open: their names, and how many prefixes were known before each.
    open: Vec<(&'t str, usize)>,
    /// The prefixes that are known here.
    prefixes: Vec<&'t str>,
    has_root: bool,
    /// How many `]` stand before this in a row, values left out: `]]>` ends nothing in a text, and is forbidden.
    brackets: usize,
    places: Vec<Place>,
}

pub(super) fn places(text: &str) -> Result<Vec<Place>, Fault> {
    let mut document = Document {
        cursor: Cursor::new(text),
        open: Vec::new(),
        prefixes: vec!["xml"],
        has_root: false,
        brackets: 0,
        places: Vec::new(),
    };
    document.declaration()?;
    while !document.cursor.is_end() {
        document.step()?;
    }
    match document.open.last() {
        Some((name, _)) => document.cursor.fault(format!("`<{name}>` is not closed.")),
        None if !document.has_root => document.cursor.fault("There is no element in it."),
        None => Ok(document.places),
    }
}

impl<'t> Document<'t> {
    /// `<?xml version="1.0" encoding="UTF-8"?>`, which may be left out.
    fn declaration(&mut self) -> Result<(), Fault> {
        let begin = self.cursor;
        if !self.cursor.take("<?xml") || !self.cursor.peek().is_some_and(is_space) {
            self.cursor = begin;
            return Ok(());
        }
        let (names, values) = self.attributes()?;
        let known = names.first() == Some(&"version")
            && names[1..].iter().all(|name| ["encoding", "standalone"].contains(name))
            && self.places.is_empty();
        if !known || !self.cursor.take("?>") {
            return begin
                .fault("It begins with `<?xml version=\"1.0\" encoding=\"UTF-8\"?>` or with its root element.");
        }
        let encoding = names.iter().position(|name| *name == "encoding");
        if encoding.is_some_and(|at| !values[at].eq_ignore_ascii_case("utf-8")) {
            return begin.fault("It is sent in UTF-8: give that as its encoding, or none.");
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Fault> {
        let begin = self.cursor;
        if self.cursor.rest().starts_with('<') {
            self.brackets = 0;
        }
        let inside = !self.open.is_empty();
        if self.cursor.take_value() {
            self.places.push(Place::Bare);
            return if inside { Ok(()) } else { begin.fault("A value stands within the root element, not beside it.") };
        }
        if self.cursor.take("<!--") {
            let comment = self.cursor.skip_to("-->", "a comment")?;
            let is_wrong = comment.contains("--") || comment.ends_with('-');
            return if is_wrong { begin.fault("No comment has `--` in it.") } else { Ok(()) };
        }
        if self.cursor.take("<![CDATA[") {
            self.cursor.skip_to("]]>", "a CDATA section")?;
            return if inside { Ok(()) } else { begin.fault("Text stands within the root element, not beside it.") };
        }
        if self.cursor.take("<!DOCTYPE") {
            let is_early = !inside && !self.has_root;
            let doctype = self.cursor.skip_to(">", "a document type")?;
            let is_fine = is_early && !doctype.contains(['[', '<']);
            return if is_fine { Ok(()) } else { begin.fault("A document type stands first and declares nothing.") };
        }
        if self.cursor.take("<?") {
            let instruction = self.cursor.skip_to("?>", "a processing instruction")?;
            let name = instruction.split(is_space).next().unwrap_or_default();
            let is_fine = is_name(name) && !name.eq_ignore_ascii_case("xml");
            return if is_fine { Ok(()) } else { begin.fault("A processing instruction has a name other than `xml`.") };
        }
        if self.cursor.take("</") {
            return self.close(begin);
        }
        if self.cursor.take("<") {
            return self.open(begin);
        }
        self.text(inside)
    }

    /// One letter or reference of a text.
    fn text(&mut self, inside: bool) -> Result<(), Fault> {
        let begin = self.cursor;
        if !inside && !self.cursor.peek().is_some_and(is_space) {
            return begin.fault("Text stands within the root element, not beside it.");
        }
        match self.letter()? {
            ']' => self.brackets += 1,
            '>' if self.brackets > 1 => {
                return begin.fault("`]]>` stands at the end of a CDATA section alone: write `&gt;`.");
            }
            _ => self.brackets = 0,
        }
        Ok(())
    }

    /// The end of an element, behind `</`.
    fn close(&mut self, begin: Cursor<'t>) -> Result<(), Fault> {
        let name = self.name("the name of an element")?;
        self.cursor.take_while(is_space);
        match self.open.pop() {
            Some((open, known)) if open == name => self.prefixes.truncate(known),
            Some((open, _)) => return begin.fault(format!("`<{open}>` is open here: close that first.")),
            None => return begin.fault(format!("No `<{name}>` is open here.")),
        }
        if self.cursor.take(">") { Ok(()) } else { self.cursor.fault(format!("`</{name}` ends with `>`.")) }
    }

    /// The beginning of an element, behind `<`.
    fn open(&mut self, begin: Cursor<'t>) -> Result<(), Fault> {
        let name = self.name("the name of an element")?;
        if self.open.is_empty() && self.has_root {
            return begin.fault("There is one root element.");
        }
        self.has_root = true;
        let known = self.prefixes.len();
        let (attributes, _) = self.attributes()?;
        self.prefixes.extend(attributes.iter().filter_map(|name| name.strip_prefix("xmlns:")));
        for name in attributes.iter().filter(|name| !name.starts_with("xmlns:")).chain([&name]) {
            if let Some((prefix, _)) = name.split_once(':')
                && !self.prefixes.contains(&prefix)
            {
                return begin.fault(format!("The prefix of `{name}` is declared nowhere: add `xmlns:{prefix}`."));
            }
        }
        if self.cursor.take("/>") {
            self.prefixes.truncate(known);
        } else if self.cursor.take(">") {
            self.open.push((name, known));
        } else {
            return self.cursor.fault(format!("`<{name}` ends with `>`, and a space stands between its attributes."));
        }
        Ok(())
    }

    /// Names and values of attributes, as far as there are any.
    fn attributes(&mut self) -> Result<(Vec<&'t str>, Vec<&'t str>), Fault> {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        loop {
            let has_space = !self.cursor.take_while(is_space).is_empty();
            if !has_space || self.cursor.is_end() || self.cursor.rest().starts_with(['>', '/', '?']) {
                return Ok((names, values));
            }
            let begin = self.cursor;
            let name = self.name("the name of an attribute")?;
            if names.contains(&name) {
                return begin.fault(format!("`{name}` stands there twice."));
            }
            self.cursor.take_while(is_space);
            if !self.cursor.take("=") {
                return self.cursor.fault(format!("The attribute `{name}` has no `=`."));
            }
            self.cursor.take_while(is_space);
            names.push(name);
            values.push(self.attribute(name)?);
        }
    }

    /// The value of an attribute, with its quotes.
    fn attribute(&mut self, name: &str) -> Result<&'t str, Fault> {
        let quotes = if self.cursor.take("\"") {
            '"'
        } else if self.cursor.take("'") {
            '\''
        } else {
            return self.cursor.fault(format!("The value of the attribute `{name}` has no quotes around it."));
        };
        let from = self.cursor.at;
        loop {
            let begin = self.cursor;
            if self.cursor.take_value() {
                if name == "xmlns" || name.starts_with("xmlns:") {
                    return begin.fault("A namespace is the same for every event.");
                }
                self.places.push(Place::Quoted);
                continue;
            }
            match self.cursor.peek() {
                None => return begin.fault(format!("The value of the attribute `{name}` has no end.")),
                Some('<') => return begin.fault("No attribute has `<` in it: write `&lt;`."),
                Some(letter) if letter == quotes => break,
                Some(_) => self.letter()?,
            };
        }
        let value = &self.cursor.text[from..self.cursor.at];
        self.cursor.next();
        Ok(value)
    }

    fn name(&mut self, what: &str) -> Result<&'t str, Fault> {
        if self.cursor.is_value() {
            return self.cursor.fault(format!("A value cannot stand in {what}."));
        }
        let begin = self.cursor;
        let name = self.cursor.take_while(|letter| !is_space(letter) && !"<>/=\"'&?{".contains(letter));
        if self.cursor.is_value() {
            return self.cursor.fault(format!("A value cannot stand in {what}."));
        }
        let is_fine = match name.split_once(':') {
            Some((prefix, rest)) => is_name(prefix) && is_name(rest),
            None => is_name(name),
        };
        if is_fine {
            Ok(name)
        } else {
            begin.fault(format!("`{name}` is not {what}; a `<` in a text is written `&lt;`."))
        }
    }

    /// A letter, or a reference, which is told as `&`.
    fn letter(&mut self) -> Result<char, Fault> {
        let begin = self.cursor;
        match self.cursor.next() {
            Some('&') => {
                let name = self.cursor.take_while(|letter| letter.is_ascii_alphanumeric() || letter == '#');
                let is_known = ["amp", "lt", "gt", "quot", "apos"].contains(&name) || is_number_of_char(name);
                if is_known && self.cursor.take(";") {
                    Ok('&')
                } else {
                    begin.fault("This is no reference that XML knows: write `&amp;` for a `&`.")
                }
            }
            Some(letter) if is_char(letter) => Ok(letter),
            _ => begin.fault("XML has no such character."),
        }
    }
}

/// Whether this is `#65` or `#x41`, of a character that XML has.
fn is_number_of_char(name: &str) -> bool {
    let Some(digits) = name.strip_prefix('#') else { return false };
    let number = match digits.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    number.ok().and_then(char::from_u32).is_some_and(is_char)
}

fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r')
}
