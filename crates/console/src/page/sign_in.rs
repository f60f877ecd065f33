//! Signing in, with a password or by a link that works once, and out.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use ringback_model::Redacted;
use ringback_service::{Service, ServiceError, SignIn};

use crate::answer::{page, page_with, see_other};
use crate::error::PageError;
use crate::flash;
use crate::form::Form;
use crate::layout::Layout;
use crate::visit::{Asking, User, csrf_of};

/// What is said when a browser would not keep the cookie.
pub(crate) const NEEDS_TLS: &str = "Over plain http you can sign in on the machine of the server alone (http://127.0.0.1 or \
                                    http://localhost). Put a proxy with TLS in front of the server, and open the \
                                    console over https.";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    layout: Layout,
    email: String,
    to: String,
    fault: String,
    /// The key of a link, if one was followed.
    key: Option<String>,
}

/// The form.
pub(crate) async fn form(
    State(service): State<Arc<Service>>,
    asking: Asking,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    if service.has_no_user().await? {
        return Ok(see_other("/console/set-up"));
    }
    if let Some(cookie) = &asking.cookie
        && service.signed_in(cookie).await?.is_some()
    {
        return Ok(see_other("/console"));
    }
    let to = in_query(query.as_deref(), "to");
    let (layout, cookie) = bare(&service, &asking, "Sign in");
    let layout = layout.after(query.as_deref());
    let template = SignInPage { layout, email: String::new(), to, fault: String::new(), key: None };
    Ok(with_cookie(page(&template), &asking, cookie))
}

/// The button that a link leads to: following a link alone changes nothing, so that a program that looks where it leads
/// does not use it up.
pub(crate) async fn link(
    State(service): State<Arc<Service>>,
    asking: Asking,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let key = in_query(query.as_deref(), "key");
    let (layout, cookie) = bare(&service, &asking, "Sign in");
    let template = SignInPage { layout, email: String::new(), to: String::new(), fault: String::new(), key: Some(key) };
    Ok(with_cookie(page(&template), &asking, cookie))
}

/// Signs in with a password.
pub(crate) async fn sign_in(
    State(service): State<Arc<Service>>,
    asking: Asking,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, PageError> {
    let email = form.get("email").trim().to_owned();
    let to = form.get("to").to_owned();
    let result = if asking.keeps_cookies(&headers) {
        service.sign_in(&email, &form.secret("password"), &asking.visitor).await
    } else {
        Err(ServiceError::Unauthenticated(NEEDS_TLS.to_owned()))
    };
    match result {
        Ok(signed_in) => Ok(signed_in_answer(&asking, &signed_in, &to)),
        Err(error) => {
            let (status, fault) = refusal(error)?;
            let layout = Layout::bare("Sign in", asking.csrf());
            Ok(page_with(status, &SignInPage { layout, email, to, fault, key: None }))
        }
    }
}

/// Signs in by a link.
pub(crate) async fn by_link(
    State(service): State<Arc<Service>>,
    asking: Asking,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, PageError> {
    let result = if asking.keeps_cookies(&headers) {
        service.sign_in_by_link(&form.secret("key"), &asking.visitor).await
    } else {
        Err(ServiceError::Unauthenticated(NEEDS_TLS.to_owned()))
    };
    match result {
        Ok(signed_in) => Ok(signed_in_answer(&asking, &signed_in, "")),
        Err(error) => {
            let (status, fault) = refusal(error)?;
            let layout = Layout::bare("Sign in", asking.csrf());
            let template = SignInPage { layout, email: String::new(), to: String::new(), fault, key: None };
            Ok(page_with(status, &template))
        }
    }
}

/// Signs out.
pub(crate) async fn sign_out(
    State(service): State<Arc<Service>>,
    asking: Asking,
    user: User,
    _form: Form,
) -> Result<Response, PageError> {
    service.sign_out(&user.signed_in, false).await?;
    let mut response = see_other(&flash::on("/console/sign-in", "signed-out"));
    asking.set_cookie(response.headers_mut(), "");
    Ok(response)
}

/// The way on for somebody who has just signed in, with the cookie of the new session.
pub(crate) fn signed_in_answer(asking: &Asking, signed_in: &SignIn, to: &str) -> Response {
    // Only a page of the console: a link must not lead on to anybody else.
    let ours = to.starts_with("/console/") && !to.contains(['\\', '\r', '\n']) && !to.contains("//");
    let mut response = see_other(if ours { to } else { "/console" });
    asking.set_cookie(response.headers_mut(), signed_in.key.reveal());
    response
}

/// The frame of a page for guests, and the cookie that its form belongs to, if there was none.
pub(crate) fn bare(service: &Service, asking: &Asking, title: &str) -> (Layout, Option<Redacted>) {
    if asking.cookie.is_some() {
        return (Layout::bare(title, asking.csrf()), None);
    }
    let cookie: String = (0..4).map(|_| service.request_id()).collect();
    let cookie = format!("guest-{cookie}");
    (Layout::bare(title, csrf_of(&cookie)), Some(Redacted::new(cookie)))
}

/// Puts the cookie of a guest into an answer.
pub(crate) fn with_cookie(mut response: Response, asking: &Asking, cookie: Option<Redacted>) -> Response {
    if let Some(cookie) = cookie {
        asking.set_cookie(response.headers_mut(), cookie.reveal());
    }
    response
}

fn refusal(error: ServiceError) -> Result<(StatusCode, String), PageError> {
    match error {
        ServiceError::Unauthenticated(detail) => Ok((StatusCode::UNAUTHORIZED, detail)),
        ServiceError::TooMany { detail, retry_after, .. } => {
            let seconds = retry_after.as_secs().saturating_add(1);
            Ok((StatusCode::TOO_MANY_REQUESTS, format!("{detail} It is free again in {seconds} seconds.")))
        }
        other => Err(other.into()),
    }
}

/// A parameter of the query.
pub(crate) fn in_query(query: Option<&str>, name: &str) -> String {
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs.find(|(n, _)| n == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}
