//! Settings and how they are refused.

use std::process::Stdio;

use crate::program::{Running, call, refusal, ringback, serve, store};

#[test]
fn flags_go_over_the_environment_and_the_environment_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ringback.toml");
    let settings = format!("listen = '127.0.0.2:0'\nstore = '{}'\n", store(&folder.path().join("data")));
    std::fs::write(&file, settings).unwrap();
    let host = |flags: &[&str], environment: Option<&str>| {
        let mut program = ringback("serve");
        program.arg("--config").arg(&file).args(flags).env("RINGBACK_LOG", "error");
        program.envs(environment.map(|listen| ("RINGBACK_LISTEN", listen)));
        Running::start(&mut program).address().ip().to_string()
    };
    assert_eq!(host(&[], None), "127.0.0.2");
    assert_eq!(host(&[], Some("127.0.0.3:0")), "127.0.0.3");
    assert_eq!(host(&["--listen", "127.0.0.4:0"], Some("127.0.0.3:0")), "127.0.0.4");
}

#[test]
fn an_unknown_key_of_the_file_is_refused_with_what_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ringback.toml");
    std::fs::write(&file, "\negress-alow = ['10.0.0.0/8']\n").unwrap();
    for command in ["serve", "token"] {
        let (status, text) = refusal(ringback(command).arg("--config").arg(&file));
        let wanted =
            format!("ringback: {}:2: `egress-alow` is no setting; did you mean egress_allow?\n", file.display());
        assert_eq!((status, text), (2, wanted));
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let (status, text) = refusal(ringback("serve").args(["--config", "/not/there.toml"]));
    assert_eq!(status, 2);
    assert!(text.starts_with("ringback: cannot read the configuration file /not/there.toml: No such file"), "{text}");
}

#[test]
fn a_mistyped_flag_is_refused_with_what_was_meant() {
    let (status, text) = refusal(ringback("serve").args(["--egress-alow", "10.0.0.0/8"]));
    assert_eq!(status, 2);
    assert!(text.contains("--egress-allow"), "{text}");
}

#[test]
fn a_value_that_does_not_fit_is_refused_with_what_would_do() {
    for (flag, value, hint) in [
        ("--listen", "localhost:8071", "127.0.0.1:8071"),
        ("--store", "data", "sqlite:./ringback-data"),
        ("--egress-allow", "0.0.0.0/0", "would allow every address"),
        ("--retry-schedule", "5s,soon", "`soon` is no length of time"),
        ("--log-format", "xml", "`human` and `json`"),
    ] {
        let (status, text) = refusal(ringback("serve").args([flag, value]));
        assert!(status == 2 && text.contains(hint), "{flag} {value}: {text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let (status, text) = refusal(serve(folder.path()).env("RINGBACK_HTTPS_ONLY", "perhaps"));
    assert!(status == 2 && text.contains("--https-only"), "{text}");
}

#[test]
fn a_mistyped_variable_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = serve(folder.path());
    program.args(["--log", "warn"]).env("RINGBACK_EGRESS_ALOW", "10.0.0.0/8").stderr(Stdio::piped());
    Running::start(&mut program).error_with("RINGBACK_EGRESS_ALOW is no setting; did you mean RINGBACK_EGRESS_ALLOW?");
}

#[test]
fn the_environment_of_a_svix_server_starts_this_one_and_the_log_says_what_has_no_effect() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [
        ("SVIX_JWT_SECRET", "a secret of the other server"),
        ("SVIX_LISTEN_ADDRESS", "127.0.0.2:0"),
        ("SVIX_LOG_LEVEL", "info"),
        ("SVIX_DB_DSN", "postgresql://svix:hunter2@db/svix"),
    ];
    let store = store(&folder.path().join("data"));
    let mut program = ringback("serve");
    program.args(["--store", &store]).envs(environment).stderr(Stdio::piped());
    let mut server = Running::start(&mut program);
    assert_eq!(server.address().ip().to_string(), "127.0.0.2");
    server.line_with("(with the same SVIX_JWT_SECRET)");
    server.error_with("SVIX_JWT_SECRET is understood as --jwt-secret");
    server.error_with("SVIX_LISTEN_ADDRESS is understood as --listen");
    server.error_with("SVIX_DB_DSN has no effect: what is in that database stays there");
    assert!(!folder.path().join("data/jwt.key").exists());
    // Our own variable goes over that of the other server.
    let mut program = ringback("serve");
    program.args(["--store", &store, "--log", "error"]).envs(environment).env("RINGBACK_LISTEN", "127.0.0.3:0");
    drop(server);
    assert_eq!(Running::start(&mut program).address().ip().to_string(), "127.0.0.3");
    let (status, text) = refusal(ringback("serve").env("SVIX_WHITELIST_SUBNETS", "[lan]"));
    assert!(status == 2 && text.starts_with("ringback: SVIX_WHITELIST_SUBNETS: `lan` is no address range"), "{text}");
}

#[test]
fn a_token_is_signed_with_the_secret_of_a_svix_server_and_its_own_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let secret = ("SVIX_JWT_SECRET", "a secret of the other server");
    let token = ringback("token").envs([secret]).output().unwrap();
    let token = String::from_utf8(token.stdout).unwrap().trim().to_owned();
    let mut program = serve(folder.path());
    let mut server = Running::start(program.envs([secret]));
    assert_eq!(call(server.address(), &token, "GET", "/app", "").0, 200);
}

#[test]
fn a_log_filter_that_is_none_is_refused() {
    let (status, text) = refusal(ringback("serve").env("RINGBACK_LOG", "ringback=loud"));
    assert!(status == 2 && text.starts_with("ringback: `ringback=loud` is no log filter"), "{text}");
}

#[test]
fn help_fits_the_terminal_and_never_shows_a_secret_of_the_environment() {
    let own = [
        "serve",
        "demo",
        "token",
        "check",
        "backup",
        "restore",
        "rekey",
        "migrate-store",
        "listen",
        "verify",
        "import-svix",
        "bench",
        "man",
        "help",
    ];
    for command in own.into_iter().chain(["app", "endpoint create", "message send", "attempt list-by-endpoint"]) {
        let mut words = command.split(' ');
        let mut program = ringback(words.next().unwrap());
        program.args(words);
        if command != "help" {
            program.arg("--help");
        }
        let output = program.env("RINGBACK_JWT_SECRET", "hunter2").env("RINGBACK_TOKEN", "hunter2").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("Usage: ringback") && !text.contains("hunter2"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
}

#[test]
fn the_printed_configuration_file_is_one_that_a_server_takes() {
    let folder = tempfile::tempdir().unwrap();
    let printed = ringback("config").arg("print").output().unwrap();
    assert!(printed.status.success());
    let file = folder.path().join("ringback.toml");
    let text = String::from_utf8(printed.stdout).unwrap();
    let text = text.replace("# public_url = \"URL\"", "public_url = \"https://hooks.example\"");
    std::fs::write(&file, text).unwrap();
    let mut server = Running::start(serve(folder.path()).arg("--config").arg(&file));
    server.address();
    server.line_with("People find it at https://hooks.example");
}
