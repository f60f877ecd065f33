//! The mail server, as it is named in the configuration.

use std::fmt;
use std::str::FromStr;

use ringback_model::Redacted;
use url::{Host, Url};

use crate::egress::percent_decode;

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// With the connection: `smtps://`, port 465.
    FromTheStart,
    /// By STARTTLS, without which nothing is sent: `smtp://`, port 587.
    Starttls,
    /// Never: `smtp+plain://`, port 25.
    None,
}

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: Redacted,
}

/// A mail server: `smtps://USER:PASSWORD@HOST`, `smtp://...` or `smtp+plain://HOST`, with a port if it is another one.
#[derive(Clone, PartialEq, Eq)]
pub struct MailServer {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: MailTls,
    pub(super) login: Option<Login>,
}

/// Why a text names no mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailServerError {
    /// It is no URL of one.
    #[error(
        "a mail server is written smtps://USER:PASSWORD@HOST, smtp://... (STARTTLS) or smtp+plain://HOST, with :PORT if \
         it is another one than 465, 587 and 25"
    )]
    Form,
    /// A password would be sent to another machine in the clear.
    #[error("a password is not sent without TLS: use smtps:// or smtp://")]
    PlainPassword,
}

impl FromStr for MailServer {
    type Err = MailServerError;

    fn from_str(text: &str) -> Result<Self, MailServerError> {
        let url = Url::parse(text).map_err(|_| MailServerError::Form)?;
        let (tls, port) = match url.scheme() {
            "smtps" => (MailTls::FromTheStart, 465),
            "smtp" => (MailTls::Starttls, 587),
            "smtp+plain" => (MailTls::None, 25),
            _ => return Err(MailServerError::Form),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(MailServerError::Form);
        }
        let host = match url.host().ok_or(MailServerError::Form)? {
            Host::Domain(name) if is_name(name) => name.to_owned(),
            Host::Domain(_) => return Err(MailServerError::Form),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let is_near =
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        let login = login(&url)?;
        if login.is_some() && tls == MailTls::None && !is_near {
            return Err(MailServerError::PlainPassword);
        }
        Ok(Self { host, port: url.port().unwrap_or(port), tls, login })
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

/// Who logs in, by the URL: both names are percent-encoded there.
fn login(url: &Url) -> Result<Option<Login>, MailServerError> {
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) | (_, None) => Err(MailServerError::Form),
        (user, Some(password)) => {
            let (user, password) = (decoded(user)?, decoded(password)?);
            Ok(Some(Login { user, password: Redacted::new(password) }))
        }
    }
}

/// What stands behind `%XX`, which is text on one line.
fn decoded(text: &str) -> Result<String, MailServerError> {
    let text = percent_decode(text).ok_or(MailServerError::Form)?;
    if text.contains(char::is_control) { Err(MailServerError::Form) } else { Ok(text) }
}

impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailServer").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Host, port, TLS, user and password.
    type Parts = (String, u16, MailTls, Option<(String, String)>);

    fn read(text: &str) -> Result<Parts, MailServerError> {
        let MailServer { host, port, tls, login } = text.parse()?;
        Ok((host, port, tls, login.map(|login| (login.user, login.password.reveal().to_owned()))))
    }

    #[test]
    fn a_server_is_read_with_the_port_of_its_scheme() {
        let login = Some(("a@b".to_owned(), "p:/ä".to_owned()));
        for (text, host, port, tls, login) in [
            ("smtps://mail.example", "mail.example", 465, MailTls::FromTheStart, None),
            ("smtp://a%40b:p%3A%2F%C3%A4@mail.example/", "mail.example", 587, MailTls::Starttls, login),
            ("smtp+plain://127.0.0.1:2525", "127.0.0.1", 2525, MailTls::None, None),
            ("smtp+plain://u:p@[::1]", "::1", 25, MailTls::None, Some(("u".to_owned(), "p".to_owned()))),
        ] {
            assert_eq!(read(text), Ok((host.to_owned(), port, tls, login)), "{text}");
        }
    }

    #[test]
    fn what_is_no_server_is_refused_and_a_password_in_the_clear_too() {
        for text in [
            "mail.example",
            "mail.example:25",
            "http://mail.example",
            "smtps://",
            "smtps://mail.example/x",
            "smtps://mail.example?a",
            "smtps://user@mail.example",
            "smtps://:p@mail.example",
            "smtps://u:%0D%0A@mail.example",
            "smtps://a b/",
        ] {
            assert_eq!(read(text), Err(MailServerError::Form), "{text}");
        }
        assert_eq!(read("smtp+plain://u:p@mail.example"), Err(MailServerError::PlainPassword));
    }

    #[test]
    fn a_password_is_not_shown() {
        let server: MailServer = "smtps://u:hunter2@mail.example".parse().unwrap();
        assert!(!format!("{server:?}").contains("hunter2"));
    }
}
