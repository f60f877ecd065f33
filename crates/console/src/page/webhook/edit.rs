//! The pages that add a webhook and change one: one form, with a preview of the request beside it and a test below it.
//!
//! The server alone renders. A button of the form says what to do (`do`): a script asks for the same page and puts in
//! what has changed; without it the page is loaded anew.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use ringback_model::{ProductList, SendMethod, Timestamp, product_name, sentence};
use ringback_service::{
    EndpointDraft, EndpointView, HeadersView, ProbeEvent, ProbeSubject, Resource, Right, Service, ServiceError,
};

use super::METHODS;
use super::choices::{
    AUTHS, BODY_RULES, Choice, EMPTY_VALUES, Line, ON_EXHAUSTED, ORDERS, Parameter, STATUS_POLICIES, body_type_choices,
    dialect_choices, lines, method_choices, number_choices, parameter_rows, product_choices,
};
use super::exchange::{Shown, Tested};
use super::fault::{IN_AUTH, IN_DELIVERY, IN_FILTER, IN_TEMPLATE, IN_VALUES, Told, caption, told};
use super::fields::{self, CONSOLE, Wanted};
use super::{gone, sample};
use crate::answer::{page_with, see_other};
use crate::error::PageError;
use crate::flash;
use crate::form::{Faults, Form, list};
use crate::layout::Layout;
use crate::visit::AppVisit;

/// Rows that a list of parameters or headers may have in the form.
const ROWS_MAX: usize = 50;
/// What the page is about.
pub(crate) enum Target {
    /// One that is not saved: `dlr`, `mo` or `event`.
    New(String),
    /// One that is.
    Saved(Box<EndpointView>, HeadersView),
    /// One that was deleted while its form was open: its id, and the kind that it would be as a new one.
    Gone(String, &'static str),
}

#[derive(Template)]
#[template(path = "webhook_form.html")]
struct FormPage {
    layout: Layout,
    base: String,
    action: String,
    title: &'static str,
    saved: bool,
    /// It was deleted while the form was open.
    gone: bool,
    /// What is said of an empty secret.
    kept: &'static str,
    form: Form,
    faults: Faults,
    told: Vec<Told>,
    notice: String,
    is_event: bool,
    /// There is a field for what the preview and the test are made of.
    asks_sample: bool,
    /// The event type that they are made of where nobody has named one; empty where somebody has.
    sample_type: String,
    /// The URL with a protocol, where it has none; empty else.
    whole_url: String,
    products: Vec<Choice>,
    report_types: Vec<Choice>,
    /// What the product has no reports of, in a sentence.
    lacks: String,
    has_numbers: bool,
    numbers: Vec<Choice>,
    dialects: Vec<Choice>,
    methods: Vec<Choice>,
    body_types: Vec<Choice>,
    names: Vec<Parameter>,
    /// Names of parameters that the form has no fields for at present: they are there again when it has.
    kept_names: Vec<(String, String)>,
    parameters: Vec<Line>,
    headers: Vec<Line>,
    takes_secret: bool,
    preview: Option<Shown>,
    /// What its owner should know before it is saved.
    warnings: Vec<String>,
    preview_fault: String,
    tested: Option<Tested>,
    differences: Vec<(String, String, String)>,
    save: &'static str,
}

/// What is shown on the page beside the form itself.
#[derive(Default)]
pub(super) struct Around {
    pub(super) faults: Faults,
    pub(super) notice: String,
    pub(super) tested: Option<Tested>,
    pub(super) differences: Vec<(String, String, String)>,
}

/// The form for a new one.
pub(crate) async fn add(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, kind)): Path<(String, String, String)>,
) -> Result<Response, PageError> {
    must_be_kind(&kind)?;
    let form = fields::blank(&kind);
    answer(&service, &visit, &Target::New(kind), form, Around::default()).await
}

/// A step with it: adds it, tests it, or shows the form anew.
pub(crate) async fn add_step(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, kind)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, PageError> {
    must_be_kind(&kind)?;
    step(&service, &visit, Target::New(kind), form).await
}

/// The form of a saved one.
pub(crate) async fn edit(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
) -> Result<Response, PageError> {
    let target = saved(&service, &visit, &id).await?;
    let Target::Saved(view, headers) = &target else { return Err(PageError::NotFound) };
    let form = fields::of(view, headers);
    answer(&service, &visit, &target, form, Around::default()).await
}

/// A step with it: saves it, tests it, or shows the form anew.
pub(crate) async fn edit_step(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    Path((_, _, id)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, PageError> {
    match saved(&service, &visit, &id).await {
        Ok(target) => step(&service, &visit, target, form).await,
        Err(PageError::Service(ServiceError::NotFound(_))) => gone::step(&service, &visit, &id, form).await,
        Err(error) => Err(error),
    }
}

pub(super) async fn saved(service: &Service, visit: &AppVisit, id: &str) -> Result<Target, PageError> {
    let actor = &visit.visit.actor;
    let view = service.get_endpoint(actor, &visit.name, id).await?;
    let headers = service.get_headers(actor, &visit.name, id).await?;
    Ok(Target::Saved(Box::new(view), headers))
}

fn must_be_kind(kind: &str) -> Result<(), PageError> {
    if ["dlr", "mo", "event"].contains(&kind) { Ok(()) } else { Err(PageError::NotFound) }
}

pub(super) async fn step(
    service: &Service,
    visit: &AppVisit,
    target: Target,
    mut form: Form,
) -> Result<Response, PageError> {
    let what = form.get("do").to_owned();
    let mut around = Around::default();
    match what.as_str() {
        "save" => return save(service, visit, target, form).await,
        "test" => {
            let event_type = sample_type(service, visit, &form).await?;
            match test(service, visit, &target, &form, event_type).await {
                Ok(tested) => around.tested = Some(tested),
                Err(error) => around.faults = Faults::of(error)?,
            }
        }
        "add-parameter" => add_row(&mut form, "parameter", "customParametersEnabled"),
        "add-header" => add_row(&mut form, "header", "customHeadersEnabled"),
        "whole-url" => {
            if let Some(whole) = whole_url(&form) {
                form.set("url", whole);
            }
        }
        _ => {
            if let Some(row) = what.strip_prefix("remove-") {
                form.remove(&format!("{row}-"));
            }
            let products = service.list_products(&visit.visit.actor).await?;
            let with_numbers = service.products_with_numbers(&visit.visit.actor).await?;
            around.notice = refresh(&mut form, &products, &with_numbers);
        }
    }
    answer(service, visit, &target, form, around).await
}

fn add_row(form: &mut Form, list: &str, switch: &str) {
    let rows = form.rows(list);
    if rows.len() < ROWS_MAX {
        let next = rows.last().map_or(0, |last| last + 1);
        form.set(&format!("{list}-{next}-name"), "");
    }
    form.set(switch, "on");
}

/// The URL with a protocol, if all that it lacks is one.
fn whole_url(form: &Form) -> Option<String> {
    let url = form.line("url")?;
    let lacks = !url.contains("://") && !url.contains(char::is_whitespace);
    let rest = url.trim_start_matches('/');
    (lacks && !rest.is_empty()).then(|| format!("https://{rest}"))
}

/// Brings fields that depend on others in line; returns what was changed, in words.
fn refresh(form: &mut Form, products: &ProductList, with_numbers: &[String]) -> String {
    let mut notice = String::new();
    let now = form.get("dialect").to_owned();
    if !form.get("dialectBefore").is_empty() && form.get("dialectBefore") != now {
        // Another format brings its own names and method.
        form.remove("parameters.");
        fields::name_parameters(form);
        if let Some(dialect) = fields::find(&now) {
            form.set("sendMethod", method_word(dialect.send_method));
            notice = format!("The form is filled in as {} has it.", dialect.title);
        }
    }
    let (product, report_type) = (form.get("product").to_owned(), form.get("reportType").to_owned());
    if let Some(types) = products.get(&product) {
        if !with_numbers.contains(&product) {
            form.remove("productUniqueId");
        }
        let usual = types.iter().find(|one| *one == "dlr").or(types.first());
        if let Some(usual) = usual.filter(|_| !types.contains(&report_type)) {
            form.set("reportType", usual.as_str());
            notice = format!(
                "{} is not available for the {} product. The report type is {} now.",
                report_type.to_uppercase(),
                product_name(&product),
                usual.to_uppercase()
            );
        }
    }
    fields::name_parameters(form);
    notice
}

fn method_word(method: SendMethod) -> &'static str {
    METHODS.iter().find(|row| row.2 == method).map_or("json", |row| row.0)
}

/// The draft that a form asks for; a closure over it for one that is saved.
fn subject(target: &Target, wanted: Wanted) -> ProbeSubject {
    match target {
        Target::New(_) | Target::Gone(..) => {
            let mut draft = EndpointDraft::new(String::new());
            wanted.write(&mut draft);
            ProbeSubject::Unsaved(Box::new(draft))
        }
        Target::Saved(view, _) => ProbeSubject::Saved {
            name: view.endpoint.id.to_string(),
            change: Box::new(move |draft| wanted.write(draft)),
        },
    }
}

/// The event type of a general webhook's sample; for reports the service knows which one.
async fn sample_type(service: &Service, visit: &AppVisit, form: &Form) -> Result<Option<String>, PageError> {
    if form.line("product").is_some() {
        return Ok(None);
    }
    if let Some(named) = form.line("sampleType") {
        return Ok(Some(named.to_owned()));
    }
    let wanted = list(form.get("eventTypes")).unwrap_or_default();
    sample::event_type(service, visit, &wanted, fields::find(form.get("dialect")).as_ref()).await
}

fn event(form: &Form, event_type: Option<String>) -> ProbeEvent {
    let payload = form.line("samplePayload").map(|text| text.to_owned().into());
    ProbeEvent { event_type, payload, unmarked: !form.has("testHeader") }
}

fn read(form: &Form) -> Result<Wanted, ServiceError> {
    let mut faults = Faults::default();
    let wanted = Wanted::read(form, &mut faults);
    if faults.is_empty() { Ok(wanted) } else { Err(faults.into_error()) }
}

async fn test(
    service: &Service,
    visit: &AppVisit,
    target: &Target,
    form: &Form,
    event_type: Option<String>,
) -> Result<Tested, ServiceError> {
    let subject = subject(target, read(form)?);
    let view = service.test_endpoint(&visit.visit.actor, &visit.name, subject, event(form, event_type)).await?;
    Ok(Tested::of(&view))
}

/// The request that a delivery makes as the form describes it, and what its owner should know.
async fn preview(
    service: &Service,
    visit: &AppVisit,
    target: &Target,
    form: &Form,
    event_type: Option<String>,
) -> Result<(Shown, Vec<String>), ServiceError> {
    let mut form = form.clone();
    if form.line("url").is_none() {
        form.set("url", "https://example.com/webhook");
    }
    let subject = subject(target, read(&form)?);
    let event = ProbeEvent { unmarked: true, ..event(&form, event_type) };
    let view = service.preview_endpoint(&visit.visit.actor, &visit.name, subject, event).await?;
    let warnings = view.warnings.iter().map(|warning| sentence(warning));
    Ok((Shown::request(&view.request), warnings.collect()))
}

pub(super) async fn save(
    service: &Service,
    visit: &AppVisit,
    target: Target,
    mut form: Form,
) -> Result<Response, PageError> {
    let (actor, app) = (&visit.visit.actor, visit.name.as_str());
    let result = match read(&form) {
        Err(error) => Err(error),
        Ok(wanted) => match &target {
            Target::New(_) => {
                let mut draft = EndpointDraft::new(String::new());
                wanted.write(&mut draft);
                service.create_endpoint(actor, app, draft, None).await
            }
            Target::Gone(..) => Err(ServiceError::NotFound(Resource::Endpoint)),
            Target::Saved(view, _) => {
                let seen = Timestamp::from_micros(form.get("version").parse().unwrap_or_default());
                let id = view.endpoint.id.to_string();
                service.save_endpoint(actor, app, &id, seen, |draft| wanted.write(draft)).await
            }
        },
    };
    match result {
        Ok(view) => {
            let word = if matches!(target, Target::New(_)) { "webhook-added" } else { "webhook-saved" };
            let path = format!("{}/webhooks/{}", visit.base, view.endpoint.id);
            Ok(see_other(&flash::on(&path, word)))
        }
        Err(ServiceError::NotFound(_)) if !matches!(target, Target::New(_)) => {
            answer(service, visit, &gone::target(&target, &form), form, Around::default()).await
        }
        Err(ServiceError::Conflict { code: "changed", .. }) => {
            // Read anew: what was read before may be older than what stands in the way.
            let Target::Saved(view, _) = &target else { return Err(PageError::NotFound) };
            let target = saved(service, visit, &view.endpoint.id.to_string()).await?;
            let Target::Saved(view, headers) = &target else { return Err(PageError::NotFound) };
            let theirs = fields::of(view, headers);
            let differences = fields::differences(&theirs, &form);
            form.set("version", theirs.get("version"));
            let notice = "Somebody else has changed this webhook since you opened it. Nothing is saved yet: look at \
                          what differs, and save again to put yours in the place of theirs.";
            let around = Around { differences, notice: notice.to_owned(), ..Around::default() };
            answer(service, visit, &target, form, around).await
        }
        Err(error) => {
            let around = Around { faults: Faults::of(error)?, ..Around::default() };
            answer(service, visit, &target, form, around).await
        }
    }
}

fn title(target: &Target, is_event: bool) -> &'static str {
    match target {
        Target::Saved(..) | Target::Gone(..) => "Edit webhook",
        Target::New(_) if is_event => "Add Webhook for events",
        Target::New(kind) if kind == "mo" => "Add Webhook for WhatsApp’s MO Response",
        Target::New(_) => "Add Webhook for DLR (SMS/WhatsApp)",
    }
}

/// What a product has no reports of, in a sentence.
fn lacks(report_types: &[Choice], product: &str) -> String {
    let lacks = report_types.iter().filter(|one| one.refused && !one.chosen);
    let told = |one: &Choice| format!("{} is not available for the {} product.", one.label, product_name(product));
    lacks.map(told).collect::<Vec<_>>().join(" ")
}

pub(super) async fn answer(
    service: &Service,
    visit: &AppVisit,
    target: &Target,
    mut form: Form,
    around: Around,
) -> Result<Response, PageError> {
    if !visit.may(Right::ManageEndpoints) {
        return Err(ServiceError::Forbidden("You may look at webhooks and not change them.").into());
    }
    let sample_type = sample_type(service, visit, &form).await?;
    let (preview, warnings, preview_fault) = match preview(service, visit, target, &form, sample_type.clone()).await {
        Ok((shown, warnings)) => (Some(shown), warnings, String::new()),
        Err(ServiceError::Invalid(errors)) => (None, Vec::new(), Faults::from_iter(errors).first(caption)),
        Err(error) => return Err(error.into()),
    };
    let Around { faults, notice, tested, differences } = around;
    let is_event = match target {
        Target::New(kind) => kind == "event",
        Target::Gone(_, kind) => *kind == "event",
        Target::Saved(view, _) => view.endpoint.product.is_none(),
    };
    let is_mo = form.get("reportType") == "mo";
    let (title, saved) = (title(target, is_event), !matches!(target, Target::New(_)));
    let action = match target {
        Target::New(kind) => format!("{}/webhooks/add/{kind}", visit.base),
        Target::Saved(view, _) => format!("{}/webhooks/{}/edit", visit.base, view.endpoint.id),
        Target::Gone(id, _) => format!("{}/webhooks/{id}/edit", visit.base),
    };
    let (products, report_types) = product_choices(service, visit, &form).await?;
    let product = form.get("product").to_owned();
    let has_numbers = service.products_with_numbers(&visit.visit.actor).await?.contains(&product);
    let event_type = format!("{product}.{}", form.get("reportType"));
    let asks_sample = is_event || service.sample(&visit.visit.actor, &event_type).await?.is_none();
    let dialect = fields::find(form.get("dialect"));
    let is_console = !is_event && !is_mo && form.get("dialect") == CONSOLE;
    let names = if is_console { parameter_rows(&form, &faults) } else { Vec::new() };
    let shown = |field: &str| names.iter().any(|name| name.field == field);
    let kept_names = form.names().filter(|name| name.starts_with("parameters.") && !shown(name));
    let kept_names = kept_names.map(|name| (name.to_owned(), form.get(name).to_owned()));
    let kept_names = kept_names.filter(|(_, value)| !value.is_empty()).collect();
    let whole_url = whole_url(&form).filter(|_| !faults.at("url").is_empty()).unwrap_or_default();
    let (parameters, headers) =
        (lines(&form, "parameter", "customParameters", &faults), lines(&form, "header", "headers", &faults));
    let dialect_choices = dialect_choices(&form, is_event);
    form.set("dialectBefore", form.get("dialect").to_owned());
    let template = FormPage {
        layout: Layout::of_app(service, visit, title, "/webhooks").await?,
        base: visit.base.clone(),
        action,
        title,
        saved,
        gone: matches!(target, Target::Gone(..)),
        kept: if saved { "Leave it empty to keep the one that is saved." } else { "" },
        told: told(&form, &faults, is_event),
        notice,
        is_event,
        asks_sample,
        sample_type: sample_type.filter(|_| form.line("sampleType").is_none()).unwrap_or_default(),
        whole_url,
        products,
        lacks: lacks(&report_types, &product),
        report_types,
        has_numbers,
        numbers: number_choices(visit, &form),
        dialects: dialect_choices,
        methods: method_choices(&form, dialect.as_ref()),
        body_types: body_type_choices(&form),
        names,
        kept_names,
        parameters,
        headers,
        takes_secret: dialect.is_some_and(|dialect| dialect.takes_secret),
        preview,
        warnings,
        preview_fault,
        tested,
        differences,
        save: if is_mo || saved { "Save Changes" } else { "Save" },
        faults,
        form,
    };
    let status = if template.faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(page_with(status, &template))
}
