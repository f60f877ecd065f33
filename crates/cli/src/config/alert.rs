//! Settings of e-mails to the operator: they go together.

use std::path::PathBuf;

use ringback_engine::egress::Trust;
use ringback_engine::mail::{MailServer, Mailer};
use ringback_service::AlertSettings;
use serde::Deserialize;

use super::value::{AlertOn, Mailboxes, Secret};
use super::{ConfigError, File};
use crate::args::AlertArgs;

/// What the file sets.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AlertFile {
    smtp_url: Option<Secret>,
    smtp_ca_file: Option<PathBuf>,
    alert_from: Option<Mailboxes>,
    alert_to: Option<Mailboxes>,
    alert_on: Option<AlertOn>,
}

/// The flags over the file; nothing if no mail server is named.
pub(super) fn alerts(args: AlertArgs, file: &mut File) -> Result<Option<AlertSettings>, ConfigError> {
    let AlertFile { smtp_url, smtp_ca_file, alert_from, alert_to, alert_on } = std::mem::take(&mut file.alert);
    let (from, to) = (args.alert_from.or(alert_from), args.alert_to.or(alert_to));
    let Some(Secret(url)) = args.smtp_url.or(smtp_url) else {
        let named = from.is_some() || to.is_some();
        return if named { Err(ConfigError::Alert("alerts by e-mail need --smtp-url")) } else { Ok(None) };
    };
    let server: MailServer = url.reveal().parse()?;
    let Some(Mailboxes(to)) = to else {
        return Err(ConfigError::Alert("--smtp-url needs --alert-to: whom e-mails go to"));
    };
    let mut from = from.unwrap_or_default().0;
    let from = match (from.pop(), from.pop()) {
        (Some(from), None) => from,
        (Some(_), Some(_)) => return Err(ConfigError::Alert("--alert-from is one address")),
        (None, _) => return Err(ConfigError::Alert("--smtp-url needs --alert-from: whom e-mails come from")),
    };
    let trust = match args.smtp_ca_file.or(smtp_ca_file) {
        None => Trust::public(),
        Some(path) => trust(path)?,
    };
    let on = args.alert_on.or(alert_on).unwrap_or_default().0;
    Ok(Some(AlertSettings { mailer: Mailer::new(server, trust), from, to, on }))
}

fn trust(path: PathBuf) -> Result<Trust, ConfigError> {
    let read = std::fs::read(&path).map_err(|error| error.to_string());
    let trust = read.and_then(|pem| Trust::with_pem(&pem).map_err(|error| error.to_string()));
    trust.map_err(|why| ConfigError::SmtpCa { path, why })
}
