//! The issuer of an organization's tokens for JQL, as the API writes it.

use ringback_model::{JqlIssuer, Redacted};
use ringback_service::{JqlIntrospectionDraft, JqlIssuerDraft};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Another issuer of tokens for JQL. Its keys are found by its name, unless they are named or it is asked.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JqlIssuerIn {
    /// What `iss` has to be. Where nothing else is said, its keys are found with it (OpenID Connect Discovery, RFC 8414).
    #[schema(example = "https://login.example.com")]
    issuer: Option<String>,
    /// What `aud` has to be, or to contain.
    audience: Option<String>,
    /// The scope that a token needs: `webhooks:write` unless named.
    scope: Option<String>,
    /// The claim that holds the id or uid of the application: `client_id` unless named.
    app_claim: Option<String>,
    /// Where its keys are (RFC 7517).
    jwks_url: Option<String>,
    /// Signatures that are accepted, of `RS256`, `ES256` and `EdDSA`; all three unless named.
    #[serde(default)]
    algorithms: Option<Vec<String>>,
    /// Whom to ask about tokens in place of verifying them (RFC 7662).
    introspection: Option<JqlIntrospectionIn>,
}

/// Whom to ask about tokens.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JqlIntrospectionIn {
    /// Where.
    url: String,
    /// Who asks.
    client_id: String,
    /// What it shows; never returned. Left out, it stays where URL and client do.
    #[schema(value_type = Option<String>)]
    client_secret: Option<Redacted>,
}

/// Another issuer of tokens for JQL.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JqlIssuerOut {
    issuer: Option<String>,
    audience: Option<String>,
    scope: String,
    app_claim: String,
    jwks_url: Option<String>,
    algorithms: Vec<String>,
    introspection: Option<JqlIntrospectionOut>,
}

/// Whom to ask about tokens.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JqlIntrospectionOut {
    url: String,
    client_id: String,
}

impl From<JqlIssuer> for JqlIssuerOut {
    fn from(issuer: JqlIssuer) -> Self {
        let asked = issuer.introspection;
        Self {
            issuer: issuer.issuer,
            audience: issuer.audience,
            scope: issuer.scope,
            app_claim: issuer.app_claim,
            jwks_url: issuer.jwks_url,
            algorithms: issuer.algorithms,
            introspection: asked.map(|asked| JqlIntrospectionOut { url: asked.url, client_id: asked.client_id }),
        }
    }
}

impl From<JqlIssuerIn> for JqlIssuerDraft {
    fn from(said: JqlIssuerIn) -> Self {
        Self {
            issuer: said.issuer,
            audience: said.audience,
            scope: said.scope,
            app_claim: said.app_claim,
            jwks_url: said.jwks_url,
            algorithms: said.algorithms.unwrap_or_default(),
            introspection: said.introspection.map(|asked| JqlIntrospectionDraft {
                url: asked.url,
                client_id: asked.client_id,
                client_secret: asked.client_secret,
            }),
        }
    }
}
