//! The user's own account: password, and where it is signed in.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use ringback_service::{Service, ServiceError};

use crate::answer::{page_with, see_other};
use crate::error::PageError;
use crate::flash;
use crate::form::{Faults, Form};
use crate::layout::Layout;
use crate::text;
use crate::visit::User;

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    layout: Layout,
    email: String,
    sessions: Vec<SessionRow>,
    faults: Faults,
}

struct SessionRow {
    agent: String,
    address: String,
    began: String,
    seen: String,
    is_this: bool,
}

/// The page.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    user: User,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    answer(&service, &user, query.as_deref(), Faults::default(), StatusCode::OK).await
}

/// Changes the password.
pub(crate) async fn change_password(
    State(service): State<Arc<Service>>,
    user: User,
    form: Form,
) -> Result<Response, PageError> {
    let mut faults = Faults::default();
    match service.knows_password(&user.signed_in, &form.secret("current")).await {
        Ok(true) => {
            match service.change_password(&user.signed_in, user.signed_in.user.id, &form.secret("password")).await {
                Ok(()) => return Ok(see_other(&flash::on(&path(&user), "password"))),
                Err(error) => faults = Faults::of(error)?,
            }
        }
        Ok(false) => faults.note("current", "This is not your present password."),
        Err(ServiceError::TooMany { detail, .. }) => faults.note("current", detail),
        Err(error) => return Err(error.into()),
    }
    answer(&service, &user, None, faults, StatusCode::UNPROCESSABLE_ENTITY).await
}

/// Signs out everywhere else.
pub(crate) async fn end_sessions(
    State(service): State<Arc<Service>>,
    user: User,
    _form: Form,
) -> Result<Response, PageError> {
    service.sign_out(&user.signed_in, true).await?;
    Ok(see_other(&flash::on(&path(&user), "sessions")))
}

async fn answer(
    service: &Service,
    user: &User,
    query: Option<&str>,
    faults: Faults,
    status: StatusCode,
) -> Result<Response, PageError> {
    let now = service.clock().now();
    let sessions = service.list_sessions(&user.signed_in).await?;
    let row = |session: ringback_model::Session| SessionRow {
        is_this: session.hash == user.signed_in.session,
        agent: session.agent,
        address: session.address,
        began: text::time(session.began_at),
        seen: text::ago(session.seen_at, now),
    };
    let layout = Layout::of_user(service, user, "Your account", "/account").await?.after(query);
    let email = user.signed_in.user.email.clone();
    Ok(page_with(status, &AccountPage { layout, email, sessions: sessions.into_iter().map(row).collect(), faults }))
}

/// The page.
fn path(user: &User) -> String {
    format!("/console/account{}", user.place())
}
