//! The customer's portal: the same pages for one application, without an account.
//!
//! A link carries its token in the fragment. What a browser asks for when it follows a link is the empty page here,
//! the same for everybody; its script (`assets/portal.js`) keeps the token and asks for the page itself, with the token
//! in a header. There is no cookie, so that no other site can make a browser send it along.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method};
use ringback_model::{Branding, OrgId};
use ringback_service::Service;
use url::Url;

use crate::answer::page;
use crate::asset;
use crate::guard::POLICY;
use crate::visit::PORTAL;

#[derive(Template)]
#[template(path = "portal.html")]
struct Shell {
    style: String,
    form: String,
    script: String,
    icon: String,
}

/// Whether this is a page of the portal.
pub(crate) fn is_portal(path: &str) -> bool {
    path.strip_prefix(PORTAL).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers what a browser asks for by itself; what comes with a token goes on to its page.
pub(crate) async fn shell(request: Request, next: Next) -> Response {
    let is_look = matches!(*request.method(), Method::GET | Method::HEAD);
    if is_look && !request.headers().contains_key(AUTHORIZATION) {
        return page(&Shell {
            style: asset::path("style.css"),
            form: asset::path("form.css"),
            script: asset::path("portal.js"),
            icon: asset::path("icon.svg"),
        });
    }
    next.run(request).await
}

/// Whose pages these may stand in, and where their logo may come from.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    ancestors: Vec<String>,
    logo: Option<String>,
}

impl Frame {
    /// Of the pages at this path. What cannot be found out is allowed to nobody.
    pub(crate) async fn of(service: &State<Arc<Service>>, path: &str) -> Self {
        let org: Option<OrgId> = path.split('/').nth(2).and_then(|org| org.parse().ok());
        match org {
            Some(org) => service.branding(org).await.map(|(branding, _)| Self::new(branding)).unwrap_or_default(),
            None => Self::default(),
        }
    }

    fn new(branding: Branding) -> Self {
        let logo = branding.logo_url.and_then(|logo| Url::parse(&logo).ok());
        Self { ancestors: branding.frame_ancestors, logo: logo.map(|logo| logo.origin().ascii_serialization()) }
    }

    /// The policy of a page, if it differs from that of all others.
    pub(crate) fn policy(&self) -> String {
        let mut policy = POLICY.to_owned();
        if !self.ancestors.is_empty() {
            policy = policy.replace("frame-ancestors 'none'", &format!("frame-ancestors {}", self.ancestors.join(" ")));
        }
        if let Some(logo) = &self.logo {
            policy = policy.replace("img-src 'self'", &format!("img-src 'self' {logo}"));
        }
        policy
    }

    /// Whether nobody may show the page in a frame.
    pub(crate) fn is_closed(&self) -> bool {
        self.ancestors.is_empty()
    }
}

/// What the answers of one path differ by.
pub(crate) fn vary(headers: &mut HeaderMap) {
    headers.insert(http::header::VARY, http::HeaderValue::from_static("authorization"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_framed_by_the_origins_named_and_loads_the_logo_from_its_own() {
        let policy = |branding| Frame::new(branding).policy();
        assert_eq!(policy(Branding::default()), POLICY);
        let named = policy(Branding {
            frame_ancestors: vec!["https://a.example".to_owned(), "https://b.example:8443".to_owned()],
            logo_url: Some("https://cdn.example/logo;img-src%20*,.svg".to_owned()),
            ..Branding::default()
        });
        assert!(named.contains("frame-ancestors https://a.example https://b.example:8443;"), "{named}");
        assert!(named.contains("img-src 'self' https://cdn.example;"), "{named}");
        assert!(!named.contains('*'), "{named}");
    }

    #[test]
    fn the_portal_is_below_its_path_and_not_beside_it() {
        assert!(["/portal", "/portal/org_1/app_1"].iter().all(|path| is_portal(path)));
        assert!(["/portals", "/portal-x/y", "/console"].iter().all(|path| !is_portal(path)));
    }
}
