//! Which endpoints have held deliveries, and when those have to be released: whenever the next request made of them may
//! look otherwise than the one that could not be made.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ringback_model::{EndpointNo, MessageNo};

use crate::route::Route;

/// The account of one engine. A release that it asks for twice does no harm; one that it forgets would leave a delivery
/// held although its endpoint was mended.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    /// Endpoints that may have held deliveries in the store.
    endpoints: HashSet<EndpointNo>,
    /// Deliveries that are about to be held: the outcome is not durable yet. With what they were tried by.
    unsettled: HashMap<(EndpointNo, MessageNo), Arc<Route>>,
}

impl Holds {
    /// The store has held deliveries of an endpoint.
    pub(crate) fn found(&mut self, endpoint: EndpointNo) {
        self.endpoints.insert(endpoint);
    }

    /// An endpoint is another engine's.
    pub(crate) fn forget(&mut self, endpoint: EndpointNo) {
        self.endpoints.remove(&endpoint);
        self.unsettled.retain(|(other, _), _| *other != endpoint);
    }

    /// A delivery is to be held, because no request could be made of it by this route.
    pub(crate) fn judged(&mut self, endpoint: EndpointNo, message: MessageNo, route: Arc<Route>) {
        self.unsettled.insert((endpoint, message), route);
    }

    /// An outcome is durable. Answers whether to release: the endpoint was changed meanwhile.
    pub(crate) fn settled(&mut self, endpoint: EndpointNo, message: MessageNo, now: Option<&Arc<Route>>) -> bool {
        let Some(route) = self.unsettled.remove(&(endpoint, message)) else { return false };
        let changed = now.is_some_and(|now| !now.renders_like(&route));
        if !changed {
            self.endpoints.insert(endpoint);
        }
        changed
    }

    /// The configuration of an endpoint was read. Answers whether to release: it is another one, or it is not known
    /// whether it is, as at a start.
    pub(crate) fn configured(&mut self, endpoint: EndpointNo, before: Option<&Arc<Route>>, now: &Route) -> bool {
        let is_due = self.endpoints.contains(&endpoint) && before.is_none_or(|before| !before.renders_like(now));
        is_due && self.endpoints.remove(&endpoint)
    }
}
