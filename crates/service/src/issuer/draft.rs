//! What a caller says of the issuer of its organization.

use ringback_model::{JqlIntrospection, JqlIssuer, Redacted, Timestamp, sentence};
use serde::{Deserialize, Serialize};

use super::{issuer_url, source};
use crate::check::Faults;
use crate::{ServiceError, UrlRules};

/// The scope that a token has to have unless another is named.
const SCOPE: &str = "webhooks:write";
/// The claim that names the application unless another is named.
const APP_CLAIM: &str = "client_id";
/// The longest name, in bytes.
const NAME_MAX: usize = 1_024;

/// An issuer as a caller names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JqlIssuerDraft {
    /// See [`JqlIssuer::issuer`].
    pub issuer: Option<String>,
    /// See [`JqlIssuer::audience`].
    pub audience: Option<String>,
    /// See [`JqlIssuer::scope`]; the usual one if absent.
    pub scope: Option<String>,
    /// See [`JqlIssuer::app_claim`]; the usual one if absent.
    pub app_claim: Option<String>,
    /// See [`JqlIssuer::jwks_url`].
    pub jwks_url: Option<String>,
    /// See [`JqlIssuer::algorithms`].
    pub algorithms: Vec<String>,
    /// See [`JqlIssuer::introspection`].
    pub introspection: Option<JqlIntrospectionDraft>,
}

/// Whom to ask, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JqlIntrospectionDraft {
    /// Where.
    pub url: String,
    /// Who asks.
    pub client_id: String,
    /// What it shows; what it showed so far if absent.
    pub client_secret: Option<Redacted>,
}

/// The sealed part of an organization's document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct OrganizationSecrets {
    /// What is shown to those who are asked about tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jql_client_secret: Option<Redacted>,
}

impl OrganizationSecrets {
    pub(crate) fn read(sealed: Option<&Redacted>) -> Result<Self, ServiceError> {
        Ok(sealed.map_or_else(|| Ok(Self::default()), |text| serde_json::from_str(text.reveal()))?)
    }

    /// As it is sealed; nothing if there is nothing to seal.
    pub(crate) fn to_sealed(&self) -> Result<Option<Redacted>, ServiceError> {
        Ok(if *self == Self::default() { None } else { Some(Redacted::new(serde_json::to_string(self)?)) })
    }
}

impl JqlIssuerDraft {
    /// What there is now: the draft that changes nothing.
    pub(crate) fn of(issuer: &JqlIssuer) -> Self {
        let introspection = issuer.introspection.as_ref().map(|asked| JqlIntrospectionDraft {
            url: asked.url.clone(),
            client_id: asked.client_id.clone(),
            client_secret: None,
        });
        Self {
            issuer: issuer.issuer.clone(),
            audience: issuer.audience.clone(),
            scope: Some(issuer.scope.clone()),
            app_claim: Some(issuer.app_claim.clone()),
            jwks_url: issuer.jwks_url.clone(),
            algorithms: issuer.algorithms.clone(),
            introspection,
        }
    }

    /// Notes what is wrong with it.
    pub(crate) fn check(
        &self,
        old: Option<&JqlIssuer>,
        secrets: &OrganizationSecrets,
        urls: &dyn UrlRules,
        faults: &mut Faults,
    ) {
        for (field, name) in [
            ("jql.issuer", &self.issuer),
            ("jql.audience", &self.audience),
            ("jql.scope", &self.scope),
            ("jql.appClaim", &self.app_claim),
        ] {
            if name.as_deref().is_some_and(|name| !is_name(name)) {
                faults.note_path(field, format!("1 to {NAME_MAX} bytes without control characters are allowed."));
            }
        }
        let mut check_url = |field: &str, url: &str| match issuer_url(url) {
            Err(why) => faults.note_path(field, sentence(&format!("the URL cannot be asked: {why}"))),
            Ok(_) => {
                if let Err(why) = urls.check(url) {
                    faults.note_path(field, sentence(&why));
                }
            }
        };
        match (&self.introspection, &self.jwks_url) {
            (Some(asked), None) => check_url("jql.introspection.url", &asked.url),
            (None, Some(url)) => check_url("jql.jwksUrl", url),
            (None, None) => {
                if let Some(issuer) = &self.issuer {
                    check_url("jql.issuer", issuer);
                }
            }
            (Some(_), Some(_)) => {
                faults.note_path("jql.jwksUrl", "Tokens are verified with keys or asked about: keep one of the two.");
            }
        }
        match &self.introspection {
            Some(asked) => self.check_introspection(asked, old, secrets, faults),
            None => {
                let rule = "Without it tokens for others would be good here: say what it has to be (`iss`, `aud`).";
                for (field, name) in [("jql.issuer", &self.issuer), ("jql.audience", &self.audience)] {
                    if name.is_none() {
                        faults.note_path(field, rule);
                    }
                }
            }
        }
    }

    fn check_introspection(
        &self,
        asked: &JqlIntrospectionDraft,
        old: Option<&JqlIssuer>,
        secrets: &OrganizationSecrets,
        faults: &mut Faults,
    ) {
        if !self.algorithms.is_empty() {
            faults.note_path("jql.algorithms", "A token that is asked about is not verified here: leave it out.");
        }
        if !is_name(&asked.client_id) {
            faults.note_path("jql.introspection.clientId", format!("1 to {NAME_MAX} bytes are allowed."));
        }
        // IMPORTANT: a secret goes to the server that it was given for, and to no other.
        let stays = secrets.jql_client_secret.is_some()
            && old.and_then(|old| old.introspection.as_ref()).is_some_and(|old| asked.is_about(old));
        match &asked.client_secret {
            Some(secret) if is_name(secret.reveal()) => {}
            None if stays => {}
            Some(_) | None => {
                let rule = format!("It is needed: 1 to {NAME_MAX} bytes without control characters.");
                faults.note_path("jql.introspection.clientSecret", rule);
            }
        }
    }

    /// What it makes of the issuer that there was, and of the secret.
    pub(crate) fn write(
        self,
        old: Option<&JqlIssuer>,
        secrets: &mut OrganizationSecrets,
        now: Timestamp,
        faults: &mut Faults,
    ) -> JqlIssuer {
        let secret = self.introspection.as_ref().and_then(|asked| asked.client_secret.clone());
        let is_same = secret.is_none() && old.is_some_and(|old| Self::of(old) == self);
        let introspection =
            self.introspection.map(|asked| JqlIntrospection { url: asked.url, client_id: asked.client_id });
        if secret.is_some() || introspection.is_none() {
            secrets.jql_client_secret = secret;
        }
        let issuer = JqlIssuer {
            issuer: self.issuer,
            audience: self.audience,
            scope: self.scope.unwrap_or_else(|| SCOPE.to_owned()),
            app_claim: self.app_claim.unwrap_or_else(|| APP_CLAIM.to_owned()),
            jwks_url: self.jwks_url,
            algorithms: self.algorithms,
            introspection,
            changed_at: old.filter(|_| is_same).map_or(now, |old| old.changed_at),
        };
        if let Err(why) =
            issuer.algorithms.iter().try_for_each(|name| name.parse::<super::SignatureAlgorithm>().map(drop))
        {
            faults.note_path("jql.algorithms", sentence(&why.to_string()));
        } else if let Err(why) = source(&issuer, secrets) {
            faults.note_path("jql.issuer", sentence(&format!("its keys cannot be found: {why}")));
        }
        issuer
    }
}

impl JqlIntrospectionDraft {
    fn is_about(&self, old: &JqlIntrospection) -> bool {
        self.url == old.url && self.client_id == old.client_id
    }
}

fn is_name(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}
