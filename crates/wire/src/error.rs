//! Why no request can be made of a message.

use ringback_model::ReportMapping;

/// Why a request could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The payload was expunged or has expired.
    #[error("The payload is gone.")]
    PayloadGone,
    /// The content type that the producer gave is no header value.
    #[error("The content type of the raw payload is no valid header value.")]
    ContentType,
    /// The payload is no report, and the endpoint takes values from one.
    #[error("The payload is no report: {why}. Mend it, or keep a mapping on the event type.")]
    NotAReport {
        /// What is wrong with it.
        why: String,
    },
    /// The dialect has nothing to say of such an event.
    #[error("The dialect `{dialect}` has no form for `{event_type}`.")]
    NoShape {
        /// The dialect's name.
        dialect: &'static str,
        /// The event type.
        event_type: String,
    },
    /// The report lacks what the dialect needs.
    #[error("The report lacks `{path}`, which the dialect `{dialect}` needs.")]
    Missing {
        /// The path.
        path: String,
        /// The dialect's name.
        dialect: &'static str,
    },
    /// A message that failed has the code of one that arrived, and nothing else would tell.
    #[error(
        "The message has failed, and its `message.error.code` is `{code}`: zero stands for delivered, and the code is all that \
         the dialect `{dialect}` tells of it. Send the code of the failure."
    )]
    ZeroCode {
        /// The code.
        code: String,
        /// The dialect's name.
        dialect: &'static str,
    },
    /// An inbound event has several messages, and the request has room for one.
    #[error(
        "`inbound.messages` has {count}, and this request carries one: hand each of them in as an event of its own, or use a \
         send method or dialect that carries the payload."
    )]
    Several {
        /// How many there are.
        count: usize,
    },
    /// The report does not say which state it is about, and not every state goes out.
    #[error("The report lacks `message.status`, and this endpoint does not get every state.")]
    NoState,
    /// The dialect leaves a state out that comes before those that it has words for.
    #[error("The dialect `{dialect}` has no word for the state `{state}`: it is not sent.")]
    Early {
        /// The dialect's name.
        dialect: &'static str,
        /// The state.
        state: &'static str,
    },
    /// A value is not what stands at its path.
    #[error("The value of `{path}` cannot be written: it is {found}, and should be {wanted}.{}", said_near(near))]
    Value {
        /// The path.
        path: String,
        /// What stands there, as far as it is told back.
        found: String,
        /// What was expected.
        wanted: String,
        /// What was probably meant.
        near: Vec<String>,
    },
    /// The same of a report that a mapping has made.
    #[error("{why} {said}")]
    Mapped {
        /// What is wrong with it.
        why: Box<Self>,
        /// Where the mapping takes the value from: a whole sentence.
        said: String,
    },
    /// The payload is no JSON object, and its members are asked for.
    #[error("The payload is no JSON object, and the endpoint needs its members.")]
    NotAnObject,
    /// The payload has a member of the name of a parameter of the owner.
    #[error("The payload has a member `{name}`, which is the name of a custom parameter, too: rename the parameter.")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// A GET would have a name twice: in the URL, and in what is appended.
    #[error(
        "The query of the URL has `{name}`, and so has the event, which a GET appends: rename the one in the URL, or choose \
         another send method."
    )]
    QueryTaken {
        /// The name.
        name: String,
    },
    /// Path and query are longer than receivers take.
    #[error("Path and query would have {length} bytes; at most 8192 are sent. Choose another send method.")]
    TargetTooLong {
        /// How long they would be.
        length: usize,
    },
    /// A template makes too much of the event.
    #[error("The body would have more than 4 MiB: use fewer values.")]
    BodyTooLong,
    /// A value would lead out of its place in the path.
    #[error(
        "With the value of {paths} in it, the path of the URL has a part `.` or `..`, which leads to another path: no such \
         value can stand there alone."
    )]
    Segment {
        /// The paths or placeholders in that part.
        paths: String,
    },
    /// Path and query cannot be requested with these values in it.
    #[error("The URL cannot be requested with the values of this event in it.")]
    Target,
    /// The endpoint's transformation did not make a webhook of it.
    #[error("The transformation failed. {why}")]
    Transformation {
        /// What went wrong: a whole sentence.
        why: String,
    },
    /// The producer's own bytes stand in no array.
    #[error(
        "The message has a raw payload, which cannot stand beside others in one request: take `batch` off the endpoint, or \
         send it without."
    )]
    RawInBatch,
    /// The endpoint's transformation wants nothing to be sent.
    #[error("The transformation called it off.")]
    CalledOff,
}

/// How much of a value is told back, in characters.
const FOUND_MAX: usize = 60;

fn said_near(near: &[String]) -> String {
    match near {
        [] => String::new(),
        near => format!(" Is it {}?", near.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(" or ")),
    }
}

impl RenderError {
    /// A value that is not what stands at its path.
    pub(crate) fn value(path: String, found: &str, wanted: impl Into<String>) -> Self {
        let mut found: String = found.chars().take(FOUND_MAX).collect::<String>().replace('`', "'");
        if found.chars().count() == FOUND_MAX {
            found.push('…');
        }
        Self::Value { path, found: format!("`{found}`"), wanted: wanted.into(), near: Vec::new() }
    }

    /// A word that is none of those which may stand at its path.
    pub(crate) fn word<'a>(path: String, found: &str, words: impl Iterator<Item = &'a str>) -> Self {
        let words: Vec<&str> = words.collect();
        let near = ringback_model::near(found, words.iter().copied()).into_iter().map(str::to_owned).collect();
        match Self::value(path, found, words.join(", ")) {
            Self::Value { path, found, wanted, .. } => Self::Value { path, found, wanted, near },
            other => other,
        }
    }

    /// The same, with what the mapping of the event type says of the value that is at fault.
    pub(crate) fn of_mapping(self, mapping: &ReportMapping, event_type: &str) -> Self {
        let path = match &self {
            Self::Missing { path, .. } | Self::Value { path, .. } => path.as_str(),
            Self::NoState => "message.status",
            Self::NotAReport { .. } => {
                let said = format!("It was made by the `reportMapping` of the event type `{event_type}`.");
                return Self::Mapped { why: Box::new(self), said };
            }
            _ => return self,
        };
        let own = format!("The `reportMapping` of the event type `{event_type}`");
        let said = match (mapping.get(path), &self) {
            (None, _) => format!("{own} does not name it."),
            (Some(from), Self::Value { .. }) => format!(
                "{own} takes it from `{}` of the payload: it can name the `words` of a state there, or the `format` of a time.",
                from.path
            ),
            (Some(from), _) => format!("{own} takes it from `{}`, where the payload has nothing.", from.path),
        };
        Self::Mapped { why: Box::new(self), said }
    }
}
