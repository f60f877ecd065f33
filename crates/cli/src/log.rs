//! Log lines on standard error, for people or as JSON. The engine writes one for each attempt, under the target
//! `ringback::attempt`.

use std::io;

use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::config::{ConfigError, LogConfig, LogFormat};
use crate::telemetry::Recorder;
use crate::terminal::Style;

/// Sends the log lines of this process to standard error from now on.
///
/// # Errors
/// When the filter is none.
pub(crate) fn start(config: &LogConfig, recorder: Option<Recorder>) -> Result<(), ConfigError> {
    tracing::subscriber::set_global_default(subscriber(config, recorder)?).expect("a command starts its log once");
    std::panic::set_hook(Box::new(|panic| {
        // What was panicked with may hold data of a customer; the place is what is needed to find the defect.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked: this is a defect, please report it");
    }));
    Ok(())
}

type Lines = Box<dyn Subscriber + Send + Sync>;

fn subscriber(config: &LogConfig, recorder: Option<Recorder>) -> Result<Lines, ConfigError> {
    let filter = EnvFilter::builder()
        .parse(&config.filter)
        .ok()
        .ok_or_else(|| ConfigError::LogFilter { filter: config.filter.clone() })?;
    // A line that cannot be written is lost: the disk that the log goes to is full, or its reader has gone. Telling that
    // on standard error, as the library would, is a panic, and a server does not end for want of a log.
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).log_internal_errors(false);
    // What the recorder is told does not depend on what the log says, so each has a filter of its own.
    let recorder = recorder.map(|recorder| recorder.with_filter(Recorder::lines()));
    let registry = tracing_subscriber::registry().with(recorder);
    Ok(match config.format {
        LogFormat::Human => {
            let lines = lines.with_ansi(Style::of(&io::stderr()).colours());
            Box::new(registry.with(lines.with_filter(filter)))
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(false);
            Box::new(registry.with(lines.with_filter(filter)))
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ringback_engine::SystemClock;
    use tracing::level_filters::LevelFilter;

    use super::*;

    #[test]
    fn lines_that_nobody_wants_are_not_even_looked_at() {
        for format in [LogFormat::Human, LogFormat::Json] {
            let config = LogConfig { filter: "info".to_owned(), format };
            let most = |recorder| subscriber(&config, recorder).unwrap().max_level_hint();
            assert_eq!(most(None), Some(LevelFilter::INFO));
            assert_eq!(most(Some(Recorder::new(1.0, Arc::new(SystemClock::new())))), Some(LevelFilter::DEBUG));
        }
    }
}
