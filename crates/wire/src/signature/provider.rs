//! The signatures of an endpoint's dialect, over a request as it goes out.

use std::borrow::Cow;

use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use ringback_model::{Redacted, SendMethod, Timestamp};
use url::{Position, Url};

use super::algorithm::Key;
use super::content::Input;
use super::form;
use super::{Explanation, Scheme};
use crate::dialect::Dialect;
use crate::{Prepared, RecipeError};

/// The keys of one endpoint for what its dialect signs with.
#[derive(Debug)]
pub(crate) struct Provider {
    signatures: Vec<(&'static Scheme, Key)>,
    /// The headers that carry them, in the order in which the schemes have them.
    names: Vec<HeaderName>,
    method: SendMethod,
    /// Scheme, host and port as the `host` header has them.
    origin: String,
}

impl Provider {
    /// The signatures of a dialect; `None` if it has none. `url` is the endpoint's, with a value at each place for one.
    pub(crate) fn new(
        dialect: &'static Dialect,
        method: SendMethod,
        secret: Option<&Redacted>,
        url: &str,
    ) -> Result<Option<Self>, RecipeError> {
        if dialect.signatures.is_empty() {
            return Ok(None);
        }
        let refuse = |message: String| RecipeError::new("providerSecret", message);
        let key = |scheme: &'static Scheme| {
            let given = secret.ok_or_else(|| {
                refuse(format!("The dialect `{}` signs its requests: give {}.", dialect.name, scheme.secret))
            })?;
            let key = Key::parse(given.reveal(), scheme.key, scheme.algorithm);
            key.map(|key| (scheme, key)).map_err(|rule| refuse(format!("It should be {}. {rule}", scheme.secret)))
        };
        let signatures = dialect.signatures.iter().map(key).collect::<Result<Vec<_>, _>>()?;
        let parsed = Url::parse(url).map_err(|_| RecipeError::new("url", "The URL cannot be read."))?;
        if signatures.iter().any(|(scheme, _)| scheme.signs_url()) {
            check_url(dialect, method, url, &parsed)?;
        }
        let appended = signatures.iter().flat_map(|(scheme, _)| scheme.appended(method));
        for name in appended {
            if parsed.query_pairs().any(|(known, _)| known == name) {
                let rule = format!("The dialect `{}` adds a parameter `{name}` to it: rename that one.", dialect.name);
                return Err(RecipeError::new("url", rule));
            }
        }
        // A dialect's file with a name that HTTP does not have is refused when it is read.
        let names = dialect.signatures.iter().flat_map(Scheme::header_names);
        let names = names.filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok()).collect();
        Ok(Some(Self { signatures, names, method, origin: parsed.origin().ascii_serialization() }))
    }

    /// How events are sent.
    pub(crate) fn method(&self) -> SendMethod {
        self.method
    }

    /// Whether the request target depends on the body of what is sent this way.
    pub(crate) fn appends(&self, method: SendMethod) -> bool {
        self.signatures.iter().any(|(scheme, _)| scheme.appended(method).next().is_some())
    }

    /// Writes behind a request target what vouches there for the body.
    pub(crate) fn append(&self, method: SendMethod, body: &[u8], target: &mut String) {
        for (scheme, _) in &self.signatures {
            scheme.append(method, body, target);
        }
    }

    /// The names of the headers that it adds, in place of any that are there already.
    pub(crate) fn header_names(&self) -> impl Iterator<Item = &'static str> {
        self.signatures.iter().flat_map(|(scheme, _)| scheme.header_names())
    }

    /// Adds the headers of the provider to a request that is complete but for them.
    pub(crate) fn sign(&self, request: &mut Prepared, id: &str, wall: Timestamp) {
        let mut made = Vec::with_capacity(self.names.len());
        for (scheme, key) in &self.signatures {
            let input = self.input(request, (scheme, key), id, wall);
            let signature = scheme.sign(key, &input);
            // Each was checked with the dialect: it is made of hashes, ids and numbers.
            made.extend(scheme.headers(&input, &signature).map(|(_, value)| HeaderValue::try_from(value).ok()));
        }
        for (name, value) in self.names.iter().zip(made) {
            if let Some(value) = value {
                request.headers.insert(name.clone(), value);
            }
        }
    }

    /// How the signatures of a request were made.
    pub(crate) fn explain(&self, request: &Prepared, id: &str, wall: Timestamp) -> Vec<Explanation> {
        let explain =
            |(scheme, key): &(&'static Scheme, Key)| scheme.explain(self.input(request, (scheme, key), id, wall));
        self.signatures.iter().map(explain).collect()
    }

    /// What is known of a request when it is signed.
    fn input<'a>(
        &'a self,
        request: &'a Prepared,
        (scheme, key): (&Scheme, &'a Key),
        id: &'a str,
        wall: Timestamp,
    ) -> Input<'a> {
        let content_type = request.headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_form = content_type.starts_with("application/x-www-form-urlencoded");
        let params = if is_form { form::parameters(&request.body) } else { Vec::new() };
        let timestamp = wall.as_seconds();
        Input {
            method: request.method.as_str(),
            url: Cow::Owned(format!("{}{}", self.origin, request.target)),
            content_type,
            params,
            body: &request.body,
            id,
            timestamp,
            nonce: if scheme.has_nonce() { scheme.nonce(key, id, timestamp).into() } else { "".into() },
            secret: key.bytes(),
            signature: "",
        }
    }
}

/// Receivers read a URL before they hash it, and do not agree on one that is not in normal form.
fn check_url(dialect: &Dialect, method: SendMethod, url: &str, parsed: &Url) -> Result<(), RecipeError> {
    let signs = format!("The dialect `{}` signs the URL", dialect.name);
    let normal = &parsed[..Position::AfterQuery];
    if url.split('#').next() != Some(normal) {
        let rule = format!("{signs}, and receivers would read it as `{normal}`: write it that way.");
        return Err(RecipeError::new("url", rule));
    }
    let lone = method == SendMethod::Post && parsed.query() == Some("");
    if lone || parsed.path().ends_with(';') {
        let rule = format!("{signs}, and receivers drop its last `{}`: leave it out.", if lone { '?' } else { ';' });
        return Err(RecipeError::new("url", rule));
    }
    Ok(())
}
