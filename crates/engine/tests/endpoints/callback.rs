//! Messages with a URL of their own.

use ringback_model::{AttemptOutcome, DeliveryState, NotSent};

use crate::receiver::Receiver;
use crate::world::World;

#[tokio::test]
async fn each_message_goes_to_its_own_url_on_the_host_of_its_endpoint() {
    let world = World::new().await;
    let receiver = Receiver::start(|request| (if request.contains("/gone") { 410 } else { 200 }, String::new())).await;
    let endpoint = world.endpoint(&receiver.url, |endpoint, _| endpoint.callback = true).await;
    let to = |path: &str| Some(format!("{}{path}", receiver.url));
    let mut messages = Vec::new();
    for path in ["dlr?id=%C3%A9&x=1", "gone", "other/place"] {
        messages.push(world.accept(&[endpoint], "{}", None, |message| message.callback_url = to(path)).await);
    }
    let mut states = Vec::new();
    for message in &messages {
        states.push(world.rest(*message).await.state);
    }
    assert_eq!(states, [DeliveryState::Success, DeliveryState::Fail, DeliveryState::Success]);
    assert_eq!(Some(world.attempts(messages[0], 1).await[0].url.clone()), to("dlr?id=%C3%A9&x=1"));
    let mut lines: Vec<_> = receiver.requests().iter().map(|r| r.lines().next().unwrap().to_owned()).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["POST /dlr?id=%C3%A9&x=1 HTTP/1.1", "POST /gone HTTP/1.1", "POST /other/place HTTP/1.1"]);

    // One URL that is gone says nothing of the others.
    let again = world.accept(&[endpoint], "{}", None, |message| message.callback_url = to("again")).await;
    assert_eq!(world.rest(again).await.state, DeliveryState::Success);
}

#[tokio::test]
async fn a_message_without_a_url_of_this_host_is_not_sent() {
    let world = World::new().await;
    let receiver = Receiver::start(|_| (200, String::new())).await;
    let endpoint = world.endpoint(&receiver.url, |endpoint, _| endpoint.callback = true).await;
    for url in [None, Some("http://127.0.0.1:1/".to_owned()), Some("https://hooks.example/".to_owned())] {
        let message = world.accept(&[endpoint], "{}", None, |message| message.callback_url = url).await;
        let attempt = world.attempts(message, 1).await.remove(0);
        assert_eq!(attempt.outcome, AttemptOutcome::NotSent { why: NotSent::Render });
        assert!(String::from_utf8_lossy(&attempt.exchange.response).contains("`callbackUrl`"));
    }
    assert_eq!(receiver.requests().len(), 0);
}
