//! Tokens: had before the first start, beside a running server, and by a given secret.

use std::os::unix::fs::PermissionsExt;

use crate::program::{Running, call, refusal, ringback, serve, store, token};

#[test]
fn a_token_made_before_the_first_start_and_one_made_beside_the_server_are_both_accepted() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("not/there/yet");
    let before = token(&folder);
    let mode = std::fs::metadata(folder.join("jwt.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut server = Running::start(&mut serve(&folder));
    let address = server.address();
    let beside = token(&folder);
    for token in [&before, &beside] {
        assert_eq!(call(address, token, "GET", "/app", "").0, 200);
    }
    let (name, signature) = before.rsplit_once('.').unwrap();
    let forged = format!("{name}.{}", signature.chars().rev().collect::<String>());
    assert_eq!(call(address, &forged, "GET", "/app", "").0, 401);
}

#[test]
fn a_token_is_alone_on_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let output = ringback("token").arg("--store").arg(store(folder.path())).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!((text.lines().count(), text.split('.').count(), text.contains(' ')), (1, 3, false), "{text}");
}

#[test]
fn a_token_by_the_secret_of_the_server_is_accepted_and_one_that_has_expired_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "a secret that is long enough for HS256";
    let mut server = Running::start(serve(folder.path()).env("RINGBACK_JWT_SECRET", secret));
    let address = server.address();
    let with = |ttl: &str| {
        let mut program = ringback("token");
        program.env("RINGBACK_JWT_SECRET", secret);
        program.args(["--org", "org_000000000000000000000000001", "--ttl", ttl]);
        String::from_utf8(program.output().unwrap().stdout).unwrap().trim().to_owned()
    };
    assert_eq!(call(address, &with("1h"), "GET", "/app", "").0, 200);
    assert_eq!(call(address, &with("0s"), "GET", "/app", "").0, 401);
    assert_eq!(call(address, &token(folder.path()), "GET", "/app", "").0, 401, "the key in the folder is not in use");
}

#[test]
fn a_token_for_one_application_reaches_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::start(&mut serve(folder.path()));
    let address = server.address();
    let all = token(folder.path());
    let app = |uid: &str| {
        let made = call(address, &all, "POST", "/app", &format!(r#"{{"name":"{uid}","uid":"{uid}"}}"#));
        made.1["id"].as_str().unwrap().to_owned()
    };
    let (own, other) = (app("own"), app("other"));
    let output = ringback("token").arg("--store").arg(store(folder.path())).args(["--app", &own]).output().unwrap();
    let confined = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    assert_eq!(call(address, &confined, "GET", &format!("/app/{own}"), "").0, 200);
    assert_eq!(call(address, &confined, "GET", &format!("/app/{other}"), "").0, 404);
}

#[test]
fn an_id_that_is_none_and_a_folder_that_cannot_be_are_refused() {
    let (status, text) = refusal(ringback("token").args(["--org", "acme"]));
    assert!(status == 2 && text.contains("org_"), "{text}");
    let (status, text) = refusal(ringback("token").args(["--store", "sqlite:/dev/null/data"]));
    assert!(
        status == 1
            && text.starts_with("ringback: the secret of tokens in /dev/null/data/jwt.key cannot be read or written: "),
        "{text}"
    );
}
