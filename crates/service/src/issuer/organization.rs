//! Issuers that organizations name themselves, in their settings. One that an organization names is in place of the
//! installation's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ringback_model::{JqlIssuer, OrgId, OrganizationSettings, Timestamp};
use ringback_store::{Direction, DocumentKind, DocumentPage, Paging};
use serde_json::Value;

use super::keys::KeySource;
use super::{Issuer, IssuerError, IssuerSettings, IssuerSource, OrganizationSecrets, issuer_url};
use crate::integration::is_key;
use crate::{Actor, Service, ServiceError, SignatureAlgorithm, TokenError};

/// How long it is believed which organizations name which issuer.
const KNOWN: Duration = Duration::from_secs(1);
/// Organizations that are read at once.
const PAGE: usize = 250;
/// Issuers at work that are kept at most.
const KEPT_MAX: usize = 1_000;

/// The issuers of organizations.
#[derive(Debug, Default)]
pub(crate) struct OrganizationIssuers {
    /// At work, with what they were made of.
    at_work: Mutex<HashMap<OrgId, (JqlIssuer, Arc<Issuer>)>>,
    /// Which organizations name an issuer, by its name.
    named: tokio::sync::Mutex<Named>,
}

#[derive(Debug, Default)]
struct Named {
    organizations: HashMap<String, Vec<OrgId>>,
    read_at: Option<Timestamp>,
}

impl OrganizationIssuers {
    fn at_work(&self) -> MutexGuard<'_, HashMap<OrgId, (JqlIssuer, Arc<Issuer>)>> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// Who a token of JQL speaks for: one of ours, or one of an issuer that the organization or the operator has named.
    /// Without `organization` the token's own `iss` says whose it is.
    ///
    /// # Errors
    /// [`ServiceError::Unauthenticated`] when it does not count, [`ServiceError::Unavailable`] when the issuer cannot be
    /// asked.
    pub async fn authenticate_subscriber(
        &self,
        token: &str,
        organization: Option<OrgId>,
    ) -> Result<Arc<Actor>, ServiceError> {
        // Not signed by us, so it may be theirs. In all other cases it is ours, or the very secret of ours.
        let Err(TokenError::Invalid) = self.tokens.verify_by(token, &*self.clock) else {
            return self.authenticate(token).await;
        };
        let mut found: Option<Arc<Actor>> = None;
        let nobody = match (organization, unverified_issuer(token)) {
            (Some(_), _) => IssuerError::NoIssuer,
            (None, Some(_)) => IssuerError::NotNamed,
            (None, None) => IssuerError::Unread,
        };
        let mut refused = nobody.into();
        for (at, issuer) in self.issuers(token, organization).await?.into_iter().enumerate() {
            match self.subscriber_of(&issuer, token).await {
                Ok(_) if found.is_some() => return Err(IssuerError::Ambiguous.into()),
                Ok(actor) => found = Some(actor),
                // What the first one says, for it is the only one almost everywhere.
                Err(error) if at == 0 => refused = error,
                Err(_) => {}
            }
        }
        found.ok_or(refused)
    }

    /// Who a token of JQL speaks for where only tokens of this server count.
    ///
    /// # Errors
    /// [`ServiceError::Unauthenticated`] when it does not count.
    pub async fn authenticate_subscriber_here(&self, token: &str) -> Result<Arc<Actor>, ServiceError> {
        if !is_key(token) && matches!(self.tokens.verify_by(token, &*self.clock), Err(TokenError::Invalid)) {
            return Err(IssuerError::NotOurs.into());
        }
        self.authenticate(token).await
    }

    async fn subscriber_of(&self, issuer: &Issuer, token: &str) -> Result<Arc<Actor>, ServiceError> {
        let name = issuer.verify(token).await?;
        let organization = Actor::organization(issuer.org);
        let app = self.find_app(&organization, &name).await?;
        let app = app.ok_or_else(|| IssuerError::UnknownApplication(issuer.expected.app_claim.clone()))?;
        Ok(Arc::new(Actor { app: Some(app.application.id), ..organization }))
    }

    /// The issuers that a token may be of.
    async fn issuers(&self, token: &str, organization: Option<OrgId>) -> Result<Vec<Arc<Issuer>>, ServiceError> {
        let organizations = match (organization, unverified_issuer(token)) {
            (Some(organization), _) => vec![organization],
            (None, Some(name)) => self.organizations_naming(&name).await?,
            (None, None) => Vec::new(),
        };
        let mut issuers = Vec::new();
        for organization in organizations {
            issuers.extend(self.issuer_of(organization).await?);
        }
        if let Some(usual) = &self.issuer
            && organization.is_none_or(|named| named == usual.org)
            && self.issuer_of(usual.org).await?.is_none()
        {
            issuers.push(usual.clone());
        }
        Ok(issuers)
    }

    /// The issuer that an organization names, at work.
    async fn issuer_of(&self, id: OrgId) -> Result<Option<Arc<Issuer>>, ServiceError> {
        let Some(no) = self.organization(id).await? else { return Ok(None) };
        let Some(named) = self.directory.settings(no).await?.jql.clone() else { return Ok(None) };
        if let Some((made_of, issuer)) = self.issuers.at_work().get(&id)
            && *made_of == named
        {
            return Ok(Some(issuer.clone()));
        }
        let secrets = match self.store.document(no.0).await? {
            Some(document) => OrganizationSecrets::read(document.secret.as_ref())?,
            None => return Ok(None),
        };
        let source = source(&named, &secrets).map_err(|why| {
            tracing::warn!(organization = %id, "the token issuer that is named cannot be asked: {why}");
            ServiceError::Unauthenticated(TokenError::Invalid.to_string())
        })?;
        let JqlIssuer { issuer, audience, scope, app_claim, .. } = named.clone();
        let settings = IssuerSettings { org: id, app_claim, scope, issuer, audience, source };
        let issuer = Arc::new(Issuer::new(settings, self.verifier.probe.clone(), self.clock.clone()));
        let mut at_work = self.issuers.at_work();
        if at_work.len() >= KEPT_MAX {
            at_work.clear();
        }
        at_work.insert(id, (named, issuer.clone()));
        Ok(Some(issuer))
    }

    /// The organizations that name an issuer, as they stood a second ago at most.
    async fn organizations_naming(&self, issuer: &str) -> Result<Vec<OrgId>, ServiceError> {
        let now = self.clock.now();
        let mut named = self.issuers.named.lock().await;
        if named.read_at.is_none_or(|read_at| now >= read_at + KNOWN) {
            *named = Named { organizations: self.read_issuers().await?, read_at: Some(now) };
        }
        Ok(named.organizations.get(issuer).cloned().unwrap_or_default())
    }

    async fn read_issuers(&self) -> Result<HashMap<String, Vec<OrgId>>, ServiceError> {
        let mut organizations: HashMap<String, Vec<OrgId>> = HashMap::new();
        let mut after = None;
        loop {
            let paging = Paging { limit: PAGE, after: after.take(), direction: Direction::Ascending };
            let page = DocumentPage { kind: DocumentKind::Organization, parent: 0, paging };
            let documents = self.store.documents(page).await?;
            for document in documents.iter().filter(|document| document.body.contains("\"jql\"")) {
                let settings: OrganizationSettings = serde_json::from_str(&document.body)?;
                if let (Some(name), Ok(id)) = (settings.jql.and_then(|jql| jql.issuer), document.key.parse()) {
                    organizations.entry(name).or_default().push(id);
                }
            }
            match documents.last() {
                Some(last) if documents.len() == PAGE => after = Some(last.key.clone()),
                Some(_) | None => return Ok(organizations),
            }
        }
    }
}

/// How tokens of an issuer are verified, by what an organization says of it.
///
/// # Errors
/// What of it cannot be.
pub(crate) fn source(named: &JqlIssuer, secrets: &OrganizationSecrets) -> Result<IssuerSource, String> {
    if let Some(asked) = &named.introspection {
        return Ok(IssuerSource::Introspection {
            url: issuer_url(&asked.url)?,
            client_id: asked.client_id.clone(),
            client_secret: secrets.jql_client_secret.clone().unwrap_or_default(),
        });
    }
    let mut algorithms = Vec::new();
    for name in &named.algorithms {
        algorithms.push(name.parse::<SignatureAlgorithm>().map_err(|error| error.to_string())?);
    }
    if algorithms.is_empty() {
        algorithms = SignatureAlgorithm::ALL.to_vec();
    }
    match (&named.jwks_url, &named.issuer) {
        (Some(url), _) => Ok(IssuerSource::Keys { url: issuer_url(url)?, algorithms }),
        (None, Some(issuer)) => {
            KeySource::told(issuer)?;
            Ok(IssuerSource::Discovery { issuer: issuer.clone(), algorithms })
        }
        (None, None) => Err("nothing says where its keys are".to_owned()),
    }
}

/// Who a token says made it, which nobody has verified: whom to ask, and no more.
fn unverified_issuer(token: &str) -> Option<String> {
    if token.len() > crate::token::LENGTH_MAX {
        return None;
    }
    let claims = BASE64.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims.get("iss")?.as_str().map(str::to_owned)
}
