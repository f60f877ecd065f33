//! An embedded store is carried over whole, however often that is interrupted, and no server starts on a part of it.

mod filled;
mod seen;

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ringback_model::{AppNo, Clock as _, Redacted};
use ringback_store::backend::migration::{Migrated, Migration, migrate};
use ringback_store::backend::postgres::{PostgresOptions, PostgresStore, inspect};
use ringback_store::{Accepted, Delete, KnownVersions, MasterKey, Shard, Store as _, StoreError};

use super::databases::connect;
use super::shared::Shared;
use super::traffic::Traffic;
use filled::{Filled, KEY};
use seen::{Seen, low};

/// An empty database of the shared server; none where PostgreSQL is not installed.
async fn database(name: &str) -> Option<String> {
    let server = Shared::get()?;
    let name = format!("migrated_{name}_{}", std::process::id());
    let url = |name: &str| format!("postgres://postgres@127.0.0.1:{}/{name}", server.port);
    connect(&url("postgres")).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    Some(url(&name))
}

fn migration(filled: &Filled, url: &str, rows: usize) -> Migration {
    Migration {
        folder: filled.folder.path().to_owned(),
        url: Redacted::new(url.to_owned()),
        migrate_url: None,
        master_key: MasterKey::from_bytes(KEY),
        random: filled.random.clone(),
        rows,
    }
}

async fn run(migration: Migration) -> Result<Migrated, StoreError> {
    migrate(migration, |_| ControlFlow::Continue(())).await
}

/// A run that stops after so many commits.
async fn run_until(migration: Migration, mut commits: usize) -> Migrated {
    let stop = |_| {
        commits -= 1;
        if commits == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    migrate(migration, stop).await.unwrap()
}

async fn refusal(migration: Migration) -> String {
    match run(migration).await {
        Err(StoreError::Open(text)) => {
            assert!(!text.contains('\n') && !text.contains("hunter2"), "{text:?}");
            text
        }
        other => panic!("{other:?}"),
    }
}

fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
}

fn options(filled: &Filled, url: &str) -> PostgresOptions {
    PostgresOptions {
        url: Redacted::new(url.to_owned()),
        migrate_url: None,
        master_key: MasterKey::from_bytes(KEY),
        random: filled.random.clone(),
        clock: filled.clock.clone(),
    }
}

/// The bytes of the store's file and of its log: it is only read.
fn bytes(folder: &Path) -> Vec<Vec<u8>> {
    ["ringback.db", "ringback.db-wal"].map(|name| fs::read(folder.join(name)).unwrap_or_default()).to_vec()
}

/// Makes sure that the database shows what the embedded store shows.
async fn assert_same(filled: &Filled, url: &str) {
    let (there, _feed) = PostgresStore::open(options(filled, url)).await.unwrap();
    let after = Seen::of(&there, &filled.clock).await;
    let here = filled.open();
    let before = Seen::of(&here, &filled.clock).await;
    assert!(before.lines.len() > 100, "{}", before.lines.len());
    for (before, after) in before.lines.iter().zip(&after.lines) {
        assert_eq!(before, after);
    }
    assert_eq!(before.lines.len(), after.lines.len());
    for (name, app) in &after.apps {
        assert_ne!(Shard::of(app.0), Shard::FIRST, "{name}");
    }
    let shards: Vec<_> = after.apps.iter().map(|(_, app)| Shard::of(app.0)).collect();
    assert!(after.endpoints.iter().all(|endpoint| shards.contains(&Shard::of(endpoint.0))));
    there.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_carried_over_and_numbers_go_on() {
    let Some(url) = database("whole").await else { return };
    let filled = Filled::new().await;
    let before = bytes(filled.folder.path());
    let done = run(migration(&filled, &url, 1_000)).await.unwrap();
    let Migrated::Whole { found, resumed: false } = done else { panic!("{done:?}") };
    assert_eq!(found.troubles, Vec::<String>::new());
    assert_eq!(bytes(filled.folder.path()), before, "it is only read");
    assert_same(&filled, &url).await;

    let (store, _feed) = PostgresStore::open(options(&filled, &url)).await.unwrap();
    let seen = Seen::of(&store, &filled.clock).await;
    let (_, app) = seen.apps.iter().find(|(name, _)| name == "app_a").unwrap();
    // What was deleted is there under its number, and what was asked for once is not done again.
    let gone = store.document(app.0 + 3).await.unwrap().unwrap();
    assert!(gone.deleted_at.is_some() && gone.secret.is_some(), "{gone:?}");
    let traffic = Traffic::new();
    let version = store.configuration(*app, KnownVersions::new()).await.unwrap().unwrap().version;
    let mut item = traffic.request(1, None);
    (item.app, item.app_version) = (*app, version);
    let newest = last_message(&store, *app).await;
    let Accepted::New { no } = store.accept(item).await.unwrap() else { panic!("it is new") };
    assert!(no.0 > newest && Shard::of(no.0) == Shard::of(app.0));
    store.close().await;
    for (table, bits) in [("document", "& ((1::bigint << 55) - 1)"), ("attempt", ""), ("audit", ""), ("notice", "")] {
        let sequence = match table {
            "document" | "attempt" => format!("'ringback.{table}_no'"),
            _ => format!("pg_get_serial_sequence('ringback.{table}', 'no')"),
        };
        let sql = format!("SELECT nextval({sequence}) > (SELECT max(no {bits}) FROM ringback.{table})");
        assert!(connect(&url).await.query_one(&sql, &[]).await.unwrap().get::<_, bool>(0), "{table}");
    }
    assert_eq!(run(migration(&filled, &url, 1_000)).await.unwrap(), Migrated::Before);
}

/// The highest number that a message of an application has.
async fn last_message(store: &PostgresStore, app: AppNo) -> i64 {
    let paging = ringback_store::Paging { limit: 1_000, after: None, direction: ringback_store::Direction::Ascending };
    let all = store.messages(ringback_store::MessageQuery::all(app, paging)).await.unwrap().items;
    all.iter().map(|message| message.no.0).max().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_were_answered_before_are_answered_again() {
    let Some(url) = database("requests").await else { return };
    let filled = Filled::new().await;
    run(migration(&filled, &url, 1_000)).await.unwrap();
    let (store, _feed) = PostgresStore::open(options(&filled, &url)).await.unwrap();
    let seen = Seen::of(&store, &filled.clock).await;
    for (name, app) in &seen.apps {
        let request = filled.request(format!("endpoint {name}").as_bytes());
        let item = ringback_store::Put {
            kind: ringback_store::DocumentKind::Endpoint,
            parent: app.0,
            key: "another".to_owned(),
            uid: None,
            body: "{}".to_owned(),
            secret: None,
            expect: ringback_store::Expect::New,
            app: Some(*app),
            idempotency: Some(request),
            audit: None,
            notices: Vec::new(),
        };
        let replayed = store.put(item).await.unwrap();
        assert_eq!(replayed, ringback_store::PutResult::Replayed { no: seen.endpoints_of(*app)[0].0 });
        let request = filled.request(format!("batch {}", low(app.0)).as_bytes());
        let version = store.configuration(*app, KnownVersions::new()).await.unwrap().unwrap().version;
        let before = Traffic::new().request(1, None).message.id;
        let batch = ringback_store::AcceptBatch {
            app: *app,
            app_version: version,
            before,
            items: Vec::new(),
            idempotency: Some(request),
        };
        let answer = store.accept_batch(batch).await.unwrap();
        assert!(matches!(answer, ringback_store::BatchAccepted::Replayed { before: first } if first != before));
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_run_stops_the_next_one_goes_on_and_nothing_is_there_twice() {
    if Shared::get().is_none() {
        return;
    }
    let filled = Filled::new().await;
    for (at, (commits, rows)) in [(1, 1_000), (2, 7), (5, 7), (9, 7), (14, 7), (23, 7), (40, 3)].into_iter().enumerate()
    {
        let url = database(&format!("stopped_{at}")).await.unwrap();
        let stopped = run_until(migration(&filled, &url, rows), commits).await;
        assert_eq!(stopped, Migrated::Stopped, "{commits} commits of {rows}");
        // Nobody takes it for a store.
        let refused = PostgresStore::open(options(&filled, &url)).await.unwrap_err().to_string();
        assert_says(&refused, &["`ringback migrate-store` has not carried everything over", "run that command again"]);
        let found = inspect(&Redacted::new(url.clone()), None).await.unwrap();
        assert_says(&found.troubles.join("\n"), &["has not carried everything over"]);
        // And again a little further on.
        run_until(migration(&filled, &url, rows), 2).await;
        let done = run(migration(&filled, &url, rows)).await.unwrap();
        assert!(matches!(done, Migrated::Whole { resumed: true, .. }), "{done:?}");
        assert_same(&filled, &url).await;
    }
}

/// A future that is dropped is cut off wherever it is, in the middle of a transaction too.
#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_run_is_cut_off_the_next_one_goes_on() {
    let Some(url) = database("cut").await else { return };
    let filled = Filled::new().await;
    for cut in 0..60 {
        // What reads the store may hold it for a moment longer.
        let held = |text: &str| text.contains("in use by another server");
        while let Some(done) = cut_off(run(migration(&filled, &url, 3)), 30 + cut * 7 % 61).await {
            match done {
                Err(StoreError::Open(text)) if held(&text) => tokio::task::yield_now().await,
                done => {
                    done.unwrap();
                    break;
                }
            }
        }
    }
    while let Err(StoreError::Open(text)) = run(migration(&filled, &url, 3)).await {
        assert_says(&text, &["in use"]);
    }
    assert_same(&filled, &url).await;
}

/// What comes of some work, unless it has to be asked more often than this.
async fn cut_off<T>(work: impl Future<Output = T>, mut times: usize) -> Option<T> {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(move |context| {
        if times == 0 {
            return std::task::Poll::Ready(None);
        }
        times -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_way_is_said_and_nothing_is_written_over() {
    let Some(url) = database("refused").await else { return };
    let filled = Filled::new().await;
    let plan = || migration(&filled, &url, 7);
    {
        let _server = filled.open();
        assert_says(&refusal(plan()).await, &["in use by another server", "stop it"]);
    }
    let wrong = Migration { master_key: MasterKey::from_bytes([8; 32]), ..plan() };
    assert_says(&refusal(wrong).await, &["sealed with another master key", "--master-key-file"]);
    let nowhere = Migration { folder: filled.folder.path().join("nothing"), ..plan() };
    assert_says(&refusal(nowhere).await, &["there is no store in"]);
    let broken = Migration { url: Redacted::new("postgres://a:hunter2@127.0.0.1:1/b".to_owned()), ..plan() };
    assert_says(&refusal(broken).await, &["cannot be reached"]);

    // A part of another store.
    let other = Filled::with_seed(4).await;
    run_until(plan(), 3).await;
    assert_says(&refusal(migration(&other, &url, 7)).await, &["part of another store", "drop the schema"]);
    // The same one after a server ran on it.
    let store = filled.open();
    let no = Seen::of(&store, &filled.clock).await.apps[0].1.0;
    store.delete(Delete::new(no, filled.clock.now())).await.unwrap();
    drop(store);
    assert_says(&refusal(plan()).await, &["has changed since its migration began", "drop the schema"]);
    connect(&url).await.batch_execute("DROP SCHEMA ringback CASCADE").await.unwrap();
    run(plan()).await.unwrap();
    assert_says(&refusal(migration(&other, &url, 7)).await, &["carried over from another store", "an empty one"]);

    // What somebody has written to it meanwhile.
    let url = database("meddled").await.unwrap();
    run_until(migration(&filled, &url, 7), 30).await;
    let client = connect(&url).await;
    client.batch_execute("UPDATE ringback.message SET payload = 'x' WHERE payload IS NOT NULL").await.unwrap();
    assert_says(&refusal(migration(&filled, &url, 7)).await, &["rows were written to message", "their sum differs"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_in_use_or_read_only_or_another_version_is_refused() {
    let Some(url) = database("used").await else { return };
    let filled = Filled::new().await;
    let plan = || migration(&filled, &url, 1_000);
    let client = connect(&url).await;
    let (store, _feed) = PostgresStore::open(options(&filled, &url)).await.unwrap();
    Seen::of(&store, &filled.clock).await;
    assert_says(&refusal(plan()).await, &["holds a store already", "a server works on it"]);
    store.close().await;
    client.batch_execute("DELETE FROM ringback.node; INSERT INTO ringback.usage VALUES (1, 1)").await.unwrap();
    assert_says(&refusal(plan()).await, &["holds a store already", "there are usage in it", "drop the schema"]);
    client.batch_execute("DELETE FROM ringback.usage").await.unwrap();
    let read_only = format!("{url}?options=-c%20default_transaction_read_only%3Don");
    assert_says(&refusal(migration(&filled, &read_only, 9)).await, &["the database is read-only", "the primary"]);
    let current = "SELECT convert_from(value, 'UTF8')::integer FROM ringback.meta WHERE name = 'version'";
    let current: i32 = client.query_one(current, &[]).await.unwrap().get(0);
    for (version, words) in [(current + 1, "newer than this Ringback"), (current - 1, "older than this Ringback makes")]
    {
        let sql = format!("UPDATE ringback.meta SET value = '{version}' WHERE name = 'version'");
        client.batch_execute(&sql).await.unwrap();
        assert_says(&refusal(plan()).await, &[words]);
    }
    let back = format!("UPDATE ringback.meta SET value = '{current}' WHERE name = 'version'");
    client.batch_execute(&back).await.unwrap();
    // An empty store of this version may be filled, with the key that it was made with.
    run(plan()).await.unwrap();
    assert_same(&filled, &url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_rights_is_told_so_and_one_that_only_serves_is_granted_them() {
    let Some(url) = database("roles").await else { return };
    let filled = Filled::new().await;
    let client = connect(&url).await;
    let role = format!("serves_{}", std::process::id());
    client.batch_execute(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    let served = url.replace("postgres://postgres@", &format!("postgres://{role}@"));
    assert_says(&refusal(migration(&filled, &served, 9)).await, &["may not make the tables", "permission denied"]);
    let plan = || Migration { migrate_url: Some(Redacted::new(url.clone())), ..migration(&filled, &served, 9) };
    run_until(plan(), 3).await;
    assert_says(&refusal(migration(&filled, &served, 9)).await, &["may not set the sequences", "--migrate-url"]);
    run(plan()).await.unwrap();
    assert_same(&filled, &served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_an_older_version_is_to_be_brought_up_to_date_first() {
    let Some(url) = database("older").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/tests/golden/0.1-schema-2");
    for file in fs::read_dir(golden).unwrap() {
        let file = file.unwrap();
        let path = folder.path().join(file.file_name());
        fs::copy(file.path(), &path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let filled = Filled::new().await;
    let plan = Migration { folder: folder.path().to_owned(), ..migration(&filled, &url, 9) };
    assert_says(&refusal(plan).await, &["is of version 2, older", "start `ringback serve` of this version on it once"]);
}
