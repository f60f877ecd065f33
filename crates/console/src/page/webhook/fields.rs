//! The form of a webhook: from an endpoint to names and values, and from those to what is asked of the service. A name
//! is that of the member in the API, so that what the service says of a member stands beside its field.

use std::time::Duration;

use indexmap::IndexMap;
use ringback_model::{
    Auth, BasicAuth, Batching, BodyRule, BodyTemplate, OnExhausted, Ordering, Redacted, Shape, StatusPolicy,
    SuccessRule, UniqueJson, VerificationKind, VerificationMode, format_duration, parse_duration, parse_schedule,
    sentence,
};
use ringback_service::{
    Change, CustomParameterDraft, DialectView, EndpointDraft, EndpointView, HeaderDraft, HeadersChange, HeadersView,
    VerificationDraft, dialect_of, dialects,
};
use serde_json::Value;

use super::METHODS;
use crate::form::{Faults, Form, list};

/// What the parameters of the console's own format are called in the form, in its order; the last two are for WhatsApp.
pub(crate) const PARAMETERS: [(&str, &str); 8] = [
    ("transactionId", "Transaction ID Parameter"),
    ("messageId", "Message ID Parameter"),
    ("errorCode", "Error Code Parameter"),
    ("mobile", "Mobile Number Parameter"),
    ("receivedTime", "Received Time Parameter"),
    ("deliveredTime", "Delivered Time Parameter"),
    ("readTime", "Read Time Parameter"),
    ("status", "Status Parameter"),
];
/// The format whose names the form asks for.
pub(crate) const CONSOLE: &str = "console";

/// The parameters of the form that a product has.
pub(crate) fn parameters_of(product: &str) -> &'static [(&'static str, &'static str)] {
    if product == "whatsapp" { &PARAMETERS } else { &PARAMETERS[..6] }
}

/// A new webhook of this kind (`dlr`, `mo` or `event`) before anybody has said anything.
pub(crate) fn blank(kind: &str) -> Form {
    let mut form = Form::default();
    form.set("testHeader", "on");
    match kind {
        "event" => {
            form.set("dialect", "standard-webhooks");
            form.set("sendMethod", "json");
        }
        _ => {
            form.set("product", if kind == "mo" { "whatsapp" } else { "sms" });
            form.set("reportType", kind);
            form.set("dialect", CONSOLE);
            form.set("sendMethod", "post");
            name_parameters(&mut form);
        }
    }
    form
}

/// Fills in the names that the format itself has.
pub(crate) fn name_parameters(form: &mut Form) {
    let Some(dialect) = find(form.get("dialect")) else { return };
    for (slot, name, _) in dialect.parameters {
        let field = format!("parameters.{slot}");
        if !form.has(&field) {
            form.set(&field, name);
        }
    }
}

/// The dialect of this name.
pub(crate) fn find(name: &str) -> Option<DialectView> {
    dialects().into_iter().find(|dialect| dialect.name == name)
}

/// The form of a webhook as it is kept. Secrets are empty: left so, they stay.
pub(crate) fn of(view: &EndpointView, headers: &HeadersView) -> Form {
    let endpoint = &view.endpoint;
    let draft = EndpointDraft::of(endpoint);
    let shape = &draft.messaging.shape;
    let (dialect, method) = dialect_of(shape);
    let mut form = Form::default();
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            form.set(name, value);
        }
    };
    set("testHeader", Some("on".to_owned()));
    set("version", Some(endpoint.updated_at.as_micros().to_string()));
    set("product", draft.messaging.product.clone());
    set("reportType", draft.messaging.report_type.clone());
    set("productUniqueId", draft.messaging.product_unique_id.clone());
    set("sendMethod", METHODS.iter().find(|row| row.2 == method).map(|row| row.0.to_owned()));
    set("url", Some(draft.url.clone()));
    set("description", Some(draft.description.clone()));
    let names = find(&dialect).map(|dialect| dialect.parameters).unwrap_or_default();
    for (slot, name, optional) in names {
        let own = shape.parameters.get(slot).cloned();
        // What is sent by request alone is not, unless a name asks for it.
        set(&format!("parameters.{slot}"), own.or_else(|| Some(if optional { "" } else { name }.to_owned())));
    }
    set("dialect", Some(dialect));
    if shape.custom_parameters_enabled && !shape.custom_parameters.is_empty() {
        set("customParametersEnabled", Some("on".to_owned()));
    }
    for (at, parameter) in shape.custom_parameters.iter().enumerate() {
        set(&format!("parameter-{at}-name"), Some(parameter.name.clone()));
        set(&format!("parameter-{at}-value"), Some(parameter.value.clone()));
        set(&format!("parameter-{at}-secret"), parameter.secret.then(|| "on".to_owned()));
    }
    let open = headers.headers.iter().map(|(name, value)| (name, value.as_str(), false));
    let all: Vec<_> = open.chain(headers.sensitive.iter().map(|name| (name, "", true))).collect();
    if shape.custom_headers_enabled && !all.is_empty() {
        set("customHeadersEnabled", Some("on".to_owned()));
    }
    for (at, (name, value, secret)) in all.into_iter().enumerate() {
        set(&format!("header-{at}-name"), Some(name.clone()));
        set(&format!("header-{at}-value"), Some(value.to_owned()));
        set(&format!("header-{at}-secret"), secret.then(|| "on".to_owned()));
    }
    set_filters(&draft, &mut set);
    if let Some(auth) = &view.auth {
        set("auth", Some(auth.kind.to_owned()));
        set("auth.username", auth.username.clone());
        set("auth.header", auth.header.clone());
        set("auth.tokenUrl", auth.token_url.clone());
        set("auth.clientId", auth.client_id.clone());
        set("auth.scope", auth.scope.clone());
        set("auth.certificate", auth.certificate.clone());
        set("auth.ca", auth.ca.clone());
    }
    set("ca", draft.messaging.ca.clone());
    if let Some(verification) = &endpoint.verification {
        set("verification", word(&verification.kind));
        set("verification.mode", word(&verification.mode));
        set("verification.parameter", verification.parameter.clone());
    }
    set("ordering", word(&draft.ordering));
    set("onExhausted", word(&draft.on_exhausted));
    let (policy, mask) = match draft.messaging.status_policy {
        None => ("", None),
        Some(StatusPolicy::All) => ("all", None),
        Some(StatusPolicy::FinalOnly) => ("final_only", None),
        Some(StatusPolicy::Mask(mask)) => ("mask", Some(mask.to_string())),
    };
    set("statusPolicy", Some(policy.to_owned()));
    set("statusMask", mask);
    set_limits(&draft, &mut set);
    set_format(shape, &mut set);
    if let Some(success) = &draft.messaging.success {
        set("success.status", Some(success.status.join(", ")));
        set("success.rule", success.body.as_ref().and_then(|body| word(&body.rule)));
        set("success.value", success.body.as_ref().and_then(|body| body.value.clone()));
    }
    set("paused", draft.paused.then(|| "on".to_owned()));
    set("disabled", draft.disabled.then(|| "on".to_owned()));
    form
}

/// Which messages it gets, beside product and number.
fn set_filters(draft: &EndpointDraft, set: &mut impl FnMut(&str, Option<String>)) {
    set("eventTypes", draft.event_types.as_ref().map(|types| types.join("\n")));
    set("channels", draft.channels.as_ref().map(|channels| channels.join(", ")));
    set("filter", draft.filter.as_ref().map(|filter| format!("{filter:#}")));
    set("category", draft.messaging.category.clone());
}

/// How values are written.
fn set_format(shape: &Shape, set: &mut impl FnMut(&str, Option<String>)) {
    set("timeFormat", shape.time_format.as_ref().and_then(word));
    set("timeZone", shape.time_zone.clone());
    set("numberFormat", shape.number_format.as_ref().and_then(word));
    set("emptyValue", shape.empty_value.as_ref().and_then(word));
    set("xmlRoot", shape.xml_root.clone());
    set("nested", shape.nested.then(|| "on".to_owned()));
    set("template.contentType", shape.template.as_ref().map(|template| template.content_type.clone()));
    set("template.body", shape.template.as_ref().map(|template| template.body.clone()));
}

/// How much is sent at once, for how long, and how often again.
fn set_limits(draft: &EndpointDraft, set: &mut impl FnMut(&str, Option<String>)) {
    set("throttleRate", draft.throttle_rate.map(|rate| rate.to_string()));
    set("maxConcurrency", draft.max_concurrency.map(|max| max.to_string()));
    set("batch.maxMessages", draft.batch.map(|batch| batch.max_messages.to_string()));
    set("batch.maxWaitMs", draft.batch.map(|batch| batch.max_wait_ms.to_string()));
    set("timeout", draft.timeout.map(format_duration));
    let schedule = |delays: &Vec<Duration>| delays.iter().copied().map(format_duration).collect::<Vec<_>>().join(", ");
    set("retrySchedule", draft.retry_schedule.as_ref().map(schedule));
}

/// The word that the API writes for a value.
fn word<T: serde::Serialize>(value: &T) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

/// The value that a word of the API stands for.
fn read<T: serde::de::DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(Value::String(word.to_owned())).ok()
}

/// What the form asks for, read once: it can then be written over any draft.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    form: Form,
    timeout: Option<Duration>,
    schedule: Option<Vec<Duration>>,
    throttle_rate: Option<u16>,
    max_concurrency: Option<u16>,
    batch: Option<Batching>,
    mask: u8,
    filter: Option<Value>,
    template: Option<BodyTemplate>,
}

impl Wanted {
    /// Reads a form, and notes what cannot be read.
    pub(crate) fn read(form: &Form, faults: &mut Faults) -> Self {
        let mut number = |field: &str, rule: &str| {
            form.line(field).and_then(|text| text.parse().map_err(|_| faults.note(field, rule)).ok())
        };
        let throttle_rate = number("throttleRate", "Write a number of attempts a second, 1 to 65535.");
        let max_concurrency = number("maxConcurrency", "Write a number of attempts at a time, 1 to 2048.");
        let max_messages = number("batch.maxMessages", "Write a number of messages, 2 to 1000.");
        let max_wait_ms = form.line("batch.maxWaitMs").map_or(Some(Batching::WAIT_MS_DEFAULT), |text| {
            let rule = "Write a number of milliseconds, 0 to 60000.";
            text.parse().map_err(|_| faults.note("batch.maxWaitMs", rule)).ok()
        });
        let batch =
            max_messages.zip(max_wait_ms).map(|(max_messages, max_wait_ms)| Batching { max_messages, max_wait_ms });
        let mut length = |field: &str| {
            form.line(field).and_then(|text| {
                parse_duration(text).map_err(|error| faults.note(field, sentence(&error.to_string()))).ok()
            })
        };
        let timeout = length("timeout");
        let schedule = form.line("retrySchedule").and_then(|text| {
            parse_schedule(text).map_err(|error| faults.note("retrySchedule", sentence(&error.to_string()))).ok()
        });
        let mask = form.line("statusMask").and_then(|text| text.parse().ok()).unwrap_or(0);
        if form.get("dialect") == CONSOLE && form.get("reportType") == "dlr" {
            // The last two are for those who want them.
            for (slot, _) in &PARAMETERS[..6] {
                let field = format!("parameters.{slot}");
                if form.line(&field).is_none() {
                    faults.note(&field, "Write the name that your endpoint expects.");
                }
            }
        }
        let (filter, template) = (read_filter(form, faults), read_template(form, faults));
        Self { form: form.clone(), timeout, schedule, throttle_rate, max_concurrency, batch, mask, filter, template }
    }

    /// Writes it over a draft.
    pub(crate) fn write(&self, draft: &mut EndpointDraft) {
        let form = &self.form;
        let line = |name: &str| form.line(name).map(str::to_owned);
        draft.url = form.get("url").trim().to_owned();
        draft.description = form.get("description").trim().to_owned();
        draft.event_types = list(form.get("eventTypes"));
        draft.channels = list(form.get("channels"));
        draft.filter.clone_from(&self.filter);
        draft.throttle_rate = self.throttle_rate;
        draft.max_concurrency = self.max_concurrency;
        draft.batch = self.batch;
        draft.timeout = self.timeout;
        draft.retry_schedule.clone_from(&self.schedule);
        draft.ordering = read(form.get("ordering")).unwrap_or(Ordering::None);
        draft.on_exhausted = read(form.get("onExhausted")).unwrap_or(OnExhausted::Skip);
        draft.paused = form.has("paused");
        draft.disabled = form.has("disabled");
        draft.headers = HeadersChange::Replace(self.headers());
        let messaging = &mut draft.messaging;
        messaging.product = line("product");
        messaging.report_type = line("reportType");
        messaging.product_unique_id = line("productUniqueId");
        messaging.status_policy = match form.get("statusPolicy") {
            "all" => Some(StatusPolicy::All),
            "final_only" => Some(StatusPolicy::FinalOnly),
            "mask" => Some(StatusPolicy::Mask(self.mask)),
            _ => None,
        };
        let shape = &mut messaging.shape;
        let same_dialect = shape.dialect.as_deref() == Some(form.get("dialect"));
        shape.dialect = line("dialect");
        shape.send_method = METHODS.iter().find(|row| row.0 == form.get("sendMethod")).map(|row| row.2);
        if form.get("dialect") == CONSOLE && form.get("reportType") == "dlr" {
            let slots = parameters_of(form.get("product"));
            let name = |slot: &str| form.get(&format!("parameters.{slot}")).trim().to_owned();
            shape.parameters = slots.iter().map(|(slot, _)| ((*slot).to_owned(), name(slot))).collect();
        } else if !same_dialect || form.get("reportType") == "mo" {
            shape.parameters = IndexMap::new();
        }
        shape.custom_parameters_enabled = form.has("customParametersEnabled");
        shape.custom_headers_enabled = form.has("customHeadersEnabled");
        shape.time_format = read(form.get("timeFormat"));
        shape.time_zone = line("timeZone");
        shape.number_format = read(form.get("numberFormat"));
        shape.empty_value = read(form.get("emptyValue"));
        shape.xml_root = line("xmlRoot");
        shape.nested = form.has("nested");
        shape.template.clone_from(&self.template);
        messaging.success = self.success();
        if form.has("category") {
            messaging.category = line("category");
        }
        messaging.custom_parameters = Change::Replace(self.parameters());
        messaging.auth = Change::Replace(self.auth());
        messaging.ca = form.line("ca").map(str::to_owned);
        messaging.verification = self.verification();
        if !form.get("providerSecret").is_empty() {
            messaging.provider_secret = Change::Replace(Some(form.secret("providerSecret")));
        }
    }

    fn parameters(&self) -> Vec<CustomParameterDraft> {
        let cells = |name: String, value, secret| CustomParameterDraft { name, value, secret };
        self.rows("parameter").into_iter().map(|(name, value, secret)| cells(name, value, secret)).collect()
    }

    fn headers(&self) -> Vec<HeaderDraft> {
        self.rows("header").into_iter().map(|(name, value, secret)| HeaderDraft { name, value, secret }).collect()
    }

    /// The rows of a list that say anything.
    fn rows(&self, list: &str) -> Vec<(String, Redacted, bool)> {
        let cell = |at: usize, cell: &str| format!("{list}-{at}-{cell}");
        let row = |at: usize| {
            let name = self.form.get(&cell(at, "name")).trim().to_owned();
            (name, self.form.secret(&cell(at, "value")), self.form.has(&cell(at, "secret")))
        };
        let says = |row: &(String, Redacted, bool)| !row.0.is_empty() || !row.1.reveal().is_empty();
        self.form.rows(list).into_iter().map(row).filter(says).collect()
    }

    fn auth(&self) -> Option<Auth> {
        let form = &self.form;
        let line = |name: &str| form.get(name).trim().to_owned();
        match form.get("auth") {
            "bearer" => Some(Auth::Bearer { token: form.secret("auth.token") }),
            "basic" => {
                let (username, password) = (line("auth.username"), form.secret("auth.password"));
                Some(Auth::Basic(BasicAuth { username, password }))
            }
            "apiKey" => Some(Auth::ApiKey { header: line("auth.header"), value: form.secret("auth.value") }),
            "oauth2" => Some(Auth::Oauth2 {
                token_url: line("auth.tokenUrl"),
                client_id: line("auth.clientId"),
                client_secret: form.secret("auth.clientSecret"),
                scope: form.line("auth.scope").map(str::to_owned),
            }),
            "mtls" => Some(Auth::Mtls {
                certificate: line("auth.certificate"),
                key: form.secret("auth.key"),
                ca: form.line("auth.ca").map(str::to_owned),
            }),
            _ => None,
        }
    }

    /// What counts as success; nothing where it is as the format has it.
    fn success(&self) -> Option<SuccessRule> {
        let form = &self.form;
        let body = read(form.get("success.rule"))
            .map(|rule| BodyRule { rule, value: form.line("success.value").map(str::to_owned) });
        let status = list(form.get("success.status")).unwrap_or_default();
        (body.is_some() || !status.is_empty()).then_some(SuccessRule { status, body })
    }

    fn verification(&self) -> Change<Option<VerificationDraft>> {
        let form = &self.form;
        let Some(kind) = read::<VerificationKind>(form.get("verification")) else { return Change::Replace(None) };
        let key = form.line("verification.validationKey").map(|key| Redacted::new(key.to_owned()));
        Change::Replace(Some(VerificationDraft {
            kind,
            validation_key: key,
            mode: read(form.get("verification.mode")).unwrap_or(VerificationMode::Default),
            parameter: form.line("verification.parameter").map(str::to_owned),
        }))
    }
}

/// What must be true of a message, as JSON; the service says whether it is a filter.
fn read_filter(form: &Form, faults: &mut Faults) -> Option<Value> {
    let text = form.line("filter")?;
    let read = serde_json::from_str(text).and_then(|UniqueJson| serde_json::from_str(text));
    read.map_err(|error| faults.note("filter", format!("This is no JSON: {error}."))).ok()
}

/// A body of the owner's own.
fn read_template(form: &Form, faults: &mut Faults) -> Option<BodyTemplate> {
    // Browsers send each end of a line as two characters.
    let body = form.get("template.body").replace("\r\n", "\n");
    match form.line("template.contentType") {
        Some(content_type) => Some(BodyTemplate { content_type: content_type.to_owned(), body }),
        None if body.trim().is_empty() => None,
        None => {
            faults.note("template.contentType", "Say what the body is, or empty it to have the format’s own.");
            None
        }
    }
}

/// The fields that two forms differ in: name, and both values. Secrets are not told.
pub(crate) fn differences(theirs: &Form, mine: &Form) -> Vec<(String, String, String)> {
    let told = |name: &str| {
        !["csrf", "do", "version", "dialectBefore", "sampleType", "samplePayload", "testHeader"].contains(&name)
    };
    let secret = |name: &str| {
        name.contains("ecret") || name.contains("assword") || name.ends_with("oken") || name.ends_with("Key")
    };
    let mut names: Vec<&str> = theirs.names().chain(mine.names()).filter(|name| told(name)).collect();
    names.sort_unstable();
    names.dedup();
    let row = |name: &str| (name.to_owned(), theirs.get(name).to_owned(), mine.get(name).to_owned());
    let differ = |row: &(String, String, String)| row.1 != row.2 && !secret(&row.0);
    names.into_iter().map(row).filter(differ).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_noted_at_its_field_and_empty_names_are_refused() {
        let mut form = blank("dlr");
        form.set("timeout", "soon");
        form.set("throttleRate", "many");
        form.set("parameters.mobile", " ");
        let mut faults = Faults::default();
        Wanted::read(&form, &mut faults);
        for field in ["timeout", "throttleRate", "parameters.mobile"] {
            assert!(!faults.at(field).is_empty(), "{field}");
        }
    }

    #[test]
    fn two_forms_differ_in_what_people_see_and_never_in_secrets() {
        let (mut theirs, mut mine) = (blank("dlr"), blank("dlr"));
        theirs.set("url", "https://a.example/");
        mine.set("url", "https://b.example/");
        mine.set("auth.token", "hush");
        let rows = differences(&theirs, &mine);
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!(rows[0].1, "https://a.example/");
    }
}
