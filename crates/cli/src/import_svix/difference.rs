//! Whether what is here is what is there.

use ringback_engine::egress::TargetUrl;
use serde_json::{Map, Value};

use super::MARK;

/// The members of `wanted` that `here` has otherwise.
pub(super) fn differing(wanted: &Map<String, Value>, here: &Value) -> Vec<&'static str> {
    const MEMBERS: &[&str] = &[
        "name",
        "uid",
        "description",
        "url",
        "disabled",
        "eventTypes",
        "channels",
        "throttleRate",
        "metadata",
        "archived",
        "deprecated",
        "featureFlag",
        "schemas",
        "secret",
        "headers",
    ];
    let differs = |name: &&str| {
        let wanted = wanted.get(*name);
        wanted.is_some_and(|wanted| !are_same(name, wanted, here.get(*name).unwrap_or(&Value::Null)))
    };
    MEMBERS.iter().copied().filter(differs).collect()
}

fn are_same(name: &str, wanted: &Value, here: &Value) -> bool {
    match name {
        "url" => normal(wanted) == normal(here),
        // Sets, in any order.
        "eventTypes" | "channels" => sorted(wanted) == sorted(here),
        "description" => wanted.as_str().unwrap_or_default() == here.as_str().unwrap_or_default(),
        // What somebody has added here is not the other server's to take away.
        "headers" => wanted.as_object().into_iter().flatten().all(|(name, value)| has_header(here, name, value)),
        "metadata" => marked_off(wanted) == marked_off(here),
        _ => wanted == here,
    }
}

/// The URL as it is kept here.
fn normal(url: &Value) -> String {
    let text = url.as_str().unwrap_or_default();
    TargetUrl::parse(text).map_or_else(|_| text.to_owned(), |url| url.as_str().to_owned())
}

fn sorted(list: &Value) -> Vec<&str> {
    let mut texts: Vec<_> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    texts.sort_unstable();
    texts
}

fn has_header(headers: &Value, name: &str, value: &Value) -> bool {
    let headers = headers.as_object().into_iter().flatten();
    headers.into_iter().any(|(known, found)| known.eq_ignore_ascii_case(name) && found == value)
}

fn marked_off(metadata: &Value) -> Vec<(&String, &Value)> {
    let mut members: Vec<_> = metadata.as_object().into_iter().flatten().filter(|(name, _)| *name != MARK).collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    members
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_means_something_else_differs() {
        let wanted = json!({
            "url": "https://EXAMPLE.com", "eventTypes": ["b", "a"], "description": "", "metadata": {"a": "1", MARK: "x"},
            "headers": {"X-A": "1"}, "throttleRate": null, "disabled": false,
        });
        let wanted = wanted.as_object().expect("an object");
        let here = json!({
            "url": "https://example.com/", "eventTypes": ["a", "b"], "metadata": {"a": "1"}, "disabled": false,
            "headers": {"x-a": "1", "x-b": "2"}, "ordering": "none",
        });
        assert_eq!(differing(wanted, &here), [""; 0]);
        let here = json!({"url": "https://example.com/b", "eventTypes": null, "metadata": {}, "disabled": true, "throttleRate": 5});
        assert_eq!(differing(wanted, &here), ["url", "disabled", "eventTypes", "throttleRate", "metadata", "headers"]);
    }
}
