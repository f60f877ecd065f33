//! The grammar of a URL, part by part.

use std::borrow::Cow;

use http::uri::PathAndQuery;
use ringback_model::{BasicAuth, Redacted};

use super::{Host, Scheme, UrlError};

/// The longest host name and the longest label of one (RFC 1035, section 2.3.4).
const HOST_MAX: usize = 253;
const LABEL_MAX: usize = 63;

pub(super) fn split_scheme(text: &str) -> Result<(Scheme, &str), UrlError> {
    let (scheme, rest) = text.split_once("://").ok_or(UrlError::NoScheme)?;
    if scheme.eq_ignore_ascii_case("https") {
        return Ok((Scheme::Https, rest));
    }
    if scheme.eq_ignore_ascii_case("http") {
        return Ok((Scheme::Http, rest));
    }
    let well_formed = !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    Err(if well_formed { UrlError::Scheme { found: scheme.to_ascii_lowercase() } } else { UrlError::NoScheme })
}

pub(super) fn read_userinfo(userinfo: &str) -> Result<BasicAuth, UrlError> {
    // RFC 3986, section 3.2.1. A second `@` in particular is where readers of URLs disagree about the host.
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:".contains(&b);
    if userinfo.is_empty() || !userinfo.bytes().all(allowed) {
        return Err(UrlError::Userinfo);
    }
    let (username, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let decoded = |text| percent_decode(text).ok_or(UrlError::Userinfo);
    let (username, password) = (decoded(username)?, decoded(password)?);
    // RFC 7617, section 2: no colon in the user name, no control characters in either.
    if username.contains(':') || username.chars().chain(password.chars()).any(char::is_control) {
        return Err(UrlError::Userinfo);
    }
    Ok(BasicAuth { username, password: Redacted::new(password) })
}

/// A text in which every `%` stands before two hexadecimal digits, as these say it; none if one does not, or it is no
/// UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
        let value = digit()? << 4 | digit()?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok()
}

pub(super) fn read_host_and_port(text: &str) -> Result<(Host, Option<u16>), UrlError> {
    refuse_characters(text, |c| c.is_control() || c.is_whitespace() || c == '\\')?;
    // A colon inside brackets belongs to an IPv6 address.
    let port_at = text.rfind(':').filter(|at| !text[*at..].contains(']'));
    let (host, port) = match port_at {
        Some(at) => (&text[..at], Some(read_port(&text[at + 1..])?)),
        None => (text, None),
    };
    Ok((read_host(host)?, port))
}

fn read_port(text: &str) -> Result<u16, UrlError> {
    let refuse = || UrlError::Port { found: text.chars().take(12).collect() };
    if text.is_empty() || text.starts_with('0') || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(refuse());
    }
    text.parse().map_err(|_: std::num::ParseIntError| refuse())
}

fn read_host(text: &str) -> Result<Host, UrlError> {
    if text.is_empty() {
        return Err(UrlError::NoHost);
    }
    let refuse = || UrlError::Host { found: text.chars().take(80).collect() };
    // One reading by the WHATWG rules: case, percent-encoding, IDNA, and every spelling of an IPv4 address.
    match url::Host::parse(text).map_err(|_: url::ParseError| refuse())? {
        url::Host::Ipv4(address) => Ok(Host::Address(address.into())),
        url::Host::Ipv6(address) => Ok(Host::Address(address.into())),
        url::Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            let well_formed = name.len() <= HOST_MAX && name.split('.').all(is_label);
            if well_formed { Ok(Host::Name(name.into())) } else { Err(refuse()) }
        }
    }
}

fn is_label(label: &str) -> bool {
    let letters = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    letters && (1..=LABEL_MAX).contains(&label.len())
}

pub(super) fn read_path_and_query(text: &str) -> Result<PathAndQuery, UrlError> {
    // What RFC 3986 does not let stand there, but for `{`, `|` and `}`, which templates and many receivers use.
    refuse_characters(text, |c| !c.is_ascii_graphic() || matches!(c, '"' | '<' | '>' | '\\' | '^' | '`'))?;
    let path = text.split('?').next().unwrap_or_default();
    if path.split('/').any(is_dot_segment) {
        return Err(UrlError::DotSegment);
    }
    let whole = if text.starts_with('/') { Cow::Borrowed(text) } else { Cow::Owned(format!("/{text}")) };
    Ok(PathAndQuery::try_from(whole.as_ref()).expect("every character left is one that a request line can hold"))
}

/// `.` and `..`, also where a dot is written `%2e`: a reader that resolves them would call another path.
fn is_dot_segment(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}

pub(super) fn refuse_characters(text: &str, refused: impl Fn(char) -> bool) -> Result<(), UrlError> {
    let Some(found) = text.chars().find(|c| refused(*c)) else { return Ok(()) };
    let encoded = (!found.is_control() && found != '\\').then(|| {
        let mut buffer = [0; 4];
        found.encode_utf8(&mut buffer).bytes().map(|byte| format!("%{byte:02X}")).collect()
    });
    Err(UrlError::Character { found, encoded })
}
