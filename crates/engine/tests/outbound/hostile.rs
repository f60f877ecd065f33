//! Receivers that do what they should not: the attempt ends within its limits, and the next one gets its own answer.

use std::time::{Duration, Instant};

use ringback_engine::transport::BodyEnd;
use ringback_model::{AttemptOutcome, Failure};

use crate::receiver::{Act, Receiver, ok, send};
use crate::world::{call, call_within, failed, on_loopback, outcome};

const SHORT: Duration = Duration::from_millis(300);
const HEAD: &str = "HTTP/1.1 200 OK\r\n";

/// What came of one call to a receiver with this script, within a short time, and how long it took.
async fn against(script: Vec<Act>) -> (AttemptOutcome, Option<BodyEnd>, usize) {
    let receiver = Receiver::start(vec![script, ok("mine")]).await;
    let transport = on_loopback();
    let target = format!("http://127.0.0.1:{}/", receiver.port());
    let begun = Instant::now();
    let first = call_within(&transport, &target, SHORT).await;
    assert!(begun.elapsed() < SHORT + Duration::from_millis(500), "the deadline holds");
    assert!(first.exchange.phases.total >= first.exchange.phases.first_byte);
    // Whatever the first one did, the next request gets its own answer.
    let second = call(&transport, &target).await;
    assert_eq!(second.exchange.response, "mine");
    let end = first.result.as_ref().ok().map(|answer| answer.body);
    (outcome(&first), end, receiver.connections())
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_left_at_the_deadline() {
    assert_eq!(against(vec![Act::Hang]).await, (failed(Failure::Timeout), None, 2));
}

#[tokio::test]
async fn dripping_header_bytes_do_not_extend_the_deadline() {
    let drip = Act::Drip(HEAD.repeat(100).into_bytes(), Duration::from_millis(20));
    assert_eq!(against(vec![drip]).await, (failed(Failure::Timeout), None, 2));
}

#[tokio::test]
async fn endless_interim_answers_do_not_extend_the_deadline() {
    let hints = Act::Endless(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".to_vec());
    assert_eq!(against(vec![hints]).await, (failed(Failure::Timeout), None, 2));
}

#[tokio::test]
async fn a_body_without_end_is_cut_and_the_status_stands() {
    let script = vec![send(format!("{HEAD}\r\n")), Act::Endless(vec![b'x'; 8_192])];
    assert_eq!(against(script).await, (AttemptOutcome::Delivered, Some(BodyEnd::TooLong), 2));
    let chunks =
        vec![send(format!("{HEAD}transfer-encoding: chunked\r\n\r\n")), Act::Endless(b"5\r\nhello\r\n".to_vec())];
    assert_eq!(against(chunks).await, (AttemptOutcome::Delivered, Some(BodyEnd::TooLong), 2));
}

#[tokio::test]
async fn a_body_of_ten_megabytes_is_read_to_its_limit_only() {
    let size = 10 * 1_024 * 1_024;
    let answer = [format!("{HEAD}content-length: {size}\r\n\r\n").into_bytes(), vec![b'x'; size]].concat();
    let receiver = Receiver::start(vec![vec![send(answer)]]).await;
    let sent = call(&on_loopback(), &format!("http://127.0.0.1:{}/", receiver.port())).await;
    assert_eq!(outcome(&sent), AttemptOutcome::Delivered);
    assert_eq!(sent.exchange.response.len(), 64 * 1_024);
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_whole_and_the_connection_is_kept() {
    let size = 64 * 1_024;
    let answer = [format!("{HEAD}content-length: {size}\r\n\r\n").into_bytes(), vec![b'x'; size]].concat();
    let (outcome, end, connections) = against(vec![send(answer)]).await;
    assert_eq!((outcome, end, connections), (AttemptOutcome::Delivered, Some(BodyEnd::Complete), 1));
}

#[tokio::test]
async fn a_success_whose_body_is_cut_slow_or_garbled_is_a_success() {
    let half = format!("{HEAD}content-length: 10\r\n\r\nhalf");
    assert_eq!(
        against(vec![send(half.clone()), Act::Close]).await,
        (AttemptOutcome::Delivered, Some(BodyEnd::Broken), 2)
    );
    assert_eq!(
        against(vec![send(half.clone()), Act::Hang]).await,
        (AttemptOutcome::Delivered, Some(BodyEnd::TooSlow), 2)
    );
    let reset = vec![send(half), Act::Wait(Duration::from_millis(50)), Act::Reset];
    assert_eq!(against(reset).await, (AttemptOutcome::Delivered, Some(BodyEnd::Broken), 2));
    let garbled = format!("{HEAD}transfer-encoding: chunked\r\n\r\nnot a chunk\r\n");
    assert_eq!(against(vec![send(garbled)]).await, (AttemptOutcome::Delivered, Some(BodyEnd::Broken), 2));
    let huge = format!("{HEAD}transfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nx");
    let (delivered, end, connections) = against(vec![send(huge), Act::Hang]).await;
    assert_eq!((delivered, connections), (AttemptOutcome::Delivered, 2));
    assert_ne!(end, Some(BodyEnd::Complete));
}

#[tokio::test]
async fn trailers_and_chunk_extensions_without_end_are_cut_and_the_status_stands() {
    let head = format!("{HEAD}transfer-encoding: chunked\r\n\r\n");
    for endless in ["x-trailer: and another one\r\n", "; extension"] {
        let begun = if endless.starts_with(';') { "5" } else { "2\r\nok\r\n0\r\n" };
        let script = vec![send(head.clone() + begun), Act::Endless(endless.repeat(100).into_bytes())];
        let (delivered, end, connections) = against(script).await;
        assert_eq!((delivered, connections), (AttemptOutcome::Delivered, 2), "{endless:?}");
        assert_ne!(end, Some(BodyEnd::Complete), "{endless:?}");
    }
}

#[tokio::test]
async fn a_compressed_answer_is_not_asked_for_and_kept_as_it_came() {
    // What a decompressor would make ten thousand times as much of.
    let bomb = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03".as_slice(), &[0; 40_000]].concat();
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        let head = format!("{HEAD}content-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n", bomb.len());
        let receiver = Receiver::start(vec![vec![send([head.as_bytes(), &bomb].concat())]]).await;
        let sent = call(&on_loopback(), &format!("http://127.0.0.1:{}/", receiver.port())).await;
        assert_eq!(outcome(&sent), AttemptOutcome::Delivered);
        assert_eq!(sent.exchange.response, bomb, "{encoding}");
        let request = receiver.requests().remove(0).to_ascii_lowercase();
        assert!(!request.contains("gzip") && !request.contains("deflate"), "{request}");
    }
}

#[tokio::test]
async fn a_slow_body_is_waited_for_two_seconds_at_most() {
    let receiver = Receiver::start(vec![vec![send(format!("{HEAD}content-length: 10\r\n\r\nhalf")), Act::Hang]]).await;
    let begun = Instant::now();
    let sent = call(&on_loopback(), &format!("http://127.0.0.1:{}/", receiver.port())).await;
    assert_eq!((outcome(&sent), sent.exchange.response.as_ref()), (AttemptOutcome::Delivered, b"half".as_slice()));
    assert!((1_900..3_000).contains(&begun.elapsed().as_millis()));
}

#[tokio::test]
async fn what_is_not_http_is_a_failure_of_protocol() {
    let many_headers: String = (0..101).map(|n| format!("x-{n}: 1\r\n")).collect();
    for answer in [
        "SSH-2.0-OpenSSH_9.6\r\n".to_owned(),
        "<html>hello</html>\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\0\u{5}hello".to_owned(),
        format!("{HEAD}content-length: 2\r\ncontent-length: 3\r\n\r\nabc"),
        format!("{HEAD}content-length: -1\r\n\r\n"),
        format!("{HEAD}content-length: 18446744073709551616\r\n\r\n"),
        format!("{HEAD}x: a\0b\r\n\r\n"),
        format!("{HEAD}{many_headers}\r\n"),
        format!("{HEAD}x: {}\r\n\r\n", "y".repeat(40_000)),
        "HTTP/1.1 000 No\r\n\r\n".to_owned(),
        "HTTP/1.1 099 No\r\n\r\n".to_owned(),
        "HTTP/2.0 200 OK\r\n\r\n".to_owned(),
        "HTTP/1.1\r\n\r\n".to_owned(),
        format!("{HEAD}content-length: 1e3\r\n\r\n"),
        format!("{HEAD}no colon here\r\n\r\n"),
        format!("{HEAD}x: {}\r\n\r\n", "y".repeat(1_048_576)),
    ] {
        let shown: String = answer.chars().take(60).collect();
        let (outcome, _, connections) = against(vec![send(answer)]).await;
        assert_eq!((outcome, connections), (failed(Failure::Protocol), 2), "{shown:?}");
    }
}

#[tokio::test]
async fn a_connection_that_ends_before_an_answer_is_closed() {
    for script in [vec![Act::Close], vec![Act::Reset], vec![send("HTTP/1.1 20"), Act::Close]] {
        let shown = format!("{script:?}");
        let (outcome, ..) = against(script).await;
        assert_eq!(outcome, failed(Failure::Closed), "{shown}");
    }
}

#[tokio::test]
async fn strange_statuses_are_statuses() {
    for status in [600, 999, 304] {
        let answer = format!("HTTP/1.1 {status} Strange\r\ncontent-length: 0\r\n\r\n");
        let (outcome, ..) = against(vec![send(answer)]).await;
        assert_eq!(outcome, failed(Failure::Status(status)));
    }
    let (outcome, _, connections) =
        against(vec![send("HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")]).await;
    assert_eq!((outcome, connections), (failed(Failure::Status(101)), 2));
}

#[tokio::test]
async fn an_answer_of_odd_framing_is_taken_and_the_connection_is_not_used_again() {
    for answer in [
        "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello".to_owned(),
        format!("{HEAD}content-length: 2\r\ncontent-length: 2\r\n\r\nok"),
        format!("{HEAD}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        format!("{HEAD}connection: close\r\ncontent-length: 2\r\n\r\nok"),
        format!("HTTP/1.1 103 Early Hints\r\n\r\n{HEAD}content-length: 2\r\n\r\nok"),
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok".to_owned(),
    ] {
        let shown = answer.clone();
        let (outcome, _, connections) = against(vec![send(answer)]).await;
        assert_eq!((outcome, connections), (AttemptOutcome::Delivered, 2), "{shown:?}");
    }
}

#[tokio::test]
async fn a_second_answer_is_never_given_to_the_next_request() {
    let answer = format!("{HEAD}content-length: 5\r\n\r\nfirst");
    let forged = format!("{HEAD}content-length: 6\r\n\r\nforged");
    // Together with the first.
    let (outcome, _, connections) = against(vec![send(answer.clone() + &forged)]).await;
    assert_eq!((outcome, connections), (AttemptOutcome::Delivered, 2));
    // And a little later, when the connection already lies idle.
    let receiver =
        Receiver::start(vec![vec![send(answer), Act::Wait(Duration::from_millis(30)), send(forged)], ok("mine")]).await;
    let transport = on_loopback();
    let target = format!("http://127.0.0.1:{}/", receiver.port());
    assert_eq!(call(&transport, &target).await.exchange.response, "first");
    assert_eq!(transport.idle(), 1);
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_eq!(call(&transport, &target).await.exchange.response, "mine");
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn an_answer_before_the_request_is_read_counts_by_its_status() {
    // The body is larger than what the kernel takes, and nobody reads it.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
            .await
            .unwrap();
        std::future::pending::<()>().await;
    });
    let transport = on_loopback();
    let target = crate::world::url(&format!("http://{address}/"));
    let request = crate::world::post(&target, &"x".repeat(16 * 1_024 * 1_024));
    let sent = transport.send(crate::world::ENDPOINT, &target, request, Duration::from_secs(5)).await;
    assert_eq!(outcome(&sent), failed(Failure::Status(413)));
    assert_eq!(transport.idle(), 0, "the rest of the body was never written");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_a_failed_connection() {
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let sent = call(&on_loopback(), &format!("http://127.0.0.1:{port}/")).await;
    assert_eq!(outcome(&sent), failed(Failure::Connect));
}
