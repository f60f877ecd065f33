//! Endpoints: the webhooks of an application.

use std::sync::Arc;

use ringback_model::{Auth, Endpoint, EndpointId, EndpointNo, EndpointSecrets, SigningKey, SigningSecret};
use ringback_store::{AppConfig, Delete, DocumentKind, EndpointConfig, Expect, Idempotency, Put, PutResult};

use crate::check::Faults;
use crate::header;
use crate::secret::read_secret;
use crate::service::TRIES;
use crate::{Actor, EndpointDraft, HeadersChange, Made, Page, Resource, Right, Service, ServiceError, Window};

/// An endpoint that was read or written, and what its owner should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointView {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// What was changed on the way in, in words.
    pub warnings: Vec<String>,
}

/// An endpoint as it will be kept, both parts of it.
#[derive(Debug)]
pub(crate) struct Composed {
    pub(crate) endpoint: Endpoint,
    pub(crate) secrets: EndpointSecrets,
    pub(crate) warnings: Vec<String>,
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
        actor.require(Right::ManageEndpoints)?;
        let app = self.app(actor, app).await?;
        Ok(window.page_of(app.endpoints.clone(), |config| config.endpoint.id).map(|config| view(&config)))
    }

    /// One endpoint.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn get_endpoint(&self, actor: &Actor, app: &str, name: &str) -> Result<EndpointView, ServiceError> {
        actor.require(Right::ManageEndpoints)?;
        let (_, config) = self.endpoint_config(actor, app, name).await?;
        Ok(view(&config))
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
        let app = self.app(actor, app).await?;
        self.insert_endpoint(&app, draft, idempotency).await
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
            let item = self.insert_endpoint(&config, draft, None).await?;
            return Ok(Made { item, created: true });
        }
        let item = self.update_endpoint(actor, app, name, |now| now.clone_from(&draft)).await?;
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

    /// Deletes an endpoint; what is pending for it is called off.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn delete_endpoint(&self, actor: &Actor, app: &str, name: &str) -> Result<(), ServiceError> {
        actor.require(Right::ManageEndpoints)?;
        let (app, config) = self.endpoint_config(actor, app, name).await?;
        let gone = self.store.delete(Delete { no: config.no.0, now: self.clock.now(), app: Some(app.no) }).await?;
        self.directory.forget(app.no);
        if gone { Ok(()) } else { Err(ServiceError::NotFound(Resource::Endpoint)) }
    }

    /// The configuration of an endpoint and of its application.
    pub(crate) async fn endpoint_config(
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
            let composed = self.compose(&app, config.endpoint.clone(), config.secrets.clone(), draft).await?;
            if let Some(view) = self.replace_endpoint(&app, &config, composed, idempotency).await? {
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
        change: impl Fn(&EndpointSecrets) -> Result<EndpointSecrets, ServiceError> + Send + Sync,
    ) -> Result<(), ServiceError> {
        for _ in 0..TRIES {
            let (app, config) = self.endpoint_config(actor, app, name).await?;
            let mut endpoint = config.endpoint.clone();
            endpoint.updated_at = self.clock.now();
            let composed = Composed { endpoint, secrets: change(&config.secrets)?, warnings: Vec::new() };
            if self.replace_endpoint(&app, &config, composed, idempotency).await?.is_some() {
                return Ok(());
            }
        }
        Err(ServiceError::contended())
    }

    async fn insert_endpoint(
        &self,
        app: &AppConfig,
        draft: EndpointDraft,
        idempotency: Option<Idempotency>,
    ) -> Result<EndpointView, ServiceError> {
        let composed = self.compose_unsaved(app, draft).await?;
        let put = put(app, &composed, Expect::New, idempotency)?;
        let result = self.store.put(put).await?;
        self.directory.forget(app.no);
        match result {
            PutResult::Stored(written) => {
                self.verify_in_background(app.no, EndpointNo(written.no), &composed.endpoint);
                Ok(EndpointView { endpoint: composed.endpoint, warnings: composed.warnings })
            }
            PutResult::Replayed { no } => match self.store.document(no).await? {
                Some(document) => Ok(view(&EndpointConfig::read(&document)?)),
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
        app: &AppConfig,
        config: &EndpointConfig,
        composed: Composed,
        idempotency: Option<Idempotency>,
    ) -> Result<Option<EndpointView>, ServiceError> {
        let expect = Expect::Version { no: config.no.0, version: config.version };
        let result = self.store.put(put(app, &composed, expect, idempotency)?).await?;
        self.directory.forget(app.no);
        match result {
            PutResult::Stored(_) => {
                self.verify_in_background(app.no, config.no, &composed.endpoint);
                Ok(Some(EndpointView { endpoint: composed.endpoint, warnings: composed.warnings }))
            }
            PutResult::Replayed { .. } => Ok(Some(view(config))),
            PutResult::Stale => Ok(None),
            PutResult::KeyReused => Err(ServiceError::key_reused()),
            PutResult::UidTaken => Err(uid_taken(composed.endpoint.uid.as_deref())),
            PutResult::KeyTaken => Err(ServiceError::contended()),
        }
    }

    /// A new endpoint as a draft describes it, when all of it makes sense. Nothing is kept.
    pub(crate) async fn compose_unsaved(
        &self,
        app: &AppConfig,
        mut draft: EndpointDraft,
    ) -> Result<Composed, ServiceError> {
        let secret = match draft.secret.take() {
            Some(text) => read_secret("secret", &text)?,
            None => SigningSecret::generate(&*self.random),
        };
        let secrets = EndpointSecrets { keys: vec![SigningKey { secret, expires_at: None }], ..Default::default() };
        let now = self.clock.now();
        let endpoint = Endpoint::new(self.ids.make(now, &*self.random), String::new(), now);
        let mut composed = self.compose(app, endpoint, secrets, draft).await?;
        // What was never changed says so.
        composed.endpoint.updated_at = now;
        Ok(composed)
    }

    /// What a draft makes of an endpoint, when all of it makes sense.
    pub(crate) async fn compose(
        &self,
        app: &AppConfig,
        mut endpoint: Endpoint,
        mut secrets: EndpointSecrets,
        mut draft: EndpointDraft,
    ) -> Result<Composed, ServiceError> {
        let mut faults = Faults::default();
        draft.check(&mut faults);
        let warnings = self.set_url(&draft, &mut endpoint, &mut secrets, &mut faults);
        if let HeadersChange::Replace(headers) = std::mem::take(&mut draft.headers) {
            header::check(&headers, &mut faults);
            (endpoint.headers, secrets.header_values) = headers.into_iter().map(header::HeaderDraft::split).unzip();
        }
        if matches!(secrets.auth, Some(Auth::Basic(_)))
            && endpoint.headers.iter().any(|h| h.name.eq_ignore_ascii_case("authorization"))
        {
            faults
                .note("headers", "`authorization` is sent for the user and password of the URL: keep one of the two.");
        }
        // A filter that stays as it was may name types that were removed since.
        if draft.event_types != endpoint.event_types
            && let Some(types) = &draft.event_types
        {
            self.check_event_types_exist(app.org, types, &mut faults).await?;
        }
        faults.finish()?;
        draft.write_to(&mut endpoint);
        endpoint.updated_at = self.clock.now();
        Ok(Composed { endpoint, secrets, warnings })
    }

    /// Takes over the URL of a draft, if it is another one, and what came with it; returns what was changed in it.
    fn set_url(
        &self,
        draft: &EndpointDraft,
        endpoint: &mut Endpoint,
        secrets: &mut EndpointSecrets,
        faults: &mut Faults,
    ) -> Vec<String> {
        if draft.forget_basic {
            secrets.auth = None;
        }
        let is_new = endpoint.url.is_empty();
        if draft.url == endpoint.url && !is_new {
            return Vec::new();
        }
        match self.urls.check(&draft.url) {
            Ok(checked) => {
                // IMPORTANT: a password goes to the server that it was given for, and to no other.
                if checked.basic.is_some() || origin(&checked.url) != origin(&endpoint.url) {
                    secrets.auth = checked.basic.map(Auth::Basic);
                }
                endpoint.url = checked.url;
                checked.warnings
            }
            Err(wrong) => {
                faults.note("url", sentence(&wrong));
                Vec::new()
            }
        }
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
        kind: DocumentKind::Endpoint,
        parent: app.no.0,
        key: composed.endpoint.id.to_string(),
        uid: composed.endpoint.uid.clone(),
        body: serde_json::to_string(&composed.endpoint)?,
        secret: Some(ringback_model::Redacted::new(serde_json::to_string(&composed.secrets)?)),
        expect,
        app: Some(app.no),
        idempotency,
    })
}

fn view(config: &EndpointConfig) -> EndpointView {
    EndpointView { endpoint: config.endpoint.clone(), warnings: Vec::new() }
}

/// Scheme, host and port of a URL that was normalised before.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find(['/', '?']).map_or(url, |end| &url[..host + end])
}

/// A reason as a sentence of its own.
fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).chain((!reason.ends_with('.')).then_some('.')).collect()
}

fn uid_taken(uid: Option<&str>) -> ServiceError {
    ServiceError::Conflict {
        code: "conflict",
        detail: format!("Another endpoint of this application has the uid `{}` already.", uid.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_password_was_given_for() {
        assert_eq!(origin("https://a.example/x?y=/"), "https://a.example");
        assert_eq!(origin("https://a.example:8443?y"), "https://a.example:8443");
        assert_eq!(origin("https://a.example"), "https://a.example");
    }

    #[test]
    fn reasons_become_sentences() {
        assert_eq!(sentence("the URL names no host"), "The URL names no host.");
        assert_eq!(sentence(""), ".");
    }
}
