//! Clients of the built-in token issuer (RFC 6749, 4.4): a program of a customer that gets tokens for its application.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringback_model::{AppNo, Redacted, Timestamp};
use ringback_store::{
    AppConfig, Delete, Direction, Document, DocumentKind, DocumentPage, Paging, Put, PutResult, StoreError,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::audit::Note;
use crate::token::MintedFor;
use crate::{Actor, Resource, Right, Service, ServiceError, TokenError, TokenSubject};

/// How long a token is good for.
pub const TOKEN_LIFE: Duration = Duration::from_secs(3_600);
/// Clients that one application may have.
const CLIENTS_MAX: usize = 100;
/// For how long a client that was found is believed to exist.
const KNOWN: Duration = Duration::from_secs(1);
/// Clients that are remembered at most.
const KNOWN_MAX: usize = 10_000;
/// What the ids of all clients begin with.
pub(crate) const ID_PREFIX: &str = "oc_";
/// Random bytes of a secret.
const SECRET_BYTES: usize = 32;

/// A client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OauthClient {
    /// Who asks.
    pub client_id: String,
    /// Its name, for people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The organization of its application.
    org: String,
    /// Its application.
    app: String,
}

/// The sealed part: of a secret nothing is kept but its hash.
#[derive(Debug, Serialize, Deserialize)]
struct Sealed {
    hash: String,
}

/// Why no token is given (RFC 6749, 5.2).
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The client is not known, or its secret is another.
    #[error("The client is not known, or its secret is another.")]
    Client,
    /// The store or the signature failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<StoreError> for GrantError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

impl Service {
    /// Makes a client of an application; its secret is told now and never again.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] of the application, [`ServiceError::Invalid`].
    pub async fn create_oauth_client(
        &self,
        actor: &Actor,
        app: &str,
        name: &str,
    ) -> Result<(OauthClient, Redacted), ServiceError> {
        actor.require(Right::ManageClients)?;
        if name.len() > 256 {
            return Err(ServiceError::body("name", "At most 256 bytes are allowed."));
        }
        let app = self.app(actor, app).await?;
        if self.clients_of(app.no).await?.len() >= CLIENTS_MAX {
            let rule = format!("An application has at most {CLIENTS_MAX} clients: remove one that is not used.");
            return Err(ServiceError::body("name", rule));
        }
        let secret = Redacted::new(self.random_hex(SECRET_BYTES));
        let client = OauthClient {
            client_id: format!("{}{}", prefix(app.no), self.random_hex(10)),
            name: name.to_owned(),
            created_at: self.clock.now(),
            org: actor.org.to_string(),
            app: app.application.id.to_string(),
        };
        let sealed = Sealed { hash: hash(secret.reveal()) };
        let put = Put {
            secret: Some(Redacted::new(serde_json::to_string(&sealed)?)),
            audit: note(actor, &app, &client).done(client.created_at, "added"),
            ..Put::new(DocumentKind::OauthClient, 0, client.client_id.clone(), serde_json::to_string(&client)?)
        };
        match self.store.put(put).await? {
            PutResult::Stored(_) => Ok((client, secret)),
            _ => Err(ServiceError::contended()),
        }
    }

    /// The clients of an application.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] of the application.
    pub async fn list_oauth_clients(&self, actor: &Actor, app: &str) -> Result<Vec<OauthClient>, ServiceError> {
        actor.require(Right::ReadEndpoints)?;
        let app = self.app(actor, app).await?;
        let documents = self.clients_of(app.no).await?;
        documents.iter().map(|document| Ok(read(document)?.0)).collect()
    }

    /// Removes a client, and with it the tokens that it has: here at once, on other nodes within a second.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn delete_oauth_client(&self, actor: &Actor, app: &str, id: &str) -> Result<(), ServiceError> {
        actor.require(Right::ManageClients)?;
        let app = self.app(actor, app).await?;
        let missing = || ServiceError::NotFound(Resource::OauthClient);
        if !id.starts_with(&prefix(app.no)) {
            return Err(missing());
        }
        let found = self.store.document_by_key(DocumentKind::OauthClient, 0, id.to_owned()).await?;
        let document = found.ok_or_else(missing)?;
        let now = self.clock.now();
        let audit = note(actor, &app, &read(&document)?.0).done(now, "deleted");
        let gone = self.store.delete(Delete { audit, ..Delete::new(document.no, now) }).await?;
        self.clients.forget(id);
        if gone { Ok(()) } else { Err(missing()) }
    }

    /// Gives a token to a client that shows its secret.
    ///
    /// # Errors
    /// [`GrantError::Client`] when it is not the one.
    pub async fn grant_token(&self, client_id: &str, secret: &Redacted) -> Result<Redacted, GrantError> {
        let found = self.store.document_by_key(DocumentKind::OauthClient, 0, client_id.to_owned()).await?;
        let (client, sealed) = read(&found.ok_or(GrantError::Client)?)?;
        if !bool::from(sealed.hash.as_bytes().ct_eq(hash(secret.reveal()).as_bytes())) {
            return Err(GrantError::Client);
        }
        let (Ok(org), Ok(app)) = (client.org.parse(), client.app.parse()) else { return Err(GrantError::Client) };
        // A deleted application has no tokens any more.
        self.app(&Actor::organization(org), &client.app).await.map_err(|_| GrantError::Client)?;
        let subject = TokenSubject::Application { org, app, feature_flags: Vec::new() };
        let said = MintedFor { client: Some(client_id), ..MintedFor::default() };
        let minted = self.tokens.mint_for(&subject, &said, self.clock.wall(), TOKEN_LIFE, &*self.random);
        minted
            .map(|minted| minted.token)
            .map_err(|error: TokenError| GrantError::Service(ServiceError::Unauthenticated(error.to_string())))
    }

    /// Makes sure that a client still exists which got a token.
    pub(crate) async fn require_client(&self, id: &str) -> Result<(), ServiceError> {
        let now = self.clock.now();
        if self.clients.is_known(id, now) {
            return Ok(());
        }
        if self.store.document_by_key(DocumentKind::OauthClient, 0, id.to_owned()).await?.is_none() {
            let message = "The client that got this token was removed. Ask for a token with another one.";
            return Err(ServiceError::Unauthenticated(message.to_owned()));
        }
        self.clients.note(id, now);
        Ok(())
    }

    async fn clients_of(&self, app: AppNo) -> Result<Vec<Document>, ServiceError> {
        let prefix = prefix(app);
        let paging = Paging { limit: CLIENTS_MAX, after: Some(prefix.clone()), direction: Direction::Ascending };
        let page = DocumentPage { kind: DocumentKind::OauthClient, parent: 0, paging };
        let mut documents = self.store.documents(page).await?;
        documents.retain(|document| document.key.starts_with(&prefix));
        Ok(documents)
    }

    pub(crate) fn random_hex(&self, bytes: usize) -> String {
        let mut drawn = vec![0; bytes];
        self.random.fill(&mut drawn);
        hex(&drawn)
    }
}

/// Clients that existed a moment ago, so that not every request looks for its own in the store.
#[derive(Debug, Default)]
pub(crate) struct KnownClients(Mutex<HashMap<String, Timestamp>>);

impl KnownClients {
    fn is_known(&self, id: &str, now: Timestamp) -> bool {
        self.seen().get(id).is_some_and(|seen| now < *seen + KNOWN)
    }

    fn note(&self, id: &str, now: Timestamp) {
        let mut seen = self.seen();
        if seen.len() >= KNOWN_MAX {
            seen.clear();
        }
        seen.insert(id.to_owned(), now);
    }

    fn forget(&self, id: &str) {
        self.seen().remove(id);
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<String, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the ids of an application's clients begin with: they stand together, so that a page of them is one look.
fn prefix(app: AppNo) -> String {
    format!("{ID_PREFIX}{:012x}", app.0)
}

fn note<'a>(actor: &'a Actor, app: &AppConfig, client: &'a OauthClient) -> Note<'a> {
    let title = if client.name.is_empty() { &client.client_id } else { &client.name };
    Note {
        org: app.org.0,
        by: &actor.by,
        thing: "client",
        app: Some(app.application.id),
        subject: client.client_id.clone(),
        title,
    }
}

fn hash(secret: &str) -> String {
    hex(&Sha256::digest(secret))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(document: &Document) -> Result<(OauthClient, Sealed), ServiceError> {
    let sealed = document.secret.as_ref().map_or("{}", |secret| secret.reveal());
    Ok((serde_json::from_str(&document.body)?, serde_json::from_str(sealed)?))
}
