//! Settings: flags over environment over file over defaults.
//!
//! `clap` reads the flags and their twins in the environment into the structs of `args.rs`; [`File`] is what the file
//! says; what is here puts one over the other and fills in the defaults, so that every command starts from values that
//! are complete and valid.

mod alert;
pub(crate) mod file;
mod issuer;
mod svix;
mod value;
mod variable;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use ringback_engine::egress::Proxy;
use ringback_engine::mail::MailServerError;
use ringback_model::{OrgId, Redacted, RetryPolicy};
use ringback_service::{AlertSettings, IssuerSettings, MANAGEMENT_ORGANIZATION};

pub(crate) use file::File;
pub(crate) use issuer::{Algorithms, IssuerUrl};
pub(crate) use svix::SvixVariables;
pub(crate) use value::{
    AlertOn, HostNames, Length, Listen, LogFormat, Mailboxes, MigrateUrl, Networks, ProxyUrl, PublicUrl, Schedule,
    Secret, StoreAddress, ValueError,
};
pub(crate) use variable::mistyped_variables;

use crate::args::{AccessArgs, LogArgs, ServeArgs, StoreArgs};
use crate::telemetry::TelemetryConfig;

/// The port of the server when none is named.
pub(crate) const DEFAULT_PORT: u16 = 8071;
const DEFAULT_LOG: &str = "info";

/// Why the settings are refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file says something that cannot be.
    #[error("{}:{line}: {what}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Where in it, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A variable of a Svix server's environment has a value that cannot be.
    #[error("{name}: {what}")]
    Svix {
        /// The variable.
        name: String,
        /// What is wrong with it.
        what: String,
    },
    /// Two settings that exclude each other stand in the file.
    #[error("the configuration file sets both jwt_secret and jwt_secret_file: keep one")]
    TwoSecrets,
    /// Settings of another issuer of tokens that do not go together.
    #[error("{0}")]
    Issuer(&'static str),
    /// The secret that is shown to an issuer cannot be read.
    #[error("cannot read the secret for the token issuer in {}", path.display())]
    IssuerSecret {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Settings of e-mails that do not go together.
    #[error("{0}")]
    Alert(&'static str),
    /// The mail server is none. It is not repeated: there may be a password in it.
    #[error("smtp_url: {0}")]
    MailServer(#[from] MailServerError),
    /// The authority of the mail server cannot be read.
    #[error("the authority of the mail server in {}: {why}", path.display())]
    SmtpCa {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A store without a folder has no place for keys.
    #[error(
        "a store in PostgreSQL does not keep the master key: make a file (umask 077; openssl rand -hex 32 > master.key), keep it safe, and name it with --master-key-file"
    )]
    NoMasterKey,
    /// Some commands know embedded stores alone.
    #[error("`ringback {command}` is for embedded stores. With PostgreSQL {instead}")]
    NoFolder {
        /// The command.
        command: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// Only a database has tables that somebody else makes.
    #[error("migrate_url is for a store in PostgreSQL: name one with --store, or leave it out")]
    MigrateUrl,
    /// Only an embedded store is carried over.
    #[error(
        "--from is an embedded store, such as sqlite:/var/lib/ringback; one in PostgreSQL is copied by its own tools (pg_dump)"
    )]
    MigrateFrom,
    /// It is carried over to PostgreSQL alone.
    #[error(
        "--to is a database, such as postgres://ringback@db.internal/ringback; an embedded store is copied by `ringback backup`"
    )]
    MigrateTo,
    /// Something is said about a collector, and none is named.
    #[error("otlp_headers and otlp_sample_ratio need --otlp-endpoint: the collector that they are for")]
    Telemetry,
    /// The log filter is none.
    #[error("`{filter}` is no log filter: write a level such as info, or target=level pairs with commas between them")]
    LogFilter {
        /// What was given.
        filter: String,
    },
}

/// Where the store and the key that signs tokens are.
#[derive(Debug)]
pub(crate) struct Access {
    /// The store.
    pub(crate) store: StoreAddress,
    /// The key.
    pub(crate) jwt: JwtSource,
}

/// Where the key that signs tokens comes from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum JwtSource {
    /// It was given.
    Given(Redacted),
    /// The first line of a file that must exist.
    File(PathBuf),
    /// `jwt.key` in the folder of the store, made when absent.
    Store,
}

/// What log lines look like and which there are.
#[derive(Debug)]
pub(crate) struct LogConfig {
    /// A filter as `tracing` reads it.
    pub(crate) filter: String,
    /// The format.
    pub(crate) format: LogFormat,
}

/// What a server runs by.
#[derive(Debug)]
pub(crate) struct ServeConfig {
    /// Where the API listens.
    pub(crate) listen: SocketAddr,
    /// Where metrics and readiness are served, if not beside it.
    pub(crate) admin_listen: Option<SocketAddr>,
    /// The origin that people see.
    pub(crate) public_url: Option<PublicUrl>,
    /// The names that requests may be for; all if there is none.
    pub(crate) hosts: Vec<String>,
    /// The store and the key of tokens.
    pub(crate) access: Access,
    /// Where tables in PostgreSQL are made and changed.
    pub(crate) migrate_url: Option<Redacted>,
    /// The key that secrets in the store are sealed with.
    pub(crate) master_key_file: PathBuf,
    /// Inner networks that may be called all the same.
    pub(crate) egress_allow: Vec<IpNet>,
    /// What all webhooks go through.
    pub(crate) egress_proxy: Option<Proxy>,
    /// When a delivery is tried again.
    pub(crate) retry: RetryPolicy,
    /// Endpoints must have `https` URLs.
    pub(crate) https_only: bool,
    /// Whose applications get operational webhooks.
    pub(crate) management_org: OrgId,
    /// Who else makes tokens for JQL.
    pub(crate) issuer: Option<IssuerSettings>,
    /// E-mails to the operator, if there are to be any.
    pub(crate) alerts: Option<AlertSettings>,
    /// What is sent to a collector, if there is one; the log begins with it, so it is read before the others.
    pub(crate) telemetry: Option<TelemetryConfig>,
}

impl Access {
    /// The flags over the file.
    pub(crate) fn new(args: AccessArgs, file: &mut File) -> Result<Self, ConfigError> {
        let store = args.store.or(file.store.take()).unwrap_or_default();
        // The two are one setting: whichever the higher layer names displaces both of the lower one.
        let jwt = match (args.jwt_secret, args.jwt_secret_file) {
            (Some(secret), _) => JwtSource::Given(secret.0),
            (None, Some(path)) => JwtSource::File(path),
            (None, None) => match (file.jwt_secret.take(), file.jwt_secret_file.take()) {
                (Some(_), Some(_)) => return Err(ConfigError::TwoSecrets),
                (Some(secret), None) => JwtSource::Given(secret.0),
                (None, Some(path)) => JwtSource::File(path),
                (None, None) => JwtSource::Store,
            },
        };
        Ok(Self { store, jwt })
    }
}

/// The folder of an embedded store, and the file with its master key.
#[derive(Debug)]
pub(crate) struct StoreFiles {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// The file.
    pub(crate) master_key: PathBuf,
}

impl StoreFiles {
    /// The flags over the file. `command` is what is told when the store is no folder, with what to do `instead`.
    pub(crate) fn new(args: StoreArgs, command: &'static str, instead: &'static str) -> Result<Self, ConfigError> {
        match StorePlace::new(args)? {
            StorePlace::Folder(files) => Ok(files),
            StorePlace::Database { .. } => Err(ConfigError::NoFolder { command, instead }),
        }
    }
}

/// Where a store is that a command looks at.
#[derive(Debug)]
pub(crate) enum StorePlace {
    /// In a folder.
    Folder(StoreFiles),
    /// In a database.
    Database {
        /// Which.
        url: Redacted,
        /// The file with its master key, if it is named.
        master_key: Option<PathBuf>,
    },
}

impl StorePlace {
    /// The flags over the file.
    pub(crate) fn new(args: StoreArgs) -> Result<Self, ConfigError> {
        let mut file = File::read(args.config.config.as_deref())?;
        let master_key = args.master_key_file.or(file.master_key_file.take());
        Ok(match args.store.or(file.store.take()).unwrap_or_default() {
            StoreAddress::Folder(folder) => {
                Self::Folder(StoreFiles { master_key: master_key.unwrap_or_else(|| folder.join("master.key")), folder })
            }
            StoreAddress::Postgres(url) => Self::Database { url, master_key },
        })
    }
}

impl LogConfig {
    /// The flags over the file.
    pub(crate) fn new(args: LogArgs, file: &mut File) -> Self {
        Self {
            filter: args.log.or(file.log.take()).unwrap_or_else(|| DEFAULT_LOG.to_owned()),
            format: args.log_format.or(file.log_format.take()).unwrap_or_default(),
        }
    }
}

impl ServeConfig {
    /// The flags over the file.
    pub(crate) fn new(args: ServeArgs, file: &mut File) -> Result<Self, ConfigError> {
        let access = Access::new(args.access, file)?;
        let listen = args.listen.or(file.listen.take()).map(|listen| listen.0);
        let master_key_file = args.master_key_file.or(file.master_key_file.take());
        let in_folder = || access.store.folder().map(|folder| folder.join("master.key"));
        let master_key_file = master_key_file.or_else(in_folder).ok_or(ConfigError::NoMasterKey)?;
        let public_url = args.public_url.or(file.public_url.take());
        let named = args.allowed_hosts.or(file.allowed_hosts.take()).unwrap_or_default().0;
        let hosts = named.into_iter().chain(public_url.as_ref().map(|url| url.host.clone())).collect();
        let migrate_url = args.migrate_url.or(file.migrate_url.take()).map(|url| url.0);
        if migrate_url.is_some() && access.store.folder().is_some() {
            return Err(ConfigError::MigrateUrl);
        }
        let schedule = args.retry_schedule.or(file.retry_schedule.take());
        Ok(Self {
            listen: listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, DEFAULT_PORT).into()),
            admin_listen: args.admin_listen.or(file.admin_listen.take()).map(|listen| listen.0),
            public_url,
            hosts,
            migrate_url,
            egress_proxy: args.egress_proxy.or(file.egress_proxy.take()).map(|proxy| proxy.0),
            master_key_file,
            access,
            egress_allow: args.egress_allow.or(file.egress_allow.take()).unwrap_or_default().0,
            retry: schedule.map(|schedule| RetryPolicy::new(schedule.0)).unwrap_or_default(),
            https_only: args.https_only.or(file.https_only).unwrap_or(false),
            management_org: args.management_org.or(file.management_org).unwrap_or_else(management_org),
            issuer: issuer::issuer(args.jql, file)?,
            alerts: alert::alerts(args.alert, file)?,
            telemetry: None,
        })
    }
}

/// The organization that operational webhooks belong to unless another is named.
pub(crate) fn management_org() -> OrgId {
    MANAGEMENT_ORGANIZATION.parse().expect("it is an id of an organization")
}

#[cfg(test)]
mod tests;
