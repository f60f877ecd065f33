//! The URL of a receiver: what may be registered, and everything a request needs of it, worked out once.
//!
//! Readers of URLs disagree, and attackers live in the difference. So the text is cut apart here by a grammar that
//! knows no exceptions, only the host goes through the WHATWG parser (case, punycode, the many spellings of an IPv4
//! address), and the rest of the system sees the one normalised result. Path and query stay as they were written.
//! Whether the host may be called is not decided here: that is [`EgressPolicy::check_url`](super::EgressPolicy::check_url).

mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;

use http::HeaderValue;
use http::uri::PathAndQuery;
use ringback_model::BasicAuth;

pub(crate) use parse::percent_decode;

/// The longest URL that can be registered, in bytes.
pub const REGISTERED_URL_MAX: usize = 2_048;

/// How a receiver is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP over TLS.
    Https,
    /// HTTP in the clear.
    Http,
}

impl Scheme {
    /// As it is written in a URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

/// Who a receiver is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name: lower case, punycode, without a last dot.
    Name(Box<str>),
    /// An address.
    Address(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(v4)) => fmt::Display::fmt(v4, f),
            Self::Address(IpAddr::V6(v6)) => write!(f, "[{v6}]"),
        }
    }
}

/// Scheme, host and port: what a connection belongs to (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// Who it is.
    pub host: Host,
    /// The port, the scheme's own if the URL names none.
    pub port: u16,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port == self.scheme.default_port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// Something in a URL that was changed on the way in. Its text is for the person who registers the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlWarning {
    /// `user:password@` was taken out.
    #[error("the user name and password were taken out of the URL and are sent as basic authentication")]
    UserinfoMoved,
    /// `#fragment` was taken off.
    #[error("the part after `#` was taken off: it is never sent to a server")]
    FragmentRemoved,
}

/// Why a text cannot be registered as a URL. Its text is for the person who wrote it, and repeats no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Longer than [`REGISTERED_URL_MAX`].
    #[error("a URL has at most {REGISTERED_URL_MAX} bytes, and this one has {length}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// No `://` behind a scheme.
    #[error("a URL begins with `https://` or `http://`, such as https://example.com/webhooks")]
    NoScheme,
    /// Another scheme than http and https.
    #[error("webhooks are sent to `https://` or `http://`, not to `{found}://`")]
    Scheme {
        /// The scheme.
        found: String,
    },
    /// A character that a URL cannot hold, anywhere.
    #[error("{} cannot stand in a URL{}", show(*.found), hint(encoded))]
    Character {
        /// The character.
        found: char,
        /// How it is written in a path or query, if it can be.
        encoded: Option<String>,
    },
    /// Userinfo that cannot become basic authentication.
    #[error(
        "what stands before the `@` is no user name and password: write it as `user:password@`, with `@`, `:`, `/` and \
         other special characters percent-encoded (`@` is %40), or leave it out and set `auth` instead"
    )]
    Userinfo,
    /// A place for a value where the URL says whom to call.
    #[error("places for values, such as `{{{{path}}}}`, stand in the path and the query only, never before them")]
    Placeholder,
    /// Nothing where the host belongs.
    #[error("the URL names no host: it is written `https://host/path`")]
    NoHost,
    /// No host name and no address.
    #[error("`{found}` is no valid host name or IP address")]
    Host {
        /// What stands there.
        found: String,
    },
    /// No port.
    #[error("`{found}` is no port: it is a number from 1 to 65535")]
    Port {
        /// What stands there.
        found: String,
    },
    /// `.` or `..` as a part of the path, encoded or not.
    #[error("the path has a part `.` or `..`: write the path without it")]
    DotSegment,
}

fn show(found: char) -> String {
    if found.is_control() || found == ' ' { format!("the character {found:?}") } else { format!("`{found}`") }
}

fn hint(encoded: &Option<String>) -> String {
    encoded.as_ref().map_or_else(String::new, |encoded| format!(": write it as {encoded}"))
}

/// The URL of a receiver, normalised, with all that a request needs of it.
#[derive(Clone)]
pub struct TargetUrl {
    origin: Origin,
    path_and_query: PathAndQuery,
    host_header: HeaderValue,
    text: String,
    credentials: Option<BasicAuth>,
    warnings: Vec<UrlWarning>,
}

impl TargetUrl {
    /// Reads a URL that somebody wants to register. What [`TargetUrl::as_str`] gives is read back the same.
    ///
    /// # Errors
    /// When it is not an absolute http or https URL that every reader would read alike.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if text.len() > REGISTERED_URL_MAX {
            return Err(UrlError::TooLong { length: text.len() });
        }
        let (scheme, rest) = parse::split_scheme(text)?;
        let authority_end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(authority_end);
        // Whom to call is decided when the URL is registered, and by nothing that an event says.
        if authority.contains(['{', '}']) {
            return Err(UrlError::Placeholder);
        }
        let (path_and_query, fragment) = match rest.split_once('#') {
            Some((kept, fragment)) => (kept, Some(fragment)),
            None => (rest, None),
        };
        let (userinfo, host_and_port) = match authority.rsplit_once('@') {
            Some((userinfo, rest)) => (Some(userinfo), rest),
            None => (None, authority),
        };
        let mut warnings = Vec::new();
        let credentials = userinfo.map(parse::read_userinfo).transpose()?;
        if credentials.is_some() {
            warnings.push(UrlWarning::UserinfoMoved);
        }
        if let Some(fragment) = fragment {
            parse::refuse_characters(fragment, |c| c.is_control() || matches!(c, ' ' | '\\'))?;
            warnings.push(UrlWarning::FragmentRemoved);
        }
        let (host, port) = parse::read_host_and_port(host_and_port)?;
        let origin = Origin { scheme, host, port: port.unwrap_or(scheme.default_port()) };
        let path_and_query = parse::read_path_and_query(path_and_query)?;
        Ok(Self::assemble(origin, path_and_query, credentials, warnings))
    }

    fn assemble(
        origin: Origin,
        path_and_query: PathAndQuery,
        credentials: Option<BasicAuth>,
        warnings: Vec<UrlWarning>,
    ) -> Self {
        let prefix = origin.to_string();
        let authority = prefix.trim_start_matches(origin.scheme.as_str()).trim_start_matches("://");
        let host_header = HeaderValue::from_str(authority).expect("a host that was read is visible ASCII");
        let text = format!("{prefix}{path_and_query}");
        Self { origin, path_and_query, host_header, text, credentials, warnings }
    }

    /// How it is spoken to.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.origin.scheme
    }

    /// Who it is.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.origin.host
    }

    /// The port, the scheme's own if the URL names none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.origin.port
    }

    /// Scheme, host and port.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Path and query as they were written; at least `/`.
    #[must_use]
    pub const fn path_and_query(&self) -> &PathAndQuery {
        &self.path_and_query
    }

    /// The value of the `host` header: the port only if it is not the scheme's own, never a last dot.
    #[must_use]
    pub const fn host_header(&self) -> &HeaderValue {
        &self.host_header
    }

    /// The normalised URL, without userinfo and fragment: what is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// User name and password that stood in the URL, percent-decoded.
    #[must_use]
    pub const fn credentials(&self) -> Option<&BasicAuth> {
        self.credentials.as_ref()
    }

    /// What was changed on the way in.
    #[must_use]
    pub fn warnings(&self) -> &[UrlWarning] {
        &self.warnings
    }
}

impl fmt::Debug for TargetUrl {
    /// Without the query, which is where many receivers keep a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path_and_query.path())?;
        if self.path_and_query.query().is_some() { f.write_str("?…") } else { Ok(()) }
    }
}
