//! One attempt: prepare, send, judge. Whatever happens in it, even a panic, comes out as a value.
//!
//! Resolving and vetting the address is part of sending: `egress/connector.rs` does both for each new connection, and
//! the transport has no other way to get one.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use ringback_model::{
    AttemptOutcome, Clock, Exchange, IdMaker, Message, Mutant, NotSent, Random, Timestamp, Trigger, sentence,
};
use ringback_store::{Due, NewAttempt, QueueNo, Step};
use ringback_wire::RenderError;

use crate::Judgement;
use crate::route::Route;
use crate::scheduler::Verdict;
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

/// What came of one request.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "most are of one message, and need no allocation of their own")]
pub(crate) enum Answered {
    /// It was of one message.
    One(Answer),
    /// It was of several, each of which has an attempt of its own to be recorded.
    Batch {
        answers: Vec<Answer>,
        /// Those that stay as they are, because they stand behind one that could not be in it.
        left: Vec<Due>,
        /// What the lane learns of the request; [`Verdict::NotSent`] if none could be made.
        verdict: Verdict,
    },
}

/// One exchange, or what kept it from happening.
#[derive(Clone)]
struct Seen {
    started_at: Timestamp,
    outcome: AttemptOutcome,
    exchange: Exchange,
}

impl Executor {
    /// Makes one attempt of a delivery.
    pub(crate) async fn attempt(&self, due: Due, route: Arc<Route>) -> Answer {
        let started_at = self.clock.now();
        let (earlier, last) = if is_over(&due, started_at) {
            (None, nothing(started_at, NotSent::Expired, String::new()))
        } else if Mutant::DeliveredUnsent.is_alive() && self.random.fraction() < 0.005 {
            (None, Seen { outcome: AttemptOutcome::Delivered, ..nothing(started_at, NotSent::Panic, String::new()) })
        } else {
            let sent = AssertUnwindSafe(self.send(&due, &route)).catch_unwind().await;
            // A panic is told by the hook that prints it; the delivery only learns that nothing came of it.
            sent.unwrap_or_else(|_| (None, nothing(started_at, NotSent::Panic, String::new())))
        };
        self.answer(due, route, (earlier, last), self.random.fraction())
    }

    /// Makes one attempt of several deliveries, in one request. What cannot be in it does not keep the others from it, but for
    /// those behind it in its queue; the others share what comes of it, and a wait before the next try, so that they stay
    /// together.
    pub(crate) async fn batch(&self, rows: Vec<Due>, route: Arc<Route>) -> Answered {
        let started_at = self.clock.now();
        let (rows, left) = line_up(rows, &route, started_at);
        let going = rows.iter().filter(|(_, kept)| kept.is_none()).map(|(due, _)| &*due.message);
        let going: Vec<&Message> = going.collect();
        let sent = if going.is_empty() {
            (None, nothing(started_at, NotSent::Render, String::new()))
        } else {
            let sent = AssertUnwindSafe(self.send_batch(&going, &route)).catch_unwind().await;
            sent.unwrap_or_else(|_| (None, nothing(started_at, NotSent::Panic, String::new())))
        };
        let verdict = Judgement::verdict_of(&sent.1.outcome);
        let jitter = self.random.fraction();
        let answer = |(due, kept): (Due, Option<Seen>)| {
            let seen = kept.map_or_else(|| sent.clone(), |kept| (None, kept));
            self.answer(due, Arc::clone(&route), seen, jitter)
        };
        Answered::Batch { answers: rows.into_iter().map(answer).collect(), left, verdict }
    }

    /// Judges what was seen, and makes an attempt of it that can be recorded.
    fn answer(&self, due: Due, route: Arc<Route>, (earlier, last): (Option<Seen>, Seen), jitter: f64) -> Answer {
        let url = match (route.config.endpoint.callback, &due.message.callback_url) {
            (true, Some(url)) => url.as_str().into(),
            (true, None) | (false, _) => Arc::clone(&route.url),
        };
        let judgement = Judgement::of(&due, &route.retry, &last.outcome, self.clock.now(), jitter);
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

    async fn send_batch(&self, messages: &[&Message], route: &Route) -> (Option<Seen>, Seen) {
        let prepared = match ringback_wire::prepare_batch(&route.recipe, messages, self.clock.wall()) {
            Ok(prepared) => prepared,
            Err(error) => return (None, unrendered(self.clock.now(), &error)),
        };
        let Sending { earlier, last } = self.sender.send(route, &route.target, prepared).await;
        (earlier.map(Seen::from), Seen::from(last))
    }

    async fn send(&self, due: &Due, route: &Route) -> (Option<Seen>, Seen) {
        let started_at = self.clock.now();
        let target = match route.destination(&due.message) {
            Ok(target) => target,
            Err(error) => return (None, nothing(started_at, NotSent::Render, sentence(&error.to_string()))),
        };
        let mut prepared = match self.transformer.prepare(route, &due.message, self.clock.wall()).await {
            Ok(prepared) => prepared,
            Err(error) => return (None, unrendered(started_at, &error)),
        };
        if route.config.endpoint.callback {
            prepared.target = target.path_and_query().clone();
        }
        if Mutant::BodyAltered.is_alive() && self.random.fraction() < 0.01 {
            prepared.body = [&*prepared.body, b" "].concat().into();
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

/// Whether the time of a delivery has ended; what somebody asked for is sent all the same.
fn is_over(due: &Due, now: Timestamp) -> bool {
    due.trigger == Trigger::Scheduled && now >= due.message.ends_at()
}

/// Looks which deliveries of a batch can be in its request, in the order of their numbers; the others come with what keeps
/// them out of it. Who keeps a place in its queue, because it is to be tried again, keeps those behind it from going before
/// it: they are left as they are, and so is one that stood behind another itself, for it has its turn when that has ended.
fn line_up(rows: Vec<Due>, route: &Route, now: Timestamp) -> (Vec<(Due, Option<Seen>)>, Vec<Due>) {
    let (mut lined_up, mut left) = (Vec::with_capacity(rows.len()), Vec::new());
    // Of each queue that was met, whether the others of it stay.
    let mut queues: HashMap<QueueNo, bool> = HashMap::new();
    for due in rows {
        let met = due.queue.and_then(|queue| queues.get(&queue).copied());
        if met == Some(true) {
            left.push(due);
            continue;
        }
        let kept = obstacle(&due, route, now);
        let ends = |seen: &Seen| {
            let judgement = Judgement::of(&due, &route.retry, &seen.outcome, now, 0.0);
            matches!(judgement.step, Step::End { .. })
        };
        let closes = kept.as_ref().is_some_and(|seen| !ends(seen));
        due.queue.and_then(|queue| queues.insert(queue, closes));
        if closes && met.is_some() { left.push(due) } else { lined_up.push((due, kept)) }
    }
    (lined_up, left)
}

/// What keeps a delivery out of a request of several, if anything does.
fn obstacle(due: &Due, route: &Route, now: Timestamp) -> Option<Seen> {
    if is_over(due, now) {
        return Some(nothing(now, NotSent::Expired, String::new()));
    }
    let checked = AssertUnwindSafe(|| ringback_wire::check_batch_element(&route.recipe, &due.message));
    match std::panic::catch_unwind(checked) {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(unrendered(now, &error)),
        Err(_) => Some(nothing(now, NotSent::Panic, String::new())),
    }
}

fn unrendered(started_at: Timestamp, error: &RenderError) -> Seen {
    match error {
        RenderError::PayloadGone => nothing(started_at, NotSent::PayloadGone, String::new()),
        RenderError::CalledOff => nothing(started_at, NotSent::CalledOff, String::new()),
        error => nothing(started_at, NotSent::Render, sentence(&error.to_string())),
    }
}

/// What was in the way stands where an answer would.
fn nothing(started_at: Timestamp, why: NotSent, sentence: String) -> Seen {
    let exchange = Exchange { response: sentence.into(), ..Exchange::default() };
    Seen { started_at, outcome: AttemptOutcome::NotSent { why }, exchange }
}
