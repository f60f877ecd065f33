//! Tokens of another issuer: a platform's own authorization server speaks for its customers in JQL.
//!
//! There are two ways to know what a token says. Either it is a JWT, whose signature is verified with the keys that the
//! issuer publishes (`keys.rs`), or the issuer is asked about it (`introspection.rs`, RFC 7662). What it has to say is
//! the same in both (`claims.rs`): it is for us, now, with our scope, and names one application.
//!
//! An issuer belongs to one organization, which names it in its settings (`organization.rs`); or the operator names one
//! for an organization that has none of its own.

mod claims;
mod draft;
mod introspection;
mod keys;
mod organization;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ringback_engine::egress::{Host, Scheme, TargetUrl};
use ringback_engine::{Inquiry, InquiryError, Probe};
use ringback_model::{Clock, OrgId, Redacted};

use crate::ServiceError;
use crate::token::LENGTH_MAX;
use claims::{Claims, Expected};
pub(crate) use draft::OrganizationSecrets;
pub use draft::{JqlIntrospectionDraft, JqlIssuerDraft};
use introspection::Introspection;
pub use keys::{AlgorithmError, SignatureAlgorithm};
use keys::{KeyCache, KeySource};
pub(crate) use organization::{OrganizationIssuers, source};

/// How long an issuer may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// An issuer as the operator names it.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// The organization that its tokens are for.
    pub org: OrgId,
    /// The claim that holds the id or uid of the application.
    pub app_claim: String,
    /// The scope that a token has to have.
    pub scope: String,
    /// What `iss` has to be.
    pub issuer: Option<String>,
    /// What `aud` has to be or to contain.
    pub audience: Option<String>,
    /// How its tokens are verified.
    pub source: IssuerSource,
}

/// How tokens of an issuer are verified.
#[derive(Clone, Debug)]
pub enum IssuerSource {
    /// By the keys that it publishes (RFC 7517).
    Keys {
        /// Where they are.
        url: TargetUrl,
        /// The signatures that are accepted.
        algorithms: Vec<SignatureAlgorithm>,
    },
    /// By the keys that it publishes where it says.
    Discovery {
        /// Its name, which is a URL.
        issuer: String,
        /// The signatures that are accepted.
        algorithms: Vec<SignatureAlgorithm>,
    },
    /// By asking it (RFC 7662).
    Introspection {
        /// Whom to ask.
        url: TargetUrl,
        /// Who asks.
        client_id: String,
        /// What it shows.
        client_secret: Redacted,
    },
}

/// A URL that an issuer is asked at. It gets tokens and gives keys, so it is `https` wherever a network lies between.
///
/// # Errors
/// What is wrong with it.
pub fn issuer_url(text: &str) -> Result<TargetUrl, String> {
    let url = TargetUrl::parse(text).map_err(|error| error.to_string())?;
    if url.credentials().is_some() {
        return Err("it has no user and no password in it".to_owned());
    }
    let is_here = matches!(&url.origin().host, Host::Address(address) if address.is_loopback());
    if url.origin().scheme == Scheme::Http && !is_here {
        return Err("it begins with https:// (http:// only to a loopback address)".to_owned());
    }
    Ok(url)
}

/// Why a token of another issuer does not count, and what to do about it. None of them repeats anything of a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// It is no token at all.
    #[error("This is no access token. Send the one that your issuer gave, unchanged and without `Bearer`.")]
    Form,
    /// Its signature is of a kind that is not accepted.
    #[error("The token is signed in a way that is not accepted here (`alg`). Accepted are {0}.")]
    Algorithm(String),
    /// Its key is none of the issuer's.
    #[error("The issuer does not publish the key that this token is signed with (`kid`). Ask it for a new token.")]
    Key,
    /// The signature is wrong.
    #[error("The signature of the token is wrong. Send the token that your issuer gave, unchanged.")]
    Signature,
    /// Somebody else made it.
    #[error(
        "The token was made by another issuer (`iss`) than the one that is set here. Ask the right one for a token."
    )]
    Issuer,
    /// It is for somebody else.
    #[error("The token is for another audience (`aud`). Ask your issuer for one for this server.")]
    Audience,
    /// It has ended.
    #[error("The token has expired. Ask your issuer for a new one.")]
    Expired,
    /// It has no end.
    #[error("The token has no end (`exp`). Have your issuer make tokens that expire.")]
    NoEnd,
    /// It is not good yet.
    #[error("The token is not valid yet (`nbf`). Check the clock of the machine that made it.")]
    NotYet,
    /// It lacks the scope.
    #[error("The token does not have the scope `{0}`. Ask your issuer for one that has.")]
    Scope(String),
    /// It names no application.
    #[error("The token names no application: its claim `{0}` has to be the id or uid of one.")]
    NoApplication(String),
    /// It names one that does not exist.
    #[error("There is no application with the id or uid that the claim `{0}` of this token holds. Make it first.")]
    UnknownApplication(String),
    /// Two organizations take it, and each has such an application.
    #[error("More than one organization takes this token. Name yours: `POST /jql?organization=org_...`.")]
    Ambiguous,
    /// It is none of ours, where only ours count.
    #[error(
        "This is no token of this server, or it was changed on the way. Send one unchanged and without `Bearer`, as \
         `ringback token` prints it; a token of another issuer has the class `oauth2`."
    )]
    NotOurs,
    /// It is none of ours, and says nothing of who made it.
    #[error(
        "This is no token of this server, or it was changed on the way, and it does not say who else made it (a JWT with \
         `iss`). Send one of `POST /oauth/token`, unchanged and without `Bearer`. Where your organization has its issuer \
         asked about tokens, name it: `POST /jql?organization=org_...`."
    )]
    Unread,
    /// It is a JWT of somebody whom nobody named.
    #[error(
        "No organization has named the issuer that this token says made it (`iss`), and it is none of this server. Have \
         the issuer named in the organization's settings (`jql.issuer`), or send a token of `POST /oauth/token`."
    )]
    NotNamed,
    /// The organization takes only ours.
    #[error(
        "The organization that the URL names takes no tokens of another issuer, and this is none of this server. Have its \
         issuer named in its settings (`jql`), or send a token of `POST /oauth/token`."
    )]
    NoIssuer,
    /// The issuer says that it is not good.
    #[error(
        "The issuer says that this token is not active: it is expired, revoked or not its own. Ask it for a new one."
    )]
    Inactive,
    /// The issuer cannot be asked now.
    #[error("The issuer of this token cannot be asked now.")]
    Unavailable {
        /// When it is worth another try.
        retry_after: Duration,
    },
}

/// An issuer at work.
pub(crate) struct Issuer {
    org: OrgId,
    expected: Expected,
    verifier: Verifier,
    way: Way,
}

/// How an issuer is asked.
struct Way {
    probe: Arc<Probe>,
    clock: Arc<dyn Clock>,
}

enum Verifier {
    Keys(KeyCache),
    Introspection(Introspection),
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("org", &self.org).field("expected", &self.expected).finish_non_exhaustive()
    }
}

impl Way {
    async fn ask(&self, inquiry: &Inquiry) -> Result<bytes::Bytes, InquiryError> {
        self.probe.ask(inquiry, TIMEOUT).await
    }
}

impl Issuer {
    pub(crate) fn new(settings: IssuerSettings, probe: Arc<Probe>, clock: Arc<dyn Clock>) -> Self {
        let IssuerSettings { org, app_claim, scope, issuer, audience, source } = settings;
        let verifier = match source {
            IssuerSource::Keys { url, algorithms } => Verifier::Keys(KeyCache::new(KeySource::at(url), algorithms)),
            IssuerSource::Discovery { issuer, algorithms } => {
                // What is no URL was refused before; if it was not, nothing is found.
                let source = KeySource::told(&issuer).unwrap_or(KeySource::Told { issuer, documents: Vec::new() });
                Verifier::Keys(KeyCache::new(source, algorithms))
            }
            IssuerSource::Introspection { url, client_id, client_secret } => {
                Verifier::Introspection(Introspection::new(url, client_id, client_secret))
            }
        };
        Self { org, expected: Expected { issuer, audience, scope, app_claim }, verifier, way: Way { probe, clock } }
    }

    /// The id or uid of the application that a token speaks for.
    async fn verify(&self, token: &str) -> Result<String, IssuerError> {
        // RFC 6750, section 2.1: nothing else can be a token, and nobody is asked about it.
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if token.is_empty() || token.len() > LENGTH_MAX || !token.bytes().all(is_token) {
            return Err(IssuerError::Form);
        }
        let claims = match &self.verifier {
            Verifier::Keys(keys) => keys.open(&self.way, token).await?,
            Verifier::Introspection(introspection) => introspection.about(&self.way, token).await?,
        };
        let needs_end = matches!(self.verifier, Verifier::Keys(_));
        self.expected.check(&claims, self.way.clock.wall(), needs_end)
    }
}

impl From<IssuerError> for ServiceError {
    fn from(error: IssuerError) -> Self {
        match error {
            // Why was logged where it was met, once for all whom it holds up.
            IssuerError::Unavailable { retry_after } => Self::Unavailable { retry_after, source: None },
            refused => Self::Unauthenticated(refused.to_string()),
        }
    }
}
