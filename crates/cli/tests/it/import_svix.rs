//! `import-svix` from a server that answers as one was recorded (`recorded/svix.json`), into a real server.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::program::{Running, call, ringback, serve, stderr, token};

const RECORDED: &str = include_str!("../recorded/svix.json");

/// The other server. It answers so many requests, and is busy then.
struct Recorded {
    address: SocketAddr,
    left: Arc<AtomicUsize>,
}

impl Recorded {
    fn start(answers: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, left) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(usize::MAX)));
        let of_thread = Arc::clone(&left);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, answers, left) = (stream.unwrap(), answers.clone(), Arc::clone(&of_thread));
                std::thread::spawn(move || answer(stream, &answers, &left));
            }
        });
        Self { address, left }
    }
}

fn answer(stream: std::net::TcpStream, answers: &Value, left: &AtomicUsize) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut first, mut line, mut is_authorized) = (String::new(), String::new(), false);
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        while reader.read_line(&mut line).unwrap() > 2 {
            is_authorized |= line.trim() == "authorization: Bearer of-svix";
            line.clear();
        }
        let is_busy = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err();
        let target = first.split(' ').nth(1).unwrap();
        assert!(first.starts_with("GET "), "nothing is changed there: {first}");
        let (status, body) = match answers.get(target) {
            // Longer than the command waits by itself.
            _ if is_busy => (503, json!({"code": "unavailable", "detail": "busy"})),
            _ if !is_authorized => (401, json!({"code": "authentication_failed", "detail": "Invalid token"})),
            Some(body) => (200, body.clone()),
            None => (404, json!({"code": "not_found", "detail": "Entity not found"})),
        };
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nretry-after: 60\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        reader.get_mut().write_all((head + &body).as_bytes()).unwrap();
    }
}

/// A server to import into.
struct Here {
    address: SocketAddr,
    token: String,
    _folder: tempfile::TempDir,
    _running: Running,
}

impl Here {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut running = Running::start(&mut serve(folder.path()));
        Self { address: running.address(), token: token(folder.path()), _folder: folder, _running: running }
    }

    fn import(&self, from: &Recorded, flags: &[&str]) -> Output {
        let mut command = ringback("import-svix");
        command.args(["--from", &format!("http://{}/api/v1", from.address), "--from-token", "of-svix"]);
        command.args(["--server", &format!("http://{}", self.address), "--token", &self.token]);
        command.args(flags).output().unwrap()
    }

    fn get(&self, path: &str) -> Value {
        let (status, body) = call(self.address, &self.token, "GET", path, "");
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// How many applications and endpoints there are.
    fn count(&self) -> (usize, usize) {
        let apps = self.get("/app?limit=250")["data"].as_array().unwrap().clone();
        let endpoints = |app: &Value| {
            self.get(&format!("/app/{}/endpoint", app["id"].as_str().unwrap()))["data"].as_array().unwrap().len()
        };
        (apps.len(), apps.iter().map(endpoints).sum())
    }
}

fn recorded() -> Value {
    serde_json::from_str(RECORDED).unwrap()
}

/// How many items ended with each word.
fn words(output: &Output) -> BTreeMap<String, usize> {
    let mut words = BTreeMap::new();
    for line in String::from_utf8(output.stdout.clone()).unwrap().lines().filter(|line| !line.starts_with(' ')) {
        *words.entry(line.split(' ').next().unwrap().to_owned()).or_default() += 1;
    }
    words
}

#[test]
fn everything_is_taken_over_secrets_and_headers_included_and_a_second_run_doubles_nothing() {
    let (from, here) = (Recorded::start(recorded()), Here::start());
    let first = here.import(&from, &[]);
    let text = String::from_utf8(first.stdout.clone()).unwrap();
    assert_eq!(first.status.code(), Some(1), "one of them cannot be taken over: {text}{}", stderr(&first));
    assert_eq!(words(&first), BTreeMap::from([("failed".to_owned(), 1), ("made".to_owned(), 8)]), "{text}");
    assert!(text.contains("headers whose values are not told: authorization;"), "{text}");
    assert!(text.contains("failed   endpoint     ep_2fR6uMSVpJn0uQEjlyLmvF7ioXd (http://10.0.0.5/hook)"), "{text}");
    assert_eq!(stderr(&first).lines().next(), Some("8 made, 0 same, 0 changed, 0 differs, 1 failed"));

    let endpoint = here.get("/app/acme/endpoint/main");
    assert_eq!(endpoint["url"], "https://acme.example/webhooks");
    assert_eq!((&endpoint["eventTypes"], &endpoint["channels"]), (&json!(["invoice.paid"]), &json!(["eu"])));
    assert_eq!((&endpoint["throttleRate"], &endpoint["metadata"]["plan"]), (&json!(50), &json!("gold")));
    assert_eq!(here.get("/app/acme/endpoint/main/secret")["key"], "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    assert_eq!(here.get("/app/acme/endpoint/main/headers")["headers"], json!({"x-tenant": "acme"}));
    let archived = here.get("/event-type/invoice.old");
    assert_eq!((&archived["archived"], &archived["schemas"]), (&json!(true), &Value::Null));
    let pair = here.get("/app?limit=250")["data"][1].clone();
    assert_eq!(
        (&pair["name"], &pair["metadata"]["svix-id"]),
        (&json!("No uid"), &json!("app_2fR6uJ6sOT7wBEMc9CjvR0MBwVZ"))
    );
    assert_eq!(here.count(), (3, 3));

    let second = here.import(&from, &[]);
    assert_eq!(words(&second), BTreeMap::from([("failed".to_owned(), 1), ("same".to_owned(), 8)]));
    assert_eq!(here.count(), (3, 3));
}

#[test]
fn a_run_that_breaks_off_anywhere_says_where_and_the_next_one_goes_on() {
    let (from, here) = (Recorded::start(recorded()), Here::start());
    let mut places = Vec::new();
    for requests in 0.. {
        from.left.store(requests, Ordering::Relaxed);
        let output = here.import(&from, &[]);
        let told = stderr(&output);
        if output.status.code() == Some(1) {
            break;
        }
        assert_eq!(output.status.code(), Some(7), "{told}");
        let place = told.split("stopped at ").nth(1).unwrap().split(';').next().unwrap().to_owned();
        assert!(told.contains("the same command goes on from there"), "{told}");
        places.push(place);
    }
    places.dedup();
    assert_eq!(places[0], "the list of event types");
    let wanted = "endpoint ep_2fR6uKfXmVVLVQNKPdHhnNoCXxV of application app_2fR6uH8jQfGkVzLX1ZVhT3cQm1A (acme)";
    assert!(places.iter().any(|place| place == wanted), "{places:?}");
    assert!(places.iter().any(|place| place.starts_with("the list of applications, behind app_")), "{places:?}");
    assert_eq!(here.count(), (3, 3), "nothing is doubled by all the runs");
}

#[test]
fn what_differs_is_named_and_changed_only_when_asked_for() {
    let (from, here) = (Recorded::start(recorded()), Here::start());
    here.import(&from, &["--app", "acme"]);
    assert_eq!(here.count().0, 1, "only this one");
    let mut later = recorded();
    let page = "/api/v1/app/app_2fR6uH8jQfGkVzLX1ZVhT3cQm1A/endpoint?limit=250&order=ascending";
    later[page]["data"][0]["url"] = json!("https://acme.example/moved");
    later["/api/v1/app/app_2fR6uH8jQfGkVzLX1ZVhT3cQm1A/endpoint/ep_2fR6uKfXmVVLVQNKPdHhnNoCXxV/secret"]["key"] =
        json!("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
    let later = Recorded::start(later);
    let text =
        |flags: &[&str]| String::from_utf8(here.import(&later, &[&["--app", "acme"], flags].concat()).stdout).unwrap();
    let told = text(&[]);
    assert!(
        told.contains("differs  endpoint     ep_2fR6uKfXmVVLVQNKPdHhnNoCXxV (main)") && told.contains(": url, secret"),
        "{told}"
    );
    assert!(text(&["--overwrite", "--dry-run"]).contains("changed  endpoint"));
    assert_eq!(here.get("/app/acme/endpoint/main")["url"], "https://acme.example/webhooks");
    assert!(text(&["--overwrite"]).contains("changed  endpoint"));
    assert_eq!(here.get("/app/acme/endpoint/main")["url"], "https://acme.example/moved");
    assert_eq!(here.get("/app/acme/endpoint/main/secret")["key"], "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
    assert!(text(&[]).contains("same     endpoint"));
}

#[test]
fn a_dry_run_writes_nothing_and_json_has_a_line_for_each() {
    let (from, here) = (Recorded::start(recorded()), Here::start());
    let output = here.import(&from, &["--dry-run", "--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 9);
    assert!(lines.iter().all(|line| line["result"] == "made"), "{text}");
    assert_eq!(here.count(), (0, 0));
    let wrong = here.import(&from, &["--from-token", "wrong"]);
    assert!(
        wrong.status.code() == Some(2) || stderr(&wrong).contains("stopped at the list of event types"),
        "{}",
        stderr(&wrong)
    );
}

#[test]
fn applications_that_were_named_and_are_not_there_are_told_and_fail_the_run() {
    let (from, here) = (Recorded::start(recorded()), Here::start());
    let output = here.import(&from, &["--app", "nope,acme,app_2fR6uJ6sOT7wBEMc9CjvR0MBwVZ,app_0"]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    for name in ["nope", "app_0"] {
        let line = format!("failed   application  {name}: the other server has no application of this id or uid");
        assert!(text.lines().any(|told| told == line), "{text}");
    }
    assert_eq!(here.count().0, 2, "the others are taken over");
    let output = here.import(&from, &["--app", "nope", "--json", "--dry-run"]);
    let last = String::from_utf8(output.stdout).unwrap().lines().last().map(ToOwned::to_owned).unwrap();
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!((output.status.code(), &last["result"], &last["source"]), (Some(1), &json!("failed"), &json!("nope")));
    assert_eq!(here.import(&from, &["--app", "umbrella"]).status.code(), Some(0));
}

/// The recorded server with this URL at the first endpoint of acme, which has no uid.
fn with_url(url: &str) -> Value {
    let mut answers = recorded();
    let page = "/api/v1/app/app_2fR6uH8jQfGkVzLX1ZVhT3cQm1A/endpoint?limit=250&order=ascending";
    answers[page]["data"][0]["url"] = json!(url);
    answers[page]["data"][0]["uid"] = Value::Null;
    answers
}

#[test]
fn passwords_in_urls_are_printed_nowhere() {
    let (from, here) = (Recorded::start(with_url("https://user:hunter2@acme.example/webhooks")), Here::start());
    for flags in [&["--dry-run"][..], &["--dry-run", "--json"], &["--json"], &[]] {
        let output = here.import(&from, flags);
        let told = String::from_utf8(output.stdout.clone()).unwrap() + &stderr(&output);
        assert!(told.contains("https://user:***@acme.example/webhooks") && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_dry_run_tells_of_urls_that_no_server_takes_and_of_those_that_depend_on_it() {
    let (from, here) = (Recorded::start(with_url("ftp://acme.example/webhooks")), Here::start());
    let output = here.import(&from, &["--dry-run"]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let failed = text.lines().find(|line| line.starts_with("failed")).unwrap_or_default();
    assert!(failed.contains("ep_2fR6uKfXmVVLVQNKPdHhnNoCXxV") && failed.contains("not to `ftp://`"), "{text}");
    let (_, inner) = text.split_once("(http://10.0.0.5/hook)").unwrap();
    let note = inner.lines().nth(1).unwrap_or_default();
    assert!(note.contains("refused unless the server allows it with --egress-allow"), "{text}");
    assert_eq!(here.import(&from, &[]).status.code(), Some(1));
}

/// What `svix-server jwt generate` prints: HS256, and `svix-server` as the issuer.
#[test]
fn tokens_that_the_other_server_has_made_stay_good_with_its_secret() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    use hmac::{KeyInit as _, Mac as _};
    let folder = tempfile::tempdir().unwrap();
    let secret = "of-the-other-server-kept-for-years";
    let mut running = Running::start(serve(folder.path()).args(["--jwt-secret", secret]));
    let address = running.address();
    let org = "org_23rb8YdGqMT0qIzpgGwdXfHirMu";
    let claims =
        json!({"iat": 1_700_000_000, "exp": 4_000_000_000_u32, "nbf": 1_700_000_000, "iss": "svix-server", "sub": org});
    let head = BASE64.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{head}.{}", BASE64.encode(claims.to_string()));
    let mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(&signed);
    let token = format!("{signed}.{}", BASE64.encode(mac.finalize().into_bytes()));
    assert_eq!(call(address, &token, "POST", "/app", r#"{"name":"Acme"}"#).0, 201);
}
