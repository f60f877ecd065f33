//! What works on a store: check, backup, restore and rekey, with the real program and a real server beside it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::program::{Running, call, refusal, ringback, serve, stderr, store, token};

/// A server with an application, an endpoint that cannot be reached, and this many messages for it.
fn filled(folder: &Path, messages: usize) -> (Running, SocketAddr, String, String) {
    let mut server = Running::start(&mut serve(folder));
    let (address, token) = (server.address(), token(folder));
    assert_eq!(call(address, &token, "POST", "/app", r#"{"name":"Shop","uid":"shop"}"#).0, 201);
    let made = call(address, &token, "POST", "/app/shop/endpoint", r#"{"url":"http://127.0.0.1:9/"}"#);
    let endpoint = made.1["id"].as_str().unwrap().to_owned();
    for _ in 0..messages {
        let sent = call(address, &token, "POST", "/app/shop/msg", r#"{"eventType":"a","payload":{}}"#);
        assert_eq!(sent.0, 202);
    }
    (server, address, token, endpoint)
}

fn secret(address: SocketAddr, token: &str, endpoint: &str) -> String {
    let answer = call(address, token, "GET", &format!("/app/shop/endpoint/{endpoint}/secret"), "");
    assert_eq!(answer.0, 200, "{}", answer.1);
    answer.1["key"].as_str().unwrap().to_owned()
}

fn on(command: &str, folder: &Path) -> Command {
    let mut program = ringback(command);
    program.arg("--store").arg(store(folder));
    program
}

fn good(program: &mut Command) -> String {
    let output = program.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn stop(mut server: Running) {
    server.signal(Signal::TERM);
    assert_eq!(server.end(), 0);
}

#[test]
fn check_tells_what_is_in_a_store_beside_its_server_and_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ..) = filled(folder.path(), 3);
    let beside = good(&mut on("check", folder.path()));
    stop(server);
    let after = good(&mut on("check", folder.path()));
    for text in [beside, after] {
        for line in
            ["messages    3", "deliveries  3 pending", "waiting     3 deliveries, the oldest since ", "whole       yes"]
        {
            assert!(text.lines().any(|found| found.starts_with(line)), "{line}:\n{text}");
        }
    }
}

#[test]
fn check_finds_a_damaged_file_and_another_key_and_says_so_with_its_status() {
    use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
    let folder = tempfile::tempdir().unwrap();
    let (server, ..) = filled(folder.path(), 50);
    stop(server);
    let key = folder.path().join("other.key");
    std::fs::write(&key, "00".repeat(32)).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (status, text) = refusal(on("check", folder.path()).arg("--master-key-file").arg(&key));
    assert!(status == 1 && text.contains("the master key is not the one"), "{text}");
    let path = folder.path().join("ringback.db");
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let pages = file.metadata().unwrap().len() / 4_096;
    for page in 2..pages {
        file.write_all_at(&[0xa5; 512], page * 4_096).unwrap();
    }
    let (status, text) = refusal(&mut on("check", folder.path()));
    assert!(status == 1 && text.starts_with("ringback: "), "{text}");
    let (status, text) = refusal(&mut on("check", &folder.path().join("nothing")));
    assert!(status == 1 && text.contains("there is no store in"), "{text}");
}

#[test]
fn a_backup_of_a_running_server_is_restored_and_served_with_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let (server, address, token, endpoint) = filled(folder.path(), 3);
    let (copy, copy_with_keys) = (folder.path().join("copy"), folder.path().join("with-keys"));
    let text = good(on("backup", folder.path()).arg(&copy));
    assert!(text.contains("messages    3") && text.contains("keys        not in it"), "{text}");
    let mut names: Vec<_> = std::fs::read_dir(&copy).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["ringback.db"], "no key is in it unless that is asked for");
    good(on("backup", folder.path()).arg(&copy_with_keys).arg("--with-keys"));
    let again = refusal(on("backup", folder.path()).arg(&copy));
    assert!(again.1.contains("is there already"), "{}", again.1);
    let secret_before = secret(address, &token, &endpoint);
    let refused = refusal(on("restore", folder.path()).arg(&copy));
    assert!(refused.1.contains("in use by another server"), "{}", refused.1);
    stop(server);
    let refused = refusal(on("restore", folder.path()).arg(&copy));
    assert!(refused.1.contains("ringback.db is there already"), "{}", refused.1);

    let restored = folder.path().join("restored");
    let text = good(on("restore", &restored).arg(&copy_with_keys));
    assert!(text.contains("again       3 deliveries") && !text.contains("missing"), "{text}");
    let mut server = Running::start(&mut serve(&restored));
    let address = server.address();
    assert_eq!(secret(address, &token, &endpoint), secret_before);
    let list = call(address, &token, "GET", "/app/shop/msg", "");
    assert_eq!(list.1["data"].as_array().unwrap().len(), 3);
    let text = good(on("restore", &folder.path().join("bare")).arg(&copy));
    assert!(text.contains("missing"), "{text}");
}

#[test]
fn a_backup_that_is_not_whole_is_not_restored() {
    use std::os::unix::fs::FileExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (server, ..) = filled(folder.path(), 50);
    let copy = folder.path().join("copy");
    good(on("backup", folder.path()).arg(&copy));
    stop(server);
    let file = std::fs::OpenOptions::new().write(true).open(copy.join("ringback.db")).unwrap();
    let pages = file.metadata().unwrap().len() / 4_096;
    for page in 2..pages {
        file.write_all_at(&[0xa5; 512], page * 4_096).unwrap();
    }
    let restored = folder.path().join("restored");
    assert_eq!(refusal(on("restore", &restored).arg(&copy)).0, 1);
    assert!(!restored.join("ringback.db").exists());
}

#[test]
fn after_a_change_of_the_key_secrets_open_with_the_new_one_alone_and_it_may_be_interrupted_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (server, address, token, endpoint) = filled(folder.path(), 1);
    let before = secret(address, &token, &endpoint);
    let refused = refusal(&mut on("rekey", folder.path()));
    assert!(refused.1.contains("in use by another server"), "{}", refused.1);
    stop(server);
    let old = std::fs::read(path("master.key")).unwrap();
    // The refused run has made the new key already: that is the first place to be interrupted at.
    assert!(path("master.key.new").exists());
    let text = good(&mut on("rekey", folder.path()));
    assert!(text.contains("sealed with the new key"), "{text}");
    let new = std::fs::read(path("master.key")).unwrap();
    assert!(old != new && std::fs::read(path("master.key.old")).unwrap() == old && !path("master.key.new").exists());
    assert!(refusal(&mut on("rekey", folder.path())).1.contains("master.key.old is there from a change before"));

    // After the commit and before the files change their names.
    std::fs::rename(path("master.key"), path("master.key.new")).unwrap();
    std::fs::rename(path("master.key.old"), path("master.key")).unwrap();
    let refused = refusal(&mut serve(folder.path()));
    assert!(refused.1.contains("if `ringback rekey` was interrupted, run it again"), "{}", refused.1);
    good(&mut on("rekey", folder.path()));
    assert_eq!(std::fs::read(path("master.key")).unwrap(), new);

    // Between the two changes of names.
    std::fs::rename(path("master.key"), path("master.key.new")).unwrap();
    std::fs::hard_link(path("master.key.old"), path("master.key")).unwrap();
    good(&mut on("rekey", folder.path()));
    assert_eq!(std::fs::read(path("master.key")).unwrap(), new);

    let mut server = Running::start(&mut serve(folder.path()));
    assert_eq!(secret(server.address(), &token, &endpoint), before);
    stop(server);
    let mut with_old = serve(folder.path());
    with_old.arg("--master-key-file").arg(path("master.key.old")).stderr(Stdio::piped());
    assert!(refusal(&mut with_old).1.contains("sealed with another one"));
}

#[test]
fn what_is_for_embedded_stores_says_so_of_others() {
    for (command, folder, instead) in [
        ("backup", Some("copy"), "pg_dump --format=custom --schema=ringback"),
        ("restore", Some("copy"), "pg_restore --exit-on-error"),
        ("rekey", None, "the master key stays as it is"),
    ] {
        let (status, text) = refusal(ringback(command).args(folder).args(["--store", "postgres://a/b"]));
        assert!(status == 2 && text.contains("is for embedded stores") && text.contains(instead), "{text}");
    }
    let (status, text) = refusal(ringback("check").args(["--store", "postgres://u:hunter2@127.0.0.1:1/b"]));
    assert!(status == 1 && text.contains("the database cannot be reached") && !text.contains("hunter2"), "{text}");
}
