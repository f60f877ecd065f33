//! Which tokens were given out, and which of them count no more.
//!
//! A token says itself whom it is for and when it ends; what is kept here is what ends it sooner. There is one document
//! for each application and one for the organization itself, read at most once a second for the tokens of each, so
//! that a revocation holds here at once and on other nodes within a second.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ringback_model::{AppId, OrgId, Timestamp};
use ringback_store::{Document, DocumentKind, Expect, Put, PutResult};
use serde::{Deserialize, Serialize};

use crate::audit::Note;
use crate::service::TRIES;
use crate::token::Verified;
use crate::{Actor, PortalCapability, Service, ServiceError};

/// For how long what was read is believed.
const KNOWN: Duration = Duration::from_secs(1);
/// Lists that are remembered at most.
const REMEMBERED: usize = 10_000;
/// Sessions of one application that are ended at a time; the oldest gives way to an end of all.
const ENDINGS_MAX: usize = 500;
/// Tokens of one application, or of the organization itself, that are listed; the oldest gives way.
pub(crate) const GIVEN_MAX: usize = 100;
/// No token with a session lives longer than this, so that its end need not be remembered longer.
pub(crate) const LINK_LIFE_MAX: Duration = Duration::from_secs(7 * 86_400);

/// The key of the document about tokens of the organization itself.
const ORGANIZATION: &str = "organization";

/// A token that was given out by hand, as far as it is kept: never the token itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GivenToken {
    /// Its name, by which it is revoked.
    pub id: String,
    /// What it is for, in words.
    pub label: String,
    /// What it may do, if it is a link to the portal; a token for programs if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<PortalCapability>>,
    /// Who made it.
    pub made_by: String,
    /// When.
    pub made_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// One token that counts no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Denied {
    id: String,
    /// When it ends by itself: then this is of no use any more.
    expires_at: Timestamp,
}

/// An end of all tokens that were made before some moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ending {
    made_before: Timestamp,
    /// When it takes effect.
    from: Timestamp,
    /// Those of this session alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
}

/// The document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AccessList {
    denied: Vec<Denied>,
    endings: Vec<Ending>,
    pub(crate) given: Vec<GivenToken>,
}

impl AccessList {
    /// Whether a token was put out of force.
    fn ends(&self, token: &Verified, now: Timestamp) -> bool {
        let is_it = |denied: &Denied| token.id.as_deref() == Some(&denied.id);
        let holds = |ending: &Ending| {
            ending.from <= now
                && token.made_at < ending.made_before
                && (ending.session.is_none() || ending.session == token.session)
        };
        self.denied.iter().any(is_it) || self.endings.iter().any(holds)
    }

    /// Puts one token out of force.
    pub(crate) fn deny(&mut self, id: &str, expires_at: Timestamp) {
        self.given.retain(|given| given.id != id);
        if self.denied.iter().all(|denied| denied.id != id) {
            self.denied.push(Denied { id: id.to_owned(), expires_at });
        }
    }

    /// Ends all tokens made before now, or those of a session, once `after` is over.
    pub(crate) fn end(&mut self, now: Timestamp, after: Duration, session: Option<&str>) {
        let from = now + after;
        if session.is_none() {
            for given in &mut self.given {
                given.expires_at = given.expires_at.min(from);
            }
        }
        self.endings.push(Ending { made_before: now, from, session: session.map(str::to_owned) });
    }

    /// Leaves out what has no effect any more, so that the list stays short.
    fn prune(&mut self, now: Timestamp) {
        self.denied.retain(|denied| now < denied.expires_at);
        self.given.retain(|given| now < given.expires_at);
        let over = self.given.len().saturating_sub(GIVEN_MAX);
        self.given.drain(..over);
        let newest = |endings: &[Ending]| {
            let in_force = endings.iter().filter(|ending| ending.session.is_none() && ending.from <= now);
            in_force.map(|ending| ending.made_before).max()
        };
        let latest = newest(&self.endings);
        self.endings.retain(|ending| match (&ending.session, latest) {
            (Some(_), _) if ending.made_before + LINK_LIFE_MAX < now => false,
            // One end of all says what all earlier ones say.
            (_, Some(latest)) if ending.made_before < latest => false,
            _ => true,
        });
        if self.endings.len() > ENDINGS_MAX {
            // Rather too many tokens end than one too few.
            let over = self.endings.len() - ENDINGS_MAX;
            let gone: Vec<Ending> = self.endings.drain(..=over).collect();
            if let Some(made_before) = gone.iter().map(|ending| ending.made_before).max() {
                let from = gone.iter().map(|ending| ending.from).max().unwrap_or(now);
                self.endings.insert(0, Ending { made_before, from, session: None });
            }
        }
    }
}

/// What is told of a change afterwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    pub(crate) actor: &'a Actor,
    pub(crate) deed: &'static str,
    pub(crate) title: &'a str,
}

type Scope = (OrgId, Option<AppId>);

/// Lists that were read a moment ago.
#[derive(Debug, Default)]
pub(crate) struct KnownAccess(RwLock<HashMap<Scope, (Timestamp, Arc<AccessList>)>>);

impl KnownAccess {
    fn get(&self, scope: Scope, now: Timestamp) -> Option<Arc<AccessList>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&scope).filter(|(read_at, _)| now < *read_at + KNOWN).map(|(_, list)| list.clone())
    }

    fn note(&self, scope: Scope, now: Timestamp, list: Arc<AccessList>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(scope, (now, list));
    }

    fn forget(&self, scope: Scope) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&scope);
    }
}

impl Service {
    /// Makes sure that a token was not put out of force.
    pub(crate) async fn require_access(&self, token: &Verified) -> Result<(), ServiceError> {
        let (scope, now) = ((token.actor.org, token.actor.app), self.clock.now());
        let list = match self.access.get(scope, now) {
            Some(list) => list,
            None => {
                let list = Arc::new(self.access_list(scope).await?);
                self.access.note(scope, now, list.clone());
                list
            }
        };
        if list.ends(token, self.clock.wall()) {
            return Err(ServiceError::Unauthenticated("This token was revoked. Ask for a new one.".to_owned()));
        }
        Ok(())
    }

    /// What is kept of the tokens of an application, or of the organization itself.
    pub(crate) async fn access_list(&self, scope: Scope) -> Result<AccessList, ServiceError> {
        match self.access_document(scope).await? {
            Some(document) => Ok(serde_json::from_str(&document.body)?),
            None => Ok(AccessList::default()),
        }
    }

    async fn access_document(&self, (org, app): Scope) -> Result<Option<Document>, ServiceError> {
        let Some(org) = self.organization(org).await? else { return Ok(None) };
        Ok(self.store.document_by_key(DocumentKind::Access, org.0, key(app)).await?)
    }

    /// Changes it. `change` may be called more than once, each time with what is kept then.
    pub(crate) async fn change_access(
        &self,
        scope: Scope,
        told: Told<'_>,
        change: impl Fn(&mut AccessList) + Send + Sync,
    ) -> Result<(), ServiceError> {
        let org = self.ensure_organization(scope.0).await?;
        let Told { actor, deed, title } = told;
        let subject = key(scope.1);
        let note = Note { org: org.0, by: &actor.by, thing: "access", app: scope.1, subject, title };
        let audit = note.done(self.clock.now(), deed);
        for _ in 0..TRIES {
            let document = self.access_document(scope).await?;
            let mut list = match &document {
                Some(document) => serde_json::from_str(&document.body)?,
                None => AccessList::default(),
            };
            change(&mut list);
            list.prune(self.clock.wall());
            let put = Put {
                expect: document.map_or(Expect::New, |found| Expect::Version { no: found.no, version: found.version }),
                audit: audit.clone(),
                ..Put::new(DocumentKind::Access, org.0, key(scope.1), serde_json::to_string(&list)?)
            };
            let result = self.store.put(put).await?;
            self.access.forget(scope);
            if matches!(result, PutResult::Stored(_)) {
                return Ok(());
            }
        }
        Err(ServiceError::contended())
    }
}

fn key(app: Option<AppId>) -> String {
    app.map_or_else(|| ORGANIZATION.to_owned(), |app| app.to_string())
}

#[cfg(test)]
mod tests {
    use ringback_model::{Redacted, SeededRandom};

    use super::*;
    use crate::token::{MintedFor, Tokens};
    use crate::{TokenKey, TokenSubject};

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn token(at: Timestamp, session: Option<&str>) -> Arc<Verified> {
        let tokens = Tokens::new(TokenKey::new(Redacted::new("a secret of the test".to_owned())));
        let subject = TokenSubject::Organization(OrgId::from_bytes([1; 20]));
        let said = MintedFor { session, ..MintedFor::default() };
        let random = SeededRandom::new(u64::try_from(at.as_micros()).unwrap());
        let new = tokens.mint_for(&subject, &said, at, HOUR * 24, &random).unwrap();
        let clock = ringback_model::ManualClock::new(at);
        tokens.verify_by(new.token.reveal(), &clock).unwrap()
    }

    #[test]
    fn an_end_of_all_spares_what_is_made_after_it_even_within_the_same_second() {
        let (before, after) = (token(NOW, None), token(NOW + Duration::from_micros(2), None));
        let mut list = AccessList::default();
        list.end(NOW + Duration::from_micros(1), Duration::ZERO, None);
        list.prune(NOW + HOUR);
        assert!(list.ends(&before, NOW + HOUR) && !list.ends(&after, NOW + HOUR));
    }

    #[test]
    fn an_end_may_come_later_and_may_be_for_one_session_alone() {
        let (one, other) = (token(NOW, Some("one")), token(NOW, Some("other")));
        let mut list = AccessList::default();
        list.end(NOW + HOUR, HOUR, Some("one"));
        list.prune(NOW + HOUR);
        assert!(!list.ends(&one, NOW + HOUR), "not yet");
        assert!(list.ends(&one, NOW + HOUR * 2) && !list.ends(&other, NOW + HOUR * 2));
        list.prune(NOW + HOUR + LINK_LIFE_MAX + HOUR);
        assert_eq!(list, AccessList::default(), "no token of a session is that old");
    }

    #[test]
    fn one_token_ends_and_is_forgotten_when_it_would_have_ended_anyhow() {
        let (one, other) = (token(NOW, None), token(NOW + HOUR, None));
        let mut list = AccessList::default();
        list.deny(one.id.as_deref().unwrap(), one.expires_at);
        list.prune(NOW + HOUR);
        assert!(list.ends(&one, NOW + HOUR) && !list.ends(&other, NOW + HOUR));
        list.prune(NOW + HOUR * 24);
        assert_eq!(list, AccessList::default());
    }

    #[test]
    fn however_many_sessions_end_the_list_stays_short_and_none_comes_back() {
        let first = token(NOW, Some("0"));
        let mut list = AccessList::default();
        for at in 0..ENDINGS_MAX * 3 {
            list.end(NOW + HOUR, Duration::ZERO, Some(&at.to_string()));
            list.prune(NOW + HOUR);
        }
        assert!(list.endings.len() <= ENDINGS_MAX, "{}", list.endings.len());
        assert!(list.ends(&first, NOW + HOUR));
    }
}
