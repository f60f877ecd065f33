//! Configuration is kept as versioned documents.

use ringback_model::{AppNo, Redacted};

use super::Harness;
use super::world::{World, document};
use crate::{
    Configuration, Delete, DeletedQuery, Direction, Document, DocumentKind, DocumentPage, Expect, KnownVersions,
    Paging, Put, PutResult, Rewrite, Written,
};

const KIND: DocumentKind = DocumentKind::Endpoint;

fn read(world: &World<'_>, no: i64) -> Document {
    world.store.document(no).wait().expect("the store can be read").expect("the document exists")
}

fn put(world: &World<'_>, item: Put) -> PutResult {
    world.store.put(item).wait().expect("an answer")
}

fn delete(world: &World<'_>, no: i64) -> bool {
    world.store.delete(Delete { app: Some(world.app), ..Delete::new(no, world.now()) }).wait().expect("an answer")
}

/// By number, key and uid; its text untouched, its secret opened, also after a power cut.
pub fn a_document_is_read_back_as_it_was_written(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let item = Put {
        uid: Some("mine".to_owned()),
        body: "{\"z\":1, \"a\":[1e400,\"\\u0000\"]}".to_owned(),
        secret: Some(Redacted::new("{\"signing\":\"whsec_1\"}".to_owned())),
        ..document(KIND, 77, "ep_1")
    };
    let no = world.put(item.clone());
    let expected = Document {
        no,
        kind: KIND,
        parent: 77,
        key: item.key,
        uid: item.uid,
        version: 1,
        body: item.body,
        secret: item.secret,
        deleted_at: None,
    };
    for _ in 0..2 {
        assert_eq!(read(&world, no), expected);
        let by_key = world.store.document_by_key(KIND, 77, "ep_1".to_owned()).wait();
        assert_eq!(by_key.expect("the store can be read").as_ref(), Some(&expected));
        let by_uid = world.store.document_by_uid(KIND, 77, "mine".to_owned()).wait();
        assert_eq!(by_uid.expect("the store can be read").as_ref(), Some(&expected));
        let elsewhere = world.store.document_by_key(KIND, 78, "ep_1".to_owned()).wait();
        assert_eq!(elsewhere.expect("the store can be read"), None);
        world.crash();
    }
}

/// Every kind is read back as the kind that it was written as.
pub fn documents_of_every_kind_keep_their_kind(harness: &dyn Harness) {
    let world = World::new(harness);
    for kind in DocumentKind::ALL {
        let no = world.put(document(kind, 0, "one_of_its_kind"));
        assert_eq!(read(&world, no).kind, kind);
    }
}

/// A name is taken by the living of one kind and parent; a deleted document gives it free and can still be read.
pub fn keys_and_uids_are_unique_among_the_living(harness: &dyn Harness) {
    let world = World::new(harness);
    let named = |key: &str, uid: &str, parent| Put { uid: Some(uid.to_owned()), ..document(KIND, parent, key) };
    let first = world.put(named("a", "x", 77));
    assert_eq!(put(&world, named("a", "y", 77)), PutResult::KeyTaken);
    assert_eq!(put(&world, named("b", "x", 77)), PutResult::UidTaken);
    world.put(named("a", "x", 78));
    let second = world.put(named("b", "y", 77));
    let renamed = Put { expect: Expect::Version { no: second, version: 1 }, ..named("b", "x", 77) };
    assert_eq!(put(&world, renamed), PutResult::UidTaken);
    assert!(delete(&world, first));
    assert!(!delete(&world, first), "it is gone already");
    assert_eq!(read(&world, first).deleted_at, Some(world.now()));
    let reused = world.put(named("a", "x", 77));
    assert_ne!(reused, first);
    let by_uid = world.store.document_by_uid(KIND, 77, "x".to_owned()).wait().expect("the store can be read");
    assert_eq!(by_uid.map(|found| found.no), Some(reused));
}

/// With its number, another version, and whatever it says now; never over a living one of its name, and only once.
pub fn a_deleted_document_can_come_back(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let secret = Some(Redacted::new("{\"signing\":\"whsec_1\"}".to_owned()));
    let item = Put { uid: Some("mine".to_owned()), secret: secret.clone(), ..document(KIND, 77, "a") };
    let no = world.put(item.clone());
    let back = |version| Put { expect: Expect::Deleted { no, version }, ..item.clone() };
    assert_eq!(put(&world, back(1)), PutResult::Stale, "it lives");
    assert!(delete(&world, no));
    let page = |world: &World<'_>| -> Vec<i64> {
        let paging = Paging { limit: 10, after: None, direction: Direction::Descending };
        let page = world.store.deleted_documents(DocumentPage { kind: KIND, parent: 77, paging }).wait();
        page.expect("the store can be read").iter().map(|document| document.no).collect()
    };
    assert_eq!(page(&world), [no]);
    let found = world.store.deleted_document(KIND, 77, "a".to_owned()).wait().expect("the store can be read");
    assert_eq!(found.map(|found| (found.no, found.version)), Some((no, 2)));
    assert_eq!(world.store.deleted_document(KIND, 78, "a".to_owned()).wait().expect("the store can be read"), None);
    let other = world.put(Put { key: "b".to_owned(), ..item.clone() });
    assert_eq!(put(&world, back(2)), PutResult::UidTaken);
    assert!(delete(&world, other));
    assert_eq!(put(&world, back(1)), PutResult::Stale, "it is at another version");
    assert_eq!(put(&world, back(2)), PutResult::Stored(Written { no, version: 3 }));
    assert_eq!(put(&world, back(2)), PutResult::Stale, "it is back already");
    for _ in 0..2 {
        let found = read(&world, no);
        assert_eq!((found.deleted_at, found.version, found.secret), (None, 3, secret.clone()));
        let by_uid = world.store.document_by_uid(KIND, 77, "mine".to_owned()).wait().expect("the store can be read");
        assert_eq!(by_uid.map(|found| found.no), Some(no));
        assert_eq!(page(&world), [other]);
        world.crash();
    }
}

/// What a document says changes with its deletion or after it, in one commit, if nobody has written it in between.
pub fn a_document_says_something_else_from_its_deletion_on(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let no = world.put(document(KIND, 77, "a"));
    let says = |version, body: &str, later| Delete {
        app: Some(world.app),
        rewrite: Some(Rewrite { version, body: body.to_owned(), gone_as: None }),
        ..Delete::new(no, world.now() + std::time::Duration::from_secs(later))
    };
    let (stale, first, second) = (says(2, "{}", 0), says(1, "{\"a\":1}", 0), says(2, "{\"a\":2}", 60));
    let delete = |world: &World<'_>, item: &Delete| world.store.delete(item.clone()).wait().expect("an answer");
    assert!(!delete(&world, &stale), "it is at another version");
    assert_eq!(read(&world, no).deleted_at, None);
    assert!(delete(&world, &first));
    assert!(!delete(&world, &first), "it was written since");
    let found = read(&world, no);
    assert_eq!((found.deleted_at, found.version, &*found.body), (Some(first.now), 2, "{\"a\":1}"));
    let configuration = world.version();
    assert!(delete(&world, &second));
    assert_ne!(world.version(), configuration, "those who act by it look again");
    world.crash();
    let found = read(&world, no);
    assert_eq!((found.deleted_at, found.version, &*found.body), (Some(first.now), 3, "{\"a\":2}"));
}

/// What it says can still be read by its number, and it is found in no other way; nobody brings it back.
pub fn a_document_that_is_gone_has_no_secret_and_stays_so(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let item = Put { secret: Some(Redacted::new("{\"signing\":\"whsec_1\"}".to_owned())), ..document(KIND, 77, "a") };
    let no = world.put(item.clone());
    assert!(delete(&world, no));
    let deleted_at = world.now();
    let gone = Delete {
        app: Some(world.app),
        rewrite: Some(Rewrite { version: 2, body: "{\"a\":1}".to_owned(), gone_as: Some(DocumentKind::GoneEndpoint) }),
        ..Delete::new(no, world.now() + std::time::Duration::from_secs(60))
    };
    let restored = Put { expect: Expect::Deleted { no, version: 2 }, ..item.clone() };
    assert_eq!(put(&world, restored), PutResult::Stored(Written { no, version: 3 }));
    assert!(!world.store.delete(gone.clone()).wait().expect("an answer"), "it is back");
    assert_eq!(read(&world, no).secret, item.secret);
    assert!(delete(&world, no));
    let gone = Delete { rewrite: gone.rewrite.map(|rewrite| Rewrite { version: 4, ..rewrite }), ..gone };
    assert!(world.store.delete(gone).wait().expect("an answer"));
    for _ in 0..2 {
        let found = read(&world, no);
        assert_eq!((found.kind, found.secret, &*found.body), (DocumentKind::GoneEndpoint, None, "{\"a\":1}"));
        assert_eq!((found.deleted_at, found.version), (Some(deleted_at), 5));
        let found = world.store.deleted_document(KIND, 77, "a".to_owned()).wait().expect("the store can be read");
        assert_eq!(found, None);
        let back = Put { expect: Expect::Deleted { no, version: 5 }, ..item.clone() };
        assert_eq!(put(&world, back), PutResult::Stale);
        world.crash();
    }
}

/// Step by step, each once, by what it belongs to; the living left out.
pub fn deleted_documents_of_all_parents_are_found(harness: &dyn Harness) {
    let world = World::new(harness);
    let mut deleted = Vec::new();
    for parent in 77..80 {
        for n in 0..4 {
            let no = world.put(document(KIND, parent, &format!("ep_{n}")));
            if n != 2 {
                assert!(delete(&world, no));
                deleted.push((no, world.now()));
            }
        }
        assert!(delete(&world, world.put(document(DocumentKind::Poller, parent, "ep_1"))));
    }
    for limit in [1, 2, 100] {
        let (mut visited, mut after) = (Vec::new(), (0, String::new()));
        loop {
            let query = DeletedQuery { kind: KIND, after, limit };
            let page = world.store.deleted_everywhere(query).wait().expect("the store can be read");
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = (last.parent, last.key.clone());
            visited.extend(page.iter().map(|document| (document.no, document.deleted_at)));
        }
        assert_eq!(visited, deleted, "by {limit}");
    }
}

/// Forward and backward, whatever the size of a page, the living left out.
pub fn pages_of_deleted_documents_visit_each_once(harness: &dyn Harness) {
    let world = World::new(harness);
    let numbers: Vec<_> = (0..9).map(|n| world.put(document(KIND, 77, &format!("ep_{n:02}")))).collect();
    let elsewhere = world.put(document(KIND, 78, "ep_elsewhere"));
    let deleted: Vec<_> = numbers.iter().copied().step_by(2).collect();
    deleted.iter().chain([&elsewhere]).for_each(|no| assert!(delete(&world, *no)));
    for direction in [Direction::Ascending, Direction::Descending] {
        for limit in [1, 2, 100] {
            let (mut visited, mut after) = (Vec::new(), None);
            loop {
                let paging = Paging { limit, after, direction };
                let page = world.store.deleted_documents(DocumentPage { kind: KIND, parent: 77, paging }).wait();
                let page = page.expect("the store can be read");
                let Some(last) = page.last() else { break };
                after = Some(last.key.clone());
                visited.extend(page.iter().map(|document| document.no));
            }
            if direction == Direction::Descending {
                visited.reverse();
            }
            assert_eq!(visited, deleted, "{direction:?} by {limit}");
        }
    }
}

/// Of two who have read the same version, the second to write is told.
pub fn a_document_that_has_changed_is_not_overwritten(harness: &dyn Harness) {
    let world = World::new(harness);
    let no = world.put(document(KIND, 77, "a"));
    let change = |version, body: &str| Put {
        body: body.to_owned(),
        expect: Expect::Version { no, version },
        ..document(KIND, 77, "a")
    };
    assert_eq!(put(&world, change(1, "{\"first\":1}")), PutResult::Stored(Written { no, version: 2 }));
    assert_eq!(put(&world, change(1, "{\"second\":1}")), PutResult::Stale);
    assert_eq!((read(&world, no).body.as_str(), read(&world, no).version), ("{\"first\":1}", 2));
    assert!(delete(&world, no));
    let version = read(&world, no).version;
    assert_eq!(put(&world, change(version, "{}")), PutResult::Stale, "what is deleted is not changed");
    let of_other_kind = Put { kind: DocumentKind::EventType, ..change(1, "{}") };
    assert_eq!(put(&world, of_other_kind), PutResult::Stale);
}

/// With each change of the application or of an endpoint, in the same commit, and the engine is told.
pub fn the_configuration_version_rises_with_every_change(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let changed = |world: &mut World<'_>| -> Vec<AppNo> {
        let mut changed = Vec::new();
        while let Some(committed) = world.feed.try_next() {
            changed.extend(committed.changed);
        }
        changed
    };
    changed(&mut world);
    assert_eq!(world.version(), 1);
    let app = Some(world.app);
    let endpoint = world.put(Put { app, ..document(KIND, world.app.0, "ep_1") });
    assert_eq!((world.version(), changed(&mut world)), (2, vec![world.app]));
    let (no, version) = (world.app.0, 1);
    let application =
        Put { expect: Expect::Version { no, version }, ..document(DocumentKind::Application, 1, "app_1") };
    world.put(Put { app, ..application.clone() });
    assert_eq!(world.version(), 3);
    assert_eq!(put(&world, Put { app, ..application }), PutResult::Stale);
    assert_eq!(world.version(), 3, "what was refused has changed nothing");
    assert!(delete(&world, endpoint));
    assert_eq!((world.version(), changed(&mut world)), (4, vec![world.app, world.app]));
    world.put(document(DocumentKind::EventType, 1, "sms.dlr"));
    assert_eq!((world.version(), changed(&mut world)), (4, vec![]));
    let kept = world.put(Put { app, ..document(KIND, world.app.0, "ep_2") });
    let found = configuration(&world, KnownVersions::new());
    assert_eq!((found.version, found.application.no, found.application.version), (5, world.app.0, 2));
    assert_eq!(found.parts.iter().map(|endpoint| endpoint.no).collect::<Vec<_>>(), [kept]);
}

/// Whoever has an endpoint as it is gets its number alone; one that changed comes whole, and one that is gone not at all.
pub fn of_a_configuration_that_is_known_only_what_changed_is_read(harness: &dyn Harness) {
    let world = World::new(harness);
    let secret = |text: &str| Some(Redacted::new(format!("{{\"key\":\"{text}\"}}")));
    let item = |key: &str| Put { app: Some(world.app), secret: secret(key), ..document(KIND, world.app.0, key) };
    let [same, changed, gone] = ["ep_a", "ep_b", "ep_c"].map(|key| world.put(item(key)));
    let known: KnownVersions =
        configuration(&world, KnownVersions::new()).parts.iter().map(|part| (part.no, part.version)).collect();
    assert_eq!(known.len(), 3);
    world.put(Put { expect: Expect::Version { no: changed, version: 1 }, secret: secret("new"), ..item("ep_b") });
    assert!(delete(&world, gone));
    let added = world.put(item("ep_0"));
    let found = configuration(&world, known);
    assert_eq!(found.unchanged, [same]);
    let parts: Vec<_> = found.parts.iter().map(|part| (part.no, part.version, part.secret.clone())).collect();
    assert_eq!(parts, [(added, 1, secret("ep_0")), (changed, 2, secret("new"))]);
    assert_eq!(found.parts, configuration(&world, KnownVersions::from([(same, 1), (-1, 1), (added, 2)])).parts);
}

fn configuration(world: &World<'_>, known: KnownVersions) -> Configuration {
    let found = world.store.configuration(world.app, known).wait().expect("the store can be read");
    found.expect("the application exists")
}

/// In the same commit, deleted ones left out; the engine is told of each.
pub fn a_change_of_an_organization_is_one_of_all_its_applications(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let organization = world.put(document(DocumentKind::Organization, 0, "org_1"));
    let mut apps: Vec<_> = (0..3)
        .map(|n| AppNo(world.put(document(DocumentKind::Application, organization, &format!("app_of_it_{n}")))))
        .collect();
    let gone = apps.remove(1);
    assert!(world.store.delete(Delete::new(gone.0, world.now())).wait().expect("an answer"));
    while world.feed.try_next().is_some() {}
    let before = world.version();
    let change = Put {
        body: "{\"timeZone\":\"UTC\"}".to_owned(),
        expect: Expect::Version { no: organization, version: 1 },
        ..document(DocumentKind::Organization, 0, "org_1")
    };
    world.put(change);
    let mut changed = Vec::new();
    while let Some(committed) = world.feed.try_next() {
        changed.extend(committed.changed);
    }
    changed.sort_unstable();
    apps.sort_unstable();
    assert_eq!(changed, apps);
    for app in apps {
        let found = world.store.configuration(app, KnownVersions::new()).wait().expect("the store can be read");
        assert_eq!(found.map(|found| found.version), Some(2));
    }
    assert_eq!(world.version(), before, "an application of another organization has not changed");
}

/// Whoever has the files has no secrets.
pub fn secrets_are_sealed_at_rest(harness: &dyn Harness) {
    let world = World::new(harness);
    let secret = "whsec_C2FVsBQIhrscChlQIMV";
    let item = Put {
        secret: Some(Redacted::new(secret.to_owned())),
        body: "{\"note\":\"to be found in plain text\"}".to_owned(),
        ..document(KIND, 77, "ep_1")
    };
    let no = world.put(item.clone());
    world.put(Put { expect: Expect::Version { no, version: 1 }, ..item });
    let at_rest = world.harness.bytes_at_rest(&world.store);
    let has = |text: &str| at_rest.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("to be found in plain text"), "the search works");
    assert!(!has(secret) && !has(&secret[..12]));
    assert_eq!(read(&world, no).secret.map(|secret| secret.reveal().to_owned()).as_deref(), Some(secret));
}

/// Forward and backward, whatever the size of a page, deleted ones left out.
pub fn pages_of_documents_visit_each_once(harness: &dyn Harness) {
    let world = World::new(harness);
    let numbers: Vec<_> = (0..25).map(|n| world.put(document(KIND, 77, &format!("ep_{n:02}")))).collect();
    world.put(document(KIND, 78, "ep_elsewhere"));
    delete(&world, numbers[13]);
    let mut living = numbers;
    living.remove(13);
    for direction in [Direction::Ascending, Direction::Descending] {
        for limit in [1, 7, 24, 100] {
            let mut visited = Vec::new();
            let mut after = None;
            loop {
                let paging = Paging { limit, after, direction };
                let page = world.store.documents(DocumentPage { kind: KIND, parent: 77, paging }).wait();
                let page = page.expect("the store can be read");
                assert!(page.len() <= limit);
                let Some(last) = page.last() else { break };
                after = Some(last.key.clone());
                visited.extend(page.iter().map(|document| document.no));
            }
            let mut expected = living.clone();
            if direction == Direction::Descending {
                expected.reverse();
            }
            assert_eq!(visited, expected, "{direction:?} by {limit}");
        }
    }
}
