//! XML 1.0 with namespaces: well-formed, and values in the text of elements and in attributes alone.

use super::{Cursor, Fault, Place};
use crate::format::xml::{is_char, is_name};

/// The namespaces that are XML's own.
const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// A document that is being read.
struct Document<'t> {
    cursor: Cursor<'t>,
    /// The elements that are open: their names, and how many prefixes were known before each.
    open: Vec<(&'t str, usize)>,
    /// The prefixes that are known here, with their namespaces.
    prefixes: Vec<(&'t str, String)>,
    has_root: bool,
    has_doctype: bool,
    /// How many `]` stand before this in a row, values left out: `]]>` ends nothing in a text, and is forbidden.
    brackets: usize,
    places: Vec<Place>,
}

pub(super) fn places(text: &str) -> Result<Vec<Place>, Fault> {
    let mut document = Document {
        cursor: Cursor::new(text),
        open: Vec::new(),
        prefixes: vec![("xml", XML.to_owned())],
        has_root: false,
        has_doctype: false,
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
        let known = matches!(
            names.as_slice(),
            ["version"] | ["version", "encoding" | "standalone"] | ["version", "encoding", "standalone"]
        );
        let is_version = |version: &str| {
            version.strip_prefix("1.").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
        };
        let is_fine = |(name, value): (&&str, &&str)| match *name {
            "version" => is_version(value),
            "standalone" => ["yes", "no"].contains(value),
            _ => true,
        };
        let known = known && names.iter().zip(&values).all(is_fine) && self.places.is_empty();
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
            has_chars(comment, begin)?;
            let is_wrong = comment.contains("--") || comment.ends_with('-');
            return if is_wrong { begin.fault("No comment has `--` in it.") } else { Ok(()) };
        }
        if self.cursor.take("<![CDATA[") {
            has_chars(self.cursor.skip_to("]]>", "a CDATA section")?, begin)?;
            return if inside { Ok(()) } else { begin.fault("Text stands within the root element, not beside it.") };
        }
        if self.cursor.take("<!DOCTYPE") {
            let is_early = !inside && !self.has_root && !self.has_doctype;
            self.has_doctype = true;
            return if self.doctype()? && is_early {
                Ok(())
            } else {
                begin.fault(
                    "A document type stands first, once, and declares nothing: `<!DOCTYPE root SYSTEM \"URL\">`.",
                )
            };
        }
        if self.cursor.take("<?") {
            let instruction = self.cursor.skip_to("?>", "a processing instruction")?;
            has_chars(instruction, begin)?;
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

    /// What stands behind `<!DOCTYPE`, up to its end; whether it is a document type (productions 28 and 75).
    fn doctype(&mut self) -> Result<bool, Fault> {
        let has_space = !self.cursor.take_while(is_space).is_empty();
        if self.cursor.is_value() {
            return self.cursor.fault("A value cannot stand in a document type.");
        }
        let name = self.cursor.take_while(|letter| !is_space(letter) && !"<>/=\"'&?{[".contains(letter));
        let is_name = name.split(':').count() < 3 && name.split(':').all(is_name);
        let mut is_fine = has_space && is_name;
        let spaced = !self.cursor.take_while(is_space).is_empty();
        let literals = if self.cursor.take("SYSTEM") {
            1
        } else if self.cursor.take("PUBLIC") {
            2
        } else {
            0
        };
        is_fine &= literals == 0 || spaced;
        for at in 0..literals {
            is_fine &= !self.cursor.take_while(is_space).is_empty();
            let Some(quotes) = self.cursor.peek().filter(|letter| ['"', '\''].contains(letter)) else {
                return Ok(false);
            };
            self.cursor.next();
            let literal = self.cursor.skip_to(if quotes == '"' { "\"" } else { "'" }, "a document type")?;
            let is_public =
                |letter: char| letter.is_ascii_alphanumeric() || " \r\n-'()+,./:=?;!*#@$_%".contains(letter);
            is_fine &= literal.chars().all(if literals == 2 && at == 0 { is_public } else { is_char });
        }
        self.cursor.take_while(is_space);
        if self.cursor.is_value() {
            return self.cursor.fault("A value cannot stand in a document type.");
        }
        Ok(self.cursor.take(">") && is_fine)
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
        let (attributes, values) = self.attributes()?;
        self.declare(begin, &attributes, &values)?;
        let mut seen: Vec<(&str, &str)> = Vec::new();
        let own = attributes.iter().filter(|name| !name.starts_with("xmlns:"));
        for (name, is_attribute) in own.map(|name| (*name, true)).chain([(name, false)]) {
            let Some((prefix, local)) = name.split_once(':') else { continue };
            let Some((_, space)) = self.prefixes.iter().rev().find(|(known, _)| *known == prefix) else {
                return begin.fault(format!("The prefix of `{name}` is declared nowhere: add `xmlns:{prefix}`."));
            };
            if is_attribute && seen.contains(&(space.as_str(), local)) {
                return begin.fault(format!("`{name}` stands there twice, for another prefix has the same namespace."));
            }
            if is_attribute {
                seen.push((space, local));
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

    /// Notes the namespaces that an element declares.
    fn declare(&mut self, begin: Cursor<'t>, names: &[&'t str], values: &[&'t str]) -> Result<(), Fault> {
        for (name, value) in names.iter().zip(values) {
            let prefix = name.strip_prefix("xmlns:");
            if prefix.is_none() && *name != "xmlns" {
                continue;
            }
            let space = decoded(value);
            // The prefix of XML itself has its namespace, and nothing else has.
            let is_fine = match prefix {
                Some("xml") => space == XML,
                Some("xmlns") => false,
                Some(_) => !space.is_empty() && space != XML && space != XMLNS,
                None => space != XML && space != XMLNS,
            };
            if !is_fine {
                return begin.fault(format!("`{name}` cannot be declared as this namespace."));
            }
            self.prefixes.extend(prefix.map(|prefix| (prefix, space)));
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

/// Refuses what XML has no character for.
fn has_chars(text: &str, begin: Cursor<'_>) -> Result<(), Fault> {
    if text.chars().all(is_char) { Ok(()) } else { begin.fault("XML has no such character.") }
}

/// The value of an attribute, whose references were looked at before, as parsers read it.
fn decoded(value: &str) -> String {
    let (mut decoded, mut rest) = (String::with_capacity(value.len()), value);
    while let Some(letter) = rest.chars().next() {
        let reference = rest.strip_prefix('&').and_then(|inside| inside.split_once(';'));
        let (letter, behind) = match reference {
            Some((name, behind)) => (char_of(name).unwrap_or('\u{fffd}'), behind),
            None => (if is_space(letter) { ' ' } else { letter }, &rest[letter.len_utf8()..]),
        };
        decoded.push(letter);
        rest = behind;
    }
    decoded
}

/// What a reference stands for.
fn char_of(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = name.strip_prefix('#')?;
            let number = match digits.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => digits.parse(),
            };
            number.ok().and_then(char::from_u32)?
        }
    })
}

/// Whether this is `#65` or `#x41`, of a character that XML has.
fn is_number_of_char(name: &str) -> bool {
    name.starts_with('#') && char_of(name).is_some_and(is_char)
}

fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r')
}
