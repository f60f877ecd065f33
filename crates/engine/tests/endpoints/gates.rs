//! Endpoints that have not agreed to get anything yet.

use ringback_model::{DeliveryState, Verification, VerificationKind, VerificationMode, VerificationState};

use crate::receiver::Receiver;
use crate::world::World;

#[tokio::test]
async fn messages_for_an_unverified_endpoint_wait_and_leave_in_their_order_once_it_is_verified() {
    let world = World::new().await;
    let receiver = Receiver::start(|_| (200, String::new())).await;
    let endpoint = world
        .endpoint(&receiver.url, |endpoint, _| {
            endpoint.max_concurrency = Some(1);
            endpoint.verification = Some(Box::new(Verification {
                kind: VerificationKind::Token,
                mode: VerificationMode::Default,
                parameter: None,
                state: VerificationState::Unverified,
                reason: None,
                checked_at: None,
                pending_url: None,
            }));
        })
        .await;
    let payloads = [r#"{"n":0}"#, r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#];
    let mut messages = Vec::new();
    for payload in payloads {
        messages.push(world.send(endpoint, payload).await);
    }
    world.wait().await;
    assert_eq!(receiver.requests().len(), 0);
    assert_eq!(world.delivery(messages[0]).await.state, DeliveryState::Pending);
    for state in [VerificationState::Failed, VerificationState::Verified] {
        assert_eq!(receiver.requests().len(), 0);
        world.change(endpoint, |endpoint, _| endpoint.verification.as_mut().unwrap().state = state).await;
        world.wait().await;
    }
    for message in messages {
        assert_eq!(world.rest(message).await.state, DeliveryState::Success);
    }
    let sent: Vec<String> = receiver.requests();
    assert!(sent.iter().zip(payloads).all(|(request, payload)| request.ends_with(payload)), "{sent:?}");
}
