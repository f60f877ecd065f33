//! What an attempt has to know of its endpoint, worked out once for each version of its configuration.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use ringback_model::{Auth, Message, OrganizationSettings, Redacted, RetryPolicy};
use ringback_store::EndpointConfig;
use ringback_wire::dialect::{self, Dialect};
use ringback_wire::{Recipe, RecipeError, SecretMask};
use tokio::sync::Semaphore;

use crate::egress::{IdentityError, TargetUrl, TlsIdentity, UrlError};
use crate::holds::EventTypes;
use crate::oauth::OauthClient;

/// Where requests to one endpoint go, how they are made and how long they may take.
#[derive(Debug)]
pub struct Route {
    /// The configuration that this was made from.
    pub config: Arc<EndpointConfig>,
    /// What else it was made from.
    pub settings: Arc<OrganizationSettings>,
    /// Where to.
    pub target: TargetUrl,
    /// The URL as attempts show it.
    pub url: Arc<str>,
    /// Headers and keys.
    pub recipe: Recipe,
    /// Whom it trusts in TLS beside the public authorities, and who this side is there.
    pub identity: Option<Arc<TlsIdentity>>,
    /// Where tokens come from, if the receiver asks for some.
    pub oauth: Option<OauthClient>,
    /// When to try again.
    pub retry: RetryPolicy,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// The turn of the endpoint's own code.
    pub(crate) transforming: Semaphore,
    /// What of the configuration must not be seen in answers.
    mask: SecretMask,
}

/// A stored configuration that no request can be made from. Registration refuses what leads here.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// The URL.
    #[error("the stored URL cannot be used")]
    Url(#[from] UrlError),
    /// How requests look.
    #[error("no request can be made of what is stored")]
    Recipe(#[from] RecipeError),
}

/// Why a message does not go to the endpoint of this route: what its attempt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// It names no URL of its own, and this endpoint has none but those.
    #[error("the message has no `callbackUrl`, and this endpoint stands for those of other messages")]
    NoCallback,
    /// It names one of another origin.
    #[error("the `callbackUrl` of the message is not on the host of this endpoint")]
    OtherOrigin,
}

impl Route {
    /// Works out the route of an endpoint; `default` is the retry policy where neither it nor its organization or
    /// dialect has one.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn new(
        config: Arc<EndpointConfig>,
        settings: &Arc<OrganizationSettings>,
        default: &RetryPolicy,
    ) -> Result<Self, RouteError> {
        let (endpoint, secrets) = (&config.endpoint, &config.secrets);
        let dialect = endpoint.shape.as_ref().and_then(|shape| shape.dialect.as_deref());
        let (identity, oauth) = read_auth(secrets.auth.as_ref(), endpoint.ca.as_deref())?;
        Ok(Self {
            target: TargetUrl::parse(&endpoint.url)?,
            url: endpoint.url.as_str().into(),
            recipe: Recipe::new(endpoint, secrets, settings)?,
            identity,
            oauth,
            retry: endpoint
                .retry_schedule()
                .or_else(|| settings.retry_schedule())
                .or_else(|| dialect::find_or_default(dialect).ok().and_then(Dialect::retry_schedule))
                .map_or_else(|| default.clone(), RetryPolicy::new),
            timeout: endpoint.timeout(),
            transforming: Semaphore::new(1),
            settings: Arc::clone(settings),
            mask: SecretMask::of(endpoint, secrets),
            config,
        })
    }

    /// Where a message goes: to the endpoint's URL, or to its own if the endpoint stands for an origin of such.
    ///
    /// # Errors
    /// When the message has no URL of this origin.
    pub fn destination(&self, message: &Message) -> Result<Cow<'_, TargetUrl>, DestinationError> {
        if !self.config.endpoint.callback {
            return Ok(Cow::Borrowed(&self.target));
        }
        let url = message.callback_url.as_deref().ok_or(DestinationError::NoCallback)?;
        // Read when the message was accepted, by the same grammar.
        let target = TargetUrl::parse(url).map_err(|_| DestinationError::OtherOrigin)?;
        if target.origin() == self.target.origin() {
            Ok(Cow::Owned(target))
        } else {
            Err(DestinationError::OtherOrigin)
        }
    }

    /// Whether the receiver is shown a secret, which it may reject.
    #[must_use]
    pub fn shows_secret(&self) -> bool {
        self.config.secrets.auth.is_some()
    }

    /// What must not be seen of exchanges with the receiver: what it is shown, `tokens` that were fetched for it
    /// included.
    #[must_use]
    pub fn secret_mask(&self, tokens: impl IntoIterator<Item = Redacted>) -> Cow<'_, SecretMask> {
        let mut mask = Cow::Borrowed(&self.mask);
        tokens.into_iter().for_each(|token| mask.to_mut().hide(&token));
        mask
    }

    /// Whether both would make the same requests of messages of these event types, or fail for the same reason. Nothing
    /// of an organization goes into a request but its time zone and the mappings of event types.
    pub(crate) fn renders_like(&self, other: &Self, types: &EventTypes) -> bool {
        let (ours, theirs) = (&self.settings, &other.settings);
        self.config.version == other.config.version
            && ours.time_zone == theirs.time_zone
            && match types {
                EventTypes::Any => ours.report_mappings == theirs.report_mappings,
                EventTypes::These(types) => {
                    types.iter().all(|name| ours.report_mappings.get(name) == theirs.report_mappings.get(name))
                }
            }
    }
}

/// Checks what an endpoint shows to its receiver and whom it trusts, as registration has to: that a client certificate and
/// its key can be used and belong together, that its authorities can be such, and that the URL of a token server is one.
/// Whether that may be called is not looked at.
///
/// # Errors
/// What is wrong with it, and with which member.
pub fn check_auth(auth: Option<&Auth>, ca: Option<&str>) -> Result<(), RecipeError> {
    read_auth(auth, ca).map(drop)
}

fn read_auth(
    auth: Option<&Auth>,
    ca: Option<&str>,
) -> Result<(Option<Arc<TlsIdentity>>, Option<OauthClient>), RecipeError> {
    let of_identity =
        |error: IdentityError| RecipeError { field: error.field().to_owned(), message: error.to_string() };
    let of_url = |error: UrlError| RecipeError { field: "auth.tokenUrl".to_owned(), message: format!("{error}.") };
    let identity = TlsIdentity::of(auth, ca).map_err(of_identity)?.map(Arc::new);
    // Whoever shows tokens shows no certificate, so what the token server sees of it are the authorities alone.
    let oauth = auth.map(|auth| OauthClient::of(auth, identity.clone())).transpose().map_err(of_url)?.flatten();
    Ok((identity, oauth))
}
