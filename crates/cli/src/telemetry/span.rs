//! Spans: what was done from when to when, as part of which trace.

use std::time::Duration;

use ringback_model::{AttemptId, MessageId, Timestamp};

/// A span that has ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Span {
    /// What it is part of.
    pub(super) trace: TraceId,
    pub(super) id: SpanId,
    /// The span that it is part of, in the same trace.
    pub(super) parent: Option<SpanId>,
    /// A span of somebody else that led to it.
    pub(super) link: Option<(TraceId, SpanId)>,
    pub(super) what: What,
    pub(super) begun: Timestamp,
    pub(super) ended: Timestamp,
    /// Names and values, in the words of OpenTelemetry where it has some.
    pub(super) attributes: Vec<(&'static str, Value)>,
    /// What went wrong.
    pub(super) error: Option<String>,
}

/// What a span is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A message was accepted.
    Acceptance,
    /// A delivery was tried.
    Attempt,
}

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Whole(i64),
}

/// The id of a trace; never all zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TraceId(pub(super) [u8; 16]);

/// The id of a span; never all zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SpanId(pub(super) [u8; 8]);

impl TraceId {
    /// The trace of a message: the part of its id that is not the time in seconds, and so nearly all random.
    pub(super) fn of(message: MessageId) -> Self {
        let [_, _, _, _, rest @ ..] = *message.as_bytes();
        Self(rest)
    }

    /// Whether it is among the share of traces that are sent. All nodes decide alike.
    pub(super) fn is_among(self, share: f64) -> bool {
        let [.., a, b, c, d] = self.0;
        f64::from(u32::from_be_bytes([a, b, c, d])) < share * (f64::from(u32::MAX) + 1.0)
    }
}

impl SpanId {
    /// The span of a message's acceptance.
    pub(super) fn of_message(message: MessageId) -> Self {
        Self::last(*message.as_bytes())
    }

    /// The span of an attempt.
    pub(super) fn of_attempt(attempt: AttemptId) -> Self {
        Self::last(*attempt.as_bytes())
    }

    fn last([.., a, b, c, d, e, f, g, h]: [u8; 20]) -> Self {
        Self([a, b, c, d, e, f, g, h])
    }
}

/// The trace and the span that a `traceparent` names (W3C Trace Context, section 3.2); `None` if it is none.
pub(super) fn trace_parent(text: &str) -> Option<(TraceId, SpanId)> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    // A version to come may have more parts; this one has four.
    let is_known = if version == "00" { parts.next().is_none() } else { version.len() == 2 && version != "ff" };
    let trace: [u8; 16] = hex(trace)?;
    let span: [u8; 8] = hex(span)?;
    let is_whole = is_known && hex::<1>(version).is_some() && hex::<1>(flags).is_some();
    (is_whole && trace != [0; 16] && span != [0; 8]).then_some((TraceId(trace), SpanId(span)))
}

/// So many bytes in lower-case hex.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    let is_hex = digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    if !is_hex || digits.len() != 2 * N {
        return None;
    }
    let number = u128::from_str_radix(text, 16).ok()?.to_be_bytes();
    number[16 - N..].try_into().ok()
}

/// When something began that has ended now and took so many milliseconds.
pub(super) fn begun(ended: Timestamp, ms: f64) -> Timestamp {
    let took = Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default();
    Timestamp::from_micros(ended.as_micros() - i64::try_from(took.as_micros()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_trace_parent_is_one() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let (trace, span) = trace_parent(good).unwrap();
        assert_eq!((trace.0[0], trace.0[15], span.0[0], span.0[7]), (0x0a, 0x9c, 0xb7, 0x31));
        assert!(trace_parent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more").is_some());
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(trace_parent(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_share_of_all_traces_is_everything_and_of_none_nothing() {
        let ids = [[0; 16], [255; 16], [127; 16]].map(TraceId);
        assert!(ids.iter().all(|id| id.is_among(1.0)) && !ids.iter().any(|id| id.is_among(0.0)));
        assert_eq!(ids.map(|id| id.is_among(0.5)), [true, false, true]);
    }
}
