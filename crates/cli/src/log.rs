//! Log lines on standard error, for people or as JSON. The engine writes one for each attempt, under the target
//! `ringback::attempt`.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, LogConfig, LogFormat};
use crate::terminal::Style;

/// Sends the log lines of this process to standard error from now on.
///
/// # Errors
/// When the filter is none.
pub(crate) fn start(config: &LogConfig) -> Result<(), ConfigError> {
    let filter = EnvFilter::builder()
        .parse(&config.filter)
        .ok()
        .ok_or_else(|| ConfigError::LogFilter { filter: config.filter.clone() })?;
    // A line that cannot be written is lost: the disk that the log goes to is full, or its reader has gone. Telling that
    // on standard error, as the library would, is a panic, and a server does not end for want of a log.
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false);
    let started = match config.format {
        LogFormat::Human => {
            tracing::subscriber::set_global_default(lines.with_ansi(Style::of(&io::stderr()).colours()).finish())
        }
        LogFormat::Json => tracing::subscriber::set_global_default(
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).finish(),
        ),
    };
    started.expect("a command starts its log once");
    std::panic::set_hook(Box::new(|panic| {
        // What was panicked with may hold data of a customer; the place is what is needed to find the defect.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked: this is a defect, please report it");
    }));
    Ok(())
}
