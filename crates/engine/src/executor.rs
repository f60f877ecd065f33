//! One attempt: prepare, send, judge. Whatever happens in it, even a panic, comes out as a value.
//!
//! Resolving and vetting the address is part of sending: `egress/connector.rs` does both for each new connection, and
//! the transport has no other way to get one.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use ringback_model::{AttemptOutcome, Clock, Exchange, IdMaker, NotSent, Random, Timestamp, Trigger, sentence};
use ringback_store::{Due, NewAttempt};
use ringback_wire::RenderError;

use crate::Judgement;
use crate::route::Route;
use crate::sender::{Sender, Sending, Tried};
use crate::transformer::Transformer;

/// Makes attempts.
#[derive(Debug)]
pub(crate) struct Executor {
    pub(crate) sender: Sender,
    pub(crate) transformer: Arc<Transformer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) ids: IdMaker,
}

/// An attempt that is over and not recorded yet.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) due: Due,
    pub(crate) route: Arc<Route>,
    /// The attempt before, if it was made again at once with another secret.
    pub(crate) earlier: Option<NewAttempt>,
    pub(crate) attempt: NewAttempt,
    pub(crate) judgement: Judgement,
}

/// One exchange, or what kept it from happening.
struct Seen {
    started_at: Timestamp,
    outcome: AttemptOutcome,
    exchange: Exchange,
}

impl Executor {
    /// Makes one attempt of a delivery.
    pub(crate) async fn attempt(&self, due: Due, route: Arc<Route>) -> Answer {
        let started_at = self.clock.now();
        let url = match (route.config.endpoint.callback, &due.message.callback_url) {
            (true, Some(url)) => url.as_str().into(),
            (true, None) | (false, _) => Arc::clone(&route.url),
        };
        let (earlier, last) = if due.trigger == Trigger::Scheduled && started_at >= due.message.ends_at() {
            (None, nothing(started_at, NotSent::Expired, String::new()))
        } else {
            let sent = AssertUnwindSafe(self.send(&due, &route)).catch_unwind().await;
            // A panic is told by the hook that prints it; the delivery only learns that nothing came of it.
            sent.unwrap_or_else(|_| (None, nothing(started_at, NotSent::Panic, String::new())))
        };
        let judgement = Judgement::of(&due, &route.retry, &last.outcome, self.clock.now(), self.random.fraction());
        let record = |Seen { started_at, outcome, exchange }: Seen| NewAttempt {
            id: self.ids.make(started_at, &*self.random),
            started_at,
            trigger: due.trigger,
            outcome,
            url: Arc::clone(&url),
            exchange,
        };
        let (earlier, attempt) = (earlier.map(record), record(last));
        Answer { due, route, earlier, attempt, judgement }
    }

    async fn send(&self, due: &Due, route: &Route) -> (Option<Seen>, Seen) {
        let started_at = self.clock.now();
        let unrendered = |why, sentence: String| (None, nothing(started_at, why, sentence));
        let target = match route.destination(&due.message) {
            Ok(target) => target,
            Err(error) => return unrendered(NotSent::Render, sentence(&error.to_string())),
        };
        let mut prepared = match self.transformer.prepare(route, &due.message, self.clock.wall()).await {
            Ok(prepared) => prepared,
            Err(RenderError::PayloadGone) => return unrendered(NotSent::PayloadGone, String::new()),
            Err(RenderError::CalledOff) => return unrendered(NotSent::CalledOff, String::new()),
            Err(error) => return unrendered(NotSent::Render, sentence(&error.to_string())),
        };
        if route.config.endpoint.callback {
            prepared.target = target.path_and_query().clone();
        }
        let left_out = prepared.left_out;
        let Sending { earlier, last } = self.sender.send(route, &target, prepared).await;
        let seen = |tried: Tried| {
            let mut seen = Seen::from(tried);
            seen.exchange.left_out = left_out;
            seen
        };
        (earlier.map(seen), seen(last))
    }
}

impl From<Tried> for Seen {
    fn from(Tried { started_at, outcome, sent }: Tried) -> Self {
        Self { started_at, outcome, exchange: sent.exchange }
    }
}

/// What was in the way stands where an answer would.
fn nothing(started_at: Timestamp, why: NotSent, sentence: String) -> Seen {
    let exchange = Exchange { response: sentence.into(), ..Exchange::default() };
    Seen { started_at, outcome: AttemptOutcome::NotSent { why }, exchange }
}
