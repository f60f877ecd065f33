//! Why a payload is no report, in the words of a report rather than of the code that reads it.
//!
//! The errors of the JSON reader have no parts to look at, so their texts are taken apart here; one of a form that is not
//! known is passed on as it is.

/// What is wrong with a payload that could not be read: a sentence without its stop.
pub(crate) fn in_words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let (path, what) = match text.strip_prefix('`').and_then(|rest| rest.split_once("`: ")) {
        Some((path, what)) => (Some(path).filter(|path| !matches!(*path, "." | "?")), what),
        None => (None, text.as_str()),
    };
    if let Some((name, _)) = what.strip_prefix("duplicate field `").and_then(|rest| rest.split_once('`')) {
        let member = match path {
            Some(path) if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
            Some(path) => format!("{path}.{name}"),
            None => name.to_owned(),
        };
        return format!("`{member}` is there twice");
    }
    let mismatch = ["invalid type: ", "invalid value: ", "invalid length "];
    let wanted = mismatch.iter().find_map(|start| what.strip_prefix(start)?.rsplit_once(", expected "));
    match (path, wanted) {
        (Some(path), Some((_, wanted))) => format!("`{path}` has to be {}", in_json(wanted)),
        (None, Some((_, wanted))) => format!("it has to be {}", in_json(wanted)),
        (_, None) => text,
    }
}

/// What was expected, in words of JSON.
fn in_json(wanted: &str) -> &str {
    match wanted {
        "a boolean" => "`true` or `false`",
        "a map" => "an object",
        "a string" | "a borrowed string" => "a text",
        other if other.starts_with("struct ") => "an object",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Report;
    use super::*;

    #[test]
    fn what_is_wrong_with_a_report_is_told_in_its_own_words() {
        for (payload, words) in [
            (r#"{"message":"x"}"#, "`message` has to be an object"),
            (r#"{"message":1.0}"#, "`message` has to be an object"),
            (r#"{"message":{"id":{}}}"#, "`message.id` has to be a text or a number"),
            (r#"{"message":{"error":7}}"#, "`message.error` has to be an object"),
            (r#"{"message":{"custom":7}}"#, "`message.custom` has to be an object of texts"),
            (r#"{"message":{"id":"1","id":"2"}}"#, "`message.id` is there twice"),
            (r#"{"product":"sms","product":"sms"}"#, "`product` is there twice"),
            (r#"{"message":{"network":{"mcc":1,"mcc":2}}}"#, "`message.network.mcc` is there twice"),
            ("[]", "it has to be an object"),
        ] {
            assert_eq!(in_words(&Report::parse(payload.as_bytes()).unwrap_err()), words, "{payload}");
        }
    }
}
