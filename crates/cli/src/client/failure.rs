//! Why a command of the API has not done what it was asked for, in words, and as a status that a script can go by.

use std::fmt;

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::terminal::visible;

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// What was asked for makes no sense, so nothing was sent.
    #[error("{0}")]
    Usage(String),
    /// The server has refused it.
    #[error("{0}")]
    Refused(Refusal),
    /// There was no answer.
    #[error("{0}")]
    NoAnswer(String),
    /// Something answered that is no server of ours.
    #[error("{0}")]
    Stranger(String),
    /// Somebody was asked, and said no.
    #[error("nothing was deleted")]
    CalledOff,
}

impl Failure {
    /// Whether there is no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == StatusCode::NOT_FOUND)
    }

    /// Whether the next call would meet with the same: nobody answers, or the token does not count.
    pub(crate) fn is_of_the_connection(&self) -> bool {
        match self {
            Self::NoAnswer(_) => true,
            Self::Refused(refusal) => matches!(refusal.exit(), 4 | 7),
            Self::Usage(_) | Self::Stranger(_) | Self::CalledOff => false,
        }
    }

    /// The exit status. Those of a program: 1 anything else, 2 the command line.
    pub(crate) fn exit(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Refused(refusal) => refusal.exit(),
            Self::NoAnswer(_) => 8,
            Self::Stranger(_) | Self::CalledOff => 1,
        }
    }
}

/// What a server said when it refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The status.
    status: StatusCode,
    /// Its words, one for each thing that is wrong.
    words: Vec<String>,
    /// Seconds to wait, if it said how many.
    retry_after: Option<u64>,
}

/// What errors of the API look like.
#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    code: Option<String>,
    detail: Value,
}

impl Refusal {
    /// Reads the answer of a server; `None` if it is none of the API.
    pub(crate) fn read(status: StatusCode, retry_after: Option<u64>, body: &[u8]) -> Option<Self> {
        let body: Body = serde_json::from_slice(body).ok()?;
        let words = match (&body.detail, body.code) {
            (Value::Array(items), _) => items.iter().map(item).collect(),
            // Others have a `detail` too, and no `code` beside it: their 404 says nothing about what is asked for.
            (Value::String(detail), Some(_)) => vec![visible(detail.as_bytes())],
            (Value::String(_), None) => return None,
            (_, code) => vec![code?],
        };
        Some(Self { status, words, retry_after })
    }

    fn exit(&self) -> u8 {
        match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => 4,
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => 5,
            StatusCode::CONFLICT => 6,
            StatusCode::TOO_MANY_REQUESTS => 7,
            status if status.is_server_error() => 7,
            _ => 3,
        }
    }

    /// What to do next, where the server cannot know it.
    fn advice(&self) -> Option<String> {
        Some(match self.status {
            StatusCode::UNAUTHORIZED => {
                "give a token with RINGBACK_TOKEN or --token-file; `ringback token` prints one beside the store"
                    .to_owned()
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => match self.retry_after {
                Some(seconds) => format!("repeat it in {seconds} s"),
                None => "repeat it a little later".to_owned(),
            },
            _ => return None,
        })
    }
}

/// One thing that is wrong: where, and what.
fn item(item: &Value) -> String {
    let part = |part: &Value| part.as_str().map_or_else(|| part.to_string(), ToOwned::to_owned);
    let place: Vec<String> = item["loc"].as_array().into_iter().flatten().map(part).collect();
    let words = item["msg"].as_str().unwrap_or_default();
    visible(format!("{}: {words}", place.join(".")).as_bytes())
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server refused it with {}", self.status.as_u16())?;
        match self.words.as_slice() {
            [one] => write!(f, ": {one}")?,
            many => many.iter().try_for_each(|words| write!(f, "\n  {words}"))?,
        }
        self.advice().map_or(Ok(()), |advice| write!(f, "\n  {advice}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_api_is_told_in_its_words_and_with_what_to_do_next() {
        let read = |status: u16, body: &str| Refusal::read(status.try_into().unwrap(), Some(3), body.as_bytes());
        let one = read(404, r#"{"code":"not_found","detail":"Entity not found"}"#).unwrap();
        assert_eq!(one.to_string(), "the server refused it with 404: Entity not found");
        assert_eq!(Failure::Refused(one).exit(), 5);
        let many = r#"{"detail":[{"loc":["body","url"],"msg":"it begins with https","type":"value_error"},
                       {"loc":["body","channels",1],"msg":"no \u001b[2J","type":"value_error"}]}"#;
        let many = read(422, many).unwrap();
        let text = "the server refused it with 422\n  body.url: it begins with https\n  body.channels.1: no \\u{1b}[2J";
        assert_eq!((many.to_string().as_str(), Failure::Refused(many).exit()), (text, 3));
        let later = read(503, r#"{"code":"unavailable","detail":"busy"}"#).unwrap();
        assert!(later.to_string().ends_with("repeat it in 3 s"));
        assert!(read(502, "<html>").is_none());
        assert!(read(404, r#"{"detail":"Not Found"}"#).is_none());
        assert!(read(404, r#"{"detail":{"error":"none"}}"#).is_none());
    }
}
