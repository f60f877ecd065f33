//! `ringback import-svix`: takes the applications, endpoints and event types of a Svix server over, through its API.
//!
//! It reads there and writes here, one thing after the other, and prints what became of each. What is here already is
//! found again by its uid, or by the id that it had there, which is kept in `metadata`; so it can be run again at any
//! time, and goes on where it was broken off. `source.rs` is what the other server says, `target.rs` what is here,
//! `difference.rs` compares the two, `report.rs` tells of it; `url.rs` is what can be told of a URL without asking.

mod application;
mod difference;
mod endpoint;
mod event_type;
mod report;
mod source;
mod target;
mod url;

use anyhow::bail;
use clap::Args;

use self::report::Report;
use self::source::Source;
use self::target::Target;
use crate::client::{Client, Connection, DEFAULT_SERVER, Failure, SERVER_SETTING, runtime};
use crate::config::Secret;

/// The member of `metadata` that holds the id which a thing had on the other server.
pub(crate) const MARK: &str = "svix-id";

/// What says which the other server is.
const FROM_SETTING: &str = "--from (RINGBACK_FROM)";

/// Flags of `import-svix`.
#[derive(Debug, Args)]
pub(crate) struct ImportSvixArgs {
    /// The Svix server
    #[arg(long, value_name = "URL", env = "RINGBACK_FROM")]
    pub(crate) from: String,
    /// A token of it; better given by the environment or by a file
    #[arg(long, value_name = "TOKEN", env = "RINGBACK_FROM_TOKEN", conflicts_with = "from_token_file")]
    pub(crate) from_token: Option<Secret>,
    /// Holds that token
    #[arg(long, value_name = "FILE", env = "RINGBACK_FROM_TOKEN_FILE")]
    pub(crate) from_token_file: Option<String>,
    /// This server
    #[arg(long, value_name = "URL", env = "RINGBACK_URL", default_value = DEFAULT_SERVER)]
    pub(crate) server: String,
    /// A token of the organization here
    #[arg(long, value_name = "TOKEN", env = "RINGBACK_TOKEN", conflicts_with = "token_file")]
    pub(crate) token: Option<Secret>,
    /// Holds that token
    #[arg(long, value_name = "FILE", env = "RINGBACK_TOKEN_FILE")]
    pub(crate) token_file: Option<String>,
    /// Only these applications, by id or uid
    #[arg(long, value_name = "APP,...", value_delimiter = ',')]
    pub(crate) app: Vec<String>,
    /// Changes what is here and differs, which is left alone otherwise
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Changes nothing, and tells what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// One JSON object on each line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &ImportSvixArgs) -> anyhow::Result<()> {
    let text = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.0.reveal().to_owned());
    let from_token = text(&args.from_token);
    let from = Connection::to(&args.from, from_token.as_deref(), args.from_token_file.as_deref(), FROM_SETTING)?;
    let token = text(&args.token);
    let to = Connection::to(&args.server, token.as_deref(), args.token_file.as_deref(), SERVER_SETTING)?;
    let mut import = Import {
        source: Source(Client::new(from)),
        target: Target { client: Client::new(to), dry_run: args.dry_run },
        overwrite: args.overwrite,
        report: Report::new(args.json, args.dry_run),
    };
    let done = runtime()?.block_on(import.all(&args.app));
    import.report.summary();
    if let Err((place, failure)) = done {
        let place =
            format!("stopped at {place}; what is printed above is done, and the same command goes on from there");
        return Err(anyhow::Error::from(failure).context(place));
    }
    if import.report.failed() > 0 {
        bail!("{} could not be taken over: mend what is said of them above, and run it again", import.report.failed());
    }
    Ok(())
}

/// Why everything ends, and where.
type Stopped = (String, Failure);

/// One run.
#[derive(Debug)]
struct Import {
    source: Source,
    target: Target,
    overwrite: bool,
    report: Report,
}

impl Import {
    /// Everything, or these applications. Event types come first, for endpoints name them.
    async fn all(&mut self, only: &[String]) -> Result<(), Stopped> {
        self.event_types().await?;
        self.applications(only).await
    }
}
