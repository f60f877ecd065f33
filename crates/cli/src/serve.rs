//! `ringback serve`: runs a server until it is told to stop.
//!
//! A signal stops it gracefully: no more connections and attempts, what is under way is finished and recorded, exit
//! status 0. If the store breaks (a commit or an fsync failed, so that nobody knows what is on the disk) the process
//! ends with status 70 rather than try again: only a start that reads the disk afresh can tell.

use std::io::{self, Write};

use anyhow::Context as _;

use crate::args::ServeArgs;
use crate::config::{File, LogConfig, LogFormat, ServeConfig, StoreAddress, SvixVariables, mistyped_variables};
use crate::log;
use crate::server::{Server, runtime};
use crate::signals::Signals;
use crate::telemetry::telemetry;

/// Runs the command.
pub(crate) fn run(mut args: ServeArgs) -> anyhow::Result<()> {
    let (mut file, svix) = File::read_with_svix(args.config.config.as_deref())?;
    let log = LogConfig::new(std::mem::take(&mut args.log), &mut file);
    let telemetry = telemetry(std::mem::take(&mut args.telemetry), &mut file)?;
    log::start(&log, telemetry.as_ref().map(|telemetry| telemetry.recorder.clone()))?;
    for (name, meant) in mistyped_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())) {
        tracing::warn!("the variable {name} is no setting; did you mean {}?", meant.join(" or "));
    }
    tell_of_svix(&svix);
    let token_command = token_command(&args, svix.have_jwt_secret());
    let config = ServeConfig { telemetry, ..ServeConfig::new(args, &mut file)? };
    runtime()?.block_on(serve(config, &token_command, log.format))
}

/// Says which variables of a Svix server's environment count here, and which do not.
fn tell_of_svix(variables: &SvixVariables) {
    for (name, flag) in &variables.understood {
        tracing::info!("{name} is understood as {flag}");
    }
    for (name, instead) in &variables.passed_over {
        tracing::warn!("{name} has no effect: {instead}");
    }
}

async fn serve(config: ServeConfig, token_command: &str, format: LogFormat) -> anyhow::Result<()> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let server = signals.or_exit(Box::pin(Server::start(config))).await?;
    announce(&server, token_command);
    announce_set_up(&server, format).await?;
    tokio::select! {
        kind = signals.next() => {
            tracing::info!(signal = kind.as_raw_value(), "stopping; a second signal ends the process at once");
        }
        // No grace: what is under way cannot be recorded any more.
        broken = server.broken() => return Err(broken.into()),
    }
    signals.or_exit(server.stop()).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Says on standard output where the server is and how to get in. Nobody may be reading: then it is not said.
fn announce(server: &Server, token_command: &str) {
    let (address, url) = (server.address(), server.url());
    writeln!(io::stdout(), "Ringback listens on http://{address}\nFor a token run: {token_command}").ok();
    if url != format!("http://{address}") {
        writeln!(io::stdout(), "People find it at {url}").ok();
    }
    if let Some(address) = server.admin_address() {
        writeln!(io::stdout(), "Metrics and readiness are on http://{address}/metrics and /readyz").ok();
    }
}

/// As long as nobody can sign in: says on standard error how to make the first user. Whoever reads what the server prints
/// is the operator; a stranger who finds the page first is none.
async fn announce_set_up(server: &Server, format: LogFormat) -> anyhow::Result<()> {
    let token = server.service().setup_token().await.context("cannot make a setup token")?;
    let Some(token) = token else { return Ok(()) };
    let link = format!("{}/console/set-up?token={}", server.url(), token.reveal());
    let text = "Nobody can sign in to the console yet. Make the first user at";
    let said = match format {
        LogFormat::Human => format!("{text}\n  {link}\nThe link works once, until the next start."),
        // Whoever reads JSON reads nothing else on this stream.
        LogFormat::Json => serde_json::json!({ "level": "INFO", "message": text, "link": link }).to_string(),
    };
    // Nobody may be reading: then it is not said.
    writeln!(io::stderr(), "{said}").ok();
    Ok(())
}

/// The command that prints a token for a server with these flags.
fn token_command(args: &ServeArgs, has_svix_secret: bool) -> String {
    let mut command = "ringback token".to_owned();
    if let Some(config) = &args.config.config {
        command += &format!(" --config {}", config.display());
    }
    // Of a store in PostgreSQL a token needs nothing, for it keeps no keys; and its URL may hold a password.
    if let Some(folder) = args.access.store.as_ref().and_then(StoreAddress::folder) {
        command += &format!(" --store sqlite:{}", folder.display());
    }
    if let Some(path) = &args.access.jwt_secret_file {
        command += &format!(" --jwt-secret-file {}", path.display());
    }
    if args.access.jwt_secret.is_some() {
        command += "   (with the same RINGBACK_JWT_SECRET)";
    } else if has_svix_secret && args.access.jwt_secret_file.is_none() {
        command += "   (with the same SVIX_JWT_SECRET)";
    }
    command
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    fn command(flags: &[&str]) -> String {
        match Cli::try_parse_from(["ringback", "serve"].iter().chain(flags)).unwrap().command {
            Command::Serve(args) => token_command(&args, false),
            _ => unreachable!("it says serve"),
        }
    }

    #[test]
    fn the_token_command_names_where_the_secret_is_and_never_the_secret() {
        assert_eq!(command(&[]), "ringback token");
        assert_eq!(
            command(&["--store", "sqlite:/var/lib/ringback", "--jwt-secret-file", "/etc/key"]),
            "ringback token --store sqlite:/var/lib/ringback --jwt-secret-file /etc/key"
        );
        let postgres = ["--store", "postgres://me:hunter2@db/ringback", "--jwt-secret-file", "/etc/key"];
        assert_eq!(command(&postgres), "ringback token --jwt-secret-file /etc/key");
        assert_eq!(
            command(&["--config", "a.toml", "--jwt-secret", "hunter2"]),
            "ringback token --config a.toml   (with the same RINGBACK_JWT_SECRET)"
        );
    }
}
