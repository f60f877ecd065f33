//! Users of the console, for admins.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use ringback_model::{Role, UserId};
use ringback_service::{Service, UserDraft};

use crate::answer::{page_with, see_other};
use crate::error::PageError;
use crate::flash;
use crate::form::{Faults, Form};
use crate::layout::Layout;
use crate::text;
use crate::visit::User;

#[derive(Template)]
#[template(path = "users.html")]
struct UsersPage {
    layout: Layout,
    users: Vec<UserRow>,
    roles: [&'static str; 3],
    name: String,
    email: String,
    faults: Faults,
    /// A link to hand on, and for whom.
    link: Option<(String, String)>,
}

struct UserRow {
    id: String,
    email: String,
    name: String,
    role: &'static str,
    signed_in: String,
    is_me: bool,
}

/// All users.
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    user: User,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    answer(&service, &user, Around { query, ..Around::default() }).await
}

/// Adds a user.
pub(crate) async fn create(State(service): State<Arc<Service>>, user: User, form: Form) -> Result<Response, PageError> {
    let (name, email) = (form.get("name").to_owned(), form.get("email").to_owned());
    let role = Role::parse(form.get("role")).unwrap_or(Role::Viewer);
    let draft = UserDraft { email: email.clone(), name: name.clone(), role, password: None };
    let around = match service.create_user(&user.signed_in, draft).await {
        Ok(made) => Around { link: Some(link(&service, &made).await?), ..Around::default() },
        Err(error) => Around { name, email, faults: Faults::of(error)?, ..Around::default() },
    };
    answer(&service, &user, around).await
}

/// Changes what a user may do.
pub(crate) async fn change_role(
    State(service): State<Arc<Service>>,
    user: User,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, PageError> {
    let role = Role::parse(form.get("role")).ok_or(PageError::BadForm)?;
    match service.change_role(&user.signed_in, read(&id)?, role).await {
        Ok(_) => Ok(see_other(&flash::on(&path(&user), "user-changed"))),
        Err(error) => answer(&service, &user, Around { faults: Faults::of(error)?, ..Around::default() }).await,
    }
}

/// Makes a link that signs a user in once: for a new one, or one who has forgotten the password.
pub(crate) async fn make_link(
    State(service): State<Arc<Service>>,
    user: User,
    Path(id): Path<String>,
    _form: Form,
) -> Result<Response, PageError> {
    let id = read(&id)?;
    let users = service.list_users(&user.signed_in).await?;
    let one = users.into_iter().find(|one| one.id == id).ok_or(PageError::NotFound)?;
    let around = Around { link: Some(link(&service, &one).await?), ..Around::default() };
    answer(&service, &user, around).await
}

/// Removes a user.
pub(crate) async fn delete(
    State(service): State<Arc<Service>>,
    user: User,
    Path(id): Path<String>,
    _form: Form,
) -> Result<Response, PageError> {
    match service.delete_user(&user.signed_in, read(&id)?).await {
        Ok(()) => Ok(see_other(&flash::on(&path(&user), "user-removed"))),
        Err(error) => answer(&service, &user, Around { faults: Faults::of(error)?, ..Around::default() }).await,
    }
}

/// What there is on the page beside the users.
#[derive(Default)]
struct Around {
    query: Option<String>,
    name: String,
    email: String,
    faults: Faults,
    link: Option<(String, String)>,
}

async fn answer(service: &Service, user: &User, around: Around) -> Result<Response, PageError> {
    let now = service.clock().now();
    let row = |one: ringback_model::User| UserRow {
        id: one.id.to_string(),
        is_me: one.id == user.signed_in.user.id,
        email: one.email,
        name: one.name,
        role: one.role.text(),
        signed_in: one.signed_in_at.map_or_else(|| "never".to_owned(), |at| text::ago(at, now)),
    };
    let users = service.list_users(&user.signed_in).await?.into_iter().map(row).collect();
    let Around { query, name, email, faults, link } = around;
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let layout = Layout::of_user(service, user, "Users", "/users").await?.after(query.as_deref());
    let roles = Role::ALL.map(Role::text);
    Ok(page_with(status, &UsersPage { layout, users, roles, name, email, faults, link }))
}

/// The page of all users.
fn path(user: &User) -> String {
    format!("/console/users{}", user.place())
}

/// The path of a link, and for whom.
async fn link(service: &Service, user: &ringback_model::User) -> Result<(String, String), PageError> {
    let key = service.sign_in_link(user.id).await?;
    Ok((format!("/console/sign-in/link?key={}", key.reveal()), user.email.clone()))
}

fn read(id: &str) -> Result<UserId, PageError> {
    id.parse().map_err(|_| PageError::NotFound)
}
