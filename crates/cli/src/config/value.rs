//! The values of settings: each is read from one text, whether that stood on the command line, in the environment or in
//! the file, and refuses with a sentence that says what would do.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use ringback_engine::egress::{Host, PolicyError, Proxy, ProxyError, TargetUrl, parse_networks};
use ringback_engine::mail::{Mailbox, MailboxError};
use ringback_model::{DurationError, NoticeKind, Redacted, parse_duration, parse_schedule};
use ringback_service::AlgorithmError;
use serde::{Deserialize, Deserializer};

use super::{Algorithms, IssuerUrl};
use crate::telemetry::{CollectorUrl, Headers, Share};

/// Why a text is no value of a setting.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValueError {
    #[error("an address is an IP address and a port, such as 127.0.0.1:8071 or [::]:8071")]
    Listen,
    #[error(
        "a store is written sqlite:FOLDER, such as sqlite:./ringback-data, or postgres://USER:PASSWORD@HOST/DATABASE"
    )]
    Store,
    #[error(transparent)]
    Networks(#[from] PolicyError),
    #[error(transparent)]
    Duration(#[from] DurationError),
    #[error("log formats are `human` and `json`")]
    LogFormat,
    #[error("the URL of an issuer is not accepted: {0}")]
    IssuerUrl(String),
    #[error("a collector is named by a URL such as http://127.0.0.1:4318: {0}")]
    CollectorUrl(String),
    #[error("headers are written NAME=VALUE with commas between them, such as api-key=...")]
    CollectorHeaders,
    #[error("a share is a number from 0 to 1, such as 0.1")]
    Share,
    #[error(transparent)]
    Algorithm(#[from] AlgorithmError),
    #[error("a secret is not empty")]
    EmptySecret,
    #[error("a public URL is the origin that people see, such as https://hooks.example.com")]
    PublicUrl,
    #[error("`{0}` is no host name: names stand without scheme and port, such as hooks.example.com")]
    HostName(String),
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error("this is written postgres://USER:PASSWORD@HOST/DATABASE")]
    MigrateUrl,
    #[error(transparent)]
    Mailbox(#[from] MailboxError),
    #[error("`{0}` is nothing that can be told: there are {names}", names = notice_names())]
    Notice(String),
}

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listen(pub(crate) SocketAddr);

impl FromStr for Listen {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        text.parse().map(Self).or(Err(ValueError::Listen))
    }
}

/// Where the facts are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreAddress {
    /// The folder of an embedded store.
    Folder(PathBuf),
    /// The URL of a database in PostgreSQL, which may hold a password.
    Postgres(Redacted),
}

impl StoreAddress {
    /// The folder of an embedded store.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Postgres(_) => None,
        }
    }
}

impl Default for StoreAddress {
    fn default() -> Self {
        Self::Folder("ringback-data".into())
    }
}

impl FromStr for StoreAddress {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text.split_once(':') {
            Some(("sqlite", folder)) if !folder.is_empty() => Ok(Self::Folder(folder.into())),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(Redacted::new(text.to_owned()))),
            _ => Err(ValueError::Store),
        }
    }
}

/// Networks, with commas between them; a bare address is a network of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Networks(pub(crate) Vec<IpNet>);

impl FromStr for Networks {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Ok(Self(parse_networks(text)?))
    }
}

/// The delays between tries, with commas between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule(pub(crate) Vec<Duration>);

impl FromStr for Schedule {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Ok(Self(parse_schedule(text)?))
    }
}

/// A length of time, such as `30d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length(pub(crate) Duration);

impl FromStr for Length {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Ok(Self(parse_duration(text)?))
    }
}

/// A secret as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) Redacted);

impl FromStr for Secret {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.is_empty() { Err(ValueError::EmptySecret) } else { Ok(Self(Redacted::new(text.to_owned()))) }
    }
}

/// The origin that people see: scheme, host, and port if it is not the scheme's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicUrl {
    /// The origin as text, without a slash at its end.
    pub(crate) origin: String,
    /// Its host.
    pub(crate) host: String,
}

impl FromStr for PublicUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let url = TargetUrl::parse(text).map_err(|_| ValueError::PublicUrl)?;
        if url.path_and_query() != "/" || url.credentials().is_some() {
            return Err(ValueError::PublicUrl);
        }
        let host = match url.host() {
            Host::Name(name) => name.to_string(),
            Host::Address(address) => address.to_string(),
        };
        Ok(Self { origin: url.as_str().trim_end_matches('/').to_owned(), host })
    }
}

/// Names that the server goes by, with commas between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostNames(pub(crate) Vec<String>);

impl FromStr for HostNames {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let is_part = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        let name = |text: &str| {
            let name = text.trim();
            if name.split('.').all(is_part) { Ok(name.to_owned()) } else { Err(ValueError::HostName(name.to_owned())) }
        };
        Ok(Self(text.split(',').map(name).collect::<Result<_, _>>()?))
    }
}

/// The proxy that everything which leaves goes through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProxyUrl(pub(crate) Proxy);

impl FromStr for ProxyUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Ok(Self(text.parse()?))
    }
}

/// Where tables of a store in PostgreSQL are made and changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MigrateUrl(pub(crate) Redacted);

impl FromStr for MigrateUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text.parse()? {
            StoreAddress::Postgres(url) => Ok(Self(url)),
            StoreAddress::Folder(_) => Err(ValueError::MigrateUrl),
        }
    }
}

/// Whom alerts go to, with commas between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mailboxes(pub(crate) Vec<Mailbox>);

impl FromStr for Mailboxes {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Ok(Self(text.split(',').map(|one| one.trim().parse()).collect::<Result<_, _>>()?))
    }
}

/// What alerts are about: event types of operational webhooks, with commas between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AlertOn(pub(crate) Vec<NoticeKind>);

impl Default for AlertOn {
    fn default() -> Self {
        Self(vec![NoticeKind::EndpointDisabled])
    }
}

impl FromStr for AlertOn {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let kind = |name: &str| {
            let found = NoticeKind::ALL.into_iter().find(|kind| kind.event_type() == name.trim());
            found.ok_or_else(|| ValueError::Notice(name.trim().to_owned()))
        };
        Ok(Self(text.split(',').map(kind).collect::<Result<_, _>>()?))
    }
}

fn notice_names() -> String {
    NoticeKind::ALL.map(NoticeKind::event_type).join(", ")
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object on each line.
    Json,
}

impl FromStr for LogFormat {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err(ValueError::LogFormat),
        }
    }
}

/// What the file may give for a setting: a text, or a list in place of a text with commas.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts")]
enum TextOrList {
    Text(String),
    List(Vec<String>),
}

/// What the file may give for a number.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a number")]
enum NumberOrText {
    Number(f64),
    Text(String),
}

macro_rules! from_file {
    ($($name:ident by $text:ty => $join:expr;)*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <$text>::deserialize(deserializer)?;
                $join(text).parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

from_file! {
    Listen by String => |text: String| text;
    StoreAddress by String => |text: String| text;
    Secret by String => |text: String| text;
    LogFormat by String => |text: String| text;
    Networks by TextOrList => joined;
    HostNames by TextOrList => joined;
    PublicUrl by String => |text: String| text;
    ProxyUrl by String => |text: String| text;
    MigrateUrl by String => |text: String| text;
    Schedule by TextOrList => joined;
    Mailboxes by TextOrList => joined;
    AlertOn by TextOrList => joined;
    IssuerUrl by String => |text: String| text;
    Algorithms by TextOrList => joined;
    CollectorUrl by String => |text: String| text;
    Headers by TextOrList => joined;
    Share by NumberOrText => |number: NumberOrText| match number {
        NumberOrText::Number(number) => number.to_string(),
        NumberOrText::Text(text) => text,
    };
}

fn joined(value: TextOrList) -> String {
    match value {
        TextOrList::Text(text) => text,
        TextOrList::List(parts) => parts.join(","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal<T: FromStr<Err = ValueError> + std::fmt::Debug>(text: &str) -> String {
        text.parse::<T>().unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_what_would_do() {
        assert!(refusal::<Listen>("localhost:8071").contains("127.0.0.1:8071"));
        assert!(refusal::<StoreAddress>("./data").contains("sqlite:./ringback-data"));
        assert!(refusal::<StoreAddress>("sqlite:").contains("sqlite:./ringback-data"));
        assert!(refusal::<StoreAddress>("mysql://db/ringback").contains("postgres://"));
        assert!(refusal::<Networks>("10.0.0.0/8,lan").starts_with("`lan` is no address range"));
        assert!(refusal::<PublicUrl>("hooks.example").contains("https://hooks.example.com"));
        assert!(refusal::<PublicUrl>("https://hooks.example/console").contains("https://hooks.example.com"));
        assert!(refusal::<HostNames>("a.example,https://b.example").starts_with("`https://b.example` is no host name"));
        assert!(refusal::<ProxyUrl>("socks5://p:1").contains("http://HOST:PORT"));
        assert!(refusal::<Mailboxes>("a@b.example,ops").starts_with("`ops` is no e-mail address"));
        assert!(refusal::<AlertOn>("endpoint.broken").contains("endpoint.disabled"));
        assert!(refusal::<MigrateUrl>("sqlite:data").contains("postgres://"));
        assert!(refusal::<Schedule>("5s,soon").starts_with("`soon` is no length of time"));
    }
}
