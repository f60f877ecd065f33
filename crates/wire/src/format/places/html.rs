//! HTML as browsers take it apart: values in text and in quoted attributes alone. What browsers mend is let through.

use super::{Cursor, Fault, Place};

/// Elements whose content is no text with references in it: scripts, styles, and what is shown as it stands.
const RAW: [&str; 8] = ["script", "style", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext"];
/// Elements whose content is text with references but without elements.
const TEXT: [&str; 2] = ["title", "textarea"];

/// Schemes of URLs that are code.
const CODE: [&str; 2] = ["javascript:", "vbscript:"];
/// Attributes that are URLs.
const URLS: [&str; 9] = ["href", "src", "action", "formaction", "xlink:href", "data", "poster", "cite", "background"];

pub(super) fn places(text: &str) -> Result<Vec<Place>, Fault> {
    let (mut cursor, mut places) = (Cursor::new(text), Vec::new());
    while !cursor.is_end() {
        step(&mut cursor, &mut places)?;
    }
    Ok(places)
}

fn step(cursor: &mut Cursor<'_>, places: &mut Vec<Place>) -> Result<(), Fault> {
    if cursor.take_value() {
        places.push(Place::Bare);
        return Ok(());
    }
    if cursor.take("<!--") {
        // These end it at once.
        return if cursor.take(">") || cursor.take("->") { Ok(()) } else { comment(cursor) };
    }
    if cursor.take("</") || cursor.take("<!") || cursor.take("<?") {
        // An end, or what counts as a comment; none of them has room for a value.
        return cursor.skip_to(">", "a tag that closes or declares").map(drop);
    }
    if !cursor.take("<") {
        cursor.next();
        return Ok(());
    }
    if cursor.is_value() {
        return cursor.fault("A value cannot stand in the name of an element; a `<` in a text is written `&lt;`.");
    }
    if !cursor.peek().is_some_and(|letter| letter.is_ascii_alphabetic()) {
        return Ok(());
    }
    let name = cursor.take_while(|letter| !is_space(letter) && !"/>{".contains(letter)).to_ascii_lowercase();
    if cursor.is_value() {
        return cursor.fault("A value cannot stand in the name of an element.");
    }
    while attribute(cursor, places)? {}
    if RAW.contains(&name.as_str()) || TEXT.contains(&name.as_str()) {
        content(cursor, &name, places)?;
    }
    Ok(())
}

/// What is behind `<!--`, up to `-->` or what browsers take for it.
fn comment(cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    let rest = cursor.rest();
    let end = if rest.find("--!>").is_some_and(|other| rest.find("-->").is_none_or(|end| other < end)) {
        "--!>"
    } else {
        "-->"
    };
    cursor.skip_to(end, "a comment").map(drop)
}

/// Reads one attribute of a tag; `false` at its end.
fn attribute(cursor: &mut Cursor<'_>, places: &mut Vec<Place>) -> Result<bool, Fault> {
    cursor.take_while(|letter| is_space(letter) || letter == '/');
    if cursor.take(">") {
        return Ok(false);
    }
    if cursor.is_end() {
        return cursor.fault("The tag has no `>`.");
    }
    let begin = cursor.at;
    // A `=` that comes first is a part of the name.
    cursor.take("=");
    cursor.take_while(|letter| !is_space(letter) && !"/>={".contains(letter));
    let name = cursor.text[begin..cursor.at].to_ascii_lowercase();
    if cursor.is_value() {
        return cursor.fault("A value cannot stand in the name of an attribute.");
    }
    if cursor.peek() == Some('{') {
        cursor.next();
        return Ok(true);
    }
    let behind = *cursor;
    cursor.take_while(is_space);
    if !cursor.take("=") {
        *cursor = behind;
        return Ok(true);
    }
    cursor.take_while(is_space);
    let Some(quotes) = cursor.peek().filter(|letter| ['"', '\''].contains(letter)) else {
        return unquoted(cursor, &name);
    };
    cursor.next();
    let begin = cursor.at;
    loop {
        if cursor.is_value() {
            let before = url_of(&cursor.text[begin..cursor.at]);
            if CODE.iter().any(|scheme| before.starts_with(scheme)) {
                return cursor
                    .fault(format!("A value cannot stand in a `javascript:` of `{name}`, which is read as code."));
            }
            let could_be = || !before.is_empty() && CODE.iter().any(|scheme| scheme.starts_with(&before));
            if URLS.contains(&name.as_str()) && could_be() {
                return cursor.fault(format!(
                    "A value could make a `javascript:` of `{name}` here, which is read as code: write what the URL begins \
                     with, such as `https://`."
                ));
            }
        }
        if cursor.is_value() && (name.starts_with("on") || ["style", "srcdoc"].contains(&name.as_str())) {
            return cursor.fault(format!("A value cannot stand in `{name}`, which is read as code."));
        }
        if cursor.take_value() {
            places.push(Place::Quoted);
            continue;
        }
        match cursor.next() {
            None => return cursor.fault(format!("The value of the attribute `{name}` has no end.")),
            Some(letter) if letter == quotes => return Ok(true),
            Some(_) => {}
        }
    }
}

/// What stands in front of a value as browsers take it for the beginning of a URL, in whatever way it is written.
fn url_of(text: &str) -> String {
    let mut url = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let reference = if letter == '&' { reference(rest) } else { None };
        let (letter, length) = reference.unwrap_or((letter, letter.len_utf8()));
        // Browsers pass over these within a scheme, and over control characters in front of it.
        if !letter.is_ascii_control() && letter != ' ' {
            url.push(letter.to_ascii_lowercase());
        }
        rest = &rest[length..];
    }
    url
}

/// A reference to a character at the beginning of a text, and how long it is written.
fn reference(text: &str) -> Option<(char, usize)> {
    for (name, letter) in [("&colon;", ':'), ("&Tab;", '\t'), ("&NewLine;", '\n')] {
        if text.starts_with(name) {
            return Some((letter, name.len()));
        }
    }
    let digits = text.strip_prefix("&#")?;
    let hex = digits.strip_prefix(['x', 'X']);
    let digits = hex.unwrap_or(digits);
    let is_digit = |byte: &u8| if hex.is_some() { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
    let length = digits.bytes().take_while(is_digit).count();
    let code = u32::from_str_radix(&digits[..length], if hex.is_some() { 16 } else { 10 }).ok()?;
    let end = text.len() - digits.len() + length;
    Some((char::from_u32(code)?, end + usize::from(text[end..].starts_with(';'))))
}

fn unquoted(cursor: &mut Cursor<'_>, name: &str) -> Result<bool, Fault> {
    while !cursor.peek().is_none_or(|letter| is_space(letter) || letter == '>') {
        if cursor.is_value() {
            return cursor.fault(format!("Put quotes around the value of the attribute `{name}`."));
        }
        cursor.next();
    }
    Ok(true)
}

/// The content of an element that has no elements in it, up to its end.
fn content(cursor: &mut Cursor<'_>, name: &str, places: &mut Vec<Place>) -> Result<(), Fault> {
    // A script with `<!--` in it is not ended by the end of one that begins behind that.
    let (mut is_comment, mut is_inner) = (false, false);
    loop {
        let rest = cursor.rest();
        if is_tag(rest, "</", name) {
            if !is_inner {
                return Ok(());
            }
            is_inner = false;
        } else if name == "script" && rest.starts_with("<!--") {
            is_comment = true;
            // Its dashes may be those of its end, too.
            cursor.take("<!");
            continue;
        } else if is_comment && rest.starts_with("-->") {
            (is_comment, is_inner) = (false, false);
        } else if is_comment && is_tag(rest, "<", name) {
            is_inner = true;
        }
        if cursor.is_value() && RAW.contains(&name) {
            return cursor
                .fault(format!("A value cannot stand in `<{name}>`, whose content is no text with references."));
        }
        if cursor.take_value() {
            places.push(Place::Bare);
        } else if cursor.next().is_none() {
            return cursor.fault(format!("`<{name}>` is not closed."));
        }
    }
}

/// Whether a tag of this name begins here, and not one of a name that begins so.
fn is_tag(text: &str, mark: &str, name: &str) -> bool {
    let Some(rest) = text.strip_prefix(mark) else { return false };
    let is_name = rest.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
    is_name && rest[name.len()..].starts_with(|letter| is_space(letter) || letter == '/' || letter == '>')
}

fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}
