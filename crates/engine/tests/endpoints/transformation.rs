//! Code of an endpoint's owner between a message and its request.

use indexmap::IndexMap;
use ringback_model::{AttemptOutcome, DeliveryState, EndpointSecrets, NotSent, Reason, Redacted, Transformation};

use crate::receiver::Receiver;
use crate::world::{NOW, World};

fn run(secrets: &mut EndpointSecrets, code: &str) {
    secrets.transformation = Some(Box::new(Transformation {
        code: Some(Redacted::new(code.to_owned())),
        enabled: true,
        variables: IndexMap::new(),
        updated_at: NOW,
    }));
}

#[tokio::test]
async fn what_code_fails_on_is_held_with_the_reason_and_leaves_changed_once_the_code_is_mended() {
    let world = World::new().await;
    let receiver = Receiver::start(|_| (200, String::new())).await;
    let bad = "function handler(webhook) { return webhook.payload.customer.name }";
    let endpoint = world.endpoint(&receiver.url, |_, secrets| run(secrets, bad)).await;
    let message = world.send(endpoint, r#"{"n":1}"#).await;
    let delivery = world.rest(message).await;
    assert_eq!((delivery.state, delivery.held), (DeliveryState::Pending, true));
    let attempt = world.attempts(message, 1).await.remove(0);
    assert_eq!(attempt.outcome, AttemptOutcome::NotSent { why: NotSent::Render });
    let said = String::from_utf8(attempt.exchange.response.to_vec()).unwrap();
    assert!(said.starts_with("The transformation failed. In line 1: cannot read property 'name'"), "{said}");

    let good = "function handler(webhook) { webhook.payload.n += 1; return webhook }";
    world.change(endpoint, |_, secrets| run(secrets, good)).await;
    world.attempts(message, 2).await;
    assert_eq!(world.rest(message).await.state, DeliveryState::Success);
    assert!(receiver.requests()[0].ends_with(r#"{"n":2}"#));
}

#[tokio::test]
async fn what_code_calls_off_ends_as_canceled_and_nothing_is_sent() {
    let world = World::new().await;
    let receiver = Receiver::start(|_| (200, String::new())).await;
    let code = "function handler(webhook) { webhook.cancel = webhook.payload.n > 1; return webhook }";
    let endpoint = world.endpoint(&receiver.url, |_, secrets| run(secrets, code)).await;
    let (sent, off) = (world.send(endpoint, r#"{"n":1}"#).await, world.send(endpoint, r#"{"n":2}"#).await);
    let ended = world.rest(off).await;
    assert_eq!((ended.state, ended.reason), (DeliveryState::Canceled, Some(Reason::CalledOff)));
    let attempt = world.attempts(off, 1).await.remove(0);
    assert_eq!(attempt.outcome, AttemptOutcome::NotSent { why: NotSent::CalledOff });
    assert_eq!(world.rest(sent).await.state, DeliveryState::Success);
    assert_eq!(receiver.requests().len(), 1);
}

#[tokio::test]
async fn an_endpoint_whose_code_does_not_end_holds_up_itself_alone() {
    let world = World::new().await;
    let receiver = Receiver::start(|_| (200, String::new())).await;
    let loops = "function handler() { for (;;) {} }";
    let slow = world.endpoint(&receiver.url, |_, secrets| run(secrets, loops)).await;
    let other = world.endpoint(&receiver.url, |_, secrets| run(secrets, "const handler = (webhook) => webhook")).await;
    let mut of_slow = Vec::new();
    for _ in 0..20 {
        of_slow.push(world.send(slow, "{}").await);
    }
    let of_other = world.send(other, "{}").await;
    assert_eq!(world.rest(of_other).await.state, DeliveryState::Success);
    let behind = world.delivery(of_slow[19]).await;
    assert_eq!(
        (behind.state, behind.held),
        (DeliveryState::Pending, false),
        "the other one did not wait for all of them"
    );
    for message in of_slow {
        assert!(world.rest(message).await.held);
    }
}
