//! How requests to an endpoint look: method, names, formats and what is added. Data only: `ringback-wire` compiles it.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// How a request carries what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SendMethod {
    /// GET, everything in the query.
    Get,
    /// POST with an urlencoded form.
    Post,
    /// POST with JSON.
    Json,
    /// POST with XML.
    Xml,
}

/// How times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeFormat {
    /// Milliseconds since the epoch: a number where the method has numbers.
    #[serde(rename = "epoch_ms")]
    EpochMs,
    /// Milliseconds since the epoch, always text.
    #[serde(rename = "epoch_ms_str")]
    EpochMsText,
    /// Seconds since the epoch: a number where the method has numbers.
    #[serde(rename = "epoch_s")]
    EpochS,
    /// Seconds since the epoch, always text.
    #[serde(rename = "epoch_s_str")]
    EpochSText,
    /// `2024-12-18 08:08:04` in the endpoint's zone.
    #[serde(rename = "YYYY-MM-DD HH:MM:SS")]
    Plain,
    /// `2024-12-18 08:08:04.831000` in the endpoint's zone (Plivo).
    #[serde(rename = "YYYY-MM-DD HH:MM:SS.ffffff")]
    PlainMicros,
    /// `2024-12-18+08:08:04` in UTC (Kannel's `%t`).
    #[serde(rename = "YYYY-MM-DD+HH:MM:SS")]
    Kannel,
    /// RFC 3339 without a fraction: `Z` in UTC, the offset in another zone.
    #[serde(rename = "rfc3339")]
    Rfc3339,
    /// RFC 3339 with three digits of a second.
    #[serde(rename = "rfc3339_ms")]
    Rfc3339Ms,
    /// RFC 3339 with six digits of a second.
    #[serde(rename = "rfc3339_us")]
    Rfc3339Us,
    /// RFC 3339 with nine digits of a second.
    #[serde(rename = "rfc3339_ns")]
    Rfc3339Ns,
    /// `2024-12-18T08:08:04.831+0000` (Infobip).
    #[serde(rename = "yyyy-MM-dd'T'HH:mm:ss.SSSZ")]
    Infobip,
    /// `2412180808` in the endpoint's zone (SMPP).
    #[serde(rename = "YYMMDDhhmm")]
    Smpp,
    /// `Wed, 18 Dec 2024 08:08:04 +0000` (RFC 2822).
    #[serde(rename = "rfc2822")]
    Rfc2822,
}

/// How telephone numbers are written. What is not digits after an optional leading `+` passes through unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberFormat {
    /// `+2348012345348`.
    E164Plus,
    /// `2348012345348`.
    Digits,
    /// `002348012345348`.
    #[serde(rename = "00_prefix")]
    ZeroZero,
    /// `8012345348`: without the country code that the report's network names, else as digits.
    National,
    /// As it was given.
    Raw,
}

/// What is written for a value that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmptyValue {
    /// The name with empty text.
    Empty,
    /// Nothing: the name is left out too.
    Omit,
    /// `null` in JSON, empty text elsewhere.
    Null,
}

/// One parameter of the endpoint's owner, sent beside those of the dialect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomParameter {
    /// Its name on the wire.
    pub name: String,
    /// Its value, or a template with `{{path}}`; empty for a secret one, whose value is in [`crate::EndpointSecrets`].
    #[serde(default)]
    pub value: String,
    /// Its value is named, never returned.
    #[serde(default)]
    pub secret: bool,
}

/// A body of the owner's own making.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BodyTemplate {
    /// Its content type; values are encoded as it asks: JSON, lines of JSON, XML, HTML, CSV, form; as they are in plain text.
    pub content_type: String,
    /// The text, with `{{path}}` where values go.
    pub body: String,
}

/// How requests to an endpoint look. What is absent is the dialect's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Shape {
    /// The dialect's name; `standard-webhooks` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<String>,
    /// How the request carries what it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_method: Option<SendMethod>,
    /// Names on the wire by the dialect's own name of the value, in the order given; empty text: not sent.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub parameters: IndexMap<String, String>,
    /// The owner's own parameters, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_parameters: Vec<CustomParameter>,
    /// Whether they are sent.
    pub custom_parameters_enabled: bool,
    /// Whether the owner's headers are sent.
    pub custom_headers_enabled: bool,
    /// How times are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_format: Option<TimeFormat>,
    /// In which zone they are written: a name of the IANA data base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// How telephone numbers are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_format: Option<NumberFormat>,
    /// Telephone numbers are written with their middle digits hidden.
    pub mask: bool,
    /// What is written for a value that is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty_value: Option<EmptyValue>,
    /// Dots in names make objects (JSON, XML).
    pub nested: bool,
    /// The name of the root element; `webhook` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xml_root: Option<String>,
    /// A body in place of the dialect's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<BodyTemplate>,
    /// Whether Standard Webhooks headers are sent beside whatever the dialect signs with.
    pub standard_signature: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            dialect: None,
            send_method: None,
            parameters: IndexMap::new(),
            custom_parameters: Vec::new(),
            custom_parameters_enabled: true,
            custom_headers_enabled: true,
            time_format: None,
            time_zone: None,
            number_format: None,
            mask: false,
            empty_value: None,
            nested: false,
            xml_root: None,
            template: None,
            standard_signature: true,
        }
    }
}
