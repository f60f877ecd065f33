//! A producer's own JSON as a report: by a mapping of report paths to payload paths, kept on the event type.

use indexmap::IndexMap;
use serde_json::value::RawValue;

use super::{Path, Report};
use crate::RecipeError;
use crate::json::find;

/// A report made from another payload: JSON of its own, which [`Report::parse`] reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped(String);

impl Mapped {
    /// Applies a mapping; what the payload lacks is left out.
    ///
    /// # Errors
    /// When the payload is no JSON object.
    pub fn new(mapping: &IndexMap<String, String>, payload: &[u8]) -> Result<Self, serde_json::Error> {
        let payload: &RawValue = serde_json::from_slice(payload)?;
        let mut tree = Tree::default();
        for (to, from) in mapping {
            if let Some(found) = find(payload.get(), from.split('.')) {
                tree.put(to.split('.'), found);
            }
        }
        let mut text = String::with_capacity(payload.get().len());
        tree.write(&mut text);
        Ok(Self(text))
    }

    /// The report.
    ///
    /// # Errors
    /// When a value is of a kind that the report does not have there.
    pub fn report(&self) -> Result<Report<'_>, serde_json::Error> {
        Report::parse(self.0.as_bytes())
    }
}

#[derive(Debug, Default)]
struct Tree<'a> {
    value: Option<&'a str>,
    members: IndexMap<&'a str, Tree<'a>>,
}

impl<'a> Tree<'a> {
    fn put(&mut self, mut path: impl Iterator<Item = &'a str>, value: &'a str) {
        match path.next() {
            Some(name) => self.members.entry(name).or_default().put(path, value),
            None => self.value = Some(value),
        }
    }

    fn write(&self, text: &mut String) {
        if let Some(value) = self.value {
            text.push_str(value);
            return;
        }
        text.push('{');
        for (at, (name, member)) in self.members.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            crate::json::quote(name, text);
            text.push(':');
            member.write(text);
        }
        text.push('}');
    }
}

/// Checks a mapping before it is kept.
///
/// # Errors
/// Which path is none of a report's, with those that look like it.
pub fn check_mapping(mapping: &IndexMap<String, String>) -> Result<(), RecipeError> {
    for (to, from) in mapping {
        let field = || format!("reportMapping.{to}");
        if to == "inbound" {
            continue;
        }
        match Path::parse(to) {
            Ok(_) if from.split('.').all(|part| !part.is_empty()) => {}
            Ok(_) => {
                let rule = "Name a member of your payload, with dots between levels: `data.sms.id`.";
                return Err(RecipeError::new(field(), rule));
            }
            Err(near) => return Err(RecipeError::new(field(), crate::unknown("path of a report", to, &near))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_payload_has_gets_its_place_in_the_report_and_the_rest_is_left_out() {
        let mapping = [("message.id", "data.sms.id"), ("message.to", "data.msisdn"), ("message.parts", "data.none")];
        let mapping: IndexMap<String, String> = mapping.map(|(to, from)| (to.to_owned(), from.to_owned())).into();
        let mapped = Mapped::new(&mapping, br#"{"data":{"sms":{"id":007}, "msisdn":"+1"}}"#);
        assert!(mapped.is_err(), "no JSON");
        let mapped = Mapped::new(&mapping, br#"{"data":{"sms":{"id": 7.10}, "msisdn":"+1"}}"#).unwrap();
        let message = mapped.report().unwrap().message.unwrap();
        assert_eq!((message.id.unwrap().as_str(), message.to.unwrap().as_str()), ("7.10", "+1"));
        assert!(message.parts.is_none());
    }

    #[test]
    fn a_path_that_no_report_has_is_refused_with_what_looks_like_it() {
        let mapping: IndexMap<String, String> = [("message.idd".to_owned(), "id".to_owned())].into();
        assert!(check_mapping(&mapping).unwrap_err().message.contains("message.id"));
    }
}
