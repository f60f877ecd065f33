//! What a caller may say about an endpoint, and the rules for it.

use std::time::Duration;

use indexmap::IndexMap;
use ringback_model::{Batching, Endpoint, Filter, OnExhausted, Ordering, OrganizationSettings};
use serde_json::Value;

use crate::check::{Faults, TEXT_MAX, is_event_type_name};
use crate::endpoint_compose::wanted_url;
use crate::event_type::is_pattern;
use crate::filter;
use crate::{HeaderDraft, MessagingDraft};

/// The rule of what may stand in a filter by event type, in words.
const FILTER_RULE: &str = "An event type is 1 to 256 characters of a-z, A-Z, 0-9, `.`, `_`, `:` and `-`. A whole part \
                           between dots and colons may be `*`, such as in `profile.Customer:*`; to get all events, \
                           leave `eventTypes` out.";
/// Channels that an endpoint may filter by.
const CHANNELS_MAX: usize = 10;
/// Event types that an endpoint may name.
const EVENT_TYPES_MAX: usize = 500;
/// Attempts under way that an endpoint may ask for: as many as the engine has for all.
const CONCURRENCY_MAX: u16 = 2_048;
/// How long one attempt may be allowed to take.
const TIMEOUT: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30);

/// What becomes of an endpoint's request headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HeadersChange {
    /// They stay as they are.
    #[default]
    Keep,
    /// These take their place.
    Replace(Vec<HeaderDraft>),
}

/// What a caller may say about an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointDraft {
    /// The URL as it was given; see [`Endpoint::url`] for what is made of it.
    pub url: String,
    /// See [`Endpoint::uid`].
    pub uid: Option<String>,
    /// See [`Endpoint::description`].
    pub description: String,
    /// See [`Endpoint::version`].
    pub version: u16,
    /// See [`Endpoint::disabled`].
    pub disabled: bool,
    /// See [`Endpoint::paused`].
    pub paused: bool,
    /// See [`Endpoint::event_types`].
    pub event_types: Option<Vec<String>>,
    /// See [`Endpoint::channels`].
    pub channels: Option<Vec<String>>,
    /// See [`Endpoint::filter`], as JSON.
    pub filter: Option<Value>,
    /// See [`Endpoint::throttle_rate`].
    pub throttle_rate: Option<u16>,
    /// See [`Endpoint::max_concurrency`].
    pub max_concurrency: Option<u16>,
    /// See [`Endpoint::timeout`].
    pub timeout: Option<Duration>,
    /// See [`Endpoint::retry_schedule`].
    pub retry_schedule: Option<Vec<Duration>>,
    /// See [`Endpoint::ordering`].
    pub ordering: Ordering,
    /// See [`Endpoint::on_exhausted`].
    pub on_exhausted: OnExhausted,
    /// See [`Endpoint::batch`].
    pub batch: Option<Batching>,
    /// See [`Endpoint::metadata`].
    pub metadata: IndexMap<String, String>,
    /// The signing secret as text; one is drawn if absent. Read when an endpoint is made, and never after.
    pub secret: Option<String>,
    /// What becomes of its request headers.
    pub headers: HeadersChange,
    /// What messaging platforms say beside.
    pub messaging: MessagingDraft,
}

impl EndpointDraft {
    /// A draft that says nothing but the URL.
    #[must_use]
    pub fn new(url: String) -> Self {
        Self {
            url,
            uid: None,
            description: String::new(),
            version: 1,
            disabled: false,
            paused: false,
            event_types: None,
            channels: None,
            filter: None,
            throttle_rate: None,
            max_concurrency: None,
            timeout: None,
            retry_schedule: None,
            ordering: Ordering::default(),
            on_exhausted: OnExhausted::default(),
            batch: None,
            metadata: IndexMap::new(),
            secret: None,
            headers: HeadersChange::Keep,
            messaging: MessagingDraft::default(),
        }
    }

    /// What an endpoint says now: the draft that changes nothing.
    #[must_use]
    pub fn of(endpoint: &Endpoint) -> Self {
        Self {
            uid: endpoint.uid.clone(),
            description: endpoint.description.clone(),
            version: endpoint.version,
            disabled: endpoint.disabled,
            paused: endpoint.paused,
            event_types: endpoint.event_types.clone(),
            channels: endpoint.channels.clone(),
            filter: endpoint.filter.as_ref().map(|filter| filter.source().clone()),
            throttle_rate: endpoint.throttle_rate,
            max_concurrency: endpoint.max_concurrency,
            timeout: endpoint.timeout_micros.map(Duration::from_micros),
            retry_schedule: endpoint.retry_schedule(),
            ordering: endpoint.ordering,
            on_exhausted: endpoint.on_exhausted,
            batch: endpoint.batch,
            metadata: endpoint.metadata.clone(),
            messaging: MessagingDraft::of(endpoint),
            ..Self::new(wanted_url(endpoint).to_owned())
        }
    }

    /// Writes the draft into an endpoint, all but its URL, headers and secret, which take a look at other things too.
    pub(crate) fn write_to(self, endpoint: &mut Endpoint) {
        let micros = |length: Duration| u64::try_from(length.as_micros()).unwrap_or(u64::MAX);
        if self.disabled != endpoint.disabled {
            // Whoever turns the switch by hand needs no reason told.
            endpoint.disabled_reason = None;
        }
        endpoint.uid = self.uid;
        endpoint.description = self.description;
        endpoint.version = self.version;
        endpoint.disabled = self.disabled;
        endpoint.paused = self.paused;
        endpoint.event_types = self.event_types.map(without_repeats);
        endpoint.channels = self.channels.map(without_repeats);
        // It was compiled before, when it was checked.
        endpoint.filter = self.filter.and_then(|filter| Filter::compile(filter).ok()).map(Box::new);
        endpoint.throttle_rate = self.throttle_rate;
        endpoint.max_concurrency = self.max_concurrency;
        endpoint.timeout_micros = self.timeout.map(micros);
        endpoint.retry_schedule_micros = self.retry_schedule.map(|delays| delays.into_iter().map(micros).collect());
        endpoint.ordering = self.ordering;
        endpoint.on_exhausted = self.on_exhausted;
        endpoint.batch = self.batch;
        endpoint.metadata = self.metadata;
    }

    /// Notes everything that is wrong and can be told without a look at anything else.
    pub(crate) fn check(&self, settings: &OrganizationSettings, faults: &mut Faults) {
        faults.uid("uid", self.uid.as_deref(), "ep");
        faults.text("description", &self.description, TEXT_MAX);
        faults.throttle_rate(self.throttle_rate);
        faults.metadata(&self.metadata);
        if let Some(channels) = &self.channels {
            faults.channels(channels, CHANNELS_MAX);
        }
        self.check_event_types(faults);
        self.check_filter(faults);
        self.check_lane(faults);
        self.messaging.check(settings, faults);
    }

    fn check_event_types(&self, faults: &mut Faults) {
        let Some(types) = &self.event_types else { return };
        if types.is_empty() {
            faults.note(
                "eventTypes",
                "An empty list would match nothing. Leave it out, or write null, to get all events.",
            );
        }
        if types.len() > EVENT_TYPES_MAX {
            faults.note("eventTypes", format!("At most {EVENT_TYPES_MAX} event types are allowed."));
        }
        for (at, name) in types.iter().enumerate().take(EVENT_TYPES_MAX) {
            // A subscription's trigger was looked at before.
            if self.messaging.prefix.is_none() && !is_event_type_name(name) && !is_pattern(name) {
                faults.note_item("eventTypes", &at, FILTER_RULE);
            }
        }
    }

    fn check_filter(&self, faults: &mut Faults) {
        if let Some(source) = &self.filter {
            filter::compile(source, faults);
        }
    }

    fn check_lane(&self, faults: &mut Faults) {
        if self.max_concurrency.is_some_and(|max| !(1..=CONCURRENCY_MAX).contains(&max)) {
            faults.note("maxConcurrency", format!("It is 1 to {CONCURRENCY_MAX}; leave it out for 10."));
        }
        if self.timeout.is_some_and(|timeout| !TIMEOUT.contains(&timeout)) {
            faults.note("timeout", "It is 1s to 30s; leave it out for 15s.");
        }
        faults.retry_schedule(self.retry_schedule.as_deref());
        self.check_batch(faults);
    }

    fn check_batch(&self, faults: &mut Faults) {
        let Some(batch) = self.batch else { return };
        if !Batching::MESSAGES.contains(&batch.max_messages) {
            faults
                .note_path("batch.maxMessages", "It is 2 to 1000; leave `batch` out for one message in each request.");
        }
        if !Batching::WAIT_MS.contains(&batch.max_wait_ms) {
            faults.note_path("batch.maxWaitMs", "It is 0 to 60000, in milliseconds.");
        }
    }
}

fn without_repeats(list: Vec<String>) -> Vec<String> {
    let distinct: indexmap::IndexSet<String> = list.into_iter().collect();
    distinct.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ServiceError;

    fn wrong_fields(change: impl FnOnce(&mut EndpointDraft)) -> Vec<String> {
        let mut draft = EndpointDraft::new("https://example.com/".to_owned());
        change(&mut draft);
        let mut faults = Faults::default();
        draft.check(&OrganizationSettings::default(), &mut faults);
        match faults.finish() {
            Err(ServiceError::Invalid(errors)) => errors.iter().map(|error| error.path[1].to_string()).collect(),
            Ok(()) => Vec::new(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_url_alone_is_enough() {
        assert!(wrong_fields(|_| ()).is_empty());
    }

    #[test]
    fn every_limit_of_the_lane_has_two_ends() {
        assert_eq!(wrong_fields(|d| d.max_concurrency = Some(0)), ["maxConcurrency"]);
        assert_eq!(wrong_fields(|d| d.max_concurrency = Some(2_049)), ["maxConcurrency"]);
        assert_eq!(wrong_fields(|d| d.throttle_rate = Some(0)), ["throttleRate"]);
        assert_eq!(wrong_fields(|d| d.timeout = Some(Duration::from_millis(999))), ["timeout"]);
        assert_eq!(wrong_fields(|d| d.timeout = Some(Duration::from_millis(30_001))), ["timeout"]);
        assert_eq!(wrong_fields(|d| d.retry_schedule = Some(vec![Duration::ZERO; 51])), ["retrySchedule"]);
        assert_eq!(
            wrong_fields(|d| d.retry_schedule = Some(vec![Duration::from_secs(60 * 86_400)])),
            ["retrySchedule"]
        );
        let batch = |max_messages, max_wait_ms| Some(Batching { max_messages, max_wait_ms });
        for wrong in [batch(1, 0), batch(1_001, 0), batch(2, 60_001)] {
            assert_eq!(wrong_fields(|d| d.batch = wrong), ["batch"], "{wrong:?}");
        }
        for right in [batch(2, 0), batch(1_000, 60_000)] {
            assert!(wrong_fields(|d| d.batch = right).is_empty(), "{right:?}");
        }
        assert!(wrong_fields(|d| d.retry_schedule = Some(Vec::new())).is_empty(), "no retry at all is a schedule");
    }

    #[test]
    fn messages_go_together_in_every_order() {
        let batch = Some(Batching { max_messages: 10, max_wait_ms: 100 });
        for ordering in [Ordering::Fifo, Ordering::PerKey, Ordering::None] {
            assert!(wrong_fields(|d| (d.batch, d.ordering) = (batch, ordering)).is_empty(), "{ordering:?}");
        }
    }

    #[test]
    fn filters_that_match_nothing_are_refused() {
        assert_eq!(wrong_fields(|d| d.event_types = Some(Vec::new())), ["eventTypes"]);
        assert_eq!(wrong_fields(|d| d.channels = Some(Vec::new())), ["channels"]);
        assert_eq!(wrong_fields(|d| d.channels = Some(vec!["c".to_owned(); 11])), ["channels"]);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let wrong = wrong_fields(|d| {
            d.uid = Some("ep_1".to_owned());
            d.event_types = Some(vec!["*".to_owned()]);
            d.timeout = Some(Duration::ZERO);
        });
        assert_eq!(wrong, ["uid", "eventTypes", "timeout"]);
    }
}
