//! What an attempt has to know of its endpoint, worked out once for each version of its configuration.

use std::sync::Arc;
use std::time::Duration;

use ringback_model::{OrganizationSettings, RetryPolicy};
use ringback_store::EndpointConfig;
use ringback_wire::{Recipe, RecipeError};

use crate::egress::{TargetUrl, UrlError};

/// Where requests to one endpoint go, how they are made and how long they may take.
#[derive(Debug)]
pub struct Route {
    /// The configuration that this was made from.
    pub config: Arc<EndpointConfig>,
    /// Where to.
    pub target: TargetUrl,
    /// The URL as attempts show it.
    pub url: Arc<str>,
    /// Headers and keys.
    pub recipe: Recipe,
    /// When to try again.
    pub retry: RetryPolicy,
    /// How long one attempt may take.
    pub timeout: Duration,
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

impl Route {
    /// Works out the route of an endpoint; `default` is the retry policy where neither it nor its organization has one.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn new(
        config: Arc<EndpointConfig>,
        defaults: &OrganizationSettings,
        default: &RetryPolicy,
    ) -> Result<Self, RouteError> {
        Ok(Self {
            target: TargetUrl::parse(&config.endpoint.url)?,
            url: config.endpoint.url.as_str().into(),
            recipe: Recipe::new(&config.endpoint, &config.secrets, defaults)?,
            retry: config
                .endpoint
                .retry_schedule()
                .or_else(|| defaults.retry_schedule())
                .map_or_else(|| default.clone(), RetryPolicy::new),
            timeout: config.endpoint.timeout(),
            config,
        })
    }
}
