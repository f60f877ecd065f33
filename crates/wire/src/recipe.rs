//! What is the same for every request to one endpoint, worked out once.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method};
use indexmap::IndexMap;
use ringback_model::{
    Auth, BasicAuth, Endpoint, EndpointSecrets, OrganizationSettings, ReportMapping, SendMethod, StatusPolicy,
    Timestamp,
};

use crate::dialect::Dialect;
use crate::plan::{Plan, Review};
use crate::report::{Report, type_of_event};
use crate::retired::Retired;
use crate::signature::Provider;
use crate::transform::Transformation;
use crate::{RenderError, Signer, StatusPattern, Success};

/// Headers and keys of one endpoint, ready to use.
pub struct Recipe {
    target: Target,
    headers: HeaderMap,
    signer: Option<Signer>,
    provider: Option<Box<Provider>>,
    retired: Option<Box<Retired>>,
    success: Success,
    plan: Option<Box<Plan>>,
    dialect: &'static Dialect,
    /// Which states make a delivery, where the endpoint says.
    status_policy: Option<StatusPolicy>,
    /// How a producer's own JSON becomes a report, by event type.
    mappings: Arc<IndexMap<String, ReportMapping>>,
    transformation: Option<Box<Transforming>>,
    gathers: bool,
    /// There is a secret to sign with, and the dialect signs with none.
    takes_no_secret: bool,
}

/// Code that each webhook goes through, and what it is told of the endpoint.
struct Transforming {
    code: Transformation,
    url: String,
}

/// Path and query of the endpoint's URL.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// Ready to be requested.
    Ready(PathAndQuery),
    /// With places for values: the plan writes it.
    Open,
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
        settings: &OrganizationSettings,
    ) -> Result<Self, RecipeError> {
        let text = path_and_query(&endpoint.url)?;
        let plan = Plan::new(endpoint, secrets, settings, text)?;
        crate::batch::check(endpoint, secrets, plan.as_ref())?;
        let shape = endpoint.shape.as_deref();
        let dialect = dialect_of(endpoint)?;
        // As small as it can be: there is one of these for each endpoint with work.
        let mut headers = HeaderMap::new();
        let kind = match &plan {
            Some(plan) => plan.content_type(),
            None => Some(HeaderValue::from_static("application/json")),
        };
        headers.extend(kind.map(|kind| (CONTENT_TYPE, kind)));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(USER_AGENT, HeaderValue::from_static(crate::USER_AGENT));
        let agent = plan.as_ref().and_then(|plan| plan.dialect().user_agent.as_deref());
        if let Some(Ok(agent)) = agent.map(HeaderValue::from_str) {
            headers.insert(USER_AGENT, agent);
        }
        let shown = secrets.auth.as_ref().map(auth_header).transpose()?.flatten();
        let retired = match &secrets.retired_auth {
            Some(old) => auth_header(&old.auth)?.map(|(name, value)| {
                let in_place_of = shown.as_ref().map(|(name, _)| name.clone());
                Box::new(Retired { in_place_of, name, value, expires_at: old.expires_at })
            }),
            None => None,
        };
        headers.extend(shown);
        let sends_headers = shape.is_none_or(|shape| shape.custom_headers_enabled);
        let own = endpoint.headers.iter().zip(&secrets.header_values).filter(|_| sends_headers);
        for (field, value) in own {
            let refuse = || RecipeError::new("headers", format!("The header `{}` cannot be sent.", field.name));
            let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| refuse())?;
            let mut value = HeaderValue::from_str(value.reveal()).map_err(|_| refuse())?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let target = match &plan {
            Some(plan) if plan.writes_target() => Target::Open,
            Some(_) | None => Target::Ready(request_target(text)?),
        };
        let signs = shape.is_none_or(|shape| shape.standard_signature);
        let signer = signs.then(|| Signer::new(&secrets.keys));
        let provider = provider(dialect, endpoint, secrets, plan.as_ref(), text)?.map(Box::new);
        let mappings = settings.report_mappings.clone();
        let by_dialect = plan.iter().flat_map(|plan| &plan.dialect().success);
        let by_dialect: Vec<_> = by_dialect.filter_map(|text| StatusPattern::parse(text)).collect();
        let success = Success::new(endpoint.success.as_deref(), &by_dialect)?;
        let (plan, status_policy) = (plan.map(Box::new), endpoint.status_policy);
        let transformation = transforming(endpoint, secrets);
        Ok(Self {
            target,
            headers,
            signer,
            provider,
            retired,
            success,
            plan,
            dialect,
            status_policy,
            mappings,
            transformation,
            gathers: endpoint.batch.is_some(),
            takes_no_secret: secrets.provider_secret.is_some() && !dialect.takes_secret(),
        })
    }

    /// What requests say, where it is not the event's own JSON.
    pub(crate) fn plan(&self) -> Option<&Plan> {
        self.plan.as_deref()
    }

    /// The method that the dialect asks with.
    pub(crate) fn method(&self) -> &'static Method {
        match &self.plan {
            Some(plan) if plan.method == SendMethod::Get => &Method::GET,
            Some(_) | None => &Method::POST,
        }
    }

    /// Whether several messages go in one request: then each request has an array of them.
    #[must_use]
    pub fn gathers(&self) -> bool {
        self.gathers
    }

    /// Whether each webhook goes through code of the endpoint's owner, which may take a while.
    #[must_use]
    pub fn transforms(&self) -> bool {
        self.transformation.is_some()
    }

    /// The code that each webhook goes through.
    pub(crate) fn transformation(&self) -> Option<&Transformation> {
        self.transformation.as_ref().map(|transforming| &transforming.code)
    }

    /// The URL as that code sees it.
    pub(crate) fn url(&self) -> &str {
        self.transformation.as_ref().map_or("", |transforming| &transforming.url)
    }

    /// Whether it matters which state a report is about.
    pub(crate) fn asks_state(&self) -> bool {
        self.dialect.asks_state(self.status_policy)
    }

    /// Refuses a report whose state matters and cannot be told.
    ///
    /// # Errors
    /// Those of [`Dialect::check_state`].
    pub(crate) fn check_state(&self, event_type: &str, report: &Report<'_>) -> Result<(), RenderError> {
        self.dialect.check_state(self.status_policy, event_type, report)
    }

    /// Whether a message of this type has to be a report.
    pub(crate) fn needs_report(&self, event_type: &str) -> bool {
        self.plan().is_some_and(Plan::needs_report) || (self.asks_state() && type_of_event(event_type) == Some("dlr"))
    }

    /// What the dialect signs with.
    pub(crate) fn provider(&self) -> Option<&Provider> {
        self.provider.as_deref()
    }

    /// How the producer's own JSON of this event type becomes a report.
    pub(crate) fn mapping(&self, event_type: &str) -> Option<&ReportMapping> {
        self.mappings.get(event_type)
    }

    /// What of the endpoint that it was made from would do nothing, or something else than its owner means.
    #[must_use]
    pub fn review(&self, endpoint: &Endpoint, settings: &OrganizationSettings) -> Review {
        let mut review = Review::of(endpoint, settings, self.dialect, self.plan());
        if self.takes_no_secret {
            let dialect = &self.dialect.name;
            review
                .warnings
                .push(format!("`providerSecret` changes nothing, for the dialect `{dialect}` signs with none"));
        }
        let has_place = |name: &&str| {
            let value = self.headers.get(*name).map(HeaderValue::as_bytes);
            value.is_some_and(|value| value.windows(2).any(|pair| pair == b"{{"))
        };
        let names = endpoint.headers.iter().map(|header| header.name.as_str()).filter(has_place);
        review.warnings.extend(names.map(|name| {
            format!("the header `{name}` is sent as it stands, braces and all: only URLs, parameters and templates have places for values")
        }));
        review
    }

    /// The headers that the dialect signs with: nobody else may set them.
    pub fn signature_headers(&self) -> impl Iterator<Item = &'static str> {
        self.provider.iter().flat_map(|provider| provider.header_names())
    }

    /// What counts as success: the endpoint's own rule, or that of its dialect.
    #[must_use]
    pub fn success(&self) -> &Success {
        &self.success
    }

    /// Whether there is a secret from before a rotation.
    #[must_use]
    pub fn has_retired_auth(&self) -> bool {
        self.retired.is_some()
    }

    /// Puts the secret from before a rotation in place of the present one; `false` if there is none or its grace has
    /// ended at `wall`.
    pub fn show_retired_auth(&self, headers: &mut HeaderMap, wall: Timestamp) -> bool {
        self.retired.as_ref().is_some_and(|retired| retired.show(headers, wall))
    }

    /// The request target of the URL.
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// The request target of a request that is about no event, as a handshake asks for it: `verification` stands in the
    /// places for values of the path, which leads nowhere without them, and nothing in those of the query.
    ///
    /// # Errors
    /// When that cannot be requested.
    pub fn blank_target(&self) -> Result<PathAndQuery, RecipeError> {
        match (&self.target, &self.plan) {
            (Target::Ready(target), _) => Ok(target.clone()),
            (Target::Open, Some(plan)) => request_target(&plan.target_without_event("verification", "")),
            (Target::Open, None) => request_target("/"),
        }
    }

    /// The headers that every request has.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The keys that requests are signed with; `None` if the endpoint wants no standard signature.
    #[must_use]
    pub fn signer(&self) -> Option<&Signer> {
        self.signer.as_ref()
    }
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipe").field("headers", &self.headers.len()).finish_non_exhaustive()
    }
}

/// The code that is run, if there is any.
fn transforming(endpoint: &Endpoint, secrets: &EndpointSecrets) -> Option<Box<Transforming>> {
    let kept = secrets.transformation.as_deref()?;
    let code = Transformation::new(kept.running()?, &kept.variables);
    Some(Box::new(Transforming { code, url: endpoint.url.clone() }))
}

/// Path and query of a URL that was normalised before, byte for byte.
fn path_and_query(url: &str) -> Result<&str, RecipeError> {
    let refuse = || RecipeError::new("url", "The URL names no scheme and host.");
    let behind = url.find("://").map(|at| at + 3).ok_or_else(refuse)?;
    Ok(url[behind..].find(['/', '?']).map_or("/", |at| &url[behind + at..]))
}

/// The request target of a text, which begins with a slash or is a query alone.
pub(crate) fn request_target(text: &str) -> Result<PathAndQuery, RecipeError> {
    let refuse = |_| RecipeError::new("url", "The URL has no path and query that can be requested.");
    let text = text.split('#').next().unwrap_or_default();
    if text.starts_with('/') { PathAndQuery::try_from(text) } else { PathAndQuery::try_from(format!("/{text}")) }
        .map_err(refuse)
}

fn dialect_of(endpoint: &Endpoint) -> Result<&'static Dialect, RecipeError> {
    let named = endpoint.shape.as_deref().and_then(|shape| shape.dialect.as_deref());
    crate::dialect::find_or_default(named).map_err(|message| RecipeError::new("dialect", message))
}

/// What the endpoint's dialect signs with; `target` is path and query of its URL.
fn provider(
    dialect: &'static Dialect,
    endpoint: &Endpoint,
    secrets: &EndpointSecrets,
    plan: Option<&Plan>,
    target: &str,
) -> Result<Option<Provider>, RecipeError> {
    let method = plan.map_or(SendMethod::Json, Plan::written_as);
    let origin = endpoint.url.strip_suffix(target).unwrap_or(&endpoint.url);
    let places = plan.filter(|plan| plan.writes_target());
    let sample = places.map_or_else(|| target.to_owned(), |plan| plan.target_without_event("1", "1"));
    Provider::new(dialect, method, secrets.provider_secret.as_ref(), &format!("{origin}{sample}"))
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
