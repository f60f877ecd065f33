//! How answers are shown: as tables for people, as JSON for programs, as ids for the next command.

use std::io::{self, IsTerminal as _, Write as _};

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches};
use serde_json::Value;
use serde_json::value::RawValue;

use super::catalogue::Operation;
use super::failure::Failure;
use super::{pretty, table};
use crate::terminal::{Style, visible};

const OUTPUT: &str = "output";

/// The flags.
pub(crate) fn arguments() -> [Arg; 1] {
    [Arg::new(OUTPUT)
        .long(OUTPUT)
        .short('o')
        .value_name("FORMAT")
        .env("RINGBACK_OUTPUT")
        .hide_env_values(true)
        .value_parser(PossibleValuesParser::new(["table", "json", "id"]))
        .hide_possible_values(true)
        .help("As table, json or id [default: table on a terminal, else json]")
        .help_heading("Output")]
}

/// How an answer looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Table,
    Json,
    Id,
}

/// Shows answers on standard output.
#[derive(Debug)]
pub(crate) struct Printer {
    format: Format,
    style: Style,
    /// Columns of the terminal, if it is one.
    width: Option<usize>,
    /// Whether the first item of a list that goes over many pages has been shown.
    begun: bool,
    widths: Vec<usize>,
}

impl Printer {
    /// Shows answers as was said, and otherwise as suits whoever reads them.
    pub(crate) fn new(matches: &ArgMatches) -> Self {
        let stdout = io::stdout();
        let format = match matches.get_one::<String>(OUTPUT).map(String::as_str) {
            Some("table") => Format::Table,
            Some("id") => Format::Id,
            None if stdout.is_terminal() => Format::Table,
            _ => Format::Json,
        };
        let size = if stdout.is_terminal() { rustix::termios::tcgetwinsize(&stdout).ok() } else { None };
        let width = size.map(|size| usize::from(size.ws_col)).filter(|width| *width > 0);
        Self { format, style: Style::of(&stdout), width, begun: false, widths: Vec::new() }
    }

    /// Shows one answer that is no list over many pages.
    pub(crate) fn answer(&mut self, operation: &Operation, body: &[u8]) -> anyhow::Result<()> {
        if body.is_empty() {
            return if self.format == Format::Table { line("done") } else { Ok(()) };
        }
        match self.format {
            Format::Json => line(&self.json(std::str::from_utf8(body)?)),
            Format::Table | Format::Id => {
                let value: Value = serde_json::from_slice(body)?;
                match value.get("data").and_then(Value::as_array) {
                    Some(items) => self.rows(&table::filled(columns_of(operation, items), items), items),
                    None if self.format == Format::Id => id_line(&value),
                    None => text(&table::one(&value, self.style)),
                }
            }
        }
    }

    /// Shows some items of a list that goes over many pages.
    pub(crate) fn items(&mut self, operation: &Operation, items: &[Box<RawValue>]) -> anyhow::Result<()> {
        if self.format != Format::Json {
            let values = items.iter().map(|item| serde_json::from_str(item.get())).collect::<Result<Vec<_>, _>>()?;
            // A later page may have what this one has not.
            return self.rows(&columns_of(operation, &values), &values);
        }
        for item in items {
            let before = if std::mem::replace(&mut self.begun, true) { ",\n" } else { "{\"data\":[\n" };
            text(&format!("{before}{}", self.json(item.get())))?;
        }
        Ok(())
    }

    /// Ends a list that goes over many pages. Without it, what was printed is no whole JSON, as is meant.
    pub(crate) fn end(&self) -> anyhow::Result<()> {
        match (self.format, self.begun) {
            (Format::Json, true) => line("\n],\"done\":true}"),
            (Format::Json, false) => line("{\"data\":[],\"done\":true}"),
            (Format::Table | Format::Id, _) => Ok(()),
        }
    }

    fn json(&self, json: &str) -> String {
        if self.width.is_some() { pretty::json(json, self.style) } else { json.to_owned() }
    }

    fn rows(&mut self, columns: &[String], items: &[Value]) -> anyhow::Result<()> {
        if self.format == Format::Id {
            return items.iter().try_for_each(id_line);
        }
        if !std::mem::replace(&mut self.begun, true) || self.widths.len() != columns.len() {
            self.widths = table::widths(columns, items, self.width);
            text(&table::head(columns, &self.widths, self.style))?;
        }
        text(&table::rows(columns, &self.widths, items, self.style))
    }
}

fn columns_of(operation: &Operation, items: &[Value]) -> Vec<String> {
    table::columns(operation.answer.unwrap_or_default(), items)
}

fn id_line(item: &Value) -> anyhow::Result<()> {
    let id = ["id", "name", "clientId"].iter().find_map(|member| item.get(member)?.as_str());
    let id = id.ok_or_else(|| Failure::Usage("this answer has no id: use --output json".to_owned()))?;
    line(&visible(id.as_bytes()))
}

fn line(words: &str) -> anyhow::Result<()> {
    text(&format!("{words}\n"))
}

fn text(words: &str) -> anyhow::Result<()> {
    Ok(io::stdout().write_all(words.as_bytes())?)
}
