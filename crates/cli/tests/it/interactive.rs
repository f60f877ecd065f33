//! Commands as somebody meets them who sits at a terminal: tables that fit it, questions, and Ctrl-C.

use crate::api::Server;
use crate::program::{ringback, serve};
use crate::terminal::{CTRL_C, CTRL_D, Terminal, in_terminal, without_colours};

/// What ends by Ctrl-C without having a say in it.
const INTERRUPTED: i32 = 130;

/// A listener in a terminal, and its URL.
fn listener(flags: &[&str]) -> (Terminal, String) {
    let mut terminal = Terminal::start(ringback("listen").args(["--port", "0"]).args(flags), 100);
    let shown = terminal.wait_for("/\r\n");
    let url = shown.trim_end().rsplit_once(' ').unwrap().1.to_owned();
    (terminal, url)
}

/// A customer with a webhook of each kind: one that takes what it gets, and one that is never reached.
fn customer(server: &Server, url: &str) {
    server.run("app create --name Acme --uid acme");
    server.run("event-type create --name sms.dlr --description reports");
    server.run(&format!("endpoint create acme --url {url}in --uid good --event-types sms.dlr"));
    let long = format!("http://127.0.0.1:9/{}", "long/".repeat(30));
    server.run(&format!("endpoint create acme --url {long} --uid bad"));
}

#[test]
fn every_list_is_a_table_that_fits_the_terminal_and_says_in_colours_how_deliveries_stand() {
    let server = Server::start();
    let (mut listener, url) = listener(&[]);
    customer(&server, &url);
    let (status, sent) =
        in_terminal(&server.command(r#"message send acme sms.dlr {"n":1.50} --event-id 7042"#), 120, "");
    assert!(status == 0 && sent.contains("7042"), "{sent}");
    listener.wait_for(r#"{"n":1.50}"#);
    // What came of it is there a little after it has arrived.
    let attempts = "attempt list acme 7042";
    while server.json(attempts)["data"].as_array().unwrap().len() < 2 {
        std::thread::yield_now();
    }
    let table = |line: &str, columns: u16| {
        let (status, shown) = in_terminal(&server.command(line), columns, "");
        assert_eq!(status, 0, "{line}: {shown}");
        assert!(shown.contains("\u{1b}[1m"), "its head is bold: {shown}");
        let plain = without_colours(&shown);
        assert!(plain.lines().all(|line| line.trim_end().chars().count() <= columns.into()), "{line}: {plain}");
        (shown, plain)
    };
    for (line, words) in [
        ("app list", &["ID", "CREATED AT", "acme", "Acme"][..]),
        ("endpoint list acme", &["EVENT TYPES", "sms.dlr", "good", "…"]),
        ("event-type list", &["NAME", "sms.dlr", "reports"]),
        ("message list acme", &["EVENT TYPE", "msg_", "7042"]),
        ("attempt endpoints acme 7042", &["STATUS", "ep_", "success", "pending"]),
    ] {
        let (_, plain) = table(line, 120);
        assert!(words.iter().all(|word| plain.contains(word)), "{line}: {plain}");
    }
    let (shown, plain) = table(attempts, 140);
    assert!(shown.contains("\u{1b}[32msuccess") && shown.contains("\u{1b}[31mfail"), "{shown}");
    assert_eq!(plain.matches("atmpt_").count(), 2, "ids stay whole: {plain}");
    assert!(!table("endpoint list acme", 300).1.contains('…'), "a wide one has room for all of it");
}

#[test]
fn one_thing_is_lines_for_people_and_json_for_whoever_asks_for_it() {
    let server = Server::start();
    customer(&server, "http://127.0.0.1:9/");
    let (_, shown) = in_terminal(&server.command("endpoint get acme good"), 100, "");
    assert!(without_colours(&shown).contains("http://127.0.0.1:9/in") && !shown.contains("{\r\n  \"id\""), "{shown}");
    for line in ["endpoint get acme good --output json", "event-type list --output json", "message list acme -o json"] {
        let (status, shown) = in_terminal(&server.command(line), 100, "");
        assert_eq!(status, 0);
        let json: serde_json::Value = serde_json::from_str(&without_colours(&shown)).unwrap();
        assert!(json.is_object() && shown.contains("\u{1b}["), "{shown}");
    }
    let (_, shown) = in_terminal(server.command("endpoint list acme -o json").env("NO_COLOR", "1"), 100, "");
    assert!(!shown.contains('\u{1b}') && serde_json::from_str::<serde_json::Value>(&shown).is_ok(), "{shown}");
    let (status, shown) = in_terminal(&server.command("endpoint get acme none"), 100, "");
    assert!(status == 5 && shown.contains("404"), "{shown}");
}

#[test]
fn whoever_says_anything_but_yes_deletes_nothing() {
    let server = Server::start();
    customer(&server, "http://127.0.0.1:9/");
    let lines = ["endpoint delete acme good", "event-type delete sms.dlr", "app delete acme"];
    for line in lines {
        for (keys, ended) in [("n\n", 1), ("\n", 1), ("maybe\n", 1), (CTRL_D, 1), (CTRL_C, INTERRUPTED)] {
            let mut terminal = Terminal::start(&server.command(line), 100);
            terminal.wait_for("? [y/N] ");
            terminal.press(keys);
            let (status, shown) = terminal.end();
            assert_eq!(status, ended, "{line} {keys:?}: {shown}");
        }
    }
    server.run("endpoint get acme good");
    assert_eq!(server.json("event-type get sms.dlr")["archived"], false);
    for (line, keys) in lines.into_iter().zip(["y\n", "yes\n", "Y\n"]) {
        let (status, shown) = in_terminal(&server.command(line), 100, keys);
        assert!(status == 0 && shown.contains("done"), "{line}: {shown}");
    }
    assert_eq!(server.refusal("app get acme").0, 5);
    // Who has said so beforehand is not asked.
    server.run("app create --name Again --uid again");
    let (status, shown) = in_terminal(&server.command("app delete again --yes"), 100, "");
    assert!(status == 0 && !shown.contains("[y/N]"), "{shown}");
}

#[test]
fn a_payload_is_typed_in_and_ctrl_c_sends_nothing() {
    let server = Server::start();
    server.run("app create --name Acme --uid acme");
    let typed = |keys: &str| {
        let mut terminal = Terminal::start(&server.command("message send acme sms.dlr -"), 100);
        terminal.wait_for("Ctrl-D on a line of its own ends it.");
        terminal.press(keys);
        terminal.end()
    };
    let (status, shown) = typed(&format!("{{\"typed\": 1}}\n{CTRL_D}"));
    assert!(status == 0 && shown.contains("msg_"), "{shown}");
    assert_eq!(typed(&format!("{{\"half\": \n{CTRL_C}")).0, INTERRUPTED);
    let (status, shown) = typed(&format!("{{\"half\": \n{CTRL_D}"));
    assert!(status == 2 && shown.contains("nothing was sent"), "{shown}");
    assert_eq!(server.json("message list acme")["data"].as_array().unwrap().len(), 1);
}

#[test]
fn listen_shows_each_webhook_as_it_comes_and_ends_with_ctrl_c() {
    let server = Server::start();
    let (mut behind, place) = listener(&["--status", "202"]);
    let (mut listener, url) = listener(&["--forward", &format!("{place}behind")]);
    customer(&server, &url);
    server.run(r#"message send acme sms.dlr {"pin":"31337"}"#);
    let shown = listener.wait_for("signature: not checked");
    assert!(shown.contains("POST /in -> 202") && shown.contains("webhook-id: msg_"), "{shown}");
    assert!(behind.wait_for("signature: ").contains(r#"{"pin":"31337"}"#));
    listener.press(CTRL_C);
    let (status, shown) = listener.end();
    assert_eq!(status, 0, "{shown}");
    behind.press(CTRL_C);
    assert_eq!(behind.end().0, 0);
}

#[test]
fn a_server_in_a_terminal_ends_gracefully_with_ctrl_c() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Terminal::start(serve(folder.path()).args(["--log", "info"]), 120);
    server.wait_for("Ringback listens on http://127.0.0.1:");
    server.press(CTRL_C);
    let (status, shown) = server.end();
    assert!(status == 0 && without_colours(&shown).contains("stopped"), "{shown}");
}
