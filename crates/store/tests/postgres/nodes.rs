//! Two stores over one database, as two nodes have them: what one does while the other does something else.

use std::sync::Arc;
use std::time::Duration;

use ringback_model::{AppNo, EndpointNo, MessageNo, PollerNo};
use ringback_store::backend::postgres::PostgresStore;
use ringback_store::{
    Accept, Accepted, DocumentKind, Feed, Finished, NewNode, PollQuery, Put, QueueNo, Shard, Store as _,
};

use super::databases::connect;
use super::shared::Shared;
use super::traffic::{ENDPOINTS, Traffic};

fn url(server: &Shared, name: &str) -> String {
    format!("postgres://postgres@127.0.0.1:{}/{name}_{}", server.port, std::process::id())
}

/// Two stores over an empty database of this name.
async fn two(traffic: &Traffic, name: &str) -> Option<[(Arc<PostgresStore>, Feed); 2]> {
    let server = Shared::get()?;
    let admin = connect(&format!("postgres://postgres@127.0.0.1:{}/postgres", server.port)).await;
    admin.batch_execute(&format!("CREATE DATABASE {name}_{}", std::process::id())).await.unwrap();
    let url = url(server, name);
    // At once, as nodes that are started together: one of them makes the tables.
    Some(tokio::join!(traffic.open(&url), traffic.open(&url)).into())
}

/// From now on acceptances stay between their last statement and their commit for a while.
async fn slow_down(name: &str) {
    let slow = "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS \
                $$ BEGIN PERFORM pg_sleep(0.4); RETURN NULL; END $$; \
                CREATE TRIGGER wait AFTER INSERT ON ringback.delivery FOR EACH STATEMENT EXECUTE FUNCTION wait()";
    let server = Shared::get().unwrap();
    connect(&url(server, name)).await.batch_execute(slow).await.unwrap();
}

/// Long enough for an acceptance to be on its way, and not yet committed.
async fn let_it_begin() {
    tokio::time::sleep(Duration::from_millis(150)).await;
}

fn in_queue(traffic: &Traffic, number: u64) -> Accept {
    // All to one endpoint.
    traffic.request(number * ENDPOINTS.unsigned_abs(), Some(QueueNo(1)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_does_not_end_before_its_follower_is_there() {
    let traffic = Traffic::new();
    let Some([(here, _), (there, _)]) = two(&traffic, "heads").await else { return };
    let Accepted::New { no: head } = here.accept(in_queue(&traffic, 0)).await.unwrap() else { panic!("it is new") };
    traffic.lease(&there).await;
    slow_down("heads").await;
    let accepting = here.accept(in_queue(&traffic, 1));
    let_it_begin().await;
    there.finish(traffic.outcome(head, EndpointNo(1))).await.unwrap();
    let Accepted::New { no: follower } = accepting.await.unwrap() else { panic!("it is new") };
    let due = traffic.look(&there, EndpointNo(1)).await;
    assert_eq!(due.iter().map(|row| row.message.no).collect::<Vec<_>>(), [follower]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_come_into_an_empty_queue_one_is_its_head() {
    let traffic = Traffic::new();
    let Some([(here, _), (there, _)]) = two(&traffic, "empty").await else { return };
    slow_down("empty").await;
    let first = here.accept(in_queue(&traffic, 0));
    let_it_begin().await;
    let second = there.accept(in_queue(&traffic, 1));
    let Accepted::New { no: head } = first.await.unwrap() else { panic!("it is new") };
    assert!(matches!(second.await.unwrap(), Accepted::New { no } if no > head));
    let due = traffic.look(&there, EndpointNo(1)).await;
    assert_eq!(due.iter().map(|row| row.message.no).collect::<Vec<_>>(), [head]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_answered_after_all_that_was_matched_before_it() {
    let traffic = Traffic::new();
    let Some([(here, _), (there, _)]) = two(&traffic, "order").await else { return };
    slow_down("order").await;
    let accepting = here.accept(in_queue(&traffic, 0));
    let_it_begin().await;
    there.put(endpoint("ep_1")).await.unwrap();
    assert_eq!(traffic.look(&there, EndpointNo(1)).await.len(), 1);
    accepting.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poller_waits_for_what_has_a_lower_number_than_what_it_has_seen() {
    let traffic = Traffic::new();
    let Some([(here, _), (there, _)]) = two(&traffic, "polling").await else { return };
    let slow = "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS \
                $$ BEGIN PERFORM pg_sleep(0.6); RETURN NULL; END $$; \
                CREATE TRIGGER wait AFTER INSERT ON ringback.message FOR EACH ROW \
                  WHEN (NEW.event_type = 'slow') EXECUTE FUNCTION wait()";
    connect(&url(Shared::get().unwrap(), "polling")).await.batch_execute(slow).await.unwrap();
    let polled = |number: u64, event_type: &str| {
        let mut item = Accept { pollers: vec![PollerNo(1)], ..traffic.request(number, None) };
        item.message.event_type = event_type.to_owned();
        item
    };
    let accepting = here.accept(polled(0, "slow"));
    let_it_begin().await;
    let Accepted::New { no: second } = there.accept(polled(1, "quick")).await.unwrap() else { panic!("it is new") };
    let query = PollQuery { app: AppNo(1), poller: PollerNo(1), after: MessageNo(0), limit: 10 };
    let read: Vec<_> = there.polled(query).await.unwrap().iter().map(|polled| polled.message.no).collect();
    let Accepted::New { no: first } = accepting.await.unwrap() else { panic!("it is new") };
    assert!(first < second);
    assert_eq!(read, [first, second]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_take_over_waits_for_an_outcome_under_way_and_sees_it() {
    let traffic = Traffic::new();
    let Some([(here, _), (there, _)]) = two(&traffic, "takeover").await else { return };
    let ours = traffic.lease(&here).await;
    let Accepted::New { no } = here.accept(in_queue(&traffic, 0)).await.unwrap() else { panic!("it is new") };
    let client = connect(&url(Shared::get().unwrap(), "takeover")).await;
    let slow = "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS \
                $$ BEGIN PERFORM pg_sleep(0.6); RETURN NULL; END $$; \
                CREATE TRIGGER wait AFTER INSERT ON ringback.attempt FOR EACH STATEMENT EXECUTE FUNCTION wait()";
    client.batch_execute(slow).await.unwrap();
    let outcome = traffic.outcome(no, EndpointNo(1));
    let finishing = here.finish(outcome.clone());
    let_it_begin().await;
    let over = "UPDATE ringback.node SET leased_until = clock_timestamp() - interval '1 second'";
    client.batch_execute(over).await.unwrap();
    let node = NewNode {
        name: "another".to_owned(),
        version: "0.1.0".to_owned(),
        process: "another process".to_owned(),
        ended: Vec::new(),
    };
    let theirs = there.lease(node).await.unwrap();
    assert_eq!((theirs.shards.len(), there.owns(Shard::FIRST)), (Shard::COUNT - 1, false), "its outcome is under way");
    assert_eq!(finishing.await.unwrap(), Finished::Recorded);
    let theirs = there.renew(theirs.node, true).await.unwrap().unwrap();
    assert_eq!(theirs.shards.len(), Shard::COUNT);
    assert!(traffic.look(&there, EndpointNo(1)).await.is_empty(), "what was recorded before is seen");
    assert_eq!(here.renew(ours.node, true).await.unwrap(), None);
    let Accepted::New { no } = here.accept(in_queue(&traffic, 1)).await.unwrap() else { panic!("it is new") };
    assert_eq!(here.finish(traffic.outcome(no, EndpointNo(1))).await.unwrap(), Finished::Fenced);
    assert_eq!(traffic.look(&there, EndpointNo(1)).await.len(), 1);
}

/// An endpoint of the application that messages are sent to.
fn endpoint(key: &str) -> Put {
    Put { app: Some(AppNo(1)), ..Put::new(DocumentKind::Endpoint, 1, key.to_owned(), "{}".to_owned()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_is_accepted_while_its_head_ends_is_let_out() {
    const MESSAGES: u64 = 400;
    let traffic = Traffic::new();
    let Some([(here, _), (there, _)]) = two(&traffic, "queues").await else { return };
    traffic.lease(&there).await;
    let producing = tokio::spawn({
        let traffic = traffic.clone();
        async move {
            for number in 0..MESSAGES {
                // Two queues at each endpoint, so that each is often empty and often not.
                let queue = QueueNo(i64::try_from(number / 4 % 2).unwrap());
                traffic.insist(&here, number, Some(queue)).await;
            }
        }
    });
    let mut ended = 0;
    while ended < MESSAGES {
        let before = ended;
        for endpoint in (1..=ENDPOINTS).map(EndpointNo) {
            let due = traffic.look(&there, endpoint).await;
            let mut queues: Vec<_> = due.iter().map(|row| row.queue).collect();
            queues.dedup();
            assert_eq!(queues.len(), due.len(), "one of each queue");
            for row in due {
                there.finish(traffic.outcome(row.message.no, endpoint)).await.unwrap();
                ended += 1;
            }
        }
        assert!(ended > before || !producing.is_finished() || ended == MESSAGES, "{ended} have ended, and none is due");
    }
    producing.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_equal_requests_to_two_nodes_one_makes_a_message() {
    let traffic = Traffic::new();
    let Some([(here, _), (there, _)]) = two(&traffic, "requests").await else { return };
    for round in 0..50 {
        let replies = [&here, &there, &here, &there].map(|store| store.accept(traffic.request(round, None)));
        let mut made = 0;
        for reply in replies {
            match reply.await.unwrap() {
                Accepted::New { .. } => made += 1,
                Accepted::Replayed { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(made, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_equal_event_ids_at_two_nodes_one_makes_a_message() {
    let traffic = Traffic::new();
    let Some([(here, _), (there, _)]) = two(&traffic, "events").await else { return };
    for round in 0..50 {
        let replies = [(&here, 0), (&there, 1)].map(|(store, n)| {
            let mut request = traffic.request(round * 2 + n, None);
            request.message.event_id = Some(format!("event {round}"));
            store.accept(request)
        });
        let [first, second] = replies;
        let answers = [first.await.unwrap(), second.await.unwrap()];
        assert_eq!(answers.iter().filter(|answer| matches!(answer, Accepted::New { .. })).count(), 1, "{answers:?}");
        assert!(answers.contains(&Accepted::EventIdTaken));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_one_node_has_answered_holds_at_the_other() {
    let traffic = Traffic::new();
    let Some([(here, _), (there, _)]) = two(&traffic, "changes").await else { return };
    for (version, number) in (0..30).zip(0..) {
        let accepting: Vec<_> = (0..20)
            .map(|n| {
                let mut item = traffic.request(1_000 + number * 20 + n, None);
                item.app_version = version;
                there.accept(item)
            })
            .collect();
        here.put(endpoint(&format!("ep_{number}"))).await.unwrap();
        let mut late = traffic.request(10_000 + number, None);
        late.app_version = version;
        assert_eq!(there.accept(late).await.unwrap(), Accepted::Stale);
        for reply in accepting {
            assert!(matches!(reply.await.unwrap(), Accepted::New { .. } | Accepted::Stale));
        }
    }
}
