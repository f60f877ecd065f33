//! Members that belong to the API and that this version cannot carry out. They are refused rather than ignored: an
//! endpoint that looks as if it were set up one way and behaves in another helps nobody.

use indexmap::IndexMap;
use ringback_service::FieldError;
use serde_json::value::RawValue;

use crate::problem::Problem;

/// Members by name, each with the values that ask for nothing that is not there. Null asks for nothing, always.
pub(crate) type NotYet = &'static [(&'static str, &'static [&'static str])];

/// Members of an endpoint.
pub(crate) const ENDPOINT: NotYet =
    &[("dedupeWindow", &[]), ("dlrTimeout", &[]), ("eventTtl", &[]), ("multipart", &[])];

/// Refuses a body, known to be JSON, that asks for something of the table.
pub(crate) fn refuse(body: &[u8], table: NotYet) -> Result<(), Problem> {
    let Ok(members) = serde_json::from_slice::<IndexMap<String, &RawValue>>(body) else { return Ok(()) };
    let asks_for_nothing = |value: &str, harmless: &[&str]| value == "null" || harmless.contains(&value);
    let asked = table
        .iter()
        .filter(|(name, harmless)| members.get(*name).is_some_and(|value| !asks_for_nothing(value.get(), harmless)));
    let faults: Vec<_> = asked.map(|(name, _)| fault(name)).collect();
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}

/// What is said of one such member.
pub(crate) fn fault(name: &'static str) -> FieldError {
    FieldError::body(name, "This is not supported by this version of the server yet. Leave it out.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_carried_out_is_refused_and_what_asks_for_nothing_is_not() {
        assert!(refuse(br#"{"multipart":null,"other":1}"#, ENDPOINT).is_ok());
        for asked in
            [r#"{"multipart":"parts"}"#, r#"{"dlrTimeout":"48h"}"#, r#"{"dedupeWindow":1}"#, r#"{"eventTtl":1}"#]
        {
            assert!(refuse(asked.as_bytes(), ENDPOINT).is_err(), "{asked}");
        }
    }
}
