//! The command line. Every flag has a twin in the environment: `RINGBACK_` and its name in upper case.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use ringback_model::{AppId, OrgId, Timestamp};

use crate::client;
use crate::config::{
    AlertOn, Algorithms, HostNames, IssuerUrl, Length, Listen, LogFormat, Mailboxes, MigrateUrl, Networks, ProxyUrl,
    PublicUrl, Schedule, Secret, StoreAddress,
};
use crate::import_svix::ImportSvixArgs;
use crate::telemetry::{CollectorUrl, Headers, Share};

/// Delivers webhooks: at least once, signed, in order where asked for, retried for days.
#[derive(Debug, Parser)]
#[command(name = "ringback", version, arg_required_else_help = true)]
#[command(after_help = "`ringback demo` is where to begin.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What a command line asks for.
#[derive(Debug)]
pub(crate) enum Read {
    /// A command of this program.
    Command(Command),
    /// A command of the API, and what came of it.
    Api(anyhow::Result<()>),
}

impl Cli {
    /// Reads the command line of this process; on a mistake in it, or when help is asked for, the process ends here.
    pub(crate) fn read() -> Read {
        let own = Self::own_command();
        let first = std::env::args_os().nth(1).unwrap_or_default();
        // Those of the API are read out of its document, and a server has better things to do at its start.
        let is_own = own.get_subcommands().any(|command| command.get_name() == first);
        let matches = if is_own { own.get_matches() } else { Self::all_commands().get_matches() };
        if let Some(done) = client::run(&matches).filter(|_| !is_own) {
            return Read::Api(done);
        }
        Read::Command(Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).command)
    }

    /// Every command that there is.
    pub(crate) fn all_commands() -> clap::Command {
        Self::own_command().subcommands(client::commands())
    }

    /// The commands that are not those of the API.
    fn own_command() -> clap::Command {
        // Names of variables follow a rule, and what they hold may be secret: help tells the rule alone.
        Self::command().mut_subcommands(|subcommand| {
            let has_file = subcommand.get_arguments().any(|arg| arg.get_id() == "config");
            let subcommand = subcommand.mut_args(|arg| arg.hide_env(true));
            if has_file { subcommand.after_help(TWINS) } else { subcommand }
        })
    }
}

/// What help says below the flags of a command.
const TWINS: &str = "\
Flags have twins in the environment (RINGBACK_STORE for --store), and the settings of a server may\n\
stand in the file (store = \"...\"). Flags go over the environment, the environment over the file.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the server: the API and the engine that delivers
    Serve(Box<ServeArgs>),
    /// Shows what it does: a server, a receiver, and webhooks between them
    Demo(DemoArgs),
    /// Prints a bearer token for the API
    Token(TokenArgs),
    /// Looks at a store, also beside its server: is it whole, what is in it
    Check(StoreArgs),
    /// Copies a store into a folder, also beside its server
    Backup(BackupArgs),
    /// Makes a store of a backup
    Restore(RestoreArgs),
    /// Seals all secrets of a store with a new master key
    Rekey(StoreArgs),
    /// Carries an embedded store over to PostgreSQL, pending deliveries included
    MigrateStore(MigrateStoreArgs),
    /// Receives webhooks and prints them, for trying things out
    Listen(ListenArgs),
    /// Says whether the signature of a captured request holds, and if not, why
    Verify(VerifyArgs),
    /// Takes applications, endpoints and event types over from a Svix server
    ImportSvix(ImportSvixArgs),
    /// Measures how many messages a second are accepted and delivered
    Bench(BenchArgs),
    /// Runs code of endpoints' owners for a server, which starts it
    #[command(hide = true)]
    Transformer,
    /// Tells of settings
    Config(ConfigCommandArgs),
    /// Prints what completes commands in a shell
    Completions(CompletionsArgs),
    /// Prints the manual page, or writes one for each command
    Man(ManArgs),
}

/// Flags of `serve`.
#[derive(Debug, Default, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Where the API listens [default: 127.0.0.1:8071]
    #[arg(long, value_name = "IP:PORT", env = "RINGBACK_LISTEN")]
    pub(crate) listen: Option<Listen>,
    /// Where metrics and readiness are served, and nothing else [default: beside the API]
    #[arg(long, value_name = "IP:PORT", env = "RINGBACK_ADMIN_LISTEN")]
    pub(crate) admin_listen: Option<Listen>,
    /// The origin that people see, with its scheme [default: where it listens]
    #[arg(long, value_name = "URL", env = "RINGBACK_PUBLIC_URL")]
    pub(crate) public_url: Option<PublicUrl>,
    /// Further names that requests may be for [default: all, or that of the public URL]
    #[arg(long, value_name = "NAME,...", env = "RINGBACK_ALLOWED_HOSTS")]
    pub(crate) allowed_hosts: Option<HostNames>,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// Where tables in PostgreSQL are made and changed [default: that of --store]
    #[arg(long, value_name = "postgres://...", env = "RINGBACK_MIGRATE_URL")]
    pub(crate) migrate_url: Option<MigrateUrl>,
    /// Holds what seals secrets [default: master.key in the store]
    #[arg(long, value_name = "FILE", env = "RINGBACK_MASTER_KEY_FILE")]
    pub(crate) master_key_file: Option<PathBuf>,
    /// Inner networks that may be called all the same [default: none]
    #[arg(long, value_name = "CIDR,...", env = "RINGBACK_EGRESS_ALLOW")]
    pub(crate) egress_allow: Option<Networks>,
    /// An HTTP proxy that all webhooks go through [default: none]
    #[arg(long, value_name = "http://HOST:PORT", env = "RINGBACK_EGRESS_PROXY")]
    pub(crate) egress_proxy: Option<ProxyUrl>,
    /// Delays between tries [default: 5s,5m,30m,2h,5h,10h,14h,20h,24h]
    #[arg(long, value_name = "DELAY,...", env = "RINGBACK_RETRY_SCHEDULE")]
    pub(crate) retry_schedule: Option<Schedule>,
    /// Refuses endpoints whose URL is not https
    #[arg(long, value_name = "true|false", env = "RINGBACK_HTTPS_ONLY", hide_possible_values = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub(crate) https_only: Option<bool>,
    /// Whose applications get operational webhooks [default: org_00000000000SvixManagement00]
    #[arg(long, value_name = "ID", env = "RINGBACK_MANAGEMENT_ORG")]
    pub(crate) management_org: Option<OrgId>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
    // Last, because their headings hold for all that follows.
    #[command(flatten)]
    pub(crate) alert: AlertArgs,
    #[command(flatten)]
    pub(crate) jql: JqlArgs,
    #[command(flatten)]
    pub(crate) telemetry: TelemetryArgs,
}

/// Flags of e-mails to the operator.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Alerts by e-mail")]
pub(crate) struct AlertArgs {
    /// The mail server; better given by the environment or by a file
    #[arg(long, value_name = "smtps://USER:PASSWORD@HOST", env = "RINGBACK_SMTP_URL", hide_env_values = true)]
    pub(crate) smtp_url: Option<Secret>,
    /// Authorities that its certificate may be from, as PEM [default: the public ones alone]
    #[arg(long, value_name = "FILE", env = "RINGBACK_SMTP_CA_FILE")]
    pub(crate) smtp_ca_file: Option<PathBuf>,
    /// Whom e-mails come from
    #[arg(long, value_name = "ADDRESS", env = "RINGBACK_ALERT_FROM")]
    pub(crate) alert_from: Option<Mailboxes>,
    /// Whom they go to
    #[arg(long, value_name = "ADDRESS,...", env = "RINGBACK_ALERT_TO")]
    pub(crate) alert_to: Option<Mailboxes>,
    /// Event types of operational webhooks that they tell of [default: endpoint.disabled]
    #[arg(long, value_name = "TYPE,...", env = "RINGBACK_ALERT_ON")]
    pub(crate) alert_on: Option<AlertOn>,
}

/// Flags that name another issuer of tokens for JQL.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Tokens of another issuer, for JQL")]
pub(crate) struct JqlArgs {
    /// Where the issuer publishes its keys
    #[arg(long, value_name = "URL", env = "RINGBACK_JQL_JWKS_URL")]
    pub(crate) jql_jwks_url: Option<IssuerUrl>,
    /// Signatures that are accepted [default: RS256,ES256,EdDSA]
    #[arg(long, value_name = "NAME,...", env = "RINGBACK_JQL_ALGORITHMS")]
    pub(crate) jql_algorithms: Option<Algorithms>,
    /// Where the issuer is asked about a token
    #[arg(long, value_name = "URL", env = "RINGBACK_JQL_INTROSPECTION_URL")]
    pub(crate) jql_introspection_url: Option<IssuerUrl>,
    /// Who asks
    #[arg(long, value_name = "ID", env = "RINGBACK_JQL_CLIENT_ID")]
    pub(crate) jql_client_id: Option<String>,
    /// What it shows; better given by the environment or by a file
    #[arg(long, value_name = "SECRET", env = "RINGBACK_JQL_CLIENT_SECRET")]
    #[arg(conflicts_with = "jql_client_secret_file")]
    pub(crate) jql_client_secret: Option<Secret>,
    /// Holds what it shows
    #[arg(long, value_name = "FILE", env = "RINGBACK_JQL_CLIENT_SECRET_FILE")]
    pub(crate) jql_client_secret_file: Option<PathBuf>,
    /// What `iss` of a token has to be
    #[arg(long, value_name = "TEXT", env = "RINGBACK_JQL_ISSUER")]
    pub(crate) jql_issuer: Option<String>,
    /// What `aud` of a token has to be
    #[arg(long, value_name = "TEXT", env = "RINGBACK_JQL_AUDIENCE")]
    pub(crate) jql_audience: Option<String>,
    /// The scope that a token needs [default: webhooks:write]
    #[arg(long, value_name = "SCOPE", env = "RINGBACK_JQL_SCOPE")]
    pub(crate) jql_scope: Option<String>,
    /// Claim with the application's id or uid [default: client_id]
    #[arg(long, value_name = "CLAIM", env = "RINGBACK_JQL_APP_CLAIM")]
    pub(crate) jql_app_claim: Option<String>,
    /// Whose they are [default: org_23rb8YdGqMT0qIzpgGwdXfHirMu]
    #[arg(long, value_name = "ID", env = "RINGBACK_JQL_ORG")]
    pub(crate) jql_org: Option<OrgId>,
}

/// Flags of what is sent to a collector.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "OpenTelemetry")]
pub(crate) struct TelemetryArgs {
    /// Where traces and metrics go, by OTLP/HTTP [default: none]
    #[arg(long, value_name = "URL", env = "RINGBACK_OTLP_ENDPOINT")]
    pub(crate) otlp_endpoint: Option<CollectorUrl>,
    /// Headers that it asks for; better in the environment or a file
    #[arg(long, value_name = "NAME=VALUE,...", env = "RINGBACK_OTLP_HEADERS", hide_env_values = true)]
    pub(crate) otlp_headers: Option<Headers>,
    /// Share of messages whose traces are sent, 0 to 1 [default: 1]
    #[arg(long, value_name = "SHARE", env = "RINGBACK_OTLP_SAMPLE_RATIO")]
    pub(crate) otlp_sample_ratio: Option<Share>,
}

/// Flags of commands that work on a store.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// The store [default: sqlite:./ringback-data]
    #[arg(long, value_name = "sqlite:FOLDER|postgres://...", env = "RINGBACK_STORE", hide_env_values = true)]
    pub(crate) store: Option<StoreAddress>,
    /// Holds what seals secrets [default: master.key in the store]
    #[arg(long, value_name = "FILE", env = "RINGBACK_MASTER_KEY_FILE")]
    pub(crate) master_key_file: Option<PathBuf>,
}

/// Flags of `backup`.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The folder that the copy goes to; made if it is missing
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Copies master.key and jwt.key too: then the backup opens all secrets
    #[arg(long)]
    pub(crate) with_keys: bool,
}

/// Flags of `restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The folder of the backup
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// Flags of `migrate-store`.
#[derive(Debug, Args)]
#[command(after_help = MIGRATING)]
pub(crate) struct MigrateStoreArgs {
    /// The embedded store; it is only read
    #[arg(long, value_name = "sqlite:FOLDER", env = "RINGBACK_FROM")]
    pub(crate) from: StoreAddress,
    /// The database, as servers will be told it
    #[arg(long, value_name = "postgres://...", env = "RINGBACK_TO", hide_env_values = true)]
    pub(crate) to: StoreAddress,
    /// Where tables are made and filled [default: that of --to]
    #[arg(long, value_name = "postgres://...", env = "RINGBACK_MIGRATE_URL")]
    pub(crate) migrate_url: Option<MigrateUrl>,
    /// Holds what seals secrets [default: master.key in --from]
    #[arg(long, value_name = "FILE", env = "RINGBACK_MASTER_KEY_FILE")]
    pub(crate) master_key_file: Option<PathBuf>,
    /// Rows in one commit, at most
    #[arg(long, value_name = "N", env = "RINGBACK_ROWS", default_value = "1000")]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub(crate) rows: usize,
}

/// What help says below the flags of `migrate-store`.
const MIGRATING: &str = "\
Stop the server first: what it accepts meanwhile would stay behind. However a run is ended, the same\n\
command goes on where it was, and no server starts on the database until it says that all is there.";

/// Flags of `listen`.
#[derive(Debug, Args)]
pub(crate) struct ListenArgs {
    /// The port, on 127.0.0.1; 0 for a free one
    #[arg(long, value_name = "PORT", default_value = "8073")]
    pub(crate) port: u16,
    /// The status of answers
    #[arg(long, value_name = "STATUS", default_value = "200", value_parser = clap::value_parser!(u16).range(200..600))]
    pub(crate) status: u16,
    /// How long answers take
    #[arg(long, value_name = "LENGTH", default_value = "0ms")]
    pub(crate) delay: Length,
    /// Answers every so manieth request with 500
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) fail_every: Option<u64>,
    /// Hands each request on to this URL, and its answer back
    #[arg(long, value_name = "URL", conflicts_with_all = ["status", "delay", "fail_every"])]
    pub(crate) forward: Option<String>,
    /// A secret that signatures are checked with; may be given again
    #[arg(long, value_name = "whsec_...", env = "RINGBACK_SECRET", value_delimiter = ',')]
    pub(crate) secret: Vec<Secret>,
}

/// Flags of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The request as it arrived, in a file; - for standard input
    #[arg(value_name = "REQUEST", default_value = "-")]
    pub(crate) request: String,
    /// The endpoint's secret, or its public key; may be given again
    #[arg(long, value_name = "SECRET|KEY", env = "RINGBACK_SECRET", value_delimiter = ',', required = true)]
    pub(crate) secret: Vec<Secret>,
    /// Its dialect, if that signs in a way of its own (twilio, telnyx)
    #[arg(long, value_name = "NAME")]
    pub(crate) dialect: Option<String>,
    /// Its URL, for dialects that sign it [default: by the `host` header]
    #[arg(long, value_name = "URL", requires = "dialect")]
    pub(crate) url: Option<String>,
    /// A file with the body, if the request has only headers
    #[arg(long, value_name = "FILE")]
    pub(crate) body: Option<PathBuf>,
    /// When the request arrived [default: now]
    #[arg(long, value_name = "TIME", conflicts_with = "any_time")]
    pub(crate) at: Option<Timestamp>,
    /// Does not ask when it was signed
    #[arg(long)]
    pub(crate) any_time: bool,
}

/// Flags of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// For which shell
    pub(crate) shell: Shell,
}

/// Flags of `man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Where a page for each command is written to; made if it is missing
    pub(crate) folder: Option<PathBuf>,
}

/// Flags of `bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// A running server [default: one of its own, in a temporary folder]
    #[arg(long, value_name = "IP:PORT", env = "RINGBACK_SERVER", requires = "token")]
    pub(crate) server: Option<Listen>,
    /// A token of it
    #[arg(long, value_name = "TOKEN", env = "RINGBACK_TOKEN", requires = "server")]
    pub(crate) token: Option<Secret>,
    /// How many messages
    #[arg(long, value_name = "N", default_value = "10000", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) messages: u64,
    /// Messages a second [default: as many as it takes]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) rate: Option<u64>,
    /// Connections that messages are sent over
    #[arg(long, value_name = "N", default_value = "32", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) connections: u16,
    /// Bytes of each payload
    #[arg(long, value_name = "N", default_value = "256", value_parser = clap::value_parser!(u32).range(64..=1_000_000))]
    pub(crate) payload: u32,
    /// Messages in each request to the receiver, at most [default: one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=1_000))]
    pub(crate) batch: Option<u16>,
    /// Milliseconds that the first one waits for others
    #[arg(long, value_name = "MS", default_value = "1000", value_parser = clap::value_parser!(u32).range(0..=60_000))]
    pub(crate) batch_wait: u32,
    /// `none`, `per_key` (100 keys) or `fifo`
    #[arg(long, value_name = "ORDER", default_value = "none", hide_possible_values = true,
          value_parser = ["none", "per_key", "fifo"])]
    pub(crate) ordering: String,
}

/// Flags of `config`.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct ConfigCommandArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

/// What to tell of settings.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Prints a configuration file with every setting, its default and what it does
    Print,
}

/// Flags of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Ends after the last delivery, with status 0 if all arrived as expected
    #[arg(long)]
    pub(crate) once: bool,
    /// Which log lines there are, a filter of `tracing` [default: error]
    #[arg(long, value_name = "FILTER", env = "RINGBACK_LOG")]
    pub(crate) log: Option<String>,
}

/// Flags of `token`.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// For which organization [default: org_23rb8YdGqMT0qIzpgGwdXfHirMu]
    #[arg(long, value_name = "ID", env = "RINGBACK_ORG")]
    pub(crate) org: Option<OrgId>,
    /// For one application alone [default: all of the organization]
    #[arg(long, value_name = "ID", env = "RINGBACK_APP")]
    pub(crate) app: Option<AppId>,
    /// How long it is good for
    #[arg(long, value_name = "LENGTH", env = "RINGBACK_TTL", default_value = "30d")]
    pub(crate) ttl: Length,
}

/// The flag that names the file.
#[derive(Debug, Default, Args)]
pub(crate) struct ConfigArgs {
    /// A TOML file with settings
    #[arg(long, value_name = "FILE", env = "RINGBACK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

/// Flags that say where the store and the key of tokens are.
#[derive(Debug, Default, Args)]
pub(crate) struct AccessArgs {
    /// Where everything is kept [default: sqlite:./ringback-data]
    #[arg(long, value_name = "sqlite:FOLDER|postgres://...", env = "RINGBACK_STORE", hide_env_values = true)]
    pub(crate) store: Option<StoreAddress>,
    /// Signs tokens; better given by the environment or by a file
    #[arg(long, value_name = "SECRET", env = "RINGBACK_JWT_SECRET")]
    #[arg(conflicts_with = "jwt_secret_file")]
    pub(crate) jwt_secret: Option<Secret>,
    /// Holds what signs tokens [default: jwt.key in the store]
    #[arg(long, value_name = "FILE", env = "RINGBACK_JWT_SECRET_FILE")]
    pub(crate) jwt_secret_file: Option<PathBuf>,
}

/// Flags that say what is logged.
#[derive(Debug, Default, Args)]
pub(crate) struct LogArgs {
    /// Which log lines there are, a filter of `tracing` [default: info]
    #[arg(long, value_name = "FILTER", env = "RINGBACK_LOG")]
    pub(crate) log: Option<String>,
    /// How log lines look, human or json [default: human]
    #[arg(long, value_name = "FORMAT", env = "RINGBACK_LOG_FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}
