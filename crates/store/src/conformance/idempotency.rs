//! A request with a key is carried out once.

use std::collections::HashSet;
use std::time::Duration;

use super::Harness;
use super::world::{ENDPOINT, World, document};
use crate::{Accepted, DocumentKind, PutResult, Rearm, Rearmed};

/// The same request is answered as the first time; another one under its key is refused. Also after a power cut.
pub fn a_request_that_comes_again_makes_nothing_new(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let mut first = world.item(&[(ENDPOINT, None)]);
    first.idempotency = Some(world.request(1, 1));
    let id = first.message.id;
    let no = world.accept(first);
    for _ in 0..2 {
        for (body, expected) in [(1, Accepted::Replayed { id }), (2, Accepted::KeyReused)] {
            let mut again = world.item(&[(ENDPOINT, None)]);
            again.idempotency = Some(world.request(1, body));
            // Once answered is answered, whatever has changed since.
            again.app_version = 0;
            assert_eq!(world.store.accept(again).wait().expect("an answer"), expected);
        }
        assert_eq!(world.due(ENDPOINT), [no]);
        world.crash();
    }
}

/// Whoever comes second waits for the first and gets its answer.
pub fn of_64_equal_requests_at_once_one_makes_a_message(harness: &dyn Harness) {
    let world = World::new(harness);
    let answers: Vec<Accepted> = std::thread::scope(|scope| {
        let requests: Vec<_> = (0..64)
            .map(|_| {
                let mut item = world.item(&[(ENDPOINT, None)]);
                item.idempotency = Some(world.request(1, 1));
                let store = world.store.clone();
                scope.spawn(move || store.accept(item).wait().expect("an answer"))
            })
            .collect();
        requests.into_iter().map(|request| request.join().expect("no panic")).collect()
    });
    let made = answers.iter().filter(|answer| matches!(answer, Accepted::New { .. })).count();
    let ids: HashSet<_> = answers
        .iter()
        .filter_map(|answer| match answer {
            Accepted::Replayed { id } => Some(*id),
            _ => None,
        })
        .collect();
    assert_eq!((made, ids.len()), (1, 1));
    assert_eq!(world.taken(ENDPOINT).rows.iter().map(|row| row.message.id).collect::<HashSet<_>>(), ids);
}

/// After its time a key means nothing, whether or not it has been swept away by then.
pub fn a_key_is_free_again_when_it_has_expired(harness: &dyn Harness) {
    let world = World::new(harness);
    let send = |body| {
        let mut item = world.item(&[(ENDPOINT, None)]);
        item.idempotency = Some(world.request(1, body));
        world.store.accept(item).wait().expect("an answer")
    };
    assert!(matches!(send(1), Accepted::New { .. }));
    world.clock.advance(Duration::from_secs(3_599));
    assert!(matches!(send(1), Accepted::Replayed { .. }));
    world.clock.advance(Duration::from_secs(1));
    assert!(matches!(send(2), Accepted::New { .. }));
    assert!(matches!(send(2), Accepted::Replayed { .. }));
}

/// Keys guard every kind of write, and a key of one kind is not an answer to another.
pub fn documents_and_resends_are_made_once_per_key(harness: &dyn Harness) {
    let world = World::new(harness);
    let put = |key: &str, body| {
        let mut item = document(DocumentKind::EventType, 1, key);
        item.idempotency = Some(world.request(1, body));
        world.store.put(item).wait().expect("an answer")
    };
    let PutResult::Stored(written) = put("a", 1) else { panic!("the document is new") };
    assert_eq!(put("a", 1), PutResult::Replayed { no: written.no });
    assert_eq!(put("b", 2), PutResult::KeyReused);
    let message = world.send(&[ENDPOINT]);
    let rearm = |body| {
        let idempotency = Some(world.request(2, body));
        let item = Rearm { message, endpoint: ENDPOINT, now: world.now(), idempotency, audit: None };
        world.store.rearm(item).wait().expect("an answer")
    };
    assert_eq!([rearm(1), rearm(1), rearm(2)], [Rearmed::Armed, Rearmed::Replayed, Rearmed::KeyReused]);
}
