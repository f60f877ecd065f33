//! The commands of the API against a real server: tables and JSON, bodies, paging, errors and exit statuses.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Running, ringback, serve, stderr, token};
use crate::terminal::in_terminal;

/// A server, and the token that commands are run with.
pub(crate) struct Server {
    url: String,
    token: String,
    folder: TempDir,
    _running: Running,
}

impl Server {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut running = Running::start(&mut serve(folder.path()));
        let url = format!("http://{}", running.address());
        Self { url, token: token(folder.path()), folder, _running: running }
    }

    /// A command line with spaces between its words.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut words = line.split(' ');
        let mut command = ringback(words.next().unwrap());
        command.args(words).env("RINGBACK_URL", &self.url).env("RINGBACK_TOKEN", &self.token);
        command
    }

    /// What it prints; it has to succeed.
    pub(crate) fn run(&self, line: &str) -> String {
        text(&self.command(line).output().unwrap())
    }

    /// The same as JSON.
    pub(crate) fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.run(line)).unwrap()
    }

    /// Its exit status and what it complains of.
    pub(crate) fn refusal(&self, line: &str) -> (i32, String) {
        crate::program::refusal(&mut self.command(line))
    }

    /// The same with this on standard input.
    fn with_input(&self, line: &str, input: &[u8]) -> Output {
        let mut command = self.command(line);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    }
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_webhook_is_set_up_used_and_removed_by_commands() {
    let server = Server::start();
    let app = server.json("app create --name Acme --uid acme --metadata plan=gold");
    assert_eq!((&app["uid"], &app["metadata"]["plan"]), (&"acme".into(), &"gold".into()));
    server.run("event-type create --name sms.dlr --description reports");
    let made = server.json("endpoint create acme --url http://127.0.0.1:9/hook --uid hook --event-types sms.dlr");
    assert_eq!(made["eventTypes"], serde_json::json!(["sms.dlr"]));
    server.run("endpoint update acme hook --paused --description reports");
    let hook = server.json("endpoint get acme hook");
    assert_eq!((&hook["paused"], &hook["description"]), (&true.into(), &"reports".into()));
    assert!(server.json("endpoint get-secret acme hook")["key"].as_str().unwrap().starts_with("whsec_"));

    let payload = br#"{"n": 1.50, "big": 12345678901234567890, "n": null}"#;
    let sent = text(&server.with_input("message send acme sms.dlr - --event-id 7042", payload));
    assert!(sent.contains(std::str::from_utf8(payload).unwrap()), "{sent}");
    let id = serde_json::from_str::<Value>(&sent).unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(server.run("message list acme --output id").trim(), id);
    assert_eq!(server.json("attempt endpoints acme 7042")["data"][0]["uid"], "hook");
    server.run("attempt cancel acme 7042 hook");
    server.run("attempt resend acme 7042 hook");
    assert_eq!(server.json("endpoint recover acme hook --since 1h")["task"], "endpoint.recover");

    server.run("app update acme --unset uid --metadata {}");
    assert_eq!(server.json("app list")["data"][0]["metadata"], serde_json::json!({}));
    assert_eq!(server.refusal("app get acme").0, 5);
    assert_eq!(server.run(&format!("app delete {}", app["id"].as_str().unwrap())), "");
    assert_eq!(server.json("app list")["data"], serde_json::json!([]));
}

#[test]
fn bodies_come_from_arguments_files_and_pipes_and_a_half_read_one_is_not_sent() {
    let server = Server::start();
    let file = server.folder.path().join("app.json");
    std::fs::write(&file, r#"{"name": "File", "uid": "file"}"#).unwrap();
    server.run(&format!("app create @{}", file.display()));
    server.run(r#"app create {"name":"Argument","uid":"argument"}"#);
    let cut = server.with_input("app create -", br#"{"name": "Pipe", "uid": "pi"#);
    assert_eq!(cut.status.code(), Some(2));
    assert!(
        stderr(&cut).contains("no whole JSON: EOF while parsing a string") && stderr(&cut).contains("nothing was sent")
    );
    assert_eq!(server.with_input("app create -", b"").status.code(), Some(2));
    let whole = server.with_input("app create - --uid pipe", br#"{"name": "Pipe", "uid": "other"}"#);
    assert_eq!(serde_json::from_str::<Value>(&text(&whole)).unwrap()["uid"], "pipe");
    let names = server.run("app list --output table");
    assert!(["File", "Argument", "Pipe"].iter().all(|name| names.contains(name)) && !names.contains("other"));
}

#[test]
fn all_pages_are_one_list() {
    let server = Server::start();
    for number in 0..7 {
        server.run(&format!("app create --name App-{number} --uid app-{number}"));
    }
    let page = server.json("app list --limit 3");
    assert_eq!((page["data"].as_array().unwrap().len(), &page["done"]), (3, &false.into()));
    let all = server.json("app list --limit 3 --all");
    let uids: Vec<_> = all["data"].as_array().unwrap().iter().map(|app| app["uid"].as_str().unwrap()).collect();
    assert_eq!((uids.len(), uids[0], uids[6], &all["done"]), (7, "app-0", "app-6", &true.into()));
    assert_eq!(server.run("app list --limit 3 --all -o id").lines().count(), 7);
    assert_eq!(server.run("app list --limit 3 --all -o table").lines().count(), 8, "one head for all pages");
    assert_eq!(server.json("message list app-0 --all")["data"], serde_json::json!([]));
}

#[test]
fn a_refusal_is_told_in_words_and_with_a_status_for_scripts() {
    let server = Server::start();
    server.run("app create --name Acme --uid acme");
    for (line, status, words) in [
        ("endpoint create acme --url ftp://a.example", 3, "body.url: Webhooks are sent to `https://` or `http://`"),
        (
            "endpoint create acme",
            2,
            "the body is missing: give it as JSON, @FILE or - for standard input, or flags such as --url",
        ),
        ("app create --name Acme --uid acme", 6, "the server refused it with 409"),
        ("app get nobody", 5, "the server refused it with 404: There is no application"),
        ("app list --token wrong", 4, "`ringback token` prints one"),
        ("app list --server http://127.0.0.1:1", 8, "nothing answers at http://127.0.0.1:1: start the server there"),
        ("app list --server 127.0.0.1", 2, "such as http://127.0.0.1:8071"),
        ("app list --limit many", 2, "--limit is a number, and not `many`"),
        ("app lst", 2, "list"),
    ] {
        let (got, text) = server.refusal(line);
        assert!(got == status && text.contains(words), "{line}: {got} {text}");
    }
    assert_eq!(server.json("app list")["data"].as_array().unwrap().len(), 1);
}

#[test]
fn the_same_key_does_nothing_twice() {
    let server = Server::start();
    server.run("app create --name Acme --uid acme");
    let send = || server.run(r#"message send acme a {"a":1} --idempotency-key k"#);
    assert_eq!(send(), send());
    assert_eq!(server.json("message list acme")["data"].as_array().unwrap().len(), 1);
}

#[test]
fn a_terminal_gets_tables_and_colours_and_is_asked_before_something_is_deleted() {
    let server = Server::start();
    server.run("app create --name Acme --uid acme --metadata a=b");
    let (status, shown) = in_terminal(&server.command("app list"), 80, "");
    assert!(
        status == 0 && shown.contains("ID") && shown.contains("\u{1b}[1m") && !shown.contains("\"data\""),
        "{shown}"
    );
    assert!(shown.lines().all(|line| line.chars().filter(|c| !c.is_control()).count() <= 80 + 8), "{shown}");
    let (_, json) = in_terminal(&server.command("app get acme --output json"), 80, "");
    assert!(json.contains("\r\n  ") && json.contains("\u{1b}[1m\"metadata\"\u{1b}[0m: {"), "{json}");
    let (_, plain) = in_terminal(server.command("app list").env("NO_COLOR", "1"), 80, "");
    assert!(plain.contains("ID") && !plain.contains('\u{1b}'), "{plain}");
    assert!(!server.run("app list --output table").contains('\u{1b}'), "no colours in a pipe");

    let (status, shown) = in_terminal(&server.command("app delete acme"), 80, "n\n");
    assert!(
        status == 1 && shown.contains("Delete app/acme at http") && shown.contains("nothing was deleted"),
        "{shown}"
    );
    let (status, shown) = in_terminal(&server.command("app delete acme"), 80, "y\n");
    assert!(status == 0 && shown.contains("done"), "{shown}");
    assert_eq!(server.refusal("app get acme").0, 5);
}
