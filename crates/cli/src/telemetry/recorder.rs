//! Makes spans of what the log is told of messages and attempts, and holds them until they are sent.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ringback_model::{AttemptId, Clock, MessageId, Timestamp};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer};

use super::span::{Span, SpanId, TraceId, Value, What, begun, trace_parent};

/// What lines about messages are told under.
const MESSAGE: &str = "ringback::message";
/// What lines about attempts are told under.
const ATTEMPT: &str = "ringback::attempt";
/// Spans that wait at most; those beyond are lost.
const WAITING_MAX: usize = 16_384;
/// Spans that are sent at a time.
const AT_A_TIME: usize = 512;

/// What gets the lines.
#[derive(Clone, Debug)]
pub(crate) struct Recorder(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Of all traces, how many are sent: 0 to 1.
    share: f64,
    clock: Arc<dyn Clock>,
    waiting: Mutex<Vec<Span>>,
    filled: Notify,
    lost: AtomicU64,
}

impl Recorder {
    /// Takes down this share of the traces, from 0 to 1.
    pub(crate) fn new(share: f64, clock: Arc<dyn Clock>) -> Self {
        let shared = Shared { share, clock, waiting: Mutex::default(), filled: Notify::new(), lost: AtomicU64::new(0) };
        Self(Arc::new(shared))
    }

    /// The clock that spans are told by.
    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// What it has to be told, however little the log says.
    pub(crate) fn lines() -> Targets {
        Targets::new().with_target(MESSAGE, LevelFilter::DEBUG).with_target(ATTEMPT, LevelFilter::DEBUG)
    }

    /// Waits until as many wait as are sent at a time, or until `end`.
    pub(super) async fn filled(&self, end: Instant) {
        // Either way it is time.
        timeout_at(end, self.0.filled.notified()).await.ok();
    }

    /// Those that have waited longest.
    pub(super) fn take(&self) -> Vec<Span> {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let many = waiting.len().min(AT_A_TIME);
        waiting.drain(..many).collect()
    }

    /// Puts those back that could not be sent, before what has come since. The oldest ones go if there are too many.
    pub(super) fn put_back(&self, mut earlier: Vec<Span>) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let over = (earlier.len() + waiting.len()).saturating_sub(WAITING_MAX).min(earlier.len());
        earlier.drain(..over);
        self.lost(over);
        waiting.splice(..0, earlier);
    }

    /// So many were not taken by the collector.
    pub(super) fn lost(&self, many: usize) {
        self.0.lost.fetch_add(many as u64, Ordering::Relaxed);
    }

    /// Spans that were lost since the start.
    pub(super) fn lost_so_far(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    fn record(&self, span: Span) {
        let many = {
            let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() < WAITING_MAX {
                waiting.push(span);
            } else {
                self.lost(1);
            }
            waiting.len()
        };
        if many >= AT_A_TIME {
            self.0.filled.notify_one();
        }
    }
}

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let what = match event.metadata().target() {
            MESSAGE => What::Acceptance,
            ATTEMPT => What::Attempt,
            _ => return,
        };
        let mut line = Line::default();
        event.record(&mut line);
        let Some(message) = line.msg else { return };
        if !TraceId::of(message).is_among(self.0.share) {
            return;
        }
        if let Some(span) = line.span(what, message, self.0.clock.wall()) {
            self.record(span);
        }
    }
}

/// What a line says.
#[derive(Debug, Default)]
struct Line {
    msg: Option<MessageId>,
    attempt: Option<AttemptId>,
    ms: f64,
    trace_parent: Option<(TraceId, SpanId)>,
    text: String,
    attributes: Vec<(&'static str, Value)>,
}

impl Line {
    fn span(self, what: What, message: MessageId, ended: Timestamp) -> Option<Span> {
        let root = SpanId::of_message(message);
        let (id, parent) = match what {
            What::Acceptance => (root, None),
            What::Attempt => (SpanId::of_attempt(self.attempt?), Some(root)),
        };
        let is_error = what == What::Attempt && self.text != "delivered";
        let mut attributes = self.attributes;
        attributes.push(("messaging.message.id", Value::Text(message.to_string())));
        Some(Span {
            trace: TraceId::of(message),
            id,
            parent,
            link: self.trace_parent,
            what,
            begun: begun(ended, self.ms),
            ended,
            attributes,
            error: is_error.then_some(self.text),
        })
    }

    fn add(&mut self, field: &str, value: Value) {
        let name = match field {
            "app" => "ringback.application.id",
            "endpoint" => "ringback.endpoint.id",
            "attempt" => "ringback.attempt.id",
            "event_type" => "ringback.event_type",
            "host" => "server.address",
            "status" => "http.response.status_code",
            "tries" => "ringback.attempt.number",
            "trigger" => "ringback.attempt.trigger",
            "next" => "ringback.delivery.next",
            _ => return,
        };
        self.attributes.push((name, value));
    }

    fn text(&mut self, field: &str, value: String) {
        match field {
            "msg" => self.msg = value.parse().ok(),
            "message" => self.text = value,
            "trace_parent" => self.trace_parent = trace_parent(&value),
            "attempt" => {
                self.attempt = value.parse().ok();
                self.add(field, Value::Text(value));
            }
            _ => self.add(field, Value::Text(value)),
        }
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "ms" {
            self.ms = value;
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), Value::Whole(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), Value::Whole(i64::try_from(value).unwrap_or(i64::MAX)));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use ringback_model::ManualClock;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    const MSG: &str = "msg_2fR6uKfXmVVLVQNKPdHhnNoCXxV";
    const ATMPT: &str = "atmpt_2fR6uMSVpJn0uQEjlyLmvF7ioXd";

    fn clock() -> Arc<dyn Clock> {
        Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000)))
    }

    /// What is taken down of these lines.
    fn spans(share: f64, lines: impl FnOnce()) -> Vec<Span> {
        let recorder = Recorder::new(share, clock());
        let layer = recorder.clone().with_filter(Recorder::lines());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), lines);
        recorder.take()
    }

    fn lines() {
        let app = "app_2fR6uH8jQfGkVzLX1ZVhT3cQm1A";
        tracing::debug!(target: MESSAGE, msg = %MSG, app = %app, event_type = "t", ms = 2.0, "accepted");
        let status = Some(503_u16);
        tracing::info!(target: ATTEMPT, msg = %MSG, attempt = %ATMPT, status, ms = 5.0, tries = 3, "it failed");
        tracing::debug!(target: ATTEMPT, msg = %MSG, attempt = %ATMPT, status = 200_u16, ms = 5.0, "delivered");
        tracing::error!(target: "ringback::other", msg = %MSG, "something else");
        tracing::info!(target: ATTEMPT, msg = "none", "of no message");
    }

    #[test]
    fn attempts_are_spans_under_the_acceptance_of_their_message() {
        let spans = spans(1.0, lines);
        let [accepted, failed, delivered] = spans.as_slice() else { panic!("{spans:?}") };
        assert_eq!((accepted.what, accepted.parent, &accepted.error), (What::Acceptance, None, &None));
        assert_eq!(accepted.ended.since(accepted.begun).as_millis(), 2);
        for attempt in [failed, delivered] {
            assert_eq!(
                (attempt.what, attempt.trace, attempt.parent),
                (What::Attempt, accepted.trace, Some(accepted.id))
            );
        }
        assert_eq!((failed.error.as_deref(), &delivered.error), (Some("it failed"), &None));
        assert!(failed.attributes.contains(&("http.response.status_code", Value::Whole(503))), "{failed:?}");
        assert!(failed.attributes.contains(&("ringback.attempt.number", Value::Whole(3))), "{failed:?}");
    }

    #[test]
    fn what_is_not_among_the_share_is_not_taken_down() {
        assert_eq!(spans(0.0, lines), []);
    }

    #[test]
    fn what_there_is_no_room_for_is_counted() {
        let recorder = Recorder::new(1.0, clock());
        let span = spans(1.0, lines).remove(0);
        (0..WAITING_MAX).for_each(|_| recorder.record(span.clone()));
        recorder.record(span.clone());
        assert_eq!(recorder.lost_so_far(), 1);
        let taken = recorder.take();
        recorder.record(span);
        recorder.put_back(taken);
        assert_eq!((recorder.lost_so_far(), recorder.take().len()), (2, AT_A_TIME));
    }
}
