//! Whether a request is the one that had to arrive, to the byte.

use http::Method;
use serde_json::Value;

use super::vector::Expected;
use crate::receiver::Arrival;

/// What stands for a random challenge in the text.
const CHALLENGE: &str = "a234qwe";

impl Expected {
    /// Whether an arrival is meant to be this one: same method, same path.
    pub(super) fn is_meant_by(&self, arrival: &Arrival) -> bool {
        let path = |target: &str| target.split('?').next().unwrap_or_default().to_owned();
        self.method == arrival.method && path(self.target) == path(&arrival.target)
    }

    /// The request as text, as the demo shows it when something differs.
    pub(super) fn text(&self) -> String {
        let headers = self.headers.iter().map(|(name, value)| format!("{name}: {value}"));
        text(&self.method, self.target, headers.collect(), self.body)
    }

    /// The same parts of what arrived, with a random challenge written as in the text.
    pub(super) fn text_of(&self, arrival: &Arrival) -> String {
        let body = String::from_utf8_lossy(&arrival.body).into_owned();
        let length = self.body.len().to_string();
        let headers = self.headers.iter().map(|(name, _)| {
            let value = arrival.header(name);
            // A challenge of another length changes this, and nothing else.
            let value = if self.handshake && *name == "content-length" { length.as_str() } else { value };
            format!("{name}: {value}")
        });
        let headers = headers.collect();
        match challenge(&body).filter(|_| self.handshake) {
            Some(challenge) => text(&arrival.method, &arrival.target, headers, &body.replace(&challenge, CHALLENGE)),
            None => text(&arrival.method, &arrival.target, headers, &body),
        }
    }
}

fn text(method: &Method, target: &str, headers: Vec<String>, body: &str) -> String {
    let mut lines = vec![format!("{method} {target}")];
    lines.extend(headers);
    lines.extend((!body.is_empty()).then(|| body.to_owned()));
    lines.join("\n")
}

/// The challenge of a handshake's body: at least 128 bits, so at least 21 letters.
pub(super) fn challenge(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    let challenge = body.get("challenge")?.as_str()?;
    (challenge.len() >= 21).then(|| challenge.to_owned())
}

/// Whether an answer is the one that had to come; `ep_...` stands for any id of an endpoint.
pub(super) fn is_answer(expected: &str, answer: &str) -> bool {
    let Some((head, tail)) = expected.split_once("ep_...") else { return expected == answer };
    let id = answer.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail));
    id.is_some_and(|id| id.starts_with("ep_") && id[3..].bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn expected(handshake: bool, body: &'static str) -> Expected {
        Expected {
            handshake,
            method: Method::POST,
            target: "/a?token=K",
            headers: vec![("content-type", "application/json"), ("content-length", "49")],
            body,
        }
    }

    fn arrival(target: &str, body: &str) -> Arrival {
        let headers: HeaderMap = [("content-type", "application/json"), ("content-length", "49")]
            .into_iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        let (method, answered) = (Method::POST, StatusCode::OK);
        Arrival { method, target: target.to_owned(), headers, body: body.to_owned().into(), answered }
    }

    #[test]
    fn one_byte_more_in_the_target_or_the_body_differs() {
        let wanted = expected(false, "{}");
        assert_eq!(wanted.text_of(&arrival("/a?token=K", "{}")), wanted.text());
        for other in [arrival("/a?token=K&x", "{}"), arrival("/a?token=K", "{} ")] {
            assert!(wanted.is_meant_by(&other));
            assert_ne!(wanted.text_of(&other), wanted.text());
        }
    }

    #[test]
    fn a_random_challenge_is_compared_by_its_shape() {
        let wanted = expected(true, r#"{"validation_key":"9012XX","challenge":"a234qwe"}"#);
        let came = arrival("/a?token=K", r#"{"validation_key":"9012XX","challenge":"0123456789abcdefghijkl"}"#);
        assert_eq!(wanted.text_of(&came), wanted.text());
        let short = arrival("/a?token=K", r#"{"validation_key":"9012XX","challenge":"0123"}"#);
        assert_ne!(wanted.text_of(&short), wanted.text());
    }

    #[test]
    fn an_id_in_an_answer_may_be_any_and_nothing_else_may() {
        assert!(is_answer(r#"{"id":"ep_...","n":1}"#, r#"{"id":"ep_2a","n":1}"#));
        assert!(!is_answer(r#"{"id":"ep_...","n":1}"#, r#"{"id":"ep_2a","n":2}"#));
        assert!(!is_answer(r#"{"id":"ep_...","n":1}"#, r#"{"id":"ep_2\"","n":1}"#));
    }
}
