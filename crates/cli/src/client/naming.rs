//! What operations are called on the command line.
//!
//! A group is a resource, and a command in it the last word of the operation's name in the document, so that a new
//! operation has a command without a line here. Two words are set right: PATCH is `update`, for it changes what is
//! named, and PUT is `replace`, for it does away with what is not named.

use super::catalogue::{Operation, operations};

/// A resource and its operations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    /// Its word.
    pub(crate) name: &'static str,
    /// What the names of its operations begin with.
    prefix: &'static str,
    /// Other words for it: those of the client libraries.
    pub(crate) aliases: &'static [&'static str],
    /// What it is.
    pub(crate) about: &'static str,
}

/// The groups that have words of their own, those that are used most before the others.
const KNOWN: &[Group] = &[
    group("app", "v1.application.", &["application"], "Applications: your customers"),
    group("endpoint", "v1.endpoint.", &[], "Endpoints: the URLs that messages go to"),
    group("event-type", "v1.event-type.", &[], "Event types: what messages are about"),
    group("message", "v1.message.", &["msg"], "Messages: sends them, finds them, tells their story"),
    group("attempt", "v1.message-attempt.", &["message-attempt"], "Deliveries and their attempts; sends again"),
    group("destination", "v1.destination.", &[], "Sinks whose messages are asked for: see poller"),
    group("poller", "v1.message.poller", &[], "Reads the messages of a sink"),
    group("task", "v1.background-task.", &["background-task"], "What runs in the background"),
    group("statistics", "v1.statistics.", &[], "How deliveries went"),
    group("auth", "v1.authentication.", &["authentication"], "Links to the portal, and tokens of applications"),
    group("oauth-client", "v1.oauth-client.", &[], "Programs of customers that fetch tokens"),
    group("integration", "v1.integration.", &[], "Keys of programs that act for an application"),
    group("operational-webhook", "v1.operational-webhook.", &[], "Webhooks that tell you of endpoints"),
    group("organization", "v1.organization.", &[], "What holds for all applications"),
    group("environment", "v1.environment.", &[], "Takes event types and settings elsewhere"),
    group("health", "v1.health.", &[], "Whether the server is well"),
];

/// All groups: those of [`KNOWN`], and one for each other resource that the document has.
pub(crate) fn groups() -> Vec<Group> {
    let mut groups = KNOWN.to_vec();
    for operation in operations() {
        let resource = operation.id.split('.').take(2).map(|part| format!("{part}.")).collect::<String>();
        if !groups.iter().any(|group| group.prefix == resource) {
            let name: &str = operation.id.split('.').nth(1).unwrap_or(operation.id);
            groups.push(group(name, resource.leak(), &[], "More of the API"));
        }
    }
    groups
}

const fn group(
    name: &'static str,
    prefix: &'static str,
    aliases: &'static [&'static str],
    about: &'static str,
) -> Group {
    Group { name, prefix, aliases, about }
}

impl Group {
    /// Its operations with the names of their commands.
    pub(crate) fn commands(&self) -> impl Iterator<Item = (CommandName, &'static Operation)> + use<> {
        let prefix = self.prefix;
        operations().iter().filter_map(move |operation| {
            let rest = operation.id.strip_prefix(prefix)?;
            // A part of a resource may be a group of its own.
            let is_of_part = |part: &Group| part.prefix.len() > prefix.len() && operation.id.starts_with(part.prefix);
            let is_own = !KNOWN.iter().any(is_of_part);
            is_own.then(|| (command_name(operation.id, rest), operation))
        })
    }
}

/// The words for one command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommandName {
    /// The word.
    pub(crate) name: &'static str,
    /// Another one for it, that of the client libraries.
    pub(crate) alias: Option<&'static str>,
}

/// Commands whose word in the document would not be found, or is too long.
const RENAMED: &[(&str, &str)] = &[
    ("v1.message-attempt.list-by-msg", "list"),
    ("v1.message-attempt.list-attempted-messages", "messages"),
    ("v1.message-attempt.list-attempted-destinations", "endpoints"),
    ("v1.message.create-batch", "send-batch"),
    ("v1.authentication.app-portal-access", "portal"),
    ("v1.endpoint.transformation-get", "get-transformation"),
    ("v1.endpoint.transformation-simulate", "try-transformation"),
    ("v1.message.poller.poll", "poll"),
    ("v1.message.poller.consumer-poll", "consume"),
    ("v1.message.poller.consumer-seek", "seek"),
    ("v1.message.pollerv2.consumer-poll", "lease"),
    ("v1.message.pollerv2.consumer-commit", "commit"),
];

fn command_name(id: &str, rest: &'static str) -> CommandName {
    // A resource with a part of one kind only: the kind goes without saying.
    let rest = rest.strip_prefix("endpoint.").unwrap_or(rest);
    if let Some((_, name)) = RENAMED.iter().find(|(renamed, _)| *renamed == id) {
        // Of a part of a resource only the end is a word.
        let word = (!rest.contains('.') && rest != *name).then_some(rest);
        return CommandName { name, alias: word };
    }
    if let Some(what) = rest.strip_prefix("patch") {
        return CommandName { name: format!("update{what}").leak(), alias: Some(rest) };
    }
    if let Some(what) = rest.strip_prefix("update") {
        return CommandName { name: format!("replace{what}").leak(), alias: None };
    }
    CommandName { name: rest.replace('.', "-").leak(), alias: None }
}
