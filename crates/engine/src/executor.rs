//! One attempt: prepare, send, judge. Whatever happens in it, even a panic, comes out as a value.
//!
//! Resolving and vetting the address is part of sending: `egress/connector.rs` does both for each new connection, and
//! the transport has no other way to get one.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use ringback_model::{AttemptOutcome, Clock, Exchange, IdMaker, NotSent, Random};
use ringback_store::{Due, NewAttempt};

use crate::Judgement;
use crate::route::Route;
use crate::transport::{OutgoingRequest, Transport};

/// Makes attempts.
#[derive(Debug)]
pub(crate) struct Executor {
    pub(crate) transport: Arc<Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) ids: IdMaker,
}

/// An attempt that is over and not recorded yet.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) due: Due,
    pub(crate) route: Arc<Route>,
    pub(crate) attempt: NewAttempt,
    pub(crate) judgement: Judgement,
}

impl Executor {
    /// Makes one attempt of a delivery.
    pub(crate) async fn attempt(&self, due: Due, route: Arc<Route>) -> Answer {
        let started_at = self.clock.now();
        let sent = AssertUnwindSafe(self.send(&due, &route)).catch_unwind().await;
        // A panic is told by the hook that prints it; the delivery only learns that nothing came of it.
        let (outcome, exchange) = sent.unwrap_or_else(|_| nothing(NotSent::Panic));
        let judgement = Judgement::of(&due, &route.retry, &outcome, self.clock.now(), self.random.fraction());
        let attempt = NewAttempt {
            id: self.ids.make(started_at, &*self.random),
            started_at,
            trigger: due.trigger,
            outcome,
            url: route.url.clone(),
            exchange,
        };
        Answer { due, route, attempt, judgement }
    }

    async fn send(&self, due: &Due, route: &Route) -> (AttemptOutcome, Exchange) {
        let Ok(prepared) = ringback_wire::prepare(&route.recipe, &due.message, self.clock.wall()) else {
            return nothing(NotSent::Render);
        };
        let request = OutgoingRequest {
            method: prepared.method,
            path_and_query: prepared.target,
            headers: prepared.headers,
            body: prepared.body,
        };
        let sent = self.transport.send(due.endpoint, &route.target, request, route.timeout).await;
        (sent.outcome(self.clock.wall()), sent.exchange)
    }
}

fn nothing(why: NotSent) -> (AttemptOutcome, Exchange) {
    (AttemptOutcome::NotSent { why }, Exchange::default())
}
