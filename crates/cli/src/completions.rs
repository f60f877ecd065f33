//! `ringback completions`: what completes commands in a shell.

use std::io::{self, Write as _};

use crate::args::{Cli, CompletionsArgs};

/// Runs the command.
pub(crate) fn run(args: &CompletionsArgs) -> anyhow::Result<()> {
    // Into memory first: the generator panics where writing fails.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::all_commands(), "ringback", &mut script);
    Ok(io::stdout().write_all(&script)?)
}
