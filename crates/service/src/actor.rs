//! Who asks, and what they may do.

use ringback_model::{AppId, OrgId};

use crate::ServiceError;

/// Who a token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The organization.
    pub org: OrgId,
    /// The one application that the token is for; the whole organization if absent.
    pub app: Option<AppId>,
    /// Flags that an application token carries: it sees event types with these flags only.
    pub feature_flags: Vec<String>,
}

/// What a use case asks for before it does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// List, create, change and delete applications.
    ManageApplications,
    /// Read one application.
    ReadApplication,
    /// Everything about endpoints: their settings, secrets and headers.
    ManageEndpoints,
    /// Read and change what holds for all applications.
    ManageOrganization,
    /// Create, change and delete event types.
    ManageEventTypes,
    /// Read event types.
    ReadEventTypes,
    /// Hand in messages.
    CreateMessages,
    /// Read messages, their deliveries and attempts.
    ReadMessages,
    /// Ask for one more attempt.
    Resend,
}

impl Right {
    /// Whether a token for one application has it, there. A token for an organization has every right.
    #[must_use]
    pub const fn belongs_to_applications(self) -> bool {
        match self {
            Self::ReadApplication
            | Self::ManageEndpoints
            | Self::ReadEventTypes
            | Self::ReadMessages
            | Self::Resend => true,
            Self::ManageApplications | Self::ManageOrganization | Self::ManageEventTypes | Self::CreateMessages => {
                false
            }
        }
    }
}

impl Actor {
    /// Lets the actor through if it has the right.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] if it has not.
    pub const fn require(&self, right: Right) -> Result<(), ServiceError> {
        if self.app.is_none() || right.belongs_to_applications() {
            return Ok(());
        }
        Err(ServiceError::Forbidden(
            "This token is for one application. This operation needs a token of the organization.",
        ))
    }

    /// Whether the actor may know of this application of its organization.
    #[must_use]
    pub fn sees(&self, app: AppId) -> bool {
        self.app.is_none_or(|own| own == app)
    }
}
