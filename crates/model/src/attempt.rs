//! An attempt: one HTTP exchange of a delivery, and what came of it.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::{AttemptId, EndpointNo, MessageNo, Timestamp};

/// What made an attempt happen. The numbers are the API's and the store's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Trigger {
    /// The retry schedule.
    Scheduled = 0,
    /// A person or the API asked for it.
    Manual = 1,
}

impl Trigger {
    /// The word for it in logs and on pages.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Manual => "manual",
        }
    }
}

/// What came of an attempt. A value, not an error: the policy decides by it, and nothing is parsed out of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The endpoint's success rule was met.
    Delivered,
    /// The request went out, wholly or in part, and did not succeed. It counts as a try of the receiver.
    Failed {
        /// What went wrong.
        why: Failure,
        /// What the receiver's `Retry-After` asks for, if anything sensible.
        retry_after: Option<Duration>,
    },
    /// Not a byte of the request went out. It burns none of the receiver's tries.
    NotSent {
        /// What was in the way.
        why: NotSent,
    },
}

/// How an exchange failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// An answer came, and its status is not what counts as success.
    Status(u16),
    /// The deadline passed before there was an answer.
    Timeout,
    /// The receiver refused the connection or could not be reached.
    Connect,
    /// The TLS handshake failed: an invalid certificate, no common version, or no TLS at all.
    Tls,
    /// The connection was closed or reset before there was an answer.
    Closed,
    /// What came back is not HTTP/1.1, or exceeds the limits of a response head.
    Protocol,
    /// The status counts as success, and the body lacks the acknowledgement that the endpoint's rule asks for.
    Unacknowledged(u16),
    /// The receiver answered 401 or 403 to what it was shown: it does not accept the endpoint's secret.
    SecretRejected(u16),
}

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotSent {
    /// The address is inside a network that must not be called. The address itself is told to nobody.
    AddressDenied,
    /// The host name has no address, or the name server did not answer.
    Dns,
    /// This machine is out of sockets, files or memory.
    LocalResource,
    /// The request could not be rendered, because a field is missing for instance.
    Render,
    /// Preparing or sending it panicked.
    Panic,
    /// The server was told to stop while the attempt was under way, before anything was sent.
    Stopped,
    /// No OAuth2 token could be fetched for the receiver.
    Token,
    /// The payload was expunged or has expired.
    PayloadGone,
    /// The message's time to live has ended.
    Expired,
    /// The endpoint's transformation wants nothing to be sent.
    CalledOff,
}

impl fmt::Display for AttemptOutcome {
    /// The reason in words, as people see it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered => f.write_str("delivered"),
            Self::Failed { why, .. } => match why {
                Failure::Status(status) => write!(f, "the receiver answered {status}"),
                Failure::Timeout => f.write_str("the receiver did not answer in time"),
                Failure::Connect => f.write_str("the connection was refused or could not be made"),
                Failure::Tls => f.write_str("the TLS handshake failed"),
                Failure::Closed => f.write_str("the connection was closed before there was an answer"),
                Failure::Protocol => f.write_str("the answer is not valid HTTP/1.1 or its head is too large"),
                Failure::Unacknowledged(status) => {
                    write!(f, "the receiver answered {status}, but the body lacks the acknowledgement")
                }
                Failure::SecretRejected(status) => write!(f, "the receiver rejected the secret: it answered {status}"),
            },
            Self::NotSent { why } => f.write_str(match why {
                NotSent::AddressDenied => "the address is not allowed",
                NotSent::Dns => "the host name could not be resolved",
                NotSent::LocalResource => "this server is short of sockets or files",
                NotSent::Render => "the request could not be rendered",
                NotSent::Panic => "the request could not be made",
                NotSent::Stopped => "the server was stopping",
                NotSent::Token => "no token could be fetched for the receiver",
                NotSent::PayloadGone => "the payload is gone",
                NotSent::Expired => "the message's time to live has ended",
                NotSent::CalledOff => "the transformation called it off",
            }),
        }
    }
}

impl AttemptOutcome {
    /// Its number in the store: 0 delivered, 1.. failed, 64.. not sent. Numbers never change meaning.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::Delivered => 0,
            Self::Failed { why, .. } => match why {
                Failure::Status(_) => 1,
                Failure::Timeout => 2,
                Failure::Connect => 3,
                Failure::Tls => 4,
                Failure::Closed => 5,
                Failure::Protocol => 6,
                Failure::Unacknowledged(_) => 7,
                Failure::SecretRejected(_) => 8,
            },
            Self::NotSent { why } => match why {
                NotSent::AddressDenied => 64,
                NotSent::Dns => 65,
                NotSent::LocalResource => 66,
                NotSent::Render => 67,
                NotSent::Panic => 68,
                NotSent::Stopped => 69,
                NotSent::Token => 70,
                NotSent::PayloadGone => 71,
                NotSent::Expired => 72,
                NotSent::CalledOff => 73,
            },
        }
    }

    /// The outcome with this number; `status` is that of the answer, 0 if there was none.
    #[must_use]
    pub const fn from_code(code: i64, status: u16) -> Option<Self> {
        let why = match code {
            0 => return Some(Self::Delivered),
            1 => Failure::Status(status),
            2 => Failure::Timeout,
            3 => Failure::Connect,
            4 => Failure::Tls,
            5 => Failure::Closed,
            6 => Failure::Protocol,
            7 => Failure::Unacknowledged(status),
            8 => Failure::SecretRejected(status),
            64 => return Some(Self::NotSent { why: NotSent::AddressDenied }),
            65 => return Some(Self::NotSent { why: NotSent::Dns }),
            66 => return Some(Self::NotSent { why: NotSent::LocalResource }),
            67 => return Some(Self::NotSent { why: NotSent::Render }),
            68 => return Some(Self::NotSent { why: NotSent::Panic }),
            69 => return Some(Self::NotSent { why: NotSent::Stopped }),
            70 => return Some(Self::NotSent { why: NotSent::Token }),
            71 => return Some(Self::NotSent { why: NotSent::PayloadGone }),
            72 => return Some(Self::NotSent { why: NotSent::Expired }),
            73 => return Some(Self::NotSent { why: NotSent::CalledOff }),
            _ => return None,
        };
        Some(Self::Failed { why, retry_after: None })
    }
}

/// What a request went without, though the dialect has it. The numbers are the store's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum LeftOut {
    /// The whole inbound message in the query of a GET, which would have been too long.
    Payload = 1,
}

impl LeftOut {
    /// The one with this number, if there is any.
    #[must_use]
    pub const fn from_code(code: i64) -> Option<Self> {
        match code {
            1 => Some(Self::Payload),
            _ => None,
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload => f.write_str(
                "`payload` was left out: with it, path and query would have had more than 8192 bytes; the send methods \
                 post, json and xml carry it",
            ),
        }
    }
}

/// How long each phase of an exchange took; zero for a phase that did not happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Resolving the name.
    pub dns: Duration,
    /// Opening the TCP connection.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// From the first byte sent to the head of the answer.
    pub first_byte: Duration,
    /// All of it, the body of the answer included.
    pub total: Duration,
}

/// What was seen of one exchange on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// The status of the answer; `None` if none came.
    pub status: Option<u16>,
    /// The first bytes of the answer's body, as they came.
    pub response: Bytes,
    /// How long it took.
    pub phases: Phases,
    /// What the request went without.
    pub left_out: Option<LeftOut>,
    /// The address that was dialled. For operators, never for a customer.
    pub address: Option<IpAddr>,
}

/// An attempt as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its number: the order in which attempts were recorded.
    pub no: i64,
    /// Its public id.
    pub id: AttemptId,
    /// The message.
    pub message: MessageNo,
    /// The endpoint.
    pub endpoint: EndpointNo,
    /// When it began.
    pub started_at: Timestamp,
    /// What made it happen.
    pub trigger: Trigger,
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// The URL that was called.
    pub url: String,
    /// What was seen on the wire.
    pub exchange: Exchange,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_comes_back_by_its_number() {
        let known: Vec<i64> = (0..256).filter(|code| LeftOut::from_code(*code).is_some()).collect();
        assert_eq!(known, [1]);
        assert_eq!(LeftOut::from_code(LeftOut::Payload as i64), Some(LeftOut::Payload));
    }

    #[test]
    fn every_number_stands_for_one_outcome_and_comes_back_as_it() {
        let known: Vec<i64> = (0..256).filter(|code| AttemptOutcome::from_code(*code, 204).is_some()).collect();
        assert_eq!(known, (0..=8).chain(64..=73).collect::<Vec<_>>());
        for code in known {
            assert_eq!(AttemptOutcome::from_code(code, 204).map(|outcome| i64::from(outcome.code())), Some(code));
        }
    }
}
