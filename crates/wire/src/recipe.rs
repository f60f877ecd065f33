//! What is the same for every request to one endpoint, worked out once.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue};
use ringback_model::{Auth, BasicAuth, Endpoint, EndpointSecrets, OrganizationSettings};
use url::Url;

use crate::Signer;

/// Headers and keys of one endpoint, ready to use.
pub struct Recipe {
    target: PathAndQuery,
    headers: HeaderMap,
    signer: Signer,
}

/// Why no request can be made from what an endpoint says: what registration answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {message}")]
pub struct RecipeError {
    /// The member of the endpoint at fault, as the API names it, with the position in a list behind a dot.
    pub field: String,
    /// What is wrong and what would do: a whole sentence.
    pub message: String,
}

impl RecipeError {
    /// A fault of this member.
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl Recipe {
    /// Works out the recipe of an endpoint.
    ///
    /// # Errors
    /// What of it cannot be made a request from.
    pub fn new(
        endpoint: &Endpoint,
        secrets: &EndpointSecrets,
        _defaults: &OrganizationSettings,
    ) -> Result<Self, RecipeError> {
        // As small as it can be: there is one of these for each endpoint with work.
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(USER_AGENT, HeaderValue::from_static(crate::USER_AGENT));
        if let Some(auth) = &secrets.auth
            && let Some((name, value)) = auth_header(auth)?
        {
            headers.insert(name, value);
        }
        for (field, value) in endpoint.headers.iter().zip(&secrets.header_values) {
            let refuse = || RecipeError::new("headers", format!("The header `{}` cannot be sent.", field.name));
            let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| refuse())?;
            let mut value = HeaderValue::from_str(value.reveal()).map_err(|_| refuse())?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(Self { target: target(&endpoint.url)?, headers, signer: Signer::new(&secrets.keys) })
    }

    /// The request target of the URL.
    #[must_use]
    pub fn target(&self) -> &PathAndQuery {
        &self.target
    }

    /// The headers that every request has.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The keys that requests are signed with.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipe").field("headers", &self.headers.len()).finish_non_exhaustive()
    }
}

/// Path and query of a URL that was normalised before.
fn target(url: &str) -> Result<PathAndQuery, RecipeError> {
    let refuse = || RecipeError::new("url", "The URL has no path and query that can be requested.");
    let url = Url::parse(url).map_err(|_| refuse())?;
    let text = &url[url::Position::BeforePath..url::Position::AfterQuery];
    PathAndQuery::try_from(text).map_err(|_| refuse())
}

/// The header that shows a receiver that a request may come in; `None` where it is not a header that is always the same.
fn auth_header(auth: &Auth) -> Result<Option<(HeaderName, HeaderValue)>, RecipeError> {
    let refuse = |_| RecipeError::new("auth", "It holds characters that no header can carry.");
    let (name, text) = match auth {
        Auth::Bearer { token } => (AUTHORIZATION, format!("Bearer {}", token.reveal())),
        Auth::Basic(BasicAuth { username, password }) => {
            (AUTHORIZATION, format!("Basic {}", BASE64.encode(format!("{username}:{}", password.reveal()))))
        }
        Auth::ApiKey { header, value } => {
            let name = HeaderName::from_bytes(header.as_bytes())
                .map_err(|_| RecipeError::new("auth", format!("`{header}` is no name of a header.")))?;
            (name, value.reveal().to_owned())
        }
        Auth::Oauth2 { .. } | Auth::Mtls { .. } => return Ok(None),
    };
    let mut value = HeaderValue::try_from(text).map_err(refuse)?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}
