//! Request headers of an endpoint's owner: sent with every delivery.
//!
//! Refused are names that the request needs for itself, that say who we are, or that intermediaries trust; and values
//! that could end a header early. The values are kept in the sealed part of the endpoint; those of sensitive headers
//! are named and never returned.

use std::collections::HashSet;

use indexmap::IndexMap;
use ringback_model::{Endpoint, EndpointSecrets, HeaderField, Redacted, header_name_fault, header_value_fault};
use ringback_store::Idempotency;

use crate::check::Faults;
use crate::{Actor, EndpointDraft, FieldError, HeadersChange, Right, Service, ServiceError};

/// Headers that one endpoint may have.
const COUNT_MAX: usize = 50;
/// Headers that may be set or removed at a time.
const CHANGES_MAX: usize = 2 * COUNT_MAX;
/// All names and values, in bytes.
const TOTAL_MAX: usize = 32 * 1_024;

/// Names whose values are never returned, whether or not the caller marks them as secret.
const SENSITIVE: &[&str] = &["authorization", "www-authenticate", "x-api-key", "x-auth-token"];

/// What is said of a name that is there already.
const TWICE: &str = "This header is given twice; upper and lower case make no difference.";

/// A header as a caller gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderDraft {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Redacted,
    /// Its value is not to be returned.
    pub secret: bool,
}

/// The headers of an endpoint as its owner may see them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeadersView {
    /// Names and values that may be seen.
    pub headers: IndexMap<String, String>,
    /// Names whose values are kept to ourselves.
    pub sensitive: Vec<String>,
}

impl HeaderDraft {
    /// What is kept of it: the field for the document, the value for the sealed part.
    pub(crate) fn split(self) -> (HeaderField, Redacted) {
        let sensitive = self.secret || SENSITIVE.iter().any(|name| self.name.eq_ignore_ascii_case(name));
        (HeaderField { name: self.name, sensitive }, self.value)
    }
}

/// Puts the values in that somebody has left out who sends back what was shown, in which secret ones are empty.
pub(crate) fn fill_in(headers: &mut [HeaderDraft], endpoint: &Endpoint, secrets: &EndpointSecrets) {
    let kept: Vec<_> =
        endpoint.headers.iter().zip(&secrets.header_values).filter(|(field, _)| field.sensitive).collect();
    for header in headers.iter_mut().filter(|header| header.secret && header.value.reveal().is_empty()) {
        if let Some((_, value)) = kept.iter().find(|(field, _)| field.name.eq_ignore_ascii_case(&header.name)) {
            header.value = (*value).clone();
        }
    }
}

/// Notes everything that is wrong with a list of headers.
pub(crate) fn check(headers: &[HeaderDraft], faults: &mut Faults) {
    if headers.len() > COUNT_MAX {
        faults.note("headers", format!("At most {COUNT_MAX} headers are allowed, and these are {}.", headers.len()));
    }
    let total: usize = headers.iter().map(|header| header.name.len() + header.value.reveal().len()).sum();
    if total > TOTAL_MAX {
        faults.note("headers", format!("Names and values have at most {TOTAL_MAX} bytes in all."));
    }
    let mut seen = HashSet::new();
    for header in headers.iter().take(COUNT_MAX) {
        let name = header.name.to_ascii_lowercase();
        let wrong = header_name_fault(&name).or_else(|| header_value_fault(header.value.reveal()));
        if let Some(wrong) = wrong {
            faults.note_item("headers", &shown(&header.name), wrong);
        } else if !seen.insert(name) {
            faults.note_item("headers", &shown(&header.name), TWICE);
        }
    }
}

/// A name in an error: cut, for it may be anything.
fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}

impl Service {
    /// The headers of an endpoint.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn get_headers(&self, actor: &Actor, app: &str, endpoint: &str) -> Result<HeadersView, ServiceError> {
        actor.require(Right::ReadEndpoints)?;
        let (_, config) = self.endpoint_config(actor, app, endpoint).await?;
        let mut view = HeadersView::default();
        for (field, value) in config.endpoint.headers.iter().zip(&config.secrets.header_values) {
            if field.sensitive {
                view.sensitive.push(field.name.clone());
            } else {
                view.headers.insert(field.name.clone(), value.reveal().to_owned());
            }
        }
        Ok(view)
    }

    /// Puts these headers in the place of those that there are.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] and [`ServiceError::Invalid`].
    pub async fn put_headers(
        &self,
        actor: &Actor,
        app: &str,
        endpoint: &str,
        headers: Vec<HeaderDraft>,
    ) -> Result<(), ServiceError> {
        let change = |draft: &mut EndpointDraft| draft.headers = HeadersChange::Replace(headers.clone());
        self.update_endpoint(actor, app, endpoint, change).await.map(drop)
    }

    /// Sets the headers that have a value and removes those that have none; the others stay.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] and [`ServiceError::Invalid`].
    pub async fn patch_headers(
        &self,
        actor: &Actor,
        app: &str,
        endpoint: &str,
        changes: &[(String, Option<Redacted>)],
    ) -> Result<(), ServiceError> {
        actor.require(Right::ManageEndpoints)?;
        let mut seen = HashSet::new();
        if let Some((name, _)) = changes.iter().find(|(name, _)| !seen.insert(name.to_ascii_lowercase())) {
            let path = ["body".into(), "headers".into(), shown(name).into()];
            return Err(ServiceError::Invalid(vec![FieldError::at(path, TWICE)]));
        }
        if changes.len() > CHANGES_MAX {
            return Err(ServiceError::body("headers", format!("At most {CHANGES_MAX} changes at a time are allowed.")));
        }
        let apply = |config: &ringback_store::EndpointConfig, draft: &mut EndpointDraft| {
            let mut headers: Vec<HeaderDraft> = current(config);
            for (name, value) in changes {
                let at = headers.iter().position(|header| same(&header.name, name));
                match (at, value) {
                    (Some(at), Some(value)) => headers[at].value = value.clone(),
                    (Some(at), None) => drop(headers.remove(at)),
                    (None, Some(value)) => {
                        headers.push(HeaderDraft { name: name.clone(), value: value.clone(), secret: false });
                    }
                    (None, None) => {}
                }
            }
            draft.headers = HeadersChange::Replace(headers);
        };
        self.change_endpoint(actor, app, endpoint, None::<Idempotency>, apply).await.map(drop)
    }
}

fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

fn current(config: &ringback_store::EndpointConfig) -> Vec<HeaderDraft> {
    let fields = config.endpoint.headers.iter().zip(&config.secrets.header_values);
    fields
        .map(|(field, value)| HeaderDraft { name: field.name.clone(), value: value.clone(), secret: field.sensitive })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_good(name: &str, value: &str) -> bool {
        let mut faults = Faults::default();
        let draft = HeaderDraft { name: name.to_owned(), value: Redacted::new(value.to_owned()), secret: false };
        check(&[draft], &mut faults);
        faults.finish().is_ok()
    }

    #[test]
    fn values_that_could_end_a_header_are_refused() {
        let long = "x".repeat(4_097);
        for bad in ["a\r\nX: 1", "a\nb", "\0", "\r", " a", "a ", "a\r\n b", "é", "\u{7f}", "a\t", &long] {
            assert!(!is_good("x-custom", bad), "{bad:?}");
        }
        for good in ["", "a", "a b", "a\tb", "Bearer ~!@#$%", &"x".repeat(4_096)] {
            assert!(is_good("x-custom", good), "{good:?}");
        }
    }

    #[test]
    fn names_that_are_not_the_owners_to_choose_are_refused() {
        let bad = [
            "host",
            "Host",
            "content-length",
            "Transfer-Encoding",
            "te",
            "trailer",
            "connection",
            "keep-alive",
            "upgrade",
            "expect",
            "proxy-authorization",
            "http2-settings",
            ":authority",
            "webhook-id",
            "Ringback-x",
            "content-encoding",
            "content-type",
            "forwarded",
            "via",
            "x-forwarded-for",
            "x-real-ip",
            "metadata",
            "metadata-flavor",
            "x-aws-ec2-metadata-token",
            "x-google-x",
            "date",
            "cookie",
            "a b",
            "a:",
            "a\0",
            "é",
            "",
            "svix-id",
            "x-amz-date",
        ];
        for name in bad {
            assert!(!is_good(name, "v"), "{name:?}");
        }
        for good in ["X-Example", "authorization", "accept", "x-api-key", "traceparent"] {
            assert!(is_good(good, "v"), "{good}");
        }
    }

    #[test]
    fn too_many_too_large_and_repeated_headers_are_refused() {
        let draft = |name: String, value: &str| HeaderDraft { name, value: Redacted::new(value.into()), secret: false };
        let refused = |headers: Vec<HeaderDraft>| {
            let mut faults = Faults::default();
            check(&headers, &mut faults);
            faults.finish().is_err()
        };
        assert!(!refused((0..50).map(|i| draft(format!("x-{i}"), "v")).collect()));
        assert!(refused((0..51).map(|i| draft(format!("x-{i}"), "v")).collect()));
        assert!(refused((0..9).map(|i| draft(format!("x-{i}"), &"v".repeat(4_096))).collect()));
        assert!(refused(vec![draft("x-a".into(), "v"), draft("X-A".into(), "w")]));
    }
}
