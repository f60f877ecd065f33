//! What a scripted receiver answers.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};

/// One scripted answer. The plain ones are proper HTTP; the others break off or write bytes as given.
///
/// ```
/// # use ringback_testkit::Answer;
/// # use std::time::Duration;
/// let busy = Answer::status(429).header("retry-after", "5").body("later").delay(Duration::from_millis(50));
/// ```
#[derive(Debug, Clone)]
pub struct Answer {
    pub(super) delay: Duration,
    pub(super) held: bool,
    pub(super) act: Act,
}

/// What happens once the delay is over.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// A whole answer.
    Reply { status: StatusCode, headers: Vec<(HeaderName, HeaderValue)>, body: Bytes },
    /// These bytes and the end of the connection.
    Raw(Bytes),
}

impl Answer {
    /// An empty answer of this status.
    ///
    /// # Panics
    /// If `status` is not between 100 and 999: a mistake in the test.
    #[must_use]
    pub fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).expect("a status has three digits");
        Self::of(Act::Reply { status, headers: Vec::new(), body: Bytes::new() })
    }

    /// Closes the connection without a byte of answer.
    #[must_use]
    pub fn close() -> Self {
        Self::raw(Bytes::new())
    }

    /// Sends a whole head of status 200 that announces ten bytes of body, then closes.
    #[must_use]
    pub fn cut_after_head() -> Self {
        Self::raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")
    }

    /// Writes these bytes in place of an answer, then closes.
    #[must_use]
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self::of(Act::Raw(bytes.into()))
    }

    /// Adds a header. Without effect on the answers that are not whole.
    ///
    /// # Panics
    /// If name or value cannot stand in a head: a mistake in the test.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Act::Reply { headers, .. } = &mut self.act {
            let name = name.parse().expect("a header name");
            headers.push((name, value.parse().expect("a header value")));
        }
        self
    }

    /// Sets the body. Without effect on the answers that are not whole.
    #[must_use]
    pub fn body(mut self, bytes: impl Into<Bytes>) -> Self {
        if let Act::Reply { body, .. } = &mut self.act {
            *body = bytes.into();
        }
        self
    }

    /// Waits this long, in real time, before answering.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Holds the answer back until the test calls [`release`](super::Receiver::release).
    #[must_use]
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }

    fn of(act: Act) -> Self {
        Self { delay: Duration::ZERO, held: false, act }
    }
}

/// The answers of one path, in turn; the last one stays.
#[derive(Debug)]
pub(super) struct Script(VecDeque<Answer>);

impl Script {
    pub(super) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self(answers.into_iter().collect())
    }

    /// The next answer; without any, 200.
    pub(super) fn next(&mut self) -> Answer {
        match self.0.len() {
            0 => Answer::status(200),
            1 => self.0[0].clone(),
            _ => self.0.pop_front().expect("it has more than one"),
        }
    }
}
