//! A look at a store: what is in it and what is wrong with it; and its copy by the tools of PostgreSQL.

use std::time::Duration;

use ringback_model::{DeliveryState, Redacted};
use ringback_store::backend::postgres::inspect;
use ringback_store::{Accepted, Inspection, MasterKey, Store as _, StoreError};

use super::databases::connect;
use super::programs::Programs;
use super::shared::Shared;
use super::traffic::Traffic;

/// An empty database of the shared server; none where PostgreSQL is not installed.
async fn database(name: &str) -> Option<String> {
    let server = Shared::get()?;
    let name = format!("{name}_{}", std::process::id());
    let url = |name: &str| format!("postgres://postgres@127.0.0.1:{}/{name}", server.port);
    connect(&url("postgres")).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    Some(url(&name))
}

async fn look(url: &str, key: u8) -> Inspection {
    inspect(&Redacted::new(url.to_owned()), Some(&MasterKey::from_bytes([key; 32]))).await.unwrap()
}

/// Has a store at this URL accept three messages from this number on, and deliver the first.
async fn furnish(traffic: &Traffic, url: &str, from: u64) {
    let (store, _feed) = traffic.open(url).await;
    traffic.lease(&store).await;
    let mut first = None;
    for number in from..from + 3 {
        let request = traffic.request(number, None);
        let endpoint = request.targets[0].endpoint;
        let Accepted::New { no } = store.accept(request).await.unwrap() else { panic!("it is new") };
        first.get_or_insert((no, endpoint));
    }
    let (message, endpoint) = first.unwrap();
    store.finish(traffic.outcome(message, endpoint)).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn what_is_in_a_store_is_told_and_what_is_wrong_with_it() {
    let Some(url) = database("inspected").await else { return };
    let nothing = inspect(&Redacted::new(url.clone()), None).await;
    assert!(matches!(&nothing, Err(StoreError::Open(text)) if text.contains("no store")), "{nothing:?}");
    furnish(&Traffic::new(), &url, 0).await;
    let found = look(&url, 7).await;
    assert_eq!(found.troubles, Vec::<String>::new());
    assert_eq!((found.messages, found.attempts, found.backlog.pending), (3, 1, 2));
    let nodes: Vec<_> = found.nodes.iter().map(|node| (node.name.as_str(), node.shards, node.leaves)).collect();
    assert_eq!(nodes, [("a node", 256, false)]);
    assert_eq!(found.deliveries, [(DeliveryState::Success, 1), (DeliveryState::Pending, 2)]);
    assert_eq!(look(&url, 8).await.troubles, ["the master key is not the one that secrets were sealed with"]);
    let client = connect(&url).await;
    for (damage, trouble) in [
        ("UPDATE ringback.delivery SET due = NULL WHERE state = 1", "2 pending deliveries that will never be due"),
        (
            "UPDATE ringback.delivery SET due = 1 WHERE state = 0",
            "1 deliveries that have ended and are due all the same",
        ),
        (
            "UPDATE ringback.delivery SET due = NULL, queue = 4 WHERE state = 1",
            "2 queues whose head is not due, or that have more than one",
        ),
        ("DELETE FROM ringback.message", "3 deliveries without their message"),
    ] {
        client.batch_execute(damage).await.unwrap();
        let found = look(&url, 7).await;
        assert!(found.troubles.iter().any(|found| found == trouble), "{trouble}: {:?}", found.troubles);
    }
}

#[tokio::test]
async fn a_copy_by_the_tools_of_postgresql_is_a_store() {
    let (Some(url), Some(copy)) = (database("dumped").await, database("dumped_copy").await) else { return };
    let traffic = Traffic::new();
    furnish(&traffic, &url, 0).await;
    let folder = tempfile::tempdir().unwrap();
    let programs = Programs::find().unwrap();
    programs.give(folder.path());
    let file = folder.path().join("ringback.dump");
    run(&programs, "pg_dump", &["--format=custom", "--schema=ringback", &format!("--file={}", file.display()), &url]);
    let file = file.display().to_string();
    let into = format!("--dbname={copy}");
    run(&programs, "pg_restore", &["--exit-on-error", "--single-transaction", &into, &file]);
    let still = |mut found: Inspection| {
        found.nodes.iter_mut().for_each(|node| node.lease_left = Duration::ZERO);
        found
    };
    assert_eq!(still(look(&copy, 7).await), still(look(&url, 7).await));
    // And a server works on it.
    furnish(&traffic, &copy, 3).await;
    assert_eq!(look(&copy, 7).await.messages, 6);
}

fn run(programs: &Programs, name: &str, args: &[&str]) {
    assert!(programs.command(name).args(args).status().unwrap().success(), "{name} fails");
}
