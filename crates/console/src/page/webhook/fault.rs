//! What is wrong with the form of a webhook: what each field is called, and where on the page its fault stands.

use super::fields::PARAMETERS;
use crate::form::{Faults, Form};

/// What the folded parts of the form hold: one is open where something in it is wrong.
pub(super) const IN_AUTH: &[&str] = &["auth", "ca", "verification"];
pub(super) const IN_VALUES: &[&str] = &["timeFormat", "timeZone", "numberFormat", "emptyValue", "xmlRoot", "nested"];
pub(super) const IN_TEMPLATE: &[&str] = &["template"];
pub(super) const IN_FILTER: &[&str] = &["filter"];
pub(super) const IN_DELIVERY: &[&str] = &[
    "ordering",
    "onExhausted",
    "statusPolicy",
    "statusMask",
    "throttleRate",
    "maxConcurrency",
    "batch",
    "timeout",
    "retrySchedule",
    "success",
    "category",
    "description",
    "paused",
    "disabled",
];

/// Fields: the member in the API, what it is called on the page, and the id of what has its fault beside it; empty for
/// what has no place of its own.
const FIELDS: [(&str, &str, &str); 45] = [
    ("product", "Product", "product"),
    ("sendMethod", "Webhook Server Send Method", "sendMethod"),
    ("reportType", "Webhook Report Type", "reportType"),
    ("productUniqueId", "Number", "productUniqueId"),
    ("url", "Webhook (URL Endpoint)", "url"),
    ("eventTypes", "Event types", "eventTypes"),
    ("channels", "Channels", "channels"),
    ("dialect", "Format", "dialect"),
    ("providerSecret", "Secret that it signs with", "providerSecret"),
    ("customParameters", "Custom parameters", ""),
    ("headers", "Custom headers", ""),
    ("auth.token", "Token", "auth.token"),
    ("auth.username", "User", "auth.username"),
    ("auth.password", "Password", "auth.password"),
    ("auth.header", "Header", "auth.header"),
    ("auth.value", "Value", "auth.value"),
    ("auth.tokenUrl", "Token URL", "auth.tokenUrl"),
    ("auth.clientId", "Client ID", "auth.clientId"),
    ("auth.clientSecret", "Client secret", "auth.clientSecret"),
    ("auth.scope", "Scope", "auth.scope"),
    ("auth.certificate", "Certificate with its chain", "auth.certificate"),
    ("auth.key", "Private key", "auth.key"),
    ("auth.ca", "Authorities that came with the certificate", "auth.ca"),
    ("auth", "Authentication", ""),
    ("ca", "Authority of the receiver", "ca"),
    ("verification.validationKey", "Validation key", "verification.validationKey"),
    ("verification.parameter", "Query parameter of the key", "verification.parameter"),
    ("verification", "Verification", ""),
    ("timeZone", "Time zone", "timeZone"),
    ("xmlRoot", "Root element of XML", "xmlRoot"),
    ("template.body", "A body of your own", "template.body"),
    ("template", "A body of your own", "template.contentType"),
    ("filter", "Filter", "filter"),
    ("statusMask", "Mask", "statusMask"),
    ("throttleRate", "Attempts a second", "throttleRate"),
    ("maxConcurrency", "Attempts at a time", "maxConcurrency"),
    ("batch.maxWaitMs", "They wait for each other", "batch.maxWaitMs"),
    ("batch", "Messages in one request", "batch.maxMessages"),
    ("timeout", "Timeout", "timeout"),
    ("retrySchedule", "Retry schedule", "retrySchedule"),
    ("success.body", "The answer’s body", "success.value"),
    ("success", "Statuses that count as success", "success.status"),
    ("category", "Category", "category"),
    ("description", "Description", "description"),
    ("payload", "Sample payload", "samplePayload"),
];

/// A fault as it is told above the form.
pub(super) struct Told {
    /// What the field is called.
    pub(super) caption: String,
    /// The id of the field that it stands beside; empty for one that stands here alone.
    pub(super) place: String,
    /// The fault, where it stands here alone.
    pub(super) text: String,
}

fn is_in(field: &str, one: &str) -> bool {
    field.strip_prefix(one).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What a field is called on the page, by its name in the API.
pub(super) fn caption(field: &str) -> String {
    if let Some(slot) = field.strip_prefix("parameters.") {
        let label = PARAMETERS.iter().find(|(name, _)| *name == slot).map(|(_, label)| *label);
        return label.unwrap_or(slot).to_owned();
    }
    if let Some(place) = field.strip_prefix("customParameters.").and_then(|rest| rest.split('.').next()?.parse().ok()) {
        let place: usize = place;
        return format!("Custom parameter {}", place + 1);
    }
    if let Some(name) = field.strip_prefix("headers.") {
        return format!("Header {}", name.split('.').next().unwrap_or(name));
    }
    if field == "eventType" {
        return "Sample event type".to_owned();
    }
    let known = FIELDS.iter().find(|(name, ..)| is_in(field, name));
    known.map_or(field, |(_, caption, _)| caption).to_owned()
}

/// The id of what has the fault of a field beside it; empty if nothing has.
fn place(form: &Form, field: &str, is_event: bool) -> String {
    if field == "eventType" {
        return if is_event { "sampleType" } else { "" }.to_owned();
    }
    if field.starts_with("parameters.") {
        return if PARAMETERS.iter().any(|(slot, _)| field.ends_with(slot)) { field } else { "" }.to_owned();
    }
    for (list, member) in [("parameter", "customParameters."), ("header", "headers.")] {
        let Some(key) = field.strip_prefix(member).and_then(|rest| rest.split('.').next()) else { continue };
        let cell = |at: usize, cell: &str| form.get(&format!("{list}-{at}-{cell}"));
        let says = |at: &usize| !cell(*at, "name").trim().is_empty() || !cell(*at, "value").is_empty();
        let rows: Vec<usize> = form.rows(list).into_iter().filter(says).collect();
        let by_place = key.parse().ok().and_then(|place: usize| rows.get(place));
        let by_name = || rows.iter().find(|at| cell(**at, "name").trim() == key);
        let row = if member == "headers." { by_name().or(by_place) } else { by_place.or_else(by_name) };
        return row.map(|at| format!("{list}-{at}-name")).unwrap_or_default();
    }
    FIELDS.iter().find(|(name, ..)| is_in(field, name)).map_or("", |(.., place)| place).to_owned()
}

/// The faults of fields, as they are told above the form.
pub(super) fn told(form: &Form, faults: &Faults, is_event: bool) -> Vec<Told> {
    let told = |(field, text): (&str, &str)| {
        let place = place(form, field, is_event);
        let text = if place.is_empty() { text.to_owned() } else { String::new() };
        Told { caption: caption(field), place, text }
    };
    let mut all: Vec<Told> = Vec::new();
    for one in faults.all().filter(|(field, _)| !field.is_empty()).map(told) {
        if one.place.is_empty() || all.iter().all(|other| other.place != one.place) {
            all.push(one);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_by_the_name_of_its_field_and_where_it_stands() {
        let mut form = Form::default();
        for (name, value) in [("parameter-0-name", ""), ("parameter-3-name", "a"), ("parameter-4-name", "b")] {
            form.set(name, value);
        }
        form.set("header-7-name", "X-Key");
        let mut faults = Faults::default();
        for field in
            ["url", "customParameters.1", "headers.X-Key", "payload.message", "success.body.value", "eventType"]
        {
            faults.note(field, "wrong");
        }
        let places = |is_event| told(&form, &faults, is_event).into_iter().map(|one| one.place).collect::<Vec<_>>();
        let beside = ["url", "parameter-4-name", "header-7-name", "samplePayload", "success.value"];
        assert_eq!(places(true), [&beside[..], &["sampleType"]].concat());
        assert_eq!(places(false), [&beside[..], &[""]].concat(), "a report has no field for its event type");
        assert_eq!(caption("payload.message"), "Sample payload");
        assert_eq!(caption("customParameters.1"), "Custom parameter 2");
        assert_eq!(caption("parameters.mobile"), "Mobile Number Parameter");
    }
}
