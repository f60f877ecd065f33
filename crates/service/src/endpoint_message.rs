//! The messages that went or go to one endpoint, with where each stands.

use std::collections::HashMap;

use ringback_model::{DeliveryState, Message, MessageId, MessageNo};
use ringback_store::EndpointDeliveryQuery;

use crate::{Actor, DeliveryView, MessageFilter, Page, Right, Service, ServiceError, Window};

/// Bytes of payload that are read for one page at most; messages beyond come without theirs.
const PAGE_BYTES: usize = 32 * 1024 * 1024;

/// A message and its delivery to the endpoint that was asked for.
#[derive(Clone, Debug)]
pub struct EndpointMessage {
    /// The message.
    pub message: Message,
    /// Its delivery.
    pub delivery: DeliveryView,
}

impl Service {
    /// A page of the messages that went or go to an endpoint, by id; those in one state only, if one is named.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], and [`ServiceError::Invalid`] for times that lie ahead.
    pub async fn list_endpoint_messages(
        &self,
        actor: &Actor,
        app: &str,
        endpoint: &str,
        window: Window<MessageId>,
        (filter, state): (MessageFilter, Option<DeliveryState>),
    ) -> Result<Page<EndpointMessage>, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let (app, config) = self.lane_config(actor, app, endpoint).await?;
        self.check_span(filter.after, filter.before)?;
        let with_content = filter.with_content;
        let messages = filter.query(app.no, window.paging());
        let query = EndpointDeliveryQuery { endpoint: config.no, state, messages };
        let page = window.page_of_hits(self.store.endpoint_deliveries(query).await?);
        let numbers: Vec<MessageNo> = page.items.iter().map(|delivery| delivery.message).collect();
        let mut found = self.store.messages_by_no(numbers).await?;
        if with_content {
            self.read_payloads(&mut found, PAGE_BYTES).await?;
        }
        self.numbers_for(actor).await?.of_messages(&mut found);
        let mut found: HashMap<_, _> = found.into_iter().map(|message| (message.no, message)).collect();
        let mut items = Vec::with_capacity(page.items.len());
        for delivery in page.items {
            // The message is there unless retention has just removed it.
            if let (Some(message), Some(delivery)) =
                (found.remove(&delivery.message), self.delivery_view(app.no, &delivery).await?)
            {
                items.push(EndpointMessage { message, delivery });
            }
        }
        Ok(Page { items, done: page.done, stopped: page.stopped })
    }
}
