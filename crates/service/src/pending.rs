//! What waits in the whole store: counted seldom and beside, because it takes long, and told as it was last counted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringback_model::{Clock, EndpointNo, OrgNo, Timestamp};
use ringback_store::{Backlog, Backlogs, JointBacklog, Store, StoreError};

use crate::statistics::COUNTED_MAX;
use crate::{Actor, Right, Service, ServiceError};

/// What waits is counted at most so often,
const COUNT_EVERY: Duration = Duration::from_secs(10);
/// and takes at most this part of the time.
const COUNT_PART: u32 = 200;
/// Endpoints for which more waits are told by themselves.
const LONG: u32 = 1_000;
/// Endpoints of an application that are asked one by one, at most.
const ENDPOINTS_ASKED: usize = 50;
/// How long whoever asks waits for the count; then they get the one before.
const COUNT_WAIT: Duration = Duration::from_millis(50);

/// What waits, as it was when it was last counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// What waits.
    pub backlogs: Backlogs,
    /// When it was counted.
    pub counted_at: Timestamp,
}

/// Counts what waits, for metrics and for pages.
#[derive(Debug)]
pub struct PendingCount {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Arc<Pending>>,
    next_at: Option<Timestamp>,
    under_way: bool,
}

impl PendingCount {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, state: Arc::default() }
    }

    /// What waits; `None` until it has been counted. If the last count is old a new one begins; whoever asks waits for
    /// that a moment only.
    pub(crate) async fn last(&self) -> Option<Arc<Pending>> {
        let now = self.clock.now();
        let begins = {
            let mut state = self.state();
            let begins = !state.under_way && state.next_at.is_none_or(|at| now >= at);
            state.under_way |= begins;
            begins
        };
        if begins {
            let (store, clock, state) = (self.store.clone(), self.clock.clone(), self.state.clone());
            let counting = tokio::spawn(async move {
                let counted = store.pending(u64::from(LONG)).await;
                let (counted_at, took) = (clock.now(), clock.now().since(now));
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                match counted {
                    Ok(backlogs) => state.last = Some(Arc::new(Pending { backlogs, counted_at })),
                    Err(error) => {
                        tracing::warn!(?error, "what waits could not be counted; told is the count before");
                    }
                }
                state.next_at = Some(counted_at + COUNT_EVERY.max(took * COUNT_PART));
                state.under_way = false;
            });
            // It goes on when nobody waits for it any more.
            drop(tokio::time::timeout(COUNT_WAIT, counting).await);
        }
        self.state().last.clone()
    }

    /// What waits for an endpoint: at most `limit` deliveries as of this moment, more as they were last counted. Until they
    /// have been, told is that there are more, and not which is the oldest.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn backlog(&self, endpoint: EndpointNo, limit: u32) -> Result<Backlog, StoreError> {
        // So many are told apart in any case.
        let counted = self.store.backlog(endpoint, limit.max(LONG)).await?;
        if !counted.more {
            return Ok(counted);
        }
        let last = self.last().await;
        let known = last.iter().flat_map(|pending| &pending.backlogs.long).find(|(no, _)| *no == endpoint);
        // The oldest of those that were counted need not be the oldest.
        Ok(known.map_or(Backlog { oldest: None, ..counted }, |(_, backlog)| *backlog))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// Counts what waits, for whoever else is to tell it.
    #[must_use]
    pub fn pending_count(&self) -> Arc<PendingCount> {
        self.pending.clone()
    }

    /// What waits in the organization, and when that was counted; `None` until it has been.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] for a token of an application.
    pub async fn organization_backlog(&self, actor: &Actor) -> Result<Option<(JointBacklog, Timestamp)>, ServiceError> {
        actor.require(Right::ReadOrganization)?;
        let Some(OrgNo(org)) = self.organization(actor.org).await? else { return Ok(None) };
        Ok(self.pending.last().await.map(|pending| {
            let all = &pending.backlogs.organizations;
            let own = all.iter().find(|(no, _)| no.0 == org).map(|(_, own)| *own).unwrap_or_default();
            (own, pending.counted_at)
        }))
    }

    /// What waits for all endpoints of an application, and when that was counted: now if they are few, else with those of
    /// all applications; `None` until that has been.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn application_backlog(
        &self,
        actor: &Actor,
        app: &str,
    ) -> Result<Option<(JointBacklog, Timestamp)>, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let app = self.app(actor, app).await?;
        if app.endpoints.len() > ENDPOINTS_ASKED {
            return Ok(self.pending.last().await.map(|pending| {
                let all = &pending.backlogs.applications;
                let own = all.iter().find(|(no, _)| *no == app.no).map(|(_, own)| *own).unwrap_or_default();
                (own, pending.counted_at)
            }));
        }
        let (mut own, mut left) = (JointBacklog::default(), COUNTED_MAX);
        for endpoint in &app.endpoints {
            let one = self.pending.backlog(endpoint.no, left).await?;
            left = left.saturating_sub(u32::try_from(one.pending).unwrap_or(u32::MAX));
            own.backlog.add(one);
            own.open_breakers += u64::from(self.health_of(endpoint.no).await?.breaker.is_some());
        }
        Ok(Some((own, self.clock.now())))
    }
}
