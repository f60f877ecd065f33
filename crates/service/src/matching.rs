//! Which endpoints a message is for, and why not the others.

use std::borrow::Cow;

use ringback_model::{Class, Endpoint, FilterSubject, Message, OrderingKey, OrganizationSettings, is_report};
use ringback_store::AppConfig;
use ringback_wire::dialect::{self, Withheld};
use ringback_wire::mended;
use ringback_wire::report::{Mapped, Report, Text, product_of_event, type_of_event};
use serde::Deserialize;

/// What is looked at of a message when endpoints are matched.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) event_type: &'a str,
    pub(crate) channels: &'a [String],
    pub(crate) report: Option<&'a Report<'a>>,
    /// What the endpoints' own filters look at.
    pub(crate) filtered: &'a FilterSubject<'a>,
}

impl<'a> Subject<'a> {
    /// A message that was kept.
    pub(crate) fn of(message: &'a Message, report: Option<&'a Report<'a>>, filtered: &'a FilterSubject<'a>) -> Self {
        Self { event_type: &message.event_type, channels: &message.channels, report, filtered }
    }
}

/// Why a message makes no delivery for an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unmatched {
    Disabled,
    EventType,
    Channel,
    Product,
    ReportType,
    ProductUniqueId,
    Category,
    /// The state of the report is left out.
    State(Withheld),
    /// The endpoint's own filter lets it not through.
    Filter,
}

impl Unmatched {
    /// In words.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Disabled => "the endpoint is disabled",
            Self::EventType => "the event type is none of its `eventTypes`",
            Self::Channel => "the message carries none of its `channels`",
            Self::Product => "the report is of another product",
            Self::ReportType => "the report is of another type",
            Self::ProductUniqueId => "the report is of another number",
            Self::Category => "the report is of another category",
            Self::State(Withheld::Dialect) => "its dialect has no word for a state this early",
            Self::State(Withheld::StatusPolicy) => "its status policy leaves this state out",
            Self::Filter => "its `filter` does not let the message through",
        }
    }

    /// What is told where a message is sent all the same.
    pub(crate) fn beside(self) -> String {
        format!("The endpoint would not get this event by itself: {}.", self.text())
    }
}

/// Why an endpoint as it stands would not get a stored message by itself.
pub(crate) fn kept_away(settings: &OrganizationSettings, endpoint: &Endpoint, message: &Message) -> Option<Unmatched> {
    let payload = message.payload.as_ref().filter(|_| endpoint.reads_reports());
    let text = payload.map(|payload| ReportText::new(settings, &message.event_type, payload));
    let report = text.as_ref().and_then(ReportText::head);
    let filtered = FilterSubject::of(message);
    let subject = Subject::of(message, report.as_ref(), &filtered);
    // That of a message's own URL gets that message whatever it is.
    if endpoint.callback { None } else { judge(endpoint, &subject).err() }
}

/// The same where a message is tried out: what of its event type, report or state is in the way, and of what else filters
/// ask if somebody has written the payload. A sample of ours need not be that.
pub(crate) fn left_out(
    settings: &OrganizationSettings,
    endpoint: &Endpoint,
    message: &Message,
    is_given: bool,
) -> Option<String> {
    // Whether it is disabled now, and what stands around the payload, says nothing of the event.
    let mut tried = Endpoint { disabled: false, channels: None, ..endpoint.clone() };
    if !is_given {
        tried = Endpoint { product_unique_id: None, category: None, filter: None, ..tried };
    }
    kept_away(settings, &tried, message).map(Unmatched::beside)
}

/// Finds the report of a payload: the payload itself, or what the event type's mapping makes of it.
#[derive(Debug)]
pub(crate) struct ReportText<'a> {
    event_type: &'a str,
    payload: Cow<'a, [u8]>,
    mapped: Option<Mapped>,
}

impl<'a> ReportText<'a> {
    pub(crate) fn new(settings: &OrganizationSettings, event_type: &'a str, payload: &'a [u8]) -> Self {
        let mapping = settings.report_mappings.get(event_type);
        let payload = match std::str::from_utf8(payload).map(mended) {
            Ok(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
            Ok(Cow::Borrowed(_)) | Err(_) => Cow::Borrowed(payload),
        };
        // What cannot be mapped is no report; what that means for an endpoint is told when it is rendered.
        let mapped = mapping.and_then(|mapping| Mapped::new(mapping, &payload).ok());
        Self { event_type, payload, mapped }
    }

    /// The whole report, if it is one.
    pub(crate) fn report(&self) -> Option<Report<'_>> {
        let report = self.mapped.as_ref().map_or_else(|| Report::parse(&self.payload), Mapped::report);
        report.ok().map(|report| report.settled(self.event_type))
    }

    /// What endpoints are matched by of the report, if it is one.
    pub(crate) fn head(&self) -> Option<Report<'_>> {
        self.as_told().map(|report| report.settled(self.event_type))
    }

    fn as_told(&self) -> Option<Report<'_>> {
        self.mapped.as_ref().map_or_else(|| Report::parse_head(&self.payload), Mapped::head).ok()
    }

    /// That the report names another product than the one that its event type stands for, in a sentence.
    pub(crate) fn other_product(&self) -> Option<String> {
        let meant = product_of_event(self.event_type)?;
        let told = self.as_told()?.product.filter(|told| told.as_str() != meant)?;
        let (told, event_type) = (told.as_str(), self.event_type);
        Some(format!(
            "The report names the product `{told}`: the event type `{event_type}` decides, and it is `{meant}`."
        ))
    }
}

/// How much of a message is looked at to find its report: nobody pays for what nobody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// All of it: an endpoint filters by it, is ordered, or leaves states out.
    Whole,
    /// For its category alone: how urgent it is.
    Category,
    /// None at all.
    None,
}

impl Look {
    /// What an application needs of a message of this type, whose class is known or not.
    pub(crate) fn new(app: &AppConfig, event_type: &str, knows_class: bool) -> Self {
        let mapped = || app.settings.report_mappings.contains_key(event_type);
        if app.reads_reports || (!knows_class && mapped()) {
            Self::Whole
        } else if !knows_class && is_report(&app.settings.products, event_type) {
            Self::Category
        } else {
            Self::None
        }
    }
}

/// Whether an event type stands for reports, as far as what a message says of itself goes by that.
pub(crate) fn is_of_reports(settings: &OrganizationSettings, event_type: &str) -> bool {
    is_report(&settings.products, event_type) || settings.report_mappings.contains_key(event_type)
}

/// The class that a report's category stands for, if it is one.
pub(crate) fn class_of(report: &Report<'_>) -> Option<Class> {
    class_named(report.category.as_ref()?.as_str())
}

/// The same of a payload of which nothing else is needed.
pub(crate) fn class_of_payload(payload: &[u8]) -> Option<Class> {
    #[derive(Deserialize)]
    struct CategoryAlone<'a> {
        #[serde(borrow, default)]
        category: Option<Text<'a>>,
    }
    let read: CategoryAlone<'_> = serde_json::from_slice(payload).ok()?;
    class_named(read.category?.as_str())
}

fn class_named(category: &str) -> Option<Class> {
    match category.to_ascii_lowercase().as_str() {
        "otp" => Some(Class::Otp),
        "notification" => Some(Class::Notification),
        "transactional" => Some(Class::Transactional),
        "marketing" => Some(Class::Marketing),
        _ => None,
    }
}

/// The report's own ordering key.
pub(crate) fn ordering_key_of(report: &Report<'_>) -> Option<OrderingKey> {
    report.ordering_key().and_then(|key| OrderingKey::new(key.into_owned()))
}

/// Whether a message makes a delivery for an endpoint.
pub(crate) fn judge(endpoint: &Endpoint, subject: &Subject<'_>) -> Result<(), Unmatched> {
    judge_without_filter(endpoint, subject)?;
    // Last, as the payload may have to be read for it.
    match &endpoint.filter {
        Some(filter) if !filter.matches(subject.filtered) => Err(Unmatched::Filter),
        Some(_) | None => Ok(()),
    }
}

fn judge_without_filter(endpoint: &Endpoint, subject: &Subject<'_>) -> Result<(), Unmatched> {
    if endpoint.disabled {
        return Err(Unmatched::Disabled);
    }
    if !endpoint.matches_type(subject.event_type) {
        return Err(Unmatched::EventType);
    }
    if !endpoint.matches_channels(subject.channels) {
        return Err(Unmatched::Channel);
    }
    if !endpoint.reads_reports() {
        return Ok(());
    }
    let report = subject.report;
    let product = || match report {
        Some(report) => report.product_of(subject.event_type),
        None => subject.event_type.split_once('.').map(|(product, _)| product),
    };
    let is_category = |wanted: &str| {
        let told = report.and_then(|report| report.category.as_ref());
        told.is_some_and(|told| told.as_str().eq_ignore_ascii_case(wanted))
    };
    let of = |text: Option<&Option<Text<'_>>>, wanted: &str| {
        text.and_then(Option::as_ref).is_some_and(|text| text.as_str() == wanted)
    };
    if endpoint.product.as_deref().is_some_and(|wanted| product() != Some(wanted)) {
        return Err(Unmatched::Product);
    }
    // What cannot be read is told where it would be sent, and not passed over.
    let report_type = || match report {
        Some(report) => report.report_type(subject.event_type),
        None => type_of_event(subject.event_type),
    };
    if endpoint.report_type.as_deref().is_some_and(|wanted| report_type() != Some(wanted)) {
        return Err(Unmatched::ReportType);
    }
    if endpoint.product_unique_id.as_deref().is_some_and(|wanted| !of(report.map(|r| &r.product_unique_id), wanted)) {
        return Err(Unmatched::ProductUniqueId);
    }
    if endpoint.category.as_deref().is_some_and(|wanted| !is_category(wanted)) {
        return Err(Unmatched::Category);
    }
    let name = endpoint.shape.as_ref().and_then(|shape| shape.dialect.as_deref());
    match (dialect::find_or_default(name), report) {
        (Ok(dialect), Some(report)) => {
            dialect.admits(endpoint.status_policy, subject.event_type, report).map_err(Unmatched::State)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use ringback_model::{StatusPolicy, Timestamp};

    use super::*;

    fn endpoint(change: impl FnOnce(&mut Endpoint)) -> Endpoint {
        let id = "ep_27UH4WbU6Z5A5EzD8u03UvzRbpk".parse().unwrap();
        let mut endpoint = Endpoint::new(id, "https://a.example/".to_owned(), Timestamp::MIN);
        change(&mut endpoint);
        endpoint
    }

    fn judged(endpoint: &Endpoint, event_type: &str, payload: &str) -> Result<(), Unmatched> {
        let report = Report::parse(payload.as_bytes()).ok();
        let filtered = FilterSubject::new(event_type, &[], None, Some(payload.as_bytes()));
        judge(endpoint, &Subject { event_type, channels: &[], report: report.as_ref(), filtered: &filtered })
    }

    const REPORT: &str =
        r#"{"product":"whatsapp","productUniqueId":"254","category":"otp","message":{"id":"1","status":"sent"}}"#;

    #[test]
    fn filters_are_joined_by_and_and_each_says_when_it_is_in_the_way() {
        let judge = |change: fn(&mut Endpoint)| judged(&endpoint(change), "whatsapp.dlr", REPORT);
        assert_eq!(judge(|_| ()), Ok(()));
        assert_eq!(judge(|e| e.product = Some("sms".into())), Err(Unmatched::Product));
        assert_eq!(judge(|e| e.report_type = Some("mo".into())), Err(Unmatched::ReportType));
        assert_eq!(judge(|e| e.product_unique_id = Some("255".into())), Err(Unmatched::ProductUniqueId));
        assert_eq!(judge(|e| e.category = Some("marketing".into())), Err(Unmatched::Category));
        let state = judge(|e| e.status_policy = Some(StatusPolicy::FinalOnly));
        assert!(matches!(state, Err(Unmatched::State(_))));
        let all = judge(|e| {
            e.product = Some("whatsapp".into());
            e.report_type = Some("dlr".into());
            e.product_unique_id = Some("254".into());
            e.category = Some("otp".into());
        });
        assert_eq!(all, Ok(()));
        assert_eq!(judge(|e| e.category = Some("OTP".into())), Ok(()), "case says nothing");
    }

    #[test]
    fn the_event_type_decides_the_product_where_every_server_knows_it() {
        let of = |product: &str| endpoint(|e| e.product = Some(product.into()));
        for told in [r#""SMS""#, r#""whatsapp""#, "5", "null"] {
            let payload = format!(r#"{{"product":{told},"message":{{"id":"1","status":"sent"}}}}"#);
            assert_eq!(judged(&of("sms"), "sms.dlr", &payload), Ok(()), "{told}");
            assert_eq!(judged(&of("whatsapp"), "sms.dlr", &payload), Err(Unmatched::Product), "{told}");
        }
        let own = r#"{"product":"rcs","message":{"id":"1","status":"sent"}}"#;
        assert_eq!(judged(&of("rcs"), "billing.dlr", own), Ok(()), "a type of the operator's own");
    }

    #[test]
    fn a_payload_that_is_no_report_still_has_product_and_type_of_its_event_type() {
        let sms = endpoint(|e| e.product = Some("sms".into()));
        assert_eq!(judged(&sms, "sms.dlr", "[1]"), Ok(()));
        assert_eq!(judged(&sms, "order.created", "[1]"), Err(Unmatched::Product));
        let dlr = endpoint(|e| e.report_type = Some("dlr".into()));
        assert_eq!(judged(&dlr, "sms.dlr", r#"{"message":{"id":{}}}"#), Ok(()));
        assert_eq!(judged(&dlr, "sms.mo", r#"{"message":{"id":{}}}"#), Err(Unmatched::ReportType));
    }
}
