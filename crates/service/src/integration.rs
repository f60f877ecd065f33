//! Integrations: programs of a customer that act for its application, each with a key of its own.
//!
//! A key names its application in clear, so that finding whose it is costs one look; of the rest the store knows the
//! hash, and the sealed text, because whoever manages integrations may read it again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringback_model::{AppNo, IntegrationId, Redacted, Timestamp};
use ringback_store::{AppConfig, Delete, Document, DocumentKind, DocumentPage, Expect, Idempotency, Put, PutResult};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::audit::Note;
use crate::check::Faults;
use crate::oauth_client::hex;
use crate::service::TRIES;
use crate::{Actor, Capabilities, Page, Resource, Right, Service, ServiceError, Window};

/// What every key begins with.
const KEY_PREFIX: &str = "integsk_";
/// Characters of a key that name its application.
const APP_LEN: usize = 16;
/// Random bytes of a key.
const KEY_BYTES: usize = 24;
/// Integrations that one application may have.
const INTEGRATIONS_MAX: usize = 100;
/// For how long a key that was found is believed to count.
const KNOWN: Duration = Duration::from_secs(1);
/// Keys that are remembered at most.
const KNOWN_MAX: usize = 10_000;

/// An integration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Integration {
    /// Its public id.
    pub id: IntegrationId,
    /// Its name, for people.
    pub name: String,
    /// Flags of event types that it sees.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feature_flags: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it or its key was last changed.
    pub updated_at: Timestamp,
    /// The organization of its application.
    org: String,
}

/// What a caller may say about an integration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntegrationDraft {
    /// See [`Integration::name`].
    pub name: String,
    /// See [`Integration::feature_flags`].
    pub feature_flags: Vec<String>,
}

/// The sealed part.
#[derive(Debug, Serialize, Deserialize)]
struct Sealed {
    key: Redacted,
}

impl IntegrationDraft {
    fn check(&self) -> Result<(), ServiceError> {
        let mut faults = Faults::default();
        faults.line("name", &self.name);
        faults.feature_flags(&self.feature_flags);
        faults.finish()
    }
}

impl Service {
    /// A page of the integrations of an application, by id.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] of the application.
    pub async fn list_integrations(
        &self,
        actor: &Actor,
        app: &str,
        window: Window<IntegrationId>,
    ) -> Result<Page<Integration>, ServiceError> {
        actor.require(Right::ReadEndpoints)?;
        let app = self.app(actor, app).await?;
        let paging = window.clone().map(|id| id.to_string()).paging();
        let page = DocumentPage { kind: DocumentKind::Integration, parent: app.no.0, paging };
        let documents = self.store.documents(page).await?;
        let found: Result<Vec<_>, _> = documents.iter().map(read).collect();
        Ok(window.page(found?))
    }

    /// One integration.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn get_integration(&self, actor: &Actor, app: &str, id: &str) -> Result<Integration, ServiceError> {
        actor.require(Right::ReadEndpoints)?;
        let app = self.app(actor, app).await?;
        read(&self.integration(&app, id).await?)
    }

    /// Makes an integration, and its key.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] of the application, [`ServiceError::Invalid`].
    pub async fn create_integration(
        &self,
        actor: &Actor,
        app: &str,
        draft: IntegrationDraft,
        idempotency: Option<Idempotency>,
    ) -> Result<Integration, ServiceError> {
        actor.require(Right::ManageClients)?;
        draft.check()?;
        let app = self.app(actor, app).await?;
        self.require_room_for_integration(&app).await?;
        let now = self.clock.now();
        let IntegrationDraft { name, feature_flags } = draft;
        let (id, org) = (self.ids.make(now, &*self.random), actor.org.to_string());
        let integration = Integration { id, name, feature_flags, created_at: now, updated_at: now, org };
        let mut put = put(&app, &integration, &self.integration_key(app.no), Expect::New, idempotency)?;
        put.audit = note(actor, &app, &integration).added(now, &put.body);
        match self.store.put(put).await? {
            PutResult::Stored(_) => Ok(integration),
            PutResult::Replayed { no } => {
                let first = self.store.document(no).await?.ok_or(ServiceError::NotFound(Resource::Integration))?;
                read(&first)
            }
            PutResult::KeyReused => Err(ServiceError::key_reused()),
            PutResult::KeyTaken | PutResult::UidTaken | PutResult::Stale => Err(ServiceError::contended()),
        }
    }

    /// Gives an integration another name and other flags; its key stays.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Invalid`].
    pub async fn update_integration(
        &self,
        actor: &Actor,
        app: &str,
        id: &str,
        draft: &IntegrationDraft,
    ) -> Result<Integration, ServiceError> {
        actor.require(Right::ManageClients)?;
        draft.check()?;
        let (integration, _) = self.change_integration(actor, app, id, Some(draft), None).await?;
        Ok(integration)
    }

    /// Deletes an integration; its key counts no more, here at once and on other nodes within a second.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn delete_integration(&self, actor: &Actor, app: &str, id: &str) -> Result<(), ServiceError> {
        actor.require(Right::ManageClients)?;
        let app = self.app(actor, app).await?;
        let document = self.integration(&app, id).await?;
        let now = self.clock.now();
        let audit = note(actor, &app, &read(&document)?).done(now, "deleted");
        let gone = self.store.delete(Delete { audit, ..Delete::new(document.no, now) }).await?;
        self.integration_keys.forget(document.uid.as_deref());
        if gone { Ok(()) } else { Err(ServiceError::NotFound(Resource::Integration)) }
    }

    /// The key of an integration. Whoever has it may do what the integration may, so it is not for those who only look.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn get_integration_key(&self, actor: &Actor, app: &str, id: &str) -> Result<Redacted, ServiceError> {
        actor.require(Right::ManageClients)?;
        let app = self.app(actor, app).await?;
        read_key(&self.integration(&app, id).await?)
    }

    /// Gives an integration another key; the old one counts no more, here at once and on other nodes within a second.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn rotate_integration_key(
        &self,
        actor: &Actor,
        app: &str,
        id: &str,
        idempotency: Option<Idempotency>,
    ) -> Result<Redacted, ServiceError> {
        actor.require(Right::ManageClients)?;
        let (_, key) = self.change_integration(actor, app, id, None, idempotency).await?;
        Ok(key)
    }

    /// Whom a key speaks for: the application, with all that a link to the portal can give.
    pub(crate) async fn authenticate_integration(&self, key: &str) -> Result<Arc<Actor>, ServiceError> {
        let refused = || {
            let message = "This is not the key of an integration: it was rotated, or the integration was deleted.";
            ServiceError::Unauthenticated(message.to_owned())
        };
        let (app, hash, now) = (app_of(key).ok_or_else(refused)?, hash(key), self.clock.now());
        if let Some(actor) = self.integration_keys.get(&hash, now) {
            return Ok(actor);
        }
        let found = self.store.document_by_uid(DocumentKind::Integration, app.0, hash.clone()).await?;
        let integration = read(&found.ok_or_else(refused)?)?;
        // A deleted application has no integrations any more.
        let app = self.directory.app(app).await?.ok_or_else(refused)?;
        let org = integration.org.parse().map_err(|_| refused())?;
        let actor = Arc::new(Actor {
            app: Some(app.application.id),
            feature_flags: integration.feature_flags,
            capabilities: Capabilities::LINK,
            by: format!("integration {}", integration.id).into(),
            ..Actor::organization(org)
        });
        self.integration_keys.note(hash, now, actor.clone());
        Ok(actor)
    }

    /// Changes what is said of an integration, or gives it another key if nothing is said.
    async fn change_integration(
        &self,
        actor: &Actor,
        app: &str,
        id: &str,
        draft: Option<&IntegrationDraft>,
        idempotency: Option<Idempotency>,
    ) -> Result<(Integration, Redacted), ServiceError> {
        let app = self.app(actor, app).await?;
        for _ in 0..TRIES {
            let document = self.integration(&app, id).await?;
            let (mut integration, mut key) = (read(&document)?, read_key(&document)?);
            let now = self.clock.now();
            integration.updated_at = now;
            match draft {
                Some(draft) => {
                    integration.name.clone_from(&draft.name);
                    integration.feature_flags.clone_from(&draft.feature_flags);
                }
                None => key = self.integration_key(app.no),
            }
            let expect = Expect::Version { no: document.no, version: document.version };
            let mut put = put(&app, &integration, &key, expect, idempotency)?;
            put.audit = note(actor, &app, &integration).changed(now, &document.body, &put.body, draft.is_none());
            let result = self.store.put(put).await?;
            self.integration_keys.forget(document.uid.as_deref());
            match result {
                PutResult::Stored(_) => return Ok((integration, key)),
                PutResult::Replayed { .. } => {
                    let first = self.integration(&app, id).await?;
                    return Ok((read(&first)?, read_key(&first)?));
                }
                PutResult::KeyReused => return Err(ServiceError::key_reused()),
                PutResult::KeyTaken | PutResult::UidTaken | PutResult::Stale => {}
            }
        }
        Err(ServiceError::contended())
    }

    async fn integration(&self, app: &AppConfig, id: &str) -> Result<Document, ServiceError> {
        let found = self.store.document_by_key(DocumentKind::Integration, app.no.0, id.to_owned()).await?;
        found.ok_or(ServiceError::NotFound(Resource::Integration))
    }

    async fn require_room_for_integration(&self, app: &AppConfig) -> Result<(), ServiceError> {
        let all = Window { limit: INTEGRATIONS_MAX, from: None, backwards: false, order: crate::Direction::Ascending };
        let page = DocumentPage { kind: DocumentKind::Integration, parent: app.no.0, paging: all.paging() };
        if self.store.documents(page).await?.len() < INTEGRATIONS_MAX {
            return Ok(());
        }
        let rule = format!("An application has at most {INTEGRATIONS_MAX} integrations: delete one that is not used.");
        Err(ServiceError::body("name", rule))
    }

    fn integration_key(&self, app: AppNo) -> Redacted {
        Redacted::new(format!("{KEY_PREFIX}{:0APP_LEN$x}{}", app.0, self.random_hex(KEY_BYTES)))
    }
}

/// Keys that counted a moment ago, by their hash, so that not every request looks for its own in the store.
#[derive(Debug, Default)]
pub(crate) struct KnownKeys(Mutex<HashMap<String, (Timestamp, Arc<Actor>)>>);

impl KnownKeys {
    fn get(&self, hash: &str, now: Timestamp) -> Option<Arc<Actor>> {
        let seen = self.seen();
        seen.get(hash).filter(|(seen, _)| now < *seen + KNOWN).map(|(_, actor)| actor.clone())
    }

    fn note(&self, hash: String, now: Timestamp, actor: Arc<Actor>) {
        let mut seen = self.seen();
        if seen.len() >= KNOWN_MAX {
            seen.clear();
        }
        seen.insert(hash, (now, actor));
    }

    fn forget(&self, hash: Option<&str>) {
        self.seen().remove(hash.unwrap_or_default());
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<String, (Timestamp, Arc<Actor>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a bearer token says that it is the key of an integration.
pub(crate) fn is_key(token: &str) -> bool {
    token.starts_with(KEY_PREFIX)
}

/// The application that a key names.
fn app_of(key: &str) -> Option<AppNo> {
    let rest = key.strip_prefix(KEY_PREFIX)?;
    let is_one = rest.len() == APP_LEN + 2 * KEY_BYTES && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = rest.get(..APP_LEN).filter(|_| is_one)?;
    Some(AppNo(i64::from_str_radix(number, 16).ok()?))
}

fn put(
    app: &AppConfig,
    integration: &Integration,
    key: &Redacted,
    expect: Expect,
    idempotency: Option<Idempotency>,
) -> Result<Put, ServiceError> {
    Ok(Put {
        uid: Some(hash(key.reveal())),
        secret: Some(Redacted::new(serde_json::to_string(&Sealed { key: key.clone() })?)),
        expect,
        idempotency,
        ..Put::new(DocumentKind::Integration, app.no.0, integration.id.to_string(), serde_json::to_string(integration)?)
    })
}

fn note<'a>(actor: &'a Actor, app: &AppConfig, integration: &'a Integration) -> Note<'a> {
    Note {
        org: app.org.0,
        by: &actor.by,
        thing: "integration",
        app: Some(app.application.id),
        subject: integration.id.to_string(),
        title: &integration.name,
    }
}

fn hash(key: &str) -> String {
    hex(&Sha256::digest(key))
}

fn read(document: &Document) -> Result<Integration, ServiceError> {
    Ok(serde_json::from_str(&document.body)?)
}

fn read_key(document: &Document) -> Result<Redacted, ServiceError> {
    let sealed: Sealed = serde_json::from_str(document.secret.as_ref().map_or("", |secret| secret.reveal()))?;
    Ok(sealed.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_application_and_what_is_none_names_nobody() {
        let key = |number: &str| format!("{KEY_PREFIX}{number}{}", "ab".repeat(KEY_BYTES));
        assert_eq!(app_of(&key("00000000000001f4")), Some(AppNo(500)));
        assert_eq!(app_of(&key("7fffffffffffffff")), Some(AppNo(i64::MAX)));
        for wrong in [
            key("ffffffffffffffff"),
            key("00000000000001f"),
            key("+0000000000001f4"),
            key("é00000000000001"),
            KEY_PREFIX.to_owned(),
        ] {
            assert_eq!(app_of(&wrong), None, "{wrong}");
        }
    }
}
