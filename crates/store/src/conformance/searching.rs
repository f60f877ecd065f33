//! Searches whose conditions few meet: they look so far at once, and find all that there is in the end.

use std::time::Duration;

use ringback_model::{Attempt, Delivery, DeliveryState, Message, MessageNo, Timestamp};

use super::Harness;
use super::reading::messages;
use super::world::{ENDPOINT, SUCCESS, World, attempts_of};
use crate::{AttemptQuery, AttemptScope, Direction, EndpointDeliveryQuery, Hits, MessageQuery, Paging, Step};

/// How many rows the searches of these cases may look at.
const LOOK: usize = 7;

/// What a search finds page by page, and in how many pages.
fn walk<T, K: Copy + PartialEq>(
    limit: usize,
    direction: Direction,
    key: impl Fn(&T) -> K,
    search: impl Fn(Paging<K>) -> Hits<T, K>,
) -> (Vec<T>, usize) {
    let (mut found, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let Hits { items, looked_to } = search(Paging { limit, after, direction });
        pages += 1;
        assert!(items.len() <= limit);
        let next = if items.len() == limit { items.last().map(&key) } else { looked_to };
        found.extend(items);
        if next.is_none() {
            return (found, pages);
        }
        assert!(next != after, "each page gets on");
        after = next;
    }
}

/// Forty messages of which the tenth, twentieth and so on is of a rare type, failed, and the only one of its kind.
fn forty(world: &World<'_>) -> Vec<MessageNo> {
    let failed = Step::End { state: DeliveryState::Fail, reason: None };
    let mut rare = Vec::new();
    for at in 1..=40 {
        world.clock.advance(Duration::from_millis(10));
        let mut item = world.item(&[(ENDPOINT, None)]);
        if at % 10 == 0 {
            item.message.event_type = "rare".to_owned();
        }
        let no = world.accept(item);
        world.finish(no, ENDPOINT, if at % 10 == 0 { failed } else { SUCCESS });
        rare.extend((at % 10 == 0).then_some(no));
    }
    rare
}

/// Messages, deliveries and attempts, both ways.
pub fn a_search_looks_so_far_at_once_and_finds_all_in_the_end(harness: &dyn Harness) {
    let world = World::new(harness);
    let rare = forty(&world);
    for direction in [Direction::Ascending, Direction::Descending] {
        let mut expected = rare.clone();
        if direction == Direction::Descending {
            expected.reverse();
        }
        let types = vec!["rare".to_owned()];
        for limit in [1, 2, 100] {
            let (found, pages) = walk(
                limit,
                direction,
                |message: &Message| message.id,
                |paging| {
                    let query = MessageQuery { paging, event_types: types.clone(), look: LOOK, ..messages(&world) };
                    world.store.messages(query).wait().expect("the store can be read")
                },
            );
            assert_eq!(found.iter().map(|message| message.no).collect::<Vec<_>>(), expected, "{direction:?} {limit}");
            assert!(pages >= 40 / LOOK, "{pages} pages are more than it may look at");
            let (found, pages) = walk(
                limit,
                direction,
                |attempt: &Attempt| attempt.id,
                |paging| {
                    let of = attempts_of(AttemptScope::Endpoint(ENDPOINT));
                    let query = AttemptQuery { paging, event_types: types.clone(), look: LOOK, ..of };
                    world.store.attempts(query).wait().expect("the store can be read")
                },
            );
            let found: Vec<_> = found.iter().map(|attempt| attempt.message).collect();
            assert_eq!(found, expected, "{direction:?} {limit}");
            assert!(pages >= 40 / LOOK, "{pages} pages are more than it may look at");
        }
        // A delivery does not carry its message's id, so that only pages that are not full can be walked.
        let (found, pages) = walk(
            100,
            direction,
            |_: &Delivery| unreachable!("no page is full"),
            |paging| {
                let messages = MessageQuery { paging, look: LOOK, ..messages(&world) };
                let query = EndpointDeliveryQuery { endpoint: ENDPOINT, state: Some(DeliveryState::Fail), messages };
                world.store.endpoint_deliveries(query).wait().expect("the store can be read")
            },
        );
        let found: Vec<_> = found.iter().map(|delivery| delivery.message).collect();
        assert_eq!(found, expected, "{direction:?}");
        assert!(pages >= 40 / LOOK, "{pages} pages are more than it may look at");
    }
}

/// Those that went amiss are looked for among their like: in one look, however many went well.
pub fn attempts_that_failed_are_found_in_one_look(harness: &dyn Harness) {
    let world = World::new(harness);
    let rare = forty(&world);
    let all = || AttemptQuery { look: LOOK, ..attempts_of(AttemptScope::Endpoint(ENDPOINT)) };
    for query in [
        AttemptQuery { succeeded: Some(false), ..all() },
        AttemptQuery { status_class: Some(500), ..all() },
        AttemptQuery { succeeded: Some(false), status_class: Some(500), ..all() },
    ] {
        let Hits { items, looked_to } = world.store.attempts(query.clone()).wait().expect("the store can be read");
        let mut found: Vec<_> = items.iter().map(|attempt| attempt.message).collect();
        found.reverse();
        assert_eq!((found, looked_to), (rare.clone(), None), "{query:?}");
    }
}

/// Ids keep rising when the clock goes back, so that for a while they are later than what they name.
pub fn a_search_by_time_finds_what_came_while_the_clock_was_wrong(harness: &dyn Harness) {
    let world = World::new(harness);
    let begun = world.now();
    let (mut accepted, mut started): (Vec<(Timestamp, _)>, Vec<(Timestamp, _)>) = (Vec::new(), Vec::new());
    for seconds in [0, 1, 3_600, 2, 3, 1_800, 4, 3_605, 3_606] {
        world.clock.set(begun + Duration::from_secs(seconds));
        let no = world.send(&[ENDPOINT]);
        accepted.push((world.now(), no));
        world.finish(no, ENDPOINT, SUCCESS);
        started.push((world.now(), no));
    }
    for seconds in [0..8, 1_798..1_803, 3_598..3_610].into_iter().flatten() {
        let at = begun + Duration::from_secs(seconds);
        for (after, before) in [(None, Some(at)), (Some(at), None), (Some(at), Some(at + Duration::from_secs(2)))] {
            let fits = |(time, no): &(Timestamp, MessageNo)| {
                (after.is_none_or(|after| *time > after) && before.is_none_or(|before| *time < before)).then_some(*no)
            };
            let hits = world.store.messages(MessageQuery { after, before, ..messages(&world) }).wait();
            let found: Vec<_> = hits.expect("the store can be read").items.iter().map(|message| message.no).collect();
            assert_eq!(
                found,
                accepted.iter().filter_map(fits).collect::<Vec<_>>(),
                "{seconds} s: {after:?} {before:?}"
            );
            let of = attempts_of(AttemptScope::Endpoint(ENDPOINT));
            let hits = world.store.attempts(AttemptQuery { after, before, ..of }).wait();
            let found = hits.expect("the store can be read").items;
            let mut found: Vec<_> = found.iter().map(|attempt| attempt.message).collect();
            found.reverse();
            assert_eq!(found, started.iter().filter_map(fits).collect::<Vec<_>>(), "{seconds} s: {after:?} {before:?}");
        }
    }
}
