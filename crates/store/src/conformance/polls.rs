//! What pollers get.

use ringback_model::{MessageNo, PollerNo, Reason};

use super::Harness;
use super::world::{ENDPOINT, World};
use crate::{
    Accept, AcceptBatch, Accepted, BatchAccepted, Expire, Expiry, Idempotency, PollQuery, Polled, message_at, offset_of,
};

const POLLER: PollerNo = PollerNo(2_001);
const ELSE: PollerNo = PollerNo(2_002);

fn item(world: &World<'_>, pollers: &[PollerNo]) -> Accept {
    Accept { pollers: pollers.to_vec(), ..world.item(&[(ENDPOINT, None)]) }
}

fn polled(world: &World<'_>, poller: PollerNo, after: MessageNo, limit: usize) -> Vec<Polled> {
    let query = PollQuery { app: world.app, poller, after, limit };
    world.store.polled(query).wait().expect("the store can be read")
}

fn numbers(world: &World<'_>, poller: PollerNo) -> Vec<MessageNo> {
    polled(world, poller, MessageNo(0), 100).iter().map(|polled| polled.message.no).collect()
}

/// Each message is durable with the mark of its pollers, and is read in the order of acceptance, page by page.
pub fn a_poller_gets_its_messages_in_the_order_of_acceptance(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let (mut mine, mut both) = (Vec::new(), Vec::new());
    for at in 0..10 {
        world.accept(item(&world, &[]));
        mine.push(world.accept(item(&world, &[POLLER])));
        if at % 3 == 0 {
            let shared = world.accept(item(&world, &[POLLER, ELSE]));
            mine.push(shared);
            both.push(shared);
        }
    }
    world.crash();
    assert!(mine.is_sorted());
    assert_eq!((numbers(&world, POLLER), numbers(&world, ELSE)), (mine.clone(), both));
    let (mut read, mut after) = (Vec::new(), MessageNo(0));
    loop {
        let page = polled(&world, POLLER, after, 4);
        assert!(page.iter().all(|polled| polled.has_payload && polled.message.payload.is_none()));
        read.extend(page.iter().map(|polled| polled.message.no));
        let Some(last) = page.last() else { break };
        after = message_at(world.app, offset_of(last.message.no)).expect("a place leads back to its message");
    }
    assert_eq!(read, mine);
    assert_eq!(numbers(&world, PollerNo(2_003)), []);
}

/// A message that was not kept is no poller's, and one that was is its once.
pub fn what_was_not_accepted_is_polled_by_nobody(harness: &dyn Harness) {
    let world = World::new(harness);
    let key = Idempotency { key: [1; 16], body: [2; 16], expires_at: world.later(60) };
    let first = world.accept(Accept { idempotency: Some(key), ..item(&world, &[POLLER]) });
    let again = world.store.accept(Accept { idempotency: Some(key), ..item(&world, &[POLLER]) }).wait();
    assert!(matches!(again, Ok(Accepted::Replayed { .. })), "{again:?}");
    let stale = world.store.accept(Accept { app_version: 7, ..item(&world, &[POLLER]) }).wait();
    assert!(matches!(stale, Ok(Accepted::Stale)), "{stale:?}");
    let named = || {
        let mut item = item(&world, &[POLLER]);
        item.message.event_id = Some("dlr-1".to_owned());
        item
    };
    let second = world.accept(named());
    let taken = world.store.accept(named()).wait();
    assert!(matches!(taken, Ok(Accepted::EventIdTaken)), "{taken:?}");
    assert_eq!(numbers(&world, POLLER), [first, second]);
}

/// Messages that come in one request are polled in its order.
pub fn the_messages_of_a_batch_are_polled_too(harness: &dyn Harness) {
    let world = World::new(harness);
    let items: Vec<_> = (0..5).map(|at| item(&world, if at == 2 { &[] } else { &[POLLER] })).collect();
    let before = world.item(&[]).message.id;
    let batch = AcceptBatch { app: world.app, app_version: 1, before, items, idempotency: None };
    let BatchAccepted::Done(results) = world.store.accept_batch(batch).wait().expect("the store accepts") else {
        panic!("the batch was not accepted")
    };
    let all: Vec<_> = results
        .into_iter()
        .map(|result| match result {
            Ok(Accepted::New { no }) => no,
            other => panic!("the message was not accepted: {other:?}"),
        })
        .collect();
    assert_eq!(numbers(&world, POLLER), [all[0], all[1], all[3], all[4]]);
}

/// A payload that goes leaves its message; a message that goes leaves nothing.
pub fn what_is_let_go_of_is_polled_no_more(harness: &dyn Harness) {
    let world = World::new(harness);
    let all: Vec<_> = (0..3).map(|_| world.accept(item(&world, &[POLLER, ELSE]))).collect();
    let items = vec![(all[0], Expiry::Payload(Reason::PayloadGone)), (all[1], Expiry::Message)];
    let item = Expire { items, rows: 100, ..Expire::default() };
    assert_eq!(world.store.expire(item).wait().expect("the store lets go").done, 2);
    for poller in [POLLER, ELSE] {
        let left = polled(&world, poller, MessageNo(0), 100);
        let left: Vec<_> = left.iter().map(|polled| (polled.message.no, polled.has_payload)).collect();
        assert_eq!(left, [(all[0], false), (all[2], true)]);
    }
}
