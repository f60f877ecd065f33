//! What counts as success, and what is said of a secret that was rejected.

use std::time::Duration;

use ringback_model::{
    AttemptOutcome, Auth, BodyRule, BodyTest, Clock as _, DeliveryState, Failure, LeftOut, Redacted, SendMethod, Shape,
    SuccessRule,
};
use ringback_store::NewMessage;
use ringback_testkit::{Answer, Receiver as Scripted};
use tokio::net::TcpListener;

use crate::receiver::Receiver;
use crate::world::World;

fn failed(why: Failure) -> AttemptOutcome {
    AttemptOutcome::Failed { why, retry_after: None }
}

#[tokio::test]
async fn a_receiver_that_must_acknowledge_is_judged_by_its_body() {
    let world = World::new().await;
    let receiver = Receiver::start(|request| {
        (200, if request.contains("good") { " ACK/Jasmin\n".to_owned() } else { "OK".to_owned() })
    })
    .await;
    let endpoint = world
        .endpoint(&receiver.url, |endpoint, _| {
            let body = BodyRule { rule: BodyTest::Equals, value: Some("ACK/Jasmin".to_owned()) };
            endpoint.success = Some(Box::new(SuccessRule { status: vec!["2xx".to_owned()], body: Some(body) }));
        })
        .await;
    let (good, bad) = (world.send(endpoint, r#"{"a":"good"}"#).await, world.send(endpoint, r#"{"a":"bad"}"#).await);
    assert_eq!(world.attempts(good, 1).await[0].outcome, AttemptOutcome::Delivered);
    let outcome = world.attempts(bad, 1).await.remove(0).outcome;
    assert_eq!(outcome, failed(Failure::Unacknowledged(200)));
    assert_eq!(outcome.to_string(), "the receiver answered 200, but the body lacks the acknowledgement");
    assert_eq!(world.delivery(bad).await.state, DeliveryState::Pending, "it is tried again");
}

#[tokio::test]
async fn a_dialect_says_which_statuses_count() {
    let world = World::new().await;
    let receiver = Receiver::start(|_| (204, String::new())).await;
    let plain = world.endpoint(&receiver.url, |_, _| {}).await;
    let rich = world
        .endpoint(&receiver.url, |endpoint, _| {
            endpoint.shape = Some(Box::new(Shape { dialect: Some("rich-dlr".to_owned()), ..Shape::default() }));
        })
        .await;
    let report = r#"{"message":{"id":"1","to":"1","from":"2","status":"delivered"}}"#;
    let (plain, rich) = (world.send(plain, report).await, world.send(rich, report).await);
    assert_eq!(world.attempts(plain, 1).await[0].outcome, AttemptOutcome::Delivered);
    assert_eq!(world.attempts(rich, 1).await[0].outcome, failed(Failure::Status(204)));
}

#[tokio::test]
async fn a_rejected_secret_is_named_where_one_was_shown() {
    let world = World::new().await;
    let receiver = Receiver::start(|_| (403, String::new())).await;
    let open = world.endpoint(&receiver.url, |_, _| {}).await;
    let closed = world
        .endpoint(&receiver.url, |_, secrets| {
            secrets.auth = Some(Auth::ApiKey { header: "x-key".to_owned(), value: Redacted::new("k".to_owned()) });
        })
        .await;
    let (open, closed) = (world.send(open, "{}").await, world.send(closed, "{}").await);
    assert_eq!(world.attempts(open, 1).await[0].outcome, failed(Failure::Status(403)));
    let outcome = world.attempts(closed, 1).await.remove(0).outcome;
    assert_eq!(outcome.to_string(), "the receiver rejected the secret: it answered 403");
    assert!(receiver.requests().iter().any(|request| request.contains("x-key: k")));
}

#[tokio::test]
async fn an_attempt_says_what_its_request_went_without() {
    let world = World::new().await;
    let receiver = Receiver::start(|_| (200, String::new())).await;
    let endpoint = world
        .endpoint(&receiver.url, |endpoint, _| {
            let shape =
                Shape { dialect: Some("console".to_owned()), send_method: Some(SendMethod::Get), ..Shape::default() };
            endpoint.shape = Some(Box::new(shape));
        })
        .await;
    for (length, left_out) in [(10, None), (9_000, Some(LeftOut::Payload))] {
        let text = "y".repeat(length);
        let inbound = format!(r#"{{"messages":[{{"from":"1","id":"a","context":"{text}"}}]}}"#);
        let payload = format!(r#"{{"product":"whatsapp","inbound":{inbound}}}"#);
        let of_its_type = |message: &mut NewMessage| message.event_type = "whatsapp.mo".to_owned();
        let message = world.accept(&[endpoint], payload.leak(), None, of_its_type).await;
        let attempt = world.attempts(message, 1).await.remove(0);
        assert_eq!((attempt.outcome, attempt.exchange.left_out), (AttemptOutcome::Delivered, left_out), "{length}");
    }
}

/// Vector A9: which answers to ANT's callbacks count, and that all others are tried again. No redirect is followed.
#[tokio::test]
async fn any_2xx_is_taken_by_ant_and_everything_else_is_tried_again() {
    let world = World::new().await;
    let receiver = Scripted::start().await.unwrap();
    let report = r#"{"product":"sms","message":{"id":"1","to":"1","status":"delivered","error":{"code":"000"}}}"#;
    for (status, body) in [(200, ""), (204, ""), (299, ""), (302, "moved"), (400, "no"), (405, ""), (500, "")] {
        let answer = Answer::status(status).header("location", &receiver.url("/elsewhere")).header("allow", "POST");
        receiver.answer(&format!("/{status}"), answer.body(body));
        let ant = Shape { dialect: Some("ant".to_owned()), ..Shape::default() };
        let url = receiver.url(&format!("/{status}"));
        let endpoint = world.endpoint(&url, |endpoint, _| endpoint.shape = Some(Box::new(ant))).await;
        let message = world.send(endpoint, report).await;
        let outcome = world.attempts(message, 1).await.remove(0).outcome;
        let delivery = world.delivery(message).await;
        if status < 300 {
            assert_eq!((outcome, delivery.state), (AttemptOutcome::Delivered, DeliveryState::Success), "{status}");
        } else {
            assert_eq!(
                (outcome, delivery.state),
                (failed(Failure::Status(status)), DeliveryState::Pending),
                "{status}"
            );
            assert!(delivery.due.is_some_and(|due| due > world.clock.now()), "{status}");
        }
    }
    assert!(receiver.requests().iter().all(|request| request.method == "GET" && request.path() != "/elsewhere"));
    assert_eq!(receiver.requests().len(), 7);
}

/// Vector A9: a receiver that does not answer is tried again. It has 15 s where the endpoint does not say.
#[tokio::test]
async fn a_receiver_has_15_s_to_answer_and_is_tried_again() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    for (micros, seconds) in [(None, 15), (Some(2_000_000), 2)] {
        let endpoint = world.endpoint(&url, |endpoint, _| endpoint.timeout_micros = micros).await;
        let message = world.send(endpoint, "{}").await;
        let (silent, _) = listener.accept().await.unwrap();
        silent.readable().await.unwrap();
        // From here on time passes only when nothing else is left to do.
        tokio::time::pause();
        let attempt = world.attempts(message, 1).await.remove(0);
        tokio::time::resume();
        assert_eq!(attempt.outcome, failed(Failure::Timeout));
        let limit = Duration::from_secs(seconds);
        let took = attempt.exchange.phases.total;
        assert!(took >= limit && took < limit + Duration::from_secs(1), "{took:?} of {limit:?}");
        assert_eq!(world.delivery(message).await.state, DeliveryState::Pending);
    }
}
