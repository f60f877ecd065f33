//! `ringback token`: prints a bearer token, alone on a line.
//!
//! It needs no server: the secret is read from where the server reads it, or made where the server will find it.

use std::io::{self, Write};
use std::time::Duration;

use ringback_engine::{SystemClock, SystemRandom};
use ringback_model::{Clock, DEFAULT_ORGANIZATION, OrgId, Redacted};
use ringback_service::{TokenKey, TokenSubject};

use crate::args::TokenArgs;
use crate::config::{Access, File};
use crate::keys;

/// Runs the command.
pub(crate) fn run(args: TokenArgs) -> anyhow::Result<()> {
    let (mut file, _) = File::read_with_svix(args.config.config.as_deref())?;
    let access = Access::new(args.access, &mut file)?;
    let org = args.org.unwrap_or_else(default_organization);
    let subject = match args.app {
        None => TokenSubject::Organization(org),
        Some(app) => TokenSubject::Application { org, app, feature_flags: Vec::new() },
    };
    let token = mint(&access, &subject, args.ttl.0)?;
    writeln!(io::stdout(), "{}", token.reveal())?;
    Ok(())
}

/// A token that is good for this long from now.
pub(crate) fn mint(access: &Access, subject: &TokenSubject, life: Duration) -> anyhow::Result<Redacted> {
    let random = SystemRandom::new();
    let key = TokenKey::new(keys::token_secret(access, &random)?);
    Ok(key.mint(subject, SystemClock::new().wall(), life, &random)?)
}

/// The organization that a token speaks for when none is named.
pub(crate) fn default_organization() -> OrgId {
    DEFAULT_ORGANIZATION.parse().expect("it is an id of an organization")
}
