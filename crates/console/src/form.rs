//! Forms: what was sent, and what is wrong with it.

use std::collections::HashMap;
use std::fmt;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use ringback_model::Redacted;
use ringback_service::{FieldError, ServiceError};

use crate::confirm::Question;
use crate::error::PageError;
use crate::visit::Asking;

/// The largest form, in bytes: tables of webhooks are the largest fields, and escaped.
const BODY_MAX: usize = 2 << 20;

/// A form that came from one of our own pages. `Debug` shows names alone: values may be secret.
#[derive(Clone, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Form {
    /// Whether a box of this name is ticked, or a button of it was pressed.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }

    /// Puts a value in the place of all of this name.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.retain(|(n, _)| n != name);
        self.0.push((name.to_owned(), value.into()));
    }

    /// Takes out all names that begin so.
    pub(crate) fn remove(&mut self, beginning: &str) {
        self.0.retain(|(n, _)| !n.starts_with(beginning));
    }

    /// All names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The numbers of the rows that a list of this name has, in order: `NAME-0-...`.
    pub(crate) fn rows(&self, name: &str) -> Vec<usize> {
        let number = |field: &str| {
            field.strip_prefix(name)?.strip_prefix('-')?.split_once('-').and_then(|(number, _)| number.parse().ok())
        };
        let mut rows: Vec<usize> = self.0.iter().filter_map(|(field, _)| number(field)).collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// The first value of this name; empty if there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// The same without white space at its ends; `None` if nothing is left.
    pub(crate) fn line(&self, name: &str) -> Option<&str> {
        Some(self.get(name).trim()).filter(|value| !value.is_empty())
    }

    /// A value that must not be seen.
    pub(crate) fn secret(&self, name: &str) -> Redacted {
        Redacted::new(self.get(name).to_owned())
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageError> {
        let asking = Asking::of(request.uri(), request.headers(), request.extensions());
        if !is_form(request.headers()) {
            return Err(PageError::BadForm);
        }
        let (path, headers) = (request.uri().path().to_owned(), request.headers().clone());
        let body = Bytes::from_request(request, state).await.map_err(|_| PageError::BadForm)?;
        if body.len() > BODY_MAX {
            return Err(PageError::BadForm);
        }
        let form = Self(url::form_urlencoded::parse(&body).into_owned().collect());
        // A page of the portal proves itself by a header, which no other site can make a browser send.
        if !asking.is_portal && !asking.csrf_is(form.get("csrf")) {
            return Err(PageError::Forged);
        }
        match Question::of(&form.0) {
            Some(question) => Err(PageError::Ask(Box::new(question.page(path, &headers)))),
            None => Ok(form),
        }
    }
}

/// The items of a list that people write with commas, spaces or line breaks between; `None` if there are none.
pub(crate) fn list(text: &str) -> Option<Vec<String>> {
    let items = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|item| !item.is_empty());
    let items: Vec<String> = items.map(str::to_owned).collect();
    (!items.is_empty()).then_some(items)
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim() == "application/x-www-form-urlencoded")
}

/// What is wrong with a form, by field: dots between levels, as the API names them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    by_field: HashMap<String, String>,
    /// In the order in which they were found.
    order: Vec<String>,
}

impl Faults {
    /// The faults of a refused form; all else is an error of the page.
    pub(crate) fn of(error: ServiceError) -> Result<Self, PageError> {
        match error {
            ServiceError::Invalid(faults) => Ok(faults.into_iter().collect()),
            ServiceError::Refused { detail, .. } | ServiceError::Conflict { detail, .. } => Ok(Self::whole(detail)),
            ServiceError::TooMany { detail, .. } => Ok(Self::whole(detail)),
            other => Err(other.into()),
        }
    }

    /// A fault of the form as a whole.
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        let mut faults = Self::default();
        faults.note("", message);
        faults
    }

    /// Notes a fault. The first of a field counts.
    pub(crate) fn note(&mut self, field: &str, message: impl Into<String>) {
        if !self.by_field.contains_key(field) {
            self.order.push(field.to_owned());
            self.by_field.insert(field.to_owned(), message.into());
        }
    }

    /// The same as an error of a use case.
    pub(crate) fn into_error(self) -> ServiceError {
        let error = |field: &String| {
            let path = std::iter::once("body").chain(field.split('.')).map(|part| part.to_owned().into());
            FieldError::at(path.collect::<Vec<_>>(), self.at(field))
        };
        ServiceError::Invalid(self.order.iter().map(error).collect())
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// All of them: the field, empty for the form as a whole, and what is wrong.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.order.iter().map(|field| (field.as_str(), self.at(field)))
    }

    /// Whether there is one of these fields, or of anything in one.
    pub(crate) fn any_in(&self, fields: &[&str]) -> bool {
        fields.iter().any(|field| self.under(field).is_some())
    }

    /// The first fault, with the field that it is about.
    pub(crate) fn first(&self, caption: impl Fn(&str) -> String) -> String {
        match self.order.first() {
            Some(field) if field.is_empty() => self.at(field).to_owned(),
            Some(field) => format!("{}: {}", caption(field), self.at(field)),
            None => String::new(),
        }
    }

    /// What is wrong with a field; empty if nothing.
    pub(crate) fn at(&self, field: &str) -> &str {
        self.by_field.get(field).map_or("", String::as_str)
    }

    /// The fault of one field, or else of another that has no place of its own.
    pub(crate) fn at_either(&self, field: &str, other: &str) -> &str {
        let fault = self.at(field);
        if fault.is_empty() { self.at(other) } else { fault }
    }

    /// The first fault of a field or of anything in it.
    pub(crate) fn under(&self, field: &str) -> Option<&str> {
        let inside =
            |one: &&String| one.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.order.iter().find(inside).map(|one| self.at(one))
    }

    /// Those of no field in `shown`, or of anything in one: they are told above the form.
    pub(crate) fn others(&self, shown: &[&str]) -> Vec<&str> {
        let inside = |field: &str, one: &str| {
            field.strip_prefix(one).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let beside = |field: &&String| !shown.iter().any(|one| !one.is_empty() && inside(field, one));
        self.order.iter().filter(beside).map(|field| self.at(field)).collect()
    }
}

impl FromIterator<FieldError> for Faults {
    fn from_iter<I: IntoIterator<Item = FieldError>>(errors: I) -> Self {
        let mut faults = Self::default();
        for error in errors {
            let field = error.path.iter().skip(1).map(AsRef::as_ref).collect::<Vec<&str>>().join(".");
            faults.note(&field, error.message);
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_however_they_are_written() {
        assert_eq!(list("a, b\nc  d"), Some(["a", "b", "c", "d"].map(str::to_owned).to_vec()));
        assert_eq!(list(" , \n"), None);
    }
}
