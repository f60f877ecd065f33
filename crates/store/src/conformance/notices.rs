//! What was noticed is kept with what it is about, until it was told.

use ringback_model::{Disabled, EndpointId, Id, Notice, NoticeKind, NoticedAttempt, Trigger};

use super::Harness;
use super::world::{ENDPOINT, SUCCESS, World, document};
use crate::{Delete, DocumentKind, Expect, Finished, Put, PutResult, Step};

fn notice(world: &World<'_>, kind: NoticeKind) -> Notice {
    let endpoint: EndpointId = Id::floor(world.now());
    let uid = Some("\u{0}\"é".to_owned());
    Notice { kind, app_no: world.app.0, endpoint, endpoint_uid: uid, disabled: None, attempt: None }
}

fn kinds(world: &World<'_>, limit: usize) -> Vec<(i64, NoticeKind)> {
    let found = world.store.notices(limit).wait().expect("the store can be read");
    found.into_iter().map(|one| (one.no, one.notice.kind)).collect()
}

/// With the change of a document or not at all, and still there after a power cut.
pub fn a_notice_is_kept_with_its_change_and_not_without_it(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let put = |world: &World<'_>, expect, notices| {
        world
            .store
            .put(Put { expect, notices, ..document(DocumentKind::EventType, 7, "one") })
            .wait()
            .expect("an answer")
    };
    let made = [NoticeKind::EndpointCreated, NoticeKind::EndpointDisabled].map(|kind| notice(&world, kind));
    let disabled = Some(Disabled { since: world.now(), automatic: true });
    let made = [made[0].clone(), Notice { disabled, ..made[1].clone() }];
    let PutResult::Stored(written) = put(&world, Expect::New, made.to_vec()) else { panic!("it is new") };
    let other = vec![notice(&world, NoticeKind::EndpointUpdated)];
    assert_eq!(put(&world, Expect::New, other.clone()), PutResult::KeyTaken);
    let stale = Expect::Version { no: written.no, version: 9 };
    assert_eq!(put(&world, stale, other), PutResult::Stale);
    let deleted = notice(&world, NoticeKind::EndpointDeleted);
    for gone in [true, false] {
        let now = world.now();
        let delete = Delete { notices: vec![deleted.clone()], ..Delete::new(written.no, now) };
        assert_eq!(world.store.delete(delete).wait().expect("an answer"), gone);
    }
    for _ in 0..2 {
        let kept = world.store.notices(10).wait().expect("the store can be read");
        let kept: Vec<_> = kept.into_iter().map(|one| one.notice).collect();
        assert_eq!(kept, [made[0].clone(), made[1].clone(), deleted.clone()], "in order");
        world.crash();
    }
}

/// Of an attempt that is recorded as it was meant to be; once, however often the outcome is handed in.
pub fn a_notice_of_an_attempt_is_kept_when_its_delivery_has_taken_the_step(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let message = world.send(&[ENDPOINT]);
    let finish = |world: &World<'_>, kind, step| {
        let mut item = world.outcome(message, ENDPOINT, Trigger::Scheduled, step);
        let attempt = NoticedAttempt {
            message: Id::floor(world.now()),
            event_id: Some("e".to_owned()),
            id: item.attempt.id,
            status: Some(500),
            started_at: item.attempt.started_at,
        };
        item.notice = Some(Box::new(Notice { attempt: Some(attempt), ..notice(world, kind) }));
        world.store.finish(item).wait().expect("an answer")
    };
    let retry = Step::Retry { due: world.now(), counted: true };
    assert_eq!(finish(&world, NoticeKind::AttemptFailing, retry), Finished::Recorded);
    assert_eq!(finish(&world, NoticeKind::AttemptRecovered, SUCCESS), Finished::Recorded);
    assert_eq!(finish(&world, NoticeKind::AttemptExhausted, retry), Finished::Superseded);
    world.crash();
    let kept: Vec<_> = kinds(&world, 10).into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kept, [NoticeKind::AttemptFailing, NoticeKind::AttemptRecovered]);
    let first = world.store.notices(1).wait().expect("the store can be read").remove(0).notice;
    assert_eq!(
        first.attempt.map(|attempt| (attempt.status, attempt.event_id)),
        Some((Some(500), Some("e".to_owned())))
    );
}

/// Those that were told go, and their numbers are never given again.
pub fn what_was_told_goes_and_its_number_with_it(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let put = |world: &World<'_>, name: &str| {
        let notices = vec![notice(world, NoticeKind::EndpointCreated)];
        let put = Put { notices, ..document(DocumentKind::EventType, 7, name) };
        assert!(matches!(world.store.put(put).wait(), Ok(PutResult::Stored(_))));
    };
    ["a", "b", "c"].into_iter().for_each(|name| put(&world, name));
    let numbers: Vec<i64> = kinds(&world, 2).into_iter().map(|(no, _)| no).collect();
    assert_eq!(numbers.len(), 2, "no more than was asked for");
    let all: Vec<i64> = kinds(&world, 10).into_iter().map(|(no, _)| no).collect();
    assert!(all.is_sorted() && all.starts_with(&numbers));
    world.store.forget_notices(vec![all[0], all[2], all[2] + 100]).wait().expect("an answer");
    world.crash();
    assert_eq!(kinds(&world, 10).into_iter().map(|(no, _)| no).collect::<Vec<_>>(), [all[1]]);
    put(&world, "d");
    assert!(kinds(&world, 10)[1].0 > all[2]);
}
