//! Reads a request as somebody has written it down: a request line if there is one, headers, an empty line, the body.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::receiver::Arrival;

/// Reads a request; `body` is its body if it stands elsewhere.
///
/// # Errors
/// What cannot be read, and what it should be.
pub(super) fn read(bytes: &[u8], body: Option<Vec<u8>>) -> Result<Arrival, String> {
    let (head, rest) = listened(bytes).unwrap_or_else(|| split(bytes));
    let head = std::str::from_utf8(head).map_err(|_| "the headers are not text".to_owned())?;
    let mut lines = head.lines().map(str::trim_end).filter(|line| !line.is_empty()).peekable();
    let (method, target) = lines.next_if(|line| is_request_line(line)).map_or((Method::POST, "/".to_owned()), |line| {
        let mut words = line.split_whitespace();
        let method = words.next().and_then(|word| word.parse().ok()).unwrap_or(Method::POST);
        (method, words.next().unwrap_or("/").to_owned())
    });
    let mut headers = HeaderMap::new();
    for line in lines {
        let refused = || format!("`{line}` is no header: write `name: value`, then an empty line, then the body");
        let (name, value) = line.split_once(':').ok_or_else(refused)?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| refused())?;
        headers.append(name, HeaderValue::from_str(value.trim()).map_err(|_| refused())?);
    }
    if headers.is_empty() {
        return Err("there are no headers: write `name: value` lines, then an empty line, then the body".to_owned());
    }
    let body = match body {
        Some(_) if !rest.is_empty() => {
            return Err("there are two bodies: one in the request, one with --body".to_owned());
        }
        Some(body) => body,
        None => rest.to_vec(),
    };
    Ok(Arrival { method, target, headers, body: Bytes::from(body), answered: StatusCode::OK })
}

/// Where the empty line is.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let find = |end: &[u8]| bytes.windows(end.len()).position(|window| window == end).map(|at| (at, at + end.len()));
    let first = [find(b"\r\n\r\n"), find(b"\n\n")].into_iter().flatten().min();
    first.map_or((bytes, &[]), |(end, begin)| (&bytes[..end], &bytes[begin..]))
}

/// The first request in what `ringback listen` prints: before its line stands where it listens, and behind its body what its
/// signature is worth.
fn listened(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    const JUDGEMENT: &[u8] = b"signature: ";
    let mut begin = None;
    let mut length = None;
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let (start, text) = (at, line.trim_ascii_end());
        at += line.len();
        let Some(begin) = begin else {
            let is_first = std::str::from_utf8(text).is_ok_and(|text| is_request_line(text) && text.contains(" -> "));
            begin = is_first.then_some(start);
            continue;
        };
        if text.starts_with(JUDGEMENT) {
            return Some((&bytes[begin..start], &[]));
        }
        if text.is_empty() {
            let rest = &bytes[at..];
            let length = length.filter(|length| *length <= rest.len()).unwrap_or(rest.len());
            return Some((&bytes[begin..start], &rest[..length]));
        }
        let value = text.strip_prefix(b"content-length: ").and_then(|value| std::str::from_utf8(value).ok());
        length = value.and_then(|value| value.parse::<usize>().ok()).or(length);
    }
    begin.map(|begin| (&bytes[begin..], &[][..]))
}

/// `POST /path HTTP/1.1`, or what `ringback listen` prints: `POST /path -> 200`.
fn is_request_line(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let is_method = words.next().is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_uppercase()));
    is_method && words.next().is_some_and(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_however_it_was_written_down() {
        for text in [
            "POST /hook?a=1 HTTP/1.1\r\nwebhook-id: m\r\n\r\n{}\n\n{}",
            "POST /hook?a=1 -> 200\nwebhook-id:m\n\n{}\n\n{}",
        ] {
            let arrival = read(text.as_bytes(), None).unwrap();
            assert_eq!((arrival.target.as_str(), arrival.header("webhook-id")), ("/hook?a=1", "m"));
            assert_eq!(arrival.body, "{}\n\n{}");
        }
        let arrival = read(b"Webhook-Id: m\n", Some(b"{}".to_vec())).unwrap();
        assert_eq!((arrival.method, arrival.body), (Method::POST, "{}".into()));
    }

    #[test]
    fn all_that_listen_prints_is_read_and_its_own_words_are_no_part_of_the_request() {
        let text = "Listening on http://127.0.0.1:9000/\n\nPOST /in -> 200\ncontent-length: 9\nwebhook-id: m\n\n{\"a\":\n\n1}\n\
                    signature: verified\n\nPOST /in -> 200\nwebhook-id: n\n\n{}\nsignature: verified\n";
        let arrival = read(text.as_bytes(), None).unwrap();
        assert_eq!((arrival.header("webhook-id"), &arrival.body[..]), ("m", &b"{\"a\":\n\n1}"[..]));
        let without = "Listening on http://127.0.0.1:9000/\n\nGET /in?a=1 -> 200\nwebhook-id: m\nsignature: not checked (give)\n\nGET /b -> 200\n";
        let arrival = read(without.as_bytes(), None).unwrap();
        assert_eq!((arrival.target.as_str(), arrival.headers.len(), arrival.body.len()), ("/in?a=1", 1, 0));
    }

    #[test]
    fn what_is_no_request_is_refused_with_what_would_be() {
        for text in ["", "{\"a\"", "webhook-id m\n\n{}"] {
            assert!(read(text.as_bytes(), None).unwrap_err().contains("then an empty line, then the body"), "{text}");
        }
        assert!(read(b"a: b\n\n{}", Some(Vec::new())).unwrap_err().contains("two bodies"));
    }
}
