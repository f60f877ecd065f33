//! Users of the console: who there is, what each may do, and what each signs in with.

use ringback_model::{Redacted, Role, User, UserId, UserSecrets};
use ringback_store::{Delete, Direction, Document, DocumentKind, DocumentPage, Expect, Paging, Put, PutResult};

use crate::audit::Note;
use crate::check::{Faults, LINE_MAX};
use crate::service::TRIES;
use crate::{Resource, Service, ServiceError, SignedIn, password};

/// Users that there may be.
const USERS_MAX: usize = 1_000;
/// The longest e-mail address, in bytes (RFC 5321, 4.5.3.1).
const EMAIL_MAX: usize = 254;

/// What is said about a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserDraft {
    /// What it signs in with.
    pub email: String,
    /// Its name, for people.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Its password; without one, it signs in by a link.
    pub password: Option<Redacted>,
}

/// A user as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct UserConfig {
    pub(crate) no: i64,
    pub(crate) version: i64,
    pub(crate) user: User,
    pub(crate) secrets: UserSecrets,
}

impl Service {
    /// All users, by address.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] unless an admin asks.
    pub async fn list_users(&self, by: &SignedIn) -> Result<Vec<User>, ServiceError> {
        by.must_be_admin()?;
        let mut users: Vec<User> = self.all_users().await?.into_iter().map(|config| config.user).collect();
        users.sort_by(|one, other| one.email.cmp(&other.email));
        Ok(users)
    }

    /// Makes a user.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] unless an admin asks, [`ServiceError::Invalid`].
    pub async fn create_user(&self, by: &SignedIn, draft: UserDraft) -> Result<User, ServiceError> {
        by.must_be_admin()?;
        self.insert_user(draft, Some(by)).await
    }

    /// Changes what a user may do.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] unless an admin asks, [`ServiceError::NotFound`], and [`ServiceError::Refused`] when
    /// no admin would be left.
    pub async fn change_role(&self, by: &SignedIn, id: UserId, role: Role) -> Result<User, ServiceError> {
        by.must_be_admin()?;
        self.must_leave_an_admin(id, role).await?;
        self.change_user(id, Some(by), |user, _| user.role = role).await
    }

    /// Removes a user, who is signed out everywhere.
    ///
    /// # Errors
    /// Those of [`Service::change_role`].
    pub async fn delete_user(&self, by: &SignedIn, id: UserId) -> Result<(), ServiceError> {
        by.must_be_admin()?;
        self.must_leave_an_admin(id, Role::Viewer).await?;
        self.remove_user(id, Some(by)).await
    }

    pub(crate) async fn remove_user(&self, id: UserId, by: Option<&SignedIn>) -> Result<(), ServiceError> {
        let config = self.user_config(id).await?.ok_or(ServiceError::NotFound(Resource::User))?;
        let now = self.clock.now();
        let audit = by.and_then(|by| note(by, &config.user).done(now, "deleted"));
        let gone = self.store.delete(Delete { audit, ..Delete::new(config.no, now) }).await?;
        if gone { Ok(()) } else { Err(ServiceError::NotFound(Resource::User)) }
    }

    /// Gives a user another password. The user is signed out everywhere, but for where it changes its own.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] for the password of somebody else unless an admin asks, [`ServiceError::NotFound`]
    /// and [`ServiceError::Invalid`].
    pub async fn change_password(&self, by: &SignedIn, id: UserId, new: &Redacted) -> Result<(), ServiceError> {
        if by.user.id != id {
            by.must_be_admin()?;
        }
        let config = self.user_config(id).await?.ok_or(ServiceError::NotFound(Resource::User))?;
        let mut faults = Faults::default();
        password::check(new, &config.user.email, &mut faults);
        faults.finish()?;
        let hash = self.passwords.hash(new, &*self.random).await?;
        let change = |_: &mut User, secrets: &mut UserSecrets| {
            secrets.password = Some(hash.clone());
            secrets.links.clear();
            secrets.sessions.retain(|session| session.hash == by.session);
        };
        self.change_user(id, Some(by), change).await.map(drop)
    }

    /// Whether a password is that of the user who is signed in.
    ///
    /// # Errors
    /// Those of the store, and [`ServiceError::TooMany`].
    pub async fn knows_password(&self, by: &SignedIn, shown: &Redacted) -> Result<bool, ServiceError> {
        self.sign_in_limit.take(&by.user.email, "own password", self.clock.now())?;
        let config = self.user_config(by.user.id).await?;
        let kept = config.and_then(|config| config.secrets.password);
        let knows = self.passwords.verify(shown, kept.as_ref()).await?;
        if knows {
            self.sign_in_limit.succeeded(&by.user.email, "own password");
        }
        Ok(knows)
    }

    pub(crate) async fn insert_user(&self, draft: UserDraft, by: Option<&SignedIn>) -> Result<User, ServiceError> {
        let UserDraft { email, name, role, password } = draft;
        let email = email.trim().to_lowercase();
        let name = name.trim().to_owned();
        let mut faults = Faults::default();
        if !is_email(&email) {
            faults.note("email", "Write an e-mail address, such as `name@example.com`.");
        }
        faults.text("name", &name, LINE_MAX);
        if let Some(password) = &password {
            password::check(password, &email, &mut faults);
        }
        faults.finish()?;
        if self.all_users().await?.len() >= USERS_MAX {
            return Err(ServiceError::body("email", format!("There are {USERS_MAX} users: remove one first.")));
        }
        let now = self.clock.now();
        let mut secrets = UserSecrets::default();
        if let Some(password) = &password {
            secrets.password = Some(self.passwords.hash(password, &*self.random).await?);
        }
        let id = self.ids.make(now, &*self.random);
        let user = User { id, email, name, role, created_at: now, signed_in_at: None };
        let mut put = put(&user, &secrets, Expect::New)?;
        put.audit = by.and_then(|by| note(by, &user).added(now, &put.body));
        match self.store.put(put).await? {
            PutResult::Stored(_) => Ok(user),
            PutResult::UidTaken => Err(ServiceError::body("email", "There is a user with this address already.")),
            PutResult::KeyTaken | PutResult::Stale | PutResult::Replayed { .. } | PutResult::KeyReused => {
                Err(ServiceError::contended())
            }
        }
    }

    /// Changes both parts of a user; told afterwards if somebody asked for it. `change` may be called more than once,
    /// each time with what there is then.
    pub(crate) async fn change_user(
        &self,
        id: UserId,
        by: Option<&SignedIn>,
        change: impl Fn(&mut User, &mut UserSecrets) + Send + Sync,
    ) -> Result<User, ServiceError> {
        for _ in 0..TRIES {
            let found = self.user_config(id).await?.ok_or(ServiceError::NotFound(Resource::User))?;
            let UserConfig { no, version, mut user, mut secrets } = found;
            let (before, password) = (serde_json::to_string(&user)?, secrets.password.clone());
            change(&mut user, &mut secrets);
            let mut put = put(&user, &secrets, Expect::Version { no, version })?;
            let sealed = secrets.password != password;
            put.audit = by.and_then(|by| note(by, &user).changed(self.clock.now(), &before, &put.body, sealed));
            if matches!(self.store.put(put).await?, PutResult::Stored(_)) {
                return Ok(user);
            }
        }
        Err(ServiceError::contended())
    }

    pub(crate) async fn user_config(&self, id: UserId) -> Result<Option<UserConfig>, ServiceError> {
        let found = self.store.document_by_key(DocumentKind::User, 0, id.to_string()).await?;
        found.as_ref().map(read).transpose()
    }

    pub(crate) async fn user_by_email(&self, email: &str) -> Result<Option<UserConfig>, ServiceError> {
        let email = email.trim().to_lowercase();
        let found = self.store.document_by_uid(DocumentKind::User, 0, email).await?;
        found.as_ref().map(read).transpose()
    }

    pub(crate) async fn all_users(&self) -> Result<Vec<UserConfig>, ServiceError> {
        let paging = Paging { limit: USERS_MAX, after: None, direction: Direction::Ascending };
        let page = DocumentPage { kind: DocumentKind::User, parent: 0, paging };
        self.store.documents(page).await?.iter().map(read).collect()
    }

    /// Refuses a change after which nobody could manage users.
    async fn must_leave_an_admin(&self, id: UserId, role: Role) -> Result<(), ServiceError> {
        let others = self.all_users().await?.into_iter().filter(|config| config.user.id != id);
        if role == Role::Admin || others.into_iter().any(|config| config.user.role == Role::Admin) {
            return Ok(());
        }
        Err(ServiceError::Refused {
            code: "last_admin",
            detail: "This is the only admin. Make somebody else an admin first.".to_owned(),
        })
    }
}

fn note<'a>(by: &'a SignedIn, user: &'a User) -> Note<'a> {
    Note { org: 0, by: &by.user.email, thing: "user", app: None, subject: user.id.to_string(), title: &user.email }
}

fn put(user: &User, secrets: &UserSecrets, expect: Expect) -> Result<Put, ServiceError> {
    Ok(Put {
        uid: Some(user.email.clone()),
        secret: Some(Redacted::new(serde_json::to_string(secrets)?)),
        expect,
        ..Put::new(DocumentKind::User, 0, user.id.to_string(), serde_json::to_string(user)?)
    })
}

fn read(document: &Document) -> Result<UserConfig, ServiceError> {
    Ok(UserConfig {
        no: document.no,
        version: document.version,
        user: serde_json::from_str(&document.body)?,
        secrets: match &document.secret {
            Some(secret) => serde_json::from_str(secret.reveal())?,
            None => UserSecrets::default(),
        },
    })
}

fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.rsplit_once('@') else { return false };
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>\"'\\,;:".contains(c);
    text.len() <= EMAIL_MAX && !name.is_empty() && !host.is_empty() && text.chars().all(plain)
}
