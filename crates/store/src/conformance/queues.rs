//! Ordered endpoints: of each queue, one at a time, in the order of acceptance.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ringback_model::{DeliveryState, MessageNo, Reason, SeededRandom, Trigger};

use super::Harness;
use super::world::{ENDPOINT, SUCCESS, World};
use crate::{Accepted, Clear, Step, Take};

/// What waits is neither taken nor told before its turn, which comes in the commit that ends the one before it.
pub fn followers_wait_and_come_out_one_by_one(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let sent: Vec<_> = (0..4).map(|_| world.send_in(1)).collect();
    assert_eq!(world.told(), [(sent[0], ENDPOINT, Trigger::Scheduled)]);
    assert!(world.delivery(sent[1], ENDPOINT).blocked);
    assert_eq!(world.delivery(sent[1], ENDPOINT).due, None);
    let failed = Step::End { state: DeliveryState::Fail, reason: Some(Reason::Exhausted) };
    for (at, step) in [(0, SUCCESS), (1, failed), (2, SUCCESS)] {
        assert_eq!(world.due(ENDPOINT), [sent[at]]);
        world.clock.advance(Duration::from_secs(1));
        world.finish(sent[at], ENDPOINT, step);
        assert_eq!(world.told(), [(sent[at + 1], ENDPOINT, Trigger::Scheduled)]);
        assert_eq!(world.delivery(sent[at + 1], ENDPOINT).due, Some(world.now()));
    }
    world.finish(sent[3], ENDPOINT, SUCCESS);
    assert!(world.told().is_empty());
    assert_eq!(world.due(ENDPOINT), []);
    assert_eq!(world.due(ENDPOINT), [], "an empty queue starts afresh");
    let next = world.send_in(1);
    assert_eq!(world.due(ENDPOINT), [next]);
}

/// Keys do not hold each other up, nor do messages without a key.
pub fn queues_do_not_wait_for_each_other(harness: &dyn Harness) {
    let world = World::new(harness);
    let (one, two, free) = (world.send_in(1), world.send_in(2), world.send(&[ENDPOINT]));
    let (behind_one, also_free) = (world.send_in(1), world.send(&[ENDPOINT]));
    assert_eq!(world.due(ENDPOINT), [one, two, free, also_free]);
    world.finish(one, ENDPOINT, SUCCESS);
    assert_eq!(world.due(ENDPOINT), [two, free, behind_one, also_free]);
}

/// Between two tries of the head its followers still wait.
pub fn a_retry_keeps_its_queue_waiting(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let (head, follower) = (world.send_in(1), world.send_in(1));
    world.finish(head, ENDPOINT, Step::Retry { due: world.later(60), counted: true });
    world.crash();
    assert!(world.due(ENDPOINT).is_empty());
    assert_eq!(world.taken(ENDPOINT).next_due, Some(world.later(60)));
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.due(ENDPOINT), [head]);
    world.finish(head, ENDPOINT, SUCCESS);
    assert_eq!(world.due(ENDPOINT), [follower]);
}

/// A resend of the head that succeeds frees its queue; one of a follower leaves the head where it is.
pub fn a_success_by_hand_lets_the_next_one_out(harness: &dyn Harness) {
    let world = World::new(harness);
    let (head, middle, last) = (world.send_in(1), world.send_in(1), world.send_in(1));
    world.finish(head, ENDPOINT, Step::Retry { due: world.later(60), counted: true });
    world.rearm(middle, ENDPOINT);
    world.finish_by_hand(middle, ENDPOINT, SUCCESS);
    assert!(world.due(ENDPOINT).is_empty(), "the head is still there");
    assert_eq!(world.taken(ENDPOINT).next_due, Some(world.later(60)));
    world.rearm(head, ENDPOINT);
    world.finish_by_hand(head, ENDPOINT, SUCCESS);
    assert_eq!(world.due(ENDPOINT), [last]);
}

/// However far a clearing has got, every queue that is left can go on.
pub fn a_clearing_leaves_each_queue_its_head(harness: &dyn Harness) {
    let world = World::new(harness);
    for n in 0..30 {
        world.send_in(n % 3);
    }
    let clear = Clear {
        endpoint: ENDPOINT,
        epoch: None,
        state: DeliveryState::Canceled,
        reason: Reason::Canceled,
        limit: 7,
        upto: None,
    };
    let mut left = 30;
    while left > 0 {
        let count = world.store.clear(clear).wait().expect("an answer").count;
        assert_eq!(count, left.min(7));
        left -= count;
        assert_eq!(world.due(ENDPOINT).is_empty(), left == 0);
    }
}

/// A law, over random histories: of the pending deliveries of each queue the lowest is due, now or later, and it alone.
pub fn any_history_leaves_each_queue_exactly_one_that_is_due(harness: &dyn Harness) {
    for seed in 0..4 {
        let mut world = World::new(harness);
        let random = SeededRandom::new(seed);
        let mut sent: Vec<(MessageNo, u64)> = Vec::new();
        for step in 0..120 {
            let any = |sent: &[(MessageNo, u64)]| {
                let bound = u64::try_from(sent.len()).unwrap_or(0);
                sent.get(usize::try_from(random.below(bound)).unwrap_or(0)).map(|(no, _)| *no)
            };
            match (random.below(10), any(&sent)) {
                (0..4, _) | (_, None) => {
                    let queue = random.below(4);
                    sent.push((world.send_in(i64::try_from(queue).unwrap_or(0)), queue));
                }
                (4, Some(no)) => drop(world.rearm(no, ENDPOINT)),
                (5, Some(no)) => {
                    let step = if random.below(2) == 0 { Step::Keep } else { SUCCESS };
                    world.finish_by_hand(no, ENDPOINT, step);
                }
                _ => {
                    let Some(no) = world.due(ENDPOINT).first().copied() else { continue };
                    let retry = Step::Retry { due: world.later(random.below(3)), counted: true };
                    world.finish(no, ENDPOINT, if random.below(3) == 0 { retry } else { SUCCESS });
                }
            }
            world.clock.advance(Duration::from_millis(500));
            if step % 40 == 39 {
                world.crash();
            }
            assert_each_queue_has_its_head(&world, &sent);
        }
    }
}

fn assert_each_queue_has_its_head(world: &World<'_>, sent: &[(MessageNo, u64)]) {
    let mut queues: BTreeMap<u64, Vec<bool>> = BTreeMap::new();
    for (no, queue) in sent {
        let delivery = world.delivery(*no, ENDPOINT);
        if delivery.state == DeliveryState::Pending && delivery.reason.is_none() {
            queues.entry(*queue).or_default().push(delivery.blocked);
        }
    }
    for (queue, blocked) in queues {
        let expected: Vec<bool> = (0..blocked.len()).map(|at| at > 0).collect();
        assert_eq!(blocked, expected, "queue {queue}");
    }
}

/// A take costs by the rows that it answers: many queues whose heads wait for a retry, with followers behind them, are
/// not read through.
pub fn blocked_rows_cost_a_take_nothing(harness: &dyn Harness) {
    const WINDOW: usize = 1_000;
    let world = World::new(harness);
    let mut quickest = Vec::new();
    let mut queues = 0;
    for upto in [1_000, 50_000] {
        // Each queue: a head that has failed and a follower.
        let replies: Vec<_> =
            (2 * queues..2 * upto).map(|n| world.store.accept(world.item(&[(ENDPOINT, Some(n / 2))]))).collect();
        let accepted = replies.into_iter().map(|reply| match reply.wait() {
            Ok(Accepted::New { no }) => no,
            other => panic!("not accepted: {other:?}"),
        });
        let heads: Vec<_> = accepted.step_by(2).collect();
        let retry = Step::Retry { due: world.later(3_600), counted: true };
        let outcomes: Vec<_> = heads
            .iter()
            .map(|no| world.store.finish(world.outcome(*no, ENDPOINT, Trigger::Scheduled, retry)))
            .collect();
        for outcome in outcomes {
            outcome.wait().expect("the store records outcomes");
        }
        queues = upto;
        let take = Take { limit: WINDOW, ..world.all_of(ENDPOINT) };
        let time = |_| {
            let begun = Instant::now();
            assert!(world.take(&take).rows.is_empty());
            begun.elapsed()
        };
        quickest.extend((0..20).map(time).min());
    }
    let bound = quickest[0] * 10 + Duration::from_millis(2);
    assert!(quickest[1] <= bound, "{quickest:?} with 1,000 and 50,000 queues");
}
