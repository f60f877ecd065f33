//! What is handed to the store, and what its commits tell.

use std::time::Duration;

use bytes::Bytes;
use ringback_engine::scheduler::{Action, Event};
use ringback_model::{
    AppNo, Class, Clock, DeliveryState, EndpointNo, Gate, MessageNo, Ordering, Priority, Reason, Timestamp,
};
use ringback_store::backend::sqlite::{self, Op, OpResult};
use ringback_store::{
    Accept, Accepted, Clear, Committed, Expire, Expiry, Finish, NewMessage, QueueNo, Rearm, Rearmed, Step, Target,
};

use crate::plan::PlannedEndpoint;
use crate::world::{Happening, World};

/// Deliveries of a deleted endpoint that are ended at a time: few, so that it takes several steps.
const CLEARED: usize = 7;
/// Deliveries that have no time left and are ended at a time.
const EXPIRED: usize = 3;

impl World {
    pub(crate) fn post(&mut self) {
        let now = self.clock.now();
        let app = AppNo(1 + self.random.below(3) as i64);
        let key = self.random.below(4) as i64 + 1;
        let share = 1 + self.random.below(3);
        let open = |endpoint: &&PlannedEndpoint| endpoint.app == app && endpoint.wants.gate != Some(Gate::Deleted);
        let targets: Vec<Target> = self
            .plan
            .endpoints
            .iter()
            .filter(open)
            .filter(|_| self.random.below(4) < share)
            .map(|endpoint| {
                let queue = match endpoint.ordering {
                    Ordering::None => None,
                    Ordering::PerKey => Some(QueueNo(key)),
                    Ordering::Fifo => Some(QueueNo(0)),
                };
                Target::new(endpoint.no, queue)
            })
            .collect();
        let (deliver_at, deliver_until) = self.times(now);
        let class =
            [Class::Otp, Class::Notification, Class::Transactional, Class::Marketing][self.random.below(4) as usize];
        self.enqueue(Op::Accept(Accept {
            app,
            app_version: 0,
            message: NewMessage {
                id: self.ids.make(now, &*self.random),
                event_type: "sms.dlr".to_owned(),
                event_id: None,
                channels: Vec::new(),
                tags: Vec::new(),
                payload: Bytes::from(format!("{{\"n\":{},\"key\":{key}}}", self.posted)),
                raw: None,
                raw_content_type: None,
                ordering_key: None,
                occurred_at: None,
                callback_url: None,
                deliver_at,
                deliver_until,
                accepted_at: now,
                expires_at: Timestamp::MAX,
            },
            priority: Priority::new(class, self.random.below(2) == 0),
            pollers: Vec::new(),
            targets,
            idempotency: None,
        }));
        self.posted += 1;
        if self.posted < self.plan.messages {
            let gap = self.random.below(self.plan.gap * 2);
            self.after(gap, Happening::Post);
        }
    }

    /// Some messages are not to be sent before a time, and some not after one.
    fn times(&self, now: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
        let within = |seconds: u64| now + Duration::from_micros(self.random.below(seconds * 1_000_000));
        let from = (self.random.below(12) == 0).then(|| within(20));
        let until = (self.random.below(12) == 0).then(|| from.unwrap_or(now).max(within(30)));
        (from, until)
    }

    /// The pass that lets go of things ends what waits and has no time left.
    pub(crate) fn expire(&mut self) {
        let now = self.clock.now();
        let over = self.laws.over(now);
        if !over.is_empty() {
            let items = over.into_iter().map(|message| (message, Expiry::Deliveries(Reason::Expired))).collect();
            self.enqueue(Op::Expire(Expire { items, rows: EXPIRED, ..Expire::default() }));
        }
    }

    pub(crate) fn enqueue(&mut self, op: Op) {
        self.waiting.push(op);
        if !self.commit_planned {
            self.commit_planned = true;
            let wait = 50 + self.random.below(2_000);
            self.after(wait, Happening::Commit);
        }
    }

    /// Somebody asks for one more attempt of something.
    pub(crate) fn resend(&mut self) {
        let Some(count) = u64::try_from(self.accepted.len()).ok().filter(|count| *count > 0) else { return };
        self.resend_of(self.random.below(count) as usize);
    }

    pub(crate) fn resend_of(&mut self, which: usize) {
        let (message, endpoint) = self.accepted[which];
        if self.plan.endpoint(endpoint).wants.gate != Some(Gate::Deleted) {
            let now = self.clock.now();
            self.enqueue(Op::Rearm(Rearm { message, endpoint, now, idempotency: None, audit: None }));
            if self.random.below(3) == 0 {
                // Some are impatient.
                let wait = self.random.below(30_000);
                self.after(wait, Happening::ResendOf(which));
            }
        }
    }

    pub(crate) fn clear(&mut self, endpoint: EndpointNo) {
        let (state, reason) = (DeliveryState::Canceled, Reason::EndpointDeleted);
        self.enqueue(Op::Clear(Clear { endpoint, epoch: None, state, reason, limit: CLEARED, upto: None }));
    }

    /// What waits becomes durable, all of it at once, and the feed tells.
    pub(crate) fn commit(&mut self, actions: &mut Vec<Action>) {
        self.commit_planned = false;
        let mut ops = std::mem::take(&mut self.waiting);
        for op in &mut ops {
            if let Op::Accept(accept) = op {
                // What was matched before a deletion is matched again: the store would refuse its old version.
                accept.targets.retain(|to| self.plan.endpoint(to.endpoint).wants.gate != Some(Gate::Deleted));
            }
        }
        let (results, committed) = sqlite::apply(&mut self.connection, &mut self.context, &ops);
        let mut cleared = Vec::new();
        for (op, result) in ops.iter().zip(results) {
            match (op, result) {
                (Op::Accept(accept), OpResult::Accept(Ok(Accepted::New { no }))) => self.accepted(accept, no),
                (Op::Finish(finish), OpResult::Finish(Ok(_))) => self.finished(finish),
                (Op::Rearm(rearm), OpResult::Rearm(Ok(Rearmed::Armed))) => {
                    self.summary.resends += 1;
                    self.laws.asked(rearm.message, rearm.endpoint, rearm.now);
                }
                (Op::Clear(clear), OpResult::Clear(Ok(done))) => {
                    // Now and then it is not known whether it was done.
                    let more = (self.random.below(10) != 0).then_some(done.count == CLEARED);
                    cleared.push(Event::Cleared { endpoint: clear.endpoint, more });
                }
                (Op::Expire(expire), OpResult::Expire(Ok(_))) => self.expired(expire),
                (op, result) => panic!("{op:?} came to {result:?}"),
            }
        }
        self.told(committed, actions);
        let now = self.clock.now();
        cleared.into_iter().for_each(|event| self.scheduler.step(event, now, actions));
    }

    fn accepted(&mut self, accept: &Accept, no: MessageNo) {
        self.summary.accepted += 1;
        for target in &accept.targets {
            self.summary.deliveries += 1;
            self.summary.queued += u64::from(target.queue.is_some());
            self.accepted.push((no, target.endpoint));
            self.laws.accepted((no, target.endpoint), target.queue, &accept.message, self.clock.now());
        }
    }

    fn finished(&mut self, finish: &Finish) {
        if let Step::End { state, .. } = finish.step
            && self.laws.ended(finish.message, finish.endpoint)
        {
            let well = state == DeliveryState::Success;
            self.summary.ended_well += u64::from(well);
            self.summary.ended_badly += u64::from(!well);
        }
    }

    /// What of the messages has ended in the store; beside it nothing may have.
    fn expired(&mut self, expire: &Expire) {
        for (message, _) in &expire.items {
            for endpoint in self.laws.open_at(*message) {
                let sql = "SELECT state FROM delivery WHERE message = ?1 AND endpoint = ?2";
                let state: u8 = self
                    .connection
                    .query_row(sql, [message.0, endpoint.0], |row| row.get(0))
                    .expect("a store in memory can be read");
                if state != DeliveryState::Pending.code() {
                    self.summary.ended_badly += 1;
                    self.summary.expired += 1;
                    self.laws.ended(*message, endpoint);
                }
            }
        }
    }

    /// Everything has ended, by the store's own account too; what was left of a deleted endpoint was called off.
    pub(crate) fn nothing_is_pending(&mut self) {
        let pending = self.pending(None);
        assert!(pending.is_empty(), "forgotten: {pending:?} {:?}", self.scheduler.load());
        self.laws.nothing_is_open(&self.plan);
    }

    /// What is pending by the store's own account.
    pub(crate) fn pending(&self, endpoint: Option<EndpointNo>) -> Vec<(i64, i64)> {
        let mut pending = self
            .connection
            .prepare(
                "SELECT message, endpoint FROM delivery \
                 WHERE (state = 1 OR manual_due IS NOT NULL) AND endpoint = IFNULL(?1, endpoint)",
            )
            .expect("a store in memory can be read");
        pending
            .query_map([endpoint.map(|no| no.0)], |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect)
            .expect("a store in memory can be read")
    }

    fn told(&mut self, committed: Committed, actions: &mut Vec<Action>) {
        let now = self.clock.now();
        for settled in committed.settled {
            let event = Event::Settled { endpoint: settled.endpoint, row: (settled.message, settled.trigger) };
            self.scheduler.step(event, now, actions);
        }
        for endpoint in committed.revoked {
            self.scheduler.step(Event::Revoked(endpoint), now, actions);
        }
        for endpoint in committed.woken {
            self.scheduler.step(Event::Woken(endpoint), now, actions);
        }
        // Sometimes the engine is far behind and is told only that it missed something.
        if self.plan.misses && self.random.below(50) == 0 {
            self.scheduler.step(Event::Missed, now, actions);
            self.find(actions);
        } else {
            self.scheduler.step(Event::Due(committed.due), now, actions);
            self.scheduler.step(Event::Queued(committed.queued), now, actions);
        }
    }
}
