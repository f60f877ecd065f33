//! What charts are drawn from.

use std::time::Duration;

use ringback_model::{Clock as _, Span};
use ringback_store::{Store as _, Subject, TallyQuery};

use crate::receiver::Receiver;
use crate::world::World;

#[tokio::test]
async fn attempts_are_counted_and_kept_when_the_engine_stops() {
    let mut world = World::new().await;
    let receiver = Receiver::start(|request| (if request.contains("good") { 200 } else { 500 }, String::new())).await;
    let endpoint = world.endpoint(&receiver.url, |_, _| {}).await;
    let messages = [
        world.send(endpoint, r#"{"a":"good"}"#).await,
        world.send(endpoint, r#"{"a":"good"}"#).await,
        world.send(endpoint, r#"{"a":"bad"}"#).await,
    ];
    for message in messages {
        world.attempts(message, 1).await;
    }
    world.stop().await;
    let now = world.clock.now();
    let query = TallyQuery { subject: Subject::Endpoint(endpoint), span: Span::Hour, from: now, until: now };
    let counted = world.store.tallies(query).await.unwrap();
    let (_, tally) = counted[0];
    assert_eq!((tally.delivered, tally.failed, tally.not_sent, tally.given_up), (2, 1, 0, 0));
    assert!(tally.lag(1.0).unwrap() < Duration::from_secs(60));
    assert!(tally.mean_exchange().is_some());
}
