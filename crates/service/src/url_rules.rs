//! What a URL has to be before it is registered. The rules are those of the way out, which this crate does not know.

use ringback_model::BasicAuth;

/// A URL that may be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedUrl {
    /// The URL, normalised, without userinfo and fragment.
    pub url: String,
    /// User and password that stood in it.
    pub basic: Option<BasicAuth>,
    /// What was changed on the way in, in words for the person who registers it.
    pub warnings: Vec<String>,
}

/// The rules for URLs.
pub trait UrlRules: Send + Sync + std::fmt::Debug + 'static {
    /// Checks a URL without asking a name server.
    ///
    /// # Errors
    /// What is wrong with it, in words for the person who wrote it.
    fn check(&self, url: &str) -> Result<CheckedUrl, String>;
}
