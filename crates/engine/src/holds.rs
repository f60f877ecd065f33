//! Which endpoints have held deliveries, and when those have to be released: whenever the next request made of them may
//! look otherwise than the one that could not be made.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use ringback_model::{EndpointNo, MessageNo};

use crate::route::Route;

/// How many event types are remembered of an endpoint with held deliveries.
const TYPES_MAX: usize = 32;

/// The event types of held deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EventTypes {
    /// There may be deliveries of any type.
    Any,
    /// All of them are of these.
    These(BTreeSet<String>),
}

impl EventTypes {
    fn of(event_type: &str) -> Self {
        Self::These(BTreeSet::from([event_type.to_owned()]))
    }

    fn add(&mut self, event_type: &str) {
        if let Self::These(types) = self
            && !types.contains(event_type)
        {
            if types.len() < TYPES_MAX {
                types.insert(event_type.to_owned());
            } else {
                *self = Self::Any;
            }
        }
    }
}

/// The account of one engine. A release that it asks for twice does no harm; one that it forgets would leave a delivery
/// held although its endpoint was mended.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    /// Endpoints that may have held deliveries in the store, and of which types.
    endpoints: HashMap<EndpointNo, EventTypes>,
    /// Deliveries that are about to be held: the outcome is not durable yet. With what they were tried by, and their type.
    unsettled: HashMap<(EndpointNo, MessageNo), (Arc<Route>, String)>,
}

impl Holds {
    /// The store has held deliveries of an endpoint.
    pub(crate) fn found(&mut self, endpoint: EndpointNo) {
        self.endpoints.insert(endpoint, EventTypes::Any);
    }

    /// An endpoint is another engine's.
    pub(crate) fn forget(&mut self, endpoint: EndpointNo) {
        self.endpoints.remove(&endpoint);
        self.unsettled.retain(|(other, _), _| *other != endpoint);
    }

    /// A delivery is to be held, because no request could be made of it by this route.
    pub(crate) fn judged(&mut self, endpoint: EndpointNo, message: MessageNo, event_type: &str, route: Arc<Route>) {
        self.unsettled.insert((endpoint, message), (route, event_type.to_owned()));
    }

    /// An outcome is durable. Answers whether to release: the endpoint was changed meanwhile.
    pub(crate) fn settled(&mut self, endpoint: EndpointNo, message: MessageNo, now: Option<&Arc<Route>>) -> bool {
        let Some((route, event_type)) = self.unsettled.remove(&(endpoint, message)) else { return false };
        let changed = now.is_some_and(|now| !now.renders_like(&route, &EventTypes::of(&event_type)));
        if !changed {
            match self.endpoints.entry(endpoint) {
                Entry::Occupied(mut types) => types.get_mut().add(&event_type),
                Entry::Vacant(place) => {
                    place.insert(EventTypes::of(&event_type));
                }
            }
        }
        changed
    }

    /// The configuration of an endpoint was read. Answers whether to release: it is another one in what goes into their
    /// requests, or it is not known whether it is, as at a start.
    pub(crate) fn configured(&mut self, endpoint: EndpointNo, before: Option<&Arc<Route>>, now: &Route) -> bool {
        let Some(types) = self.endpoints.get(&endpoint) else { return false };
        let is_due = before.is_none_or(|before| !before.renders_like(now, types));
        if is_due {
            self.endpoints.remove(&endpoint);
        }
        is_due
    }
}
