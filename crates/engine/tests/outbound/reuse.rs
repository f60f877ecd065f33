//! Which connections are used again, and what goes out on them.

use std::time::Duration;

use http::HeaderValue;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use ringback_engine::egress::ScriptedResolver;
use ringback_model::{AttemptOutcome, EndpointNo, Failure};

use crate::receiver::{Act, Receiver, ok};
use crate::world::{ENDPOINT, TIMEOUT, call, failed, ip, on_loopback, outcome, policy, post, transport, url};

#[tokio::test]
async fn requests_of_one_endpoint_share_a_connection() {
    let receiver = Receiver::start(vec![ok("hello")]).await;
    let transport = on_loopback();
    for _ in 0..20 {
        let sent = call(&transport, &format!("http://127.0.0.1:{}/", receiver.port())).await;
        assert_eq!((outcome(&sent), sent.exchange.response.as_ref()), (AttemptOutcome::Delivered, b"hello".as_slice()));
    }
    assert_eq!((receiver.connections(), transport.idle()), (1, 1));
}

#[tokio::test]
async fn an_idle_connection_may_be_used_by_another_task() {
    let receiver = Receiver::start(vec![ok("")]).await;
    let transport = std::sync::Arc::new(on_loopback());
    for _ in 0..5 {
        let (transport, port) = (std::sync::Arc::clone(&transport), receiver.port());
        let sent = tokio::spawn(async move { call(&transport, &format!("http://127.0.0.1:{port}/")).await });
        assert_eq!(outcome(&sent.await.unwrap()), AttemptOutcome::Delivered);
    }
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn endpoints_and_origins_do_not_share_connections() {
    let receiver = Receiver::start(vec![ok("")]).await;
    let resolver = ScriptedResolver::new().with_addresses("hooks.example", [ip("127.0.0.1")]);
    let transport = transport(policy("127.0.0.0/8"), resolver);
    let target = url(&format!("http://127.0.0.1:{}/", receiver.port()));
    for endpoint in [1, 2] {
        transport.send(EndpointNo(endpoint), &target, post(&target, ""), TIMEOUT).await;
    }
    assert_eq!((receiver.connections(), transport.idle()), (2, 2));
    let renamed = url(&format!("http://hooks.example:{}/", receiver.port()));
    transport.send(EndpointNo(1), &renamed, post(&renamed, ""), TIMEOUT).await;
    assert_eq!((receiver.connections(), transport.idle()), (3, 2));
    transport.forget(EndpointNo(1));
    assert_eq!(transport.idle(), 1);
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced_within_the_attempt() {
    let mut closing = ok("");
    closing.push(Act::Close);
    let receiver = Receiver::start(vec![closing.clone(), closing, ok("last")]).await;
    let transport = on_loopback();
    let target = format!("http://127.0.0.1:{}/", receiver.port());
    for _ in 0..3 {
        assert_eq!(outcome(&call(&transport, &target).await), AttemptOutcome::Delivered);
        // Time for the close to arrive, which nobody waits for.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((receiver.connections(), receiver.requests().len()), (3, 3));
}

#[tokio::test]
async fn a_close_that_the_runtime_has_not_heard_of_is_noticed_before_anything_is_written() {
    // One thread and no turn of it between the close and the next request: only the kernel knows.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let receiver = std::thread::spawn(move || {
        use std::io::{Read, Write};
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1_024];
            let read = stream.read(&mut request).unwrap();
            assert!(read > 0, "every connection carries a request");
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
            // Late enough that the connection has gone to rest, early enough for the sleep below.
            std::thread::sleep(Duration::from_millis(30));
        }
    });
    let transport = on_loopback();
    let target = format!("http://127.0.0.1:{port}/");
    assert_eq!(outcome(&call(&transport, &target).await), AttemptOutcome::Delivered);
    assert_eq!(transport.idle(), 1);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(outcome(&call(&transport, &target).await), AttemptOutcome::Delivered);
    receiver.join().unwrap();
}

#[tokio::test]
async fn a_close_after_the_request_may_have_been_read_is_not_sent_again_by_itself() {
    let receiver = Receiver::start(vec![ok(""), vec![Act::Close], ok("")]).await;
    let transport = on_loopback();
    let target = format!("http://127.0.0.1:{}/", receiver.port());
    assert_eq!(outcome(&call(&transport, &target).await), AttemptOutcome::Delivered);
    assert_eq!(outcome(&call(&transport, &target).await), failed(Failure::Closed));
    assert_eq!((receiver.connections(), receiver.requests().len()), (1, 2), "one attempt, one request");
}

#[tokio::test(start_paused = true)]
async fn idle_connections_end_after_thirty_seconds_and_busy_ones_after_two_minutes() {
    let receiver = Receiver::start(vec![ok("")]).await;
    let transport = on_loopback();
    let target = format!("http://127.0.0.1:{}/", receiver.port());
    let after = async |seconds| {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        tokio::time::resume();
        assert_eq!(outcome(&call(&transport, &target).await), AttemptOutcome::Delivered);
        tokio::time::pause();
        receiver.connections()
    };
    assert_eq!(after(0).await, 1);
    assert_eq!(after(29).await, 1);
    assert_eq!(after(31).await, 2);
    for _ in 0..4 {
        assert_eq!(after(29).await, 2);
    }
    assert_eq!(after(10).await, 3, "older than two minutes, though never idle for long");
    tokio::time::advance(Duration::from_secs(31)).await;
    assert_eq!(transport.idle(), 1);
    transport.sweep();
    assert_eq!(transport.idle(), 0);
}

#[tokio::test]
async fn the_transport_alone_says_where_a_request_goes_and_how_long_it_is() {
    let receiver = Receiver::start(vec![ok("")]).await;
    let resolver = ScriptedResolver::new().with_addresses("hooks.example", [ip("127.0.0.1")]);
    let transport = transport(policy("127.0.0.0/8"), resolver);
    let target = url(&format!("http://Hooks.Example.:{}/a%2Fb/?x={{{{y}}}}&z=%d", receiver.port()));
    let mut request = post(&target, "12345");
    request.headers.insert(HOST, HeaderValue::from_static("evil.example"));
    request.headers.insert(CONTENT_LENGTH, HeaderValue::from_static("2"));
    request.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    request.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    request.headers.insert("webhook-id", HeaderValue::from_static("msg_1"));
    transport.send(ENDPOINT, &target, request, TIMEOUT).await;

    let seen = receiver.requests().remove(0);
    let mut lines: Vec<&str> = seen.split("\r\n").collect();
    assert_eq!(lines.remove(0), "POST /a%2Fb/?x={{y}}&z=%d HTTP/1.1");
    assert_eq!(lines.pop(), Some("12345"));
    lines.retain(|line| !line.is_empty());
    lines.sort_unstable();
    assert_eq!(lines, ["content-length: 5", &format!("host: hooks.example:{}", receiver.port()), "webhook-id: msg_1"]);
}

#[tokio::test]
async fn a_get_has_no_body_and_an_empty_post_says_so() {
    let receiver = Receiver::start(vec![ok("")]).await;
    let transport = on_loopback();
    let target = url(&format!("http://127.0.0.1:{}/", receiver.port()));
    let mut get = post(&target, "");
    get.method = http::Method::GET;
    transport.send(ENDPOINT, &target, get, TIMEOUT).await;
    transport.send(ENDPOINT, &target, post(&target, ""), TIMEOUT).await;
    let seen = receiver.requests();
    assert!(!seen[0].contains("content-length") && seen[0].starts_with("GET / "));
    assert!(seen[1].contains("content-length: 0\r\n"));
}

#[tokio::test]
async fn an_answer_says_what_was_seen_and_how_long_it_took() {
    let mut slow = vec![Act::Wait(Duration::from_millis(30))];
    slow.extend(ok("fine"));
    let receiver = Receiver::start(vec![slow]).await;
    let sent = call(&on_loopback(), &format!("http://localhost:{}/", receiver.port())).await;
    let seen = &sent.exchange;
    assert_eq!(
        (seen.status, seen.address, seen.response.as_ref()),
        (Some(200), Some(ip("127.0.0.1")), b"fine".as_slice())
    );
    assert!(seen.phases.first_byte >= Duration::from_millis(25));
    assert!(seen.phases.total >= seen.phases.first_byte + seen.phases.connect);
    assert_eq!(seen.phases.tls, Duration::ZERO);
}

#[tokio::test]
async fn many_requests_at_once_get_each_their_own_answer() {
    let receiver = Receiver::start(vec![ok("x")]).await;
    let transport = on_loopback();
    let target = format!("http://127.0.0.1:{}/", receiver.port());
    for _ in 0..3 {
        let calls: Vec<_> = (0..20).map(|_| call(&transport, &target)).collect();
        for sent in futures_util::future::join_all(calls).await {
            assert_eq!(outcome(&sent), AttemptOutcome::Delivered);
        }
    }
    assert!(receiver.connections() <= 20, "{}", receiver.connections());
}
