//! Public identifiers: a prefix and a 27-character base62 KSUID.
//!
//! The 20 bytes are 4 of seconds since the KSUID epoch, 1 of quarters of 10 ms (4 ms steps, as the reference server's
//! ids have) and 15 of randomness. Ids sort by time; they are for people and for paging. Order of deliveries is never
//! taken from them.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use crate::{Random, Timestamp};

/// Seconds from the Unix epoch to the epoch of KSUIDs (2014-05-13T16:53:20Z).
const KSUID_EPOCH: i64 = 1_400_000_000;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const TEXT_LEN: usize = 27;

/// What an [`Id`] names.
pub trait Kind: Copy + Eq + Ord + std::hash::Hash + fmt::Debug + Send + Sync + 'static {
    /// The prefix in front of the underscore, such as `app`.
    const PREFIX: &'static str;
}

/// The kinds of [`Id`]; use the aliases ([`AppId`] and so on) where a type is named.
pub mod id_kind {
    macro_rules! kinds {
        ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name;
            impl super::Kind for $name {
                const PREFIX: &'static str = $prefix;
            }
        )*};
    }
    kinds! {
        /// An organization.
        Org = "org";
        /// An application.
        App = "app";
        /// An endpoint.
        Endpoint = "ep";
        /// A message.
        Message = "msg";
        /// An attempt.
        Attempt = "atmpt";
        /// A background task.
        Task = "qtask";
        /// A user of the console.
        User = "user";
        /// An integration: a program of a customer that has a key.
        Integration = "integ";
        /// A poller.
        Poller = "poll";
    }
}

/// Id of an organization, `org_…`.
pub type OrgId = Id<id_kind::Org>;
/// Id of an application, `app_…`.
pub type AppId = Id<id_kind::App>;
/// Id of an endpoint, `ep_…`.
pub type EndpointId = Id<id_kind::Endpoint>;
/// Id of a message, `msg_…`.
pub type MessageId = Id<id_kind::Message>;
/// Id of an attempt, `atmpt_…`.
pub type AttemptId = Id<id_kind::Attempt>;
/// Id of a background task, `qtask_…`.
pub type TaskId = Id<id_kind::Task>;
/// Id of a user of the console, `user_…`.
pub type UserId = Id<id_kind::User>;
/// Id of an integration, `integ_…`.
pub type IntegrationId = Id<id_kind::Integration>;
/// Id of a poller, `poll_…`.
pub type PollerId = Id<id_kind::Poller>;

/// A public identifier of kind `K`: 20 bytes inside, `prefix_` and 27 base62 characters outside.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<K> {
    bytes: [u8; 20],
    kind: PhantomData<K>,
}

/// Why a text is not an id of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text does not begin with the prefix of its kind.
    #[error("an id here begins with `{expected}_`")]
    Prefix {
        /// The prefix without its underscore.
        expected: &'static str,
    },
    /// What follows the prefix is not 27 base62 characters of a 160-bit number.
    #[error("an id is its prefix and 27 characters of A-Z, a-z, 0-9")]
    Text,
}

impl<K: Kind> Id<K> {
    /// The id with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self { bytes, kind: PhantomData }
    }

    /// The 20 bytes, as they are stored.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.bytes
    }

    /// The id that is `steps` further: those of things that are made together follow each other.
    #[must_use]
    pub fn plus(mut self, steps: u32) -> Self {
        let mut carry = u64::from(steps);
        for byte in self.bytes.iter_mut().rev() {
            let sum = u64::from(*byte) + (carry & 0xff);
            *byte = sum as u8;
            carry = (carry >> 8) + (sum >> 8);
        }
        self
    }

    /// The time that stands in the id, to 4 ms: when it was made, or later where a maker had made later ones before.
    #[must_use]
    pub fn made_at(&self) -> Timestamp {
        let [a, b, c, d, quarter, ..] = self.bytes;
        let seconds = KSUID_EPOCH + i64::from(u32::from_be_bytes([a, b, c, d]));
        Timestamp::from_micros((seconds * 1000 + i64::from(quarter) * 4) * 1000)
    }

    /// The smallest id that could have been made at `at`: for paging by time.
    #[must_use]
    pub fn floor(at: Timestamp) -> Self {
        let mut bytes = [0; 20];
        bytes[..5].copy_from_slice(&time_bytes(at));
        Self::from_bytes(bytes)
    }
}

fn time_bytes(at: Timestamp) -> [u8; 5] {
    let ms = (at.as_millis() - KSUID_EPOCH * 1000).max(0);
    let seconds = u32::try_from(ms / 1000).unwrap_or(u32::MAX).to_be_bytes();
    let quarter = u8::try_from(ms % 1000 / 4).unwrap_or(u8::MAX);
    [seconds[0], seconds[1], seconds[2], seconds[3], quarter]
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'0'; TEXT_LEN];
        // The number as five 32-bit digits, divided by 62^5 at a time: six rounds instead of 27.
        let mut digits = [0u32; 5];
        for (digit, chunk) in digits.iter_mut().zip(self.bytes.chunks_exact(4)) {
            *digit = u32::from_be_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
        }
        const FIVE: u64 = 62 * 62 * 62 * 62 * 62;
        let mut end = TEXT_LEN;
        while end > 0 {
            let mut rest = 0u64;
            for digit in &mut digits {
                let value = (rest << 32) | u64::from(*digit);
                *digit = (value / FIVE) as u32;
                rest = value % FIVE;
            }
            let start = end.saturating_sub(5);
            for place in (start..end).rev() {
                text[place] = ALPHABET[(rest % 62) as usize];
                rest /= 62;
            }
            end = start;
        }
        f.write_str(K::PREFIX)?;
        f.write_str("_")?;
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let rest = text
            .strip_prefix(K::PREFIX)
            .and_then(|rest| rest.strip_prefix('_'))
            .ok_or(IdError::Prefix { expected: K::PREFIX })?;
        if rest.len() != TEXT_LEN {
            return Err(IdError::Text);
        }
        let mut bytes = [0u8; 20];
        for c in rest.bytes() {
            let mut carry = match c {
                b'0'..=b'9' => u32::from(c - b'0'),
                b'A'..=b'Z' => u32::from(c - b'A') + 10,
                b'a'..=b'z' => u32::from(c - b'a') + 36,
                _ => return Err(IdError::Text),
            };
            for byte in bytes.iter_mut().rev() {
                carry += u32::from(*byte) * 62;
                *byte = carry as u8;
                carry >>= 8;
            }
            if carry != 0 {
                return Err(IdError::Text);
            }
        }
        Ok(Self::from_bytes(bytes))
    }
}

impl<K: Kind> serde::Serialize for Id<K> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind> serde::Deserialize<'de> for Id<K> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Makes ids that are unguessable and strictly rising within this process, whatever the clock does.
#[derive(Debug, Default)]
pub struct IdMaker {
    last: Mutex<[u8; 20]>,
}

impl IdMaker {
    /// A maker whose first id may be anything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next id, made at `now` with bytes of `random`.
    pub fn make<K: Kind>(&self, now: Timestamp, random: &dyn Random) -> Id<K> {
        let mut bytes = [0u8; 20];
        bytes[..5].copy_from_slice(&time_bytes(now));
        random.fill(&mut bytes[5..]);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes[..5] <= last[..5] {
            // The same 4 ms, or a clock that went back: the last id plus a random step of up to 2^64 keeps both the
            // order and the secrecy of the next one.
            let mut step = u64::from_be_bytes([
                bytes[12], bytes[13], bytes[14], bytes[15], bytes[16], bytes[17], bytes[18], bytes[19],
            ])
            .max(1);
            bytes = *last;
            for byte in bytes.iter_mut().rev() {
                let sum = u64::from(*byte) + (step & 0xff);
                *byte = sum as u8;
                step = (step >> 8) + (sum >> 8);
            }
        }
        *last = bytes;
        Id::from_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::SeededRandom;

    #[test]
    fn the_default_organization_of_the_reference_server_round_trips() {
        let text = "org_23rb8YdGqMT0qIzpgGwdXfHirMu";
        assert_eq!(text.parse::<OrgId>().unwrap().to_string(), text);
    }

    #[test]
    fn ids_with_a_foreign_prefix_or_an_overflow_are_refused() {
        assert_eq!("ep_23rb8YdGqMT0qIzpgGwdXfHirMu".parse::<OrgId>(), Err(IdError::Prefix { expected: "org" }));
        assert_eq!("org_zzzzzzzzzzzzzzzzzzzzzzzzzzz".parse::<OrgId>(), Err(IdError::Text));
        assert_eq!("org_23rb8YdGqMT0qIzpgGwdXfHirM".parse::<OrgId>(), Err(IdError::Text));
        assert_eq!("org_23rb8YdGqMT0qIzpgGwdXfHirM-".parse::<OrgId>(), Err(IdError::Text));
    }

    proptest! {
        #[test]
        fn text_and_bytes_round_trip_and_sort_alike(a: [u8; 20], b: [u8; 20]) {
            let (a, b) = (MessageId::from_bytes(a), MessageId::from_bytes(b));
            prop_assert_eq!(a.to_string().parse::<MessageId>().unwrap(), a);
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn ids_that_follow_each_other_rise_and_are_all_different(bytes: [u8; 19], steps in 1u32..5_000) {
            let mut all = [1; 20];
            all[1..].copy_from_slice(&bytes);
            let id = MessageId::from_bytes(all);
            prop_assert!(id < id.plus(1) && id.plus(steps) < id.plus(steps + 1));
            prop_assert_eq!(id.plus(steps).plus(1), id.plus(steps + 1));
        }

        #[test]
        fn an_id_tells_its_time_to_4_ms(ms in 1_400_000_000_000i64..4_000_000_000_000) {
            let at = Timestamp::from_micros(ms * 1000);
            let made_at = MessageId::floor(at).made_at();
            prop_assert!(made_at <= at && at.since(made_at) < std::time::Duration::from_millis(4));
        }

        #[test]
        fn any_text_is_parsed_or_refused_without_panic(text in "\\PC{0,40}") {
            if let Ok(id) = text.parse::<AppId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }

        #[test]
        fn a_maker_rises_even_when_the_clock_goes_back(steps in proptest::collection::vec(-50_000i64..50_000, 1..200)) {
            let (maker, random) = (IdMaker::new(), SeededRandom::new(7));
            let (mut now, mut last) = (1_700_000_000_000_000i64, None);
            for step in steps {
                now += step;
                let id: MessageId = maker.make(Timestamp::from_micros(now), &random);
                prop_assert!(last.is_none_or(|last| last < id));
                last = Some(id);
            }
        }
    }
}
