//! What people look up: messages and attempts, by pages and filters.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bytes::Bytes;
use ringback_model::{AttemptOutcome, DeliveryState, Exchange, Failure, LeftOut, MessageNo, NotSent, Phases, Trigger};

use super::Harness;
use super::world::{ENDPOINT, OTHER, SUCCESS, World, attempts_of};
use crate::{AttemptQuery, AttemptScope, Direction, EndpointDeliveryQuery, MessageQuery, NewAttempt, Paging, Step};

/// Asks for all messages of the application, oldest first.
pub(super) fn messages(world: &World<'_>) -> MessageQuery {
    let paging = Paging { limit: 100, after: None, direction: Direction::Ascending };
    MessageQuery { look: 10_000, ..MessageQuery::all(world.app, paging) }
}

/// Forward and backward, whatever the size of a page.
pub fn pages_of_messages_visit_each_once(harness: &dyn Harness) {
    let world = World::new(harness);
    let sent: Vec<_> = (0..25)
        .map(|_| {
            world.clock.advance(Duration::from_millis(10));
            world.send(&[ENDPOINT])
        })
        .collect();
    for direction in [Direction::Ascending, Direction::Descending] {
        for limit in [1, 7, 25, 100] {
            let mut visited = Vec::new();
            let mut after = None;
            loop {
                let query = MessageQuery { paging: Paging { limit, after, direction }, ..messages(&world) };
                let page = world.store.messages(query).wait().expect("the store can be read").items;
                assert!(page.len() <= limit);
                let Some(last) = page.last() else { break };
                after = Some(last.id);
                visited.extend(page.iter().map(|message| message.no));
            }
            let mut expected = sent.clone();
            if direction == Direction::Descending {
                expected.reverse();
            }
            assert_eq!(visited, expected, "{direction:?} by {limit}");
        }
    }
    let mut backward = sent;
    backward.reverse();
    let by_number = world.store.messages_by_no([backward.clone(), vec![MessageNo(1 << 40)]].concat()).wait();
    let by_number = by_number.expect("the store can be read");
    assert_eq!(by_number.iter().map(|message| message.no).collect::<Vec<_>>(), backward);
    assert!(by_number.iter().all(|message| message.payload.is_none()));
}

/// Those with a tag, in the same order and by the same pages; a tag that is given twice counts once.
pub fn pages_of_a_tag_visit_each_once(harness: &dyn Harness) {
    let world = World::new(harness);
    let sent: Vec<_> = (0..12)
        .map(|at| {
            world.clock.advance(Duration::from_millis(10));
            let mut item = world.item(&[(ENDPOINT, None)]);
            item.message.tags = if at % 3 == 0 { vec!["a b".to_owned(); 2] } else { vec!["b".to_owned()] };
            world.accept(item)
        })
        .collect();
    let mut expected: Vec<_> = sent.into_iter().step_by(3).collect();
    for direction in [Direction::Ascending, Direction::Descending] {
        for limit in [1, 3, 4, 100] {
            let (mut visited, mut after) = (Vec::new(), None);
            loop {
                let paging = Paging { limit, after, direction };
                let query =
                    MessageQuery { tag: Some("a b".to_owned()), paging, with_payload: true, ..messages(&world) };
                let page = world.store.messages(query.clone()).wait().expect("the store can be read").items;
                let query = EndpointDeliveryQuery { endpoint: ENDPOINT, state: None, messages: query };
                let deliveries = world.store.endpoint_deliveries(query).wait().expect("the store can be read").items;
                let numbers: Vec<_> = page.iter().map(|message| message.no).collect();
                assert_eq!(deliveries.iter().map(|delivery| delivery.message).collect::<Vec<_>>(), numbers);
                let Some(last) = page.last() else { break };
                assert!(last.tags.contains(&"a b".to_owned()) && last.payload.is_some());
                after = Some(last.id);
                visited.extend(numbers);
            }
            assert_eq!(visited, expected, "{direction:?} by {limit}");
        }
        expected.reverse();
    }
}

/// By time, channel, tag and type; with payloads only if asked.
pub fn messages_are_searched(harness: &dyn Harness) {
    let world = World::new(harness);
    let begun = world.now();
    let sent: Vec<_> = ["sms.dlr", "sms.mo", "voice.call"]
        .iter()
        .enumerate()
        .map(|(at, event_type)| {
            let mut item = world.item(&[(ENDPOINT, None)]);
            item.message.event_type = (*event_type).to_owned();
            item.message.channels = (0..at).map(|n| format!("channel-{n}")).collect();
            item.message.tags = (0..at).map(|n| format!("tag-{n}")).collect();
            world.clock.advance(Duration::from_secs(1));
            world.accept(item)
        })
        .collect();
    let search = |query: MessageQuery| -> Vec<MessageNo> {
        let found = world.store.messages(query).wait().expect("the store can be read");
        found.items.iter().map(|message| message.no).collect()
    };
    let all = || messages(&world);
    assert_eq!(search(all()), sent);
    let types = vec!["voice.call".to_owned(), "sms.dlr".to_owned(), "nothing".to_owned()];
    assert_eq!(search(MessageQuery { event_types: types, ..all() }), [sent[0], sent[2]]);
    assert_eq!(search(MessageQuery { channel: Some("channel-0".to_owned()), ..all() }), sent[1..]);
    assert_eq!(search(MessageQuery { channel: Some("channel-1".to_owned()), ..all() }), sent[2..]);
    let tagged = |tag: &str| MessageQuery { tag: Some(tag.to_owned()), ..all() };
    assert_eq!((search(tagged("tag-0")), search(tagged("tag-1"))), (sent[1..].to_vec(), sent[2..].to_vec()));
    assert_eq!((search(tagged("tag")), search(tagged("channel-0"))), (vec![], vec![]));
    let typed = vec!["sms.mo".to_owned()];
    assert_eq!(search(MessageQuery { event_types: typed, ..tagged("tag-0") }), sent[1..2]);
    assert_eq!(search(MessageQuery { app: ringback_model::AppNo(99), ..tagged("tag-0") }), []);
    assert_eq!(search(MessageQuery { after: Some(begun), ..all() }), sent[1..], "after, not at");
    assert_eq!(search(MessageQuery { before: Some(begun + Duration::from_secs(1)), ..all() }), sent[..1]);
    assert_eq!(search(MessageQuery { app: ringback_model::AppNo(99), ..all() }), []);
    let with_payload = world.store.messages(MessageQuery { with_payload: true, ..all() }).wait();
    let with_payload = with_payload.expect("the store can be read");
    assert!(with_payload.items.iter().all(|message| message.payload.as_deref() == Some(b"{\"a\":1}")));
    let without = world.store.messages(all()).wait().expect("the store can be read");
    assert!(without.items.iter().all(|message| message.payload.is_none()));
}

/// Of a message, of one of its endpoints, and of an endpoint.
pub fn pages_of_attempts_visit_each_once(harness: &dyn Harness) {
    let world = World::new(harness);
    let sent: Vec<_> = (0..5).map(|_| world.send(&[ENDPOINT, OTHER])).collect();
    for _ in 0..4 {
        for message in &sent {
            for endpoint in [ENDPOINT, OTHER] {
                world.clock.advance(Duration::from_millis(10));
                world.finish(*message, endpoint, Step::Retry { due: world.later(1), counted: true });
            }
        }
    }
    let of_one = |endpoint| AttemptScope::Message { message: sent[2], endpoint };
    for (scope, count) in [(of_one(None), 8), (of_one(Some(OTHER)), 4), (AttemptScope::Endpoint(ENDPOINT), 20)] {
        for direction in [Direction::Ascending, Direction::Descending] {
            for limit in [1, 3, 20, 100] {
                let mut visited = Vec::new();
                let mut after = None;
                loop {
                    let paging = Paging { limit, after, direction };
                    let page = world.store.attempts(AttemptQuery { paging, ..attempts_of(scope) }).wait();
                    let page = page.expect("the store can be read").items;
                    assert!(page.len() <= limit);
                    let Some(last) = page.last() else { break };
                    after = Some(last.id);
                    visited.extend(page.iter().map(|attempt| (attempt.id, attempt.no)));
                }
                assert_eq!(visited.len(), count, "{scope:?} {direction:?} by {limit}");
                let ascending = direction == Direction::Ascending;
                assert!(visited.is_sorted_by(|a, b| if ascending { a < b } else { a > b }), "ids and numbers agree");
            }
        }
    }
}

/// By time, success, class of status, and by what the message is.
pub fn attempts_are_searched(harness: &dyn Harness) {
    let world = World::new(harness);
    let mut item = world.item(&[(ENDPOINT, None)]);
    item.message.event_type = "voice.call".to_owned();
    item.message.channels = vec!["c".to_owned()];
    item.message.tags = vec!["t".to_owned(), "u".to_owned()];
    let (call, report) = (world.accept(item), world.send(&[ENDPOINT]));
    let retry = Step::Retry { due: world.later(1), counted: true };
    let mut unanswered = world.outcome(call, ENDPOINT, Trigger::Scheduled, retry);
    unanswered.attempt.outcome = AttemptOutcome::Failed { why: Failure::Timeout, retry_after: None };
    unanswered.attempt.exchange.status = None;
    let begun = world.now();
    world.record(unanswered);
    world.clock.advance(Duration::from_secs(1));
    world.finish(report, ENDPOINT, retry);
    world.clock.advance(Duration::from_secs(1));
    world.finish(report, ENDPOINT, SUCCESS);
    // The three attempts by number, oldest first.
    let all = || AttemptQuery {
        paging: Paging { limit: 100, after: None, direction: Direction::Ascending },
        ..attempts_of(AttemptScope::Endpoint(ENDPOINT))
    };
    let search = |query: AttemptQuery| -> Vec<i64> {
        let found = world.store.attempts(query).wait().expect("the store can be read");
        found.items.iter().map(|attempt| attempt.no).collect()
    };
    let numbers = search(all());
    assert_eq!(numbers.len(), 3);
    assert_eq!(search(AttemptQuery { succeeded: Some(true), ..all() }), numbers[2..]);
    assert_eq!(search(AttemptQuery { succeeded: Some(false), ..all() }), numbers[..2]);
    assert_eq!(search(AttemptQuery { status_class: Some(0), ..all() }), numbers[..1]);
    assert_eq!(search(AttemptQuery { status_class: Some(500), ..all() }), numbers[1..2]);
    assert_eq!(search(AttemptQuery { status_class: Some(200), ..all() }), numbers[2..]);
    assert_eq!(search(AttemptQuery { after: Some(begun), ..all() }), numbers[1..]);
    assert_eq!(search(AttemptQuery { before: Some(world.now()), ..all() }), numbers[..2]);
    assert_eq!(search(AttemptQuery { channel: Some("c".to_owned()), ..all() }), numbers[..1]);
    assert_eq!(search(AttemptQuery { tag: Some("u".to_owned()), ..all() }), numbers[..1]);
    assert!(search(AttemptQuery { tag: Some("c".to_owned()), ..all() }).is_empty());
    assert_eq!(search(AttemptQuery { event_types: vec!["sms.dlr".to_owned()], ..all() }), numbers[1..]);
    assert!(search(AttemptQuery { succeeded: Some(true), status_class: Some(500), ..all() }).is_empty());
}

/// Nothing of what was seen is lost.
pub fn an_attempt_comes_back_as_it_was_recorded(harness: &dyn Harness) {
    let world = World::new(harness);
    let message = world.send(&[ENDPOINT]);
    let outcomes = [
        (AttemptOutcome::Failed { why: Failure::Status(429), retry_after: None }, Some(429)),
        (AttemptOutcome::Failed { why: Failure::Protocol, retry_after: None }, None),
        (AttemptOutcome::NotSent { why: NotSent::AddressDenied }, None),
        (AttemptOutcome::Delivered, Some(202)),
    ];
    let addresses = [None, Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)), None];
    for ((outcome, status), address) in outcomes.into_iter().zip(addresses) {
        for trigger in [Trigger::Scheduled, Trigger::Manual] {
            let retry = Step::Retry { due: world.later(1), counted: true };
            let mut item = world.outcome(message, ENDPOINT, trigger, retry);
            item.attempt.outcome = outcome.clone();
            item.attempt.exchange = Exchange {
                status,
                response: Bytes::from_static(b"\0\xff<html>"),
                phases: Phases {
                    dns: Duration::from_micros(1),
                    connect: Duration::from_micros(2),
                    tls: Duration::ZERO,
                    first_byte: Duration::from_secs(30),
                    total: Duration::from_millis(30_003),
                },
                address,
                left_out: (trigger == Trigger::Manual).then_some(LeftOut::Payload),
            };
            // The other one, that was made again at once, is kept in the same way.
            let again =
                NewAttempt { id: world.outcome(message, ENDPOINT, trigger, retry).attempt.id, ..item.attempt.clone() };
            item.earlier = Some(again.clone());
            let new = item.attempt.clone();
            world.record(item);
            let found = world.store.attempt(message, new.id).wait().expect("the store can be read");
            let found = found.expect("the attempt was recorded");
            assert_eq!((found.id, found.message, found.endpoint), (new.id, message, ENDPOINT));
            assert_eq!((found.started_at, found.trigger), (new.started_at, new.trigger));
            assert_eq!((found.outcome, found.exchange), (new.outcome, new.exchange));
            assert_eq!(*found.url, *new.url);
            let earlier = world.store.attempt(message, again.id).wait().expect("the store can be read");
            assert_eq!(earlier.map(|earlier| earlier.exchange), Some(again.exchange));
            let elsewhere = world.store.attempt(MessageNo(message.0 + 1), new.id).wait();
            assert_eq!(elsewhere.expect("the store can be read"), None);
        }
    }
}

/// A write and a read go through.
pub fn a_store_that_works_answers_a_ping(harness: &dyn Harness) {
    let world = World::new(harness);
    world.store.ping().wait().expect("the store works");
    world.store.ping().wait().expect("and goes on working");
}

/// In the order of their messages, by state: one that is wanted by hand is pending, whatever it ended as.
pub fn deliveries_of_an_endpoint_are_searched(harness: &dyn Harness) {
    let world = World::new(harness);
    let sent: Vec<_> = (0..4)
        .map(|_| {
            world.clock.advance(Duration::from_millis(10));
            world.send(&[ENDPOINT, OTHER])
        })
        .collect();
    let last = world.send(&[OTHER]);
    world.finish(sent[0], ENDPOINT, SUCCESS);
    let failed = Step::End { state: DeliveryState::Fail, reason: None };
    world.finish(sent[1], ENDPOINT, failed);
    world.finish(sent[2], ENDPOINT, failed);
    world.rearm(sent[2], ENDPOINT);
    let found = |state, messages| {
        let query = EndpointDeliveryQuery { endpoint: ENDPOINT, state, messages };
        let found = world.store.endpoint_deliveries(query).wait().expect("the store can be read").items;
        assert!(found.iter().all(|delivery| delivery.endpoint == ENDPOINT));
        found.iter().map(|delivery| (delivery.message, delivery.state)).collect::<Vec<_>>()
    };
    let states = [DeliveryState::Success, DeliveryState::Fail, DeliveryState::Pending, DeliveryState::Pending];
    let all: Vec<_> = sent.iter().copied().zip(states).collect();
    assert_eq!(found(None, messages(&world)), all);
    assert_eq!(found(Some(DeliveryState::Success), messages(&world)), all[..1]);
    assert_eq!(found(Some(DeliveryState::Fail), messages(&world)), all[1..2]);
    assert_eq!(found(Some(DeliveryState::Pending), messages(&world)), all[2..]);
    let newest = Paging { limit: 2, after: None, direction: Direction::Descending };
    let page = found(None, MessageQuery { paging: newest, ..messages(&world) });
    assert_eq!(page, [all[3], all[2]]);
    let typed = MessageQuery { event_types: vec!["other".to_owned()], ..messages(&world) };
    assert_eq!(found(None, typed), []);
    // The same asked of messages, whichever endpoint it is.
    world.finish(sent[0], OTHER, SUCCESS);
    world.finish(sent[1], OTHER, SUCCESS);
    let with = |state| {
        let query = MessageQuery { state: Some(state), ..messages(&world) };
        let found = world.store.messages(query).wait().expect("the store can be read").items;
        found.iter().map(|message| message.no).collect::<Vec<_>>()
    };
    assert_eq!(with(DeliveryState::Success), sent[..2]);
    assert_eq!(with(DeliveryState::Fail), sent[1..2]);
    assert_eq!(with(DeliveryState::Pending), [sent[2], sent[3], last]);
    assert_eq!(with(DeliveryState::Canceled), []);
}
