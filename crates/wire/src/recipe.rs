//! What is the same for every request to one endpoint, worked out once.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use ringback_model::{BasicAuth, Endpoint, EndpointSecrets};

use crate::Signer;

/// Headers and keys of one endpoint, ready to use.
pub struct Recipe {
    headers: HeaderMap,
    signer: Signer,
}

/// A header of an endpoint's document cannot be sent. Registration refuses such headers, so this is a stored fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header `{name}` has a name or a value that cannot be sent")]
pub struct RecipeError {
    /// The header's name.
    pub name: String,
}

impl Recipe {
    /// Works out the recipe of an endpoint.
    ///
    /// # Errors
    /// When one of its headers cannot be sent.
    pub fn new(endpoint: &Endpoint, secrets: &EndpointSecrets) -> Result<Self, RecipeError> {
        // As small as it can be: there is one of these for each endpoint with work.
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(USER_AGENT, HeaderValue::from_static(crate::USER_AGENT));
        if let Some(basic) = &secrets.basic {
            headers.insert(AUTHORIZATION, basic_value(basic)?);
        }
        for (field, value) in endpoint.headers.iter().zip(&secrets.header_values) {
            let refuse = || RecipeError { name: field.name.clone() };
            let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| refuse())?;
            let mut value = HeaderValue::from_str(value.reveal()).map_err(|_| refuse())?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(Self { headers, signer: Signer::new(&secrets.keys) })
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

fn basic_value(basic: &BasicAuth) -> Result<HeaderValue, RecipeError> {
    let pair = BASE64.encode(format!("{}:{}", basic.username, basic.password.reveal()));
    let mut value =
        HeaderValue::try_from(format!("Basic {pair}")).map_err(|_| RecipeError { name: "authorization".to_owned() })?;
    value.set_sensitive(true);
    Ok(value)
}
