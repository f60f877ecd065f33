//! What no request can be made of waits until its endpoint is changed.

use std::time::Duration;

use ringback_model::{AttemptOutcome, DeliveryState, Endpoint, NotSent, Ordering, Reason, Shape};
use ringback_store::{Rearm, Rearmed, Store};
use serde_json::json;

use crate::receiver::Receiver;
use crate::world::World;

/// Its dialect cannot be written without a message id.
const HALF: &str = r#"{"message":{"to":"4479"}}"#;

fn in_dialect(endpoint: &mut Endpoint) {
    endpoint.shape = Some(Box::new(Shape { dialect: Some("rich-dlr".to_owned()), ..Shape::default() }));
}

#[tokio::test]
async fn a_report_that_lacks_something_is_held_with_its_field_named_and_leaves_once_the_endpoint_is_mended() {
    let world = World::new().await;
    let receiver = Receiver::start(|_| (200, String::new())).await;
    let endpoint = world.endpoint(&receiver.url, |endpoint, _| in_dialect(endpoint)).await;
    let message = world.send(endpoint, HALF).await;
    let delivery = world.rest(message).await;
    assert_eq!((delivery.state, delivery.held), (DeliveryState::Pending, true));
    assert_eq!(delivery.due, Some(crate::world::NOW + ringback_model::RetryPolicy::default().length()));
    let attempt = world.attempts(message, 1).await.remove(0);
    assert_eq!(attempt.outcome, AttemptOutcome::NotSent { why: NotSent::Render });
    let said = String::from_utf8(attempt.exchange.response.to_vec()).unwrap();
    assert!(said.contains("`message.") && said.contains("rich-dlr") && said.ends_with('.'), "{said}");

    // Something else of the application changes: nothing is tried.
    world.endpoint(&receiver.url, |_, _| {}).await;
    world.wait().await;
    world.attempts(message, 1).await;
    assert_eq!(receiver.requests().len(), 0, "nothing was sent half");

    // A change that does not help, and one that does.
    world.change(endpoint, |endpoint, _| endpoint.description = "tried".to_owned()).await;
    world.attempts(message, 2).await;
    assert!(world.rest(message).await.held);
    world.change(endpoint, |endpoint, _| endpoint.shape = None).await;
    let attempts = world.attempts(message, 3).await;
    assert_eq!(attempts[2].outcome, AttemptOutcome::Delivered);
    assert_eq!(world.rest(message).await.state, DeliveryState::Success);
    assert!(receiver.requests()[0].ends_with(HALF));
}

#[tokio::test]
async fn one_that_is_held_is_not_tried_again_for_what_changes_nothing_in_its_request() {
    let world = World::new().await;
    let receiver = Receiver::start(|_| (200, String::new())).await;
    let endpoint = world.endpoint(&receiver.url, |endpoint, _| in_dialect(endpoint)).await;
    let message = world.send(endpoint, HALF).await;
    assert!(world.rest(message).await.held);

    world.settings(r#"{"branding":{"name":"Acme"},"retentionDays":9,"strictEventTypes":true}"#).await;
    world.event_type("order.made", json!({ "message.id": "order.id" })).await;
    world.wait().await;
    // Nor for what is sent meanwhile, of itself and of others.
    let whole = r#"{"message":{"id":"7","to":"4479","status":"delivered"}}"#;
    for _ in 0..3 {
        let other = world.send(endpoint, whole).await;
        assert_eq!(world.rest(other).await.state, DeliveryState::Success);
        world.wait().await;
    }
    world.attempts(message, 1).await;

    // The zone of its times, and the mapping of its type.
    world.settings(r#"{"timeZone":"Asia/Kolkata"}"#).await;
    world.attempts(message, 2).await;
    assert!(world.rest(message).await.held);
    let mapping = json!({ "message.id": "message.to", "message.to": "message.to", "message.status": "state" });
    world.event_type("sms.dlr", mapping).await;
    let attempt = world.attempts(message, 3).await.remove(2);
    let said = String::from_utf8(attempt.exchange.response.to_vec()).unwrap();
    assert!(said.contains("`message.status`") && said.contains("`state`"), "{said}");
}

#[tokio::test]
async fn many_that_are_held_leave_together() {
    let world = World::new().await;
    let receiver = Receiver::start(|_| (200, String::new())).await;
    let endpoint = world.endpoint(&receiver.url, |endpoint, _| in_dialect(endpoint)).await;
    let mut messages = Vec::new();
    for _ in 0..1_200 {
        messages.push(world.send(endpoint, HALF).await);
    }
    for message in &messages {
        assert!(world.rest(*message).await.held);
    }
    world.change(endpoint, |endpoint, _| endpoint.shape = None).await;
    for message in messages {
        let mut delivery = world.rest(message).await;
        while delivery.state == DeliveryState::Pending {
            tokio::time::sleep(Duration::from_millis(5)).await;
            delivery = world.rest(message).await;
        }
        assert_eq!(delivery.state, DeliveryState::Success);
    }
    assert_eq!(receiver.requests().len(), 1_200);
}

#[tokio::test]
async fn one_that_is_held_blocks_its_key_for_an_hour_and_can_be_replayed_after_it_was_given_up() {
    let world = World::new().await;
    let receiver = Receiver::start(|_| (200, String::new())).await;
    let endpoint = world
        .endpoint(&receiver.url, |endpoint, _| {
            in_dialect(endpoint);
            endpoint.ordering = Ordering::PerKey;
        })
        .await;
    let whole = r#"{"message":{"id":"7","groupId":"8","to":"4479","from":"1","status":"delivered"}}"#;
    let (head, next) = (world.send_in(endpoint, HALF, 1).await, world.send_in(endpoint, whole, 1).await);
    let other = world.send_in(endpoint, whole, 2).await;
    assert_eq!(world.rest(other).await.state, DeliveryState::Success, "other keys go on");
    assert!(world.rest(head).await.held);
    assert!(world.delivery(next).await.blocked);
    world.clock.advance(Duration::from_secs(1_800));
    world.change(endpoint, |endpoint, _| endpoint.description = "no help".to_owned()).await;
    world.attempts(head, 2).await;
    assert!(world.rest(head).await.held && world.delivery(next).await.blocked);
    // The hour counts from the first time.
    world.clock.advance(Duration::from_secs(1_800));
    world.attempts(head, 3).await;
    let ended = world.rest(head).await;
    assert_eq!((ended.state, ended.reason), (DeliveryState::Fail, Some(Reason::Unrenderable)));
    assert_eq!(world.rest(next).await.state, DeliveryState::Success);

    world.change(endpoint, |endpoint, _| endpoint.shape = None).await;
    // A change takes effect within a second.
    world.wait().await;
    let rearm = Rearm {
        message: head,
        endpoint,
        now: ringback_model::Clock::now(&*world.clock),
        idempotency: None,
        audit: None,
    };
    assert_eq!(world.store.rearm(rearm).await.unwrap(), Rearmed::Armed);
    world.attempts(head, 4).await;
    assert_eq!(world.rest(head).await.state, DeliveryState::Success);
}
