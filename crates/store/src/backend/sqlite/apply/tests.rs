//! A writer without threads, on a store in memory.

use std::time::Duration;

use bytes::Bytes;
use ringback_model::{
    AppNo, AttemptOutcome, DeliveryState, EndpointNo, Exchange, IdMaker, ManualClock, MessageNo, Priority,
    SeededRandom, Timestamp, Trigger,
};

use super::*;
use crate::backend::sqlite::open_in_memory;
use crate::{Epoch, NewAttempt, NewMessage, QueueNo, Step, Target};

struct Inline {
    connection: Connection,
    context: ApplyContext,
    ids: IdMaker,
    random: Arc<SeededRandom>,
    clock: Arc<ManualClock>,
}

impl Inline {
    fn new(seed: u64) -> Self {
        let connection = open_in_memory().unwrap();
        let random = Arc::new(SeededRandom::new(seed));
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_700_000_000)));
        let key = MasterKey::from_bytes([1; 32]);
        let context = ApplyContext::new(&connection, key, random.clone(), clock.clone()).unwrap();
        Self { connection, context, ids: IdMaker::new(), random, clock }
    }

    fn apply(&mut self, operations: &[Op]) -> (Vec<OpResult>, Committed) {
        apply(&mut self.connection, &mut self.context, operations)
    }

    fn accept(&self, payload: usize) -> Op {
        let now = self.clock.now();
        let endpoint = EndpointNo(i64::try_from(self.random.below(3)).unwrap());
        let queue = Some(QueueNo(i64::try_from(self.random.below(2)).unwrap()));
        Op::Accept(Accept {
            app: AppNo(1),
            app_version: 0,
            message: NewMessage {
                id: self.ids.make(now, &*self.random),
                event_type: "sms.dlr".to_owned(),
                event_id: None,
                channels: Vec::new(),
                tags: Vec::new(),
                payload: Bytes::from(vec![b'x'; payload]),
                raw: None,
                raw_content_type: None,
                ordering_key: None,
                occurred_at: None,
                callback_url: None,
                deliver_at: None,
                deliver_until: None,
                accepted_at: now,
                expires_at: now,
            },
            priority: Priority(5),
            pollers: Vec::new(),
            targets: vec![Target::new(endpoint, queue)],
            idempotency: None,
        })
    }

    fn finish(&self, message: MessageNo, endpoint: EndpointNo) -> Op {
        Op::Finish(Finish {
            epoch: Epoch::ONLY,
            message,
            endpoint,
            earlier: None,
            attempt: NewAttempt {
                id: self.ids.make(self.clock.now(), &*self.random),
                started_at: self.clock.now(),
                trigger: Trigger::Scheduled,
                outcome: AttemptOutcome::Delivered,
                url: "https://customer.example/".into(),
                exchange: Exchange::default(),
            },
            step: Step::End { state: DeliveryState::Success, reason: None },
            health: None,
            notice: None,
        })
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let trace = |seed| {
        let mut inline = Inline::new(seed);
        let mut due = Vec::new();
        (0..20)
            .map(|_| {
                inline.clock.advance(Duration::from_millis(7));
                let mut operations: Vec<_> = (0..5).map(|_| inline.accept(10)).collect();
                operations.extend(due.drain(..).map(|(message, endpoint)| inline.finish(message, endpoint)));
                let (results, committed) = inline.apply(&operations);
                due.extend(committed.due.iter().map(|row| (row.message.no, row.endpoint)));
                format!("{results:?} {committed:?}")
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(trace(1), trace(1));
    assert_ne!(trace(1), trace(2));
}

#[test]
fn a_full_disk_refuses_messages_and_still_takes_outcomes() {
    let mut inline = Inline::new(1);
    let (_, committed) = inline.apply(&[inline.accept(10)]);
    let due = &committed.due[0];
    let outcome = inline.finish(due.message.no, due.endpoint);
    let pages: i64 = inline.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    inline.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
    let (results, committed) = inline.apply(&[inline.accept(100_000), outcome, inline.accept(10)]);
    assert!(
        matches!(
            results[..],
            [
                OpResult::Accept(Err(StoreError::Full)),
                OpResult::Finish(Ok(Finished::Recorded)),
                OpResult::Accept(Err(StoreError::Full))
            ]
        ),
        "{results:?}"
    );
    assert_eq!((committed.due.len(), committed.settled.len()), (0, 1));
    inline.connection.pragma_update_and_check(None, "max_page_count", 1_000_000, |_| Ok(())).unwrap();
    inline.context.set_full(false);
    let (results, _) = inline.apply(&[inline.accept(100_000)]);
    assert!(matches!(results[..], [OpResult::Accept(Ok(Accepted::New { .. }))]), "{results:?}");
}

#[test]
fn what_a_commit_lets_out_and_ends_by_hand_is_not_told_as_due() {
    let mut inline = Inline::new(1);
    let target = Target::new(EndpointNo(1), Some(QueueNo(1)));
    let messages = [0, 1].map(|_| {
        let Op::Accept(item) = inline.accept(1) else { unreachable!() };
        match inline.apply(&[Op::Accept(Accept { targets: vec![target], ..item })]).0.pop() {
            Some(OpResult::Accept(Ok(Accepted::New { no }))) => no,
            other => panic!("{other:?}"),
        }
    });
    let head = inline.finish(messages[0], target.endpoint);
    let Op::Finish(mut by_hand) = inline.finish(messages[1], target.endpoint) else { unreachable!() };
    by_hand.attempt.trigger = Trigger::Manual;
    let (_, committed) = inline.apply(&[head, Op::Finish(by_hand)]);
    assert_eq!((committed.due.len(), committed.settled.len()), (0, 2));
}

#[test]
fn expired_keys_are_swept_a_few_at_a_time() {
    let mut inline = Inline::new(1);
    for n in 0..5u8 {
        let Op::Accept(mut item) = inline.accept(1) else { unreachable!() };
        let expires_at = inline.clock.now() + Duration::from_secs(n.into());
        item.idempotency = Some(crate::Idempotency { key: [n; 16], body: [0; 16], expires_at });
        inline.apply(&[Op::Accept(item)]);
    }
    inline.clock.advance(Duration::from_secs(3));
    let mut swept = || match inline.apply(&[Op::Sweep { limit: 3 }]).0.pop() {
        Some(OpResult::Sweep(Ok(count))) => count,
        other => panic!("{other:?}"),
    };
    assert_eq!([swept(), swept(), swept()], [3, 1, 0]);
}
