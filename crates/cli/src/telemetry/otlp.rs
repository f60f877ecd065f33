//! The bodies that a collector takes: OTLP/HTTP as JSON, version 1 of the protocol (`opentelemetry-proto`,
//! `trace.proto` and `metrics.proto`, in the JSON of Protocol Buffers, but for ids, which are hex).

use ringback_model::Timestamp;
use serde::{Serialize, Serializer};

use super::span::{Span, Value, What};

/// Who sends.
#[derive(Debug, Serialize)]
pub(super) struct Resource {
    attributes: Vec<Attribute>,
}

#[derive(Debug, Serialize)]
pub(super) struct Attribute {
    key: &'static str,
    value: AnyValue,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum AnyValue {
    StringValue(String),
    IntValue(Whole<i64>),
}

/// A whole number of 64 bits, which is a text in this JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole<T>(pub(super) T);

impl<T: std::fmt::Display> Serialize for Whole<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Bytes as lower-case hex.
#[derive(Clone, Copy, Debug)]
struct Hex<'a>(&'a [u8]);

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&digits)
    }
}

/// A time in nanoseconds since the epoch.
pub(super) fn nanoseconds(time: Timestamp) -> Whole<i128> {
    Whole(i128::from(time.as_micros()) * 1_000)
}

impl Resource {
    /// A server of this name.
    pub(super) fn of_server(node: &str) -> Self {
        let text = |key, text: &str| Attribute { key, value: AnyValue::StringValue(text.to_owned()) };
        let attributes = vec![
            text("service.name", "ringback"),
            text("service.version", env!("CARGO_PKG_VERSION")),
            text("service.instance.id", node),
        ];
        Self { attributes }
    }
}

impl Attribute {
    /// One that is a word.
    pub(super) fn text(key: &'static str, value: String) -> Self {
        Self { key, value: AnyValue::StringValue(value) }
    }
}

#[derive(Debug, Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

const SCOPE: Scope = Scope { name: "ringback", version: env!("CARGO_PKG_VERSION") };

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Traces<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: &'a Resource,
    scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope,
    spans: Vec<SpanOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanOut<'a> {
    trace_id: Hex<'a>,
    span_id: Hex<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<Hex<'a>>,
    name: &'static str,
    kind: u8,
    start_time_unix_nano: Whole<i128>,
    end_time_unix_nano: Whole<i128>,
    attributes: Vec<Attribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<[Link<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Link<'a> {
    trace_id: Hex<'a>,
    span_id: Hex<'a>,
}

#[derive(Serialize)]
struct Status<'a> {
    code: u8,
    message: &'a str,
}

/// `SPAN_KIND_SERVER`: somebody has called us.
const SERVER: u8 = 2;
/// `SPAN_KIND_CLIENT`: we call somebody.
const CLIENT: u8 = 3;
/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// The body of `/v1/traces`.
pub(super) fn traces(resource: &Resource, spans: &[Span]) -> Vec<u8> {
    let spans = spans.iter().map(SpanOut::of).collect();
    let scope_spans = [ScopeSpans { scope: SCOPE, spans }];
    json(&Traces { resource_spans: [ResourceSpans { resource, scope_spans }] })
}

impl<'a> SpanOut<'a> {
    fn of(span: &'a Span) -> Self {
        let (name, kind) = match span.what {
            What::Acceptance => ("accept message", SERVER),
            What::Attempt => ("attempt delivery", CLIENT),
        };
        let attribute = |(key, value): &(&'static str, Value)| Attribute {
            key,
            value: match value {
                Value::Text(text) => AnyValue::StringValue(text.clone()),
                Value::Whole(number) => AnyValue::IntValue(Whole(*number)),
            },
        };
        Self {
            trace_id: Hex(&span.trace.0),
            span_id: Hex(&span.id.0),
            parent_span_id: span.parent.as_ref().map(|parent| Hex(&parent.0)),
            name,
            kind,
            start_time_unix_nano: nanoseconds(span.begun),
            end_time_unix_nano: nanoseconds(span.ended),
            attributes: span.attributes.iter().map(attribute).collect(),
            links: span.link.as_ref().map(|(trace, span)| [Link { trace_id: Hex(&trace.0), span_id: Hex(&span.0) }]),
            status: span.error.as_deref().map(|message| Status { code: ERROR, message }),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metrics<'a> {
    resource_metrics: [ResourceMetrics<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceMetrics<'a> {
    resource: &'a Resource,
    scope_metrics: [ScopeMetrics<'a>; 1],
}

#[derive(Serialize)]
struct ScopeMetrics<'a> {
    scope: Scope,
    metrics: &'a [Metric],
}

/// Figures under one name.
#[derive(Debug, Serialize)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) description: String,
    /// In the Unified Code for Units of Measure: `s`, `By`, or nothing.
    pub(super) unit: &'static str,
    #[serde(flatten)]
    pub(super) data: Data,
}

/// The figures.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Data {
    #[serde(rename_all = "camelCase")]
    Gauge { data_points: Vec<NumberPoint> },
    #[serde(rename_all = "camelCase")]
    Sum { data_points: Vec<NumberPoint>, aggregation_temporality: u8, is_monotonic: bool },
    #[serde(rename_all = "camelCase")]
    Histogram { data_points: [HistogramPoint; 1], aggregation_temporality: u8 },
}

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`: counted since the start.
pub(super) const CUMULATIVE: u8 = 2;

/// One figure.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NumberPoint {
    pub(super) attributes: Vec<Attribute>,
    pub(super) start_time_unix_nano: Whole<i128>,
    pub(super) time_unix_nano: Whole<i128>,
    #[serde(flatten)]
    pub(super) number: NumberValue,
}

/// What it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum NumberValue {
    AsInt(Whole<u64>),
    AsDouble(f64),
}

/// How often something was so large. The last count is of what lies above all bounds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HistogramPoint {
    pub(super) start_time_unix_nano: Whole<i128>,
    pub(super) time_unix_nano: Whole<i128>,
    pub(super) count: Whole<u64>,
    pub(super) sum: f64,
    pub(super) bucket_counts: Vec<Whole<u64>>,
    pub(super) explicit_bounds: Vec<f64>,
}

/// The body of `/v1/metrics`.
pub(super) fn metrics(resource: &Resource, metrics: &[Metric]) -> Vec<u8> {
    let scope_metrics = [ScopeMetrics { scope: SCOPE, metrics }];
    json(&Metrics { resource_metrics: [ResourceMetrics { resource, scope_metrics }] })
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("these structs are JSON")
}
