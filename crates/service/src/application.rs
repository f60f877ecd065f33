//! Applications: the customers of an organization.

use indexmap::IndexMap;
use ringback_model::{AppId, AppNo, Application, ApplicationSecrets, ListedNumber, Redacted, Timestamp};
use ringback_store::{
    AppConfig, Delete, Document, DocumentKind, DocumentPage, Expect, Idempotency, Put, PutResult, StoreError,
};

use crate::check::Faults;
use crate::service::TRIES;
use crate::{Actor, Made, Page, Resource, Right, Service, ServiceError, Window};

/// What a caller may say about an application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplicationDraft {
    /// See [`Application::uid`].
    pub uid: Option<String>,
    /// See [`Application::name`].
    pub name: String,
    /// See [`Application::throttle_rate`].
    pub throttle_rate: Option<u16>,
    /// See [`Application::product_unique_ids`].
    pub product_unique_ids: IndexMap<String, Vec<ListedNumber>>,
    /// See [`Application::callback_allow_list`].
    pub callback_allow_list: Vec<String>,
    /// See [`Application::metadata`].
    pub metadata: IndexMap<String, String>,
}

impl ApplicationDraft {
    /// What an application says now: the draft that changes nothing.
    #[must_use]
    pub fn of(application: &Application) -> Self {
        let Application { uid, name, throttle_rate, metadata, product_unique_ids, callback_allow_list, .. } =
            application.clone();
        Self { uid, name, throttle_rate, metadata, product_unique_ids, callback_allow_list }
    }

    fn into_application(self, id: AppId, created_at: Timestamp, updated_at: Timestamp) -> Application {
        let Self { uid, name, throttle_rate, metadata, product_unique_ids, callback_allow_list } = self;
        Application {
            id,
            uid,
            name,
            throttle_rate,
            product_unique_ids,
            callback_allow_list,
            metadata,
            created_at,
            updated_at,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ServiceError> {
        let mut faults = Faults::default();
        faults.line("name", &self.name);
        faults.uid("uid", self.uid.as_deref(), "app");
        faults.throttle_rate(self.throttle_rate);
        faults.metadata(&self.metadata);
        faults.finish()
    }
}

impl Service {
    /// A page of the organization's applications, by id.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] without [`Right::ManageApplications`].
    pub async fn list_applications(
        &self,
        actor: &Actor,
        window: Window<String>,
    ) -> Result<Page<Application>, ServiceError> {
        actor.require(Right::ManageApplications)?;
        let Some(org) = self.organization(actor.org).await? else { return Ok(Page { items: Vec::new(), done: true }) };
        let page = DocumentPage { kind: DocumentKind::Application, parent: org.0, paging: window.paging() };
        let rows = self.store.documents(page).await?;
        let items = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(window.page(items))
    }

    /// One application.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the actor may not know of it.
    pub async fn get_application(&self, actor: &Actor, name: &str) -> Result<Application, ServiceError> {
        actor.require(Right::ReadApplication)?;
        Ok(self.app(actor, name).await?.application.clone())
    }

    /// Makes an application. With `get_if_exists`, one that has the draft's uid already is answered instead.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`], and [`ServiceError::Conflict`] when the uid is taken.
    pub async fn create_application(
        &self,
        actor: &Actor,
        draft: ApplicationDraft,
        get_if_exists: bool,
        idempotency: Option<Idempotency>,
    ) -> Result<Made<Application>, ServiceError> {
        actor.require(Right::ManageApplications)?;
        draft.check()?;
        let uid = draft.uid.clone();
        match self.insert_application(actor, draft, idempotency).await {
            Err(ServiceError::Conflict { code: "conflict", .. }) if get_if_exists => {
                let uid = uid.ok_or_else(ServiceError::contended)?;
                let item = self.app(actor, &uid).await?.application.clone();
                Ok(Made { item, created: false })
            }
            Ok(item) => Ok(Made { item, created: true }),
            Err(error) => Err(error),
        }
    }

    /// Replaces what an application says, or makes one if there is none of this name.
    ///
    /// # Errors
    /// Those of [`Service::create_application`].
    pub async fn put_application(
        &self,
        actor: &Actor,
        name: &str,
        draft: ApplicationDraft,
    ) -> Result<Made<Application>, ServiceError> {
        actor.require(Right::ManageApplications)?;
        draft.check()?;
        if self.find_app(actor, name).await?.is_none() {
            let item = self.insert_application(actor, draft, None).await?;
            return Ok(Made { item, created: true });
        }
        let item = self.update_application(actor, name, |now| now.clone_from(&draft)).await?;
        Ok(Made { item, created: false })
    }

    /// Changes what an application says. `change` may be called more than once, each time with what it says then.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Invalid`], and [`ServiceError::Conflict`] when the uid is taken.
    pub async fn update_application(
        &self,
        actor: &Actor,
        name: &str,
        change: impl Fn(&mut ApplicationDraft) + Send + Sync,
    ) -> Result<Application, ServiceError> {
        actor.require(Right::ManageApplications)?;
        for _ in 0..TRIES {
            let app = self.app(actor, name).await?;
            let mut draft = ApplicationDraft::of(&app.application);
            change(&mut draft);
            draft.check()?;
            if let Some(changed) = self.replace_application(&app, draft).await? {
                return Ok(changed);
            }
        }
        Err(ServiceError::contended())
    }

    /// Deletes an application and its endpoints; what is pending for them is called off.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn delete_application(&self, actor: &Actor, name: &str) -> Result<(), ServiceError> {
        actor.require(Right::ManageApplications)?;
        let app = self.app(actor, name).await?;
        // Endpoints first: whoever is cut off half-way finds the application still there and deletes it again.
        self.delete_endpoints_of(app.no).await?;
        let gone = self.store.delete(Delete { no: app.no.0, now: self.clock.now(), app: Some(app.no) }).await?;
        self.directory.forget(app.no);
        // One that was made in between; from here on none can be, for the application is gone.
        self.delete_endpoints_of(app.no).await?;
        if gone { Ok(()) } else { Err(ServiceError::NotFound(Resource::Application)) }
    }

    /// The application with this uid, made from the draft if there is none.
    pub(crate) async fn ensure_application(&self, actor: &Actor, draft: ApplicationDraft) -> Result<(), ServiceError> {
        match self.insert_application(actor, draft, None).await {
            Ok(_) | Err(ServiceError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn insert_application(
        &self,
        actor: &Actor,
        draft: ApplicationDraft,
        idempotency: Option<Idempotency>,
    ) -> Result<Application, ServiceError> {
        let org = self.ensure_organization(actor.org).await?;
        let now = self.clock.now();
        let id = self.ids.make(now, &*self.random);
        let application = draft.into_application(id, now, now);
        let put = Put {
            kind: DocumentKind::Application,
            parent: org.0,
            key: id.to_string(),
            uid: application.uid.clone(),
            body: serde_json::to_string(&application)?,
            secret: None,
            expect: Expect::New,
            app: None,
            idempotency,
        };
        match self.store.put(put).await? {
            PutResult::Stored(_) => Ok(application),
            PutResult::Replayed { no } => match self.store.document(no).await? {
                Some(document) => Ok(read(&document)?),
                None => Err(ServiceError::contended()),
            },
            PutResult::KeyReused => Err(ServiceError::key_reused()),
            PutResult::UidTaken => Err(uid_taken(application.uid.as_deref())),
            PutResult::KeyTaken | PutResult::Stale => Err(ServiceError::contended()),
        }
    }

    /// `None` when somebody else has changed it in the meantime.
    async fn replace_application(
        &self,
        app: &AppConfig,
        draft: ApplicationDraft,
    ) -> Result<Option<Application>, ServiceError> {
        let Application { id, created_at, .. } = app.application;
        let application = draft.into_application(id, created_at, self.clock.now());
        let put = Put {
            kind: DocumentKind::Application,
            parent: app.org.0,
            key: id.to_string(),
            uid: application.uid.clone(),
            body: serde_json::to_string(&application)?,
            secret: sealed(&app.secrets)?,
            expect: Expect::Version { no: app.no.0, version: app.document_version },
            app: Some(app.no),
            idempotency: None,
        };
        let result = self.store.put(put).await?;
        self.directory.forget(app.no);
        match result {
            PutResult::Stored(_) => Ok(Some(application)),
            PutResult::Stale => Ok(None),
            PutResult::UidTaken => Err(uid_taken(application.uid.as_deref())),
            PutResult::KeyTaken | PutResult::Replayed { .. } | PutResult::KeyReused => Err(ServiceError::contended()),
        }
    }

    async fn delete_endpoints_of(&self, app: AppNo) -> Result<(), ServiceError> {
        let Some((_, _, endpoints)) = self.store.configuration(app).await? else { return Ok(()) };
        let now = self.clock.now();
        let deletions: Vec<_> =
            endpoints.iter().map(|e| self.store.delete(Delete { no: e.no, now, app: Some(app) })).collect();
        for deletion in deletions {
            deletion.await?;
        }
        self.directory.forget(app);
        Ok(())
    }
}

fn read(document: &Document) -> Result<Application, StoreError> {
    serde_json::from_str(&document.body)
        .map_err(|source| StoreError::Corrupt { what: "application", source: source.into() })
}

fn uid_taken(uid: Option<&str>) -> ServiceError {
    ServiceError::Conflict {
        code: "conflict",
        detail: format!("Another application has the uid `{}` already.", uid.unwrap_or_default()),
    }
}

fn sealed(secrets: &ApplicationSecrets) -> Result<Option<Redacted>, ServiceError> {
    Ok(Some(Redacted::new(serde_json::to_string(secrets)?)))
}
