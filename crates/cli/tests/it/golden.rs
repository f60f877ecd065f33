//! Stores that releases have left behind: this program opens each of them and goes on where it was.
//!
//! A folder of `tests/golden` is a store as its release wrote it, keys included. Each holds the same: an application with
//! two endpoints that are paused, one of them ordered by key, three messages, an attempt that failed. None is ever changed;
//! a release that changes the tables adds one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ringback_testkit::Receiver;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::program::{LIMIT, Running, call, serve, token};

/// The stores, oldest first.
const STORES: [&str; 1] = ["0.1-schema-2"];
/// The payload of the first message, as it was accepted.
const PAYLOAD: &str = r#"{"b": 1.50, "a":  "x","a":"y"}"#;

/// A copy that may be written, with the rights that keys need.
fn copy(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    for file in fs::read_dir(golden).unwrap() {
        let file = file.unwrap();
        let path = folder.path().join(file.file_name());
        fs::copy(file.path(), &path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_of_every_release_is_opened_and_its_pending_deliveries_go_out() {
    for name in STORES {
        let folder = copy(name);
        let receiver = Receiver::start().await.unwrap();
        let mut server = Running::start(&mut serve(folder.path()));
        let (address, token) = (server.address(), token(folder.path()));
        let ask = |method: &str, path: &str, body: &str| -> Value {
            let (status, answer) = call(address, &token, method, path, body);
            assert!((200..300).contains(&status), "{name}: {method} {path}: {status} {answer}");
            answer
        };
        let app = ask("GET", "/app/golden", "");
        assert_eq!(app["metadata"], json!({ "z": "1", "a": "2" }), "{name}");
        assert_eq!(app["productUniqueIds"]["whatsapp"][0]["id"], "254700000001", "{name}");
        let secret = ask("GET", "/app/golden/endpoint/plain/secret", "");
        assert_eq!(secret["key"], "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "{name}");
        assert_eq!(ask("GET", "/event-type/order.created", "")["description"], "An order", "{name}");
        let attempts = ask("GET", "/app/golden/attempt/endpoint/plain", "");
        assert_eq!(attempts["data"].as_array().unwrap().len(), 1, "{name}");
        ask(
            "PATCH",
            "/app/golden/endpoint/plain",
            &json!({ "url": receiver.url("/plain"), "paused": false }).to_string(),
        );
        // Its token was given for another server; that it opens is told by its being in the way.
        let moved = json!({ "url": receiver.url("/reports"), "paused": false });
        let (status, answer) = call(address, &token, "PATCH", "/app/golden/endpoint/reports", &moved.to_string());
        assert_eq!((status, &answer["detail"][0]["loc"]), (422, &json!(["body", "auth"])), "{name}: {answer}");
        let mut moved = moved;
        moved["auth"] = json!({ "type": "bearer", "token": "another-token" });
        ask("PATCH", "/app/golden/endpoint/reports", &moved.to_string());
        receiver.wait_for(3, LIMIT).await.unwrap();
        let plain = receiver.requests_to("/plain").remove(0);
        assert_eq!(plain.text(), PAYLOAD, "{name}");
        plain.verify("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(plain.header("x-own"), Some("kept"), "{name}");
        let reports = receiver.requests_to("/reports");
        assert_eq!(reports[0].header("authorization"), Some("Bearer another-token"), "{name}");
        assert!(reports.iter().all(|request| request.text().starts_with("<?xml")), "{name}");
        assert_ne!(reports[0].header("webhook-id"), reports[1].header("webhook-id"), "{name}");
        server.signal(Signal::TERM);
        assert_eq!(server.end(), 0, "{name}");
    }
}
