//! What requests say where it is not the payload as it stands: what a plan makes of it, and the report that it takes it from.

use ringback_model::Message;

use crate::json::mended;
use crate::plan::{Made, Plan};
use crate::report::{Mapped, Report, in_words};
use crate::source::Event;
use crate::{Recipe, RenderError};

/// What a plan makes of a message.
pub(crate) fn make(plan: &Plan, recipe: &Recipe, message: &Message) -> Result<Made, RenderError> {
    let bytes = message.payload.as_ref().ok_or(RenderError::PayloadGone)?;
    let payload = mended(std::str::from_utf8(bytes).map_err(|_| RenderError::NotAnObject)?);
    if !plan.needs_report() && !recipe.asks_state() {
        return plan.make(Event { message, payload: &payload, report: None });
    }
    report_of(recipe, message, &payload, |report| plan.make(Event { message, payload: &payload, report }))
}

/// Hands over the report of a message, if its state can be told where that matters; none where the payload need not be
/// one.
pub(crate) fn with_report<T>(
    recipe: &Recipe,
    message: &Message,
    then: impl FnOnce(Option<&Report<'_>>) -> Result<T, RenderError>,
) -> Result<T, RenderError> {
    let bytes = message.payload.as_ref().ok_or(RenderError::PayloadGone)?;
    let payload = mended(std::str::from_utf8(bytes).map_err(|_| RenderError::NotAnObject)?);
    report_of(recipe, message, &payload, then)
}

fn report_of<T>(
    recipe: &Recipe,
    message: &Message,
    payload: &str,
    then: impl FnOnce(Option<&Report<'_>>) -> Result<T, RenderError>,
) -> Result<T, RenderError> {
    let bytes = payload.as_bytes();
    let mapping = recipe.mapping(&message.event_type);
    let mapped = mapping.map(|mapping| Mapped::new(mapping, bytes)).transpose();
    let read = mapped.as_ref().map_or_else(
        |error| Err(error.to_string()),
        |mapped| {
            match mapped {
                Some(mapped) => mapped.report(),
                None => Report::parse(bytes),
            }
            .map(|report| report.settled(&message.event_type))
            .map_err(|error| in_words(&error))
        },
    );
    let made = match read {
        Ok(report) => recipe.check_state(&message.event_type, &report).and_then(|()| then(Some(&report))),
        Err(why) if recipe.needs_report(&message.event_type) => Err(RenderError::NotAReport { why }),
        Err(_) => then(None),
    };
    match mapping {
        Some(mapping) => made.map_err(|error| error.of_mapping(mapping, &message.event_type)),
        None => made,
    }
}
