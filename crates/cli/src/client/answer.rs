//! Whether what came back is an answer of the API, or one of something else that listens where the server should.
//!
//! A proxy, a log-in page or another program says 200 to anything. Taken for an answer it would be a success of a
//! command that has done nothing, so a success is one only if it is what the API's document has for the operation.

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap};
use serde::de::IgnoredAny;

use crate::terminal::visible;

/// A successful answer that an operation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Success {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Whether it has a body: JSON then, and an object.
    pub(crate) has_body: bool,
}

/// What a successful answer has that none of the API has; `None` if it may be one. Where it is not known what the
/// operation answers, `documented` is empty: then it is any success without a body or with JSON.
pub(super) fn oddity(documented: &[Success], status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let has_body = if documented.is_empty() {
        !body.is_empty()
    } else if let Some(known) = documented.iter().find(|known| known.status == status) {
        known.has_body
    } else {
        let due: Vec<_> = documented.iter().map(|known| known.status.as_str()).collect();
        return Some(format!("it answers {}, where {} is due", status.as_u16(), due.join(" or ")));
    };
    match (has_body, body.is_empty()) {
        (false, true) => None,
        (false, false) => Some(format!("it answers {} with a body, where none is due", status.as_u16())),
        (true, true) => Some(format!("it answers {} without a body, where JSON is due", status.as_u16())),
        (true, false) => no_json(headers, body),
    }
}

/// Why a body is no JSON object that says it is one.
fn no_json(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let told = headers.get(CONTENT_TYPE).map_or(&b""[..], |told| told.as_bytes());
    let essence = told.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if !essence.eq_ignore_ascii_case(b"application/json") {
        let told = if told.is_empty() { "a body of no type".to_owned() } else { format!("`{}`", visible(told)) };
        return Some(format!("it answers with {told}, where JSON is due"));
    }
    let is_object = body.trim_ascii_start().starts_with(b"{")
        && std::str::from_utf8(body).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    (!is_object).then(|| "what it answers is no JSON object".to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::super::catalogue::operation;
    use super::*;

    fn of(operation_id: &str, status: u16, kind: &str, body: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        if !kind.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_str(kind).unwrap());
        }
        let documented = operation(operation_id).map_or(&[][..], |operation| &operation.successes);
        oddity(documented, status.try_into().unwrap(), &headers, body.as_bytes())
    }

    #[test]
    fn a_success_is_what_the_document_has_for_the_operation_and_nothing_else() {
        let json = "application/json";
        for (id, status, kind, body) in [
            ("v1.message.create", 202, json, r#"{"id":"msg_1"}"#),
            ("v1.application.list", 200, "Application/JSON; charset=utf-8", " {\"data\":[]}\n"),
            ("v1.application.create", 200, json, "{}"),
            ("v1.application.create", 201, json, "{}"),
            ("v1.application.delete", 204, "", ""),
            ("v1.health.get", 204, "", ""),
            ("no operation of the document", 200, json, "{}"),
            ("no operation of the document", 204, "", ""),
        ] {
            assert_eq!(of(id, status, kind, body), None, "{id}: {status} {body}");
        }
        for (id, status, kind, body, words) in [
            ("v1.message.create", 200, json, r#"{"id":"msg_1"}"#, "it answers 200, where 202 is due"),
            ("v1.message.create", 202, json, "", "without a body, where JSON is due"),
            ("v1.message.create", 202, "text/html\u{a0}", "<html>", "`text/html"),
            ("v1.message.create", 202, "", "{}", "a body of no type"),
            ("v1.application.list", 200, "text/plain", r#"{"data":[]}"#, "`text/plain`, where JSON is due"),
            ("v1.application.list", 200, json, r#"{"data":["#, "no JSON object"),
            ("v1.application.list", 200, json, "[]", "no JSON object"),
            ("v1.application.list", 200, json, "{} {}", "no JSON object"),
            ("v1.application.delete", 200, "", "", "where 204 is due"),
            ("v1.application.delete", 204, json, "{}", "with a body, where none is due"),
            ("no operation of the document", 200, "text/html", "<html>", "where JSON is due"),
        ] {
            let found = of(id, status, kind, body).unwrap_or_default();
            assert!(found.contains(words), "{id}: {status} {body}: {found}");
        }
    }
}
