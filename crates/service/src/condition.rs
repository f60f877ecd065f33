//! The condition of an endpoint: whether it sends, how its attempts go, and what waits for it.

use ringback_model::{EndpointNo, Gate, Health};
use ringback_store::Backlog;

use crate::statistics::COUNTED_MAX;
use crate::{Actor, Right, Service, ServiceError};

/// The condition of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Why nothing is sent at present, if nothing is.
    pub gate: Option<Gate>,
    /// Since when its attempts fail, and whether they are made one at a time; as it was last written.
    pub health: Health,
    /// What waits.
    pub backlog: Backlog,
}

impl Service {
    /// The condition of an endpoint.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn endpoint_condition(&self, actor: &Actor, app: &str, name: &str) -> Result<Condition, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let (_, config) = self.endpoint_config(actor, app, name).await?;
        let before = EndpointNo(config.no.0 - 1);
        // Those that nothing waits for and that do not fail are passed over.
        let lane = self.store.lanes(before, 1).await?.into_iter().find(|lane| lane.endpoint == config.no);
        Ok(Condition {
            gate: config.endpoint.gate(),
            health: lane.map(|lane| lane.health).unwrap_or_default(),
            backlog: self.store.backlog(config.no, COUNTED_MAX).await?,
        })
    }
}
