//! Fields of CSV (RFC 4180), which no spreadsheet takes for a formula.

use super::places::Place;

/// Writes a value into its field: with quotes around it where it has none.
pub(crate) fn write(text: &str, place: Place, out: &mut String) {
    if place == Place::Bare {
        out.push('"');
    }
    // A spreadsheet works out what begins so, whatever quotes are around it.
    if place != Place::Quoted && text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        out.push('\'');
    }
    out.push_str(&text.replace('"', "\"\""));
    if place == Place::Bare {
        out.push('"');
    }
}
