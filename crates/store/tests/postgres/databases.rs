//! Stores for the suite: each in a database of its own.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use ringback_model::{Clock as _, ManualClock, MessageNo, Redacted, SeededRandom, Timestamp};
use ringback_store::backend::postgres::{PostgresOptions, PostgresStore};
use ringback_store::conformance::{Harness, LateCommit};
use ringback_store::{Accept, Accepted, Feed, MasterKey, Reply, Store};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};

use super::programs::{Programs, Running, free_port, skip, wait_for};
use super::shared::Shared;

/// Makes each store in a database of its own of the server that all tests share.
pub(crate) struct Databases {
    server: &'static Shared,
    /// Where stores connect to.
    port: u16,
    clock: Arc<ManualClock>,
    random: Arc<SeededRandom>,
    /// Which database a store is in, by the address of the store.
    names: Mutex<HashMap<*const (), String>>,
    runtime: Runtime,
    _pooler: Option<(Running, TempDir)>,
}

impl Databases {
    /// Stores that connect to the server.
    pub(crate) fn direct() -> Option<Self> {
        Self::over(None)
    }

    /// Stores that connect through pgbouncer in transaction mode.
    pub(crate) fn pooled() -> Option<Self> {
        let programs = Programs::find()?;
        let program = Path::new("/usr/sbin/pgbouncer");
        if !program.exists() {
            return skip("no pgbouncer");
        }
        Self::over(Some((programs, program)))
    }

    fn over(pooler: Option<(Programs, &Path)>) -> Option<Self> {
        let server = Shared::get()?;
        let pooler = pooler.map(|(programs, program)| start_pooler(&programs, program, server.port));
        let (port, pooler) = pooler.map_or((server.port, None), |(port, running)| (port, Some(running)));
        Some(Self {
            server,
            port,
            clock: Arc::new(ManualClock::new(Timestamp::from_seconds(1_700_000_000))),
            random: Arc::new(SeededRandom::new(1)),
            names: Mutex::default(),
            runtime: tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap(),
            _pooler: pooler,
        })
    }

    fn open_in(&self, name: String) -> (Arc<dyn Store>, Feed) {
        let options = PostgresOptions {
            url: Redacted::new(format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)),
            // Nobody can be listened to through a pooler.
            migrate_url: Some(Redacted::new(format!("postgres://postgres@127.0.0.1:{}/{name}", self.server.port))),
            master_key: MasterKey::from_bytes([7; 32]),
            random: self.random.clone(),
            clock: self.clock.clone(),
        };
        let (store, feed) = self.runtime.block_on(PostgresStore::open(options)).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        self.names.lock().unwrap().insert(Arc::as_ptr(&store).cast(), name);
        (store, feed)
    }

    fn name_of(&self, store: &Arc<dyn Store>) -> String {
        self.names.lock().unwrap()[&Arc::as_ptr(store).cast()].clone()
    }

    /// A connection to a database, past the pooler.
    fn connect(&self, name: &str) -> Client {
        let url = format!("postgres://postgres@127.0.0.1:{}/{name}", self.server.port);
        self.runtime.block_on(connect(&url))
    }
}

/// A connection of a test's own.
pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn start_pooler(programs: &Programs, program: &Path, server: u16) -> (u16, (Running, TempDir)) {
    let folder = tempfile::Builder::new().prefix("ringback-pgbouncer-").tempdir().unwrap();
    let (port, file) = (free_port(), folder.path().join("pgbouncer.ini"));
    let settings = format!(
        "[databases]\n* = host=127.0.0.1 port={server} user=postgres\n[pgbouncer]\nlisten_addr=127.0.0.1\n\
         listen_port={port}\nunix_socket_dir=\nauth_type=any\npool_mode=transaction\ndefault_pool_size=3\n"
    );
    fs::write(&file, settings).unwrap();
    programs.give(&file);
    programs.give(folder.path());
    let running = Running::start(programs.command_at(program).arg("-q").arg(file));
    wait_for("the start of pgbouncer", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    (port, (running, folder))
}

impl Harness for Databases {
    fn open(&self) -> (Arc<dyn Store>, Feed) {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let admin = self.connect("postgres");
        self.runtime.block_on(admin.batch_execute(&format!("CREATE DATABASE {name}"))).unwrap();
        self.open_in(name)
    }

    /// What was answered is committed, and only what is committed can be read by another store. That what is committed
    /// outlives the server is asked elsewhere, of a server that is killed.
    fn crash(&self, store: &Arc<dyn Store>) -> (Arc<dyn Store>, Feed) {
        self.open_in(self.name_of(store))
    }

    fn another(&self, store: &Arc<dyn Store>) -> Option<(Arc<dyn Store>, Feed)> {
        Some(self.open_in(self.name_of(store)))
    }

    fn end_lease(&self, store: &Arc<dyn Store>) {
        let client = self.connect(&self.name_of(store));
        let sql = "UPDATE ringback.node SET leased_until = clock_timestamp() - interval '1 second'";
        self.runtime.block_on(client.batch_execute(sql)).unwrap();
    }

    fn bytes_at_rest(&self, store: &Arc<dyn Store>) -> Vec<u8> {
        let client = self.connect(&self.name_of(store));
        self.runtime.block_on(client.batch_execute("CHECKPOINT")).unwrap();
        let sql = "SELECT 'base/' || oid FROM pg_database WHERE datname = current_database()";
        let folder: String = self.runtime.block_on(client.query_one(sql, &[])).unwrap().get(0);
        let files = fs::read_dir(self.server.data.join(folder)).unwrap();
        files.flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
    }

    fn clock(&self) -> Arc<ManualClock> {
        self.clock.clone()
    }

    fn accept_late(&self, store: &Arc<dyn Store>, item: &Accept) -> Option<LateCommit> {
        let client = self.connect(&self.name_of(store));
        let target = item.targets[0];
        let now = self.clock.now().as_micros();
        let no: i64 = self.runtime.block_on(async {
            client.batch_execute("BEGIN").await.unwrap();
            let sql = "INSERT INTO ringback.message (no, app, id, event_type, priority, accepted_at, expires_at, payload) \
                       VALUES (($1::bigint >> 55 << 55) + nextval('ringback.message_no'), $1, $2, $3, $4, $5, $6, $7) RETURNING no";
            let message = &item.message;
            let row = client
                .query_one(
                sql,
                &[
                    &item.app.0,
                    &message.id.as_bytes().as_slice(),
                    &message.event_type,
                    &i16::from(item.priority.0),
                    &message.accepted_at.as_micros(),
                    &message.expires_at.as_micros(),
                    &&*message.payload,
                ],
            )
                .await
                .unwrap();
            let no: i64 = row.get(0);
            let sql = "INSERT INTO ringback.delivery (message, endpoint, state, priority, tries, unsent, due) \
                       VALUES ($1, $2, 1, $3, 0, 0, $4)";
            client.execute(sql, &[&no, &target.endpoint.0, &i16::from(item.priority.0), &now]).await.unwrap();
            no
        });
        let runtime = self.runtime.handle().clone();
        Some(Box::new(move || {
            runtime.block_on(client.batch_execute("COMMIT")).unwrap();
            Reply::ready(Ok(Accepted::New { no: MessageNo(no) }))
        }))
    }
}
