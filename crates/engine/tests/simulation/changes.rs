//! What the owners of endpoints change while messages are on their way, and how the engine learns of it.

use ringback_engine::scheduler::{Action, Event};
use ringback_model::{Clock, EndpointNo, Gate};
use ringback_store::backend::sqlite;

use crate::plan;
use crate::world::{Happening, World};

/// Microseconds until nothing of a deleted endpoint is pending any more, reads and steps that fail included.
const CLEARED_WITHIN: u64 = 30_000_000;

/// Something that an owner does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    /// Pauses it, or lets it go on.
    Pause(bool),
    /// Disables it, or enables it.
    Disable(bool),
    /// Asks for other limits.
    Limits,
    /// Asks for another rate of the whole application.
    AppRate,
    /// Asks for several messages in one request, or for single ones again.
    Batch,
    /// Asks for another order.
    Order,
    /// Deletes it.
    Delete,
}

impl World {
    pub(crate) fn plan_changes(&mut self, span: u64) {
        for _ in 0..self.random.below(4) {
            let (endpoint, at) = (self.any_endpoint(), self.random.below(span));
            let (close, open) = match self.random.below(2) {
                0 => (Change::Pause(true), Change::Pause(false)),
                _ => (Change::Disable(true), Change::Disable(false)),
            };
            self.after(at, Happening::Change(endpoint, close));
            let length = self.random.below(5_000_000);
            // While it is closed, something else about it changes.
            let (between, change) = (self.random.below(length + 1), self.any_change());
            self.after(at + between, Happening::Change(endpoint, change));
            self.after(at + length, Happening::Change(endpoint, open));
        }
        for _ in 0..self.random.below(6) {
            let (endpoint, at, change) = (self.any_endpoint(), self.random.below(span * 2), self.any_change());
            self.after(at, Happening::Change(endpoint, change));
            // Often there is another one while the engine reads the first.
            let (soon, change) = (self.random.below(300), self.any_change());
            self.after(at + soon, Happening::Change(endpoint, change));
        }
        if self.random.below(2) == 0 {
            let (endpoint, at) = (self.any_endpoint(), self.random.below(span * 2));
            self.after(at, Happening::Change(endpoint, Change::Delete));
        }
    }

    fn any_change(&self) -> Change {
        [Change::Limits, Change::Batch, Change::Order, Change::AppRate][self.random.below(4) as usize]
    }

    pub(crate) fn change(&mut self, no: EndpointNo, change: Change, actions: &mut Vec<Action>) {
        let app_rate = plan::app_rate(&self.random);
        let app = self.plan.endpoint(no).app;
        if matches!(change, Change::AppRate) {
            for endpoint in self.plan.endpoints.iter_mut().filter(|endpoint| endpoint.app == app) {
                endpoint.wants.app_rate = app_rate;
                endpoint.was_changed = true;
            }
        }
        let endpoint = self.plan.endpoint_mut(no);
        endpoint.was_changed = true;
        let deleted = endpoint.wants.gate == Some(Gate::Deleted);
        match change {
            Change::Pause(shut) if !deleted => endpoint.wants.gate = shut.then_some(Gate::Paused),
            Change::Disable(shut) if !deleted => endpoint.wants.gate = shut.then_some(Gate::Disabled),
            Change::Pause(_) | Change::Disable(_) | Change::AppRate => {}
            Change::Limits => {
                (endpoint.wants.concurrency, endpoint.wants.rate) = plan::limits(&self.random, endpoint.ordering)
            }
            Change::Batch => endpoint.wants.batch = plan::batch(&self.random),
            Change::Order => {
                endpoint.ordering = plan::ordering(&self.random);
                (endpoint.wants.concurrency, _) = plan::limits(&self.random, endpoint.ordering);
            }
            Change::Delete => {
                endpoint.wants.gate = Some(Gate::Deleted);
                self.after(CLEARED_WITHIN, Happening::Deleted(no));
            }
        }
        self.scheduler.step(Event::Changed(app), self.clock.now(), actions);
    }

    /// What an endpoint wanted when its configuration was read reaches the engine.
    pub(crate) fn configured(&mut self, endpoint: EndpointNo, with_health: bool, actions: &mut Vec<Action>) {
        // The store cannot always be read.
        let policy = self.plan.arrives(endpoint).filter(|_| self.random.below(60) != 0);
        let health = policy.as_ref().filter(|_| with_health).map(|_| {
            let after = EndpointNo(endpoint.0 - 1);
            let found = sqlite::lanes(&self.connection, after, 1).expect("a store in memory can be read");
            found.first().filter(|lane| lane.endpoint == endpoint).map(|lane| lane.health).unwrap_or_default()
        });
        self.laws.configured(endpoint, policy.clone());
        self.scheduler.step(Event::Configured { endpoint, policy, health }, self.clock.now(), actions);
    }
}
