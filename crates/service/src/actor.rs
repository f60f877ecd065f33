//! Who asks, and what they may do.

use std::sync::Arc;

use ringback_model::{AppId, OrgId, Role};

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
    /// What it may do of all that its scope would allow.
    pub capabilities: Capabilities,
    /// Who it is, as people are told: a user's address, or a token by the beginning of its name.
    pub by: Arc<str>,
}

/// What somebody may do beside looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Make, change and delete.
    pub manage: bool,
    /// See secrets that can be seen.
    pub secrets: bool,
    /// Put a new secret in the place of one.
    pub rotate: bool,
    /// See and change code that transforms messages.
    pub transform: bool,
    /// Ask for messages to be sent again.
    pub resend: bool,
    /// Give access to others: links to the portal, tokens, and what gets tokens.
    pub grant: bool,
    /// Change what holds for all applications.
    pub settings: bool,
}

impl Capabilities {
    /// Everything: what a bearer token has that does not say less.
    pub const ALL: Self =
        Self { manage: true, secrets: true, rotate: true, transform: true, resend: true, grant: true, settings: true };
    /// Looking alone.
    pub const VIEW: Self = Self {
        manage: false,
        secrets: false,
        rotate: false,
        transform: false,
        resend: false,
        grant: false,
        settings: false,
    };
    /// All that a link to the portal can give: what outlives the link or reaches beyond the application is not in it.
    pub const LINK: Self = Self { grant: false, settings: false, ..Self::ALL };

    /// What a user of the console may do.
    #[must_use]
    pub const fn of(role: Role) -> Self {
        match role {
            Role::Viewer => Self::VIEW,
            Role::Editor => Self { settings: false, ..Self::ALL },
            Role::Admin => Self::ALL,
        }
    }
}

/// What a use case asks for before it does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// List applications.
    ListApplications,
    /// Create, change and delete applications.
    ManageApplications,
    /// Read one application.
    ReadApplication,
    /// Read endpoints: their settings, and which headers they send.
    ReadEndpoints,
    /// Everything about endpoints: their settings, secrets and headers.
    ManageEndpoints,
    /// Read the secret that an endpoint's requests are signed with.
    ReadSecrets,
    /// Put a new signing secret in the place of one.
    RotateSecrets,
    /// Read and change the code that transforms an endpoint's messages.
    ManageTransformations,
    /// Make and remove programs that get tokens for one application.
    ManageClients,
    /// Make links to the portal and tokens, and put them out of force.
    GrantAccess,
    /// Read what holds for all applications.
    ReadOrganization,
    /// Change what holds for all applications.
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
    /// Remove the contents of messages and of answers, for good.
    Expunge,
}

impl Right {
    /// Whether a token for one application has it, there.
    #[must_use]
    pub const fn belongs_to_applications(self) -> bool {
        match self {
            Self::ReadApplication
            | Self::ReadEndpoints
            | Self::ManageEndpoints
            | Self::ReadSecrets
            | Self::RotateSecrets
            | Self::ManageTransformations
            | Self::ManageClients
            | Self::ReadEventTypes
            | Self::ReadMessages
            | Self::Resend => true,
            Self::ListApplications
            | Self::ManageApplications
            | Self::ReadOrganization
            | Self::ManageOrganization
            | Self::ManageEventTypes
            | Self::GrantAccess
            | Self::CreateMessages
            | Self::Expunge => false,
        }
    }

    /// Whether these capabilities are enough for it.
    #[must_use]
    pub const fn is_within(self, capabilities: Capabilities) -> bool {
        match self {
            Self::ListApplications
            | Self::ReadApplication
            | Self::ReadEndpoints
            | Self::ReadOrganization
            | Self::ReadEventTypes
            | Self::ReadMessages => true,
            Self::ManageApplications
            | Self::ManageEndpoints
            | Self::ManageEventTypes
            | Self::CreateMessages
            | Self::Expunge => capabilities.manage,
            Self::ReadSecrets => capabilities.secrets,
            Self::RotateSecrets => capabilities.rotate,
            Self::ManageTransformations => capabilities.transform,
            Self::ManageClients | Self::GrantAccess => capabilities.grant,
            Self::ManageOrganization => capabilities.settings,
            Self::Resend => capabilities.resend,
        }
    }
}

impl Actor {
    /// Somebody who speaks for all of an organization, with every right.
    #[must_use]
    pub fn organization(org: OrgId) -> Self {
        Self { org, app: None, feature_flags: Vec::new(), capabilities: Capabilities::ALL, by: "the server".into() }
    }

    /// Lets the actor through if it has the right.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] if it has not.
    pub const fn require(&self, right: Right) -> Result<(), ServiceError> {
        if self.app.is_some() && !right.belongs_to_applications() {
            return Err(ServiceError::Forbidden(
                "This token is for one application. This operation needs a token of the organization.",
            ));
        }
        if right.is_within(self.capabilities) {
            return Ok(());
        }
        Err(ServiceError::Forbidden("You may look at this and not change it. Ask whoever gave you access for more."))
    }

    /// Whether the actor has the right.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.require(right).is_ok()
    }

    /// Whether the actor may know of this application of its organization.
    #[must_use]
    pub fn sees(&self, app: AppId) -> bool {
        self.app.is_none_or(|own| own == app)
    }
}
