//! Which messages a word finds, and when something of them is to go. The words are read out of reports some time after the acceptance, by a pass that goes over
//! messages in the order of their numbers and keeps where it is; so the acceptance costs what it would without them.

use ringback_model::{AppNo, MessageNo, Timestamp};

/// A message as the pass sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Its number.
    pub no: MessageNo,
    /// Its application.
    pub app: AppNo,
    /// Its event type.
    pub event_type: String,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When something of it is to go: the first of the ends of its own time and of its payload's.
    pub ends_at: Timestamp,
}

/// Messages that the pass has not read yet, of one run of numbers: all of a store, or a part whose numbers rise by
/// themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadRun {
    /// The last message of the run that it has read, or the number below the first one.
    pub after: MessageNo,
    /// Those that follow, in order; never none.
    pub messages: Vec<Unread>,
}

/// Asks for messages that the pass has not read yet.
#[derive(Clone, Copy, Debug)]
pub struct UnreadQuery {
    /// Only those accepted before this time: a message whose commit is under way may get a lower number than one that is
    /// there already, and is not to be passed over.
    pub accepted_before: Timestamp,
    /// At most so many, of all runs together.
    pub limit: usize,
}

/// Words that messages are to be found by, and how far the pass has come with them: one commit.
#[derive(Clone, Debug)]
pub struct Mention {
    /// Of each run: the last message that had been read before, and the last one that has been read now.
    pub read: Vec<(MessageNo, MessageNo)>,
    /// The words, at most 128 bytes each, and where they were found.
    pub words: Vec<(AppNo, String, MessageNo)>,
    /// When something of each message is to go, so that its part is visited then; see [`crate::Expire`].
    pub look_at: Vec<(MessageNo, Timestamp)>,
}

/// Asks for messages that have a word.
#[derive(Clone, Debug)]
pub struct MentionQuery {
    /// The application.
    pub app: AppNo,
    /// The word.
    pub word: String,
    /// Only messages accepted before this one.
    pub before: Option<MessageNo>,
    /// At most so many, newest first.
    pub limit: usize,
}
