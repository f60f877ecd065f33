//! `ringback bench`: sends messages over real HTTP, receives them again, and prints one line of figures.
//!
//! The server is one of its own in a temporary folder, in this process, or one that runs already and may call
//! 127.0.0.1. Figures of one machine that does all of it say how versions and settings compare, not what a machine of
//! its own would do.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use ringback_model::{Redacted, RetryPolicy};
use ringback_service::TokenSubject;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::args::BenchArgs;
use crate::config::{Access, JwtSource, LogConfig, LogFormat, ServeConfig, StoreAddress, management_org};
use crate::log;
use crate::receiver::{Arrival, Receiver};
use crate::server::{Server, runtime};
use crate::token::{default_organization, mint};

/// How long nothing may arrive before the rest is given up.
const QUIET: Duration = Duration::from_secs(10);
/// How long the token of an own server is good for.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// Runs the command.
pub(crate) fn run(args: BenchArgs) -> anyhow::Result<()> {
    log::start(&LogConfig { filter: "error".to_owned(), format: LogFormat::Human }, None)?;
    let folder = tempfile::Builder::new().prefix("ringback-bench-").tempdir().context("no temporary folder")?;
    runtime()?.block_on(bench(args, folder.path()))
}

async fn bench(args: BenchArgs, folder: &Path) -> anyhow::Result<()> {
    let (own, address, token) = match (args.server, args.token.clone()) {
        (Some(address), Some(token)) => (None, address.0, token.0),
        _ => {
            let config = own_config(folder);
            let token = mint(&config.access, &TokenSubject::Organization(default_organization()), TOKEN_LIFE)?;
            let server = Box::pin(Server::start(config)).await?;
            let address = server.address();
            (Some(server), address, token)
        }
    };
    let figures = measure(&args, address, &token).await?;
    if let Some(server) = own {
        server.stop().await?;
    }
    writeln!(io::stdout(), "{}", figures.line(&args))?;
    if figures.arrived.len() < usize::try_from(args.messages)? {
        bail!("{} of {} messages have not arrived", args.messages - figures.arrived.len() as u64, args.messages);
    }
    Ok(())
}

fn own_config(folder: &Path) -> ServeConfig {
    let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
    ServeConfig {
        listen: (loopback, 0).into(),
        admin_listen: None,
        public_url: None,
        hosts: Vec::new(),
        access: Access { store: StoreAddress::Folder(folder.to_owned()), jwt: JwtSource::Store },
        migrate_url: None,
        master_key_file: folder.join("master.key"),
        egress_allow: vec![IpNet::from(loopback)],
        egress_proxy: None,
        retry: RetryPolicy::default(),
        https_only: false,
        management_org: management_org(),
        issuer: None,
        alerts: None,
        telemetry: None,
    }
}

/// What was measured.
#[derive(Debug)]
struct Figures {
    /// From the first request to the last answer.
    accepting: Duration,
    /// From the first request to the last arrival.
    delivering: Duration,
    /// How long each message took from its request to its arrival.
    arrived: Vec<Duration>,
    /// How long each answer took.
    answered: Vec<Duration>,
    /// Requests that the receiver got.
    requests: u64,
}

impl Figures {
    fn line(&self, args: &BenchArgs) -> String {
        let rate = |count: usize, over: Duration| (count as f64 / over.as_secs_f64().max(1e-9)).round();
        let ms = |times: &[Duration], part: f64| quantile(times, part).as_secs_f64() * 1e3;
        let ordering = if args.ordering == "none" { String::new() } else { format!(" ordering={}", args.ordering) };
        let batch = args.batch.map_or_else(String::new, |batch| {
            format!(" batch={batch} batch_wait_ms={} requests={}", args.batch_wait, self.requests)
        });
        format!(
            "messages={} payload={} connections={} accepted/s={} delivered/s={} answer_ms p50={:.2} p99={:.2} \
             arrival_ms p50={:.2} p99={:.2}{ordering}{batch} missing={}",
            args.messages,
            args.payload,
            args.connections,
            rate(self.answered.len(), self.accepting),
            rate(self.arrived.len(), self.delivering),
            ms(&self.answered, 0.5),
            ms(&self.answered, 0.99),
            ms(&self.arrived, 0.5),
            ms(&self.arrived, 0.99),
            args.messages - self.arrived.len() as u64,
        )
    }
}

/// The time that a part of all stayed within; the times are sorted.
fn quantile(times: &[Duration], part: f64) -> Duration {
    let rank = ((times.len() as f64 * part).ceil() as usize).clamp(1, times.len().max(1));
    times.get(rank - 1).copied().unwrap_or_default()
}

async fn measure(args: &BenchArgs, address: SocketAddr, token: &Redacted) -> anyhow::Result<Figures> {
    let mut receiver = Receiver::start(|_, _, _| StatusCode::OK.into()).await.context("no receiver")?;
    let mut client = Client::connect(address, token).await?;
    let app = client.ask("/app", &json!({"name": "ringback bench"})).await?;
    let app = app["id"].as_str().context("the application has no id")?.to_owned();
    client
        .ask(&format!("/app/{app}/endpoint"), &endpoint(args, &receiver.url("/bench")))
        .await
        .context("the server has to be allowed to call this machine: start it with --egress-allow 127.0.0.1/32")?;
    let began = Instant::now();
    let next = Arc::new(AtomicU64::new(0));
    let mut senders = JoinSet::new();
    for _ in 0..args.connections {
        let client = Client::connect(address, token).await?;
        let plan = Plan {
            app: app.clone(),
            began,
            next: next.clone(),
            messages: args.messages,
            rate: args.rate,
            payload: args.payload,
            keyed: args.ordering == "per_key",
        };
        senders.spawn(send(client, plan));
    }
    let expected = usize::try_from(args.messages)?;
    let mut arrived = Vec::with_capacity(expected);
    let (mut last, mut requests) = (began, 0);
    while arrived.len() < expected {
        let Ok(Some(arrival)) = tokio::time::timeout(QUIET, receiver.next()).await else { break };
        last = Instant::now();
        requests += 1;
        arrived.extend(sent_at(&arrival).into_iter().map(|at| (last - began).saturating_sub(at)));
    }
    let (mut answered, mut accepting) = (Vec::with_capacity(expected), Duration::ZERO);
    while let Some(sent) = senders.join_next().await {
        let (times, ended) = sent.context("a sender has panicked")??;
        answered.extend(times);
        accepting = accepting.max(ended - began);
    }
    answered.sort_unstable();
    arrived.sort_unstable();
    Ok(Figures { accepting, delivering: last - began, arrived, answered, requests })
}

/// The endpoint that is measured.
fn endpoint(args: &BenchArgs, url: &str) -> Value {
    let mut endpoint = json!({"url": url, "ordering": args.ordering});
    // One after the other has one request under way, whatever else is asked for.
    if args.ordering != "fifo" {
        endpoint["maxConcurrency"] = 100.into();
    }
    if let Some(batch) = args.batch {
        endpoint["batch"] = json!({"maxMessages": batch, "maxWaitMs": args.batch_wait});
    }
    endpoint
}

/// What one sender does, together with the others.
struct Plan {
    app: String,
    began: Instant,
    next: Arc<AtomicU64>,
    messages: u64,
    rate: Option<u64>,
    payload: u32,
    /// Whether messages have keys.
    keyed: bool,
}

/// Sends messages until all senders together have sent all; how long each answer took, and when the last one came.
async fn send(mut client: Client, plan: Plan) -> anyhow::Result<(VecDeque<Duration>, Instant)> {
    let path = format!("/app/{}/msg?with_content=false", plan.app);
    let filler = "x".repeat((plan.payload as usize).saturating_sub(40));
    let mut times = VecDeque::new();
    loop {
        let number = plan.next.fetch_add(1, Ordering::Relaxed);
        if number >= plan.messages {
            return Ok((times, Instant::now()));
        }
        // The time that it should go, not the time that it does: a server that holds up senders is not let off.
        let due = plan.rate.map(|rate| plan.began + Duration::from_secs_f64(number as f64 / rate as f64));
        if let Some(due) = due {
            tokio::time::sleep_until(due.into()).await;
        }
        let begun = due.unwrap_or_else(Instant::now);
        let at = (begun - plan.began).as_micros();
        let mut body = json!({"eventType": "bench", "payload": {"at": at, "filler": filler}});
        if plan.keyed {
            body["orderingKey"] = format!("key {}", number % 100).into();
        }
        client.ask(&path, &body).await?;
        times.push_back(begun.elapsed());
    }
}

/// When the messages that have arrived were sent, from the beginning.
fn sent_at(arrival: &Arrival) -> Vec<Duration> {
    let body: Value = serde_json::from_slice(&arrival.body).unwrap_or_default();
    let at = |payload: &Value| payload["at"].as_u64().map(Duration::from_micros);
    match &body {
        Value::Array(several) => several.iter().filter_map(|one| at(&one["payload"])).collect(),
        one => at(one).into_iter().collect(),
    }
}

/// One connection to the API.
struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    bearer: String,
}

impl Client {
    async fn connect(address: SocketAddr, token: &Redacted) -> anyhow::Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "this is a call of the API that the operator has named")]
        let stream = TcpStream::connect(address).await.with_context(|| format!("cannot reach {address}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        drop(tokio::spawn(connection));
        Ok(Self { sender, host: address.to_string(), bearer: format!("Bearer {}", token.reveal()) })
    }

    async fn ask(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/api/v1{path}"))
            .header(HOST, &self.host)
            .header(AUTHORIZATION, &self.bearer)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_string())))?;
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            bail!("POST {path} was answered {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(serde_json::from_slice(&body)?)
    }
}
