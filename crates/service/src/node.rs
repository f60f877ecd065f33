//! The servers that share the work.

pub use ringback_store::{Node, Shard};

use crate::{Actor, Right, Service, ServiceError};

impl Service {
    /// The servers that share the store, whose number is everybody's business who sees how an organization does; none
    /// where there can be no others.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`], and those of the store.
    pub async fn nodes(&self, actor: &Actor) -> Result<Vec<Node>, ServiceError> {
        actor.require(Right::ReadOrganization)?;
        Ok(self.store.nodes().await?)
    }
}
