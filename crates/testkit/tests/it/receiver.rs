//! The scripted receiver.

use std::time::{Duration, Instant};

use ringback_testkit::{Answer, Receiver, SignatureError, sign};

use crate::{LIMIT, connect, exchange, post};

fn status_of(answer: &[u8]) -> &str {
    std::str::from_utf8(answer.get(9..12).unwrap_or_default()).unwrap()
}

#[tokio::test]
async fn a_request_is_recorded_as_it_was_sent() {
    let receiver = Receiver::start().await.unwrap();
    let answer = exchange(receiver.address(), "/hook?a=%20b&c", "{ \"x\": 1.0 }").await;
    assert_eq!(status_of(&answer), "200");
    let requests = receiver.wait_for(1, LIMIT).await.unwrap();
    let request = &requests[0];
    assert_eq!((request.method.as_str(), &*request.target), ("POST", "/hook?a=%20b&c"));
    assert_eq!((request.path(), request.query()), ("/hook", "a=%20b&c"));
    assert_eq!(request.text(), "{ \"x\": 1.0 }");
    assert_eq!(request.headers.get_all("x-tag").iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(request.header("host"), Some("it"));
}

#[tokio::test]
async fn answers_come_in_turn_per_path_and_the_last_one_stays() {
    let receiver = Receiver::start().await.unwrap();
    receiver.fail_then_succeed("/a", 2, 503);
    receiver.answer("/b", Answer::status(429).header("Retry-After", "7").body("busy"));
    let mut seen = Vec::new();
    for target in ["/a", "/a?again", "/b", "/a", "/a", "/c"] {
        seen.push(status_of(&exchange(receiver.address(), target, "").await).to_owned());
    }
    assert_eq!(seen, ["503", "503", "429", "200", "200", "200"]);
    assert_eq!(receiver.requests_to("/a").len(), 4);
    let busy = String::from_utf8(exchange(receiver.address(), "/b", "").await).unwrap();
    assert!(busy.contains("retry-after: 7\r\n") && busy.ends_with("busy"), "{busy}");
}

#[tokio::test]
async fn broken_answers_break_where_the_script_says() {
    let receiver = Receiver::start().await.unwrap();
    receiver.answer("/close", Answer::close());
    receiver.answer("/cut", Answer::cut_after_head());
    receiver.answer("/raw", Answer::raw("HTTP/9.9 what\r\n"));
    assert_eq!(exchange(receiver.address(), "/close", "x").await, b"");
    assert_eq!(exchange(receiver.address(), "/cut", "x").await, b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n");
    assert_eq!(exchange(receiver.address(), "/raw", "x").await, b"HTTP/9.9 what\r\n");
    assert_eq!(receiver.requests().len(), 3);
}

#[tokio::test]
async fn a_held_answer_waits_for_its_release_and_a_delayed_one_for_its_time() {
    let receiver = Receiver::start().await.unwrap();
    receiver.answer("/held", Answer::status(204).held());
    let delay = Duration::from_millis(30);
    receiver.answer("/delayed", Answer::status(200).delay(delay));
    let exchange_held = tokio::spawn(exchange(receiver.address(), "/held", ""));
    receiver.wait_for_path("/held", 1, LIMIT).await.unwrap();
    let started = Instant::now();
    exchange(receiver.address(), "/delayed", "").await;
    assert!(started.elapsed() >= delay);
    assert!(!exchange_held.is_finished());
    receiver.release();
    assert_eq!(status_of(&exchange_held.await.unwrap()), "204");
}

#[tokio::test]
async fn a_kept_alive_connection_serves_many_requests() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let receiver = Receiver::start().await.unwrap();
    let mut stream = connect(receiver.address()).await;
    for number in 1..=3 {
        stream.write_all(post("/k", "abc", "keep-alive").as_bytes()).await.unwrap();
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        receiver.wait_for(number, LIMIT).await.unwrap();
    }
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_wait_that_runs_out_says_what_it_wanted_and_what_was_there() {
    let receiver = Receiver::start().await.unwrap();
    exchange(receiver.address(), "/seen?q", "").await;
    let late = receiver.wait_for_path("/other", 2, Duration::from_millis(20)).await.unwrap_err();
    let text = "wanted 2 requests to /other within 20ms, but saw 1 in all, the last being [POST /seen?q]";
    assert_eq!(format!("{late:?}"), text);
}

#[tokio::test]
async fn a_signed_request_verifies_and_an_altered_one_does_not() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let receiver = Receiver::start().await.unwrap();
    let signature = sign("whsec_c2VjcmV0", "msg_1", "1614265330", b"{}").unwrap();
    for body in ["{}", "[]"] {
        let request = format!(
            "POST / HTTP/1.1\r\nhost: it\r\nwebhook-id: msg_1\r\nwebhook-timestamp: 1614265330\r\nwebhook-signature: {signature}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{body}"
        );
        let mut stream = connect(receiver.address()).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    }
    let requests = receiver.wait_for(2, LIMIT).await.unwrap();
    assert_eq!(requests[0].verify("whsec_c2VjcmV0"), Ok(()));
    assert_eq!(requests[1].verify("whsec_c2VjcmV0"), Err(SignatureError::Mismatch));
}
