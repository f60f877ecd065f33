//! Endpoints: the webhooks of an application.

use std::sync::Arc;

use ringback_engine::check_auth;
use ringback_model::{
    Auth, Endpoint, EndpointId, EndpointNo, EndpointSecrets, SigningKey, SigningSecret, VerificationKind,
    VerificationMode, VerificationState,
};
use ringback_store::{AppConfig, Delete, DocumentKind, EndpointConfig, Expect, Idempotency, Put, PutResult};

use ringback_wire::{Recipe, TOKEN_PARAMETER};

use crate::check::Faults;
use crate::header;
use crate::secret::read_secret;
use crate::service::TRIES;
use crate::{
    Actor, Change, EndpointDraft, HeadersChange, Made, MessagingDraft, Page, Resource, Right, Service, ServiceError,
    VerificationDraft, Window,
};

/// An endpoint that was read or written, and what its owner should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointView {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// How it authenticates, without secrets.
    pub auth: Option<AuthView>,
    /// What was changed on the way in, in words.
    pub warnings: Vec<String>,
}

/// How requests authenticate, as far as it may be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthView {
    /// `bearer`, `basic`, `apiKey`, `oauth2` or `mtls`.
    pub kind: &'static str,
    /// Of `basic`.
    pub username: Option<String>,
    /// Of `apiKey`.
    pub header: Option<String>,
    /// Of `oauth2`.
    pub token_url: Option<String>,
    /// Of `oauth2`.
    pub client_id: Option<String>,
    /// Of `oauth2`.
    pub scope: Option<String>,
    /// Of `mtls`.
    pub certificate: Option<String>,
}

impl AuthView {
    fn of(auth: &Auth) -> Self {
        let view = Self { kind: auth.kind(), ..Self::default() };
        match auth.clone() {
            Auth::Bearer { .. } => view,
            Auth::Basic(basic) => Self { username: Some(basic.username), ..view },
            Auth::ApiKey { header, .. } => Self { header: Some(header), ..view },
            Auth::Oauth2 { token_url, client_id, scope, .. } => {
                Self { token_url: Some(token_url), client_id: Some(client_id), scope, ..view }
            }
            Auth::Mtls { certificate, .. } => Self { certificate: Some(certificate), ..view },
        }
    }
}

/// An endpoint as it will be kept, both parts of it.
#[derive(Debug)]
pub(crate) struct Composed {
    pub(crate) endpoint: Endpoint,
    pub(crate) secrets: EndpointSecrets,
    pub(crate) warnings: Vec<String>,
}

impl EndpointView {
    /// An endpoint as it is kept.
    #[must_use]
    pub fn of(config: &EndpointConfig) -> Self {
        let auth = config.secrets.auth.as_ref().map(AuthView::of);
        Self { endpoint: config.endpoint.clone(), auth, warnings: Vec::new() }
    }
}

impl Composed {
    fn view(self) -> EndpointView {
        let auth = self.secrets.auth.as_ref().map(AuthView::of);
        EndpointView { endpoint: self.endpoint, auth, warnings: self.warnings }
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
        actor.require(Right::ManageEndpoints)?;
        let app = self.app(actor, app).await?;
        Ok(window.page_of(app.endpoints.clone(), |config| config.endpoint.id).map(|config| EndpointView::of(&config)))
    }

    /// One endpoint.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn get_endpoint(&self, actor: &Actor, app: &str, name: &str) -> Result<EndpointView, ServiceError> {
        actor.require(Right::ManageEndpoints)?;
        let (_, config) = self.endpoint_config(actor, app, name).await?;
        Ok(EndpointView::of(&config))
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
                Ok(Some(composed.view()))
            }
            PutResult::Replayed { .. } => Ok(Some(EndpointView::of(config))),
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
        draft.check(&app.settings, &mut faults);
        let was = (endpoint.url.clone(), endpoint.verification.as_ref().map(|verification| verification.state));
        let warnings = self.set_url(&draft, &mut endpoint, &mut secrets, &mut faults);
        if let HeadersChange::Replace(headers) = std::mem::take(&mut draft.headers) {
            header::check(&headers, &mut faults);
            (endpoint.headers, secrets.header_values) = headers.into_iter().map(header::HeaderDraft::split).unzip();
        }
        // A filter that stays as it was may name types that were removed since.
        if draft.messaging.prefix.is_none()
            && draft.event_types != endpoint.event_types
            && let Some(types) = &draft.event_types
        {
            self.check_event_types_exist(app.org, types, &mut faults).await?;
        }
        faults.finish()?;
        let messaging = std::mem::take(&mut draft.messaging);
        draft.write_to(&mut endpoint);
        messaging.write_to(&mut endpoint, &mut secrets, &*self.random, self.clock.wall());
        self.require_verification(app, &mut endpoint, &mut secrets);
        wait_for_handshake(&mut endpoint, was);
        check_request(&endpoint, &secrets, app)?;
        endpoint.updated_at = self.clock.now();
        Ok(Composed { endpoint, secrets, warnings })
    }

    /// Where the organization asks for a handshake of everybody, a new endpoint without one gets the usual one.
    fn require_verification(&self, app: &AppConfig, endpoint: &mut Endpoint, secrets: &mut EndpointSecrets) {
        let is_new = endpoint.created_at == endpoint.updated_at && endpoint.verification.is_none();
        if app.settings.require_verification && is_new {
            let usual = VerificationDraft {
                kind: VerificationKind::Token,
                validation_key: None,
                mode: VerificationMode::Default,
                parameter: None,
            };
            let draft = MessagingDraft { verification: Change::Replace(Some(usual)), ..MessagingDraft::of(endpoint) };
            draft.write_to(endpoint, secrets, &*self.random, self.clock.wall());
        }
    }

    /// Takes over the URL of a draft, if it is another one, and what came with it; returns what was changed in it.
    fn set_url(
        &self,
        draft: &EndpointDraft,
        endpoint: &mut Endpoint,
        secrets: &mut EndpointSecrets,
        faults: &mut Faults,
    ) -> Vec<String> {
        let is_new = endpoint.url.is_empty();
        if draft.url == endpoint.url && !is_new {
            return Vec::new();
        }
        match self.urls.check(&draft.url) {
            Ok(checked) => {
                // IMPORTANT: a password goes to the server that it was given for, and to no other.
                let came_with_url = matches!(secrets.auth, Some(Auth::Basic(_)));
                let moves = origin(&checked.url) != origin(&endpoint.url);
                if checked.basic.is_some() || (moves && came_with_url) {
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

/// A verified endpoint keeps its URL until the new one has passed the handshake, too.
fn wait_for_handshake(endpoint: &mut Endpoint, (old_url, state): (String, Option<VerificationState>)) {
    let Some(verification) = endpoint.verification.as_deref_mut() else { return };
    let stays_verified =
        state == Some(VerificationState::Verified) && verification.state == VerificationState::Verified;
    if endpoint.url != old_url && stays_verified {
        verification.pending_url = Some(std::mem::replace(&mut endpoint.url, old_url));
        verification.reason = None;
    }
}

/// Refuses what no request can be made from.
fn check_request(endpoint: &Endpoint, secrets: &EndpointSecrets, app: &AppConfig) -> Result<(), ServiceError> {
    let mut faults = Faults::default();
    if let Some(header) = secrets.auth.as_ref().and_then(auth_header)
        && endpoint.headers.iter().any(|field| field.name.eq_ignore_ascii_case(header))
    {
        faults.note("headers", format!("`{header}` is sent for `auth` already: keep one of the two."));
    }
    let pending = endpoint.verification.as_ref().and_then(|verification| verification.pending_url.clone());
    let url = pending.unwrap_or_else(|| endpoint.url.clone());
    if let Some(verification) = &endpoint.verification
        && verification.kind == VerificationKind::Token
    {
        let parameter = verification.parameter.as_deref().unwrap_or(TOKEN_PARAMETER);
        if has_parameter(&url, parameter) {
            let rule = format!(
                "The URL has a parameter `{parameter}`, which the handshake needs: rename it, or set \
                 `verification.parameter`."
            );
            faults.note("url", rule);
        }
    }
    if let Err(error) = Recipe::new(&Endpoint { url, ..endpoint.clone() }, secrets, &app.settings) {
        faults.note_path(&error.field, error.message);
    }
    if let Some(Err(error)) = secrets.auth.as_ref().map(check_auth) {
        faults.note_path(&error.field, error.message);
    }
    faults.finish()
}

/// The header that an authentication takes.
fn auth_header(auth: &Auth) -> Option<&str> {
    match auth {
        Auth::Bearer { .. } | Auth::Basic(_) | Auth::Oauth2 { .. } => Some("authorization"),
        Auth::ApiKey { header, .. } => Some(header),
        Auth::Mtls { .. } => None,
    }
}

fn has_parameter(url: &str, name: &str) -> bool {
    let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
    query.split('&').any(|pair| pair.split('=').next() == Some(name))
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
