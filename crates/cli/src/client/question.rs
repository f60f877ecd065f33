//! Asks before something is deleted, if there is somebody to ask.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::call::Call;
use super::failure::Failure;
use crate::terminal::visible;

/// Asks whether what the call names may be deleted. A script is not asked: it has said so.
pub(super) fn may_delete(call: &Call, server: &str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(());
    }
    let what = visible(call.path.trim_start_matches("/api/v1/").as_bytes());
    write!(io::stderr(), "Delete {what} at {server}? [y/N] ").ok();
    let mut answer = String::new();
    // A terminal that is gone says no.
    io::stdin().lock().read_line(&mut answer).unwrap_or_default();
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(Failure::CalledOff) }
}
