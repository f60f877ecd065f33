//! Many messages in one request: one commit, one idempotency key, and a result for each.

use std::collections::HashMap;

use ringback_model::{MessageId, Timestamp};
use ringback_store::{
    Accept, AcceptBatch, Accepted, AppConfig, BatchAccepted, Direction, Idempotency, MessageQuery, Paging,
};

use crate::log;
use crate::message::event_id_taken;
use crate::service::TRIES;
use crate::{Actor, MessageDraft, Receipt, Right, Service, ServiceError};

/// Messages in one request.
pub const BATCH_MAX: usize = 1_000;
/// Deliveries that they may make together: what one commit can take without holding up others.
const DELIVERIES_MAX: usize = 10_000;

/// What became of each message of a request, in order.
pub type BatchReceipts = Vec<Result<Receipt, ServiceError>>;

impl Service {
    /// Accepts messages of one application: when this answers, those that were accepted are on disk with all of their
    /// deliveries. One that cannot be accepted does not keep the others from it.
    ///
    /// # Errors
    /// What concerns all of them: [`ServiceError::NotFound`] of the application, [`ServiceError::Invalid`] for more than
    /// may come at once, [`ServiceError::Conflict`] when the idempotency key was used for another body.
    pub async fn create_messages(
        &self,
        actor: &Actor,
        app: &str,
        drafts: &[MessageDraft<'_>],
        idempotency: Option<Idempotency>,
    ) -> Result<BatchReceipts, ServiceError> {
        actor.require(Right::CreateMessages)?;
        let mut checked = Vec::with_capacity(drafts.len());
        for draft in drafts {
            checked.push(match draft.check() {
                Ok(()) => self.ensure_inline_application(actor, app, draft).await.err(),
                Err(error) => Some(error),
            });
        }
        let now = self.clock.now();
        let before: MessageId = self.ids.make(now, &*self.random);
        for matched in 0..TRIES {
            let config = self.app(actor, app).await?;
            if matched == 0 {
                self.let_in(&config, drafts.len()).await?;
            }
            let Some(Plans { items, mut refused }) = self.plan_all(&config, drafts, &checked, before, now).await?
            else {
                continue;
            };
            let batch = AcceptBatch { app: config.no, app_version: config.version, before, items, idempotency };
            match self.store.accept_batch(batch).await? {
                BatchAccepted::Done(results) => {
                    let mut results = results.into_iter();
                    let receipts = (1..).zip(drafts).zip(checked).map(|((n, draft), wrong)| {
                        if let Some(error) = wrong.or_else(|| refused.remove(&n)) {
                            return Err(error);
                        }
                        let result = results.next().ok_or_else(ServiceError::contended)?;
                        let receipt = receipt(&result?, draft, before.plus(n), now)?;
                        log::accepted(&config, draft, receipt.id, &*self.clock, now);
                        Ok(receipt)
                    });
                    return Ok(receipts.collect());
                }
                BatchAccepted::Replayed { before } => {
                    let kept = self.kept_after(&config, before, drafts.len()).await?;
                    let receipts = (1..).zip(drafts).zip(checked).map(|((n, draft), wrong)| {
                        let id = before.plus(n);
                        match (kept.get(&id), wrong, refused.remove(&n)) {
                            (Some(at), _, _) => Ok(Receipt { id, accepted_at: *at }),
                            (None, Some(error), _) | (None, None, Some(error)) => Err(error),
                            (None, None, None) => Err(event_id_taken(draft.event_id)),
                        }
                    });
                    return Ok(receipts.collect());
                }
                BatchAccepted::KeyReused => return Err(ServiceError::key_reused()),
                BatchAccepted::Stale => self.directory.forget(config.no),
            }
        }
        Err(ServiceError::contended())
    }

    /// What the store is to keep, and why the others are refused, by their place; `None` when the configuration has to be
    /// read again.
    async fn plan_all(
        &self,
        config: &AppConfig,
        drafts: &[MessageDraft<'_>],
        checked: &[Option<ServiceError>],
        before: MessageId,
        now: Timestamp,
    ) -> Result<Option<Plans>, ServiceError> {
        let mut plans = Plans { items: Vec::with_capacity(drafts.len()), refused: HashMap::new() };
        for ((n, draft), wrong) in (1..).zip(drafts).zip(checked) {
            if wrong.is_some() {
                continue;
            }
            match self.plan(config, draft, before.plus(n), now).await {
                Ok(Some(item)) => plans.items.push(item),
                Ok(None) => return Ok(None),
                Err(error) => drop(plans.refused.insert(n, error)),
            }
        }
        let deliveries: usize = plans.items.iter().map(|item| item.targets.len()).sum();
        if deliveries > DELIVERIES_MAX {
            let message = format!(
                "Together these messages go to {deliveries} endpoints; at most {DELIVERIES_MAX} are allowed in one \
                 request. Send fewer at a time."
            );
            return Err(ServiceError::body("messages", message));
        }
        Ok(Some(plans))
    }

    /// When the messages were accepted that came in an earlier request, by id.
    async fn kept_after(
        &self,
        app: &AppConfig,
        before: MessageId,
        count: usize,
    ) -> Result<HashMap<MessageId, Timestamp>, ServiceError> {
        let paging = Paging { limit: count, after: Some(before), direction: Direction::Ascending };
        let found = self.store.messages(MessageQuery::all(app.no, paging)).await?.items;
        Ok(found.into_iter().map(|message| (message.id, message.accepted_at)).collect())
    }
}

/// What becomes of the messages of a request.
struct Plans {
    items: Vec<Accept>,
    refused: HashMap<u32, ServiceError>,
}

fn receipt(
    accepted: &Accepted,
    draft: &MessageDraft<'_>,
    id: MessageId,
    accepted_at: Timestamp,
) -> Result<Receipt, ServiceError> {
    match accepted {
        Accepted::New { .. } => Ok(Receipt { id, accepted_at }),
        Accepted::EventIdTaken => Err(event_id_taken(draft.event_id)),
        // Of single messages these are spoken of; here the request as a whole is.
        Accepted::Replayed { .. } | Accepted::KeyReused | Accepted::Stale => Err(ServiceError::contended()),
    }
}
