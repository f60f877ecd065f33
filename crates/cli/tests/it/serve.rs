//! The server as a process: how it starts, stops, and refuses to start.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use ringback_testkit::{Answer, Receiver};
use rustix::process::Signal;
use serde_json::Value;

use crate::program::{LIMIT, Running, call, refusal, serve, store, token, try_call};

/// Makes an application `shop` with an endpoint at `url`, and sends it a message.
fn send(server: &mut Running, folder: &Path, url: &str) -> std::net::SocketAddr {
    let (address, token) = (server.address(), token(folder));
    assert_eq!(call(address, &token, "POST", "/app", r#"{"name":"Shop","uid":"shop"}"#).0, 201);
    let endpoint = format!(r#"{{"url":"{url}","headers":{{"x-api-key":"hunter2"}}}}"#);
    let made = call(address, &token, "POST", "/app/shop/endpoint", &endpoint);
    assert_eq!(made.0, 201, "{}", made.1);
    let sent = call(address, &token, "POST", "/app/shop/msg", r#"{"eventType":"sms.dlr","payload":{"pin":"31337"}}"#);
    assert_eq!(sent.0, 202, "{}", sent.1);
    address
}

#[test]
fn it_says_where_it_is_and_how_to_get_in_and_is_healthy_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::start(&mut serve(folder.path()));
    let address = server.address();
    assert_eq!(server.line(), format!("For a token run: ringback token --store {}", store(folder.path())));
    assert_eq!(call(address, "", "GET", "/health", "").0, 204);
}

#[test]
fn both_signals_end_it_with_status_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Running::start(&mut serve(folder.path()));
        server.address();
        server.signal(signal);
        assert_eq!(server.end(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_finished_before_it_stops_and_not_sent_again_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await.unwrap();
    receiver.answer("/hook", Answer::status(200).held());
    let mut program = serve(folder.path());
    let mut server = Running::start(program.args(["--log", "info"]).stderr(Stdio::piped()));
    let address = send(&mut server, folder.path(), &receiver.url("/hook"));
    receiver.wait_for(1, LIMIT).await.unwrap();
    server.signal(Signal::TERM);
    server.error_with("stopping");
    while std::net::TcpStream::connect(address).is_ok() {}
    // Nothing can be seen of a server that waits; one that does not wait is gone by then.
    tokio::time::sleep(Duration::from_millis(100)).await;
    receiver.release();
    assert_eq!(server.end(), 0);

    let mut next = Running::start(&mut serve(folder.path()));
    let (address, token) = (next.address(), token(folder.path()));
    let messages = call(address, &token, "GET", "/app/shop/msg", "").1;
    let message = messages["data"][0]["id"].as_str().unwrap();
    let attempts = call(address, &token, "GET", &format!("/app/shop/attempt/msg/{message}"), "").1;
    assert_eq!(attempts["data"].as_array().unwrap().len(), 1, "{attempts}");
    assert_eq!(attempts["data"][0]["statusText"], "success", "{attempts}");
    assert_eq!(receiver.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await.unwrap();
    receiver.answer("/hook", Answer::status(200).held());
    let mut program = serve(folder.path());
    let mut server = Running::start(program.args(["--log", "info"]).stderr(Stdio::piped()));
    send(&mut server, folder.path(), &receiver.url("/hook"));
    receiver.wait_for(1, LIMIT).await.unwrap();
    server.signal(Signal::TERM);
    server.error_with("stopping");
    server.signal(Signal::INT);
    assert_eq!(server.end(), 130);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_attempt_is_one_line_of_json_without_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await.unwrap();
    receiver.fail_then_succeed("/hook", 1, 503);
    let mut program = serve(folder.path());
    program.args(["--log", "error,ringback::attempt=debug", "--log-format", "json", "--retry-schedule", "10ms"]);
    program.stderr(Stdio::piped());
    let mut server = Running::start(&mut program);
    send(&mut server, folder.path(), &receiver.url("/hook?key=31415"));
    receiver.wait_for(2, LIMIT).await.unwrap();
    server.signal(Signal::TERM);
    assert_eq!(server.end(), 0);
    let log = server.errors();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let attempts: Vec<_> = lines.iter().filter(|line| line["target"] == "ringback::attempt").collect();
    assert_eq!(attempts.len(), 2, "{log}");
    assert!(log.lines().all(|line| line.matches(r#""message":"#).count() == 1), "no member comes twice: {log}");
    for secret in ["hunter2", "31337", "31415", "whsec_"] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Running::start(&mut serve(folder.path()));
    first.address();
    let (status, text) = refusal(&mut serve(folder.path()));
    assert_eq!((status, text.lines().count()), (1, 1), "{text}");
    assert!(text.starts_with("ringback: the store in ") && text.contains("in use by another server"), "{text}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (status, text) = refusal(serve(folder.path()).args(["--listen", &address]));
    assert_eq!(
        (status, text),
        (1, format!("ringback: cannot listen on {address}: the port is taken (choose another with --listen)\n"))
    );
}

#[test]
fn another_master_key_and_a_newer_store_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let stop = |mut server: Running| {
        server.address();
        server.signal(Signal::TERM);
        assert_eq!(server.end(), 0);
    };
    stop(Running::start(&mut serve(folder.path())));

    let elsewhere = tempfile::tempdir().unwrap();
    let other = elsewhere.path().join("other.key");
    stop(Running::start(serve(&elsewhere.path().join("store")).arg("--master-key-file").arg(&other)));
    let (status, text) = refusal(serve(folder.path()).arg("--master-key-file").arg(&other));
    assert_eq!((status, text.lines().count()), (1, 1), "{text}");
    assert!(text.contains("master key"), "{text}");

    // The number of the version stands at byte 60 of an SQLite file, big-endian.
    let path = folder.path().join("ringback.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    std::fs::write(&path, bytes).unwrap();
    let (status, text) = refusal(&mut serve(folder.path()));
    assert_eq!((status, text.lines().count()), (1, 1), "{text}");
    assert!(text.contains("version 9999, newer than this Ringback"), "{text}");
}

#[test]
fn a_store_whose_master_key_is_missing_is_refused_and_no_other_key_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::start(&mut serve(folder.path()));
    server.address();
    server.signal(Signal::TERM);
    assert_eq!(server.end(), 0);

    let (key, away) = (folder.path().join("master.key"), folder.path().join("away"));
    std::fs::rename(&key, &away).unwrap();
    let (status, text) = refusal(&mut serve(folder.path()));
    assert_eq!((status, text.lines().count()), (1, 1), "{text}");
    assert!(text.contains("master.key is missing") && text.contains("--master-key-file"), "{text}");
    assert!(!key.exists());

    std::fs::rename(&away, &key).unwrap();
    Running::start(&mut serve(folder.path())).address();
}

/// A write to `/dev/full` fails as on a disk without room, and one to a pipe that nobody reads as after a crash of the
/// program that collects the log.
#[test]
fn a_log_that_cannot_be_written_does_not_end_the_server() {
    let full = || Stdio::from(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let broken = || Stdio::from(std::io::pipe().unwrap().1);
    for errors in [full(), broken()] {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Running::start(serve(folder.path()).args(["--log", "trace"]).stderr(errors));
        let address = server.address();
        let token = token(folder.path());
        for _ in 0..3 {
            assert_eq!(call(address, &token, "GET", "/app", "").0, 200);
        }
        server.signal(Signal::TERM);
        assert_eq!(server.end(), 0);
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named_in_one_line() {
    let (status, text) = refusal(&mut serve("/dev/null/data".as_ref()));
    assert_eq!((status, text.lines().count()), (1, 1), "{text}");
    assert!(text.contains("/dev/null/data"), "{text}");
}

/// A limit on the size of files makes a commit fail in the middle, as a broken disk does.
#[test]
fn a_store_that_breaks_ends_the_process_with_status_70() {
    let folder = tempfile::tempdir().unwrap();
    let program = serve(folder.path());
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$@\"", "sh"]);
    limited.arg(program.get_program()).args(program.get_args()).stderr(Stdio::piped());
    limited.env("RINGBACK_LISTEN", "127.0.0.1:0");
    let mut server = Running::start(&mut limited);
    let (address, token) = (server.address(), token(folder.path()));
    call(address, &token, "POST", "/app", r#"{"name":"Shop","uid":"shop"}"#);
    let message = format!(r#"{{"eventType":"sms.dlr","payload":{{"text":"{}"}}}}"#, "x".repeat(100_000));
    let post = || try_call(address, &token, "POST", "/app/shop/msg", &message).ok().map(|(status, _)| status);
    let refused = (0..100).map(|_| post()).find(|status| *status != Some(202));
    // The process may end before the answer is out.
    assert!(matches!(refused, Some(Some(503) | None)), "{refused:?}");
    let status = server.end();
    let text = server.errors();
    assert_eq!(status, 70, "{text}");
    assert!(text.lines().any(|line| line.starts_with("ringback: the store is broken")), "{text}");
}

/// What a path answers: the status line and the body.
fn page(address: std::net::SocketAddr, path: &str) -> (String, String) {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[test]
fn metrics_and_readiness_are_on_the_operators_address_alone_if_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::start(serve(folder.path()).args(["--admin-listen", "127.0.0.1:0"]));
    let api = server.address();
    let line = server.line_with("Metrics and readiness are on http://");
    let admin = line.split("http://").nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
    let metrics = page(admin, "/metrics");
    assert!(metrics.0.contains("200") && metrics.1.contains("ringback_dispatcher_up 1\n"), "{metrics:?}");
    assert!(page(admin, "/readyz").1.starts_with(r#"{"status":"ready""#));
    assert!(page(admin, "/api/v1/health").0.contains("404"));
    for path in ["/metrics", "/readyz"] {
        assert!(page(api, path).0.contains("404"), "{path}");
    }
    let other = tempfile::tempdir().unwrap();
    let mut server = Running::start(&mut serve(other.path()));
    let api = server.address();
    assert!(page(api, "/metrics").0.contains("200") && page(api, "/readyz").0.contains("200"));
}
