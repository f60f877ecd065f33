//! What an endpoint wants, and what is done in the store because of it: held deliveries are released, those of a deleted
//! endpoint are cleared.

use std::sync::Arc;

use ringback_model::{AppNo, DeliveryState, EndpointNo, Reason};
use ringback_store::{Clear, LaneStart, Release, StoreError};

use super::{Done, LOOK_AGAIN, Pump};
use crate::configuration;
use crate::route::Route;
use crate::scheduler::{Event, LanePolicy};

/// Deliveries of a deleted endpoint that are ended at a time.
const CLEARED_PER_STEP: usize = 500;
/// Held deliveries that are released at a time.
const RELEASED_PER_STEP: usize = 500;

impl Pump {
    pub(super) fn configured(
        &mut self,
        endpoint: EndpointNo,
        configured: Option<(LanePolicy, Arc<Route>)>,
        lane: Option<LaneStart>,
    ) {
        if lane.is_some_and(|lane| lane.held) {
            self.holds.found(endpoint);
        }
        let policy = configured.map(|(policy, route)| {
            let old = self.routes.insert(endpoint, Arc::clone(&route));
            if old.as_ref().is_some_and(|old| old.config.version != route.config.version) {
                self.executor.sender.transport().forget(endpoint);
            }
            if self.holds.configured(endpoint, old.as_ref(), &route) {
                self.release(endpoint);
            }
            policy
        });
        self.tell(Event::Configured { endpoint, policy, health: lane.map(|lane| lane.health) });
    }

    /// Makes held deliveries of an endpoint due, some of them.
    pub(super) fn release(&mut self, endpoint: EndpointNo) {
        let Some(epoch) = self.ownership.epoch(endpoint) else { return };
        let store = self.store.clone();
        self.tasks.spawn(async move {
            match store.release(Release { endpoint, epoch, limit: RELEASED_PER_STEP }).await {
                Ok(released) => Done::Released(endpoint, released.count == RELEASED_PER_STEP),
                Err(error) => {
                    tracing::error!(?error, "held deliveries could not be released; trying again");
                    tokio::time::sleep(LOOK_AGAIN).await;
                    Done::Released(endpoint, true)
                }
            }
        });
    }

    pub(super) fn configure(&mut self, endpoint: EndpointNo, app: Option<AppNo>, with_health: bool) {
        let Some(place) = self.place(endpoint) else { return };
        let (store, directory, retry) = (self.store.clone(), self.directory.clone(), self.retry.clone());
        self.tasks.spawn(async move {
            let read = async {
                let lane = if with_health { Some(configuration::lane(&*store, endpoint).await?) } else { None };
                Ok::<_, StoreError>((configuration::read(&*store, &directory, &retry, endpoint, app).await?, lane))
            };
            match read.await {
                Ok((configured, lane)) => Done::Configured(place, configured, lane),
                Err(error) => {
                    tracing::error!(?error, "an endpoint's configuration could not be read");
                    Done::Configured(place, None, None)
                }
            }
        });
    }

    pub(super) fn clear(&mut self, endpoint: EndpointNo) {
        let Some(place) = self.place(endpoint) else { return };
        let reply = self.store.clear(Clear {
            endpoint,
            epoch: Some(place.1),
            state: DeliveryState::Canceled,
            reason: Reason::EndpointDeleted,
            limit: CLEARED_PER_STEP,
            upto: None,
        });
        self.tasks.spawn(async move {
            let cleared = reply.await;
            if let Err(error) = &cleared {
                tracing::error!(?error, "deliveries of a deleted endpoint could not be ended; trying again");
            }
            // One that has come back keeps what it has; that it is back is about to be heard.
            let cleared = cleared.ok().filter(|cleared| !cleared.lives);
            Done::Cleared(place, cleared.map(|cleared| cleared.count == CLEARED_PER_STEP))
        });
    }
}
