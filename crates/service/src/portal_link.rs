//! Links to the portal of one application: minted for its owner, ended by whoever minted them or by the owner.

use std::time::Duration;

use ringback_model::Redacted;

use crate::access::{LINK_LIFE_MAX, Told};
use crate::check::Faults;
use crate::message::check_inline_uid;
use crate::token::MintedFor;
use crate::{
    Actor, ApplicationDraft, Capabilities, PortalCapability, Right, Service, ServiceError, TokenSubject, integration,
};

/// The shortest life of a link.
const LINK_LIFE_MIN: Duration = Duration::from_secs(3_600);
/// How long tokens may still live once all are asked to end.
const GRACE_MAX: Duration = Duration::from_secs(7 * 86_400);
/// Sessions that one request may end.
const SESSIONS_MAX: usize = 100;
/// The longest name of a session, in bytes.
const NAME_MAX: usize = 256;

/// A link that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortalLinkDraft {
    /// Flags of event types that it sees.
    pub feature_flags: Vec<String>,
    /// What it may do; everything that a link can if absent. Looking is always part of it.
    pub capabilities: Option<Vec<PortalCapability>>,
    /// How long it is good for: an hour to seven days; seven days if absent.
    pub life: Option<Duration>,
    /// The session that it ends with.
    pub session: Option<String>,
}

/// A link to the portal.
#[derive(Debug)]
pub struct PortalLink {
    /// The token.
    pub token: Redacted,
    /// Its name, by which it is revoked.
    pub id: String,
    /// Where the portal of the application is, with the token in the fragment: it reaches no server and no log.
    pub path: Redacted,
    /// When it ends.
    pub expires_at: ringback_model::Timestamp,
}

impl PortalLinkDraft {
    /// What a link has that says nothing.
    pub(crate) fn all() -> Vec<PortalCapability> {
        PortalCapability::ALL.iter().map(|(one, _)| *one).collect()
    }

    fn check(&self) -> Result<(), ServiceError> {
        let mut faults = Faults::default();
        if self.life.is_some_and(|life| !(LINK_LIFE_MIN..=LINK_LIFE_MAX).contains(&life)) {
            faults.note("expiry", "It is 3600 to 604800 seconds, which is an hour to 7 days.");
        }
        if self.session.as_deref().is_some_and(|session| !is_name(session)) {
            faults.note("sessionId", NAME_RULE);
        }
        faults.feature_flags(&self.feature_flags);
        faults.finish()
    }
}

const NAME_RULE: &str = "It has 1 to 256 characters of a-z, A-Z, 0-9, `-`, `_` and `.`.";

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

/// What of these capabilities somebody has who gives them.
fn within(capabilities: Capabilities, giver: Capabilities) -> bool {
    (giver.manage || !capabilities.manage)
        && (giver.secrets || !capabilities.secrets)
        && (giver.rotate || !capabilities.rotate)
        && (giver.transform || !capabilities.transform)
        && (giver.resend || !capabilities.resend)
}

impl Service {
    /// Makes a link to the portal of an application; the application, too, if there is none of this name and `new`
    /// says how it is to be.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Invalid`], and [`ServiceError::Forbidden`] without
    /// [`Right::GrantAccess`] or when the link could do more than the caller.
    pub async fn create_portal_link(
        &self,
        actor: &Actor,
        app: &str,
        draft: &PortalLinkDraft,
        new: Option<ApplicationDraft>,
    ) -> Result<PortalLink, ServiceError> {
        actor.require(Right::GrantAccess)?;
        draft.check()?;
        let asked = draft.capabilities.as_deref().map_or(Capabilities::LINK, PortalCapability::together);
        if !within(asked, actor.capabilities) {
            return Err(ServiceError::Forbidden("A link cannot do what whoever makes it may not."));
        }
        if let Some(new) = new
            && self.find_app(actor, app).await?.is_none()
        {
            check_inline_uid(&new, app)?;
            actor.require(Right::ManageApplications)?;
            self.ensure_application(actor, new).await?;
        }
        let app = self.app(actor, app).await?.application.id;
        let words: Vec<PortalCapability> = match &draft.capabilities {
            Some(words) => words.clone(),
            None => PortalLinkDraft::all(),
        };
        let (wall, life) = (self.clock.wall(), draft.life.unwrap_or(LINK_LIFE_MAX));
        let subject = TokenSubject::Application { org: actor.org, app, feature_flags: draft.feature_flags.clone() };
        let said = MintedFor { capabilities: Some(&words), session: draft.session.as_deref(), ..MintedFor::default() };
        let minted = self.tokens.mint_for(&subject, &said, wall, life, &*self.random);
        let minted = minted.map_err(|error| ServiceError::Internal(error.into()))?;
        let path = format!("/portal/{}/{app}#token={}", actor.org, minted.token.reveal());
        Ok(PortalLink { token: minted.token, id: minted.id, path: Redacted::new(path), expires_at: wall + life })
    }

    /// Ends all tokens of an application, or those of some sessions, once `after` is over.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Invalid`], and [`ServiceError::Forbidden`] without
    /// [`Right::GrantAccess`].
    pub async fn expire_all_tokens(
        &self,
        actor: &Actor,
        app: &str,
        after: Duration,
        sessions: &[String],
    ) -> Result<(), ServiceError> {
        actor.require(Right::GrantAccess)?;
        let mut faults = Faults::default();
        if after > GRACE_MAX {
            faults.note("expiry", "It is 0 to 604800 seconds, which are 7 days.");
        }
        if sessions.len() > SESSIONS_MAX || !sessions.iter().all(|session| is_name(session)) {
            faults.note("sessionIds", format!("At most {SESSIONS_MAX} are allowed. {NAME_RULE}"));
        }
        faults.finish()?;
        let app = self.app(actor, app).await?.application.id;
        let now = self.clock.wall();
        let end = |list: &mut crate::access::AccessList| {
            if sessions.is_empty() {
                list.end(now, after, None);
            }
            for session in sessions {
                list.end(now, after, Some(session));
            }
        };
        let title = if sessions.is_empty() { "all links and tokens".to_owned() } else { sessions.join(", ") };
        let told = Told { actor, deed: "revoked", title: &title };
        self.change_access((actor.org, Some(app)), told, end).await
    }

    /// Puts a token out of force: that of an application, by whoever has it.
    ///
    /// # Errors
    /// [`ServiceError::Unauthenticated`] if it does not count, [`ServiceError::Refused`] if it is none that can be
    /// logged out.
    pub async fn log_out(&self, token: &str) -> Result<(), ServiceError> {
        let actor = self.authenticate(token).await?;
        let refused = |detail: &str| ServiceError::Refused { code: "not_supported", detail: detail.to_owned() };
        if integration::is_key(token) {
            return Err(refused("The key of an integration is not logged out: rotate it, or delete the integration."));
        }
        let verified = self.tokens.verify_by(token, &*self.clock);
        let verified = verified.map_err(|error| ServiceError::Unauthenticated(error.to_string()))?;
        if actor.app.is_none() {
            return Err(refused("Only a token of an application is logged out, with the token itself."));
        }
        let id = verified.id.as_deref();
        let id = id.ok_or_else(|| refused("The token has no `jti`: expire all tokens of the application instead."))?;
        let told = Told { actor: &actor, deed: "revoked", title: &actor.by };
        self.change_access((actor.org, actor.app), told, |list| list.deny(id, verified.expires_at)).await
    }
}
