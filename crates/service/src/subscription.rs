//! JQL: subscriptions to triggers, each an endpoint of the `antly` dialect. One per application, prefix, trigger and URL.

use ringback_model::{Auth, Endpoint, VerificationState, near};
use ringback_store::EndpointConfig;
use sha2::{Digest as _, Sha256};

use crate::oauth_client::hex;
use crate::service::TRIES;
use crate::{Actor, EndpointDraft, Leftovers, Resource, Service, ServiceError, UrlRules};

/// How a subscription's events are written.
const DIALECT: &str = "antly";
/// The longest prefix, in bytes.
const PREFIX_MAX: usize = 64;

/// What a subscription is to: all three are its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// A name of the subscriber's own.
    pub prefix: String,
    /// `namespace.Entity:action`.
    pub trigger: String,
    /// Where events go.
    pub webhook_url: String,
}

/// A subscription that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// The id of its endpoint.
    pub id: String,
    /// Whether events flow already; they wait for the handshake otherwise.
    pub active: bool,
    /// Where they go, without a password that stood in it: what was given, if none did.
    pub webhook_url: String,
}

/// Why a subscription was not made or removed.
#[derive(Debug, thiserror::Error)]
pub enum SubscriptionError {
    /// A member of the query is not as it has to be.
    #[error("{message}")]
    Invalid {
        /// A stable word.
        code: &'static str,
        /// The member.
        field: &'static str,
        /// What to change.
        message: String,
    },
    /// As for any use case.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Subscription {
    /// The uid of its endpoint: the same for the same three, so that the store keeps one of them.
    fn uid(&self, url: &str) -> String {
        let mut hash = Sha256::new();
        for part in [self.prefix.as_str(), self.trigger.as_str(), url] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        format!("jql-{}", hex(&hash.finalize()[..20]))
    }

    /// Its URL such that two are equal if every receiver takes them for one, whoever may come in there; nothing for one that
    /// cannot be registered.
    fn url(&self, urls: &dyn UrlRules) -> String {
        urls.check(&self.webhook_url).map_or_else(|_| self.webhook_url.clone(), |checked| same_url(&checked.url))
    }

    /// Whether an endpoint is this subscription as it stands now, whatever it was when it was made.
    fn is(&self, endpoint: &Endpoint, url: &str) -> bool {
        endpoint.prefix.as_ref() == Some(&self.prefix)
            && endpoint.shape.as_ref().is_some_and(|shape| shape.dialect.as_deref() == Some(DIALECT))
            && endpoint.event_types.as_ref().is_some_and(|types| types.as_slice() == [self.trigger.as_str()])
            && same_url(&endpoint.url) == url
    }

    fn check(&self) -> Result<(), SubscriptionError> {
        let is_prefix = (1..=PREFIX_MAX).contains(&self.prefix.len())
            && self.prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !is_prefix {
            let message = "A prefix has 1 to 64 characters of a-z, A-Z, 0-9, `.`, `_` and `-`.".to_owned();
            return Err(SubscriptionError::Invalid { code: "invalid_value", field: "prefix", message });
        }
        if !is_trigger(&self.trigger) {
            let message =
                "A trigger is written `namespace.Entity:action`, such as `profile.Customer:create`.".to_owned();
            return Err(SubscriptionError::Invalid { code: "invalid_value", field: "trigger", message });
        }
        Ok(())
    }
}

impl Service {
    /// Makes a subscription, or finds the one that stands.
    ///
    /// # Errors
    /// [`SubscriptionError::Invalid`] when a member is not as it has to be or the trigger is not known.
    pub async fn subscribe(&self, actor: &Actor, asked: &Subscription) -> Result<Subscribed, SubscriptionError> {
        asked.check()?;
        let app = own_app(actor)?;
        self.check_trigger(actor, &asked.trigger).await?;
        let url = asked.url(&*self.urls);
        let uid = asked.uid(&url);
        for _ in 0..TRIES {
            let config = self.app(actor, &app).await?;
            if let Some(standing) = config.endpoints.iter().find(|one| asked.is(&one.endpoint, &url)) {
                return self.stand(actor, asked, standing).await;
            }
            // It was made as this subscription, and was given another URL or other events since.
            if let Some(other) = config.endpoint_by_name(&uid) {
                let name = other.endpoint.id.to_string();
                let give_up = |draft: &mut EndpointDraft| draft.uid = draft.uid.take().filter(|own| *own != uid);
                self.update_endpoint(actor, &app, &name, give_up).await?;
            }
            let mut draft = EndpointDraft::new(asked.webhook_url.clone());
            draft.uid = Some(uid.clone());
            draft.event_types = Some(vec![asked.trigger.clone()]);
            draft.messaging.prefix = Some(asked.prefix.clone());
            draft.messaging.shape.dialect = Some(DIALECT.to_owned());
            match self.create_endpoint(actor, &app, draft, None).await {
                Ok(view) => return Ok(subscribed(asked, &view.endpoint)),
                // The same request came twice at once: the other one is the one that stands.
                Err(ServiceError::Conflict { .. }) => {}
                Err(error) => return Err(of_url(error)),
            }
        }
        Err(ServiceError::contended().into())
    }

    /// The subscription that stands, in force from now on if it was disabled or paused; with the user and the password of the
    /// URL in the place of those that it had. A URL that names none leaves them as they are.
    async fn stand(
        &self,
        actor: &Actor,
        asked: &Subscription,
        standing: &EndpointConfig,
    ) -> Result<Subscribed, SubscriptionError> {
        let basic = self.urls.check(&asked.webhook_url).ok().and_then(|url| url.basic).map(Auth::Basic);
        let names_other = basic.is_some() && standing.secrets.auth != basic;
        if !names_other && !standing.endpoint.disabled && !standing.endpoint.paused {
            return Ok(subscribed(asked, &standing.endpoint));
        }
        let (app, name) = (own_app(actor)?, standing.endpoint.id.to_string());
        let change = |draft: &mut EndpointDraft| {
            (draft.disabled, draft.paused) = (false, false);
            if names_other {
                draft.url.clone_from(&asked.webhook_url);
            }
        };
        let changed = self.update_endpoint(actor, &app, &name, change).await.map_err(of_url)?;
        Ok(subscribed(asked, &changed.endpoint))
    }

    /// Removes a subscription, if there is one of exactly this name; what waits for it is called off.
    ///
    /// # Errors
    /// Those of any use case.
    pub async fn unsubscribe(&self, actor: &Actor, asked: &Subscription) -> Result<bool, SubscriptionError> {
        asked.check()?;
        let app = own_app(actor)?;
        let (config, url) = (self.app(actor, &app).await?, asked.url(&*self.urls));
        let mut removed = false;
        for standing in config.endpoints.iter().filter(|one| asked.is(&one.endpoint, &url)) {
            match self.delete_endpoint(actor, &app, &standing.endpoint.id.to_string(), Leftovers::CallOff).await {
                Ok(()) => removed = true,
                Err(ServiceError::NotFound(Resource::Endpoint)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(removed)
    }

    /// Refuses a trigger that no event type stands for. Of an entity that is registered all three actions exist.
    async fn check_trigger(&self, actor: &Actor, trigger: &str) -> Result<(), SubscriptionError> {
        let org = self.organization(actor.org).await?;
        if let Some(org) = org
            && self.has_trigger(org, trigger).await?
        {
            return Ok(());
        }
        let names = match org {
            Some(org) => self.triggers(org).await?,
            None => Vec::new(),
        };
        let near = near(trigger, names.iter().map(String::as_str));
        let message = match near.first() {
            Some(meant) => format!("There is no trigger `{trigger}`; is it `{meant}`?"),
            None => format!("There is no trigger `{trigger}`. Triggers are the event types that are registered."),
        };
        Err(SubscriptionError::Invalid { code: "unknown_trigger", field: "trigger", message })
    }
}

/// What is wrong with the endpoint of a subscription, which is all about its URL.
fn of_url(error: ServiceError) -> SubscriptionError {
    match error {
        ServiceError::Invalid(faults) => {
            let message = faults.into_iter().map(|fault| fault.message).collect::<Vec<_>>().join(" ");
            SubscriptionError::Invalid { code: "invalid_value", field: "webhookUrl", message }
        }
        error => error.into(),
    }
}

/// A URL such that two are equal if every receiver takes them for one (RFC 3986, 6.2.2): what is percent-encoded without
/// need is not, and what needs it is so in upper case.
fn same_url(url: &str) -> String {
    let mut same = String::with_capacity(url.len());
    let mut rest = url;
    while let Some(at) = rest.find('%') {
        same.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 3).filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match code.map(|code| (code, u8::from_str_radix(code, 16).unwrap_or_default())) {
            Some((_, byte)) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => same.push(char::from(byte)),
            Some((code, _)) => same.push_str(&format!("%{}", code.to_ascii_uppercase())),
            None => same.push('%'),
        }
        rest = &rest[at + code.map_or(1, |_| 3)..];
    }
    same.push_str(rest);
    same
}

fn subscribed(asked: &Subscription, endpoint: &Endpoint) -> Subscribed {
    let waits = endpoint.verification.as_ref().is_some_and(|v| v.state != VerificationState::Verified);
    let given = asked.webhook_url.as_str();
    let names_user = given
        .split("://")
        .nth(1)
        .and_then(|rest| rest.split(['/', '?', '#']).next())
        .is_some_and(|host| host.contains('@'));
    let webhook_url = if names_user { endpoint.url.as_str() } else { given }.to_owned();
    Subscribed { id: endpoint.id.to_string(), active: !waits, webhook_url }
}

/// The application that a token is for: subscriptions belong to one.
fn own_app(actor: &Actor) -> Result<String, SubscriptionError> {
    actor.app.map(|app| app.to_string()).ok_or_else(|| SubscriptionError::Invalid {
        code: "invalid_token",
        field: "__meta__.authenticationToken",
        message: "This token is for an organization. A subscription needs the token of one application.".to_owned(),
    })
}

/// `namespace(.sub)*.Entity:action`, where `*` may stand for a part.
fn is_trigger(text: &str) -> bool {
    let is_part = |part: &str| {
        part == "*" || (!part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)))
    };
    let Some((entity, action)) = text.split_once(':') else { return false };
    text.len() <= 256 && entity.contains('.') && entity.split('.').all(is_part) && is_part(action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_have_a_namespace_an_entity_and_an_action() {
        for good in ["profile.Customer:create", "a.b.C:update", "profile.Customer:*", "profile.*:*"] {
            assert!(is_trigger(good), "{good}");
        }
        for bad in [
            "profile.Customer",
            "Customer:create",
            "profile.:create",
            ".Customer:create",
            "profile.Customer:",
            "a.B:c:d",
        ] {
            assert!(!is_trigger(bad), "{bad}");
        }
    }

    #[test]
    fn the_three_parts_cannot_be_mistaken_for_each_other() {
        let uid = |prefix: &str, trigger: &str, url: &str| {
            Subscription { prefix: prefix.into(), trigger: trigger.into(), webhook_url: url.into() }.uid(url)
        };
        assert_eq!(uid("a", "b", "c"), uid("a", "b", "c"));
        assert_ne!(uid("a", "b", "c"), uid("ab", "", "c"));
    }
}
