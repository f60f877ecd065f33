//! The event that a preview or a test of a general webhook is made of, where nobody has said which one.

use ringback_model::event_type_is_among;
use ringback_service::{DialectView, Direction, Service, Window, report_schemas};

use crate::error::PageError;
use crate::visit::AppVisit;

/// Event types of an organization that are looked through for one with an example.
const LOOKED_THROUGH: usize = 50;

/// An event type of those that a webhook takes, which are named, fit a pattern, or are all: the first that is named; else
/// the first of the organization's own with an example; else a report that every server knows; else an own one without.
/// `None` where nothing fits. A format that is written from reports gets one of these.
pub(super) async fn event_type(
    service: &Service,
    visit: &AppVisit,
    wanted: &[String],
    dialect: Option<&DialectView>,
) -> Result<Option<String>, PageError> {
    if let Some(named) = wanted.iter().find(|one| !one.contains('*')) {
        return Ok(Some(named.clone()));
    }
    let fits = |name: &str| wanted.is_empty() || event_type_is_among(name, wanted);
    let actor = &visit.visit.actor;
    let mut own = Vec::new();
    if dialect.is_none_or(|dialect| dialect.parameters.is_empty()) {
        let window = Window { limit: LOOKED_THROUGH, from: None, backwards: false, order: Direction::Ascending };
        let listed = service.list_event_types(actor, window, false).await?.items;
        own = listed.into_iter().map(|one| one.name).filter(|name| fits(name)).collect();
    }
    for name in &own {
        if service.sample(actor, name).await?.is_some() {
            return Ok(Some(name.clone()));
        }
    }
    let report = report_schemas().iter().map(|one| one.event_type).find(|name| fits(name));
    Ok(report.map(str::to_owned).or_else(|| own.into_iter().next()))
}
