//! CSV (RFC 4180): a value is a whole field, or stands within the quotes of one. What is between fields is the first of
//! `,`, `;`, a tab and `|` that stands outside of quotes.

use super::{Cursor, Fault, Place};

const BETWEEN: [char; 4] = [',', ';', '\t', '|'];

pub(super) fn places(text: &str) -> Result<Vec<Place>, Fault> {
    let between = between(text);
    let ends = |letter: Option<char>| letter.is_none_or(|letter| letter == between || letter == '\n' || letter == '\r');
    let (mut cursor, mut places) = (Cursor::new(text), Vec::new());
    loop {
        // A field begins.
        if cursor.take("\"") {
            quoted(&mut cursor, &mut places)?;
        } else if cursor.take_value() {
            places.push(Place::Bare);
        } else {
            while !ends(cursor.peek()) && !cursor.is_value() {
                cursor.next();
            }
        }
        if !ends(cursor.peek()) {
            return cursor.fault("A field that is more than one value has quotes around it: `\"{{a}} {{b}}\"`.");
        }
        if cursor.next().is_none() {
            return Ok(places);
        }
    }
}

/// Reads a field up to the quotes that end it; those that begin it are read.
fn quoted(cursor: &mut Cursor<'_>, places: &mut Vec<Place>) -> Result<(), Fault> {
    let begin = cursor.at - 1;
    let mut is_first = true;
    loop {
        if cursor.take_value() {
            places.push(if is_first { Place::First } else { Place::Quoted });
        } else if cursor.take("\"\"") {
            is_first = false;
        } else if cursor.take("\"") {
            return Ok(());
        } else if cursor.next().is_none() {
            return Err(Fault { at: begin, what: "The quotes that begin here have no end.".to_owned() });
        } else {
            is_first = false;
        }
    }
}

fn between(text: &str) -> char {
    let (mut cursor, mut is_quoted) = (Cursor::new(text), false);
    loop {
        if cursor.take_value() {
            continue;
        }
        match cursor.next() {
            None => return ',',
            Some('"') => is_quoted = !is_quoted,
            Some(letter) if !is_quoted && BETWEEN.contains(&letter) => return letter,
            Some(_) => {}
        }
    }
}
