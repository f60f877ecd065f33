//! `ringback man`: the manual page, and one for each command.

use std::fs;
use std::io::{self, Write as _};

use anyhow::Context as _;

use crate::args::{Cli, ManArgs};

/// Runs the command.
pub(crate) fn run(args: &ManArgs) -> anyhow::Result<()> {
    match &args.folder {
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::all_commands()).render(&mut page)?;
            Ok(io::stdout().write_all(&page)?)
        }
        Some(folder) => {
            let cannot = || format!("cannot write manual pages to {}", folder.display());
            fs::create_dir_all(folder).with_context(cannot)?;
            clap_mangen::generate_to(Cli::all_commands(), folder).with_context(cannot)
        }
    }
}
