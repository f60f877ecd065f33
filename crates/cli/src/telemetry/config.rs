//! Settings of telemetry: they go together.

use std::str::FromStr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use ringback_engine::SystemClock;
use ringback_engine::egress::TargetUrl;
use serde::Deserialize;

use super::Recorder;
use crate::args::TelemetryArgs;
use crate::config::{ConfigError, File, ValueError};

/// What a server sends, and where to.
#[derive(Clone, Debug)]
pub(crate) struct TelemetryConfig {
    /// Where spans go.
    pub(super) traces: TargetUrl,
    /// Where figures go.
    pub(super) metrics: TargetUrl,
    /// What is sent along, marked as sensitive.
    pub(super) headers: HeaderMap,
    /// What takes spans down.
    pub(crate) recorder: Recorder,
}

/// What the file sets.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TelemetryFile {
    otlp_endpoint: Option<CollectorUrl>,
    otlp_headers: Option<Headers>,
    otlp_sample_ratio: Option<Share>,
}

/// The base of a collector's paths.
#[derive(Clone, Debug)]
pub(crate) struct CollectorUrl {
    traces: TargetUrl,
    metrics: TargetUrl,
}

impl FromStr for CollectorUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = |why: &str| ValueError::CollectorUrl(why.to_owned());
        let base = TargetUrl::parse(text).map_err(|error| ValueError::CollectorUrl(error.to_string()))?;
        if base.credentials().is_some() {
            return Err(wrong("it has no user and no password in it: what it asks for goes into otlp_headers"));
        }
        if base.path_and_query().query().is_some() || base.path_and_query().path().ends_with("/v1/traces") {
            return Err(wrong("it is what stands before /v1/traces and /v1/metrics"));
        }
        let under = |path: &str| {
            let url = format!("{}{path}", base.as_str().trim_end_matches('/'));
            TargetUrl::parse(&url).map_err(|error| ValueError::CollectorUrl(error.to_string()))
        };
        Ok(Self { traces: under("/v1/traces")?, metrics: under("/v1/metrics")? })
    }
}

/// Headers that a collector asks for, `name=value` with commas between them. They may be secret.
#[derive(Clone)]
pub(crate) struct Headers(HeaderMap);

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl FromStr for Headers {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let mut headers = HeaderMap::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(ValueError::CollectorHeaders)?;
            let name: HeaderName = name.trim().parse().map_err(|_| ValueError::CollectorHeaders)?;
            let mut value: HeaderValue = value.trim().parse().map_err(|_| ValueError::CollectorHeaders)?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(Self(headers))
    }
}

/// A share of all, from 0 to 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share(f64);

impl FromStr for Share {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
        share.map(Self).ok_or(ValueError::Share)
    }
}

/// The flags over the file; nothing if no collector is named.
///
/// # Errors
/// When something is set for a collector and none is named.
pub(crate) fn telemetry(args: TelemetryArgs, file: &mut File) -> Result<Option<TelemetryConfig>, ConfigError> {
    let TelemetryFile { otlp_endpoint, otlp_headers, otlp_sample_ratio } = std::mem::take(&mut file.telemetry);
    let headers = args.otlp_headers.or(otlp_headers);
    let share = args.otlp_sample_ratio.or(otlp_sample_ratio);
    let Some(CollectorUrl { traces, metrics }) = args.otlp_endpoint.or(otlp_endpoint) else {
        let is_named = headers.is_some() || share.is_some();
        return if is_named { Err(ConfigError::Telemetry) } else { Ok(None) };
    };
    let headers = headers.map(|Headers(headers)| headers).unwrap_or_default();
    let recorder = Recorder::new(share.map_or(1.0, |Share(share)| share), Arc::new(SystemClock::new()));
    Ok(Some(TelemetryConfig { traces, metrics, headers, recorder }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stand_under_what_is_named() {
        for (base, traces) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://otlp.example/api/otlp/", "https://otlp.example/api/otlp/v1/traces"),
        ] {
            let url: CollectorUrl = base.parse().unwrap();
            assert_eq!(url.traces.as_str(), traces);
        }
        for bad in ["127.0.0.1:4318", "http://h/v1/traces", "http://u:p@h", "http://h/?a=b", "grpc://h"] {
            assert!(bad.parse::<CollectorUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn values_of_headers_are_never_shown() {
        let headers: Headers = "Api-Key=hunter2, X-Team = a=b,".parse().unwrap();
        assert_eq!(
            (&headers.0["api-key"], &headers.0["x-team"]),
            (&"hunter2".parse().unwrap(), &"a=b".parse().unwrap())
        );
        assert!(!format!("{headers:?} {:?}", headers.0).contains("hunter2"));
        for bad in ["api-key", "a b=c", "a=b\nc"] {
            assert!(bad.parse::<Headers>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_share_is_from_none_to_all() {
        assert!(["0", "1", "0.25"].iter().all(|good| good.parse::<Share>().is_ok()));
        assert!(["-0.1", "1.1", "NaN", "", "10%"].iter().all(|bad| bad.parse::<Share>().is_err()));
    }
}
