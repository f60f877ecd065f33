//! Where messages stand, in numbers: how many of their deliveries succeeded, wait, failed or were canceled.

use ringback_model::{DeliveryState, Message};

use crate::{Actor, Right, Service, ServiceError};

/// Deliveries of one message, by where they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageStanding {
    /// Those that succeeded.
    pub success: usize,
    /// Those that wait.
    pub pending: usize,
    /// Those that ended without success.
    pub failed: usize,
    /// Those that were called off.
    pub canceled: usize,
}

impl Service {
    /// Where each of some messages of an application stands, in their order. Meant for a page of a list.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] of the application.
    pub async fn message_standings(
        &self,
        actor: &Actor,
        app: &str,
        messages: &[Message],
    ) -> Result<Vec<MessageStanding>, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let app = self.app(actor, app).await?;
        let mut standings = Vec::with_capacity(messages.len());
        for message in messages {
            let mut standing = MessageStanding::default();
            for delivery in self.deliveries_of(app.no, message.no).await? {
                *match delivery.state {
                    DeliveryState::Success => &mut standing.success,
                    DeliveryState::Pending | DeliveryState::Sending => &mut standing.pending,
                    DeliveryState::Fail => &mut standing.failed,
                    DeliveryState::Canceled => &mut standing.canceled,
                } += 1;
            }
            standings.push(standing);
        }
        Ok(standings)
    }
}
