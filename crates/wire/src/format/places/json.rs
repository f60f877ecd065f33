//! JSON: within the quotes of a string, or a value of its own.

use super::{Cursor, Fault, Place};

pub(super) fn places(text: &str) -> Result<Vec<Place>, Fault> {
    let (mut cursor, mut places) = (Cursor::new(text), Vec::new());
    let (mut quoted, mut escaped) = (false, false);
    loop {
        if cursor.take_value() {
            places.push(if quoted { Place::Quoted } else { Place::Bare });
            continue;
        }
        match cursor.next() {
            None => return Ok(places),
            Some(_) if escaped => escaped = false,
            Some('\\') => escaped = quoted,
            Some('"') => quoted = !quoted,
            Some(_) => {}
        }
    }
}
