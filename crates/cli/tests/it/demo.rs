//! The demo, as somebody sees it who has just built the program.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use rustix::process::Signal;

use crate::program::{LIMIT, Running, ringback, stderr};

#[test]
fn once_it_shows_every_request_and_a_table_and_ends_with_status_0() {
    let started = Instant::now();
    let temporary = tempfile::tempdir().unwrap();
    let output = ringback("demo").arg("--once").env("TMPDIR", temporary.path()).output().unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success(), "{}\n{text}", stderr(&output));
    assert_eq!(stderr(&output), "", "nothing to complain about");
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());

    let answers = |path: &str| -> Vec<&str> {
        let line = format!("POST /{path}  → answered ");
        text.lines().filter_map(|text| text.strip_prefix(&line)).collect()
    };
    assert_eq!(answers("works"), ["200"]);
    assert_eq!(answers("recovers"), ["503", "503", "200"]);
    assert_eq!(answers("dead"), ["503"; 4]);
    assert_eq!(answers("ordered"), ["503", "200", "200", "200"]);
    let checked: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("ok ")).collect();
    let labels = "A2 A1 A8 A10 A11 A12 J1 J2 J3 R1 R3 R5 C1 C2 C3 C4 C6 C7 C8 C9 C10 C11 C12 C13 C14";
    assert_eq!(checked.join(" "), labels);
    assert!(text.contains("MO is not available for the SMS product."), "the refusal is shown");
    assert_eq!(text.matches("✓ signature verified").count(), 12 + 23);
    assert!(text.contains("Grüß dich 👋"), "bodies are shown as they came");
    let table: Vec<_> = text.lines().filter(|line| line.ends_with("  yes")).collect();
    assert_eq!(table.len(), 4, "{text}");
    assert!(table[2].contains("fail") && table[3].contains("in the order 1 2 3"), "{table:?}");

    assert!(text.lines().all(|line| line.chars().count() <= 100), "every line fits 100 columns");
    assert!(!text.contains('\x1b'), "no colours where there is no terminal");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn left_running_it_shows_a_message_sent_by_the_curl_that_it_prints() {
    let mut demo = Running::start(&mut ringback("demo"));
    let mut link = String::new();
    let token = loop {
        let line = demo.line();
        if line.starts_with("TOKEN=") {
            break line;
        }
        if line.contains("/console/") {
            link = line.trim().to_owned();
        } else {
            assert!(line.chars().count() <= 100, "{line}");
        }
    };
    let (host, path) = link["http://".len()..].split_once('/').unwrap();
    let page = answer(host, &format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("Sign in to the console"), "{page}");
    let token = token.split_once('=').unwrap().1;
    let url = demo.line_with("curl http://");
    let (host, path) = url["curl http://".len()..].trim_end_matches(" \\").split_once('/').unwrap();
    let headers = demo.line();
    assert!(headers.contains("Authorization: Bearer $TOKEN") && headers.contains("Content-Type: application/json"));
    let data = demo.line();
    let body = data.trim().trim_start_matches("-d '").trim_end_matches('\'');

    let head =
        format!("POST /{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n");
    let length = body.len();
    let request = format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}");
    let answer = answer(host, &request);
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");

    assert_eq!(demo.line_with("POST /demo"), "POST /demo  → answered 200");
    demo.line_with("✓ signature verified");
    assert_eq!(demo.line().trim(), r#"{"message": {"id": "7042", "status": "delivered"}}"#);
    demo.signal(Signal::INT);
    assert_eq!(demo.end(), 0);
}

/// What a server answers to these bytes before it closes the connection.
fn answer(host: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
