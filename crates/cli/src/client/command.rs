//! The commands of the API for the command line: each operation's places are arguments, its query and the members of
//! its body are flags.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use http::Method;

use super::catalogue::{Operation, operation};
use super::connection;
use super::field::{Field, Kind};
use super::naming::{Group, groups};
use super::output;

/// A command that names members of its body by their place.
#[derive(Debug)]
struct Shorthand {
    group: &'static str,
    name: &'static str,
    operation: &'static str,
    about: &'static str,
    members: &'static [&'static str],
}

const SHORTHANDS: &[Shorthand] = &[Shorthand {
    group: "message",
    name: "send",
    operation: "v1.message.create",
    about: "Sends a message: its event type, and its payload as JSON, @FILE or - for standard input",
    members: &["eventType", "payload"],
}];

/// The argument with the whole body.
pub(super) const BODY: &str = "body";
/// The flag that names members to be set to null.
pub(super) const UNSET: &str = "unset";
/// The flag that asks for all pages.
pub(super) const ALL: &str = "all";
/// The flag that answers the question whether to delete.
pub(super) const YES: &str = "yes";
/// The flag with the key that makes a repetition harmless.
pub(super) const KEY: &str = "idempotency-key";

/// Columns of help, behind its margin; what clap adds in brackets comes behind that.
const HELP_WIDTH: usize = 80;

/// The groups as commands.
pub(crate) fn commands() -> impl Iterator<Item = Command> {
    groups().into_iter().enumerate().map(|(place, group)| {
        Command::new(group.name)
            .about(group.about)
            .aliases(group.aliases)
            .display_order(100 + place)
            .subcommand_required(true)
            .arg_required_else_help(true)
            // The flags of a group are made when somebody asks for the group.
            .defer(with_subcommands)
    })
}

/// The operation that was asked for, and what was said about it; `None` if it was no command of the API.
pub(crate) fn find(matches: &ArgMatches) -> Option<(&'static Operation, &ArgMatches)> {
    let (group, matches) = matches.subcommand()?;
    let group = groups().into_iter().find(|known| known.name == group)?;
    let (name, matches) = matches.subcommand()?;
    let shorthand = SHORTHANDS.iter().find(|short| short.group == group.name && short.name == name);
    let operation = match shorthand {
        Some(shorthand) => operation(shorthand.operation)?,
        None => group.commands().find(|(command, _)| command.name == name)?.1,
    };
    Some((operation, matches))
}

fn with_subcommands(command: Command) -> Command {
    let name = command.get_name().to_owned();
    let Some(group) = groups().into_iter().find(|group| group.name == name) else { return command };
    let command = command.subcommands(shorthands(group));
    command.subcommands(group.commands().map(|(name, operation)| {
        let command = Command::new(name.name).about(operation.summary.trim_end_matches('.'));
        let command = command.aliases(name.alias.into_iter().filter(|alias| *alias != name.name));
        with_arguments(command, operation, &[])
    }))
}

fn shorthands(group: Group) -> impl Iterator<Item = Command> {
    SHORTHANDS.iter().filter(move |short| short.group == group.name).filter_map(|short| {
        let command = Command::new(short.name).about(short.about);
        Some(with_arguments(command, operation(short.operation)?, short.members))
    })
}

/// The arguments of an operation, with some members of its body in places of their own.
fn with_arguments(command: Command, operation: &Operation, placed: &[&'static str]) -> Command {
    let mut command = command.args(operation.places.iter().map(place));
    let fields = operation.body.as_deref().unwrap_or_default();
    for name in placed {
        command = command.args(fields.iter().filter(|field| field.name == *name).map(member_place));
    }
    if operation.body.is_some() && placed.is_empty() {
        command = command.arg(
            Arg::new(BODY).value_name("BODY").help("The body: JSON, @FILE, or - for standard input; flags go over it"),
        );
    }
    let members = fields.iter().filter(|field| !placed.contains(&field.name));
    command = command.args(members.map(|field| flag(field, "member:", "Members of the body")));
    if operation.body.is_some() && operation.method == Method::PATCH {
        command = command.arg(
            Arg::new(UNSET)
                .long(UNSET)
                .value_name("MEMBER,...")
                .value_delimiter(',')
                .action(ArgAction::Append)
                .help("Members that are set to null")
                .help_heading("Members of the body"),
        );
    }
    command = command.args(operation.query.iter().map(|field| flag(field, "query:", "Choice")));
    if operation.is_list {
        command = command
            .arg(Arg::new(ALL).long(ALL).action(ArgAction::SetTrue).help("All pages, not one").help_heading("Choice"));
    }
    if operation.method == Method::DELETE {
        command = command.arg(Arg::new(YES).long(YES).short('y').action(ArgAction::SetTrue).help("Does not ask first"));
    }
    if operation.method == Method::POST {
        command = command.arg(
            Arg::new(KEY)
                .long(KEY)
                .value_name("KEY")
                .help("Makes it safe to repeat the command: the same key does nothing twice [default: a new one]"),
        );
    }
    let command = command.args(connection::arguments()).args(output::arguments());
    // Flags are long, and so is what there is to say of them.
    command.next_line_help(true).mut_args(|arg| {
        let help = arg.get_help().map(|help| wrapped(&help.to_string())).unwrap_or_default();
        arg.help(help)
    })
}

/// The text in lines that fit behind the margin of help.
fn wrapped(text: &str) -> String {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > HELP_WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        line += if line.is_empty() { "" } else { " " };
        line += word;
    }
    lines.push(line);
    lines.join("\n")
}

fn place(field: &Field) -> Arg {
    let word = field.name.trim_end_matches("_id").to_uppercase();
    let word = match word.as_str() {
        "MSG" => "MESSAGE",
        "EVENT_TYPE_NAME" => "NAME",
        _ => word.leak(),
    };
    Arg::new(prefixed("place:", field)).value_name(word).help(sentence(field.help)).required(true)
}

fn member_place(field: &Field) -> Arg {
    let word: &str = field.flag().to_uppercase().replace('-', "_").leak();
    let note = if field.kind == Kind::Json { " (or @FILE, -)" } else { "" };
    Arg::new(prefixed("member:", field)).value_name(word).help(format!("{}{note}", sentence(field.help))).required(true)
}

fn flag(field: &Field, prefix: &str, heading: &'static str) -> Arg {
    let arg = Arg::new(prefixed(prefix, field)).long(field.flag()).hide(field.deprecated).help_heading(heading);
    let words;
    let (arg, note) = match &field.kind {
        Kind::Text => (arg.value_name("TEXT"), ""),
        Kind::Document => (arg.value_name("TEXT"), " (or @FILE, -)"),
        Kind::OneOf(known) => {
            words = format!(" [{}]", known.join(", "));
            let parser = PossibleValuesParser::new(known.clone());
            (arg.value_name("WORD").value_parser(parser).hide_possible_values(true), words.as_str())
        }
        Kind::Time => (arg.value_name("TIME"), " (a time, 2h for two hours ago, +2h for in two hours)"),
        Kind::Integer | Kind::Number => (arg.value_name("N"), ""),
        Kind::Boolean => {
            let arg = arg.num_args(0..=1).require_equals(true).default_missing_value("true");
            (arg.value_parser(["true", "false"]).hide_possible_values(true).value_name("true|false"), "")
        }
        Kind::List => (arg.value_name("TEXT,...").action(ArgAction::Append), ""),
        Kind::Pairs => (arg.value_name("NAME=TEXT").action(ArgAction::Append), " (or JSON, @FILE, -)"),
        Kind::Json => (arg.value_name("JSON"), " (or @FILE, -)"),
    };
    arg.help(format!("{}{note}", sentence(field.help)))
}

/// The id of an argument: a body may have a member of the name that a part of the query has.
fn prefixed(prefix: &str, field: &Field) -> &'static str {
    format!("{prefix}{}", field.name).leak()
}

/// The first sentence of a description, as help has it: without the full stop.
fn sentence(text: &str) -> String {
    let text = text.replace('\n', " ");
    let end = text.find(". ").unwrap_or(text.len());
    text[..end].trim_end_matches('.').replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool() -> Command {
        Command::new("ringback").subcommands(commands())
    }

    #[test]
    fn no_two_arguments_of_a_command_have_one_name() {
        let mut tool = tool();
        tool.build();
        tool.debug_assert();
    }

    #[test]
    fn every_operation_of_the_document_has_a_command() {
        let mut tool = tool();
        tool.build();
        let is_real = |command: &&Command| command.get_name() != "help";
        let groups = tool.get_subcommands().filter(is_real);
        let commands: usize = groups.map(|group| group.get_subcommands().filter(is_real).count()).sum();
        assert_eq!(commands, super::super::catalogue::operations().len() + SHORTHANDS.len());
    }

    #[test]
    fn commands_are_found_by_the_words_of_the_client_libraries_too() {
        for (line, id) in [
            ("app list", "v1.application.list"),
            ("application list", "v1.application.list"),
            ("msg create a", "v1.message.create"),
            ("message send a sms.dlr {}", "v1.message.create"),
            ("endpoint update a e", "v1.endpoint.patch"),
            ("endpoint patch a e", "v1.endpoint.patch"),
            ("endpoint replace a e", "v1.endpoint.update"),
            ("endpoint update-headers a e", "v1.endpoint.patch-headers"),
            ("attempt list a m", "v1.message-attempt.list-by-msg"),
            ("message-attempt list-by-msg a m", "v1.message-attempt.list-by-msg"),
            ("operational-webhook list", "v1.operational-webhook.endpoint.list"),
        ] {
            let matches = tool().get_matches_from(std::iter::once("ringback").chain(line.split(' ')));
            assert_eq!(find(&matches).unwrap().0.id, id, "{line}");
        }
    }
}
