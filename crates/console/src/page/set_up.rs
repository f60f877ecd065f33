//! The first user.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use ringback_model::Role;
use ringback_service::{Service, ServiceError, UserDraft};

use super::sign_in::{NEEDS_TLS, bare, in_query, signed_in_answer, with_cookie};
use crate::answer::{page, page_with, see_other};
use crate::error::PageError;
use crate::form::{Faults, Form};
use crate::layout::Layout;
use crate::visit::Asking;

#[derive(Template)]
#[template(path = "set_up.html")]
struct SetUpPage {
    layout: Layout,
    token: String,
    name: String,
    email: String,
    faults: Faults,
}

/// The form, as long as there is no user.
pub(crate) async fn form(
    State(service): State<Arc<Service>>,
    asking: Asking,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    if !service.has_no_user().await? {
        return Ok(see_other("/console/sign-in"));
    }
    let (layout, cookie) = bare(&service, &asking, "Set up Ringback");
    let token = in_query(query.as_deref(), "token");
    let template = SetUpPage { layout, token, name: String::new(), email: String::new(), faults: Faults::default() };
    Ok(with_cookie(page(&template), &asking, cookie))
}

/// Makes the first user and signs it in.
pub(crate) async fn set_up(
    State(service): State<Arc<Service>>,
    asking: Asking,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, PageError> {
    let (name, email) = (form.get("name").trim().to_owned(), form.get("email").trim().to_owned());
    let draft = UserDraft {
        email: email.clone(),
        name: name.clone(),
        role: Role::Admin,
        password: form.line("password").map(|_| form.secret("password")),
    };
    let result = if asking.keeps_cookies(&headers) {
        service.set_up(&form.secret("token"), draft, &asking.visitor).await
    } else {
        Err(ServiceError::Unauthenticated(NEEDS_TLS.to_owned()))
    };
    let faults = match result {
        Ok(signed_in) => return Ok(signed_in_answer(&asking, &signed_in, "")),
        Err(ServiceError::Unauthenticated(detail)) => {
            let mut faults = Faults::default();
            faults.note("token", detail);
            faults
        }
        Err(error) => Faults::of(error)?,
    };
    let layout = Layout::bare("Set up Ringback", asking.csrf());
    let token = form.get("token").to_owned();
    Ok(page_with(StatusCode::UNPROCESSABLE_ENTITY, &SetUpPage { layout, token, name, email, faults }))
}
