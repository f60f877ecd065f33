//! Names that are not known, and what was probably meant.

use jiff::tz::TimeZone;

/// The time zone of this name.
///
/// # Errors
/// A sentence that names what was probably meant.
pub(crate) fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| {
        let zones: Vec<_> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
        unknown("time zone of the IANA data base", name, &ringback_model::near(name, zones.iter().map(String::as_str)))
    })
}

/// A sentence about a name that is not known.
pub(crate) fn unknown(what: &str, name: &str, near: &[&str]) -> String {
    let mut sentence = format!("There is no {what} `{name}`");
    for (at, meant) in near.iter().enumerate() {
        sentence.push_str(if at == 0 { "; is it " } else { " or " });
        sentence.push_str(&format!("`{meant}`"));
    }
    sentence.push(if near.is_empty() { '.' } else { '?' });
    sentence
}
