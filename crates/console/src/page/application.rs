//! One application: its names, and the numbers that it has.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use indexmap::IndexMap;
use ringback_model::{Application, ListedNumber, product_name};
use ringback_service::{ApplicationDraft, Right, Service, ServiceError};

use crate::answer::{page, page_with, see_other};
use crate::error::PageError;
use crate::flash;
use crate::form::{Faults, Form};
use crate::layout::Layout;
use crate::meanwhile::{Around, Differences, NOTICE, Rows, differences, is_seen, mark};
use crate::text;
use crate::visit::AppVisit;

#[derive(Template)]
#[template(path = "application.html")]
struct ApplicationPage {
    layout: Layout,
    base: String,
    id: String,
    /// The name as it is kept, whatever the form says.
    saved_name: String,
    name: String,
    uid: String,
    numbers: Vec<Numbers>,
    may_change: bool,
    /// The page that links to the portal are made on; empty for whoever may make none.
    access: String,
    faults: Faults,
    others: Vec<String>,
    /// A mark of what the form was filled in from.
    seen: String,
    notice: &'static str,
    differences: Differences,
}

#[derive(Template)]
#[template(path = "application_delete.html")]
struct DeletePage {
    layout: Layout,
    base: String,
    id: String,
    name: String,
    /// What goes with it.
    parts: String,
    /// How many deliveries are pending; empty if none are.
    pending: String,
}

/// The numbers of one product.
struct Numbers {
    caption: String,
    field: String,
    text: String,
    fault: String,
}

/// The page.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let draft = ApplicationDraft::of(&visit.app.application);
    let seen = mark(&rows(&draft, &products(&service, &visit).await?));
    answer(&service, &visit, draft, Around { seen, query: query.as_deref(), ..Around::default() }).await
}

/// Changes it.
pub(crate) async fn change(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    form: Form,
) -> Result<Response, PageError> {
    let products = products(&service, &visit).await?;
    let write = |draft: &mut ApplicationDraft| {
        draft.name = form.get("name").trim().to_owned();
        draft.uid = form.line("uid").map(str::to_owned);
        for product in &products {
            let numbers = read_numbers(form.get(&field_of(product)));
            if numbers.is_empty() {
                draft.product_unique_ids.shift_remove(product);
            } else {
                draft.product_unique_ids.insert(product.clone(), numbers);
            }
        }
    };
    let (actor, seen) = (&visit.visit.actor, form.get("seen"));
    let still = |draft: &ApplicationDraft| is_seen(seen, &rows(draft, &products));
    let saved = service.save_application(actor, &visit.name, still, write).await;
    let mut mine = ApplicationDraft::of(&visit.app.application);
    write(&mut mine);
    match saved {
        Ok(_) => Ok(see_other(&flash::on(&format!("{}/application", visit.base), "application-changed"))),
        Err(ServiceError::Conflict { code: "changed", .. }) => {
            let now = service.get_application(actor, &visit.name).await?.application;
            let theirs = rows(&ApplicationDraft::of(&now), &products);
            let differences = differences(&theirs, &rows(&mine, &products));
            let around = Around { seen: mark(&theirs), notice: NOTICE, differences, ..Around::default() };
            answer(&service, &visit, mine, around).await
        }
        Err(error) => {
            let around = Around { faults: Faults::of(error)?, seen: seen.to_owned(), ..Around::default() };
            answer(&service, &visit, mine, around).await
        }
    }
}

/// What the form shows, by what it is called.
fn rows(draft: &ApplicationDraft, products: &[String]) -> Rows {
    let names = [("Name", draft.name.clone()), ("Your own ID", draft.uid.clone().unwrap_or_default())];
    let names = names.map(|(field, value)| (field.to_owned(), value));
    let lists = products.iter().map(|product| numbers_of(product, &draft.product_unique_ids, &Faults::default()));
    names.into_iter().chain(lists.map(|list| (list.caption, list.text))).collect()
}

/// Says what deleting it does.
pub(crate) async fn ask_delete(State(service): State<Arc<Service>>, visit: AppVisit) -> Result<Response, PageError> {
    let extent = service.application_extent(&visit.visit.actor, &visit.name).await?;
    let Application { id, name, .. } = &visit.app.application;
    let parts = [(extent.endpoints, "webhook"), (extent.pollers, "polling endpoint")];
    let parts = parts.map(|(number, noun)| text::number_of(number as u64, noun));
    Ok(page(&DeletePage {
        layout: Layout::of_app(&service, &visit, "Delete application", "/application").await?,
        base: visit.base.clone(),
        id: id.to_string(),
        name: name.clone(),
        parts: parts.join(" and "),
        pending: match extent.backlog {
            Some(backlog) if backlog.pending == 0 => String::new(),
            Some(backlog) if backlog.pending == 1 && !backlog.more => "1 delivery is pending".to_owned(),
            Some(backlog) => format!("{} deliveries are pending", text::pending(backlog)),
            None => "What is pending is still being counted; it".to_owned(),
        },
    }))
}

/// Deletes it.
pub(crate) async fn delete(
    State(service): State<Arc<Service>>,
    visit: AppVisit,
    _form: Form,
) -> Result<Response, PageError> {
    service.delete_application(&visit.visit.actor, &visit.name).await?;
    Ok(see_other(&flash::on(&visit.visit.base, "application-deleted")))
}

async fn answer(
    service: &Service,
    visit: &AppVisit,
    draft: ApplicationDraft,
    around: Around<'_>,
) -> Result<Response, PageError> {
    let Around { faults, seen, notice, differences, query } = around;
    let Application { id, name: saved_name, .. } = &visit.app.application;
    let layout = Layout::of_app(service, visit, "Application", "/application").await?.after(query);
    let products = products(service, visit).await?;
    let numbers = products.iter().map(|product| numbers_of(product, &draft.product_unique_ids, &faults)).collect();
    let others = faults.others(&["name", "uid"]).into_iter();
    let template = ApplicationPage {
        layout,
        base: visit.base.clone(),
        id: id.to_string(),
        saved_name: saved_name.clone(),
        name: draft.name,
        uid: draft.uid.unwrap_or_default(),
        numbers,
        may_change: visit.may(Right::ManageApplications),
        access: if visit.visit.may(Right::GrantAccess) && !visit.visit.is_portal() {
            format!("{}/access?app={id}", visit.visit.base)
        } else {
            String::new()
        },
        others: others.filter(|fault| !fault.is_empty()).map(str::to_owned).collect(),
        faults,
        seen,
        notice,
        differences,
    };
    let status = if template.faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(page_with(status, &template))
}

/// Products that customers have numbers of.
async fn products(service: &Service, visit: &AppVisit) -> Result<Vec<String>, PageError> {
    Ok(service.products_with_numbers(&visit.visit.actor).await?)
}

fn numbers_of(product: &str, listed: &IndexMap<String, Vec<ListedNumber>>, faults: &Faults) -> Numbers {
    let line = |number: &ListedNumber| match &number.name {
        Some(name) => format!("{} {name}", number.id),
        None => number.id.clone(),
    };
    let text = listed.get(product).into_iter().flatten().map(line).collect::<Vec<_>>().join("\n");
    let fault = faults.under(&format!("productUniqueIds.{product}")).unwrap_or_default().to_owned();
    Numbers { caption: format!("{} numbers", product_name(product)), field: field_of(product), text, fault }
}

fn field_of(product: &str) -> String {
    format!("numbers-{product}")
}

/// Numbers out of lines: the number, and behind it its name.
fn read_numbers(text: &str) -> Vec<ListedNumber> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let read = |line: &str| match line.split_once(char::is_whitespace) {
        Some((id, name)) => ListedNumber { id: id.to_owned(), name: Some(name.trim().to_owned()) },
        None => ListedNumber { id: line.to_owned(), name: None },
    };
    lines.map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_shown() {
        let text = "254700000001 Sales desk\n254700000002";
        let numbers = read_numbers(&format!("\n {text}\r\n\n"));
        assert_eq!(numbers[0].name.as_deref(), Some("Sales desk"));
        let listed = [("whatsapp".to_owned(), numbers)].into();
        assert_eq!(numbers_of("whatsapp", &listed, &Faults::default()).text, text);
    }
}
