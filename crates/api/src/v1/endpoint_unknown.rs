//! Members at the top of an endpoint's body that nobody knows: they are taken, as by other servers of this API, and one that
//! looks like a member of an endpoint is told.

use std::sync::LazyLock;

use indexmap::IndexMap;
use ringback_model::near;
use serde::de::IgnoredAny;
use utoipa::PartialSchema as _;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use super::endpoint_body::EndpointPatch;

/// What answers tell and what stands beside an endpoint that is tried: nobody has mistyped it.
const OTHERS: [&str; 7] =
    ["id", "disabledReason", "hasProviderSecret", "createdAt", "updatedAt", "warnings", "endpointId"];
/// What stands beside an endpoint that is tried alone.
const OF_PROBES: [&str; 3] = ["eventType", "payload", "testHeader"];
/// How many are told.
const TOLD_MAX: usize = 10;

/// The members that a body may have.
static KNOWN: LazyLock<Vec<String>> = LazyLock::new(|| match EndpointPatch::schema() {
    RefOr::T(Schema::Object(object)) => object.properties.into_keys().collect(),
    _ => Vec::new(),
});

/// What is told of a body, known to be JSON, of an endpoint that is saved.
pub(crate) fn warnings(body: &[u8]) -> Vec<String> {
    told(body, &[])
}

/// The same of one that is tried.
pub(crate) fn warnings_of_probe(body: &[u8]) -> Vec<String> {
    told(body, &OF_PROBES)
}

fn told(body: &[u8], more: &[&str]) -> Vec<String> {
    let Ok(members) = serde_json::from_slice::<IndexMap<String, IgnoredAny>>(body) else { return Vec::new() };
    let is_known =
        |name: &str| OTHERS.contains(&name) || more.contains(&name) || KNOWN.iter().any(|known| known == name);
    let told = members.keys().filter(|name| !is_known(name)).filter_map(|name| {
        let meant = *near(name, KNOWN.iter().map(String::as_str)).first()?;
        let shown: String = name.chars().take(80).collect();
        Some(format!("`{shown}` is no member of an endpoint and was passed over; is it `{meant}`?"))
    });
    told.take(TOLD_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_member_is_told_and_what_looks_like_none_is_passed_over() {
        let told = |name: &str| warnings(format!(r#"{{"{name}":1}}"#).as_bytes());
        for (name, meant) in [("sendMetod", "sendMethod"), ("send_method", "sendMethod"), ("eventType", "eventTypes")] {
            assert!(told(name).len() == 1 && told(name)[0].contains(&format!("is it `{meant}`?")), "{name}");
        }
        for name in ["url", "sendMethod", "filterTypes", "id", "createdAt", "colour", "customerReference"] {
            assert!(told(name).is_empty(), "{name}");
        }
        assert!(warnings_of_probe(br#"{"eventType":"x","payload":{},"endpointId":"e","testHeader":true}"#).is_empty());
    }
}
