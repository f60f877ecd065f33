//! A user of the console: somebody of the operator's, who signs in with a password.

use serde::{Deserialize, Serialize};

use crate::{Redacted, Timestamp, UserId};

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks, and changes nothing.
    Viewer,
    /// Sets up applications and webhooks.
    Editor,
    /// That, and settings and users.
    Admin,
}

impl Role {
    /// All roles, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Editor, Self::Admin];

    /// The word for it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// The role that a word stands for.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.text() == text)
    }
}

/// The document of a user. What proves who it is is in [`UserSecrets`], which is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Its public id.
    pub id: UserId,
    /// What it signs in with, in lower case; unique.
    pub email: String,
    /// Its name, for people.
    #[serde(default)]
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_in_at: Option<Timestamp>,
}

/// The sealed part of a user's document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserSecrets {
    /// The password's hash; without one nobody signs in with a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordHash>,
    /// Where the user is signed in, the oldest first.
    pub sessions: Vec<Session>,
    /// Links that sign in once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<SignInLink>,
}

/// A password as it is kept: Argon2id, with what it was made by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PasswordHash {
    /// Memory, in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
    /// The salt, base64.
    pub salt: String,
    /// The hash, base64.
    pub hash: Redacted,
}

/// One browser in which a user is signed in. Its key is kept as a hash alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// SHA-256 of the key, in hexadecimal digits.
    pub hash: String,
    /// When it began.
    pub began_at: Timestamp,
    /// When it was last used, to within a few minutes.
    pub seen_at: Timestamp,
    /// From where it began: an IP address.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
}

/// A link that signs in once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignInLink {
    /// SHA-256 of the key, in hexadecimal digits.
    pub hash: String,
    /// Until when it is good.
    pub expires_at: Timestamp,
}
