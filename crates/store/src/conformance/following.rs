//! What goes in one request with the head of its queue, and what becomes of it.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use ringback_model::{DeliveryState, MessageNo, Reason, SeededRandom, Trigger};

use super::Harness;
use super::world::{ENDPOINT, SUCCESS, World, numbers};
use crate::{Follow, Followed, QueueNo, Step};

const EXHAUSTED: Step = Step::End { state: DeliveryState::Fail, reason: Some(Reason::Exhausted) };

/// Asks for all that stands behind these heads, each with its queue.
fn behind(world: &World<'_>, heads: &[(i64, MessageNo)]) -> Follow {
    let heads = heads.iter().map(|(queue, head)| (QueueNo(*queue), *head)).collect();
    Follow { endpoint: ENDPOINT, now: world.now(), heads, limit: 1_000, max_bytes: usize::MAX }
}

fn follow(world: &World<'_>, follow: Follow) -> Followed {
    world.store.follow(follow).wait().expect("the store can be read")
}

/// What stands behind one head.
fn followers(world: &World<'_>, queue: i64, head: MessageNo) -> Vec<MessageNo> {
    numbers(&follow(world, behind(world, &[(queue, head)])).rows)
}

/// Hands in what came of one request.
fn finish_all(world: &World<'_>, outcomes: &[(MessageNo, Step)]) {
    let outcome = |(no, step): &(MessageNo, Step)| world.outcome(*no, ENDPOINT, Trigger::Scheduled, *step);
    let replies: Vec<_> = outcomes.iter().map(|one| world.store.finish(outcome(one))).collect();
    for reply in replies {
        reply.wait().expect("the store records outcomes");
    }
}

/// Of all queues that were asked for and of no others, whole as an attempt needs it; and nothing is written.
pub fn what_stands_behind_a_head_is_found_in_order(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let sent: Vec<_> = (0..12).map(|n| world.send_in(n % 3)).collect();
    world.send(&[ENDPOINT]);
    for _ in 0..2 {
        let found = follow(&world, behind(&world, &[(2, sent[2]), (0, sent[0])]));
        assert_eq!(numbers(&found.rows), [sent[3], sent[5], sent[6], sent[8], sent[9], sent[11]]);
        assert!(!found.more);
        let row = &found.rows[0];
        assert_eq!((row.queue, row.trigger, row.due), (Some(QueueNo(0)), Trigger::Scheduled, world.now()));
        assert_eq!(row.message.payload.as_deref(), Some(&b"{\"a\":1}"[..]));
        assert_eq!((row.tries, row.unsent, row.held_since), (0, 0, None));
        assert!(world.delivery(sent[3], ENDPOINT).blocked, "it is only read");
        world.crash();
    }
    let nothing = follow(&world, behind(&world, &[]));
    assert!(nothing.rows.is_empty() && !nothing.more);
}

/// Whoever asks may know less than the store by then.
pub fn a_queue_whose_head_has_changed_has_no_followers(harness: &dyn Harness) {
    let world = World::new(harness);
    let sent: Vec<_> = (0..4).map(|_| world.send_in(1)).collect();
    assert_eq!(followers(&world, 1, sent[1]), [], "it is not the head");
    world.finish(sent[0], ENDPOINT, Step::Retry { due: world.later(60), counted: true });
    world.rearm(sent[2], ENDPOINT);
    world.finish_by_hand(sent[2], ENDPOINT, SUCCESS);
    assert_eq!(followers(&world, 1, sent[0]), [sent[1], sent[3]], "what was delivered by hand is not sent again");
    world.finish(sent[0], ENDPOINT, SUCCESS);
    assert_eq!(followers(&world, 1, sent[0]), [], "it has ended");
    assert_eq!(followers(&world, 1, sent[1]), [sent[3]]);
    assert_eq!(followers(&world, 2, sent[1]), [], "it is in another queue");
}

/// One that has to wait for its time keeps all behind it waiting.
pub fn nobody_follows_before_its_time_or_past_one_that_waits(harness: &dyn Harness) {
    let world = World::new(harness);
    let (head, next) = (world.send_in(1), world.send_in(1));
    let mut item = world.item(&[(ENDPOINT, Some(1))]);
    item.message.deliver_at = Some(world.later(60));
    let timed = world.accept(item);
    let last = world.send_in(1);
    let other = [world.send_in(2), world.send_in(2)];
    let found = follow(&world, behind(&world, &[(1, head), (2, other[0])]));
    assert_eq!((numbers(&found.rows), found.more), (vec![next, other[1]], false));
    let at = world.later(60);
    world.clock.set(at);
    assert_eq!(followers(&world, 1, head), [next, timed, last]);
}

/// What does not fit is left out from its place on, so that nothing is passed over.
pub fn an_answer_keeps_within_its_rows_and_bytes(harness: &dyn Harness) {
    let world = World::new(harness);
    let send = |length: usize| {
        let mut item = world.item(&[(ENDPOINT, Some(1))]);
        item.message.payload = Bytes::from(vec![b'1'; length]);
        world.accept(item)
    };
    let (head, sent) = (send(5_000), [send(1_000), send(1_000), send(2_000), send(10)]);
    for (limit, max_bytes, count) in
        [(4, 4_010, 4), (3, 4_010, 3), (1, 4_010, 1), (9, 4_009, 3), (9, 3_999, 2), (9, 1_000, 1), (9, 999, 0)]
    {
        let found = follow(&world, Follow { limit, max_bytes, ..behind(&world, &[(1, head)]) });
        assert_eq!((numbers(&found.rows), found.more), (sent[..count].to_vec(), count < 4), "{limit} {max_bytes}");
    }
    // Many long queues share what there is.
    let heads: Vec<_> = (10..20).map(|queue| (queue, world.send_in(queue))).collect();
    for _ in 0..20 {
        for (queue, _) in &heads {
            world.send_in(*queue);
        }
    }
    let found = follow(&world, Follow { limit: 50, ..behind(&world, &heads) });
    assert!(found.more && found.rows.len() == 50, "{}", found.rows.len());
    assert!(found.rows.is_sorted_by_key(|row| row.message.no));
}

/// However many have ended, one is told, and that is the one behind all of them.
pub fn what_ends_together_lets_the_next_one_out_once(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let sent: Vec<_> = (0..6).map(|_| world.send_in(1)).collect();
    world.told();
    finish_all(&world, &[(sent[0], SUCCESS), (sent[1], EXHAUSTED), (sent[2], SUCCESS), (sent[3], SUCCESS)]);
    let told = world.told();
    assert_eq!(told.last(), Some(&(sent[4], ENDPOINT, Trigger::Scheduled)));
    assert_eq!(world.due(ENDPOINT), [sent[4]]);
    assert_eq!(world.delivery(sent[1], ENDPOINT).reason, Some(Reason::Exhausted));
    let states: Vec<_> = sent.iter().map(|no| world.delivery(*no, ENDPOINT).state).collect();
    assert_eq!(states[4..], [DeliveryState::Pending, DeliveryState::Pending]);
    assert!(world.delivery(sent[5], ENDPOINT).blocked);
}

/// Each has had a try, the head is due again, and those behind it wait for its end and for their own time.
pub fn what_fails_together_comes_again_in_its_order(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let sent: Vec<_> = (0..4).map(|_| world.send_in(1)).collect();
    let again = |world: &World<'_>, seconds| Step::Retry { due: world.later(seconds), counted: true };
    finish_all(&world, &[(sent[0], again(&world, 5)), (sent[1], again(&world, 30)), (sent[2], again(&world, 2))]);
    world.crash();
    world.told();
    let taken = world.taken(ENDPOINT);
    assert_eq!((taken.rows.len(), taken.next_due), (0, Some(world.later(5))), "only the head has a time");
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(world.due(ENDPOINT), [sent[0]]);
    let found = follow(&world, behind(&world, &[(1, sent[0])])).rows;
    assert_eq!((numbers(&found), found[0].tries, found[2].tries), (sent[1..].to_vec(), 1, 0));

    // The head is called off by an attempt by hand: the next one is not sent before its own time.
    world.rearm(sent[0], ENDPOINT);
    world.told();
    world.finish_by_hand(sent[0], ENDPOINT, SUCCESS);
    assert_eq!(world.told(), []);
    assert_eq!(world.taken(ENDPOINT).next_due, Some(world.later(25)));
    world.clock.advance(Duration::from_secs(25));
    assert_eq!(world.due(ENDPOINT), [sent[1]]);

    // Given up, the head lets the next one out, which failed with it just now.
    finish_all(&world, &[(sent[1], EXHAUSTED), (sent[2], again(&world, 7)), (sent[3], again(&world, 7))]);
    assert!(world.due(ENDPOINT).is_empty());
    assert_eq!(world.taken(ENDPOINT).next_due, Some(world.later(7)));
    world.clock.advance(Duration::from_secs(7));
    assert_eq!(world.due(ENDPOINT), [sent[2]]);
    // What was not kept from being sent is out of its wait for good.
    world.finish(sent[2], ENDPOINT, SUCCESS);
    assert_eq!(world.due(ENDPOINT), [sent[3]]);
    assert_eq!(world.taken(ENDPOINT).rows[0].tries, 1);
}

/// Whoever gathers is told that something stands there, and not what.
pub fn what_was_accepted_behind_others_is_hinted_at(harness: &dyn Harness) {
    let mut world = World::new(harness);
    for queue in [1, 1, 2, 1, 2] {
        world.send_in(queue);
    }
    let mut hints = Vec::new();
    while let Some(committed) = world.feed.try_next() {
        hints.extend(committed.queued);
    }
    let expected = [1, 1, 2].map(|queue| (ENDPOINT, QueueNo(queue)));
    hints.sort_unstable();
    assert_eq!(hints, expected);
}

/// A law, over random histories of requests of several: of the pending deliveries of each queue the lowest has a time, and
/// it alone; and what has ended has ended once.
pub fn any_history_of_batches_leaves_each_queue_exactly_one_that_is_due(harness: &dyn Harness) {
    for seed in 0..4 {
        let mut world = World::new(harness);
        let random = SeededRandom::new(seed);
        let mut sent: Vec<(MessageNo, i64)> = Vec::new();
        for step in 0..60 {
            for _ in 0..random.below(4) {
                let queue = i64::try_from(random.below(3)).unwrap_or(0);
                sent.push((world.send_in(queue), queue));
            }
            let heads: Vec<_> =
                world.taken(ENDPOINT).rows.iter().filter_map(|row| Some((row.queue?.0, row.message.no))).collect();
            let limit = usize::try_from(random.below(5)).unwrap_or(0);
            let followed = follow(&world, Follow { limit, ..behind(&world, &heads) });
            let mut batch: Vec<_> = heads.iter().map(|(_, no)| *no).chain(numbers(&followed.rows)).collect();
            batch.sort_unstable();
            let fails = random.below(2) == 0;
            let outcomes: Vec<_> = batch
                .into_iter()
                .map(|no| match (fails, random.below(4)) {
                    (false, _) => (no, SUCCESS),
                    (true, 0) => (no, EXHAUSTED),
                    (true, seconds) => (no, Step::Retry { due: world.later(seconds), counted: true }),
                })
                .collect();
            finish_all(&world, &outcomes);
            world.clock.advance(Duration::from_millis(700));
            if step % 20 == 19 {
                world.crash();
            }
            assert_each_queue_has_its_head(&world, &sent);
        }
    }
}

fn assert_each_queue_has_its_head(world: &World<'_>, sent: &[(MessageNo, i64)]) {
    let mut queues: BTreeMap<i64, Vec<bool>> = BTreeMap::new();
    for (no, queue) in sent {
        let delivery = world.delivery(*no, ENDPOINT);
        if delivery.state == DeliveryState::Pending {
            queues.entry(*queue).or_default().push(delivery.blocked);
        }
    }
    for (queue, blocked) in queues {
        let expected: Vec<bool> = (0..blocked.len()).map(|at| at > 0).collect();
        assert_eq!(blocked, expected, "queue {queue}");
    }
}
