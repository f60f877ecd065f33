//! Organizations: known by their number once something is kept for them.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use ringback_model::{OrgId, OrgNo};
use ringback_store::{DocumentKind, Expect, Put, PutResult};

use crate::{Service, ServiceError};

/// Numbers that are remembered at most.
const REMEMBERED: usize = 20_000;

/// The numbers of organizations. A number never changes, so nothing in here is ever old.
#[derive(Debug, Default)]
pub(crate) struct Organizations(RwLock<HashMap<OrgId, OrgNo>>);

impl Organizations {
    fn get(&self, id: OrgId) -> Option<OrgNo> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    fn remember(&self, id: OrgId, no: OrgNo) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(id, no);
    }
}

impl Service {
    /// The number of an organization; `None` if nothing was ever kept for it.
    pub(crate) async fn organization(&self, id: OrgId) -> Result<Option<OrgNo>, ServiceError> {
        if let Some(no) = self.organizations.get(id) {
            return Ok(Some(no));
        }
        let Some(found) = self.store.document_by_key(DocumentKind::Organization, 0, id.to_string()).await? else {
            return Ok(None);
        };
        self.organizations.remember(id, OrgNo(found.no));
        Ok(Some(OrgNo(found.no)))
    }

    /// The number of an organization, drawn now if this is the first thing kept for it.
    pub(crate) async fn ensure_organization(&self, id: OrgId) -> Result<OrgNo, ServiceError> {
        if let Some(no) = self.organization(id).await? {
            return Ok(no);
        }
        let put = Put {
            kind: DocumentKind::Organization,
            parent: 0,
            key: id.to_string(),
            uid: None,
            body: "{}".to_owned(),
            secret: None,
            expect: Expect::New,
            app: None,
            idempotency: None,
        };
        match self.store.put(put).await? {
            PutResult::Stored(written) => {
                self.organizations.remember(id, OrgNo(written.no));
                Ok(OrgNo(written.no))
            }
            // Somebody else was faster: theirs is the one.
            PutResult::KeyTaken
            | PutResult::UidTaken
            | PutResult::Stale
            | PutResult::Replayed { .. }
            | PutResult::KeyReused => self.organization(id).await?.ok_or_else(ServiceError::contended),
        }
    }
}
