//! Messages that are not to be sent before a time, or not after one.

use std::time::Duration;

use ringback_model::{AttemptOutcome, Clock as _, DeliveryState, NotSent, Reason};
use ringback_store::Rearm;
use ringback_store::Store as _;

use crate::receiver::Receiver;
use crate::world::World;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_message_leaves_when_its_time_has_come() {
    let world = World::new().await;
    let receiver = Receiver::start(|_| (200, String::new())).await;
    let endpoint = world.endpoint(&receiver.url, |_, _| {}).await;
    let at = world.clock.now() + MINUTE;
    let later = world.accept(&[endpoint], r#"{"n":0}"#, None, |message| message.deliver_at = Some(at)).await;
    let now = world.send(endpoint, r#"{"n":1}"#).await;
    assert_eq!(world.rest(now).await.state, DeliveryState::Success);
    world.wait().await;
    assert_eq!(receiver.requests().len(), 1);
    assert_eq!(world.delivery(later).await.due, Some(at));
    world.clock.advance(MINUTE);
    assert_eq!(world.rest(later).await.state, DeliveryState::Success);
    let attempts = world.attempts(later, 1).await;
    assert!(attempts[0].started_at >= at);
}

#[tokio::test]
async fn a_message_whose_time_is_over_is_not_sent_any_more() {
    let world = World::new().await;
    let receiver = Receiver::start(|_| (500, String::new())).await;
    let endpoint = world.endpoint(&receiver.url, |_, _| {}).await;
    let until = world.clock.now() + Duration::from_secs(3);
    let message = world.accept(&[endpoint], "{}", None, |message| message.deliver_until = Some(until)).await;
    world.attempts(message, 1).await;
    // Its next try would be after five seconds.
    assert_eq!(world.delivery(message).await.due, Some(until));
    world.clock.advance(Duration::from_secs(3));
    let ended = world.rest(message).await;
    assert_eq!((ended.state, ended.reason), (DeliveryState::Fail, Some(Reason::Expired)));
    let attempts = world.attempts(message, 2).await;
    assert_eq!(attempts[1].outcome, AttemptOutcome::NotSent { why: NotSent::Expired });
    assert_eq!(receiver.requests().len(), 1);
}

#[tokio::test]
async fn who_asks_for_it_gets_a_message_whose_time_is_over() {
    let world = World::new().await;
    let receiver = Receiver::start(|_| (200, String::new())).await;
    let endpoint = world.endpoint(&receiver.url, |_, _| {}).await;
    let now = world.clock.now();
    let message = world.accept(&[endpoint], "{}", None, |message| message.deliver_until = Some(now)).await;
    assert_eq!(world.rest(message).await.reason, Some(Reason::Expired));
    assert_eq!(receiver.requests().len(), 0);
    world.store.rearm(Rearm { message, endpoint, now, idempotency: None, audit: None }).await.unwrap();
    world.attempts(message, 2).await;
    assert_eq!(receiver.requests().len(), 1);
    assert_eq!(world.delivery(message).await.state, DeliveryState::Success);
}
