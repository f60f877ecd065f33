//! Applications: the customers of an organization.

use indexmap::IndexMap;
use ringback_model::{
    AppId, AppNo, Application, ApplicationSecrets, IngestLimits, ListedNumber, OrgNo, OrganizationSettings, Redacted,
    Timestamp, number_list_faults, sentence,
};
use ringback_store::{
    AppConfig, Delete, Document, DocumentKind, DocumentPage, Expect, Hits, Idempotency, KnownVersions, Paging, Put,
    PutResult, StoreError,
};

use crate::audit::Note;
use crate::check::Faults;
use crate::page;
use crate::service::TRIES;
use crate::{Actor, Change, Made, Page, Resource, Right, Service, ServiceError, UrlRules, Window};

/// Numbers that one product may list.
const NUMBERS_MAX: usize = 1_000;
/// The longest number or name of one, in bytes.
const NUMBER_MAX: usize = 256;
/// Prefixes that an allow-list may have.
const ALLOWED_MAX: usize = 100;
/// Messages a second that may be let in.
const INGEST_RATE: std::ops::RangeInclusive<u32> = 1..=1_000_000;
/// Bytes that may be kept, as far as every reader of JSON can count.
const STORAGE_QUOTA: std::ops::RangeInclusive<u64> = 1..=9_007_199_254_740_991;
/// Where webhooks of the reference server's customers are looked at.
const PLAY_HOST: &str = "https://play.svix.com/";
/// Applications that are read at a time when some of them may not be shown.
const STRIDE: usize = 251;
/// How long a feedback secret may be.
const FEEDBACK_SECRET: std::ops::RangeInclusive<usize> = 8..=256;

/// An application that was read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationView {
    /// The application.
    pub application: Application,
    /// Whether it has a feedback secret, which is never told.
    pub has_feedback_secret: bool,
}

/// Which applications are left out of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApplicationFilter {
    /// Those without an endpoint.
    pub no_endpoints: bool,
    /// Those that have endpoints, all of them disabled.
    pub all_disabled: bool,
    /// Those that have endpoints, all of them at a place for trying things out (`PLAY_HOST`).
    pub all_at_play: bool,
}

impl ApplicationFilter {
    fn shows(self, app: &AppConfig) -> bool {
        let mut endpoints =
            app.endpoints.iter().map(|config| &config.endpoint).filter(|endpoint| !endpoint.callback).peekable();
        if endpoints.peek().is_none() {
            return !self.no_endpoints;
        }
        let (mut all_disabled, mut all_at_play) = (true, true);
        for endpoint in endpoints {
            all_disabled &= endpoint.disabled;
            all_at_play &= endpoint.url.starts_with(PLAY_HOST);
        }
        !(self.all_disabled && all_disabled || self.all_at_play && all_at_play)
    }
}

/// What a caller may say about an application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplicationDraft {
    /// See [`Application::uid`].
    pub uid: Option<String>,
    /// See [`Application::name`].
    pub name: String,
    /// See [`Application::throttle_rate`].
    pub throttle_rate: Option<u16>,
    /// See [`Application::ingest`].
    pub ingest: IngestLimits,
    /// See [`Application::product_unique_ids`].
    pub product_unique_ids: IndexMap<String, Vec<ListedNumber>>,
    /// See [`Application::callback_allow_list`].
    pub callback_allow_list: Vec<String>,
    /// See [`ApplicationSecrets::feedback_secret`].
    pub feedback_secret: Change<Option<Redacted>>,
    /// See [`Application::metadata`].
    pub metadata: IndexMap<String, String>,
}

impl ApplicationDraft {
    /// What an application says now: the draft that changes nothing.
    #[must_use]
    pub fn of(application: &Application) -> Self {
        let Application { uid, name, throttle_rate, ingest, metadata, product_unique_ids, callback_allow_list, .. } =
            application.clone();
        let feedback_secret = Change::Keep;
        Self { uid, name, throttle_rate, ingest, metadata, product_unique_ids, callback_allow_list, feedback_secret }
    }

    /// The feedback secret that it gives the application.
    fn new_feedback_secret(&self) -> Option<&Redacted> {
        match &self.feedback_secret {
            Change::Keep => None,
            Change::Replace(secret) => secret.as_ref(),
        }
    }

    /// The two parts of the document, made from what was secret before.
    fn split(
        self,
        (id, created_at): (AppId, Timestamp),
        updated_at: Timestamp,
        secrets: &ApplicationSecrets,
    ) -> (Application, ApplicationSecrets) {
        let Self {
            uid,
            name,
            throttle_rate,
            ingest,
            metadata,
            product_unique_ids,
            callback_allow_list,
            feedback_secret,
        } = self;
        let feedback_secret = match feedback_secret {
            Change::Keep => secrets.feedback_secret.clone(),
            Change::Replace(secret) => secret,
        };
        let application = Application {
            id,
            uid,
            name,
            throttle_rate,
            ingest,
            product_unique_ids,
            callback_allow_list,
            metadata,
            created_at,
            updated_at,
        };
        (application, ApplicationSecrets { feedback_secret })
    }

    /// Refuses what makes no sense, and writes URLs as they are compared.
    pub(crate) fn check(&mut self, settings: &OrganizationSettings, urls: &dyn UrlRules) -> Result<(), ServiceError> {
        let mut faults = Faults::default();
        faults.line("name", &self.name);
        faults.uid("uid", self.uid.as_deref(), "app");
        faults.throttle_rate(self.throttle_rate);
        faults.metadata(&self.metadata);
        if self.ingest.ingest_rate.is_some_and(|rate| !INGEST_RATE.contains(&rate)) {
            faults.note("ingestRate", "It is 1 to 1000000 messages a second; leave it out for no limit.");
        }
        if self.ingest.storage_quota.is_some_and(|bytes| !STORAGE_QUOTA.contains(&bytes)) {
            faults.note("storageQuota", "It is 1 to 9007199254740991 bytes; leave it out for no limit.");
        }
        if let Change::Replace(Some(secret)) = &self.feedback_secret {
            let text = secret.reveal();
            if !FEEDBACK_SECRET.contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                faults.note("feedbackSecret", "A secret has 8 to 256 visible ASCII characters.");
            }
        }
        self.check_numbers(settings, &mut faults);
        self.check_allow_list(urls, &mut faults);
        faults.finish()
    }

    fn check_numbers(&self, settings: &OrganizationSettings, faults: &mut Faults) {
        for (product, fault) in
            number_list_faults(&settings.products, self.product_unique_ids.keys().map(String::as_str))
        {
            faults.note_item("productUniqueIds", &product, fault);
        }
        for (product, numbers) in &self.product_unique_ids {
            if numbers.len() > NUMBERS_MAX {
                faults.note_item("productUniqueIds", product, format!("At most {NUMBERS_MAX} numbers are allowed."));
            }
            let mut seen = std::collections::HashSet::new();
            for (at, number) in numbers.iter().enumerate().take(NUMBERS_MAX) {
                let name = number.name.as_deref().unwrap_or_default();
                if number.id.is_empty() || number.id.len() > NUMBER_MAX || name.len() > NUMBER_MAX {
                    let rule = format!("A number has 1 to {NUMBER_MAX} bytes, and its name at most as many.");
                    faults.note_path(&format!("productUniqueIds.{product}.{at}"), rule);
                } else if !seen.insert(&number.id) {
                    faults.note_path(&format!("productUniqueIds.{product}.{at}"), "This number is listed already.");
                }
            }
        }
    }

    fn check_allow_list(&mut self, urls: &dyn UrlRules, faults: &mut Faults) {
        if self.callback_allow_list.len() > ALLOWED_MAX {
            faults.note("callbackAllowList", format!("At most {ALLOWED_MAX} prefixes are allowed."));
        }
        for (at, prefix) in self.callback_allow_list.iter_mut().enumerate().take(ALLOWED_MAX) {
            match urls.check(prefix) {
                Ok(checked) if checked.basic.is_none() && !checked.url.contains(['?', '{']) => *prefix = checked.url,
                Ok(_) => {
                    let rule =
                        "A prefix is a scheme, a host and the beginning of a path: `https://example.com/hooks/`.";
                    faults.note_item("callbackAllowList", &at, rule);
                }
                Err(wrong) => faults.note_item("callbackAllowList", &at, sentence(&wrong)),
            }
        }
    }
}

impl Service {
    /// A page of the organization's applications, by id.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] without [`Right::ListApplications`].
    pub async fn list_applications(
        &self,
        actor: &Actor,
        window: Window<String>,
        filter: ApplicationFilter,
    ) -> Result<Page<ApplicationView>, ServiceError> {
        actor.require(Right::ListApplications)?;
        let Some(org) = self.organization(actor.org).await? else { return Ok(Page::empty()) };
        if filter != ApplicationFilter::default() {
            return self.list_some_applications(org, window, filter).await;
        }
        let page = DocumentPage { kind: DocumentKind::Application, parent: org.0, paging: window.paging() };
        let rows = self.store.documents(page).await?;
        let items = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(window.page(items))
    }

    /// The same of those that a filter shows. One request looks at a limited number of them.
    async fn list_some_applications(
        &self,
        org: OrgNo,
        window: Window<String>,
        filter: ApplicationFilter,
    ) -> Result<Page<ApplicationView>, ServiceError> {
        let Paging { limit, mut after, direction } = window.paging();
        let (mut shown, mut looked) = (Vec::new(), 0);
        while looked < page::LOOK {
            let paging = Paging { limit: STRIDE, after: after.clone(), direction };
            let rows =
                self.store.documents(DocumentPage { kind: DocumentKind::Application, parent: org.0, paging }).await?;
            for row in &rows {
                let app = self.directory.app(AppNo(row.no)).await?;
                if app.is_some_and(|app| filter.shows(&app)) {
                    shown.push(read(row)?);
                }
                if shown.len() == limit {
                    return Ok(window.page(shown));
                }
            }
            looked += rows.len();
            if rows.len() < STRIDE {
                return Ok(window.page(shown));
            }
            after = rows.last().map(|row| row.key.clone());
        }
        Ok(window.page_of_hits(Hits { items: shown, looked_to: after }))
    }

    /// One application.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the actor may not know of it.
    pub async fn get_application(&self, actor: &Actor, name: &str) -> Result<ApplicationView, ServiceError> {
        actor.require(Right::ReadApplication)?;
        Ok(ApplicationView::of(&*self.app(actor, name).await?))
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
    ) -> Result<Made<ApplicationView>, ServiceError> {
        actor.require(Right::ManageApplications)?;
        let uid = draft.uid.clone();
        match self.insert_application(actor, draft, idempotency).await {
            Err(ServiceError::Conflict { code: "conflict", .. }) if get_if_exists => {
                let uid = uid.ok_or_else(ServiceError::contended)?;
                let item = ApplicationView::of(&*self.app(actor, &uid).await?);
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
    ) -> Result<Made<ApplicationView>, ServiceError> {
        actor.require(Right::ManageApplications)?;
        if self.find_app(actor, name).await?.is_none() {
            match self.insert_application(actor, draft.clone(), None).await {
                // Somebody else has made it meanwhile.
                Err(ServiceError::Conflict { .. }) if self.find_app(actor, name).await?.is_some() => {}
                made => return made.map(|item| Made { item, created: true }),
            }
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
    ) -> Result<ApplicationView, ServiceError> {
        self.save_application(actor, name, |_| true, change).await
    }

    /// The same, as long as what it says is still what was `seen`.
    ///
    /// # Errors
    /// Those of [`Service::update_application`], and [`ServiceError::Conflict`] with `changed` when it is not.
    pub async fn save_application(
        &self,
        actor: &Actor,
        name: &str,
        seen: impl Fn(&ApplicationDraft) -> bool + Send + Sync,
        change: impl Fn(&mut ApplicationDraft) + Send + Sync,
    ) -> Result<ApplicationView, ServiceError> {
        actor.require(Right::ManageApplications)?;
        for _ in 0..TRIES {
            let app = self.app(actor, name).await?;
            let mut draft = ApplicationDraft::of(&app.application);
            if !seen(&draft) {
                return Err(ServiceError::changed("application"));
            }
            change(&mut draft);
            draft.check(&app.settings, &*self.urls)?;
            let (new, old) = (draft.new_feedback_secret().cloned(), app.secrets.feedback_secret.as_ref());
            // Findable before it is had: a secret that is had is one that is taken.
            if let Some(secret) = &new {
                self.announce_feedback_secret(actor.org, app.application.id, secret).await?;
            }
            let gives_up = matches!(draft.feedback_secret, Change::Replace(_)) && old != new.as_ref();
            if let Some(changed) = self.replace_application(actor, &app, draft).await? {
                if let Some(old) = old.filter(|_| gives_up) {
                    self.forget_feedback_secret(old).await?;
                }
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
        let now = self.clock.now();
        let audit = note(actor, app.org, &app.application).done(now, "deleted");
        // Endpoints first: whoever is cut off half-way finds the application still there and deletes it again.
        self.delete_endpoints_of(app.no).await?;
        let gone = self.store.delete(Delete { app: Some(app.no), audit, ..Delete::new(app.no.0, now) }).await?;
        self.directory.forget(app.no);
        // One that was made in between; from here on none can be, for the application is gone.
        self.delete_endpoints_of(app.no).await?;
        if let Some(secret) = &app.secrets.feedback_secret {
            self.forget_feedback_secret(secret).await?;
        }
        if gone { Ok(()) } else { Err(ServiceError::NotFound(Resource::Application)) }
    }

    /// Refuses a new application that makes no sense.
    async fn check_application(&self, actor: &Actor, draft: &mut ApplicationDraft) -> Result<(), ServiceError> {
        let settings = match self.organization(actor.org).await? {
            Some(org) => self.directory.settings(org).await?,
            None => std::sync::Arc::default(),
        };
        draft.check(&settings, &*self.urls)
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
        mut draft: ApplicationDraft,
        idempotency: Option<Idempotency>,
    ) -> Result<ApplicationView, ServiceError> {
        self.check_application(actor, &mut draft).await?;
        let org = self.ensure_organization(actor.org).await?;
        self.ensure_operational_types(actor).await?;
        let now = self.clock.now();
        let id = self.ids.make(now, &*self.random);
        let feedback_secret = draft.new_feedback_secret().cloned();
        // Of a request that is said again, the application that it made has the secret.
        if let Some(secret) = feedback_secret.as_ref().filter(|_| idempotency.is_none()) {
            self.check_feedback_secret(None, secret).await?;
        }
        let (application, secrets) = draft.split((id, now), now, &ApplicationSecrets::default());
        let mut put = Put {
            uid: application.uid.clone(),
            secret: sealed(&secrets)?,
            idempotency,
            ..Put::new(DocumentKind::Application, org.0, id.to_string(), serde_json::to_string(&application)?)
        };
        put.audit = note(actor, org, &application).added(now, &put.body);
        match self.store.put(put).await? {
            PutResult::Stored(written) => {
                if let Some(secret) = &feedback_secret
                    && let Err(error) = self.announce_feedback_secret(actor.org, id, secret).await
                {
                    self.store.delete(Delete { app: Some(AppNo(written.no)), ..Delete::new(written.no, now) }).await?;
                    return Err(error);
                }
                Ok(ApplicationView::new(application, &secrets))
            }
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
        actor: &Actor,
        app: &AppConfig,
        draft: ApplicationDraft,
    ) -> Result<Option<ApplicationView>, ServiceError> {
        let Application { id, created_at, .. } = app.application;
        let (application, secrets) = draft.split((id, created_at), self.clock.now(), &app.secrets);
        let mut put = Put {
            uid: application.uid.clone(),
            secret: sealed(&secrets)?,
            expect: Expect::Version { no: app.no.0, version: app.document_version },
            app: Some(app.no),
            ..Put::new(DocumentKind::Application, app.org.0, id.to_string(), serde_json::to_string(&application)?)
        };
        let before = serde_json::to_string(&app.application)?;
        let sealed = app.secrets != secrets;
        put.audit = note(actor, app.org, &application).changed(self.clock.now(), &before, &put.body, sealed);
        let result = self.store.put(put).await?;
        self.directory.forget(app.no);
        match result {
            PutResult::Stored(_) => Ok(Some(ApplicationView::new(application, &secrets))),
            PutResult::Stale => Ok(None),
            PutResult::UidTaken => Err(uid_taken(application.uid.as_deref())),
            PutResult::KeyTaken | PutResult::Replayed { .. } | PutResult::KeyReused => Err(ServiceError::contended()),
        }
    }

    async fn delete_endpoints_of(&self, app: AppNo) -> Result<(), ServiceError> {
        let Some(found) = self.store.configuration(app, KnownVersions::new()).await? else { return Ok(()) };
        let now = self.clock.now();
        let deletions: Vec<_> = found
            .parts
            .iter()
            .map(|e| self.store.delete(Delete { app: Some(app), ..Delete::new(e.no, now) }))
            .collect();
        for deletion in deletions {
            deletion.await?;
        }
        self.directory.forget(app);
        Ok(())
    }
}

impl ApplicationView {
    fn new(application: Application, secrets: &ApplicationSecrets) -> Self {
        Self { application, has_feedback_secret: secrets.feedback_secret.is_some() }
    }

    fn of(app: &AppConfig) -> Self {
        Self::new(app.application.clone(), &app.secrets)
    }
}

fn read(document: &Document) -> Result<ApplicationView, StoreError> {
    let corrupt = |source: serde_json::Error| StoreError::Corrupt { what: "application", source: source.into() };
    let application = serde_json::from_str(&document.body).map_err(corrupt)?;
    let secrets = match &document.secret {
        Some(secret) => serde_json::from_str(secret.reveal()).map_err(corrupt)?,
        None => ApplicationSecrets::default(),
    };
    Ok(ApplicationView::new(application, &secrets))
}

fn note<'a>(actor: &'a Actor, org: OrgNo, application: &'a Application) -> Note<'a> {
    Note {
        org: org.0,
        by: &actor.by,
        thing: "application",
        app: Some(application.id),
        subject: application.id.to_string(),
        title: &application.name,
    }
}

fn uid_taken(uid: Option<&str>) -> ServiceError {
    ServiceError::Conflict {
        code: "conflict",
        detail: format!("Another application has the uid `{}` already.", uid.unwrap_or_default()),
    }
}

fn sealed(secrets: &ApplicationSecrets) -> Result<Option<Redacted>, ServiceError> {
    // Most have none, and then there is nothing to seal.
    let is_empty = *secrets == ApplicationSecrets::default();
    (!is_empty).then(|| Ok(Redacted::new(serde_json::to_string(secrets)?))).transpose()
}
