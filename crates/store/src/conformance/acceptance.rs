//! What was accepted is there, whole, once, and matched by the configuration that holds.

use bytes::Bytes;
use ringback_model::{Message, MessageId, OrderingKey};

use super::Harness;
use super::world::{ENDPOINT, OTHER, World, document};
use crate::{Accepted, DocumentKind, MessageRef};

/// Payloads are bytes: nothing in them is looked at or changed.
pub fn a_message_comes_back_byte_for_byte(harness: &dyn Harness) {
    let world = World::new(harness);
    let every_byte: Vec<u8> = (0..=255).collect();
    let payloads = [
        Bytes::new(),
        Bytes::from_static(b"{ \"b\":1.0,\"a\" : 1e400, \"b\":2 }"),
        Bytes::from_static(b"\0\0{\"broken\": \xff\xfe"),
        Bytes::from(every_byte),
        Bytes::from(vec![b'x'; 2 * 1024 * 1024]),
    ];
    for payload in payloads {
        let mut item = world.item(&[(ENDPOINT, None)]);
        item.message.payload = payload.clone();
        item.message.raw = Some(payload.slice(payload.len() / 2..));
        item.message.raw_content_type = Some("text/plain; charset=\"x\"".to_owned());
        item.message.channels = vec!["a".to_owned(), "\"b\"\n\0".to_owned()];
        item.message.tags = vec!["é".to_owned(), "a, {\"b\\\"}".to_owned()];
        item.message.ordering_key = OrderingKey::new("k\0".to_owned());
        item.message.occurred_at = Some(world.later(5));
        item.message.deliver_at = Some(world.now());
        item.message.deliver_until = Some(world.later(60));
        item.message.callback_url = Some("https://a.example/dlr?id=%C3%A9".to_owned());
        item.message.event_id = Some(format!("event {}", payload.len()));
        let new = item.message.clone();
        let no = world.accept(item);
        let found = world.store.message(world.app, MessageRef::Id(new.id)).wait().expect("the store can be read");
        let whole = Message {
            no,
            app: world.app,
            id: new.id,
            event_type: new.event_type,
            event_id: new.event_id,
            channels: new.channels,
            tags: new.tags,
            payload: Some(new.payload),
            raw: new.raw,
            raw_content_type: new.raw_content_type,
            ordering_key: new.ordering_key,
            occurred_at: new.occurred_at,
            callback_url: new.callback_url,
            deliver_at: new.deliver_at,
            deliver_until: new.deliver_until,
            accepted_at: new.accepted_at,
            expires_at: new.expires_at,
        };
        assert_eq!(found.as_ref(), Some(&whole));
        let taken = world.taken(ENDPOINT);
        assert_eq!(taken.rows.last().map(|row| &*row.message), Some(&whole), "as it is delivered");
    }
}

/// Another message with an event id that is in use makes nothing; other applications are not concerned.
pub fn an_event_id_is_unique_in_its_application(harness: &dyn Harness) {
    let world = World::new(harness);
    let with_event_id = || {
        let mut item = world.item(&[(ENDPOINT, None)]);
        item.message.event_id = Some("dlr-1".to_owned());
        item
    };
    let first = world.accept(with_event_id());
    assert_eq!(world.store.accept(with_event_id()).wait().expect("an answer"), Accepted::EventIdTaken);
    assert_eq!(world.due(ENDPOINT), [first]);
    let by_event_id = world.store.message(world.app, MessageRef::EventId("dlr-1".to_owned())).wait();
    assert_eq!(by_event_id.expect("the store can be read").map(|message| message.no), Some(first));
    let mut elsewhere = with_event_id();
    elsewhere.app = ringback_model::AppNo(world.put(document(DocumentKind::Application, 1, "app_2")));
    world.accept(elsewhere);
}

/// A change of the configuration that was answered holds for every later accept.
pub fn what_was_matched_by_an_old_configuration_is_refused(harness: &dyn Harness) {
    let world = World::new(harness);
    let mut endpoint = document(DocumentKind::Endpoint, world.app.0, "ep_1");
    endpoint.app = Some(world.app);
    world.put(endpoint);
    let old = world.item(&[(ENDPOINT, None)]);
    let id = old.message.id;
    assert_eq!(world.store.accept(old.clone()).wait().expect("an answer"), Accepted::Stale);
    assert_eq!(world.store.message(world.app, MessageRef::Id(id)).wait().expect("the store can be read"), None);
    assert!(world.due(ENDPOINT).is_empty());
    let mut matched_again = old;
    matched_again.app_version = world.version();
    world.accept(matched_again);
}

/// Items that share a commit do not share their fate.
pub fn one_bad_item_among_good_ones_fails_alone(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let taken_id = world.item(&[(ENDPOINT, None)]);
    world.accept(taken_id.clone());
    world.told();
    let replies: Vec<_> = (0..30)
        .map(|n| {
            let mut item = world.item(&[(ENDPOINT, None), (OTHER, None)]);
            match n {
                // An id that exists, and an endpoint that is named twice: nobody should, and nothing of it is kept.
                10 => item.message.id = taken_id.message.id,
                20 => item.targets.push(item.targets[0]),
                _ => {}
            }
            (n, item.message.id, world.store.accept(item))
        })
        .collect();
    let mut accepted = Vec::new();
    for (n, id, reply) in replies {
        match reply.wait() {
            Ok(Accepted::New { no }) => accepted.push((no, id)),
            other => assert!(matches!((n, &other), (10 | 20, Err(_))), "item {n}: {other:?}"),
        }
    }
    assert_eq!(accepted.len(), 28);
    let delivered: Vec<(_, MessageId)> =
        world.taken(OTHER).rows.iter().map(|row| (row.message.no, row.message.id)).collect();
    assert_eq!(delivered, accepted);
    let told: Vec<_> = world.told().iter().map(|(no, _, _)| *no).collect();
    let twice: Vec<_> = accepted.iter().flat_map(|(no, _)| [*no, *no]).collect();
    assert_eq!(told, twice, "nothing is told of an item that failed");
}

/// The engine hears of every delivery that is due, in the order in which they were accepted.
pub fn accepted_deliveries_are_told_in_the_order_of_numbers(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let replies: Vec<_> =
        (0..200).map(|_| world.store.accept(world.item(&[(ENDPOINT, None), (OTHER, None)]))).collect();
    for reply in replies {
        assert!(matches!(reply.wait(), Ok(Accepted::New { .. })));
    }
    let told = world.told();
    assert_eq!(told.len(), 400);
    assert!(told.is_sorted_by_key(|(no, _, _)| *no));
    let of_one: Vec<_> = told.iter().filter(|(_, endpoint, _)| *endpoint == ENDPOINT).map(|(no, _, _)| *no).collect();
    assert_eq!(world.due(ENDPOINT), of_one);
}
