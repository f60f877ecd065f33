//! Several inbound messages in one event: nothing is sent that carries the first alone.

use super::{BodyOf, Plan};
use crate::RenderError;
use crate::dialect::ShapeOf;
use crate::format::template::{Slot, Template};
use crate::inbound;
use crate::report::read;
use crate::source::{Event, Source};

impl Plan {
    /// Refuses an event with several inbound messages where the request says something of one, and the rest is nowhere in
    /// it; `without_payload` where what would carry all of them was left out.
    ///
    /// # Errors
    /// [`RenderError::Several`].
    pub(super) fn check_several(
        &self,
        shape: Option<(usize, &'static ShapeOf)>,
        event: Event<'_>,
        without_payload: bool,
    ) -> Result<(), RenderError> {
        let Some(raw) = event.report.and_then(|report| report.inbound) else { return Ok(()) };
        let value: inbound::Value<'_> = read(raw.get()).unwrap_or_default();
        let count = value.count();
        let goes_whole = self.template.is_none() && shape.is_none_or(|(_, shape)| shape.body == BodyOf::Inbound);
        if count < 2 || (goes_whole && !without_payload) {
            return Ok(());
        }
        let sources = self.sources_of(shape);
        let is_of_one = |source: &&Source| source.text().starts_with("inbound.") && source.text() != "inbound.to";
        let carries_all = |source: &&Source| {
            let json = source.json(event);
            json.is_some_and(|json| value.messages_raw().is_some_and(|messages| json.contains(messages)))
        };
        let takes_one = without_payload || sources.iter().any(is_of_one);
        if takes_one && !sources.iter().any(carries_all) { Err(RenderError::Several { count }) } else { Ok(()) }
    }

    /// Where the values of a request come from.
    fn sources_of(&self, shape: Option<(usize, &'static ShapeOf)>) -> Vec<&Source> {
        let own = match &self.template {
            Some((_, template, _)) => vec![template],
            None => self.custom.iter().map(|(_, template)| template).collect(),
        };
        let slots = own.into_iter().chain(&self.url).flat_map(Template::slots);
        let mut sources: Vec<&Source> = slots
            .filter_map(|slot| match slot {
                Slot::Path(source) => Some(source),
                Slot::Field(_) => None,
            })
            .collect();
        if let Some((at, _)) = shape.filter(|_| self.template.is_none()) {
            sources.extend(self.shapes[at].iter().filter_map(|(_, field)| field.from.as_ref()));
        }
        sources
    }
}
