//! What is in the way of a start is said on one line, without a password in it.

use std::fs;
use std::time::Duration;

use ringback_model::Redacted;
use ringback_store::backend::postgres::{PostgresOptions, PostgresStore};
use ringback_store::{Accepted, MasterKey, Store as _, StoreError};

use super::cluster::Cluster;
use super::databases::connect;
use super::programs::free_port;
use super::shared::Shared;
use super::traffic::Traffic;

/// An empty database of the shared server, and how it is reached as a role.
async fn database(name: &str) -> Option<impl Fn(&str) -> String> {
    let server = Shared::get()?;
    let name = format!("{name}_{}", std::process::id());
    let url = move |role: &str, name: &str| format!("postgres://{role}@127.0.0.1:{}/{name}", server.port);
    connect(&url("postgres", "postgres")).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    Some(move |role: &str| url(role, &name))
}

async fn refusal(options: PostgresOptions) -> String {
    match PostgresStore::open(options).await {
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

#[tokio::test]
async fn an_address_that_leads_nowhere_is_said() {
    let traffic = Traffic::new();
    let nowhere = format!("postgres://postgres:hunter2@127.0.0.1:{}/db", free_port());
    assert_says(&refusal(traffic.options(&nowhere)).await, &["cannot be reached", "refused"]);
    for broken in ["postgres://postgres:hunter2@127.0.0.1:port/db", "hunter2", "postgres://a:hunter2@h/d?what=1"] {
        assert_says(&refusal(traffic.options(broken)).await, &["URL", "postgres://user:password@host"]);
    }
}

#[tokio::test]
async fn a_role_or_a_database_that_is_not_there_is_said() {
    let Some(url) = database("roles").await else { return };
    let traffic = Traffic::new();
    assert_says(&refusal(traffic.options(&url("nobody_known"))).await, &["role \"nobody_known\" does not exist"]);
    let elsewhere = url("postgres").replace("roles_", "elsewhere_");
    assert_says(&refusal(traffic.options(&elsewhere)).await, &["database \"elsewhere_", "does not exist"]);
}

#[tokio::test]
async fn a_wrong_password_is_said() {
    let Some(cluster) = Cluster::start() else { return };
    let client = connect(&cluster.url("postgres")).await;
    client.batch_execute("ALTER ROLE postgres PASSWORD 'right'").await.unwrap();
    fs::write(cluster.data().join("pg_hba.conf"), "host all all 127.0.0.1/32 scram-sha-256\n").unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    let with = |password: &str| cluster.url("postgres").replace("postgres@", &format!("postgres:{password}@"));
    let traffic = Traffic::new();
    let right = loop {
        // The server reads its settings in its own time.
        let said = refusal_or_store(traffic.options(&with("hunter2"))).await;
        if let Err(text) = said {
            assert_says(&text, &["password authentication failed"]);
            break PostgresStore::open(traffic.options(&with("right"))).await;
        }
    };
    right.unwrap();
}

async fn refusal_or_store(options: PostgresOptions) -> Result<(), String> {
    PostgresStore::open(options).await.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_read_only_database_is_refused() {
    let Some(url) = database("readonly").await else { return };
    let client = connect(&url("postgres")).await;
    let name: String = client.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0);
    let set = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    client.batch_execute(&set).await.unwrap();
    assert_says(&refusal(Traffic::new().options(&url("postgres"))).await, &["read-only", "primary"]);
}

#[tokio::test]
async fn a_database_of_another_encoding_is_refused() {
    let Some(url) = database("encoding").await else { return };
    let name = format!("ascii_{}", std::process::id());
    let sql = format!("CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0");
    connect(&url("postgres")).await.batch_execute(&sql).await.unwrap();
    let url = url("postgres").replace("encoding_", "ascii_");
    assert_says(&refusal(Traffic::new().options(&url)).await, &["SQL_ASCII", "UTF8"]);
}

#[tokio::test]
async fn a_newer_store_and_one_of_another_master_key_are_refused() {
    let Some(url) = database("newer").await else { return };
    let traffic = Traffic::new();
    let options = traffic.options(&url("postgres"));
    PostgresStore::open(options.clone()).await.unwrap();
    let other_key = PostgresOptions { master_key: MasterKey::from_bytes([8; 32]), ..options.clone() };
    assert_says(&refusal(other_key).await, &["does not open with this master key", "master.key"]);
    PostgresStore::open(options.clone()).await.unwrap();
    let newer = "UPDATE ringback.meta SET value = '99' WHERE name = 'version'";
    connect(&url("postgres")).await.batch_execute(newer).await.unwrap();
    assert_says(&refusal(options).await, &["version 99", "newer than this Ringback"]);
}

#[tokio::test]
async fn a_role_that_may_not_make_tables_works_where_another_one_has_made_them() {
    let Some(url) = database("rights").await else { return };
    let traffic = Traffic::new();
    let role = format!("app_{}", std::process::id());
    connect(&url("postgres")).await.batch_execute(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    let alone = traffic.options(&url(&role));
    assert_says(&refusal(alone.clone()).await, &["may not make the tables", "permission denied"]);
    let with_owner = PostgresOptions { migrate_url: Some(Redacted::new(url("postgres"))), ..alone.clone() };
    PostgresStore::open(with_owner).await.unwrap();
    let (store, _feed) = PostgresStore::open(alone).await.unwrap();
    assert!(matches!(store.accept(traffic.request(1, None)).await, Ok(Accepted::New { .. })));
    store.ping().await.unwrap();
}

#[tokio::test]
async fn what_every_commit_asks_is_a_function_and_without_the_right_to_make_it_a_statement() {
    let Some(url) = database("functions").await else { return };
    let admin = connect(&url("postgres")).await;
    let name: String = admin.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0);
    admin.batch_execute(&format!("ALTER DATABASE {name} SET track_functions = 'pl'")).await.unwrap();
    let role = format!("caller_{}", std::process::id());
    admin.batch_execute(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    let traffic = Traffic::new();
    let alone = traffic.options(&url(&role));
    let with_owner = PostgresOptions { migrate_url: Some(Redacted::new(url("postgres"))), ..alone.clone() };
    let (store, _feed) = PostgresStore::open(with_owner).await.unwrap();
    assert!(matches!(store.accept(traffic.request(1, None)).await, Ok(Accepted::New { .. })));
    store.close().await;
    // What a connection counts it tells when it ends.
    drop(store);
    let called = "SELECT count(*) FROM pg_stat_user_functions WHERE schemaname = 'ringback' AND calls > 0";
    let counted = async { while admin.query_one(called, &[]).await.unwrap().get::<_, i64>(0) == 0 {} };
    tokio::time::timeout(Duration::from_secs(20), counted).await.expect("a function is called");
    admin
        .batch_execute(
            "DO $$ DECLARE one regprocedure; BEGIN FOR one IN SELECT oid FROM pg_proc WHERE proname LIKE 'hot\\_%' LOOP \
             EXECUTE 'DROP FUNCTION ' || one; END LOOP; END $$",
        )
        .await
        .unwrap();
    let (store, _feed) = PostgresStore::open(alone).await.unwrap();
    assert!(matches!(store.accept(traffic.request(2, None)).await, Ok(Accepted::New { .. })));
}

#[tokio::test]
async fn a_server_that_would_answer_too_early_is_told_not_to() {
    let Some(url) = database("early").await else { return };
    let client = connect(&url("postgres")).await;
    let name: String = client.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0);
    client.batch_execute(&format!("ALTER DATABASE {name} SET synchronous_commit = off")).await.unwrap();
    let traffic = Traffic::new();
    let (store, _feed) = traffic.open(&url("postgres")).await;
    // The setting that holds for each transaction that writes messages.
    let note = "CREATE TABLE seen AS SELECT ''::text AS setting; CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql \
                AS $$ BEGIN UPDATE seen SET setting = current_setting('synchronous_commit'); RETURN NULL; END $$; \
                CREATE TRIGGER note AFTER INSERT ON ringback.message FOR EACH STATEMENT EXECUTE FUNCTION note()";
    client.batch_execute(note).await.unwrap();
    traffic.insist(&store, 1, None).await;
    let seen: String = client.query_one("SELECT setting FROM seen", &[]).await.unwrap().get(0);
    assert_eq!(seen, "on");
}
