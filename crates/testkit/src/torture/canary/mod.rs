//! Secrets in every field, the log at its most talkative, and a search of everything the server wrote.
//!
//! Deliveries succeed, fail, are redirected, cut off and denied; requests to the API are malformed and unauthorized; the
//! server is killed once and stopped once. Then neither its output nor its metrics may hold one of the secrets or a byte
//! of a payload, its store may not hold the signing secret or the password in the clear, and an address that the operator
//! has not allowed may not have been called.

mod search;

use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use http::StatusCode;
use serde_json::json;

use super::client::Client;
use super::plan::create;
use super::process::{Launch, Server};
use super::report::Report;
use super::run::{self, Options};
use super::seed::Seed;
use crate::{Answer, Receiver};
use search::{Canaries, Hit};

/// Messages before the kill, and again after it.
const MESSAGES: usize = 20;
/// Longest wait for their arrival.
const LIMIT: Duration = Duration::from_secs(30);
/// Longest wait for the end after SIGTERM. One receiver never answers, so that a stop has something to cut off.
const STOP_LIMIT: Duration = Duration::from_secs(40);
/// The path whose receiver answers 200.
const GOOD: &str = "/good";
/// The path whose receiver always fails.
const FAILING: &str = "/failing";

/// Runs it.
///
/// # Errors
/// If the harness itself cannot do its work.
pub async fn run(options: &Options) -> Result<Report> {
    let (folder, store, output) = run::folder()?;
    let seed = Seed::new(options.seed);
    let mut launch = Launch::new(&options.binary, store.clone(), output.clone(), &seed)?;
    launch.log = "trace";
    let token = launch.token().await?;
    let mut canaries = Canaries::new(seed.part(104), &token);
    let receiver = receiver(&canaries).await?;

    // Of the operator's network, and nothing allows it.
    let inside = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).context("this machine has no ::1")?;
    inside.set_nonblocking(true)?;
    let denied = inside.local_addr()?;
    receiver.answer("/inward", Answer::status(307).header("location", &format!("http://{denied}/")));

    let mut server = started(&launch).await?;
    let mut client = Client::new(launch.address, token);
    let app = set_up(&mut client, &receiver, &canaries, denied).await?;
    provoke(&mut client, launch.address, &app, &canaries).await;
    work(&mut client, &app, &receiver, &canaries, MESSAGES).await?;
    let mut metrics = client.get("/metrics").await.map(|reply| reply.body).unwrap_or_default().to_vec();
    server.kill().await?;
    server = started(&launch).await?;
    work(&mut client, &app, &receiver, &canaries, 2 * MESSAGES).await?;
    metrics.extend(client.get("/metrics").await.map(|reply| reply.body).unwrap_or_default());
    drop(client);
    let stopped = server.stop(STOP_LIMIT).await?;

    let mut report = Report::new("canary");
    report.field("seed", options.seed);
    flowed(&receiver, &canaries, &mut report);
    canaries.add_key_files(&store)?;
    let log = std::fs::read(&output).context("reading the output")?;
    spoke(&log, &mut report);
    report.field("metrics_bytes", metrics.len());
    tell(&mut report, "log_hits", canaries.search("server.log", &log));
    tell(&mut report, "metrics_hits", canaries.search("/metrics", &metrics));
    tell(&mut report, "store_hits", at_rest(&canaries, &store)?);
    report.zero("net_hits", std::iter::from_fn(|| inside.accept().ok()).count());
    report.zero("unclean_exits", usize::from(!stopped.is_some_and(|status| status.success())));
    run::put_away(folder, &mut report);
    Ok(report)
}

/// Starts the server and waits for it.
async fn started(launch: &Launch) -> Result<Server> {
    let mut server = launch.start()?;
    server.ready().await.context("the server did not become ready")?;
    Ok(server)
}

/// A receiver with a path for every kind of answer; all bodies carry a canary.
async fn receiver(canaries: &Canaries) -> Result<Receiver> {
    let receiver = Receiver::start().await?;
    let body = canaries.response.clone();
    receiver.answer(GOOD, Answer::status(200).body(body.clone()).header("x-answer", &body));
    receiver.answer(FAILING, Answer::status(500).body(body.clone()));
    receiver.answer("/redirect", Answer::status(302).header("location", &receiver.url(&format!("/elsewhere?{body}"))));
    receiver.answer("/close", Answer::close());
    receiver.answer("/cut", Answer::cut_after_head());
    receiver.answer("/garbage", Answer::raw(body));
    receiver.answer("/hang", Answer::status(200).held());
    Ok(receiver)
}

/// Registers an application with one endpoint for each path, one for a port where nobody listens and one for an
/// address that is not in the allowed range. Returns the id of the application.
async fn set_up(client: &mut Client, receiver: &Receiver, canaries: &Canaries, denied: SocketAddr) -> Result<String> {
    let app = create(client, "/api/v1/app/", &json!({ "name": "canary" })).await?;
    let path = format!("/api/v1/app/{app}/endpoint/");
    let endpoint = |place: &str| {
        json!({
            "url": format!("http://canary:{}@{place}?key={}", canaries.password, canaries.query),
            "secret": canaries.secret,
            "headers": { "x-canary": canaries.header, "x-api-key": canaries.api_key },
        })
    };
    for answer in [GOOD, FAILING, "/redirect", "/inward", "/close", "/cut", "/garbage", "/hang"] {
        create(client, &path, &endpoint(&format!("{}{answer}", receiver.address()))).await?;
    }
    // The port of a listener that is gone again by the time of the first attempt.
    let closed = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    create(client, &path, &endpoint(&format!("127.0.0.1:{closed}/refused"))).await?;
    // Whether this is refused now or denied at each attempt is the server's affair.
    client.post(&path, &endpoint(&format!("{denied}/denied"))).await;
    Ok(app)
}

/// Requests that are refused: what is wrong with them must be said without repeating what is in them.
async fn provoke(client: &mut Client, address: SocketAddr, app: &str, canaries: &Canaries) {
    let endpoints = format!("/api/v1/app/{app}/endpoint/");
    let messages = format!("/api/v1/app/{app}/msg/");
    let bad_url = format!("gopher://canary:{}@127.0.0.1/?{}", canaries.password, canaries.query);
    let bad_header = format!("{}\r\nx: y", canaries.header);
    for (path, body) in [
        (&endpoints, json!({ "url": bad_url, "secret": canaries.secret })),
        (&endpoints, json!({ "url": "http://127.0.0.1/", "secret": format!("{}!", canaries.secret) })),
        (&endpoints, json!({ "url": "http://127.0.0.1/", "headers": { "x-canary": bad_header } })),
        (&messages, json!({ "eventType": "not a name", "payload": { "marker": canaries.payload } })),
        (&messages, json!({ "eventType": "canary", "payload": canaries.payload })),
    ] {
        client.post(path, &body).await;
    }
    let broken = format!("{{\"eventType\":\"canary\",\"payload\":{{\"{}", canaries.payload);
    client.call(http::Method::POST, &messages, None, broken.into()).await;
    Client::new(address, Arc::from(canaries.bad_token.as_str())).get(&messages).await;
}

/// Posts messages and waits until `arrived` of them in all have come to the good receiver and one to the failing one.
async fn work(client: &mut Client, app: &str, receiver: &Receiver, canaries: &Canaries, arrived: usize) -> Result<()> {
    for number in 0..MESSAGES {
        let body = json!({
            "eventType": "canary.sent",
            "payload": { "n": number, "marker": canaries.payload },
            "orderingKey": "k",
        });
        let reply = client.post(&format!("/api/v1/app/{app}/msg/"), &body).await.context("no answer to a message")?;
        if reply.status != StatusCode::ACCEPTED {
            bail!("a message was answered {}", reply.status);
        }
    }
    receiver.wait_for_path(GOOD, arrived, LIMIT).await?;
    receiver.wait_for_path(FAILING, 2, LIMIT).await?;
    Ok(())
}

/// Checks that the secrets were in use at all.
fn flowed(receiver: &Receiver, canaries: &Canaries, report: &mut Report) {
    let good = receiver.requests_to(GOOD);
    report.field("delivered", good.len()).field("failed", receiver.requests_to(FAILING).len());
    let complete = good.iter().all(|request| {
        request.verify(&canaries.secret).is_ok()
            && request.header("x-canary") == Some(&canaries.header)
            && request.header("x-api-key") == Some(&canaries.api_key)
            && request.header("authorization") == Some(&format!("Basic {}", canaries.basic))
            && request.query().contains(&canaries.query)
            && request.text().contains(&canaries.payload)
    });
    report.require(complete && !good.is_empty(), || {
        "signature, header, basic auth, query or payload did not arrive as registered".to_owned()
    });
    report.require(receiver.requests_to("/elsewhere").is_empty(), || "a redirect was followed".to_owned());
}

/// Checks that the log tells of deliveries at all: silence would pass every search.
fn spoke(log: &[u8], report: &mut Report) {
    let text = String::from_utf8_lossy(log);
    let count = |word| text.lines().filter(|line| line.contains(word)).count();
    let (lines, messages) = (text.lines().count(), count("msg_"));
    report.field("log_lines", lines).field("log_message_lines", messages);
    report.require(messages >= MESSAGES, || format!("only {messages} lines of the log name a message"));
}

/// Searches the files of the store for what must be encrypted there.
fn at_rest(canaries: &Canaries, store: &Path) -> Result<Vec<Hit>> {
    let mut hits = Vec::new();
    for entry in std::fs::read_dir(store)? {
        let path = entry?.path();
        if path.is_file() {
            hits.extend(canaries.search_at_rest(&path.display().to_string(), &std::fs::read(&path)?));
        }
    }
    Ok(hits)
}

fn tell(report: &mut Report, field: &'static str, hits: Vec<Hit>) {
    report.zero(field, hits.len());
    report.tell(hits.into_iter().take(10).map(|hit| hit.to_string()));
}
