//! Values as the endpoint wants them: looked up, put into words, and written in its formats.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use ringback_model::{EmptyValue, NumberFormat, OrganizationSettings, Shape, TimeFormat};

use super::Plan;
use crate::dialect::{Dialect, Field};
use crate::format::{Value, json, number, time};
use crate::report::{Kind, Report, Status};
use crate::source::{Event, Source};
use crate::{RecipeError, RenderError};

/// How values are written.
#[derive(Clone, Debug)]
pub(super) struct Style {
    time_format: TimeFormat,
    zone: TimeZone,
    number_format: NumberFormat,
    mask: bool,
    pub(super) empty: EmptyValue,
    all_text: bool,
}

impl Plan {
    /// The value of a field, if the event has one.
    pub(super) fn value<'a>(&'a self, field: &'a Field, event: Event<'a>) -> Result<Option<Value<'a>>, RenderError> {
        let Some(source) = &field.from else {
            let value = if field.url { Some(self.endpoint_url.as_str()) } else { field.value.as_deref() };
            let value = value.map(Cow::Borrowed);
            let digits = field.integer && !self.style.all_text;
            return Ok(match value {
                _ if field.list => Some(Value::List),
                Some(value) => Some(if digits { Value::Digits(value) } else { Value::Text(value) }),
                None => None,
            });
        };
        if source.kind() == Kind::Json {
            return Ok(source.json(event).map(Value::Json));
        }
        // Gateways put the time of a failure where others have that of the arrival: receivers would take it for one.
        let failed = || event.report.and_then(Report::status).is_some_and(Status::is_failure);
        if source.kind() == Kind::Time && failed() && source.tells_arrival() {
            return Ok(None);
        }
        let Some(text) = source.get(event) else { return Ok(None) };
        let text = match &field.words {
            // A word may be empty: the dialect has none for this value.
            Some(words) => match self.word(words, &text, source)? {
                "" => return Ok(None),
                word => Cow::Borrowed(word),
            },
            None => text,
        };
        let (text, digits) = self.style.write(source, field.format, text)?;
        let text = match (field.decimals, &field.prefix) {
            (Some(places), _) => number::decimal(text, usize::from(places)),
            (None, Some(prefix)) => Cow::Owned(format!("{prefix}{text}")),
            (None, None) => text,
        };
        if field.integer {
            check_integer(source, &text)?;
        }
        let digits = (field.integer || digits) && !self.style.all_text;
        Ok(Some(if digits { Value::Digits(text) } else { Value::Text(text) }))
    }

    /// Whether a field is a number in JSON.
    pub(super) fn is_number(&self, field: &Field) -> bool {
        let by_kind = || field.from.as_ref().is_some_and(|source| self.style.is_number(source, field.format));
        !self.style.all_text && (field.integer || by_kind())
    }

    fn word(&self, words: &str, text: &str, source: &Source) -> Result<&'static str, RenderError> {
        let table = self.dialect.words.get(words);
        let word = table.and_then(|table| table.iter().find(|(known, _)| known.eq_ignore_ascii_case(text)));
        let known = table.into_iter().flat_map(|table| table.keys().map(String::as_str));
        word.map(|(_, word)| word.as_str()).ok_or_else(|| RenderError::word(source.text(), text, known))
    }
}

impl Style {
    pub(super) fn new(dialect: &Dialect, shape: &Shape, settings: &OrganizationSettings) -> Result<Self, RecipeError> {
        let name = shape.time_zone.as_deref().or(settings.time_zone.as_deref()).unwrap_or("UTC");
        let zone = crate::zone(name).map_err(|message| RecipeError::new("timeZone", message))?;
        Ok(Self {
            time_format: shape.time_format.unwrap_or(dialect.time_format),
            zone,
            number_format: shape.number_format.unwrap_or(dialect.number_format),
            mask: shape.mask,
            empty: shape.empty_value.unwrap_or(dialect.empty_value),
            all_text: dialect.all_text,
        })
    }

    /// Whether a value that is not there would be a number where there are numbers.
    pub(super) fn is_number(&self, source: &Source, own: Option<TimeFormat>) -> bool {
        source.kind() == Kind::Time && time::is_number(own.unwrap_or(self.time_format))
    }

    /// Writes a value as its kind asks; says whether it is a number where there are numbers.
    pub(super) fn write<'a>(
        &self,
        source: &Source,
        own: Option<TimeFormat>,
        text: Cow<'a, str>,
    ) -> Result<(Cow<'a, str>, bool), RenderError> {
        match source.kind() {
            Kind::Text | Kind::Json => Ok((text, false)),
            Kind::Integer => check_integer(source, &text).map(|()| (text, false)),
            Kind::Money if number::is_decimal(&text) => Ok((text, false)),
            Kind::Money => Err(RenderError::value(source.text(), &text, "a decimal number such as 0.8000")),
            Kind::Number => {
                let written = number::number(text, self.number_format);
                Ok((if self.mask { number::masked(written) } else { written }, false))
            }
            Kind::Time => {
                let refuse = || RenderError::value(source.text(), &text, "a time such as 2024-12-18T08:08:04.831Z");
                let at = time::read(&text).ok_or_else(refuse)?;
                let utc = TimeZone::UTC;
                let (format, zone) = own.map_or((self.time_format, &self.zone), |own| (own, &utc));
                Ok((Cow::Owned(time::time(at, format, zone)), time::is_number(format)))
            }
        }
    }
}

/// What is told as a number is one that JSON can write, in every send method; never text in a number's place.
fn check_integer(source: &Source, text: &str) -> Result<(), RenderError> {
    // What is counted is never less than nothing; a code may be (`call.endReason`).
    let is_less = source.kind() == Kind::Integer && text.starts_with('-');
    if json::is_number(text) && !is_less {
        return Ok(());
    }
    Err(RenderError::value(source.text(), text, "a whole number such as 3"))
}
