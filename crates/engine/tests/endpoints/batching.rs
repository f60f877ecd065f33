//! Endpoints that take several messages in one request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};
use std::time::Duration;

use ringback_model::{
    AttemptOutcome, Batching, Clock as _, DeliveryState, EndpointNo, Failure, MessageNo, NotSent, Reason, Trigger,
};
use ringback_store::{QueueNo, Rearm, Store as _};
use serde_json::Value;

use crate::receiver::{Receiver, header};
use crate::world::World;

const WAIT: Duration = Duration::from_millis(500);

async fn gathering(world: &World, url: &str, max_messages: u16) -> EndpointNo {
    let batch = Batching { max_messages, max_wait_ms: WAIT.as_millis() as u32 };
    world.endpoint(url, |endpoint, _| endpoint.batch = Some(batch)).await
}

/// A receiver that answers with a status that can be changed.
async fn receiver(status: u16) -> (Receiver, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(status));
    let answers = status.clone();
    (Receiver::start(move |_| (answers.load(SeqCst), String::new())).await, status)
}

/// What each request held: numbers of its payloads.
fn held(receiver: &Receiver) -> Vec<Vec<i64>> {
    let numbers = |request: &String| {
        let body: Vec<Value> = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(header(request, "webhook-batch-size"), Some(&*body.len().to_string()));
        assert_eq!(header(request, "webhook-id"), body[0]["id"].as_str());
        body.iter().map(|element| element["payload"]["n"].as_i64().unwrap()).collect()
    };
    receiver.requests().iter().map(numbers).collect()
}

async fn states(world: &World, messages: &[MessageNo]) -> Vec<DeliveryState> {
    let mut states = Vec::new();
    for message in messages {
        states.push(world.rest(*message).await.state);
    }
    states
}

#[tokio::test]
async fn a_request_goes_when_it_is_full_or_when_the_first_has_waited() {
    let world = World::new().await;
    let (receiver, _) = receiver(200).await;
    let endpoint = gathering(&world, &receiver.url, 3).await;
    let one = world.send(endpoint, r#"{"n":1}"#).await;
    let two = world.send(endpoint, r#"{"n":2}"#).await;
    world.wait().await;
    assert!(receiver.requests().is_empty());
    let three = world.send(endpoint, r#"{"n":3}"#).await;
    assert_eq!(states(&world, &[one, two, three]).await, [DeliveryState::Success; 3]);
    let four = world.send(endpoint, r#"{"n":4}"#).await;
    world.clock.advance(WAIT);
    assert_eq!(states(&world, &[four]).await, [DeliveryState::Success]);
    assert_eq!(held(&receiver), [vec![1, 2, 3], vec![4]]);
    for message in [one, two, three] {
        let attempts = world.attempts(message, 1).await;
        assert_eq!((attempts[0].exchange.status, attempts[0].trigger), (Some(200), Trigger::Scheduled));
    }
}

#[tokio::test]
async fn what_failed_together_comes_again_together() {
    let world = World::new().await;
    let (receiver, status) = receiver(500).await;
    let endpoint = gathering(&world, &receiver.url, 2).await;
    let messages = [world.send(endpoint, r#"{"n":1}"#).await, world.send(endpoint, r#"{"n":2}"#).await];
    let mut due = Vec::new();
    for message in messages {
        let attempts = world.attempts(message, 1).await;
        let outcome = AttemptOutcome::Failed { why: Failure::Status(500), retry_after: None };
        assert_eq!(attempts[0].outcome, outcome, "each has its own attempt");
        due.push(world.delivery(message).await.due.unwrap());
    }
    assert_eq!(due[0], due[1], "one wait for both");
    status.store(200, SeqCst);
    world.clock.advance(due[0].since(world.clock.now()));
    assert_eq!(states(&world, &messages).await, [DeliveryState::Success; 2]);
    assert_eq!(held(&receiver), [vec![1, 2], vec![1, 2]]);
}

#[tokio::test]
async fn what_stands_behind_goes_along_and_fails_along_in_its_order() {
    let world = World::new().await;
    let (receiver, status) = receiver(500).await;
    let endpoint = gathering(&world, &receiver.url, 4).await;
    let mut sent = Vec::new();
    for (payload, key) in [(r#"{"n":1}"#, 7), (r#"{"n":2}"#, 7), (r#"{"n":3}"#, 8), (r#"{"n":4}"#, 7)] {
        sent.push(world.send_in(endpoint, payload, key).await);
    }
    for message in &sent {
        let outcome = AttemptOutcome::Failed { why: Failure::Status(500), retry_after: None };
        assert_eq!(world.attempts(*message, 1).await[0].outcome, outcome, "each has had its try");
    }
    let behind = world.delivery(sent[3]).await;
    assert!(behind.blocked && behind.due.is_none(), "{behind:?}");
    sent.push(world.send_in(endpoint, r#"{"n":5}"#, 7).await);
    world.wait().await;
    assert_eq!(receiver.requests().len(), 1, "5 does not overtake");
    status.store(200, SeqCst);
    world.clock.advance(Duration::from_secs(7));
    assert_eq!(states(&world, &sent).await, [DeliveryState::Success; 5]);
    assert_eq!(held(&receiver), [vec![1, 2, 3, 4], vec![1, 2, 3, 4], vec![5]]);
}

#[tokio::test]
async fn who_cannot_be_sent_keeps_those_behind_it_and_not_those_before() {
    let world = World::new().await;
    let (receiver, _) = receiver(200).await;
    let endpoint = gathering(&world, &receiver.url, 4).await;
    let one = world.send_in(endpoint, r#"{"n":1}"#, 0).await;
    let two = world.send_in(endpoint, r#"{"n":2}"#, 0).await;
    let queue = Some(QueueNo(0));
    let raw = world.accept(&[endpoint], "{}", queue, |message| message.raw = Some("<a/>".into())).await;
    let four = world.send_in(endpoint, r#"{"n":4}"#, 0).await;
    assert_eq!(states(&world, &[one, two]).await, [DeliveryState::Success; 2]);
    assert_eq!(held(&receiver), [vec![1, 2]]);
    world.wait().await;
    world.clock.advance(WAIT);
    assert!(world.rest(raw).await.held, "at the head it has its own reason");
    world.wait().await;
    let behind = world.delivery(four).await;
    assert!(behind.blocked, "{behind:?}");
    // Taken off, they go one by one.
    world.change(endpoint, |endpoint, _| endpoint.batch = None).await;
    assert_eq!(states(&world, &[four]).await, [DeliveryState::Success]);
    let bodies: Vec<_> =
        receiver.requests().iter().map(|request| request.split_once("\r\n\r\n").unwrap().1.to_owned()).collect();
    assert_eq!(bodies[1..], [r"<a/>", r#"{"n":4}"#]);
    assert_eq!(world.attempts(four, 1).await.len(), 1, "it was left alone while it stood behind");
}

#[tokio::test]
async fn what_cannot_be_sent_does_not_keep_the_others() {
    let world = World::new().await;
    let (receiver, _) = receiver(200).await;
    let endpoint = gathering(&world, &receiver.url, 3).await;
    let one = world.send(endpoint, r#"{"n":1}"#).await;
    let raw = world.accept(&[endpoint], "{}", None, |message| message.raw = Some("<a/>".into())).await;
    let three = world.send(endpoint, r#"{"n":3}"#).await;
    assert_eq!(states(&world, &[one, three]).await, [DeliveryState::Success; 2]);
    let held_back = world.rest(raw).await;
    assert!(held_back.held, "{held_back:?}");
    assert_eq!(world.attempts(raw, 1).await[0].outcome, AttemptOutcome::NotSent { why: NotSent::Render });
    assert_eq!(held(&receiver), [vec![1, 3]]);
    // Taken off, it goes as it is.
    world.change(endpoint, |endpoint, _| endpoint.batch = None).await;
    assert_eq!(world.attempts(raw, 2).await[1].outcome, AttemptOutcome::Delivered);
    assert!(receiver.requests()[1].ends_with("\r\n\r\n<a/>"));
}

#[tokio::test]
async fn what_somebody_asks_for_goes_at_once_and_alone() {
    let world = World::new().await;
    let (receiver, _) = receiver(200).await;
    let endpoint = gathering(&world, &receiver.url, 2).await;
    let (one, two) = (world.send(endpoint, r#"{"n":1}"#).await, world.send(endpoint, r#"{"n":2}"#).await);
    assert_eq!(states(&world, &[one, two]).await, [DeliveryState::Success; 2]);
    world.send(endpoint, r#"{"n":3}"#).await;
    let now = world.clock.now();
    world.store.rearm(Rearm { message: one, endpoint, now, idempotency: None, audit: None }).await.unwrap();
    world.attempts(one, 2).await;
    assert_eq!(held(&receiver), [vec![1, 2], vec![1]]);
}

#[tokio::test]
async fn a_message_whose_time_ends_does_not_wait_for_others_until_then() {
    let world = World::new().await;
    let (receiver, _) = receiver(200).await;
    let endpoint = gathering(&world, &receiver.url, 9).await;
    let until = world.clock.now() + WAIT / 2;
    let message = world.accept(&[endpoint], r#"{"n":1}"#, None, |message| message.deliver_until = Some(until)).await;
    world.wait().await;
    world.clock.advance(WAIT / 4);
    assert_eq!(states(&world, &[message]).await, [DeliveryState::Success]);
}

#[tokio::test]
async fn who_answers_410_gets_none_of_them_again() {
    let world = World::new().await;
    let (receiver, _) = receiver(410).await;
    let endpoint = gathering(&world, &receiver.url, 2).await;
    let (one, two) = (world.send(endpoint, r#"{"n":1}"#).await, world.send(endpoint, r#"{"n":2}"#).await);
    for message in [one, two] {
        let ended = world.rest(message).await;
        assert_eq!((ended.state, ended.reason), (DeliveryState::Fail, Some(Reason::Gone)));
    }
    let kept = world.store.document(endpoint.0).await.unwrap().unwrap();
    assert!(kept.body.contains(r#""disabled":true"#), "{}", kept.body);
    assert_eq!(held(&receiver), [vec![1, 2]]);
}

#[tokio::test]
async fn a_stop_waits_for_nothing_that_has_not_begun() {
    let mut world = World::new().await;
    let (receiver, _) = receiver(200).await;
    let endpoint = gathering(&world, &receiver.url, 9).await;
    let messages = [world.send(endpoint, r#"{"n":1}"#).await, world.send(endpoint, r#"{"n":2}"#).await];
    world.wait().await;
    world.stop().await;
    assert!(receiver.requests().is_empty());
    for message in messages {
        assert_eq!(world.delivery(message).await.state, DeliveryState::Pending);
    }
}
