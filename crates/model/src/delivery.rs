//! A delivery: one message for one endpoint; a small state machine.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{EndpointNo, MessageNo, Timestamp};

/// Where a delivery stands. The numbers are the API's (`MessageStatus` of the reference) and the store's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DeliveryState {
    /// An attempt was answered as the endpoint's success rule asks. Final.
    Success = 0,
    /// An attempt is due, now or later, or the endpoint's gate is closed.
    Pending = 1,
    /// Given up, with a [`Reason`]. Final until somebody resends it.
    Fail = 2,
    /// An attempt is under way at this moment. Never stored: what is in flight lives in the memory of its owner.
    Sending = 3,
    /// Called off: by a person, or because its endpoint was deleted. Final.
    Canceled = 4,
}

impl DeliveryState {
    /// Its number on the wire and in the store.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The state with this number.
    #[must_use]
    pub const fn from_code(code: i64) -> Option<Self> {
        match code {
            0 => Some(Self::Success),
            1 => Some(Self::Pending),
            2 => Some(Self::Fail),
            3 => Some(Self::Sending),
            4 => Some(Self::Canceled),
            _ => None,
        }
    }

    /// The word for it in the API and on pages.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Pending => "pending",
            Self::Fail => "fail",
            Self::Sending => "sending",
            Self::Canceled => "canceled",
        }
    }
}

/// Why a delivery ended without success, or why it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// Every try of the retry schedule failed.
    Exhausted = 1,
    /// Nothing could be sent until the end of the retry schedule (address denied, name not found, local trouble).
    NeverSent = 2,
    /// Preparing or sending the request panicked three times.
    Panicked = 3,
    /// The payload was expunged or had expired before it could be sent.
    PayloadGone = 4,
    /// Its endpoint was deleted.
    EndpointDeleted = 5,
    /// The receiver answered 410 and the endpoint is disabled.
    Gone = 6,
    /// A person called it off.
    Canceled = 7,
    /// No request could be made of the message, and nobody has changed the endpoint in time.
    Unrenderable = 8,
    /// A person has skipped it, so that those behind it may go on.
    Skipped = 9,
    /// The message's time to live, or the time that its payload is kept for, had ended before it could be delivered.
    Expired = 10,
    /// The endpoint's transformation wants nothing to be sent.
    CalledOff = 11,
}

impl Reason {
    /// Its number in the store. Numbers never change meaning; new ones are added.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The reason with this number.
    #[must_use]
    pub const fn from_code(code: i64) -> Option<Self> {
        match code {
            1 => Some(Self::Exhausted),
            2 => Some(Self::NeverSent),
            3 => Some(Self::Panicked),
            4 => Some(Self::PayloadGone),
            5 => Some(Self::EndpointDeleted),
            6 => Some(Self::Gone),
            7 => Some(Self::Canceled),
            8 => Some(Self::Unrenderable),
            9 => Some(Self::Skipped),
            10 => Some(Self::Expired),
            11 => Some(Self::CalledOff),
            _ => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exhausted => "every try failed",
            Self::NeverSent => "nothing could be sent within the retry schedule",
            Self::Panicked => "the request could not be made, three times",
            Self::PayloadGone => "the payload was gone before it could be sent",
            Self::EndpointDeleted => "the endpoint was deleted",
            Self::Gone => "the receiver answered 410 Gone",
            Self::Canceled => "canceled",
            Self::Skipped => "skipped, so that those behind it may go on",
            Self::Expired => "its time ended before it could be delivered",
            Self::CalledOff => "the endpoint's transformation called it off",
            Self::Unrenderable => "no request could be made of the message: its last attempt says why",
        })
    }
}

/// How urgent a message is. Within one endpoint a more urgent class goes first; the others get at least 5 % of turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// One-time passwords: seconds count.
    Otp,
    /// Notifications.
    Notification,
    /// Everything that says nothing else.
    #[default]
    Transactional,
    /// Campaigns: may wait.
    Marketing,
}

/// Class and direction in one number, as rows carry it: lower goes first; inbound goes before reports of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(pub u8);

impl Priority {
    /// That of everything that is accepted for an endpoint before its handshake: one for all, so that it leaves in the
    /// order of acceptance. What is accepted later goes behind it, one-time passwords alone before.
    pub const HELD: Self = Self::new(Class::Notification, true);

    /// How many priorities there are.
    pub const COUNT: usize = 8;

    /// The priority of a class; `inbound` for what came from a phone (an event type that ends in `.mo`).
    #[must_use]
    pub const fn new(class: Class, inbound: bool) -> Self {
        Self(class as u8 * 2 + if inbound { 0 } else { 1 })
    }
}

/// A delivery as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The message.
    pub message: MessageNo,
    /// The endpoint.
    pub endpoint: EndpointNo,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it ended without success.
    pub reason: Option<Reason>,
    /// When its next try is due; `None` when it has ended or waits behind an earlier one of its ordering key.
    pub due: Option<Timestamp>,
    /// It waits behind an earlier delivery of its ordering key.
    pub blocked: bool,
    /// No request could be made of the message: it waits until its endpoint is changed, at most until `due`.
    pub held: bool,
}
