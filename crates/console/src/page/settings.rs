//! Settings: what holds for all applications of an organization.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use ringback_model::{Branding, ProductList, format_duration, parse_schedule};
use ringback_service::{OrganizationDraft, Right, Service, ServiceError};

use crate::answer::{page_with, see_other};
use crate::error::PageError;
use crate::flash;
use crate::form::{Faults, Form};
use crate::layout::Layout;
use crate::meanwhile::{Around, Differences, NOTICE, Rows, differences, is_seen, mark};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    layout: Layout,
    base: String,
    org: String,
    fields: Fields,
    may_change: bool,
    faults: Faults,
    others: Vec<String>,
    /// A mark of what the form was filled in from.
    seen: String,
    notice: &'static str,
    differences: Differences,
}

/// The form, as texts.
struct Fields {
    time_zone: String,
    retry_schedule: String,
    retention: [String; 3],
    require_verification: bool,
    strict_event_types: bool,
    validate_payloads: bool,
    mask_numbers: bool,
    products: String,
    name: String,
    logo_url: String,
    accent_color: String,
    frame_ancestors: String,
    support_url: String,
}

/// Faults that stand beside a field; those of lists are told at the list.
const LINES: [&str; 10] = [
    "timeZone",
    "retrySchedule",
    "retentionDays",
    "attemptRetentionDays",
    "messageRetentionDays",
    "branding.name",
    "branding.logoUrl",
    "branding.accentColor",
    "branding.frameAncestors",
    "supportUrl",
];

/// For how long things are kept, in days: payloads, attempts, messages.
const RETENTION: [&str; 3] = ["retentionDays", "attemptRetentionDays", "messageRetentionDays"];

/// The page.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let settings = service.get_organization(&visit.actor).await?;
    let fields = Fields::of_draft(&OrganizationDraft::of(&settings));
    let around = Around { seen: mark(&fields.rows()), query: query.as_deref(), ..Around::default() };
    answer(&service, &visit, fields, around).await
}

/// Changes what holds.
pub(crate) async fn change(
    State(service): State<Arc<Service>>,
    visit: Visit,
    form: Form,
) -> Result<Response, PageError> {
    visit.actor.require(Right::ManageOrganization)?;
    let fields = Fields::of_form(&form);
    let seen = form.get("seen");
    let still = |draft: &OrganizationDraft| is_seen(seen, &Fields::of_draft(draft).rows());
    let changed = match fields.read() {
        Ok(read) => service.save_organization(&visit.actor, still, |draft| read.write(draft)).await.map(drop),
        Err(error) => Err(error),
    };
    match changed {
        Ok(()) => Ok(see_other(&flash::on(&format!("{}/settings", visit.base), "settings-changed"))),
        Err(ServiceError::Conflict { code: "changed", .. }) => {
            let settings = service.get_organization(&visit.actor).await?;
            let theirs = Fields::of_draft(&OrganizationDraft::of(&settings)).rows();
            let differences = differences(&theirs, &fields.rows());
            let around = Around { seen: mark(&theirs), notice: NOTICE, differences, ..Around::default() };
            answer(&service, &visit, fields, around).await
        }
        Err(error) => {
            let around = Around { faults: Faults::of(error)?, seen: seen.to_owned(), ..Around::default() };
            answer(&service, &visit, fields, around).await
        }
    }
}

async fn answer(service: &Service, visit: &Visit, fields: Fields, around: Around<'_>) -> Result<Response, PageError> {
    let Around { faults, seen, notice, differences, query } = around;
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let template = SettingsPage {
        layout: Layout::of_organization(service, visit, "Settings", "/settings").await?.after(query),
        base: visit.base.clone(),
        org: visit.org.to_string(),
        fields,
        may_change: visit.may(Right::ManageOrganization),
        others: faults.others(&LINES).into_iter().map(str::to_owned).collect(),
        faults,
        seen,
        notice,
        differences,
    };
    Ok(page_with(status, &template))
}

/// What a form says, read.
struct Read {
    time_zone: Option<String>,
    retry_schedule: Option<Vec<std::time::Duration>>,
    retention: [Option<u16>; 3],
    require_verification: bool,
    strict_event_types: bool,
    validate_payloads: bool,
    mask_numbers: bool,
    products: ProductList,
    branding: Branding,
    support_url: Option<String>,
}

impl Read {
    fn write(&self, draft: &mut OrganizationDraft) {
        draft.time_zone.clone_from(&self.time_zone);
        draft.retry_schedule.clone_from(&self.retry_schedule);
        draft.require_verification = self.require_verification;
        draft.strict_event_types = self.strict_event_types;
        draft.validate_payloads = self.validate_payloads;
        draft.mask_numbers = self.mask_numbers;
        [draft.retention_days, draft.attempt_retention_days, draft.message_retention_days] = self.retention;
        draft.products.clone_from(&self.products);
        draft.branding.clone_from(&self.branding);
        draft.support_url.clone_from(&self.support_url);
    }
}

impl Fields {
    fn of_draft(draft: &OrganizationDraft) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let schedule = draft.retry_schedule.as_ref();
        let schedule =
            schedule.map(|delays| delays.iter().copied().map(format_duration).collect::<Vec<_>>().join(", "));
        let product = |(product, types): (&String, &Vec<String>)| format!("{product}: {}", types.join(", "));
        Self {
            time_zone: text(&draft.time_zone),
            retry_schedule: schedule.unwrap_or_default(),
            require_verification: draft.require_verification,
            strict_event_types: draft.strict_event_types,
            validate_payloads: draft.validate_payloads,
            mask_numbers: draft.mask_numbers,
            retention: [draft.retention_days, draft.attempt_retention_days, draft.message_retention_days]
                .map(|days| days.map(|days| days.to_string()).unwrap_or_default()),
            products: draft.products.iter().map(product).collect::<Vec<_>>().join("\n"),
            name: text(&draft.branding.name),
            logo_url: text(&draft.branding.logo_url),
            accent_color: text(&draft.branding.accent_color),
            frame_ancestors: draft.branding.frame_ancestors.join("\n"),
            support_url: text(&draft.support_url),
        }
    }

    fn of_form(form: &Form) -> Self {
        let text = |name: &str| form.get(name).trim().to_owned();
        Self {
            time_zone: text("timeZone"),
            retry_schedule: text("retrySchedule"),
            require_verification: form.line("requireVerification").is_some(),
            strict_event_types: form.line("strictEventTypes").is_some(),
            validate_payloads: form.line("validatePayloads").is_some(),
            mask_numbers: form.line("maskNumbers").is_some(),
            retention: RETENTION.map(text),
            products: text("products"),
            name: text("branding.name"),
            logo_url: text("branding.logoUrl"),
            accent_color: text("branding.accentColor"),
            frame_ancestors: text("branding.frameAncestors"),
            support_url: text("supportUrl"),
        }
    }

    /// All of them, by what they are called on the page.
    fn rows(&self) -> Rows {
        let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
        let [payloads, attempts, messages] = self.retention.clone();
        [
            ("Retry schedule", self.retry_schedule.clone()),
            ("Time zone", self.time_zone.clone()),
            ("Payloads, in days", payloads),
            ("Attempts and answers, in days", attempts),
            ("Messages and how they ended, in days", messages),
            ("Every new webhook has to verify its URL", yes(self.require_verification)),
            ("Event types that are not registered are refused", yes(self.strict_event_types)),
            ("Messages have to keep to the schema", yes(self.validate_payloads)),
            ("Phone numbers are masked", yes(self.mask_numbers)),
            ("Products of your own", self.products.clone()),
            ("Your name", self.name.clone()),
            ("Logo", self.logo_url.clone()),
            ("Colour", self.accent_color.clone()),
            ("Support", self.support_url.clone()),
            ("Sites that may show the portal in a frame", self.frame_ancestors.clone()),
        ]
        .map(|(field, value)| (field.to_owned(), value))
        .into()
    }

    fn read(&self) -> Result<Read, ServiceError> {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let schedule = match self.retry_schedule.as_str() {
            "" => None,
            schedule => {
                let read = parse_schedule(schedule);
                Some(read.map_err(|error| ServiceError::body("retrySchedule", format!("{error}.")))?)
            }
        };
        let mut retention = [None; 3];
        for ((days, text), field) in retention.iter_mut().zip(&self.retention).zip(RETENTION) {
            if !text.is_empty() {
                *days = Some(text.parse().map_err(|_| ServiceError::body(field, "Write a number of days."))?);
            }
        }
        let mut products = ProductList::new();
        for line in self.products.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let Some((product, types)) = line.split_once(':') else {
                let rule = format!("“{line}” is no product: write it as in “sms: dlr, mo”.");
                return Err(ServiceError::body("products", rule));
            };
            let types = types.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect();
            products.insert(product.trim().to_owned(), types);
        }
        Ok(Read {
            time_zone: text(&self.time_zone),
            retry_schedule: schedule,
            require_verification: self.require_verification,
            strict_event_types: self.strict_event_types,
            validate_payloads: self.validate_payloads,
            mask_numbers: self.mask_numbers,
            retention,
            products,
            branding: Branding {
                name: text(&self.name),
                logo_url: text(&self.logo_url),
                accent_color: text(&self.accent_color),
                frame_ancestors: self.frame_ancestors.split_whitespace().map(str::to_owned).collect(),
            },
            support_url: text(&self.support_url),
        })
    }
}
