//! What every page goes through: where it came from, and what a browser may do with it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use ringback_service::Service;

use crate::error::{Fault, PageError, Told, error_page};
use crate::portal::{self, Frame, is_portal};

/// What a page may load and do: what is served from here, and nothing else. No text becomes code.
pub(crate) const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// Lets a request through to its page, and puts the headers on the answer that every page has.
pub(crate) async fn guard(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let frame = if is_portal(&path) { Some(Frame::of(&State(service.clone()), &path).await) } else { None };
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = if changes && !is_our_own(request.headers()) {
        PageError::Forged.into_response()
    } else {
        next.run(request).await
    };
    if let Some(Fault(cause)) = response.extensions_mut().remove::<Fault>() {
        let request_id = service.request_id();
        let mut chain = cause.to_string();
        let mut next = cause.source();
        while let Some(source) = next {
            chain = format!("{chain}: {source}");
            next = source.source();
        }
        tracing::error!(%request_id, cause = %chain, "a page failed");
        let text = format!("Something went wrong here that should not have. The log has it as request {request_id}.");
        response = error_page(StatusCode::INTERNAL_SERVER_ERROR, "Our fault", &text);
    }
    if let (Some(_), Some(told)) = (&frame, response.extensions_mut().remove::<Told>()) {
        response = told.in_portal();
    }
    protect(response.headers_mut(), frame.as_ref());
    response
}

fn protect(headers: &mut HeaderMap, frame: Option<&Frame>) {
    let always = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // The origin is what forms are known by; with `no-referrer` a browser would send none.
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ];
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(frame) = frame {
        portal::vary(headers);
        if !headers.contains_key(CONTENT_SECURITY_POLICY)
            && let Ok(policy) = HeaderValue::from_str(&frame.policy())
        {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
            if frame.is_closed() {
                headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
            }
        }
    }
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
}

/// Whether a request that changes something was sent by a page of this server: browsers say so, and pages of others
/// cannot say otherwise.
fn is_our_own(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text("sec-fetch-site").is_some_and(|site| site != "same-origin") {
        return false;
    }
    match (text(ORIGIN.as_str()), text(HOST.as_str())) {
        (Some(origin), Some(host)) => {
            let after = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            after.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
        }
        (None, _) => text("sec-fetch-site") == Some("same-origin"),
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_our_own_with(pairs: &[(&'static str, &'static str)]) -> bool {
        let headers = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        is_our_own(&headers)
    }

    #[test]
    fn a_change_has_to_come_from_a_page_of_this_server() {
        let host = ("host", "ringback.example:8071");
        assert!(is_our_own_with(&[host, ("origin", "https://ringback.example:8071")]));
        assert!(is_our_own_with(&[host, ("sec-fetch-site", "same-origin")]));
        for bad in ["null", "https://evil.example", "https://ringback.example", "https://ringback.example:8071.evil"] {
            assert!(!is_our_own_with(&[host, ("origin", bad)]), "{bad}");
        }
        assert!(!is_our_own_with(&[host]), "nothing tells where it came from");
        let forged = [host, ("origin", "https://ringback.example:8071"), ("sec-fetch-site", "same-site")];
        assert!(!is_our_own_with(&forged));
    }
}
