//! The tools for trying things out: listen and bench.

use crate::program::{Running, call, ringback, serve, stderr, token};

/// Sends a webhook to this URL through a server; the secret of the endpoint.
fn send(server: &mut Running, folder: &std::path::Path, url: &str, messages: usize) -> String {
    let (address, token) = (server.address(), token(folder));
    call(address, &token, "POST", "/app", r#"{"name":"Shop","uid":"shop"}"#);
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let made =
        call(address, &token, "POST", "/app/shop/endpoint", &format!(r#"{{"url":"{url}","secret":"{secret}"}}"#));
    assert_eq!(made.0, 201, "{}", made.1);
    for _ in 0..messages {
        let sent = call(address, &token, "POST", "/app/shop/msg", r#"{"eventType":"a","payload":{"pin":"31337"}}"#);
        assert_eq!(sent.0, 202);
    }
    secret.to_owned()
}

#[test]
fn listen_prints_each_request_and_whether_its_signature_verifies() {
    for (secret, judgement) in [
        (Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "signature: verified"),
        (Some("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), "signature: REFUSED: no signature matches"),
        (None, "signature: not checked"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut program = ringback("listen");
        program.args(["--port", "0"]).args(secret.iter().flat_map(|secret| ["--secret", secret]));
        let mut listener = Running::start(&mut program);
        let url = listener.line().rsplit_once(' ').unwrap().1.to_owned();
        let mut server = Running::start(&mut serve(folder.path()));
        send(&mut server, folder.path(), &format!("{url}hook"), 1);
        listener.line_with("POST /hook -> 200");
        listener.line_with("webhook-id: msg_");
        listener.line_with(r#"{"pin":"31337"}"#);
        assert!(listener.line_with("signature: ").starts_with(judgement));
    }
}

#[test]
fn listen_answers_as_it_is_told_and_fails_every_so_often() {
    let folder = tempfile::tempdir().unwrap();
    let mut listener = Running::start(ringback("listen").args([
        "--port",
        "0",
        "--status",
        "202",
        "--fail-every",
        "2",
        "--delay",
        "5ms",
    ]));
    let url = listener.line().rsplit_once(' ').unwrap().1.to_owned();
    let mut server = Running::start(&mut serve(folder.path()));
    send(&mut server, folder.path(), &url, 2);
    let answers = [listener.line_with("POST / -> "), listener.line_with("POST / -> ")];
    assert_eq!(answers, ["POST / -> 202", "POST / -> 500"]);
}

#[test]
fn listen_hands_requests_on_and_the_answers_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Running::start(ringback("listen").args(["--port", "0", "--status", "202"]));
    let place = program.line().rsplit_once(' ').unwrap().1.to_owned();
    let forward =
        ["--port", "0", "--forward", &format!("{place}in"), "--secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
    let mut listener = Running::start(ringback("listen").args(forward));
    let url = listener.line().rsplit_once(' ').unwrap().1.to_owned();
    let mut server = Running::start(&mut serve(folder.path()));
    send(&mut server, folder.path(), &format!("{url}hook?a=1"), 1);
    program.line_with("POST /in?a=1 -> 202");
    program.line_with("webhook-id: msg_");
    program.line_with(r#"{"pin":"31337"}"#);
    listener.line_with("POST /hook?a=1 -> 202");
    listener.line_with(r#"{"pin":"31337"}"#);
    assert_eq!(listener.line_with("signature: "), "signature: verified");

    let mut listener = Running::start(ringback("listen").args(["--port", "0", "--forward", "http://127.0.0.1:1/"]));
    let url = listener.line().rsplit_once(' ').unwrap().1.to_owned();
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::start(&mut serve(folder.path()));
    send(&mut server, folder.path(), &url, 1);
    listener.line_with("POST / -> 502");
    let (status, text) = crate::program::refusal(ringback("listen").args(["--forward", "localhost"]));
    assert!(status == 2 && text.contains("https://example.com/webhooks"), "{text}");
}

#[test]
fn bench_prints_one_line_of_figures_of_a_server_of_its_own_and_of_one_that_runs() {
    let bench = |flags: &[&str]| {
        let output = ringback("bench").args(["--messages", "200", "--connections", "4"]).args(flags).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::start(&mut serve(folder.path()));
    let (address, token) = (server.address().to_string(), token(folder.path()));
    for line in [bench(&[]), bench(&["--rate", "2000"]), bench(&["--server", &address, "--token", &token])] {
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(
            line.starts_with("messages=200 payload=256 connections=4 accepted/s=") && line.ends_with("missing=0\n"),
            "{line}"
        );
    }
}

#[test]
fn bench_measures_several_messages_in_a_request_in_every_order() {
    for ordering in ["none", "per_key", "fifo"] {
        let flags = ["--messages", "300", "--batch", "100", "--batch-wait", "200", "--ordering", ordering];
        let output = ringback("bench").args(flags).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let line = String::from_utf8(output.stdout).unwrap();
        assert!(line.contains(" batch=100 batch_wait_ms=200 requests=") && line.ends_with(" missing=0\n"), "{line}");
        let requests: u32 = line.split_once("requests=").unwrap().1.split(' ').next().unwrap().parse().unwrap();
        assert!((3..100).contains(&requests), "{line}");
    }
}

#[test]
fn bench_says_what_a_server_lacks_that_may_not_call_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = ringback("serve");
    program.env("RINGBACK_LISTEN", "127.0.0.1:0").env("RINGBACK_LOG", "error");
    program.arg("--store").arg(crate::program::store(folder.path()));
    let mut server = Running::start(&mut program);
    let (address, token) = (server.address().to_string(), token(folder.path()));
    let (status, text) = crate::program::refusal(ringback("bench").args(["--server", &address, "--token", &token]));
    assert!(status == 1 && text.contains("--egress-allow 127.0.0.1/32"), "{text}");
}

/// What `listen` prints of a request, which `verify` takes.
#[test]
fn verify_says_of_a_captured_request_whether_it_is_genuine_and_if_not_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut listener = Running::start(ringback("listen").args(["--port", "0"]));
    let url = listener.line().rsplit_once(' ').unwrap().1.to_owned();
    let mut server = Running::start(&mut serve(folder.path()));
    let secret = send(&mut server, folder.path(), &format!("{url}hook"), 1);
    let mut captured = listener.line_with("POST /hook -> 200") + "\n";
    loop {
        let line = listener.line();
        if line.starts_with("signature: ") {
            break;
        }
        captured += &format!("{line}\n");
    }
    let request = folder.path().join("request.txt");
    std::fs::write(&request, captured.trim_end()).unwrap();
    let verify = |secret: &str, more: &[&str]| {
        let output = ringback("verify").arg(&request).args(["--secret", secret]).args(more).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (status, text) = verify(&secret, &[]);
    assert!(status == 0 && text.starts_with("the signature holds\n"), "{text}");
    assert!(text.contains(r#".{"pin":"31337"}"#) && !text.contains('\x1b'), "{text}");
    let (status, text) = verify("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &[]);
    assert!(status == 1 && text.starts_with("the signature does not hold: the secret\n"), "{text}");
    let (status, text) = verify(&secret, &["--at", "2020-01-01T00:00:00Z"]);
    assert!(status == 1 && text.starts_with("the signature does not hold: the time\n"), "{text}");
    assert_eq!(verify("nonsense!", &[]).0, 2);
}

#[test]
fn verify_of_what_cannot_be_read_is_a_mistake_of_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let request = folder.path().join("request.txt");
    std::fs::write(&request, "webhook-id: m\n").unwrap();
    let (request, secret) = (request.to_str().unwrap(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    for (line, words) in [
        (vec!["/nonexistent"], "cannot read the request in /nonexistent"),
        (vec![request, "--body", "/nonexistent"], "cannot read the body in /nonexistent"),
    ] {
        let (status, text) = crate::program::refusal(ringback("verify").args(&line).args(["--secret", secret]));
        assert!(status == 2 && text.contains(words), "{line:?}: {status} {text}");
    }
    let (status, text) = crate::program::refusal(ringback("app").args(["list", "--token-file", "/nonexistent"]));
    assert!(status == 2 && text.contains("cannot read the token in /nonexistent"), "{status} {text}");
}

#[test]
fn shells_complete_and_manuals_tell_every_command() {
    for (shell, words) in
        [("bash", "ringback__subcmd__endpoint__subcmd__recover"), ("zsh", "--event-types"), ("fish", "recover")]
    {
        let output = ringback("completions").arg(shell).output().unwrap();
        assert!(String::from_utf8(output.stdout).unwrap().contains(words), "{shell}");
    }
    let page = String::from_utf8(ringback("man").output().unwrap().stdout).unwrap();
    assert!(page.contains(".TH ringback 1") && page.contains("ringback\\-endpoint(1)"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    assert!(ringback("man").arg(folder.path()).status().unwrap().success());
    let page = std::fs::read_to_string(folder.path().join("ringback-endpoint-create.1")).unwrap();
    assert!(page.contains("\\-\\-event\\-types"), "{page}");
}
