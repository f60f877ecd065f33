//! `ringback config print`: a configuration file with every setting, commented out at its default.
//!
//! It is made of the flags of `serve` themselves, so that it cannot say anything else than they do.

use std::io::{self, Write};

use clap::CommandFactory as _;

use crate::args::Cli;
use crate::config::file::KEYS;

/// Runs the command.
pub(crate) fn run() -> anyhow::Result<()> {
    io::stdout().write_all(text().as_bytes())?;
    Ok(())
}

/// The file.
fn text() -> String {
    let mut text = "# Settings of `ringback serve`. Flags go over variables of the environment (RINGBACK_LISTEN for listen), those over\n\
                    # this file: ringback serve --config ringback.toml\n"
        .to_owned();
    let command = Cli::command();
    let serve = command.find_subcommand("serve").expect("it is a command");
    for key in KEYS {
        let flag = key.replace('_', "-");
        let setting = serve.get_arguments().find(|arg| arg.get_long() == Some(&*flag)).expect("a key has its flag");
        let help = setting.get_help().map(ToString::to_string).unwrap_or_default();
        let (help, default) = match help.split_once(" [default: ") {
            Some((help, default)) => (help, Some(default.trim_end_matches(']'))),
            None => (&*help, None),
        };
        let named = setting.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
        text += &format!("\n# {help}.\n");
        text += &match (default, named.as_deref()) {
            (_, Some("true|false")) => format!("# {key} = false\n"),
            (Some(default), _) if is_value(default) => format!("# {key} = \"{default}\"\n"),
            (Some(default), named) => format!("# Default: {default}.\n# {key} = \"{}\"\n", named.unwrap_or_default()),
            (None, named) => format!("# {key} = \"{}\"\n", named.unwrap_or_default()),
        };
    }
    text
}

/// Whether a default is a value that can be written, and not a sentence about one.
fn is_value(default: &str) -> bool {
    !default.contains(' ') && default != "none"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::ServeArgs;
    use crate::config::{File, LogConfig, ServeConfig};

    #[test]
    fn every_setting_is_there_once_and_its_default_is_what_the_server_goes_by() {
        let text = text();
        for key in KEYS {
            assert_eq!(text.matches(&format!("\n# {key} = ")).count(), 1, "{key}\n{text}");
        }
        // Those with a value of their own, as they would stand without the comment sign.
        let lines: String = text
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| KEYS.iter().any(|key| line.starts_with(&format!("{key} = "))))
            .filter(|line| {
                !line.chars().any(|letter| letter.is_ascii_uppercase()) || line.starts_with("jql_algorithms")
            })
            .filter(|line| !line.contains("postgres://") && !line.starts_with("jql_"))
            .map(|line| format!("{line}\n"))
            .collect();
        assert!(lines.lines().count() > 5, "{lines}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringback.toml");
        std::fs::write(&path, &lines).unwrap();
        let mut printed = File::read(Some(&path)).unwrap();
        let (log, default_log) = (
            LogConfig::new(crate::args::LogArgs::default(), &mut printed),
            LogConfig::new(crate::args::LogArgs::default(), &mut File::default()),
        );
        assert_eq!((log.filter, log.format), (default_log.filter, default_log.format));
        let printed = ServeConfig::new(ServeArgs::default(), &mut printed).unwrap();
        let default = ServeConfig::new(ServeArgs::default(), &mut File::default()).unwrap();
        assert_eq!(printed.listen, default.listen);
        assert_eq!(printed.retry, default.retry);
        assert!(printed.access.store.folder().unwrap().ends_with(default.access.store.folder().unwrap()));
        assert_eq!(printed.https_only, default.https_only);
    }
}
