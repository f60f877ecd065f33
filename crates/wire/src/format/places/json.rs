//! JSON: within the quotes of a string, or a value of its own.

use super::{Cursor, Fault, Place};

pub(super) fn places(text: &str) -> Result<Vec<Place>, Fault> {
    let (mut cursor, mut places) = (Cursor::new(text), Vec::new());
    let (mut quoted, mut escaped) = (false, false);
    // Where the first value stands in the present string.
    let mut within = None;
    loop {
        let at = cursor.at;
        if escaped && cursor.is_value() {
            return Err(Fault { at, what: "A value cannot stand in an escape that is not complete.".to_owned() });
        }
        if cursor.take_value() {
            within = within.or(quoted.then_some(at));
            places.push(if quoted { Place::Quoted } else { Place::Bare });
            continue;
        }
        match cursor.next() {
            None => return Ok(places),
            Some('u') if escaped => {
                escaped = false;
                if cursor.rest().bytes().take(4).filter(u8::is_ascii_hexdigit).count() < 4 {
                    return cursor.fault("`\\u` has four hexadecimal digits behind it.");
                }
            }
            Some(_) if escaped => escaped = false,
            Some('\\') => escaped = quoted,
            Some('"') => {
                quoted = !quoted;
                if let Some(at) = within.take()
                    && cursor.rest().trim_start().starts_with(':')
                {
                    let what = "No value can be the name of a member: it could be that of another one.".to_owned();
                    return Err(Fault { at, what });
                }
            }
            Some(_) => {}
        }
    }
}
