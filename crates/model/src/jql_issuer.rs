//! Another issuer of tokens for JQL, as an organization names it.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// An issuer whose tokens are good for JQL in the applications of one organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JqlIssuer {
    /// What `iss` has to be; where its keys are found, too, if nothing else says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// What `aud` has to be or to contain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The scope that a token has to have.
    pub scope: String,
    /// The claim that holds the id or uid of the application.
    pub app_claim: String,
    /// Where its keys are, if that is not to be found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// The signatures that are accepted, as `alg` writes them; all that are known if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub algorithms: Vec<String>,
    /// Whom to ask about tokens in place of verifying them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection: Option<JqlIntrospection>,
    /// When this was last changed, the secret included.
    pub changed_at: Timestamp,
}

/// Whom to ask about tokens (RFC 7662). What is shown for it is among the secrets of the organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JqlIntrospection {
    /// Where to ask.
    pub url: String,
    /// Who asks.
    pub client_id: String,
}
