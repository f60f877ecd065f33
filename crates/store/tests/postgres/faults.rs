//! What goes wrong with a real server: restarts, lost connections, commits of unknown outcome. Nothing is lost, nothing
//! is doubled, and the store gets over it by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringback_model::EndpointNo;
use ringback_store::backend::postgres::PostgresStore;
use ringback_store::{Store as _, StoreError};
use rustix::process::Signal;
use tokio_postgres::Client;

use super::cluster::Cluster;
use super::databases::connect;
use super::proxy::Proxy;
use super::traffic::Traffic;

/// How soon the store has to work again after the server does.
const RECOVERY: Duration = Duration::from_secs(2);

/// Each request that was answered has made one message, with one delivery that has ended after one attempt.
async fn assert_each_is_there_once(client: &Client, traffic: &Traffic) {
    let sql = "SELECT count(*), count(DISTINCT payload), (SELECT count(*) FROM ringback.delivery WHERE state = 0), \
               (SELECT count(*) FROM ringback.delivery), (SELECT count(*) FROM ringback.attempt), \
               (SELECT count(DISTINCT message) FROM ringback.attempt) FROM ringback.message";
    let row = client.query_one(sql, &[]).await.unwrap();
    let counts: Vec<i64> = (0..6).map(|column| row.get(column)).collect();
    assert_eq!(counts, [i64::try_from(traffic.accepted()).unwrap(); 6]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_comes_back_loses_nothing() {
    let Some(mut cluster) = Cluster::start() else { return };
    let (traffic, url) = (Traffic::new(), cluster.url("postgres"));
    let (store, feed) = traffic.open(&url).await;
    let delivering = tokio::spawn(traffic.clone().deliver(store.clone(), feed));
    let producing = tokio::spawn(traffic.clone().produce(store.clone(), u64::MAX));
    for (number, signal) in [(u64::MAX >> 2, Signal::QUIT), (u64::MAX >> 3, Signal::KILL)] {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cluster.down(signal);
        if signal == Signal::QUIT {
            // After a kill what the server has left behind still serves for a moment.
            let answer = store.accept(traffic.request(number, None)).await;
            assert!(answer.is_err(), "no answer without a commit: {answer:?}");
            assert!(store.ping().await.is_err());
        }
        cluster.up();
        let up = Instant::now();
        traffic.produce_one(&store, number).await;
        assert!(up.elapsed() < RECOVERY, "it took {:?}", up.elapsed());
        store.ping().await.unwrap();
    }
    traffic.stop();
    producing.await.unwrap();
    delivering.await.unwrap();
    assert_each_is_there_once(&connect(&url).await, &traffic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_terminated_all_the_time_lose_nothing() {
    let Some(cluster) = Cluster::start() else { return };
    let (traffic, url) = (Traffic::new(), cluster.url("postgres"));
    let (store, feed) = traffic.open(&url).await;
    let delivering = tokio::spawn(traffic.clone().deliver(store.clone(), feed));
    let producing = tokio::spawn(traffic.clone().produce(store.clone(), u64::MAX));
    let client = connect(&url).await;
    for _ in 0..15 {
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'ringback'";
        client.query_one(sql, &[]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    traffic.stop();
    producing.await.unwrap();
    delivering.await.unwrap();
    assert!(traffic.accepted() > 100, "it goes on in between");
    assert_each_is_there_once(&client, &traffic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_cut_off_is_neither_lost_nor_doubled() {
    let Some(cluster) = Cluster::start() else { return };
    let proxy = Proxy::start(cluster.port()).await;
    let traffic = Traffic::new();
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", proxy.port);
    let (store, feed) = loop {
        // Also the commits of opening it are cut off; whoever starts a server tries again.
        if let Ok((store, feed)) = PostgresStore::open(traffic.options(&url)).await {
            break (Arc::new(store), feed);
        }
    };
    let delivering = tokio::spawn(traffic.clone().deliver(store.clone(), feed));
    traffic.clone().produce(store.clone(), 600).await;
    delivering.await.unwrap();
    assert!(proxy.cuts() > 10, "{} commits were cut off", proxy.cuts());
    assert_each_is_there_once(&connect(&cluster.url("postgres")).await, &traffic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_messages_and_holds_outcomes() {
    let Some(cluster) = Cluster::start() else { return };
    let (traffic, url) = (Traffic::new(), cluster.url("postgres"));
    let (store, _feed) = traffic.open(&url).await;
    traffic.lease(&store).await;
    traffic.produce_one(&store, 0).await;
    let no = traffic.look(&store, EndpointNo(1)).await[0].message.no;
    let client = connect(&url).await;
    // What a server says when there is no room, said by a trigger.
    let full = "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS \
                $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = 'no room'; END $$; \
                CREATE TRIGGER no_room BEFORE INSERT ON ringback.message FOR EACH STATEMENT EXECUTE FUNCTION no_room(); \
                CREATE TRIGGER no_room BEFORE INSERT ON ringback.attempt FOR EACH STATEMENT EXECUTE FUNCTION no_room(); \
                CREATE TRIGGER no_room BEFORE INSERT ON ringback.meta FOR EACH ROW WHEN (NEW.name = 'room') EXECUTE FUNCTION no_room()";
    client.batch_execute(full).await.unwrap();
    let refused = store.accept(traffic.request(1, None)).await;
    assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    let pinged = store.ping().await;
    assert!(matches!(pinged, Err(StoreError::Full)), "{pinged:?}");
    let outcome = traffic.outcome(no, EndpointNo(1));
    let held = tokio::spawn(store.finish(outcome));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!held.is_finished());
    client.batch_execute("DROP FUNCTION no_room() CASCADE").await.unwrap();
    store.ping().await.unwrap();
    held.await.unwrap().unwrap();
    assert_each_is_there_once(&client, &traffic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_turns_read_only_holds_outcomes_until_it_is_writable_again() {
    let Some(cluster) = Cluster::start() else { return };
    let (traffic, url) = (Traffic::new(), cluster.url("postgres"));
    let (store, _feed) = traffic.open(&url).await;
    traffic.lease(&store).await;
    traffic.produce_one(&store, 0).await;
    let no = traffic.look(&store, EndpointNo(1)).await[0].message.no;
    let client = connect(&url).await;
    let end_sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ringback'";
    client.batch_execute("ALTER DATABASE postgres SET default_transaction_read_only = on").await.unwrap();
    client.batch_execute(end_sessions).await.unwrap();
    let held = tokio::spawn(store.finish(traffic.outcome(no, EndpointNo(1))));
    let refused = store.accept(traffic.request(1, None)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    assert!(store.ping().await.is_err());
    assert_eq!(traffic.look(&store, EndpointNo(1)).await.len(), 1, "it can be read");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!held.is_finished());
    let writable =
        "SET default_transaction_read_only = off; ALTER DATABASE postgres RESET default_transaction_read_only";
    client.batch_execute(writable).await.unwrap();
    held.await.unwrap().unwrap();
    store.ping().await.unwrap();
    assert_each_is_there_once(&client, &traffic).await;
}
