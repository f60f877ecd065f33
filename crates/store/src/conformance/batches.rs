//! Messages that come in one request.

use ringback_model::{DeliveryState, MessageNo};

use super::Harness;
use super::world::{ENDPOINT, SUCCESS, World, document};
use crate::{Accept, AcceptBatch, Accepted, BatchAccepted, DocumentKind, Idempotency, StoreError};

fn batch(world: &World<'_>, items: Vec<Accept>, idempotency: Option<Idempotency>) -> AcceptBatch {
    AcceptBatch { app: world.app, app_version: 1, before: world.item(&[]).message.id, items, idempotency }
}

fn accept(world: &World<'_>, batch: AcceptBatch) -> Vec<Result<Accepted, StoreError>> {
    match world.store.accept_batch(batch).wait().expect("the store accepts") {
        BatchAccepted::Done(results) => results,
        other => panic!("the batch was not accepted: {other:?}"),
    }
}

fn number(result: &Result<Accepted, StoreError>) -> MessageNo {
    match result {
        Ok(Accepted::New { no }) => *no,
        other => panic!("the message was not accepted: {other:?}"),
    }
}

/// Messages are durable, told and delivered in the order of the request; those of one queue wait for each other.
pub fn a_batch_is_accepted_in_order_with_a_result_for_each(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let mut items: Vec<_> = (0..40).map(|_| world.item(&[(ENDPOINT, None)])).collect();
    items.extend((0..3).map(|_| world.item(&[(ENDPOINT, Some(5))])));
    let results = accept(&world, batch(&world, items, None));
    let numbers: Vec<_> = results.iter().map(number).collect();
    assert!(numbers.is_sorted() && numbers.len() == 43);
    let told: Vec<_> = world.told().iter().map(|(no, _, _)| *no).collect();
    assert_eq!(told, numbers[..41]);
    world.crash();
    assert_eq!(world.due(ENDPOINT), numbers[..41]);
    world.finish(numbers[40], ENDPOINT, SUCCESS);
    assert!(world.due(ENDPOINT).contains(&numbers[41]));
    assert!(world.delivery(numbers[42], ENDPOINT).blocked);
}

/// One key stands for all of it: the same request is answered by what the first one was named by, also after a crash.
pub fn a_batch_that_comes_again_makes_nothing_new(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let make = |world: &World<'_>, key| batch(world, vec![world.item(&[(ENDPOINT, None)])], Some(key));
    let key = world.request(1, 1);
    let first = make(&world, key);
    let before = first.before;
    let sent = number(&accept(&world, first)[0]);
    world.crash();
    let again = world.store.accept_batch(make(&world, key)).wait().expect("an answer");
    assert!(matches!(again, BatchAccepted::Replayed { before: known } if known == before), "{again:?}");
    let other_body = world.store.accept_batch(make(&world, world.request(1, 2))).wait().expect("an answer");
    assert!(matches!(other_body, BatchAccepted::KeyReused), "{other_body:?}");
    assert_eq!(world.due(ENDPOINT), [sent]);
}

/// An event id that is taken, by an older message or within the batch, an id that exists, an endpoint named twice.
pub fn a_bad_message_of_a_batch_fails_alone(harness: &dyn Harness) {
    let world = World::new(harness);
    let named = |event_id: &str| {
        let mut item = world.item(&[(ENDPOINT, None)]);
        item.message.event_id = Some(event_id.to_owned());
        item
    };
    let old = named("old");
    let old_id = old.message.id;
    world.accept(old);
    let good = |_| world.item(&[(ENDPOINT, None)]);
    let results = accept(&world, batch(&world, vec![good(0), named("old"), named("new"), named("new"), good(1)], None));
    assert!(matches!((&results[1], &results[3]), (Ok(Accepted::EventIdTaken), Ok(Accepted::EventIdTaken))));
    let numbers = [&results[0], &results[2], &results[4]].map(number);
    assert_eq!(world.due(ENDPOINT)[1..], numbers);
    let mut same_id = good(2);
    same_id.message.id = old_id;
    let mut twice = good(3);
    twice.targets.push(twice.targets[0]);
    let results = accept(&world, batch(&world, vec![good(4), same_id, twice, good(5)], None));
    assert!(results[1].is_err() && results[2].is_err(), "{results:?}");
    let numbers = [number(&results[0]), number(&results[3])];
    assert_eq!(world.due(ENDPOINT)[4..], numbers);
    assert_eq!(world.delivery(numbers[1], ENDPOINT).state, DeliveryState::Pending);
}

/// Nothing of it is kept, and its key stays free.
pub fn a_batch_matched_by_an_old_configuration_is_refused_whole(harness: &dyn Harness) {
    let world = World::new(harness);
    let mut endpoint = document(DocumentKind::Endpoint, world.app.0, "ep_1");
    endpoint.app = Some(world.app);
    world.put(endpoint);
    let items = vec![world.item(&[(ENDPOINT, None)]), world.item(&[(ENDPOINT, None)])];
    let mut old = batch(&world, items, Some(world.request(1, 1)));
    let refused = world.store.accept_batch(old.clone()).wait().expect("an answer");
    assert!(matches!(refused, BatchAccepted::Stale), "{refused:?}");
    assert!(world.due(ENDPOINT).is_empty());
    old.app_version = world.version();
    old.items.iter_mut().for_each(|item| item.app_version = old.app_version);
    assert_eq!(accept(&world, old).len(), 2);
}
