//! What a link to the portal may do, in the words of the API.

use serde::{Deserialize, Serialize};

use crate::Capabilities;

/// One thing that a link to the portal may do. The words are the reference server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PortalCapability {
    /// Look at everything but secrets. Every link has it.
    ViewBase,
    /// See the secrets that requests are signed with.
    ViewEndpointSecret,
    /// Put a new secret in the place of one.
    ManageEndpointSecret,
    /// See and change the code that transforms messages.
    ManageTransformations,
    /// Ask for messages to be sent again, and for examples to be sent.
    CreateAttempts,
    /// Add, change, test and delete webhooks.
    ManageEndpoint,
}

impl PortalCapability {
    /// All of them, with their words.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::ViewBase, "ViewBase"),
        (Self::ViewEndpointSecret, "ViewEndpointSecret"),
        (Self::ManageEndpointSecret, "ManageEndpointSecret"),
        (Self::ManageTransformations, "ManageTransformations"),
        (Self::CreateAttempts, "CreateAttempts"),
        (Self::ManageEndpoint, "ManageEndpoint"),
    ];

    /// What all of these together allow.
    #[must_use]
    pub fn together(given: &[Self]) -> Capabilities {
        let has = |one: Self| given.contains(&one);
        Capabilities {
            manage: has(Self::ManageEndpoint),
            secrets: has(Self::ViewEndpointSecret),
            rotate: has(Self::ManageEndpointSecret),
            transform: has(Self::ManageTransformations),
            resend: has(Self::CreateAttempts),
            ..Capabilities::VIEW
        }
    }

    /// The capability of this word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == word).map(|(one, _)| one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_gives_one_thing_and_all_of_them_what_a_link_can_have() {
        let all: Vec<_> = PortalCapability::ALL.iter().map(|(one, _)| *one).collect();
        assert_eq!(PortalCapability::together(&all), Capabilities::LINK);
        assert_eq!(PortalCapability::together(&[PortalCapability::ViewBase]), Capabilities::VIEW);
        for (one, word) in PortalCapability::ALL {
            assert_eq!(serde_json::to_string(&one).unwrap(), format!("\"{word}\""));
            assert_eq!(PortalCapability::of_word(word), Some(one));
        }
    }
}
