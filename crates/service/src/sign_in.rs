//! Signing in to the console: with a password, with a link that works once, and, as long as there is no user, with the
//! setup token that the server tells the operator when it starts.
//!
//! A session's key is `ID.KEY`: whose it is, and what proves it. The user's document holds a hash of the key, so that a
//! session ends on every node as soon as it is taken out of there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ringback_model::{Redacted, Role, Session, SignInLink, Timestamp, User, UserId, UserSecrets};
use ringback_store::{Delete, DocumentKind, Put, PutResult};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::oauth_client::hex;
use crate::user::UserConfig;
use crate::{Actor, Capabilities, Service, ServiceError, UserDraft};

/// A session ends when it was not used for this long,
const IDLE_MAX: Duration = Duration::from_secs(12 * 3_600);
/// or is this old.
const AGE_MAX: Duration = Duration::from_secs(30 * 86_400);
/// How exactly it is known when a session was last used: each time it is written down costs a commit.
const SEEN_STEP: Duration = Duration::from_secs(5 * 60);
/// Sessions of one user; the oldest gives way.
const SESSIONS_MAX: usize = 20;
/// Links of one user; the oldest gives way.
const LINKS_MAX: usize = 5;
/// How long a link that signs in is good for.
pub const SIGN_IN_LINK_LIFE: Duration = Duration::from_secs(15 * 60);
/// What a browser calls itself is kept up to so many bytes.
const AGENT_MAX: usize = 200;
/// Random bytes of a key.
const KEY_BYTES: usize = 32;
/// The key of the one document of the setup token.
const SETUP: &str = "setup";

/// A user who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The user.
    pub user: User,
    /// Which of its sessions: the hash of its key.
    pub session: String,
}

/// From where somebody signs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visitor {
    /// The IP address.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
}

/// Somebody has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Who.
    pub user: User,
    /// The key of the new session, for a cookie.
    pub key: Redacted,
}

impl SignedIn {
    /// Somebody who speaks for an organization, with the rights of the user's role.
    #[must_use]
    pub fn actor(&self, org: ringback_model::OrgId) -> Actor {
        Actor {
            capabilities: Capabilities::of(self.user.role),
            by: self.user.email.as_str().into(),
            ..Actor::organization(org)
        }
    }

    /// Lets the user through if it is an admin.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] if it is not.
    pub fn must_be_admin(&self) -> Result<(), ServiceError> {
        if self.user.role == Role::Admin {
            return Ok(());
        }
        Err(ServiceError::Forbidden("Users are managed by admins. Ask one of them."))
    }
}

impl Service {
    /// Signs in with a password.
    ///
    /// # Errors
    /// [`ServiceError::Unauthenticated`], which does not tell whether there is such a user, and
    /// [`ServiceError::TooMany`].
    pub async fn sign_in(&self, email: &str, password: &Redacted, from: &Visitor) -> Result<SignIn, ServiceError> {
        let account = email.trim().to_lowercase();
        self.sign_in_limit.take(&account, &from.address, self.clock.now())?;
        let found = self.user_by_email(&account).await?;
        let kept = found.as_ref().and_then(|config| config.secrets.password.as_ref());
        let is_it = self.passwords.verify(password, kept).await?;
        let Some(config) = found.filter(|_| is_it) else {
            return Err(ServiceError::Unauthenticated("The address or the password is not right.".to_owned()));
        };
        self.sign_in_limit.succeeded(&account, &from.address);
        self.begin_session(config.user.id, from, None).await
    }

    /// Signs in with the key of a link, which is used up by it.
    ///
    /// # Errors
    /// [`ServiceError::Unauthenticated`] and [`ServiceError::TooMany`].
    pub async fn sign_in_by_link(&self, key: &Redacted, from: &Visitor) -> Result<SignIn, ServiceError> {
        self.sign_in_limit.take("by link", &from.address, self.clock.now())?;
        let refused = || {
            let detail = "This link was used already, or its time is over. Ask for a new one.";
            ServiceError::Unauthenticated(detail.to_owned())
        };
        let Some((id, secret)) = split(key) else { return Err(refused()) };
        let config = self.user_config(id).await?.ok_or_else(refused)?;
        let hash = hash(secret);
        let now = self.clock.now();
        let is_good = |link: &SignInLink| same(&link.hash, &hash) && now < link.expires_at;
        if !config.secrets.links.iter().any(is_good) {
            return Err(refused());
        }
        let signed_in = self.begin_session(id, from, Some(&hash)).await?;
        self.sign_in_limit.succeeded("by link", &from.address);
        Ok(signed_in)
    }

    /// Makes the key of a link that signs a user in once.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn sign_in_link(&self, id: UserId) -> Result<Redacted, ServiceError> {
        let secret = self.draw_key();
        let link = SignInLink { hash: hash(&secret), expires_at: self.clock.now() + SIGN_IN_LINK_LIFE };
        let now = self.clock.now();
        let add = |_: &mut User, secrets: &mut UserSecrets| {
            secrets.links.retain(|link| now < link.expires_at);
            secrets.links.push(link.clone());
            let over = secrets.links.len().saturating_sub(LINKS_MAX);
            secrets.links.drain(..over);
        };
        self.change_user(id, None, add).await?;
        Ok(join(id, &secret))
    }

    /// The user of this address, made if there is none: for a program that signs somebody in by a link.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`].
    pub async fn ensure_user(&self, draft: UserDraft) -> Result<User, ServiceError> {
        match self.user_by_email(&draft.email).await? {
            Some(config) => Ok(config.user),
            None => self.insert_user(draft, None).await,
        }
    }

    /// Who is signed in with this key.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn signed_in(&self, key: &Redacted) -> Result<Option<SignedIn>, ServiceError> {
        let Some((id, secret)) = split(key) else { return Ok(None) };
        let Some(config) = self.user_config(id).await? else { return Ok(None) };
        let hash = hash(secret);
        let now = self.clock.now();
        let live = |session: &&Session| same(&session.hash, &hash) && is_live(session, now);
        let Some(session) = config.secrets.sessions.iter().find(live) else { return Ok(None) };
        if now >= session.seen_at + SEEN_STEP {
            let see = |_: &mut User, secrets: &mut UserSecrets| {
                if let Some(session) = secrets.sessions.iter_mut().find(|session| session.hash == hash) {
                    session.seen_at = now;
                }
            };
            self.change_user(id, None, see).await?;
        }
        let UserConfig { user, .. } = config;
        Ok(Some(SignedIn { user, session: hash }))
    }

    /// Where a user is signed in, the latest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list_sessions(&self, by: &SignedIn) -> Result<Vec<Session>, ServiceError> {
        let now = self.clock.now();
        let mut sessions = self.user_config(by.user.id).await?.map(|c| c.secrets.sessions).unwrap_or_default();
        sessions.retain(|session| is_live(session, now));
        sessions.reverse();
        Ok(sessions)
    }

    /// Signs out: here, or everywhere else.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sign_out(&self, by: &SignedIn, everywhere_else: bool) -> Result<(), ServiceError> {
        let end = |_: &mut User, secrets: &mut UserSecrets| {
            secrets.sessions.retain(|session| (session.hash == by.session) == everywhere_else);
        };
        self.change_user(by.user.id, None, end).await.map(drop)
    }

    /// Whether there is no user yet.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn has_no_user(&self) -> Result<bool, ServiceError> {
        Ok(self.all_users().await?.is_empty())
    }

    /// The token that the first user is made with, as long as there is none. A new one puts the one before out of force.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn setup_token(&self) -> Result<Option<Redacted>, ServiceError> {
        if !self.has_no_user().await? {
            return Ok(None);
        }
        let token = Redacted::new(self.draw_key());
        self.forget_setup_token().await?;
        let put = Put {
            secret: Some(Redacted::new(hash(token.reveal()))),
            ..Put::new(DocumentKind::Setup, 0, SETUP.to_owned(), "{}".to_owned())
        };
        match self.store.put(put).await? {
            PutResult::Stored(_) => Ok(Some(token)),
            // Another node has told one at this moment: that is the one.
            _ => Ok(None),
        }
    }

    /// Makes the first user, an admin, and signs it in.
    ///
    /// # Errors
    /// [`ServiceError::Unauthenticated`] when the token is not the one, [`ServiceError::Invalid`],
    /// [`ServiceError::TooMany`], and [`ServiceError::Conflict`] when there is a user already.
    pub async fn set_up(&self, token: &Redacted, draft: UserDraft, from: &Visitor) -> Result<SignIn, ServiceError> {
        self.sign_in_limit.take(SETUP, &from.address, self.clock.now())?;
        if !self.has_no_user().await? {
            let detail = "There is a user already. Sign in, or ask an admin for an account.".to_owned();
            return Err(ServiceError::Conflict { code: "set_up", detail });
        }
        let found = self.store.document_by_key(DocumentKind::Setup, 0, SETUP.to_owned()).await?;
        let kept = found.as_ref().and_then(|document| document.secret.as_ref());
        if !kept.is_some_and(|kept| same(kept.reveal(), &hash(token.reveal().trim()))) {
            let detail = "This is not the setup token. The server prints it when it starts; the last one counts.";
            return Err(ServiceError::Unauthenticated(detail.to_owned()));
        }
        // Whoever holds the token is no stranger: mistakes in the rest of the form cost nothing.
        self.sign_in_limit.succeeded(SETUP, &from.address);
        if draft.password.is_none() {
            return Err(ServiceError::body("password", "Choose a password."));
        }
        let user = self.insert_user(UserDraft { role: Role::Admin, ..draft }, None).await?;
        if !self.forget_setup_token().await? {
            // Somebody else has set it up with the same token at this moment.
            self.remove_user(user.id, None).await?;
            return Err(ServiceError::contended());
        }
        self.begin_session(user.id, from, None).await
    }

    /// Whether there was one, and this call has taken it.
    async fn forget_setup_token(&self) -> Result<bool, ServiceError> {
        let found = self.store.document_by_key(DocumentKind::Setup, 0, SETUP.to_owned()).await?;
        let Some(document) = found else { return Ok(false) };
        Ok(self.store.delete(Delete::new(document.no, self.clock.now())).await?)
    }

    /// Begins a session, with a link that is used up by it.
    async fn begin_session(&self, id: UserId, from: &Visitor, link: Option<&str>) -> Result<SignIn, ServiceError> {
        let secret = self.draw_key();
        let now = self.clock.now();
        let end = (0..=AGENT_MAX.min(from.agent.len())).rev().find(|at| from.agent.is_char_boundary(*at));
        let session = Session {
            hash: hash(&secret),
            began_at: now,
            seen_at: now,
            address: from.address.clone(),
            agent: from.agent[..end.unwrap_or_default()].to_owned(),
        };
        let used_up = AtomicBool::new(false);
        let begin = |user: &mut User, secrets: &mut UserSecrets| {
            let gone = link.is_some_and(|link| secrets.links.iter().all(|kept| kept.hash != link));
            used_up.store(gone, Ordering::Relaxed);
            if gone {
                return;
            }
            secrets.links.retain(|kept| Some(kept.hash.as_str()) != link && now < kept.expires_at);
            secrets.sessions.retain(|session| is_live(session, now));
            secrets.sessions.push(session.clone());
            let over = secrets.sessions.len().saturating_sub(SESSIONS_MAX);
            secrets.sessions.drain(..over);
            user.signed_in_at = Some(now);
        };
        let user = self.change_user(id, None, begin).await?;
        if used_up.into_inner() {
            return Err(ServiceError::Unauthenticated("This link was used already. Ask for a new one.".to_owned()));
        }
        Ok(SignIn { user, key: join(id, &secret) })
    }

    fn draw_key(&self) -> String {
        let mut bytes = [0; KEY_BYTES];
        self.random.fill(&mut bytes);
        hex(&bytes)
    }
}

fn is_live(session: &Session, now: Timestamp) -> bool {
    now < session.seen_at + IDLE_MAX && now < session.began_at + AGE_MAX
}

fn join(id: UserId, secret: &str) -> Redacted {
    Redacted::new(format!("{id}.{secret}"))
}

fn split(key: &Redacted) -> Option<(UserId, &str)> {
    let (id, secret) = key.reveal().split_once('.')?;
    Some((id.parse().ok()?, secret))
}

fn hash(secret: &str) -> String {
    hex(&Sha256::digest(secret))
}

fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}
