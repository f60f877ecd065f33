//! Words that messages are found by.

use bytes::Bytes;
use ringback_model::{AppNo, MessageNo};

use super::Harness;
use super::world::{ENDPOINT, World, document};
use crate::{DocumentKind, Mention, MentionQuery, UnreadQuery, UnreadRun};

fn unread(world: &World<'_>, limit: usize) -> Vec<UnreadRun> {
    let query = UnreadQuery { accepted_before: world.later(1), limit };
    world.store.unread(query).wait().expect("the store can be read")
}

fn read(world: &World<'_>, runs: &[UnreadRun], word: &str) -> bool {
    let read = runs.iter().map(|run| (run.after, run.messages.last().expect("a run has messages").no)).collect();
    let messages = runs.iter().flat_map(|run| &run.messages);
    let words = messages.map(|message| (message.app, word.to_owned(), message.no)).collect();
    world.store.mention(Mention { read, words, look_at: Vec::new() }).wait().expect("words are kept")
}

fn found(world: &World<'_>, app: AppNo, word: &str, before: Option<MessageNo>, limit: usize) -> Vec<MessageNo> {
    let query = MentionQuery { app, word: word.to_owned(), before, limit };
    world.store.mentioned(query).wait().expect("the store can be read")
}

fn numbers(runs: &[UnreadRun]) -> Vec<MessageNo> {
    runs.iter().flat_map(|run| run.messages.iter().map(|message| message.no)).collect()
}

/// Each message is read once, in order, in as many steps as it takes, over restarts.
pub fn every_message_is_read_once(harness: &dyn Harness) {
    let mut world = World::new(harness);
    assert_eq!(unread(&world, 10), []);
    let sent: Vec<_> = (0..5).map(|_| world.send(&[ENDPOINT])).collect();
    let first = unread(&world, 3);
    assert_eq!(numbers(&first), sent[..3]);
    assert_eq!(first[0].messages[0].event_type, "sms.dlr");
    assert!(read(&world, &first, "one"));
    world.crash();
    let second = unread(&world, 10);
    assert_eq!(numbers(&second), sent[3..]);
    assert!(read(&world, &second, "two"));
    assert_eq!(unread(&world, 10), []);
    let young = UnreadQuery { accepted_before: world.now(), limit: 10 };
    world.send(&[ENDPOINT]);
    assert_eq!(world.store.unread(young).wait().expect("the store can be read"), [], "it is too young");
    assert_eq!(unread(&world, 10).len(), 1);
}

/// Of two passes over the same messages one is refused.
pub fn a_pass_that_comes_second_keeps_nothing(harness: &dyn Harness) {
    let world = World::new(harness);
    let sent = world.send(&[ENDPOINT]);
    let runs = unread(&world, 10);
    assert!(read(&world, &runs, "first"));
    assert!(!read(&world, &runs, "second"));
    assert_eq!(found(&world, world.app, "first", None, 10), [sent]);
    assert_eq!(found(&world, world.app, "second", None, 10), []);
}

/// Newest first, page by page, and only those of the application.
pub fn a_word_finds_the_messages_that_have_it(harness: &dyn Harness) {
    let world = World::new(harness);
    let other = AppNo(world.put(document(DocumentKind::Application, 1, "app_2")));
    let sent: Vec<_> = (0..5).map(|_| world.send(&[ENDPOINT])).collect();
    assert!(read(&world, &unread(&world, 10), "254712345678"));
    let all: Vec<_> = sent.iter().rev().copied().collect();
    assert_eq!(found(&world, world.app, "254712345678", None, 10), all);
    let page = found(&world, world.app, "254712345678", None, 2);
    assert_eq!(page, all[..2]);
    assert_eq!(found(&world, world.app, "254712345678", Some(page[1]), 10), all[2..]);
    for (app, word) in [(other, "254712345678"), (world.app, "25471234567"), (world.app, "")] {
        assert_eq!(found(&world, app, word, None, 10), [], "{app:?} {word}");
    }
}

/// What a pass reads, within bounds.
pub fn payloads_come_in_order_and_within_their_bytes(harness: &dyn Harness) {
    let world = World::new(harness);
    let sent: Vec<_> = (0..4)
        .map(|at| {
            let mut item = world.item(&[(ENDPOINT, None)]);
            item.message.payload = Bytes::from(format!("{{\"a\":{at}}}"));
            world.accept(item)
        })
        .collect();
    let read = |numbers: Vec<MessageNo>, max_bytes| {
        let payloads = world.store.payloads(numbers, max_bytes).wait().expect("the store can be read");
        payloads
            .into_iter()
            .map(|(no, payload)| (no, String::from_utf8_lossy(&payload).into_owned()))
            .collect::<Vec<_>>()
    };
    let of = |at: usize| (sent[at], format!("{{\"a\":{at}}}"));
    assert_eq!(read(vec![sent[2], MessageNo(sent[3].0 + 9), sent[0]], 1_000), [of(2), of(0)]);
    assert_eq!(read(sent.clone(), 14), [of(0), of(1)]);
    assert_eq!(read(sent.clone(), 1), [of(0)]);
    assert_eq!(read(Vec::new(), 1), []);
}
