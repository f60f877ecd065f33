//! Answers: a page, or the way to the next one.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, StatusCode};

use crate::error::Fault;
use crate::text;

/// A page, or a part of one.
pub(crate) fn page(template: &impl Template) -> Response {
    page_with(StatusCode::OK, template)
}

/// A page with a status of its own.
pub(crate) fn page_with(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => {
            let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")];
            (status, headers, text::page_with_visible(html)).into_response()
        }
        Err(error) => Fault::response(error),
    }
}

/// The next page, asked for with GET.
pub(crate) fn see_other(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    // Paths are made of ids and fixed words.
    let path = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/console"));
    response.headers_mut().insert(LOCATION, path);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
