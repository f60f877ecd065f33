//! Access that is given by hand: links and tokens that somebody makes in the console, listed there and revoked.

use std::time::Duration;

use ringback_model::{AppId, Redacted};
use ringback_store::{Direction, DocumentKind, DocumentPage, Paging};

use crate::access::{AccessList, Told};
use crate::check::Faults;
use crate::token::MintedFor;
use crate::{Actor, GivenToken, PortalLink, PortalLinkDraft, Resource, Right, Service, ServiceError, TokenSubject};

/// The shortest and the longest life of a token for programs.
const LIFE: std::ops::RangeInclusive<Duration> = Duration::from_secs(3_600)..=Duration::from_secs(5 * 365 * 86_400);
/// The longest label, in characters.
const LABEL_MAX: usize = 100;
/// Documents that are read at a time, and how often: applications beyond that are not listed.
const PAGE: usize = 100;
const PAGES_MAX: usize = 20;

/// A token that was given out, and the application that it is for; the whole organization if absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenView {
    /// The application.
    pub app: Option<AppId>,
    /// The token, as far as it is kept.
    pub given: GivenToken,
}

impl Service {
    /// Makes a link to the portal and lists it.
    ///
    /// # Errors
    /// Those of [`Service::create_portal_link`].
    pub async fn give_link(
        &self,
        actor: &Actor,
        app: &str,
        label: &str,
        draft: &PortalLinkDraft,
    ) -> Result<PortalLink, ServiceError> {
        check_label(label)?;
        let link = self.create_portal_link(actor, app, draft, None).await?;
        let app = self.app(actor, app).await?.application.id;
        let given = GivenToken {
            id: link.id.clone(),
            label: label.trim().to_owned(),
            capabilities: Some(draft.capabilities.clone().unwrap_or_else(PortalLinkDraft::all)),
            made_by: actor.by.to_string(),
            made_at: self.clock.wall(),
            expires_at: link.expires_at,
        };
        let told = Told { actor, deed: "given", title: &given.label };
        self.change_access((actor.org, Some(app)), told, |list| list.given.push(given.clone())).await?;
        Ok(link)
    }

    /// Makes a token for programs, of one application or of the organization itself, and lists it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Invalid`], and [`ServiceError::Forbidden`] without
    /// [`Right::GrantAccess`], and for the organization without [`Right::ManageOrganization`].
    pub async fn give_token(
        &self,
        actor: &Actor,
        app: Option<&str>,
        label: &str,
        life: Duration,
    ) -> Result<Redacted, ServiceError> {
        self.require_giver(actor, app)?;
        check_label(label)?;
        if !LIFE.contains(&life) {
            return Err(ServiceError::body("life", "It is an hour to five years."));
        }
        let app = self.id_of(actor, app).await?;
        let subject = match app {
            Some(app) => TokenSubject::Application { org: actor.org, app, feature_flags: Vec::new() },
            None => TokenSubject::Organization(actor.org),
        };
        let wall = self.clock.wall();
        let minted = self.tokens.mint_for(&subject, &MintedFor::default(), wall, life, &*self.random);
        let minted = minted.map_err(|error| ServiceError::Internal(error.into()))?;
        let given = GivenToken {
            id: minted.id,
            label: label.trim().to_owned(),
            capabilities: None,
            made_by: actor.by.to_string(),
            made_at: wall,
            expires_at: wall + life,
        };
        let told = Told { actor, deed: "given", title: &given.label };
        self.change_access((actor.org, app), told, |list| list.given.push(given.clone())).await?;
        Ok(minted.token)
    }

    /// What was given out and still counts, the newest first.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] without [`Right::GrantAccess`].
    pub async fn list_given(&self, actor: &Actor) -> Result<Vec<GivenView>, ServiceError> {
        actor.require(Right::GrantAccess)?;
        let Some(org) = self.organization(actor.org).await? else { return Ok(Vec::new()) };
        let (mut all, mut after, now) = (Vec::new(), None, self.clock.wall());
        for _ in 0..PAGES_MAX {
            let paging = Paging { limit: PAGE, after: after.take(), direction: Direction::Ascending };
            let page = DocumentPage { kind: DocumentKind::Access, parent: org.0, paging };
            let documents = self.store.documents(page).await?;
            for document in &documents {
                let list: AccessList = serde_json::from_str(&document.body)?;
                let app = document.key.parse().ok();
                let living = list.given.into_iter().filter(|given| now < given.expires_at);
                all.extend(living.map(|given| GivenView { app, given }));
            }
            if documents.len() < PAGE {
                break;
            }
            after = documents.last().map(|last| last.key.clone());
        }
        all.sort_by_key(|view| std::cmp::Reverse(view.given.made_at));
        Ok(all)
    }

    /// Puts one of them out of force.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], and [`ServiceError::Forbidden`] as for making one.
    pub async fn revoke_given(&self, actor: &Actor, app: Option<&str>, id: &str) -> Result<(), ServiceError> {
        self.require_giver(actor, app)?;
        let app = self.id_of(actor, app).await?;
        let list = self.access_list((actor.org, app)).await?;
        let given = list.given.into_iter().find(|given| given.id == id);
        let given = given.ok_or(ServiceError::NotFound(Resource::Token))?;
        let told = Told { actor, deed: "revoked", title: &given.label };
        self.change_access((actor.org, app), told, |list| list.deny(&given.id, given.expires_at)).await
    }

    /// The application that is named, if one is.
    async fn id_of(&self, actor: &Actor, app: Option<&str>) -> Result<Option<AppId>, ServiceError> {
        match app {
            Some(app) => Ok(Some(self.app(actor, app).await?.application.id)),
            None => Ok(None),
        }
    }

    /// Lets through who may give access to an application, or to all of the organization.
    fn require_giver(&self, actor: &Actor, app: Option<&str>) -> Result<(), ServiceError> {
        actor.require(Right::GrantAccess)?;
        if app.is_none() {
            actor.require(Right::ManageOrganization)?;
        }
        Ok(())
    }
}

fn check_label(label: &str) -> Result<(), ServiceError> {
    let mut faults = Faults::default();
    let length = label.trim().chars().count();
    if !(1..=LABEL_MAX).contains(&length) || label.contains(char::is_control) {
        faults.note("label", format!("It has 1 to {LABEL_MAX} characters: what it is for, or who has it."));
    }
    faults.finish()
}
