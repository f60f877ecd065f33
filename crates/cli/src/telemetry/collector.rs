//! The collector, and what it says to what it is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ipnet::IpNet;
use ringback_engine::egress::{Connector, DnsResolver, EgressPolicy, TargetUrl, Trust};
use ringback_engine::{Inquiry, InquiryError, Probe};
use serde::Deserialize;
use serde_json::Value;

use super::config::TelemetryConfig;
use super::otlp::{self, Metric, Resource};
use super::span::Span;

/// How long it may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where spans and figures go.
#[derive(Debug)]
pub(super) struct Collector {
    config: TelemetryConfig,
    probe: Probe,
    /// It has not taken what it was sent last.
    is_in_trouble: AtomicBool,
}

/// What became of what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Yes,
    /// It may be, a little later.
    NotYet,
    No,
}

/// What a collector says where it takes a part alone (`ExportTracePartialSuccess`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    partial_success: Option<PartialSuccess>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartialSuccess {
    #[serde(default)]
    error_message: String,
    /// A number of 64 bits: a text, and of some a number.
    #[serde(default, alias = "rejectedDataPoints")]
    rejected_spans: Value,
}

impl Collector {
    pub(super) fn new(config: TelemetryConfig) -> Self {
        // The operator has named it: its address may be of any network.
        let all = ["0.0.0.0/0", "::/0"].map(|net| net.parse::<IpNet>().expect("it is a network"));
        let policy = EgressPolicy::public().allow(all);
        let connector = Connector::new(policy, Arc::new(DnsResolver::system()), Trust::public());
        Self { config, probe: Probe::new(Arc::new(connector)), is_in_trouble: AtomicBool::new(false) }
    }

    pub(super) async fn send_spans(&self, resource: &Resource, spans: &[Span]) -> Taken {
        self.send(&self.config.traces, otlp::traces(resource, spans)).await
    }

    pub(super) async fn send_metrics(&self, resource: &Resource, metrics: &[Metric]) -> Taken {
        self.send(&self.config.metrics, otlp::metrics(resource, metrics)).await
    }

    async fn send(&self, target: &TargetUrl, body: Vec<u8>) -> Taken {
        let inquiry = Inquiry::json(target.clone(), self.config.headers.clone(), body.into());
        let (taken, trouble) = match self.probe.ask(&inquiry, TIMEOUT).await {
            Ok(answer) => (Taken::Yes, complaint(&answer)),
            Err(error) => (judge(&error), Some(error.to_string())),
        };
        self.tell(trouble);
        taken
    }

    /// Says in the log when trouble begins and when it is over, and nothing in between.
    fn tell(&self, trouble: Option<String>) {
        let was_in_trouble = self.is_in_trouble.swap(trouble.is_some(), Ordering::Relaxed);
        match trouble {
            Some(why) if !was_in_trouble => {
                tracing::warn!("the collector of telemetry does not take everything: {why}")
            }
            None if was_in_trouble => tracing::info!("the collector of telemetry takes everything again"),
            _ => {}
        }
    }
}

/// Which answers are worth another try: OTLP specification, "Retryable Response Codes".
const fn judge(error: &InquiryError) -> Taken {
    match error {
        InquiryError::NoAnswer(_) | InquiryError::Status(429 | 502 | 503 | 504) => Taken::NotYet,
        InquiryError::Status(_) => Taken::No,
        // It has taken it, and said more than is read.
        InquiryError::TooLong | InquiryError::Cut => Taken::Yes,
    }
}

/// What a collector says about what it has not taken, of an answer that is a success.
fn complaint(answer: &Bytes) -> Option<String> {
    let part = serde_json::from_slice::<Answer>(answer).ok()?.partial_success?;
    let many = part.rejected_spans.as_str().and_then(|text| text.parse().ok());
    let many = many.or_else(|| part.rejected_spans.as_u64()).unwrap_or(0);
    (many > 0).then(|| format!("it has rejected {many}: {}", part.error_message.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_rejected_is_a_complaint() {
        let complaint = |text: &str| complaint(&Bytes::copy_from_slice(text.as_bytes()));
        for all in ["", "{}", r#"{"partialSuccess":{}}"#, r#"{"partialSuccess":{"errorMessage":"slow"}}"#, "ok"] {
            assert_eq!(complaint(all), None, "{all}");
        }
        let some = r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}"#;
        assert_eq!(complaint(some).as_deref(), Some("it has rejected 3: too old"));
        assert!(complaint(r#"{"partialSuccess":{"rejectedDataPoints":2}}"#).is_some());
    }

    #[test]
    fn what_may_be_better_later_is_sent_again() {
        let of = |status| judge(&InquiryError::Status(status));
        assert_eq!([429, 502, 503, 504].map(of), [Taken::NotYet; 4]);
        assert_eq!([400, 401, 404, 413, 500].map(of), [Taken::No; 5]);
    }
}
