//! What goes wrong on the way to a page, and the page that says so.

use std::sync::Arc;

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::RETRY_AFTER;
use ringback_service::ServiceError;

use crate::answer::{page_with, see_other};
use crate::asset;

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum PageError {
    /// Nobody is signed in; the page to come back to.
    SignIn(Option<String>),
    /// The portal's link is not good any more.
    Link,
    /// There is nothing here.
    NotFound,
    /// What was sent is no form.
    BadForm,
    /// What was sent did not come from one of our pages, or from one that is out of date.
    Forged,
    /// What was sent is to be confirmed first: the page that asks.
    Ask(Box<Response>),
    /// A use case did not come to its end.
    Service(ServiceError),
}

/// A fault of ours, on its way to the log.
#[derive(Clone, Debug)]
pub(crate) struct Fault(pub(crate) Arc<dyn std::error::Error + Send + Sync>);

impl Fault {
    /// An answer that the guard logs and replaces.
    pub(crate) fn response(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(Self(cause.into().into()));
        response
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    title: &'a str,
    text: &'a str,
    style: String,
    icon: String,
    /// Where the way out leads; nowhere if empty.
    home: &'a str,
}

/// What a page says that is wrong, for whoever says it in another frame.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    status: StatusCode,
    title: String,
    text: String,
    retry_after: Option<u64>,
}

impl Told {
    /// The same without a way into the console.
    pub(crate) fn in_portal(&self) -> Response {
        let mut response = rendered(self.status, &self.title, &self.text, "");
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

fn rendered(status: StatusCode, title: &str, text: &str, home: &str) -> Response {
    let (style, icon) = (asset::path("style.css"), asset::path("icon.svg"));
    page_with(status, &ErrorPage { title, text, style, icon, home })
}

/// A page that says that something is wrong.
pub(crate) fn error_page(status: StatusCode, title: &str, text: &str) -> Response {
    let mut response = rendered(status, title, text, "/console");
    let told = Told { status, title: title.to_owned(), text: text.to_owned(), retry_after: None };
    response.extensions_mut().insert(told);
    response
}

impl From<ServiceError> for PageError {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let (status, title, text) = match self {
            Self::SignIn(None) => return see_other("/console/sign-in"),
            Self::SignIn(Some(to)) => {
                let to: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
                return see_other(&format!("/console/sign-in?to={to}"));
            }
            Self::Ask(page) => return *page,
            Self::Link => (
                StatusCode::UNAUTHORIZED,
                "This link is over",
                "The link to this page is not good any more. Open the page anew from where you found it.".to_owned(),
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "Not found",
                "There is nothing at this address. It may have been deleted.".to_owned(),
            ),
            Self::BadForm => (
                StatusCode::BAD_REQUEST,
                "This could not be read",
                "What was sent is no form of this page, or is too large. Go back and try again.".to_owned(),
            ),
            Self::Forged => (
                StatusCode::FORBIDDEN,
                "This form is out of date",
                "You have signed in or out since the page was opened, or the form came from another site. Nothing was \
                 changed: go back, reload the page, and try again."
                    .to_owned(),
            ),
            Self::Service(error) => return service_error(error),
        };
        error_page(status, title, &text)
    }
}

fn service_error(error: ServiceError) -> Response {
    let (status, title, text) = match error {
        ServiceError::NotFound(resource) => (StatusCode::NOT_FOUND, "Not found", resource.to_string()),
        ServiceError::Forbidden(text) => (StatusCode::FORBIDDEN, "Not allowed", text.to_owned()),
        ServiceError::Unauthenticated(text) => (StatusCode::UNAUTHORIZED, "Not signed in", text),
        ServiceError::Refused { detail, .. } => (StatusCode::BAD_REQUEST, "This cannot be done", detail),
        ServiceError::Conflict { detail, .. } => (StatusCode::CONFLICT, "Something is in the way", detail),
        ServiceError::Invalid(faults) => {
            let text = faults.into_iter().map(|fault| fault.message).collect::<Vec<_>>().join(" ");
            (StatusCode::UNPROCESSABLE_ENTITY, "Something has to be changed", text)
        }
        ServiceError::TooMany { detail, retry_after, .. } => {
            let mut response = error_page(StatusCode::TOO_MANY_REQUESTS, "Too often", &detail);
            let seconds = retry_after.as_secs().saturating_add(1);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
            if let Some(told) = response.extensions_mut().get_mut::<Told>() {
                told.retry_after = Some(seconds);
            }
            return response;
        }
        ServiceError::Unavailable { source, .. } => {
            tracing::debug!(cause = ?source, "a page could not be served");
            let text = "The server cannot do this now. Nothing was changed: try again in a moment.";
            (StatusCode::SERVICE_UNAVAILABLE, "Not now", text.to_owned())
        }
        ServiceError::Internal(cause) => return Fault::response(cause),
    };
    error_page(status, title, &text)
}
