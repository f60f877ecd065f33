//! How a payload of the producer's own form becomes a report: data only, which `ringback-wire` carries out.

use std::fmt;

use indexmap::IndexMap;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::TimeFormat;

/// Paths of a report, each with where its value comes from.
pub type ReportMapping = IndexMap<String, MappedFrom>;

/// Where a value of a report comes from. Written as a path alone, or as an object with `path` in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MappedFrom {
    /// The path in the payload, with dots between levels.
    pub path: String,
    /// What the report says for what the payload says, in any case; what is not among them stays as it is.
    pub words: IndexMap<String, String>,
    /// How a time is written there; as RFC 3339 has it if absent.
    pub format: Option<TimeFormat>,
    /// The zone of times that name none (IANA); UTC if absent.
    pub time_zone: Option<String>,
}

impl From<&str> for MappedFrom {
    fn from(path: &str) -> Self {
        Self { path: path.to_owned(), ..Self::default() }
    }
}

/// The same as an object.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    words: Option<IndexMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<TimeFormat>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
}

impl Serialize for MappedFrom {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { path, words, format, time_zone } = self.clone();
        if words.is_empty() && format.is_none() && time_zone.is_none() {
            return serializer.serialize_str(&path);
        }
        let words = Some(words).filter(|words| !words.is_empty());
        Written { path, words, format, time_zone }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for MappedFrom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PathOrMore;
        impl<'de> Visitor<'de> for PathOrMore {
            type Value = MappedFrom;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a path such as \"data.sms.id\", or an object with `path`, `words`, `format` and `timeZone`",
                )
            }

            fn visit_str<E>(self, path: &str) -> Result<MappedFrom, E> {
                Ok(path.into())
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MappedFrom, A::Error> {
                let Written { path, words, format, time_zone } = Written::deserialize(MapAccessDeserializer::new(map))?;
                Ok(MappedFrom { path, words: words.unwrap_or_default(), format, time_zone })
            }
        }
        deserializer.deserialize_any(PathOrMore)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_text_and_more_as_an_object() {
        for text in [
            r#"{"message.id":"data.id"}"#,
            r#"{"message.status":{"path":"data.state","words":{"OK":"delivered"}}}"#,
            r#"{"message.sentAt":{"path":"at","format":"epoch_ms","timeZone":"Africa/Nairobi"}}"#,
        ] {
            let mapping: ReportMapping = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&mapping).unwrap(), text);
        }
        for wrong in
            [r#"{"a":1}"#, r#"{"a":{}}"#, r#"{"a":{"path":"b","word":{}}}"#, r#"{"a":{"path":"b","format":"ms"}}"#]
        {
            assert!(serde_json::from_str::<ReportMapping>(wrong).is_err(), "{wrong}");
        }
    }
}
