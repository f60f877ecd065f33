//! What can be chosen in the form of a webhook, and the rows of its lists, with what is wrong beside each.

use ringback_model::{SendMethod, product_name};
use ringback_service::{DialectView, Service, dialects};

use super::METHODS;
use super::fields::parameters_of;
use crate::error::PageError;
use crate::form::{Faults, Form};
use crate::visit::AppVisit;

/// What a body of the owner's own is, mostly.
const BODY_TYPES: [&str; 6] =
    ["application/json", "application/x-www-form-urlencoded", "application/xml", "text/plain", "text/csv", "text/html"];

/// A value as the API writes it, and as people do.
type Words = (&'static str, &'static str);

/// How a webhook authenticates.
pub(super) const AUTHS: [Words; 6] = [
    ("", "None"),
    ("bearer", "Bearer token"),
    ("basic", "User and password"),
    ("apiKey", "API key in a header"),
    ("oauth2", "OAuth 2.0 client credentials"),
    ("mtls", "Client certificate (mTLS)"),
];
/// In which order messages are sent.
pub(super) const ORDERS: [Words; 3] =
    [("none", "As they come"), ("per_key", "Kept for each message or key"), ("fifo", "One after the other, all")];
/// What comes of the others when a message has failed for good.
pub(super) const ON_EXHAUSTED: [Words; 2] = [("skip", "go on with the next"), ("pause", "pause the webhook")];
/// Which states are sent.
pub(super) const STATUS_POLICIES: [Words; 4] = [
    ("", "as the format has it"),
    ("all", "all of them"),
    ("final_only", "final ones only"),
    ("mask", "those of a mask"),
];
/// What the body of an answer has to be.
pub(super) const BODY_RULES: [Words; 5] = [
    ("", "does not matter"),
    ("contains", "has to contain"),
    ("equals", "has to be"),
    ("nonEmpty", "must not be empty"),
    ("jsonPath", "has to have, as JSON"),
];
/// What stands for a value that is not there.
pub(super) const EMPTY_VALUES: [Words; 4] = [
    ("", "as the format has it"),
    ("empty", "its name with nothing behind it"),
    ("omit", "not even its name"),
    ("null", "null, where there is one"),
];

/// A value of a field of the form as people say it.
pub(super) fn in_words<'a>(field: &str, value: &'a str) -> &'a str {
    let words: &[Words] = match field {
        "auth" => &AUTHS,
        "ordering" => &ORDERS,
        "onExhausted" => &ON_EXHAUSTED,
        "statusPolicy" => &STATUS_POLICIES,
        "success.rule" => &BODY_RULES,
        "emptyValue" => &EMPTY_VALUES,
        "nested" => &[("on", "yes")],
        _ => &[],
    };
    // Nothing stays nothing: what is not said is not told.
    words.iter().find(|(word, _)| *word == value && !word.is_empty()).map_or(value, |(_, said)| said)
}

/// A choice.
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) chosen: bool,
    pub(crate) refused: bool,
}

/// One parameter of the format.
pub(crate) struct Parameter {
    pub(crate) label: &'static str,
    pub(crate) field: String,
    pub(crate) value: String,
    pub(crate) fault: String,
}

/// One row of a list of names and values.
pub(crate) struct Line {
    pub(crate) at: usize,
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) secret: bool,
    pub(crate) fault: String,
}

/// Products that reports can be asked of, and the types of report of the one that is chosen.
pub(super) async fn product_choices(
    service: &Service,
    visit: &AppVisit,
    form: &Form,
) -> Result<(Vec<Choice>, Vec<Choice>), PageError> {
    let all = service.list_products(&visit.visit.actor).await?;
    let product = form.get("product");
    let products = all
        .iter()
        .filter(|(word, types)| product == word.as_str() || types.iter().any(|one| one == "dlr" || one == "mo"));
    let products = products.map(|(word, _)| Choice {
        value: word.clone(),
        label: product_name(word),
        chosen: word == product,
        refused: false,
    });
    let products = products.collect();
    let known = all.get(product).cloned().unwrap_or_default();
    let mut words = known.clone();
    for usual in ["dlr", "mo"] {
        if !words.iter().any(|word| word == usual) {
            words.push(usual.to_owned());
        }
    }
    let types = words.into_iter().map(|word| Choice {
        label: word.to_uppercase(),
        chosen: word == form.get("reportType"),
        refused: !known.contains(&word),
        value: word,
    });
    Ok((products, types.collect()))
}

pub(super) fn number_choices(visit: &AppVisit, form: &Form) -> Vec<Choice> {
    let chosen = form.get("productUniqueId");
    let listed = visit.app.application.product_unique_ids.get(form.get("product"));
    let mut choices: Vec<Choice> = listed
        .into_iter()
        .flatten()
        .map(|number| Choice {
            value: number.id.clone(),
            label: number.name.as_ref().map_or_else(|| number.id.clone(), |name| format!("{} · {name}", number.id)),
            chosen: number.id == chosen,
            refused: false,
        })
        .collect();
    if !chosen.is_empty() && choices.iter().all(|choice| !choice.chosen) {
        let (value, label) = (chosen.to_owned(), format!("{chosen} · not in the list"));
        choices.push(Choice { value, label, chosen: true, refused: false });
    }
    choices
}

pub(super) fn dialect_choices(form: &Form, is_event: bool) -> Vec<Choice> {
    // A format without names of its own carries the event as it is; any other is written from a report.
    let fits =
        |dialect: &DialectView| !is_event || dialect.parameters.is_empty() || dialect.name == form.get("dialect");
    let choice = |dialect: DialectView| Choice {
        value: dialect.name.to_owned(),
        label: dialect.title.to_owned(),
        chosen: dialect.name == form.get("dialect"),
        refused: false,
    };
    dialects().into_iter().filter(fits).map(choice).collect()
}

pub(super) fn method_choices(form: &Form, dialect: Option<&DialectView>) -> Vec<Choice> {
    let choice = |(word, label, method): &(&str, &str, SendMethod)| Choice {
        value: (*word).to_owned(),
        label: (*label).to_owned(),
        chosen: *word == form.get("sendMethod"),
        refused: dialect.is_some_and(|dialect| !dialect.send_methods.contains(method)),
    };
    METHODS.iter().map(choice).collect()
}

/// What a body of the owner's own can be, and what it is.
pub(super) fn body_type_choices(form: &Form) -> Vec<Choice> {
    let chosen = form.get("template.contentType");
    let own = Some(chosen).filter(|chosen| !chosen.is_empty() && !BODY_TYPES.contains(chosen));
    let choice = |value: &str| {
        let (value, label) = (value.to_owned(), String::new());
        Choice { chosen: value == chosen, value, label, refused: false }
    };
    BODY_TYPES.into_iter().chain(own).map(choice).collect()
}

pub(super) fn parameter_rows(form: &Form, faults: &Faults) -> Vec<Parameter> {
    let row = |(slot, label): &(&str, &'static str)| {
        let field = format!("parameters.{slot}");
        Parameter { label, value: form.get(&field).to_owned(), fault: faults.at(&field).to_owned(), field }
    };
    parameters_of(form.get("product")).iter().map(row).collect()
}

pub(super) fn lines(form: &Form, list: &str, member: &str, faults: &Faults) -> Vec<Line> {
    let mut place = 0;
    let mut line = |at: usize| {
        let cell = |cell: &str| form.get(&format!("{list}-{at}-{cell}")).to_owned();
        let (name, secret) = (cell("name"), form.has(&format!("{list}-{at}-secret")));
        let says = !name.trim().is_empty() || !cell("value").is_empty();
        let fault = [format!("{member}.{place}"), format!("{member}.{}", name.trim())];
        let fault = fault.iter().find_map(|field| faults.under(field)).filter(|_| says).unwrap_or_default().to_owned();
        place += usize::from(says);
        // A secret that was just written is kept in the page until it is saved, in a field that shows no letters.
        Line { at, value: cell("value"), name, secret, fault }
    };
    form.rows(list).into_iter().map(&mut line).collect()
}
