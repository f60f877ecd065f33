//! Which server is spoken to, and with which token.

use clap::{Arg, ArgMatches};
use ringback_engine::egress::TargetUrl;
use ringback_model::Redacted;

use super::failure::Failure;

/// Where `ringback serve` listens unless it is told otherwise.
pub(crate) const DEFAULT_SERVER: &str = "http://127.0.0.1:8071";

/// What says which server is spoken to.
pub(crate) const SERVER_SETTING: &str = "--server (RINGBACK_URL)";

const SERVER: &str = "server";
const TOKEN: &str = "token";
const TOKEN_FILE: &str = "token-file";
const HEADING: &str = "Connection";

/// The flags.
pub(crate) fn arguments() -> [Arg; 3] {
    [
        Arg::new(SERVER)
            .long(SERVER)
            .value_name("URL")
            .env("RINGBACK_URL")
            .hide_env_values(true)
            .help(format!("The server [default: {DEFAULT_SERVER}]"))
            .help_heading(HEADING),
        Arg::new(TOKEN)
            .long(TOKEN)
            .value_name("TOKEN")
            .env("RINGBACK_TOKEN")
            .hide_env_values(true)
            .conflicts_with(TOKEN_FILE)
            .help("A token of it; better given by the environment or by a file")
            .help_heading(HEADING),
        Arg::new(TOKEN_FILE)
            .long(TOKEN_FILE)
            .value_name("FILE")
            .env("RINGBACK_TOKEN_FILE")
            .hide_env_values(true)
            .help("Holds the token")
            .help_heading(HEADING),
    ]
}

/// A server and the right to speak to it.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Its URL; paths of the API come behind it.
    pub(crate) server: TargetUrl,
    /// What says which server that is, for messages.
    pub(crate) setting: &'static str,
    /// The token, if there is one.
    pub(crate) token: Option<Redacted>,
}

impl Connection {
    /// What was said on the command line and in the environment.
    pub(crate) fn new(matches: &ArgMatches) -> Result<Self, Failure> {
        let text = |name| matches.get_one::<String>(name).map(String::as_str).filter(|text| !text.is_empty());
        Self::to(text(SERVER).unwrap_or(DEFAULT_SERVER), text(TOKEN), text(TOKEN_FILE), SERVER_SETTING)
    }

    /// To this server, with this token or the one in this file; `setting` is what said so.
    pub(crate) fn to(
        url: &str,
        token: Option<&str>,
        token_file: Option<&str>,
        setting: &'static str,
    ) -> Result<Self, Failure> {
        let token = match (token, token_file) {
            (Some(token), _) => Some(Redacted::new(token.trim().to_owned())),
            (None, Some(file)) => Some(token_of(file)?),
            (None, None) => None,
        };
        Ok(Self { server: server(url)?, setting, token })
    }
}

/// Reads the URL of a server. What client libraries are told works, with `/api/v1` at its end or without.
fn server(text: &str) -> Result<TargetUrl, Failure> {
    let whole = text.trim().trim_end_matches('/');
    let whole = whole.strip_suffix("/api/v1").unwrap_or(whole);
    let refused = |why: &dyn std::fmt::Display| {
        Failure::Usage(format!("`{text}` is no URL of a server, such as {DEFAULT_SERVER}: {why}"))
    };
    let url = TargetUrl::parse(whole).map_err(|error| refused(&error))?;
    if url.credentials().is_some() || url.path_and_query().query().is_some() {
        return Err(refused(&"it has neither a user nor a query"));
    }
    Ok(url)
}

/// The token that a file holds.
fn token_of(file: &str) -> Result<Redacted, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("cannot read the token in {file}: {error}")))?;
    let token = text.lines().next().unwrap_or_default().trim();
    if token.is_empty() {
        return Err(Failure::Usage(format!("the first line of {file} is empty, and should be a token")));
    }
    Ok(Redacted::new(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_as_client_libraries_are_told() {
        for (text, url) in [
            ("http://127.0.0.1:8071", "http://127.0.0.1:8071/"),
            ("https://hooks.example/", "https://hooks.example/"),
            ("https://hooks.example/api/v1/", "https://hooks.example/"),
            ("https://example.com/hooks", "https://example.com/hooks"),
        ] {
            assert_eq!(server(text).unwrap().as_str(), url);
        }
        for text in ["127.0.0.1:8071", "ftp://a", "https://user:pass@a.example", "https://a.example?x=1", ""] {
            assert!(server(text).unwrap_err().to_string().contains(DEFAULT_SERVER), "{text}");
        }
    }
}
