//! The configuration file: TOML, one key for each setting, an unknown key refused with those that look like it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::alert::AlertFile;
use super::issuer::JqlFile;
use super::svix::{self, SvixVariables};
use super::{
    ConfigError, HostNames, Listen, LogFormat, MigrateUrl, Networks, ProxyUrl, PublicUrl, Schedule, Secret,
    StoreAddress,
};
use crate::telemetry::TelemetryFile;
use ringback_model::{OrgId, near};

/// What the file sets. Every key is the name of a flag of `serve` with `_` for `-`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct File {
    pub(super) listen: Option<Listen>,
    pub(super) admin_listen: Option<Listen>,
    pub(super) public_url: Option<PublicUrl>,
    pub(super) allowed_hosts: Option<HostNames>,
    pub(super) store: Option<StoreAddress>,
    pub(super) migrate_url: Option<MigrateUrl>,
    pub(super) egress_allow: Option<Networks>,
    pub(super) egress_proxy: Option<ProxyUrl>,
    pub(super) retry_schedule: Option<Schedule>,
    pub(super) jwt_secret: Option<Secret>,
    pub(super) jwt_secret_file: Option<PathBuf>,
    pub(super) master_key_file: Option<PathBuf>,
    pub(super) https_only: Option<bool>,
    pub(super) management_org: Option<OrgId>,
    pub(super) log: Option<String>,
    pub(super) log_format: Option<LogFormat>,
    #[serde(flatten)]
    pub(super) alert: AlertFile,
    #[serde(flatten)]
    pub(super) jql: JqlFile,
    #[serde(flatten)]
    pub(crate) telemetry: TelemetryFile,
}

/// The keys of [`File`].
pub(crate) const KEYS: [&str; 35] = [
    "listen",
    "admin_listen",
    "public_url",
    "allowed_hosts",
    "store",
    "migrate_url",
    "egress_allow",
    "egress_proxy",
    "retry_schedule",
    "jwt_secret",
    "jwt_secret_file",
    "master_key_file",
    "https_only",
    "management_org",
    "log",
    "log_format",
    "smtp_url",
    "smtp_ca_file",
    "alert_from",
    "alert_to",
    "alert_on",
    "jql_jwks_url",
    "jql_algorithms",
    "jql_introspection_url",
    "jql_client_id",
    "jql_client_secret",
    "jql_client_secret_file",
    "jql_issuer",
    "jql_audience",
    "jql_scope",
    "jql_app_claim",
    "jql_org",
    "otlp_endpoint",
    "otlp_headers",
    "otlp_sample_ratio",
];

impl File {
    /// Reads the file; without a path, one that sets nothing.
    ///
    /// # Errors
    /// When it cannot be read, is no TOML, has a key that is no setting, or a value that does not fit its key.
    pub(crate) fn read(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|(line, what)| ConfigError::File { path: path.to_owned(), line, what })
    }

    /// Reads the file, and puts over it what the environment of this process says in the words of a Svix server.
    ///
    /// # Errors
    /// Those of [`File::read`], and [`ConfigError::Svix`].
    pub(crate) fn read_with_svix(path: Option<&Path>) -> Result<(Self, SvixVariables), ConfigError> {
        let mut file = Self::read(path)?;
        let texts =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let found = svix::over(&mut file, texts)?;
        Ok((file, found))
    }

    /// Reads a text; on refusal the line and what is wrong in it.
    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let wrong = |error: &toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            (line_of(text, at), error.message().replace('\n', " "))
        };
        let keys: toml::de::DeTable<'_> = toml::de::DeTable::parse(text).map_err(|e| wrong(&e))?.into_inner();
        if let Some(key) = keys.keys().find(|key| !KEYS.contains(&key.get_ref().as_ref())) {
            return Err((line_of(text, key.span().start), unknown(key.get_ref())));
        }
        toml::from_str(text).map_err(|e| wrong(&e))
    }
}

fn unknown(key: &str) -> String {
    let near = near(key, KEYS);
    let hint = if near.is_empty() {
        format!("the keys are {}", KEYS.join(", "))
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    format!("`{key}` is no setting; {hint}")
}

/// The line, counted from 1, of a place in the text.
fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_key_is_refused_with_its_line_and_what_was_meant() {
        let refused = File::parse("listen = \"127.0.0.1:1\"\negress_alow = []\n").unwrap_err();
        assert_eq!(refused, (2, "`egress_alow` is no setting; did you mean egress_allow?".to_owned()));
    }

    #[test]
    fn a_key_like_no_other_is_refused_with_all_keys() {
        let (line, what) = File::parse("[database]\nurl = 1").unwrap_err();
        assert_eq!(
            (line, what.starts_with("`database` is no setting; the keys are listen, admin_listen,")),
            (1, true),
            "{what}"
        );
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused_with_its_line() {
        let (line, what) = File::parse("https_only = true\nlisten = \"here\"\n").unwrap_err();
        assert_eq!((line, what.contains("127.0.0.1:8071")), (2, true), "{what}");
        let (line, what) = File::parse("\n\nhttps_only = 1\n").unwrap_err();
        assert_eq!((line, what.contains("expected a boolean")), (3, true), "{what}");
    }

    #[test]
    fn what_is_no_toml_is_refused_in_one_line() {
        let (line, what) = File::parse("listen = \n").unwrap_err();
        assert_eq!((line, what.contains('\n')), (1, false), "{what}");
    }

    #[test]
    fn lists_may_be_written_as_lists_or_with_commas() {
        let list = File::parse("retry_schedule = [\"5s\", \"5m\"]").unwrap();
        let text = File::parse("retry_schedule = \"5s,5m\"").unwrap();
        assert_eq!(list.retry_schedule, text.retry_schedule);
    }
}
