//! Signing secrets of endpoints: shown to their owner, and rotated.

use std::time::Duration;

use ringback_model::{EndpointSecrets, Redacted, SigningKey, SigningSecret, Timestamp};
use ringback_store::Idempotency;

use crate::{Actor, FieldError, Right, Service, ServiceError};

/// The longest that an old secret signs along with the new one.
const GRACE_MAX: Duration = Duration::from_secs(7 * 86_400);
/// Old secrets that may sign along.
const OLD_KEYS_MAX: usize = 10;

/// A rotation as a caller asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotateDraft {
    /// The new secret as text; one is drawn if absent.
    pub key: Option<Redacted>,
    /// How long the old one signs along.
    pub grace: Duration,
}

impl Service {
    /// What the owner of an endpoint verifies signatures with: the shared secret, or the public key.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn get_secret(&self, actor: &Actor, app: &str, endpoint: &str) -> Result<Redacted, ServiceError> {
        actor.require(Right::ReadSecrets)?;
        let (_, config) = self.lane_config(actor, app, endpoint).await?;
        let current = config.secrets.keys.first();
        Ok(current.map(|key| Redacted::new(key.secret.to_verifier_text())).unwrap_or_default())
    }

    /// The key of an endpoint's handshake, which its receiver may want to compare; `None` if it has none.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn get_validation_key(
        &self,
        actor: &Actor,
        app: &str,
        endpoint: &str,
    ) -> Result<Option<Redacted>, ServiceError> {
        actor.require(Right::ReadSecrets)?;
        let (_, config) = self.lane_config(actor, app, endpoint).await?;
        let has_handshake = config.endpoint.verification.is_some();
        Ok(config.secrets.validation_key.clone().filter(|_| has_handshake))
    }

    /// Makes a new secret the current one; the old one signs along until its grace period ends.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Invalid`], and [`ServiceError::Refused`] with `limit_reached` when
    /// too many old secrets still sign along.
    pub async fn rotate_secret(
        &self,
        actor: &Actor,
        app: &str,
        endpoint: &str,
        draft: &RotateDraft,
        idempotency: Option<Idempotency>,
    ) -> Result<(), ServiceError> {
        actor.require(Right::RotateSecrets)?;
        if draft.grace > GRACE_MAX {
            return Err(ServiceError::body("gracePeriodSeconds", "It is 0 to 604800 seconds, which are 7 days."));
        }
        let secret = match &draft.key {
            Some(text) => read_secret("key", text.reveal())?,
            None => SigningSecret::generate(&*self.random),
        };
        let wall = self.clock.wall();
        self.change_secrets(actor, app, endpoint, idempotency, |_, now| rotated(now, &secret, draft.grace, wall)).await
    }
}

/// A secret that a caller gave in this field.
pub(crate) fn read_secret(field: &'static str, text: &str) -> Result<SigningSecret, ServiceError> {
    SigningSecret::parse(text)
        .map_err(|error| ServiceError::Invalid(vec![FieldError::body(field, format!("{error}."))]))
}

fn rotated(
    secrets: &EndpointSecrets,
    secret: &SigningSecret,
    grace: Duration,
    wall: Timestamp,
) -> Result<EndpointSecrets, ServiceError> {
    let mut secrets = secrets.clone();
    let end = wall + grace;
    for key in &mut secrets.keys {
        // IMPORTANT: an end that was promised is never put off.
        key.expires_at = Some(key.expires_at.map_or(end, |promised| promised.min(end)));
    }
    secrets.keys.retain(|key| key.secret != *secret && key.expires_at.is_none_or(|end| wall < end));
    if secrets.keys.len() > OLD_KEYS_MAX {
        return Err(ServiceError::Refused {
            code: "limit_reached",
            detail: format!(
                "{OLD_KEYS_MAX} old secrets of this endpoint are still in their grace period. Wait for one to end, or \
                 rotate with `gracePeriodSeconds` 0 to end them all now."
            ),
        });
    }
    secrets.keys.insert(0, SigningKey { secret: secret.clone(), expires_at: None });
    Ok(secrets)
}

#[cfg(test)]
mod tests {
    use ringback_model::SeededRandom;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn fresh(seed: u64) -> SigningSecret {
        SigningSecret::generate(&SeededRandom::new(seed))
    }

    #[test]
    fn the_old_secret_signs_along_until_its_grace_period_ends() {
        let secrets = rotated(&EndpointSecrets::default(), &fresh(1), DAY, NOW).unwrap();
        let secrets = rotated(&secrets, &fresh(2), DAY, NOW).unwrap();
        let live = |wall| secrets.live_keys(wall).cloned().collect::<Vec<_>>();
        assert_eq!(live(NOW + DAY - Duration::from_micros(1)), [fresh(2), fresh(1)]);
        assert_eq!(live(NOW + DAY), [fresh(2)]);
    }

    #[test]
    fn a_rotation_without_grace_ends_all_old_secrets_at_once() {
        let secrets =
            (1..5).fold(EndpointSecrets::default(), |now, seed| rotated(&now, &fresh(seed), DAY, NOW).unwrap());
        let secrets = rotated(&secrets, &fresh(9), Duration::ZERO, NOW).unwrap();
        assert_eq!(secrets.keys, [SigningKey { secret: fresh(9), expires_at: None }]);
    }

    #[test]
    fn ten_old_secrets_are_the_limit_and_no_grace_period_is_put_off() {
        let full = (0..11).fold(EndpointSecrets::default(), |now, seed| rotated(&now, &fresh(seed), DAY, NOW).unwrap());
        let error = rotated(&full, &fresh(99), DAY * 7, NOW + DAY / 2).unwrap_err();
        assert!(matches!(error, ServiceError::Refused { code: "limit_reached", .. }), "{error}");
        assert_eq!(rotated(&full, &fresh(99), DAY, NOW + DAY).unwrap().keys.len(), 2);
    }

    #[test]
    fn going_back_to_an_old_secret_does_not_sign_twice_with_it() {
        let secrets = [1, 2, 1]
            .iter()
            .fold(EndpointSecrets::default(), |now, seed| rotated(&now, &fresh(*seed), DAY, NOW).unwrap());
        assert_eq!(secrets.live_keys(NOW).cloned().collect::<Vec<_>>(), [fresh(1), fresh(2)]);
    }
}
