//! Whether somebody at a URL has agreed to get webhooks: a handshake before the first event.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Which handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerificationKind {
    /// The validation key and a challenge, of which one comes back in a JSON object.
    Token,
    /// `hub.mode`, `hub.challenge` and `hub.verify_token` by GET; the challenge comes back as the body (WhatsApp Cloud API).
    HubChallenge,
    /// `echostr` by GET; it comes back as the body.
    Echo,
    /// Any answer that counts as success.
    Ping,
}

/// How strictly an answer to the token handshake is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VerificationMode {
    /// Challenge or key; one that is there and wrong fails.
    #[default]
    Default,
    /// Both of them.
    Strict,
    /// As by default, or the bare challenge as text.
    Lenient,
}

/// Where a handshake stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VerificationState {
    /// Not tried yet.
    #[default]
    Unverified,
    /// A try is under way. It is never kept, only told.
    Verifying,
    /// Passed.
    Verified,
    /// Tried, and not passed.
    Failed,
}

/// The handshake of an endpoint and where it stands. Its key is in [`crate::EndpointSecrets`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Which handshake.
    pub kind: VerificationKind,
    /// How strictly the answer is read.
    #[serde(default)]
    pub mode: VerificationMode,
    /// The name of the query parameter that carries the key; `token` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// Where it stands, for the URL that receives.
    #[serde(default)]
    pub state: VerificationState,
    /// Why it did not pass, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was last tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<Timestamp>,
    /// A URL that takes the place of the endpoint's as soon as it passes; until then the old one keeps receiving.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_url: Option<String>,
}
