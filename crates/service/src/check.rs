//! The rules for names and texts that several resources share.

use std::borrow::Cow;
use std::time::Duration;

use indexmap::IndexMap;
use ringback_model::FilterError;

use crate::{FieldError, ServiceError};

/// The longest uid, name of an event type or event id, in bytes.
const NAME_MAX: usize = 256;
/// Flags that a link or an integration may have.
const FLAGS_MAX: usize = 100;
/// The longest tag, in bytes, and how many a message may have.
const TAG_MAX: usize = 128;
const TAGS_MAX: usize = 10;
/// The longest channel, in bytes.
const CHANNEL_MAX: usize = 128;
/// What a channel is.
pub const CHANNEL_RULE: &str = "A channel is 1 to 128 characters of a-z, A-Z, 0-9, `-`, `_`, `.` and `:`.";
/// The longest line of text, such as the name of an application, in bytes.
pub(crate) const LINE_MAX: usize = 1_024;
/// The longest text, such as a description, in bytes.
pub(crate) const TEXT_MAX: usize = 8_192;
/// All keys and values of the metadata of one thing, in bytes.
const METADATA_MAX: usize = 16_384;

/// Delays in a retry schedule.
const DELAYS_MAX: usize = 50;
/// The longest delay between two tries.
const DELAY_MAX: Duration = Duration::from_secs(30 * 86_400);

/// What is wrong with a draft: gathered, so that the caller learns all of it at once.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<FieldError>);

impl Faults {
    /// Notes something about a member of the body.
    pub(crate) fn note(&mut self, field: &'static str, message: impl Into<String>) {
        self.0.push(FieldError::body(field, message));
    }

    /// Notes something about one item of a list in the body.
    pub(crate) fn note_item(&mut self, field: &'static str, at: &impl ToString, message: impl Into<String>) {
        self.0.push(FieldError::at(["body".into(), field.into(), Cow::Owned(at.to_string())], message));
    }

    /// Notes something about a member of the body that is named with dots between levels.
    pub(crate) fn note_path(&mut self, path: &str, message: impl Into<String>) {
        let path = path.split('.').map(|part| Cow::Owned(part.to_owned()));
        self.0.push(FieldError::at(std::iter::once("body".into()).chain(path).collect::<Vec<_>>(), message));
    }

    /// Notes something about what stands deep in a member of the body, on a way whose names may have dots.
    pub(crate) fn note_deep(
        &mut self,
        field: &'static str,
        way: impl IntoIterator<Item = String>,
        message: impl Into<String>,
    ) {
        let path = ["body".into(), field.into()].into_iter().chain(way.into_iter().map(Cow::Owned));
        self.0.push(FieldError::at(path.collect::<Vec<_>>(), message));
    }

    /// Notes why a filter is none.
    pub(crate) fn note_filter(&mut self, error: FilterError) {
        let FilterError { path, message } = error;
        let path = ["body".into(), "filter".into()].into_iter().chain(path.into_iter().map(Cow::Owned));
        self.0.push(FieldError::at(path.collect::<Vec<_>>(), message));
    }

    /// Nothing, if nothing was noted.
    pub(crate) fn finish(self) -> Result<(), ServiceError> {
        if self.0.is_empty() { Ok(()) } else { Err(ServiceError::Invalid(self.0)) }
    }

    /// A uid: 1 to 256 of letters, digits, `-`, `_` and `.`, and not one of our own ids.
    pub(crate) fn uid(&mut self, field: &'static str, uid: Option<&str>, own_prefix: &str) {
        let Some(uid) = uid else { return };
        if !is_name(uid, NAME_MAX, b"-_.") {
            self.note(field, "1 to 256 characters of a-z, A-Z, 0-9, `-`, `_` and `.` are allowed.");
        } else if uid.strip_prefix(own_prefix).is_some_and(|rest| rest.starts_with('_')) {
            self.note(field, format!("It must not begin with `{own_prefix}_`: ids that the server makes do."));
        }
    }

    /// A line of text that must not be empty.
    pub(crate) fn line(&mut self, field: &'static str, text: &str) {
        if text.trim().is_empty() {
            self.note(field, "It must not be empty.");
        }
        self.text(field, text, LINE_MAX);
    }

    /// A text of a limited length.
    pub(crate) fn text(&mut self, field: &'static str, text: &str, max: usize) {
        if text.len() > max {
            self.note(field, format!("At most {max} bytes are allowed, and these are {}.", text.len()));
        }
        if text.contains('\0') {
            self.note(field, "The character U+0000 is not allowed.");
        }
    }

    /// The caller's own notes.
    pub(crate) fn metadata(&mut self, metadata: &IndexMap<String, String>) {
        let size: usize = metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
        if size > METADATA_MAX {
            self.note("metadata", format!("At most {METADATA_MAX} bytes are allowed in all, and these are {size}."));
        }
        if metadata.iter().any(|(key, value)| key.contains('\0') || value.contains('\0')) {
            self.note("metadata", "The character U+0000 is not allowed.");
        }
    }

    /// A limit of attempts a second.
    pub(crate) fn throttle_rate(&mut self, rate: Option<u16>) {
        if rate == Some(0) {
            self.note("throttleRate", "It is 1 to 65535 a second; leave it out for no limit.");
        }
    }

    /// Flags of event types that somebody sees.
    pub(crate) fn feature_flags(&mut self, flags: &[String]) {
        if flags.len() > FLAGS_MAX {
            self.note("featureFlags", format!("At most {FLAGS_MAX} flags are allowed."));
        }
        for (at, _) in flags.iter().enumerate().filter(|(_, flag)| !is_name(flag, NAME_MAX, b"-_.")) {
            let rule = "It has 1 to 256 characters of a-z, A-Z, 0-9, `-`, `_` and `.`.";
            self.note_item("featureFlags", &at, rule);
        }
    }

    /// Delays between tries, if given.
    pub(crate) fn retry_schedule(&mut self, delays: Option<&[Duration]>) {
        let Some(delays) = delays else { return };
        if delays.len() > DELAYS_MAX {
            self.note("retrySchedule", format!("At most {DELAYS_MAX} delays are allowed."));
        }
        if let Some(at) = delays.iter().position(|delay| *delay > DELAY_MAX) {
            self.note_path(&format!("retrySchedule.{at}"), "A delay is at most 30d.");
        }
    }

    /// Channels, if given: 1 to `max` of them.
    pub(crate) fn channels<T: AsRef<str>>(&mut self, channels: &[T], max: usize) {
        if channels.is_empty() || channels.len() > max {
            self.note("channels", format!("1 to {max} channels are allowed; leave it out for none."));
        }
        for (at, channel) in channels.iter().enumerate().take(max) {
            if !is_channel(channel.as_ref()) {
                self.note_item("channels", &at, CHANNEL_RULE);
            }
        }
    }

    /// Tags of a message.
    pub(crate) fn tags<T: AsRef<str>>(&mut self, tags: &[T]) {
        if tags.len() > TAGS_MAX {
            self.note("tags", format!("At most {TAGS_MAX} tags are allowed."));
        }
        for (at, tag) in tags.iter().enumerate().take(TAGS_MAX) {
            let tag = tag.as_ref();
            if tag.is_empty() || tag.len() > TAG_MAX || tag.contains(char::is_control) {
                self.note_item("tags", &at, "A tag is 1 to 128 bytes of text on one line.");
            }
        }
    }
}

/// The rule of event type names, in words.
pub(crate) const EVENT_TYPE_RULE: &str =
    "An event type is 1 to 256 characters of a-z, A-Z, 0-9, `.`, `_`, `:` and `-`.";

/// Whether a text can be the name of an event type.
pub(crate) fn is_event_type_name(name: &str) -> bool {
    is_name(name, NAME_MAX, b"-_.:")
}

/// Whether a text can be a channel: see [`CHANNEL_RULE`].
#[must_use]
pub fn is_channel(text: &str) -> bool {
    is_name(text, CHANNEL_MAX, b"-_.:")
}

/// Whether a text is 1 to `max` bytes of letters, digits and these marks.
pub(crate) fn is_name(text: &str, max: usize, marks: &[u8]) -> bool {
    (1..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || marks.contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid_faults(uid: &str) -> usize {
        let mut faults = Faults::default();
        faults.uid("uid", Some(uid), "app");
        faults.0.len()
    }

    #[test]
    fn uids_have_their_alphabet_and_do_not_look_like_ids() {
        for good in ["a", "customer-1_2.3", &"x".repeat(256), "ep_1", "application", "app"] {
            assert_eq!(uid_faults(good), 0, "{good}");
        }
        for bad in ["", "a b", "a:b", "é", "a\0", &"x".repeat(257), "app_1"] {
            assert_eq!(uid_faults(bad), 1, "{bad:?}");
        }
    }

    #[test]
    fn event_types_may_hold_colons() {
        assert!(is_event_type_name("profile.Customer:create"));
        for bad in ["", "*", "a*", "sms dlr", "é", &"x".repeat(257)] {
            assert!(!is_event_type_name(bad), "{bad:?}");
        }
    }
}
