//! How the signature of an attempt was made: the text that was signed, what carries it, and what it is checked with.

use std::sync::Arc;

use ringback_engine::Route;
use ringback_model::{Redacted, RetryPolicy, Timestamp};
use ringback_store::EndpointConfig;
use ringback_wire::{Explanation, explain};

use crate::exchange::request_view;
use crate::probe::masked;
use crate::{Actor, RequestView, Resource, Right, Service, ServiceError};

/// How the signatures of an attempt were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureView {
    /// The request, made anew: secrets masked, but for what is signed.
    pub request: RequestView,
    /// Its signatures; none where the endpoint wants none.
    pub signatures: Vec<Explanation>,
    /// When it was signed.
    pub at: Timestamp,
    /// The endpoint was changed after the attempt, so that what was sent may have been another request.
    pub changed_since: bool,
    /// Values of the endpoint's own are secret: asterisks stand for them, and the signature is not that of what is shown.
    pub is_masked: bool,
    /// What the standard signature is verified with, for whoever may see it.
    pub secret: Option<Redacted>,
}

impl Service {
    /// How the signatures of an attempt were made. The request is made anew of the message and the endpoint as it is now: what
    /// was sent is not kept.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Refused`] where no request can be made any more, and
    /// [`ServiceError::Forbidden`] for those who see no phone numbers.
    pub async fn explain_signature(
        &self,
        actor: &Actor,
        app: &str,
        message: &str,
        attempt: &str,
    ) -> Result<SignatureView, ServiceError> {
        actor.require(Right::ReadMessages)?;
        actor.require(Right::ReadEndpoints)?;
        self.numbers_for(actor).await?.require()?;
        let missing = || ServiceError::NotFound(Resource::Attempt);
        let app = self.app(actor, app).await?;
        let message = self.message(&app, message).await?;
        let id = attempt.parse().map_err(|_| missing())?;
        let attempt = self.store.attempt(message.no, id).await?.ok_or_else(missing)?;
        let config = self.directory.endpoint(app.no, attempt.endpoint).await?.ok_or_else(missing)?;
        let route = |secrets| {
            let config = Arc::new(EndpointConfig { secrets, ..(*config).clone() });
            let route = Route::new(config, &app.settings, &RetryPolicy::default());
            route.map_err(|error| cannot(&error.to_string()))
        };
        if config.endpoint.batch.is_some() {
            return Err(cannot("It may have held other messages beside this one, and which is not kept."));
        }
        let at = attempt.started_at;
        let (real, hidden) = (route(config.secrets.clone())?, route(masked(&config.secrets))?);
        let transformer = self.verifier.probe.transformer();
        let made = transformer.prepare_both([&real, &hidden], &message, at).await;
        let [sent, shown] = made.map_err(|error| cannot(&error.to_string()))?;
        let signatures = explain(&hidden.recipe, &shown, &message, at);
        let current = config.secrets.keys.first().filter(|_| actor.may(Right::ReadSecrets));
        Ok(SignatureView {
            is_masked: sent.body != shown.body || sent.target != shown.target,
            request: request_view(&real, &sent, &shown),
            signatures,
            at,
            changed_since: config.endpoint.updated_at > at,
            secret: current.map(|key| Redacted::new(key.secret.to_verifier_text())),
        })
    }
}

fn cannot(why: &str) -> ServiceError {
    ServiceError::Refused { code: "not_rendered", detail: format!("The request cannot be made anew. {why}") }
}
