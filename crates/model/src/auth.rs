//! How a request shows the receiver that it may come in.

use serde::{Deserialize, Serialize};

use crate::{Redacted, Timestamp};

/// User and password, sent as `authorization: Basic`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicAuth {
    /// The user name, percent-decoded if it came with the URL.
    pub username: String,
    /// The password, likewise.
    #[serde(default)]
    pub password: Redacted,
}

/// What is shown to the receiver. All of it is kept sealed, names included. A secret that is left out is read as empty
/// text: somebody has sent back what was shown, in which there is none. A member of another kind is an error, so that
/// nobody takes for granted what would be passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Auth {
    /// `authorization: Bearer TOKEN`.
    Bearer {
        /// The secret.
        #[serde(default)]
        token: Redacted,
    },
    /// `authorization: Basic`.
    Basic(BasicAuth),
    /// A header of its own.
    ApiKey {
        /// The header's name.
        header: String,
        /// Its value.
        #[serde(default)]
        value: Redacted,
    },
    /// A bearer token fetched with client credentials (RFC 6749, 4.4).
    Oauth2 {
        /// Where tokens are fetched.
        token_url: String,
        /// Who asks.
        client_id: String,
        /// What proves it.
        #[serde(default)]
        client_secret: Redacted,
        /// What for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scope: Option<String>,
    },
    /// A client certificate in the TLS handshake.
    Mtls {
        /// The certificate with its chain, PEM.
        certificate: String,
        /// Its private key, PEM.
        #[serde(default)]
        key: Redacted,
        /// Authorities that the receiver's certificate may come from beside the public ones, PEM. The endpoint's own
        /// (`Endpoint::ca`) are for this kind too.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ca: Option<String>,
    },
}

impl Auth {
    /// The word for its kind, as the API writes it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Bearer { .. } => "bearer",
            Self::Basic { .. } => "basic",
            Self::ApiKey { .. } => "apiKey",
            Self::Oauth2 { .. } => "oauth2",
            Self::Mtls { .. } => "mtls",
        }
    }
}

/// What was shown before it was changed, and is tried once more after a 401 until its grace ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetiredAuth {
    /// What was shown.
    pub auth: Auth,
    /// Until when it may be tried.
    pub expires_at: Timestamp,
}
