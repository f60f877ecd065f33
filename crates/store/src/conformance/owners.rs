//! Stores with many owners: what the harness can bring about only there.

use super::Harness;
use super::world::{ENDPOINT, SUCCESS, World};
use crate::{Accepted, Step};
use ringback_model::Trigger;

/// An owner that has slept through the end of its lease finishes nothing: somebody else does.
///
/// Does not apply where a store has one owner only.
pub fn an_owner_that_was_replaced_writes_nothing(harness: &dyn Harness) {
    let world = World::new(harness);
    let Some(stale) = harness.stale_owner(&world.store) else { return };
    let message = world.send(&[ENDPOINT]);
    for step in [SUCCESS, Step::Retry { due: world.later(60), counted: true }] {
        let refused = stale.finish(world.outcome(message, ENDPOINT, Trigger::Scheduled, step)).wait();
        assert!(refused.is_err(), "{refused:?}");
    }
    assert_eq!(world.due(ENDPOINT), [message]);
    assert!(world.attempts(message).is_empty());
}

/// A take has no high-water mark: a row whose commit came after that of a higher number is found.
///
/// Does not apply where commits always come in the order of numbers.
pub fn a_row_that_commits_late_is_found(harness: &dyn Harness) {
    let world = World::new(harness);
    let Some(commit) = harness.accept_late(&world.store, &world.item(&[(ENDPOINT, None)])) else { return };
    let early = world.send(&[ENDPOINT]);
    assert_eq!(world.due(ENDPOINT), [early]);
    let Ok(Accepted::New { no: late }) = commit().wait() else { panic!("the late message was not accepted") };
    assert!(late < early);
    let mut due = world.due(ENDPOINT);
    due.sort_unstable();
    assert_eq!(due, [late, early]);
}
