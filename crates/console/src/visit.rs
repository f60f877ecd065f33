//! Who asks for a page, and which organization and application it is about.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use http::header::{AUTHORIZATION, COOKIE, HOST, SET_COOKIE, USER_AGENT};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, Method, Uri};
use ringback_model::{DEFAULT_ORGANIZATION, OrgId, Redacted, Role};
use ringback_service::{Actor, ApplicationView, Right, Service, SignedIn, Visitor};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::error::PageError;
use crate::portal;

/// What every page of the portal begins with.
pub(crate) const PORTAL: &str = "/portal";
/// Idle sessions end after 12 hours on the server; the browser forgets the cookie with its window.
const COOKIE_NAME: &str = "__Host-ringback";

/// What a request says of itself, whoever has sent it.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    /// The value of our cookie.
    pub(crate) cookie: Option<Redacted>,
    /// A bearer token in the header.
    bearer: Option<Redacted>,
    /// It is for the portal.
    pub(crate) is_portal: bool,
    /// The name of our cookie here, and whether it is kept to TLS.
    cookie_name: String,
    is_loopback: bool,
    /// From where it came.
    pub(crate) visitor: Visitor,
}

impl Asking {
    pub(crate) fn of(uri: &Uri, headers: &HeaderMap, extensions: &Extensions) -> Self {
        let text = |name: &http::HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        let host = text(&HOST);
        let is_loopback = is_loopback(host);
        // Over plain HTTP no cookie can be kept to TLS; on loopback nobody listens. Servers on other ports share the
        // cookies of a host, so the port is part of the name.
        let cookie_name = if is_loopback {
            format!("ringback-{}", host.rsplit_once(':').map_or("80", |(_, port)| port))
        } else {
            COOKIE_NAME.to_owned()
        };
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let cookie = pairs.find(|(name, _)| *name == cookie_name).map(|(_, value)| Redacted::new(value.to_owned()));
        let bearer = text(&AUTHORIZATION).strip_prefix("Bearer ").map(|token| Redacted::new(token.to_owned()));
        let address = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_string());
        Self {
            cookie,
            bearer,
            is_portal: portal::is_portal(uri.path()),
            cookie_name,
            is_loopback,
            visitor: Visitor { address: address.unwrap_or_default(), agent: text(&USER_AGENT).to_owned() },
        }
    }

    /// The token that forms carry: it belongs to the cookie, so that no other site can know it.
    pub(crate) fn csrf(&self) -> String {
        self.cookie.as_ref().map(|cookie| csrf_of(cookie.reveal())).unwrap_or_default()
    }

    pub(crate) fn csrf_is(&self, shown: &str) -> bool {
        let expected = self.csrf();
        !expected.is_empty() && bool::from(expected.as_bytes().ct_eq(shown.as_bytes()))
    }

    /// Whether a browser would keep our cookie: over plain HTTP only on loopback.
    pub(crate) fn keeps_cookies(&self, headers: &HeaderMap) -> bool {
        let origin = headers.get(http::header::ORIGIN).and_then(|origin| origin.to_str().ok());
        self.is_loopback || !origin.is_some_and(|origin| origin.starts_with("http://"))
    }

    /// Puts our cookie into an answer; an empty value takes it away.
    pub(crate) fn set_cookie(&self, headers: &mut HeaderMap, value: &str) {
        let secure = if self.is_loopback { "" } else { "; Secure" };
        let age = if value.is_empty() { "; Max-Age=0" } else { "" };
        let cookie = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}", self.cookie_name);
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(SET_COOKIE, cookie);
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asking {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, PageError> {
        Ok(Self::of(&parts.uri, &parts.headers, &parts.extensions))
    }
}

/// The token of forms under a cookie.
pub(crate) fn csrf_of(cookie: &str) -> String {
    Sha256::digest(format!("form {cookie}")).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.ends_with(".localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Somebody who may see a page of the console.
#[derive(Clone, Debug)]
pub(crate) struct User {
    /// Who.
    pub(crate) signed_in: SignedIn,
    /// The token of forms.
    pub(crate) csrf: String,
    /// The organization whose pages the user comes from and goes back to: the one that `org` names in the query.
    pub(crate) org: OrgId,
}

impl User {
    /// The same as a visitor of the organization.
    pub(crate) fn visit(&self) -> Visit {
        let (face, actor) = (Face::Console(self.signed_in.clone()), self.signed_in.actor(self.org));
        Visit { face, actor, csrf: self.csrf.clone(), org: self.org, base: format!("/console/{}", self.org) }
    }

    /// What the paths of pages about users end with, so that the organization is not lost; empty for the one that is meant
    /// when none is named.
    pub(crate) fn place(&self) -> String {
        place(self.org)
    }
}

/// What the paths of pages about users end with, for whoever comes from an organization.
pub(crate) fn place(org: OrgId) -> String {
    if org.to_string() == DEFAULT_ORGANIZATION { String::new() } else { format!("?org={org}") }
}

/// The organization that a query names, or the one that is meant when none is named.
fn org_of(query: Option<&str>) -> Option<OrgId> {
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let named = pairs.find(|(name, _)| name == "org").and_then(|(_, org)| org.parse().ok());
    named.or_else(|| DEFAULT_ORGANIZATION.parse().ok())
}

impl FromRequestParts<Arc<Service>> for User {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, PageError> {
        let asking = Asking::of(&parts.uri, &parts.headers, &parts.extensions);
        if let Some(cookie) = &asking.cookie
            && let Some(signed_in) = service.signed_in(cookie).await?
        {
            let org = org_of(parts.uri.query()).ok_or(PageError::NotFound)?;
            return Ok(Self { signed_in, csrf: asking.csrf(), org });
        }
        let back = (parts.method == Method::GET).then(|| parts.uri.path().to_owned());
        Err(PageError::SignIn(back.filter(|path| path != "/console")))
    }
}

/// Which face of the pages.
#[derive(Clone, Debug)]
pub(crate) enum Face {
    /// The operator's console.
    Console(SignedIn),
    /// The customer's portal.
    Portal,
}

/// Somebody who may see a page about an organization.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    /// The face.
    pub(crate) face: Face,
    /// Who asks, with the rights.
    pub(crate) actor: Actor,
    /// The token of forms; empty in the portal, which needs none.
    pub(crate) csrf: String,
    /// The organization.
    pub(crate) org: OrgId,
    /// What the paths of its pages begin with.
    pub(crate) base: String,
}

impl Visit {
    /// Whether the visitor may do this.
    pub(crate) fn may(&self, right: Right) -> bool {
        self.actor.may(right)
    }

    /// Whether the visitor manages users.
    pub(crate) fn is_admin(&self) -> bool {
        matches!(&self.face, Face::Console(signed_in) if signed_in.user.role == Role::Admin)
    }

    /// Whether it is the portal.
    pub(crate) fn is_portal(&self) -> bool {
        matches!(self.face, Face::Portal)
    }
}

impl FromRequestParts<Arc<Service>> for Visit {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, PageError> {
        let asking = Asking::of(&parts.uri, &parts.headers, &parts.extensions);
        let org: Option<OrgId> = parts.uri.path().split('/').nth(2).and_then(|org| org.parse().ok());
        if asking.is_portal {
            let token = asking.bearer.ok_or(PageError::Link)?;
            let actor = service.authenticate(token.reveal()).await.map_err(|_| PageError::Link)?;
            // A token of the whole organization is for programs: it has no business in a browser.
            if actor.app.is_none() {
                return Err(PageError::Link);
            }
            let org = org.filter(|org| *org == actor.org).ok_or(PageError::NotFound)?;
            let base = format!("{PORTAL}/{org}");
            return Ok(Self { face: Face::Portal, actor: (*actor).clone(), csrf: String::new(), org, base });
        }
        let User { signed_in, csrf, .. } = User::from_request_parts(parts, service).await?;
        let org = org.ok_or(PageError::NotFound)?;
        let (actor, base) = (signed_in.actor(org), format!("/console/{org}"));
        Ok(Self { face: Face::Console(signed_in), actor, csrf, org, base })
    }
}

/// Somebody who may see a page about an application.
#[derive(Clone, Debug)]
pub(crate) struct AppVisit {
    /// Who asks.
    pub(crate) visit: Visit,
    /// The application.
    pub(crate) app: ApplicationView,
    /// What use cases call it.
    pub(crate) name: String,
    /// What the paths of its pages begin with.
    pub(crate) base: String,
}

impl AppVisit {
    /// Whether the visitor may do this.
    pub(crate) fn may(&self, right: Right) -> bool {
        self.visit.may(right)
    }
}

impl FromRequestParts<Arc<Service>> for AppVisit {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, PageError> {
        let visit = Visit::from_request_parts(parts, service).await?;
        let name = parts.uri.path().split('/').nth(3).unwrap_or_default();
        let app = service.get_application(&visit.actor, name).await?;
        let name = app.application.id.to_string();
        let base = format!("{}/{name}", visit.base);
        Ok(Self { visit, app, name, base })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_cookies_are_for_loopback_alone() {
        for host in ["localhost", "localhost:8071", "127.0.0.1:1", "[::1]:8071", "a.localhost:1", "127.9.9.9"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "example.com", "10.0.0.1:80", "localhost.evil.example", "127.0.0.1.evil.example:80", "[::2]:1"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
