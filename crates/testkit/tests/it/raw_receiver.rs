//! The receivers that misbehave below HTTP.

use std::time::Duration;

use ringback_testkit::{RawMode, RawReceiver};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{LIMIT, connect, exchange, post};

async fn asked(receiver: &RawReceiver) -> TcpStream {
    let mut stream = connect(receiver.address()).await;
    stream.write_all(post("/", "{}", "keep-alive").as_bytes()).await.unwrap();
    stream
}

async fn answer_of(mode: RawMode) -> String {
    let receiver = RawReceiver::start(mode).await.unwrap();
    let answer = exchange(receiver.address(), "/", "{}").await;
    assert_eq!((receiver.connections(), receiver.requests()), (1, 1));
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn the_short_modes_send_what_they_promise_and_close() {
    assert!(!answer_of(RawMode::Garbage).await.starts_with("HTTP"));
    assert_eq!(answer_of(RawMode::TwoContentLengths).await.matches("content-length").count(), 2);
    assert_eq!(answer_of(RawMode::ResetAfterRequest).await, "");
    assert!(answer_of(RawMode::OkThenCut).await.ends_with("content-length: 100\r\n\r\nonly this"));
    let dripped = answer_of(RawMode::DripHead(Duration::from_millis(1))).await;
    assert_eq!(dripped, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
}

#[tokio::test]
async fn a_reset_is_a_reset_and_not_an_end() {
    let receiver = RawReceiver::start(RawMode::ResetAfterRequest).await.unwrap();
    let mut stream = asked(&receiver).await;
    let error = stream.read(&mut [0; 16]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn the_endless_modes_go_on_until_the_sender_leaves() {
    for mode in [RawMode::EndlessBody, RawMode::EndlessHeaders, RawMode::DripBody(Duration::from_micros(1))] {
        let receiver = RawReceiver::start(mode).await.unwrap();
        let mut stream = asked(&receiver).await;
        let wanted = if matches!(mode, RawMode::DripBody(_)) { 100 } else { 1 << 20 };
        let mut read = vec![0; wanted];
        tokio::time::timeout(LIMIT, stream.read_exact(&mut read)).await.unwrap().unwrap();
        assert!(read.starts_with(b"HTTP/1.1 200 OK\r\n"));
        assert_eq!(receiver.open(), 1);
    }
}

#[tokio::test]
async fn silence_is_silence_and_the_connection_stays_open() {
    let receiver = RawReceiver::start(RawMode::NeverAnswer).await.unwrap();
    let mut stream = asked(&receiver).await;
    let silent = tokio::time::timeout(Duration::from_millis(50), stream.read(&mut [0; 1])).await;
    assert!(silent.is_err(), "{silent:?}");
    assert_eq!((receiver.open(), receiver.requests()), (1, 1));
}

#[tokio::test]
async fn the_second_answer_lies_ready_before_the_second_question() {
    let receiver = RawReceiver::start(RawMode::PipelinedSecondAnswer).await.unwrap();
    let mut stream = asked(&receiver).await;
    let mut read = Vec::new();
    while !read.ends_with(b"second") {
        assert!(tokio::time::timeout(LIMIT, stream.read_buf(&mut read)).await.unwrap().unwrap() > 0);
    }
    assert_eq!(receiver.open(), 1);
}

#[test]
fn no_mode_is_listed_twice() {
    let all = RawMode::all(Duration::from_secs(1));
    assert!(all.iter().enumerate().all(|(at, mode)| !all[..at].contains(mode)));
}
