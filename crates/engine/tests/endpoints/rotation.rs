//! A bearer secret that was changed, at a receiver that has not learnt of it.

use std::time::Duration;

use ringback_model::{AttemptOutcome, Auth, DeliveryState, EndpointSecrets, Failure, Redacted, RetiredAuth};

use crate::receiver::{Receiver, header};
use crate::world::{NOW, World};

fn bearer(token: &str) -> Auth {
    Auth::Bearer { token: Redacted::new(token.to_owned()) }
}

fn rotated(secrets: &mut EndpointSecrets) {
    secrets.auth = Some(bearer("new"));
    secrets.retired_auth = Some(RetiredAuth { auth: bearer("old"), expires_at: NOW + Duration::from_secs(60) });
}

#[tokio::test]
async fn within_the_grace_a_401_is_tried_once_more_with_the_old_secret_as_an_attempt_of_its_own() {
    let world = World::new().await;
    let receiver = Receiver::start(|request| {
        (if header(request, "authorization") == Some("Bearer old") { 200 } else { 401 }, String::new())
    })
    .await;
    let endpoint = world.endpoint(&receiver.url, |_, secrets| rotated(secrets)).await;
    let message = world.send(endpoint, "{}").await;
    let attempts = world.attempts(message, 2).await;
    let rejected = AttemptOutcome::Failed { why: Failure::SecretRejected(401), retry_after: None };
    assert_eq!([&attempts[0].outcome, &attempts[1].outcome], [&rejected, &AttemptOutcome::Delivered]);
    assert_eq!(world.rest(message).await.state, DeliveryState::Success);
    let shown: Vec<_> = receiver.requests().iter().map(|r| header(r, "authorization").unwrap().to_owned()).collect();
    assert_eq!(shown, ["Bearer new", "Bearer old"], "the new one first");

    world.clock.advance(Duration::from_secs(60));
    let late = world.send(endpoint, "{}").await;
    let attempts = world.attempts(late, 1).await;
    assert_eq!(attempts[0].outcome, rejected, "the grace has ended");
    assert_eq!(receiver.requests().len(), 3);
}

#[tokio::test]
async fn two_rejected_secrets_count_as_one_try() {
    let world = World::new().await;
    let receiver = Receiver::start(|_| (401, String::new())).await;
    let endpoint = world
        .endpoint(&receiver.url, |endpoint, secrets| {
            endpoint.retry_schedule_micros = Some(vec![5_000_000]);
            rotated(secrets);
        })
        .await;
    let message = world.send(endpoint, "{}").await;
    world.attempts(message, 2).await;
    assert_eq!(world.delivery(message).await.state, DeliveryState::Pending, "one try of two");
    assert_eq!(receiver.requests().len(), 2);
}

#[tokio::test]
async fn another_failure_is_not_tried_again_at_once() {
    let world = World::new().await;
    let receiver = Receiver::start(|_| (500, String::new())).await;
    let endpoint = world.endpoint(&receiver.url, |_, secrets| rotated(secrets)).await;
    let message = world.send(endpoint, "{}").await;
    world.attempts(message, 1).await;
    assert_eq!(receiver.requests().len(), 1);
}
