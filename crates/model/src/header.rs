//! Which request headers the owner of an endpoint may choose.
//!
//! Refused are names that the request needs for itself, that say who we are, or that intermediaries trust; and values
//! that could end a header early.

/// The longest name, in bytes.
const NAME_MAX: usize = 256;
/// The longest value, in bytes.
const VALUE_MAX: usize = 4_096;

/// Names that are refused, in lower case.
const RESERVED: &[&str] = &[
    "age",
    "cache-control",
    "clear-site-data",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-type",
    "cookie",
    "date",
    "expect",
    "expires",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "metadata",
    "metadata-flavor",
    "pragma",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "warning",
    "x-real-ip",
];

/// Beginnings of names that are refused, in lower case.
const RESERVED_PREFIXES: &[&str] = &[
    "proxy-",
    "ringback-",
    "svix-",
    "webhook-",
    "x-amz-",
    "x-amzn-",
    "x-aws-ec2-",
    "x-azure-",
    "x-fd-",
    "x-forwarded-",
    "x-gfe",
    "x-goog-",
    "x-google",
    "x-ringback-",
    "x-webhook-",
    "x-svix-",
];

/// Why a name, in lower case, cannot be that of a header of the endpoint's owner.
#[must_use]
pub fn header_name_fault(lower: &str) -> Option<&'static str> {
    let is_token_char = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if lower.is_empty() || lower.len() > NAME_MAX || !lower.bytes().all(is_token_char) {
        return Some("A header name is 1 to 256 letters, digits and marks such as `-`, without spaces and colons.");
    }
    let reserved = RESERVED.contains(&lower) || RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
    reserved.then_some("This header is set by the server or by intermediaries and cannot be chosen.")
}

/// Why a text cannot be the value of a header.
#[must_use]
pub fn header_value_fault(value: &str) -> Option<&'static str> {
    if value.len() > VALUE_MAX {
        return Some("A header value has at most 4096 bytes.");
    }
    if !value.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b)) {
        return Some("A header value is printable ASCII on one line: no line breaks, control characters or accents.");
    }
    if value.trim_matches([' ', '\t']).len() != value.len() {
        return Some("A header value must not begin or end with white space.");
    }
    None
}
