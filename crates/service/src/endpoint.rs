//! Endpoints: the webhooks of an application.

use std::sync::Arc;

use ringback_model::{Endpoint, EndpointId, EndpointNo, EndpointSecrets, Timestamp};
use ringback_store::{AppConfig, DocumentKind, EndpointConfig, Expect, Idempotency, Put, PutResult};

use crate::audit::Note;
use crate::auth::AuthView;
use crate::endpoint_compose::Composed;
use crate::operational;
use crate::service::TRIES;
use crate::{Actor, EndpointDraft, Made, Page, Resource, Right, Service, ServiceError, Window};

/// An endpoint that was read or written, and what its owner should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointView {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// How it authenticates, without secrets.
    pub auth: Option<AuthView>,
    /// There is a secret that its dialect signs with.
    pub has_provider_secret: bool,
    /// What was changed on the way in, in words.
    pub warnings: Vec<String>,
}

impl EndpointView {
    /// An endpoint as it is kept.
    #[must_use]
    pub fn of(config: &EndpointConfig) -> Self {
        let auth = config.secrets.auth.as_ref().map(AuthView::of);
        let has_provider_secret = config.secrets.provider_secret.is_some();
        Self { endpoint: config.endpoint.clone(), auth, has_provider_secret, warnings: Vec::new() }
    }
}

impl Composed {
    pub(crate) fn view(self) -> EndpointView {
        let auth = self.secrets.auth.as_ref().map(AuthView::of);
        let has_provider_secret = self.secrets.provider_secret.is_some();
        EndpointView { endpoint: self.endpoint, auth, has_provider_secret, warnings: self.warnings }
    }
}

impl Service {
    /// A page of the endpoints of an application, by id.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when there is no such application.
    pub async fn list_endpoints(
        &self,
        actor: &Actor,
        app: &str,
        window: &Window<EndpointId>,
    ) -> Result<Page<EndpointView>, ServiceError> {
        actor.require(Right::ReadEndpoints)?;
        let app = self.app(actor, app).await?;
        let listed = app.endpoints.iter().filter(|config| !config.endpoint.callback).cloned().collect();
        Ok(window
            .page_of(listed, |config: &Arc<EndpointConfig>| config.endpoint.id)
            .map(|config| self.with_try(config.no, EndpointView::of(&config))))
    }

    /// One endpoint.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn get_endpoint(&self, actor: &Actor, app: &str, name: &str) -> Result<EndpointView, ServiceError> {
        actor.require(Right::ReadEndpoints)?;
        let (_, config) = self.endpoint_config(actor, app, name).await?;
        Ok(self.with_try(config.no, EndpointView::of(&config)))
    }

    /// Makes an endpoint.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] of the application, [`ServiceError::Invalid`], and [`ServiceError::Conflict`] when
    /// the uid is taken.
    pub async fn create_endpoint(
        &self,
        actor: &Actor,
        app: &str,
        draft: EndpointDraft,
        idempotency: Option<Idempotency>,
    ) -> Result<EndpointView, ServiceError> {
        actor.require(Right::ManageEndpoints)?;
        may_register(actor, None, draft.messaging.registered_by.as_deref())?;
        let app = self.app(actor, app).await?;
        self.insert_endpoint(actor, &app, draft, idempotency).await
    }

    /// Replaces what an endpoint says, or makes one if there is none of this name. Its secret stays, and so do its
    /// headers unless the draft has some.
    ///
    /// # Errors
    /// Those of [`Service::create_endpoint`].
    pub async fn put_endpoint(
        &self,
        actor: &Actor,
        app: &str,
        name: &str,
        draft: EndpointDraft,
    ) -> Result<Made<EndpointView>, ServiceError> {
        actor.require(Right::ManageEndpoints)?;
        let config = self.app(actor, app).await?;
        if config.endpoint_by_name(name).is_none() {
            may_register(actor, None, draft.messaging.registered_by.as_deref())?;
            match self.insert_endpoint(actor, &config, draft.clone(), None).await {
                // Somebody else has made it meanwhile.
                Err(ServiceError::Conflict { .. }) if self.app(actor, app).await?.endpoint_by_name(name).is_some() => {}
                made => return made.map(|item| Made { item, created: true }),
            }
        }
        let replace = |now: &mut EndpointDraft| {
            let old = now.messaging.registered_by.take();
            now.clone_from(&draft);
            // Who may not say it does not take it back by leaving it out.
            if actor.app.is_some() && draft.messaging.registered_by.is_none() {
                now.messaging.registered_by = old;
            }
        };
        let item = self.update_endpoint(actor, app, name, replace).await?;
        Ok(Made { item, created: false })
    }

    /// Changes what an endpoint says. `change` may be called more than once, each time with what it says then.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Invalid`], and [`ServiceError::Conflict`] when the uid is taken.
    pub async fn update_endpoint(
        &self,
        actor: &Actor,
        app: &str,
        name: &str,
        change: impl Fn(&mut EndpointDraft) + Send + Sync,
    ) -> Result<EndpointView, ServiceError> {
        self.change_endpoint(actor, app, name, None, |_, draft| change(draft)).await
    }

    /// Changes what an endpoint says, as it was when it was last changed at `seen`.
    ///
    /// # Errors
    /// Those of [`Service::update_endpoint`], and [`ServiceError::Conflict`] with `changed` when somebody else has changed
    /// it since.
    pub async fn save_endpoint(
        &self,
        actor: &Actor,
        app: &str,
        name: &str,
        seen: Timestamp,
        change: impl Fn(&mut EndpointDraft) + Send + Sync,
    ) -> Result<EndpointView, ServiceError> {
        actor.require(Right::ManageEndpoints)?;
        for _ in 0..TRIES {
            let (app, config) = self.endpoint_config(actor, app, name).await?;
            if config.endpoint.updated_at != seen {
                let detail = "Somebody else has changed this endpoint since you opened it.".to_owned();
                return Err(ServiceError::Conflict { code: "changed", detail });
            }
            let mut draft = EndpointDraft::of(&config.endpoint);
            change(&mut draft);
            let old = config.endpoint.registered_by.as_deref();
            may_register(actor, old, draft.messaging.registered_by.as_deref())?;
            let composed = self.compose(&app, config.endpoint.clone(), config.secrets.clone(), draft).await?;
            if let Some(view) = self.replace_endpoint(actor, &app, &config, composed, None).await? {
                return Ok(view);
            }
        }
        Err(ServiceError::contended())
    }

    /// The configuration of an endpoint and of its application.
    pub(crate) async fn endpoint_config(
        &self,
        actor: &Actor,
        app: &str,
        name: &str,
    ) -> Result<(Arc<AppConfig>, Arc<EndpointConfig>), ServiceError> {
        let (app, config) = self.lane_config(actor, app, name).await?;
        if config.endpoint.callback { Err(ServiceError::NotFound(Resource::Endpoint)) } else { Ok((app, config)) }
    }

    /// The same with what stands for `callbackUrl`s of messages: it has attempts and a secret, and cannot be changed.
    pub(crate) async fn lane_config(
        &self,
        actor: &Actor,
        app: &str,
        name: &str,
    ) -> Result<(Arc<AppConfig>, Arc<EndpointConfig>), ServiceError> {
        let app = self.app(actor, app).await?;
        let config = app.endpoint_by_name(name).cloned().ok_or(ServiceError::NotFound(Resource::Endpoint))?;
        Ok((app, config))
    }

    /// [`Service::update_endpoint`] with a look at all that is kept of it.
    pub(crate) async fn change_endpoint(
        &self,
        actor: &Actor,
        app: &str,
        name: &str,
        idempotency: Option<Idempotency>,
        change: impl Fn(&EndpointConfig, &mut EndpointDraft) + Send + Sync,
    ) -> Result<EndpointView, ServiceError> {
        actor.require(Right::ManageEndpoints)?;
        for _ in 0..TRIES {
            let (app, config) = self.endpoint_config(actor, app, name).await?;
            let mut draft = EndpointDraft::of(&config.endpoint);
            change(&config, &mut draft);
            let old = config.endpoint.registered_by.as_deref();
            may_register(actor, old, draft.messaging.registered_by.as_deref())?;
            let composed = self.compose(&app, config.endpoint.clone(), config.secrets.clone(), draft).await?;
            if let Some(view) = self.replace_endpoint(actor, &app, &config, composed, idempotency).await? {
                return Ok(view);
            }
        }
        Err(ServiceError::contended())
    }

    /// Changes the sealed part of an endpoint alone.
    pub(crate) async fn change_secrets(
        &self,
        actor: &Actor,
        app: &str,
        name: &str,
        idempotency: Option<Idempotency>,
        change: impl Fn(&Endpoint, &EndpointSecrets) -> Result<EndpointSecrets, ServiceError> + Send + Sync,
    ) -> Result<(), ServiceError> {
        for _ in 0..TRIES {
            let (app, config) = self.endpoint_config(actor, app, name).await?;
            let mut endpoint = config.endpoint.clone();
            endpoint.updated_at = self.clock.now();
            let composed =
                Composed { endpoint, secrets: change(&config.endpoint, &config.secrets)?, warnings: Vec::new() };
            if self.replace_endpoint(actor, &app, &config, composed, idempotency).await?.is_some() {
                return Ok(());
            }
        }
        Err(ServiceError::contended())
    }

    /// [`Service::create_endpoint`] in an application that was read before, for whoever may.
    pub(crate) async fn insert_endpoint(
        &self,
        actor: &Actor,
        app: &AppConfig,
        draft: EndpointDraft,
        idempotency: Option<Idempotency>,
    ) -> Result<EndpointView, ServiceError> {
        let composed = self.compose_unsaved(app, draft).await?;
        let mut put = put(app, &composed, Expect::New, idempotency)?;
        put.audit = note(actor, app, &composed.endpoint).added(self.clock.now(), &put.body);
        put.notices = operational::of_written(app.no, None, &composed.endpoint);
        let result = self.store.put(put).await?;
        self.directory.forget(app.no);
        match result {
            PutResult::Stored(written) => {
                self.verify_in_background(app.no, EndpointNo(written.no), &composed.endpoint);
                self.noticed.notify_one();
                Ok(composed.view())
            }
            PutResult::Replayed { no } => match self.store.document(no).await? {
                Some(document) => Ok(EndpointView::of(&EndpointConfig::read(&document)?)),
                None => Err(ServiceError::contended()),
            },
            PutResult::KeyReused => Err(ServiceError::key_reused()),
            PutResult::UidTaken => Err(uid_taken(composed.endpoint.uid.as_deref())),
            PutResult::KeyTaken | PutResult::Stale => Err(ServiceError::contended()),
        }
    }

    /// `None` when somebody else has changed it in the meantime.
    async fn replace_endpoint(
        &self,
        actor: &Actor,
        app: &AppConfig,
        config: &EndpointConfig,
        composed: Composed,
        idempotency: Option<Idempotency>,
    ) -> Result<Option<EndpointView>, ServiceError> {
        let expect = Expect::Version { no: config.no.0, version: config.version };
        let mut put = put(app, &composed, expect, idempotency)?;
        let before = serde_json::to_string(&config.endpoint)?;
        let sealed = config.secrets != composed.secrets;
        put.audit = note(actor, app, &composed.endpoint).changed(self.clock.now(), &before, &put.body, sealed);
        put.notices = operational::of_written(app.no, Some(config), &composed.endpoint);
        let result = self.store.put(put).await?;
        self.directory.forget(app.no);
        match result {
            PutResult::Stored(_) => {
                self.verify_in_background(app.no, config.no, &composed.endpoint);
                self.noticed.notify_one();
                Ok(Some(composed.view()))
            }
            PutResult::Replayed { .. } => Ok(Some(EndpointView::of(config))),
            PutResult::Stale => Ok(None),
            PutResult::KeyReused => Err(ServiceError::key_reused()),
            PutResult::UidTaken => Err(uid_taken(composed.endpoint.uid.as_deref())),
            PutResult::KeyTaken => Err(ServiceError::contended()),
        }
    }
}

/// Only the operator says who registered an endpoint in a customer's place.
fn may_register(actor: &Actor, old: Option<&str>, new: Option<&str>) -> Result<(), ServiceError> {
    if actor.app.is_none() || old == new {
        return Ok(());
    }
    Err(ServiceError::Forbidden("This token is for one application. `registeredBy` needs a token of the organization."))
}

pub(crate) fn note<'a>(actor: &'a Actor, app: &AppConfig, endpoint: &'a Endpoint) -> Note<'a> {
    Note {
        org: app.org.0,
        by: &actor.by,
        thing: "webhook",
        app: Some(app.application.id),
        subject: endpoint.id.to_string(),
        title: &endpoint.url,
    }
}

/// What is written to keep an endpoint.
pub(crate) fn put(
    app: &AppConfig,
    composed: &Composed,
    expect: Expect,
    idempotency: Option<Idempotency>,
) -> Result<Put, ServiceError> {
    Ok(Put {
        uid: composed.endpoint.uid.clone(),
        secret: Some(ringback_model::Redacted::new(serde_json::to_string(&composed.secrets)?)),
        expect,
        app: Some(app.no),
        idempotency,
        ..Put::new(
            DocumentKind::Endpoint,
            app.no.0,
            composed.endpoint.id.to_string(),
            serde_json::to_string(&composed.endpoint)?,
        )
    })
}

pub(crate) fn uid_taken(uid: Option<&str>) -> ServiceError {
    ServiceError::Conflict {
        code: "conflict",
        detail: format!("Another endpoint of this application has the uid `{}` already.", uid.unwrap_or_default()),
    }
}
