//! From an embedded store to PostgreSQL with the real program, killed on the way: the next server shows the same things and
//! delivers what was pending, in order.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ringback_testkit::{Answer, Database, Receiver};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{LIMIT, Running, call, refusal, ringback, serve, stderr, store, token};

/// Messages for the ordered endpoint, two keys in turn.
const ORDERED: usize = 40;

/// A database in a folder of its own; none where PostgreSQL is not installed.
async fn database() -> Option<(Database, TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let address = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let Some(database) = Database::start(folder.path(), address).await.unwrap() else {
        let has_to = std::env::var_os("RINGBACK_REQUIRE_POSTGRES").is_some_and(|set| set == "1");
        assert!(!has_to, "postgres: it is not installed");
        #[expect(clippy::print_stdout, reason = "whoever reads the tests' output learns what was not tested")]
        {
            println!("SKIP postgres: it is not installed");
        }
        return None;
    };
    Some((database, folder))
}

/// A server, as it is spoken to.
struct Server {
    running: Running,
    address: SocketAddr,
    token: String,
}

impl Server {
    fn start(program: &mut Command, token: &str) -> Self {
        let mut running = Running::start(program);
        Self { address: running.address(), running, token: token.to_owned() }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = call(self.address, &self.token, method, path, &body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    fn stop(mut self) {
        self.running.signal(Signal::TERM);
        assert_eq!(self.running.end(), 0);
    }

    /// All that the API says of what was set up and sent.
    fn shown(&self) -> Vec<(String, Value)> {
        let mut paths: Vec<String> = ["/app", "/event-type", "/background-task"].map(str::to_owned).to_vec();
        for app in ["shop", "bank"] {
            for thing in ["", "/endpoint", "/msg?with_content=true", "/stats"] {
                paths.push(format!("/app/{app}{thing}"));
            }
            for endpoint in ["plain", "ordered", "failing"] {
                paths.push(format!("/app/{app}/endpoint/{endpoint}/secret"));
                paths.push(format!("/app/{app}/endpoint/{endpoint}/headers"));
                paths.push(format!("/app/{app}/attempt/endpoint/{endpoint}"));
                paths.push(format!("/app/{app}/endpoint/{endpoint}/msg"));
            }
            let messages = self.ask("GET", &format!("/app/{app}/msg?limit=250"), &Value::Null);
            for message in messages["data"].as_array().unwrap() {
                paths.push(format!("/app/{app}/msg/{}/endpoint", message["id"].as_str().unwrap()));
                paths.push(format!("/app/{app}/attempt/msg/{}", message["id"].as_str().unwrap()));
            }
        }
        let answer = |path: &String| call(self.address, &self.token, "GET", path, "");
        paths
            .iter()
            .map(|path| (path.clone(), answer(path)))
            .map(|(path, (status, answer))| (path, json!([status, answer])))
            .collect()
    }
}

/// Applications with something delivered, something that fails, and much that waits for paused endpoints.
async fn fill(server: &Server, receiver: &Receiver) {
    receiver.answer("/failing", Answer::status(500));
    server.ask("POST", "/event-type", &json!({ "name": "sms.dlr", "description": "a report" }));
    for app in ["shop", "bank"] {
        server.ask("POST", "/app", &json!({ "name": app, "uid": app, "metadata": { "z": "1", "a": "2" } }));
        for (uid, more) in [("plain", json!({})), ("ordered", json!({ "ordering": "per_key" })), ("failing", json!({}))]
        {
            let mut endpoint = json!({
                "url": receiver.url(&format!("/{uid}")), "uid": uid, "headers": { "x-of": app }, "channels": [uid],
            });
            endpoint.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            server.ask("POST", &format!("/app/{app}/endpoint"), &endpoint);
        }
        let send = |channel: &str, at: usize, key: Option<String>| {
            let mut message =
                json!({ "eventType": "sms.dlr", "channels": [channel], "payload": { "of": app, "at": at } });
            if let Some(key) = key {
                message["orderingKey"] = key.into();
            }
            server.ask("POST", &format!("/app/{app}/msg"), &message)
        };
        send("plain", 0, None);
        send("failing", 0, None);
        receiver.wait_for_path("/plain", if app == "shop" { 1 } else { 2 }, LIMIT).await.unwrap();
        receiver.wait_for_path("/failing", if app == "shop" { 1 } else { 2 }, LIMIT).await.unwrap();
        for uid in ["plain", "ordered"] {
            server.ask("PATCH", &format!("/app/{app}/endpoint/{uid}"), &json!({ "paused": true }));
        }
        server.ask("PATCH", &format!("/app/{app}/endpoint/failing"), &json!({ "disabled": true }));
        for at in 0..ORDERED {
            send("ordered", at, Some(format!("key {}", at % 2)));
        }
        send("plain", 1, None);
    }
}

fn migrate(folder: &Path, url: &str, rows: usize) -> Command {
    let mut program = ringback("migrate-store");
    program.arg("--from").arg(store(folder)).env("RINGBACK_TO", url).args(["--rows", &rows.to_string()]);
    program.stderr(Stdio::piped());
    program
}

/// `serve` on the database, with the keys of the embedded store.
fn serve_there(folder: &Path, url: &str) -> Command {
    let mut program = ringback("serve");
    program.env("RINGBACK_LISTEN", "127.0.0.1:0").env("RINGBACK_LOG", "error").env("RINGBACK_STORE", url);
    program.args(["--egress-allow", "127.0.0.1"]);
    program.arg("--master-key-file").arg(folder.join("master.key"));
    program.arg("--jwt-secret-file").arg(folder.join("jwt.key"));
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_carried_over_through_kills_and_the_next_server_goes_on_with_it() {
    let Some((database, _files)) = database().await else { return };
    let url = database.url();
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await.unwrap();
    let server = Server::start(&mut serve(folder.path()), "");
    let server = Server { token: token(folder.path()), ..server };
    fill(&server, &receiver).await;
    let (status, text) = refusal(&mut migrate(folder.path(), &url, 1));
    assert!(status == 1 && text.contains("in use by another server"), "{text}");
    let (shown, token) = (server.shown(), server.token.clone());
    server.stop();

    // Killed when it has come so far, each time further: in the middle of what follows.
    for until in ["documents: 1 of", "configurations: 2 of 2", "messages: 86 of 86", "deliveries: 86 of 86", "audits: "]
    {
        let mut run = Running::start(&mut migrate(folder.path(), &url, 1));
        run.error_with(until);
        run.signal(Signal::KILL);
        assert_eq!(run.end(), 128 + 9, "{until}");
        let (status, text) = refusal(&mut serve_there(folder.path(), &url));
        assert!(status == 1 && text.contains("run that command again until it says"), "{text}");
        let (status, text) = refusal(ringback("check").env("RINGBACK_STORE", &url));
        assert!(status == 1 && text.contains("has not carried everything over"), "{text}");
    }
    let done = migrate(folder.path(), &url, 1_000).output().unwrap();
    assert!(done.status.success(), "{}", stderr(&done));
    let said = String::from_utf8(done.stdout).unwrap();
    for line in [
        "in several runs",
        "messages    86",
        "whole       yes",
        "keys        servers need the same ones: --master-key-file ",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let again = migrate(folder.path(), &url, 1_000).output().unwrap();
    assert!(String::from_utf8(again.stdout).unwrap().contains("everything was carried over before"));

    let server = Server::start(&mut serve_there(folder.path(), &url), &token);
    for ((path, before), (same, after)) in shown.iter().zip(server.shown()) {
        assert_eq!(*path, same);
        assert_eq!(*before, after, "{path}");
    }
    let before = receiver.requests().len();
    for app in ["shop", "bank"] {
        for uid in ["plain", "ordered"] {
            server.ask("PATCH", &format!("/app/{app}/endpoint/{uid}"), &json!({ "paused": false }));
        }
    }
    receiver.wait_for(before + 2 * (ORDERED + 1), LIMIT).await.unwrap();
    // Nothing comes after that.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.requests().len(), before + 2 * (ORDERED + 1));
    for app in ["shop", "bank"] {
        let arrived: Vec<_> = receiver
            .requests_to("/ordered")
            .iter()
            .filter(|request| request.header("x-of") == Some(app))
            .map(|request| serde_json::from_str::<Value>(&request.text()).unwrap()["at"].as_u64().unwrap())
            .collect();
        for key in 0..2 {
            let of_key: Vec<_> = arrived.iter().copied().filter(|at| at % 2 == key).collect();
            assert_eq!(of_key, (0..ORDERED as u64).filter(|at| at % 2 == key).collect::<Vec<_>>(), "{app} {key}");
        }
        let secret = server.ask("GET", &format!("/app/{app}/endpoint/ordered/secret"), &Value::Null);
        let of_app = receiver.requests_to("/ordered");
        let of_app = of_app.iter().find(|request| request.header("x-of") == Some(app)).unwrap();
        of_app.verify(secret["key"].as_str().unwrap()).unwrap();
    }
    server.stop();
    let whole = ringback("check")
        .env("RINGBACK_STORE", &url)
        .arg("--master-key-file")
        .arg(folder.path().join("master.key"))
        .output()
        .unwrap();
    assert!(whole.status.success(), "{}", stderr(&whole));
}

#[test]
fn what_it_is_not_for_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let run = |from: &str, to: &str| refusal(ringback("migrate-store").args(["--from", from, "--to", to]));
    let (here, there) = (store(folder.path()), "postgres://u:hunter2@127.0.0.1:1/b");
    let (status, text) = run(there, there);
    assert!(status == 2 && text.contains("--from is an embedded store"), "{text}");
    let (status, text) = run(&here, &here);
    assert!(status == 2 && text.contains("--to is a database"), "{text}");
    let server = Server::start(&mut serve(folder.path()), "");
    server.stop();
    let (status, text) = run(&here, there);
    assert!(status == 1 && text.contains("the database cannot be reached") && !text.contains("hunter2"), "{text}");
    let (status, text) = run("sqlite:/nowhere", there);
    assert!(status == 1 && text.contains("there is no store in /nowhere"), "{text}");
    std::fs::remove_file(folder.path().join("master.key")).unwrap();
    let (status, text) = run(&here, there);
    assert!(status == 1 && text.contains("put the file back, or name it with --master-key-file"), "{text}");
}
