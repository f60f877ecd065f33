//! Erasing the secrets of endpoints that were deleted too long ago to come back.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ringback_model::Timestamp;
use ringback_store::{Delete, DeletedDocument, DeletedQuery, DocumentKind, EndpointConfig, Rewrite, Shard};

use crate::deleted_endpoint::RESTORABLE;
use crate::{Service, ServiceError};

/// Deleted endpoints that are looked at in one step.
const STEP: usize = 100;
/// How often all of them are looked at.
const EVERY: Duration = Duration::from_secs(600);

/// How far the pass over deleted endpoints is.
#[derive(Debug)]
struct Place {
    /// The parent and the key of the one that was looked at last.
    after: (i64, String),
    /// When the next pass begins, while none is under way.
    next_at: Timestamp,
}

/// The pass over deleted endpoints.
#[derive(Debug)]
pub(crate) struct Erasure(Mutex<Place>);

impl Default for Erasure {
    fn default() -> Self {
        Self(Mutex::new(Place { after: (0, String::new()), next_at: Timestamp::MIN }))
    }
}

impl Erasure {
    /// After which endpoint to go on, if it is time.
    fn after(&self, now: Timestamp) -> Option<(i64, String)> {
        let place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (place.next_at <= now).then(|| place.after.clone())
    }

    /// Goes on after this one; from the first one on, and later, if there is none.
    fn go_on(&self, last: Option<DeletedDocument>, now: Timestamp) {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *place = match last {
            Some(last) => Place { after: (last.parent, last.key), next_at: now },
            None => Place { after: (0, String::new()), next_at: now + EVERY },
        };
    }
}

impl Service {
    /// Looks at the next deleted endpoints, and erases the secrets of those that come back no more and have nothing left to
    /// send. Answers whether there may be more of them.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(crate) async fn erase_some_secrets(&self) -> Result<bool, ServiceError> {
        let now = self.clock.now();
        let Some(after) = self.erasure.after(now) else { return Ok(false) };
        let query = DeletedQuery { kind: DocumentKind::Endpoint, after, limit: STEP };
        let mut found = self.store.deleted_everywhere(query).await?;
        for deleted in &found {
            // Of several nodes one does it.
            if deleted.deleted_at + RESTORABLE <= now && self.store.owns(Shard::of(deleted.no)) {
                self.erase(deleted, now).await?;
            }
        }
        let is_more = found.len() == STEP;
        self.erasure.go_on(found.pop().filter(|_| is_more), now);
        Ok(is_more)
    }

    /// Erases the secrets of one. One that was written meanwhile is left to the next pass.
    async fn erase(&self, deleted: &DeletedDocument, now: Timestamp) -> Result<(), ServiceError> {
        let Some(document) = self.store.document(deleted.no).await? else { return Ok(()) };
        let config = match EndpointConfig::read(&document) {
            Ok(config) => config,
            Err(error) => {
                // It must not keep those behind it.
                tracing::warn!(?error, no = deleted.no, "a deleted endpoint cannot be read; what it says is kept");
                return Ok(());
            }
        };
        if !config.deleted || (!config.is_gone() && self.store.backlog(config.no, 1).await?.pending > 0) {
            return Ok(());
        }
        let mut endpoint = config.endpoint;
        endpoint.drains = false;
        let body = serde_json::to_string(&endpoint)?;
        let gone_as = Some(DocumentKind::GoneEndpoint);
        let rewrite = Some(Rewrite { version: config.version, body, gone_as });
        self.store.delete(Delete { app: Some(config.app), rewrite, ..Delete::new(config.no.0, now) }).await?;
        self.directory.forget(config.app);
        Ok(())
    }
}
