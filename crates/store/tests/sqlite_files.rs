//! What is particular to the embedded store: its folder, its files and what can happen to them.

#![expect(clippy::unwrap_used, reason = "a test ends at what it does not expect")]

mod support;

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use ringback_model::{
    AppNo, AttemptOutcome, DeliveryState, EndpointNo, Exchange, IdMaker, MessageNo, Priority, Reason, Redacted,
    SeededRandom, Timestamp, Trigger,
};
use ringback_store::backend::sqlite::{SqliteOptions, SqliteStore};
use ringback_store::{
    Accept, Accepted, DocumentKind, Epoch, Expire, Expiry, Feed, Finish, Finished, MasterKey, NewAttempt, NewMessage,
    Put, PutResult, Step, Store, StoreError, Take, Target,
};
use rusqlite::{Connection, OpenFlags};
use support::{Folders, copy};

/// A store in a folder, with the folder's name.
struct Opened {
    store: SqliteStore,
    feed: Feed,
    options: SqliteOptions,
    ids: IdMaker,
    random: SeededRandom,
}

impl Opened {
    fn new(folders: &Folders) -> Self {
        Self::with(folders.options(&folders.fresh()))
    }

    fn with(options: SqliteOptions) -> Self {
        let (store, feed) = SqliteStore::open(options.clone()).unwrap();
        Self { store, feed, options, ids: IdMaker::new(), random: SeededRandom::new(5) }
    }

    fn item(&self, payload: usize) -> Accept {
        let targets = [1, 2].map(|endpoint| Target::new(EndpointNo(endpoint), None));
        Accept {
            app: AppNo(1),
            app_version: 0,
            message: NewMessage {
                id: self.ids.make(Timestamp::from_seconds(1_700_000_000), &self.random),
                event_type: "sms.dlr".to_owned(),
                event_id: None,
                channels: Vec::new(),
                tags: Vec::new(),
                payload: Bytes::from(vec![b'x'; payload]),
                raw: None,
                raw_content_type: None,
                ordering_key: None,
                occurred_at: None,
                callback_url: None,
                deliver_at: None,
                deliver_until: None,
                accepted_at: Timestamp::from_seconds(1),
                expires_at: Timestamp::MAX,
            },
            priority: Priority(5),
            pollers: Vec::new(),
            targets: targets.to_vec(),
            idempotency: None,
        }
    }

    fn accept(&self, payload: usize) -> MessageNo {
        match self.store.accept(self.item(payload)).wait().unwrap() {
            Accepted::New { no } => no,
            other => panic!("{other:?}"),
        }
    }

    fn success(&self, message: MessageNo) -> Finish {
        Finish {
            epoch: Epoch::ONLY,
            message,
            endpoint: EndpointNo(1),
            earlier: None,
            attempt: NewAttempt {
                id: self.ids.make(Timestamp::from_seconds(1_700_000_000), &self.random),
                started_at: Timestamp::from_seconds(1),
                trigger: Trigger::Scheduled,
                outcome: AttemptOutcome::Delivered,
                url: "https://customer.example/".into(),
                exchange: Exchange::default(),
            },
            step: Step::End { state: DeliveryState::Success, reason: None },
            health: None,
            notice: None,
        }
    }

    fn due(&self, endpoint: i64, limit: usize) -> Vec<MessageNo> {
        let take = Take {
            endpoint: EndpointNo(endpoint),
            now: Timestamp::MAX,
            limit,
            max_bytes: usize::MAX,
            held: Vec::new(),
        };
        self.store.take(take).wait().unwrap().rows.iter().map(|row| row.message.no).collect()
    }
}

fn refusal(options: SqliteOptions) -> String {
    match SqliteStore::open(options) {
        Err(StoreError::Open(message)) => message,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("the store was opened"),
    }
}

#[test]
fn a_second_server_is_refused_and_told_which_folder() {
    let folders = Folders::default();
    let opened = Opened::new(&folders);
    let message = refusal(opened.options.clone());
    assert!(message.contains("in use by another server"), "{message}");
    assert!(message.contains(opened.options.folder.to_str().unwrap()), "{message}");
    let options = opened.options.clone();
    drop(opened);
    Opened::with(options);
}

#[test]
fn tools_read_the_file_beside_a_running_server() {
    let folders = Folders::default();
    let opened = Opened::new(&folders);
    let tool = Connection::open_with_flags(opened.options.folder.join("ringback.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)
        .unwrap();
    for expected in 1..5 {
        opened.accept(10);
        let count: i64 = tool.query_row("SELECT count(*) FROM message", [], |row| row.get(0)).unwrap();
        assert_eq!(count, expected);
    }
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_left_alone() {
    let folders = Folders::default();
    let opened = Opened::new(&folders);
    let options = opened.options.clone();
    drop(opened);
    let path = options.folder.join("ringback.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&path).unwrap();
    let message = refusal(options);
    assert!(message.contains("version 99, newer than this Ringback"), "{message}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_wrong_master_key_is_refused() {
    let folders = Folders::default();
    let opened = Opened::new(&folders);
    let options = opened.options.clone();
    drop(opened);
    let message = refusal(SqliteOptions { master_key: MasterKey::from_bytes([8; 32]), ..options.clone() });
    assert!(message.contains("were sealed with another one"), "{message}");
    Opened::with(options);
}

#[test]
fn a_secret_that_was_moved_to_another_row_does_not_open() {
    let folders = Folders::default();
    let opened = Opened::new(&folders);
    let endpoint = |key: &str| Put {
        secret: Some(Redacted::new(format!("the secret of {key}"))),
        ..Put::new(DocumentKind::Endpoint, 1, key.to_owned(), "{}".to_owned())
    };
    let numbers = ["ep_1", "ep_2"].map(|key| match opened.store.put(endpoint(key)).wait().unwrap() {
        PutResult::Stored(written) => written.no,
        other => panic!("{other:?}"),
    });
    let thief = Connection::open(opened.options.folder.join("ringback.db")).unwrap();
    let swap = "UPDATE document SET secret = (SELECT secret FROM document WHERE no = ?2) WHERE no = ?1";
    thief.execute(swap, numbers).unwrap();
    assert!(matches!(opened.store.document(numbers[0]).wait(), Err(StoreError::Corrupt { .. })));
    let untouched = opened.store.document(numbers[1]).wait().unwrap().unwrap();
    assert_eq!(untouched.secret.unwrap().reveal(), "the secret of ep_2");
}

#[test]
fn a_file_that_is_no_store_is_refused() {
    let folders = Folders::default();
    let folder = folders.fresh();
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("ringback.db"), "this is no database, and long enough to be told from one by its first page")
        .unwrap();
    let message = refusal(folders.options(&folder));
    assert!(message.contains("not a database"), "{message}");
}

#[test]
fn a_torn_log_leaves_whole_commits_in_their_order() {
    let folders = Folders::default();
    let opened = Opened::new(&folders);
    let sent: Vec<_> = (0..40).map(|n| opened.accept(n * 200)).collect();
    let random = SeededRandom::new(3);
    let log = fs::read(opened.options.folder.join("ringback.db-wal")).unwrap();
    let mut lengths = Vec::new();
    for _ in 0..25 {
        let torn = folders.fresh();
        copy(&opened.options.folder, &torn);
        // Cut anywhere, and sometimes a bit of the last page turned as well.
        let cut = usize::try_from(random.below(log.len() as u64)).unwrap();
        let mut left = log[..cut].to_vec();
        if let Some(byte) = left.last_mut().filter(|_| random.below(2) == 0) {
            *byte ^= 1;
        }
        fs::write(torn.join("ringback.db-wal"), &left).unwrap();
        let Ok((store, feed)) = SqliteStore::open(folders.options(&torn)) else {
            panic!("a torn log keeps the store from opening");
        };
        let reopened =
            Opened { store, feed, ids: IdMaker::new(), random: SeededRandom::new(9), options: opened.options.clone() };
        let found = reopened.due(1, 100);
        assert_eq!(found, sent[..found.len()], "no gap");
        assert_eq!(reopened.due(2, 100), found, "each message with all of its deliveries");
        lengths.push(found.len());
    }
    lengths.sort_unstable();
    lengths.dedup();
    assert!(lengths.len() > 5, "the cuts were at different places: {lengths:?}");
}

#[test]
fn a_damaged_file_stops_all_writing_and_says_so() {
    let folders = Folders::default();
    let opened = Opened::new(&folders);
    let last = (0..50).map(|_| opened.accept(3_000)).last().unwrap();
    let options = opened.options.clone();
    drop(opened);
    let opened = Opened::with(options);
    let path = opened.options.folder.join("ringback.db");
    let length = fs::metadata(&path).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&vec![0xff; usize::try_from(length).unwrap() - 8_192], 8_192).unwrap();
    assert!(matches!(opened.store.accept(opened.item(10)).wait(), Err(StoreError::Broken)));
    assert!(matches!(opened.store.finish(opened.success(last)).wait(), Err(StoreError::Broken)));
    assert!(opened.store.ping().wait().is_err());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let reason = runtime.block_on(opened.store.broken());
    assert!(reason.contains("malformed"), "{reason}");
}

#[test]
fn low_disk_refuses_messages_and_takes_outcomes() {
    let folders = Folders::default();
    let opened = Opened::new(&folders);
    let message = opened.accept(10);
    let options = SqliteOptions { reserve_bytes: u64::MAX, ..opened.options.clone() };
    drop(opened);
    let opened = Opened::with(options);
    assert!(matches!(opened.store.accept(opened.item(10)).wait(), Err(StoreError::Full)));
    assert_eq!(opened.store.finish(opened.success(message)).wait().unwrap(), Finished::Recorded);
    opened.store.ping().wait().unwrap();
}

#[test]
fn the_log_stays_short_under_load_and_readers() {
    let folders = Folders::default();
    let opened = Opened::new(&folders);
    let log = opened.options.folder.join("ringback.db-wal");
    let (done, mut longest) = (AtomicBool::new(false), 0);
    std::thread::scope(|scope| {
        for endpoint in [1, 2] {
            let (opened, done) = (&opened, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    opened.due(endpoint, 64);
                }
            });
        }
        for _ in 0..150 {
            let replies: Vec<_> = (0..20).map(|_| opened.store.accept(opened.item(50_000))).collect();
            let outcomes = replies.into_iter().map(|reply| match reply.wait().unwrap() {
                Accepted::New { no } => opened.store.finish(opened.success(no)),
                other => panic!("{other:?}"),
            });
            for outcome in outcomes.collect::<Vec<_>>() {
                outcome.wait().unwrap();
            }
            longest = longest.max(fs::metadata(&log).unwrap().len());
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!((16..64).contains(&(longest >> 20)), "{} MiB", longest >> 20);
}

#[test]
fn what_was_handed_over_is_written_before_the_store_closes() {
    let folders = Folders::default();
    let opened = Opened::new(&folders);
    let replies: Vec<_> = (0..500).map(|_| opened.store.accept(opened.item(10))).collect();
    let options = opened.options.clone();
    drop(opened);
    for reply in replies {
        assert!(matches!(reply.wait(), Ok(Accepted::New { .. })));
    }
    assert_eq!(Opened::with(options).due(1, 1_000).len(), 500);
}

#[test]
fn the_feed_ends_with_the_store() {
    let folders = Folders::default();
    let Opened { store, mut feed, .. } = Opened::new(&folders);
    drop(store);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert!(runtime.block_on(feed.next()).is_none());
}

/// Whoever keeps things for some time only gets the room back: the file is as large as what is kept at a time.
#[test]
fn the_file_does_not_grow_while_as_much_goes_as_comes() {
    let folders = Folders::default();
    let opened = Opened::new(&folders);
    let accept_many = || {
        let replies: Vec<_> = (0..400).map(|n| opened.store.accept(opened.item(200 + n * 10))).collect();
        let accepted = replies.into_iter().map(|reply| match reply.wait().unwrap() {
            Accepted::New { no } => no,
            other => panic!("{other:?}"),
        });
        accepted.collect::<Vec<_>>()
    };
    let let_go = |messages: &[MessageNo], what: Expiry| {
        let items = messages.iter().map(|no| (*no, what)).collect();
        let done = opened.store.expire(Expire { items, rows: 10_000, ..Expire::default() }).wait().unwrap().done;
        assert_eq!(done, messages.len());
    };
    let pages = || {
        let path = opened.options.folder.join("ringback.db");
        let reader = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        reader.query_row("PRAGMA page_count", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let mut sizes = Vec::new();
    let mut kept: Vec<Vec<MessageNo>> = Vec::new();
    for _ in 0..12 {
        let new = accept_many();
        let finished: Vec<_> = new.iter().map(|message| opened.store.finish(opened.success(*message))).collect();
        assert!(finished.into_iter().all(|reply| reply.wait().is_ok()));
        kept.push(new);
        if let [.., old, _] = &*kept {
            let_go(old, Expiry::Payload(Reason::Expired));
        }
        if kept.len() > 2 {
            let_go(&kept.remove(0), Expiry::Message);
        }
        sizes.push(pages());
    }
    assert!(sizes[11] <= sizes[3] + sizes[3] / 10, "{sizes:?}");
}
