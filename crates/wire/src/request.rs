//! A request that is ready to go: where to, what it says, and the headers that prove it.

use bytes::Bytes;
use http::header::HeaderName;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method};
use ringback_model::{LeftOut, Message, Timestamp};

use crate::recipe::{Target, request_target};
use crate::{Explanation, Recipe, RenderError};

/// The longest path and query that is sent, in bytes.
pub(crate) const TARGET_MAX: usize = 8_192;

/// The two families of names that signature headers have: Standard Webhooks, and the one that the SDKs of the reference
/// server know too. The values are the same.
pub(crate) const ID: [HeaderName; 2] = [HeaderName::from_static("webhook-id"), HeaderName::from_static("svix-id")];
pub(crate) const TIMESTAMP: [HeaderName; 2] =
    [HeaderName::from_static("webhook-timestamp"), HeaderName::from_static("svix-timestamp")];
pub(crate) const SIGNATURE: [HeaderName; 2] =
    [HeaderName::from_static("webhook-signature"), HeaderName::from_static("svix-signature")];

/// A request that is ready to go; `host` and `content-length` are the transport's.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The method.
    pub method: Method,
    /// The request target: path and query.
    pub target: PathAndQuery,
    /// All headers of ours.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// What it goes without, though the dialect has it.
    pub left_out: Option<LeftOut>,
}

/// How each signature was made of a request that [`crate::prepare`] has made of this message at that time.
#[must_use]
pub fn explain(recipe: &Recipe, request: &Prepared, message: &Message, wall: Timestamp) -> Vec<Explanation> {
    let id = message.id.to_string();
    let mut found = recipe.provider().map(|provider| provider.explain(request, &id, wall)).unwrap_or_default();
    let timestamp = wall.as_seconds().to_string();
    found.extend(recipe.signer().and_then(|signer| signer.explain(&id, &timestamp, signed_content(request), wall)));
    found
}

/// The request target: the endpoint's own (`base` where it depends on the event), its own query first, with what a GET
/// says behind it, and what vouches for the body last.
pub(crate) fn target(
    recipe: &Recipe,
    base: Option<&str>,
    query: &str,
    body: &[u8],
) -> Result<PathAndQuery, RenderError> {
    let provider = recipe.provider().filter(|provider| provider.appends(provider.method()));
    let base = match (recipe.target(), base) {
        (Target::Ready(target), _) if query.is_empty() && provider.is_none() => return Ok(target.clone()),
        (Target::Ready(target), _) => target.as_str(),
        (Target::Open, Some(target)) => target,
        (Target::Open, None) => return Err(RenderError::Target),
    };
    let mut text = String::with_capacity(base.len() + query.len() + 1);
    text.push_str(base);
    if !query.is_empty() {
        match base.split_once('?') {
            None => text.push('?'),
            Some((_, own)) if own.is_empty() || own.ends_with('&') => {}
            Some(_) => text.push('&'),
        }
        text.push_str(query);
    }
    if let Some(provider) = provider {
        provider.append(provider.method(), body, &mut text);
    }
    if text.len() > TARGET_MAX {
        return Err(RenderError::TargetTooLong { length: text.len() });
    }
    request_target(&text).map_err(|_| RenderError::Target)
}

/// Adds the headers of Standard Webhooks over the content.
pub(crate) fn sign(recipe: &Recipe, request: &mut Prepared, id: String, wall: Timestamp) {
    let Some(signer) = recipe.signer() else { return };
    let timestamp = wall.as_seconds().to_string();
    let signature = signer.sign(&id, &timestamp, signed_content(request), wall);
    let headers = &mut request.headers;
    for (names, text) in [(ID, id), (TIMESTAMP, timestamp), (SIGNATURE, signature)] {
        let Ok(value) = HeaderValue::try_from(text) else { continue };
        let [webhook, svix] = names;
        if !value.is_empty() {
            headers.insert(webhook, value.clone());
            headers.insert(svix, value);
        }
    }
}

/// What Standard Webhooks sign of a request. A GET has no body: what it says stands in its query.
fn signed_content(request: &Prepared) -> &[u8] {
    if request.method == Method::GET { request.target.query().unwrap_or_default().as_bytes() } else { &request.body }
}
