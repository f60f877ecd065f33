//! Who changed what is kept beside the change.

use std::time::Duration;

use ringback_model::{DeliveryState, MessageNo, Reason, Timestamp};

use super::Harness;
use super::world::{ENDPOINT, World, document};
use crate::{
    AUDIT_KEPT, Audit, AuditQuery, Audited, Delete, DocumentKind, End, Ended, Expect, Put, PutResult, Rearm, Rearmed,
};

const KIND: DocumentKind = DocumentKind::EventType;

fn audit(at: Timestamp, org: i64, by: &str, subject: &str) -> Audit {
    Audit {
        org,
        at,
        by: by.to_owned(),
        thing: "event type".to_owned(),
        deed: "changed".to_owned(),
        app: (by == "b").then(|| "app_1".to_owned()),
        subject: subject.to_owned(),
        title: "a title".to_owned(),
        changes: "[{\"field\":\"a\"}]".to_owned(),
    }
}

fn asked(world: &World<'_>, query: AuditQuery) -> Vec<Audited> {
    world.store.audits(query).wait().expect("the store can be read")
}

fn all(org: i64) -> AuditQuery {
    AuditQuery { org, limit: 100, ..AuditQuery::default() }
}

fn put(world: &World<'_>, name: &str, expect: Expect, audit: Audit) -> PutResult {
    let item = Put { expect, audit: Some(Box::new(audit)), ..document(KIND, 7, name) };
    world.store.put(item).wait().expect("an answer")
}

/// With the change or not at all, and still there after a power cut.
pub fn a_record_is_kept_with_its_change_and_not_without_it(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let now = world.now();
    let first = audit(now, 7, "a", "one");
    let PutResult::Stored(written) = put(&world, "one", Expect::New, first.clone()) else { panic!("it is new") };
    assert_eq!(put(&world, "one", Expect::New, audit(now, 7, "a", "taken")), PutResult::KeyTaken);
    let stale = Expect::Version { no: written.no, version: 9 };
    assert_eq!(put(&world, "one", stale, audit(now, 7, "a", "stale")), PutResult::Stale);
    let gone = audit(now, 7, "b", "one");
    let delete = || Delete { audit: Some(Box::new(gone.clone())), ..Delete::new(written.no, now) };
    assert!(world.store.delete(delete()).wait().expect("an answer"));
    assert!(!world.store.delete(delete()).wait().expect("an answer"), "it is gone already");
    for _ in 0..2 {
        let kept: Vec<Audit> = asked(&world, all(7)).into_iter().map(|one| one.audit).collect();
        assert_eq!(kept, [gone.clone(), first.clone()], "the newest first");
        world.crash();
    }
}

/// Once, however often the request is repeated, and not where there was nothing to call off.
pub fn what_is_asked_for_a_delivery_is_recorded_with_it(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let (now, message) = (world.now(), world.send(&[ENDPOINT]));
    let told = |subject| Some(Box::new(audit(now, 7, "a", subject)));
    let rearm = |message, body| {
        let idempotency = Some(world.request(2, body));
        let item = Rearm { message, endpoint: ENDPOINT, now, idempotency, audit: told("resent") };
        world.store.rearm(item).wait().expect("an answer")
    };
    assert_eq!(
        [rearm(message, 1), rearm(message, 1), rearm(message, 2)],
        [Rearmed::Armed, Rearmed::Replayed, Rearmed::KeyReused]
    );
    let end = |message| {
        let (state, reason) = (DeliveryState::Canceled, Reason::Canceled);
        let item = End { message, endpoint: ENDPOINT, state, reason, audit: told("called off") };
        world.store.end(item).wait().expect("an answer")
    };
    assert_eq!(
        [end(message), end(message), end(MessageNo(1 << 40))],
        [Ended::Ended, Ended::NotPending, Ended::NotFound]
    );
    world.crash();
    let kept: Vec<String> = asked(&world, all(7)).into_iter().map(|one| one.audit.subject).collect();
    assert_eq!(kept, ["called off", "resent"]);
}

/// By who, what, application and thing, in pages, and never of another organization.
pub fn records_are_searched(harness: &dyn Harness) {
    let world = World::new(harness);
    let now = world.now();
    for (at, (org, by)) in [(7, "a"), (7, "b"), (8, "a"), (0, "c"), (7, "a")].into_iter().enumerate() {
        put(&world, &at.to_string(), Expect::New, audit(now, org, by, &at.to_string()));
    }
    let subjects = |query| asked(&world, query).into_iter().map(|one| one.audit.subject).collect::<Vec<_>>();
    assert_eq!(subjects(all(7)), ["4", "1", "0"]);
    assert_eq!(subjects(AuditQuery { with_server: true, ..all(7) }), ["4", "3", "1", "0"]);
    assert_eq!(subjects(AuditQuery { by: Some("a".to_owned()), ..all(7) }), ["4", "0"]);
    assert_eq!(subjects(AuditQuery { app: Some("app_1".to_owned()), ..all(7) }), ["1"]);
    assert_eq!(subjects(AuditQuery { subject: Some("0".to_owned()), ..all(7) }), ["0"]);
    assert_eq!(subjects(AuditQuery { thing: Some("user".to_owned()), ..all(7) }), Vec::<String>::new());
    assert_eq!(subjects(AuditQuery { since: now + Duration::from_micros(1), ..all(7) }), Vec::<String>::new());
    let first = asked(&world, AuditQuery { limit: 1, ..all(7) });
    assert_eq!(subjects(AuditQuery { before: Some(first[0].no), ..all(7) }), ["1", "0"]);
}

/// What is over goes with the changes that come after it.
pub fn records_are_kept_for_a_time(harness: &dyn Harness) {
    let world = World::new(harness);
    let now = world.now();
    for at in 0..30 {
        put(&world, &at.to_string(), Expect::New, audit(now, 7, "a", "old"));
    }
    let later = now + AUDIT_KEPT;
    put(&world, "still", Expect::New, audit(later, 7, "a", "new"));
    assert_eq!(asked(&world, all(7)).len(), 31);
    for at in 0..2 {
        put(&world, &format!("over {at}"), Expect::New, audit(later + Duration::from_micros(1), 7, "a", "new"));
    }
    let left: Vec<String> = asked(&world, all(7)).into_iter().map(|one| one.audit.subject).collect();
    assert_eq!(left, ["new", "new", "new"]);
}
