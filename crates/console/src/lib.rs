//! The web console of the operator, and the portal of its customers: HTML from the server, plain CSS, a little
//! JavaScript, all of it in the binary.
//!
//! The crate speaks to [`ringback_service`] alone; what a page shows is what the API would answer. Read `page/users.rs`
//! first: it is the shortest whole page.
//!
//! # How a page is added
//!
//! 1. A file in `src/page/`, named by its resource: handlers, and the structs of its templates. A handler takes a
//!    `visit::Visit` (somebody signed in, an organization) or a `visit::AppVisit` (and an application, in the console
//!    and in the portal alike); one that changes something takes a `form::Form` too, which is refused without the
//!    token that every form carries. It answers with `answer::page` or `answer::see_other`. Errors are
//!    `error::PageError`, which `?` makes of a `ringback_service::ServiceError`; a form that has to be shown again
//!    catches [`ringback_service::ServiceError::Invalid`] and puts its faults beside the fields (`form::Faults`).
//! 2. Its template in `templates/`, which extends `base.html` and holds `layout: Layout`. No inline script or style: the
//!    policy of the pages refuses them. Words of the interface are those of `docs/architecture.md`.
//! 3. Its route in `routes.rs`: pages of an application stand in `app_pages` and are served for both faces.
//! 4. Its line in the navigation, `layout.rs`.
//! 5. A test in `tests/it/`, and a walk through it in `tests/console/` of the repository.
//!
//! Scripts are modules in `assets/`, named in `asset.rs`; a page works without them where a form can. What a script asks
//! for is HTML too (`assets/fetch.js`): the server renders, nothing else does.

mod accent;
mod answer;
mod asset;
mod chart;
mod confirm;
mod error;
mod flash;
mod form;
mod guard;
mod layout;
mod meanwhile;
mod page;
mod portal;
mod routes;
mod text;
mod visit;

pub use routes::routes;
