//! What `take` answers, and in which order.

use std::time::Duration;

use bytes::Bytes;
use ringback_model::{Class, MessageNo, Priority, Trigger};

use super::Harness;
use super::world::{ENDPOINT, OTHER, SUCCESS, World, numbers};
use crate::{Step, Take};

const OTP: Priority = Priority::new(Class::Otp, false);
const MARKETING: Priority = Priority::new(Class::Marketing, false);

fn send_as(world: &World<'_>, priority: Priority) -> MessageNo {
    let mut item = world.item(&[(ENDPOINT, None)]);
    item.priority = priority;
    world.accept(item)
}

/// The order in which lanes send.
pub fn deliveries_come_by_hand_first_then_by_priority_due_time_and_number(harness: &dyn Harness) {
    let world = World::new(harness);
    let resent = send_as(&world, MARKETING);
    world.finish(resent, ENDPOINT, SUCCESS);
    let delayed = send_as(&world, OTP);
    let (marketing, otp) = (send_as(&world, MARKETING), send_as(&world, OTP));
    let second_otp = send_as(&world, OTP);
    world.finish(delayed, ENDPOINT, Step::Retry { due: world.later(1), counted: true });
    world.clock.advance(Duration::from_secs(2));
    world.rearm(resent, ENDPOINT);
    let taken = world.taken(ENDPOINT);
    assert_eq!(numbers(&taken.rows), [resent, otp, second_otp, delayed, marketing]);
    let triggers: Vec<_> = taken.rows.iter().map(|row| row.trigger).collect();
    assert_eq!(triggers[..2], [Trigger::Manual, Trigger::Scheduled]);
    assert_eq!((taken.rows[3].priority, taken.rows[3].tries), (OTP, 1));
    assert!(!taken.more);
    assert!(world.taken(OTHER).rows.is_empty());
}

/// How urgent a message is at one endpoint is not how urgent it is at another.
pub fn deliveries_are_as_urgent_as_their_endpoint_says(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let mut sent = Vec::new();
    for priority in [MARKETING, Priority::new(Class::Transactional, false), OTP, MARKETING] {
        let mut item = world.item(&[(ENDPOINT, None), (OTHER, None)]);
        item.priority = priority;
        item.targets[0].priority = Some(Priority::HELD);
        sent.push(world.accept(item));
        world.clock.advance(Duration::from_secs(1));
    }
    for _ in 0..2 {
        let taken = world.taken(ENDPOINT).rows;
        assert_eq!(numbers(&taken), sent, "in the order of acceptance");
        assert!(taken.iter().all(|row| row.priority == Priority::HELD));
        assert_eq!(numbers(&world.taken(OTHER).rows), [sent[2], sent[1], sent[0], sent[3]]);
        world.crash();
    }
    // What is more urgent than that still goes first.
    let later = send_as(&world, OTP);
    assert_eq!(numbers(&world.taken(ENDPOINT).rows)[0], later);
}

/// Urgent work goes first, and the rest still gets on.
pub fn every_priority_with_work_gets_a_share(harness: &dyn Harness) {
    let world = World::new(harness);
    let mut sent = Vec::new();
    for class in [Class::Marketing, Class::Transactional, Class::Otp] {
        for _ in 0..50 {
            sent.push(send_as(&world, Priority::new(class, false)));
        }
    }
    let taken = world.take(&Take { limit: 40, ..world.all_of(ENDPOINT) });
    let of = |class| taken.rows.iter().filter(|row| row.priority == Priority::new(class, false)).count();
    assert_eq!(taken.rows.len(), 40);
    assert!(taken.more);
    let (otp, rest, last) = (of(Class::Otp), of(Class::Transactional), of(Class::Marketing));
    assert!(otp >= 30 && rest >= 2 && last >= 2, "{otp} {rest} {last}");
    assert!(taken.rows.is_sorted_by_key(|row| (row.priority, row.message.no)));
}

/// What the asker holds is neither answered nor counted, and what lies behind it is reached.
pub fn held_rows_are_passed_over(harness: &dyn Harness) {
    let world = World::new(harness);
    let sent: Vec<_> = (0..20).map(|_| world.send(&[ENDPOINT])).collect();
    world.rearm(sent[0], ENDPOINT);
    let mut held = Vec::new();
    for expected in [vec![sent[0], sent[0], sent[1]], sent[2..5].to_vec(), sent[5..8].to_vec()] {
        let taken = world.take(&Take { limit: 3, held: held.clone(), ..world.all_of(ENDPOINT) });
        assert_eq!(numbers(&taken.rows), expected);
        assert!(taken.more);
        held.extend(taken.rows.iter().map(|row| (row.message.no, row.trigger)));
    }
    let rest = world.take(&Take { limit: 12, held: held.clone(), ..world.all_of(ENDPOINT) });
    assert_eq!((numbers(&rest.rows), rest.more), (sent[8..].to_vec(), false));
    held.extend(rest.rows.iter().map(|row| (row.message.no, row.trigger)));
    let nothing = world.take(&Take { held, ..world.all_of(ENDPOINT) });
    assert!(nothing.rows.is_empty() && !nothing.more && nothing.next_due.is_none());
}

/// A lane with nothing to do knows when to look again.
pub fn the_next_due_time_is_told(harness: &dyn Harness) {
    let world = World::new(harness);
    assert_eq!(world.taken(ENDPOINT).next_due, None);
    let (early, late, now) = (send_as(&world, MARKETING), send_as(&world, OTP), world.send(&[ENDPOINT]));
    world.finish(early, ENDPOINT, Step::Retry { due: world.later(10), counted: true });
    world.finish(late, ENDPOINT, Step::Retry { due: world.later(20), counted: true });
    let taken = world.taken(ENDPOINT);
    assert_eq!((numbers(&taken.rows), taken.next_due), (vec![now], Some(world.later(10))));
    world.clock.advance(Duration::from_secs(10));
    let taken = world.taken(ENDPOINT);
    assert_eq!((numbers(&taken.rows), taken.next_due), (vec![now, early], Some(world.later(10))));
}

/// Large payloads do not fill the memory; one row always comes.
pub fn an_answer_keeps_within_its_bytes(harness: &dyn Harness) {
    let world = World::new(harness);
    let sent: Vec<_> = (0..5)
        .map(|_| {
            let mut item = world.item(&[(ENDPOINT, None)]);
            item.message.payload = Bytes::from(vec![b'x'; 1_000]);
            world.accept(item)
        })
        .collect();
    for (max_bytes, count) in [(1, 1), (1_999, 1), (2_000, 2), (4_999, 4), (5_000, 5)] {
        let taken = world.take(&Take { max_bytes, ..world.all_of(ENDPOINT) });
        assert_eq!((numbers(&taken.rows), taken.more), (sent[..count].to_vec(), count < 5), "{max_bytes} bytes");
    }
}

/// What is in flight lives in the memory of whoever took it: a second look, or a start, finds the same.
pub fn taking_writes_nothing(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let sent = world.send(&[ENDPOINT]);
    for _ in 0..2 {
        assert_eq!(world.due(ENDPOINT), [sent]);
        assert_eq!(world.due(ENDPOINT), [sent]);
        world.crash();
    }
}
