//! Code of endpoints' owners in processes of its own: what cannot be interrupted from within is taken away, and nothing of
//! the server is there for it to find.

use serde_json::json;

use crate::program::{Running, call, serve, token};

/// Each step is one in which the interpreter does not look at the time.
const WITHOUT_END: &str = "function handler(webhook) { const n = 3n ** 500000n; for (;;) n * n }";

fn children(pid: u32) -> Vec<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let mut all: Vec<u32> = text.split_whitespace().map(|id| id.parse().unwrap()).collect();
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        all.extend(text.split_whitespace().map(|id| id.parse::<u32>().unwrap()));
    }
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn code_that_cannot_be_interrupted_is_taken_away_and_the_next_webhook_goes_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::start(serve(folder.path()).env("RINGBACK_LEAK", "a secret of the operator"));
    let (address, token) = (server.address(), token(folder.path()));
    call(address, &token, "POST", "/app", r#"{"name":"Shop","uid":"shop"}"#);
    let made = call(address, &token, "POST", "/app/shop/endpoint", r#"{"url":"https://example.com/","uid":"e"}"#);
    assert_eq!(made.0, 201, "{}", made.1);
    let simulate = |code: &str| {
        let body = json!({ "code": code, "eventType": "a", "payload": { "n": 1 } }).to_string();
        call(address, &token, "POST", "/app/shop/endpoint/e/transformation/simulate", &body)
    };
    let good = "function handler(webhook) { webhook.payload.n += 1; return webhook }";
    for _ in 0..2 {
        let (status, answer) = simulate(good);
        assert_eq!((status, &answer["payload"]), (200, &json!(r#"{"n":2}"#)), "{answer}");
        let (status, answer) = simulate(WITHOUT_END);
        assert!(status == 422 && answer.to_string().contains("50 ms"), "{answer}");
    }
    assert_eq!(simulate(good).0, 200);
    // What runs it is another process, to which nothing of the server's surroundings was given.
    let workers = children(server.id());
    assert!(!workers.is_empty());
    for worker in &workers {
        assert_eq!(std::fs::read_to_string(format!("/proc/{worker}/environ")).unwrap(), "");
    }
    server.signal(rustix::process::Signal::KILL);
    server.end();
    let is_there =
        |worker: &u32| std::fs::read_to_string(format!("/proc/{worker}/cmdline")).is_ok_and(|line| !line.is_empty());
    let begun = std::time::Instant::now();
    while workers.iter().any(is_there) {
        assert!(begun.elapsed().as_secs() < 30, "a worker outlives its server");
        std::thread::yield_now();
    }
}
