//! The condition of an endpoint: whether it sends, how its attempts go, and what waits for it.

use std::collections::HashMap;

use ringback_model::{EndpointId, EndpointNo, Gate, Health};
use ringback_store::Backlog;

use crate::statistics::COUNTED_MAX;
use crate::{Actor, Right, Service, ServiceError};

/// Endpoints that are asked for at a time.
const AT_A_TIME: usize = 100;

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
        Ok(Condition {
            gate: config.endpoint.gate(),
            health: self.health_of(config.no).await?,
            backlog: self.pending.backlog(config.no, COUNTED_MAX).await?,
        })
    }

    /// How the attempts of these endpoints of an application go, as it was last written, in their order; those that do not
    /// exist are well.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] of the application.
    pub async fn healths(
        &self,
        actor: &Actor,
        app: &str,
        endpoints: &[EndpointId],
    ) -> Result<Vec<Health>, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let app = self.app(actor, app).await?;
        let numbers: HashMap<_, _> = app.endpoints.iter().map(|config| (config.endpoint.id, config.no)).collect();
        let mut all = Vec::with_capacity(endpoints.len());
        for some in endpoints.chunks(AT_A_TIME) {
            // All are begun before the first is waited for.
            let begun = some.iter().map(|id| {
                let no = *numbers.get(id)?;
                Some((no, self.store.lanes(EndpointNo(no.0 - 1), 1)))
            });
            for one in begun.collect::<Vec<_>>() {
                all.push(match one {
                    Some((no, lanes)) => {
                        let lane = lanes.await?.into_iter().find(|lane| lane.endpoint == no);
                        lane.map(|lane| lane.health).unwrap_or_default()
                    }
                    None => Health::default(),
                });
            }
        }
        Ok(all)
    }

    /// How the attempts of an endpoint go, as it was last written.
    pub(crate) async fn health_of(&self, endpoint: EndpointNo) -> Result<Health, ServiceError> {
        // Those that nothing waits for and that do not fail are passed over.
        let lanes = self.store.lanes(EndpointNo(endpoint.0 - 1), 1).await?;
        Ok(lanes.into_iter().find(|lane| lane.endpoint == endpoint).map(|lane| lane.health).unwrap_or_default())
    }
}
