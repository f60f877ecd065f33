//! Receivers that want a token by OAuth2 client credentials.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ringback_model::{AttemptOutcome, Auth, DeliveryState, EndpointSecrets, Failure, NotSent, Redacted};

use crate::receiver::{Receiver, header};
use crate::world::World;

fn wants_token(secrets: &mut EndpointSecrets, server: &Receiver) {
    secrets.auth = Some(Auth::Oauth2 {
        token_url: format!("{}token", server.url),
        client_id: "a client".to_owned(),
        client_secret: Redacted::new("s:cret".to_owned()),
        scope: Some("dlr:write".to_owned()),
    });
}

/// A token server that counts what it hands out: `t1`, `t2`, and so on.
async fn server(life: u64) -> Receiver {
    let count = AtomicUsize::new(0);
    Receiver::start(move |_| {
        let no = count.fetch_add(1, Ordering::SeqCst) + 1;
        (200, format!(r#"{{"access_token":"t{no}","token_type":"bearer","expires_in":{life}}}"#))
    })
    .await
}

fn tokens(receiver: &Receiver) -> Vec<String> {
    receiver.requests().iter().map(|request| header(request, "authorization").unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_token_is_fetched_once_and_shown_until_it_ends() {
    let world = World::new().await;
    let (server, receiver) = (server(600).await, Receiver::start(|_| (200, String::new())).await);
    let endpoint = world.endpoint(&receiver.url, |_, secrets| wants_token(secrets, &server)).await;
    let mut messages = Vec::new();
    for _ in 0..20 {
        messages.push(world.send(endpoint, "{}").await);
    }
    for message in messages {
        assert_eq!(world.rest(message).await.state, DeliveryState::Success);
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 1, "all of them share one fetch");
    assert!(requests[0].starts_with("POST /token HTTP/1.1\r\n"));
    assert!(requests[0].ends_with("\r\n\r\ngrant_type=client_credentials&scope=dlr%3Awrite"));
    // RFC 6749, 2.3.1: `a+client:s%3Acret`.
    assert_eq!(header(&requests[0], "authorization"), Some("Basic YStjbGllbnQ6cyUzQWNyZXQ="));
    assert!(tokens(&receiver).iter().all(|token| token == "Bearer t1"));

    world.clock.advance(Duration::from_secs(570));
    let late = world.send(endpoint, "{}").await;
    assert_eq!(world.rest(late).await.state, DeliveryState::Success);
    assert_eq!(server.requests().len(), 2, "not used up to its last second");
    assert_eq!(tokens(&receiver).last().map(String::as_str), Some("Bearer t2"));
}

#[tokio::test]
async fn a_token_that_is_rejected_is_fetched_anew_and_tried_once_more_at_once() {
    let world = World::new().await;
    let server = server(600).await;
    let revoked = Arc::new(AtomicUsize::new(0));
    let until = revoked.clone();
    let receiver = Receiver::start(move |request| {
        let no: usize = header(request, "authorization").unwrap().trim_start_matches("Bearer t").parse().unwrap();
        (if no <= until.load(Ordering::SeqCst) { 401 } else { 200 }, String::new())
    })
    .await;
    let endpoint = world.endpoint(&receiver.url, |_, secrets| wants_token(secrets, &server)).await;
    let first = world.send(endpoint, "{}").await;
    world.attempts(first, 1).await;
    revoked.store(1, Ordering::SeqCst);
    let second = world.send(endpoint, "{}").await;
    let attempts = world.attempts(second, 2).await;
    let rejected = AttemptOutcome::Failed { why: Failure::SecretRejected(401), retry_after: None };
    assert_eq!([&attempts[0].outcome, &attempts[1].outcome], [&rejected, &AttemptOutcome::Delivered]);
    assert_eq!(tokens(&receiver), ["Bearer t1", "Bearer t1", "Bearer t2"]);

    // Once, not over and over.
    revoked.store(100, Ordering::SeqCst);
    let third = world.send(endpoint, "{}").await;
    assert_eq!(world.attempts(third, 2).await[1].outcome, rejected);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_the_attempt_says_why() {
    for (answer, said) in [
        ((401, r#"{"error":"invalid_client","secret":"x"}"#), "the token server answered 401 (invalid_client)"),
        ((500, "it is s:cret"), "the token server answered 500"),
        ((200, r#"{"token_type":"mac","access_token":"x"}"#), "the answer of the token server is not JSON with an"),
        ((200, "<html>"), "the answer of the token server is not JSON with an"),
    ] {
        let world = World::new().await;
        let server = Receiver::start(move |_| (answer.0, answer.1.to_owned())).await;
        let receiver = Receiver::start(|_| (200, String::new())).await;
        let endpoint = world.endpoint(&receiver.url, |_, secrets| wants_token(secrets, &server)).await;
        let message = world.send(endpoint, "{}").await;
        let attempt = world.attempts(message, 1).await.remove(0);
        assert_eq!(attempt.outcome, AttemptOutcome::NotSent { why: NotSent::Token });
        let response = String::from_utf8(attempt.exchange.response.to_vec()).unwrap();
        assert!(response.starts_with(said), "{response}");
        assert_eq!(receiver.requests().len(), 0);
        let delivery = world.delivery(message).await;
        assert_eq!(delivery.state, DeliveryState::Pending);
        assert!(delivery.due.unwrap().since(crate::world::NOW) < Duration::from_secs(2), "its own clock");
    }
}

#[tokio::test]
async fn an_answer_is_kept_without_the_secrets_that_it_repeats() {
    let world = World::new().await;
    let server = Receiver::start(|_| (200, r#"{"access_token":"tok/1","token_type":"bearer"}"#.to_owned())).await;
    let echo = |request: &str| {
        (500, format!("{} tok%2F1 s%3Acret YStjbGllbnQ6cyUzQWNyZXQ=", header(request, "authorization").unwrap()))
    };
    let receiver = Receiver::start(echo).await;
    let endpoint = world.endpoint(&receiver.url, |_, secrets| wants_token(secrets, &server)).await;
    let message = world.send(endpoint, "{}").await;
    let attempt = world.attempts(message, 1).await.remove(0);
    assert_eq!(&attempt.exchange.response[..], b"Bearer **** **** **** ****=");

    let server = Receiver::start(|_| (400, r#"{"error":"hunter_two"}"#.to_owned())).await;
    let endpoint = world
        .endpoint(&receiver.url, |_, secrets| {
            wants_token(secrets, &server);
            if let Some(Auth::Oauth2 { client_secret, .. }) = &mut secrets.auth {
                *client_secret = Redacted::new("hunter_two".to_owned());
            }
        })
        .await;
    let message = world.send(endpoint, "{}").await;
    let attempt = world.attempts(message, 1).await.remove(0);
    assert_eq!(&attempt.exchange.response[..], b"the token server answered 400");
}

#[tokio::test]
async fn a_token_server_that_is_not_there_is_told() {
    let world = World::new().await;
    let receiver = Receiver::start(|_| (200, String::new())).await;
    let endpoint = world
        .endpoint(&receiver.url, |_, secrets| {
            wants_token(secrets, &receiver);
            if let Some(Auth::Oauth2 { token_url, .. }) = &mut secrets.auth {
                *token_url = "http://10.0.0.1/token".to_owned();
            }
        })
        .await;
    let message = world.send(endpoint, "{}").await;
    let attempt = world.attempts(message, 1).await.remove(0);
    let response = String::from_utf8(attempt.exchange.response.to_vec()).unwrap();
    assert_eq!(response, "the token server could not be asked: the address is not allowed");
}
