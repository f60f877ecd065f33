//! A server with a receiver beside it, for figures: filled, loaded, stopped and started anew. Nothing is broken, so whatever goes
//! wrong ends the measurement.

use std::collections::VecDeque;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::{Method, StatusCode};
use rustix::fs::{Advice, fadvise};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::client::{Client, Reply};
use super::pace::{CONNECTIONS, Pace};
use super::plan;
use super::process::{Launch, Server};
use super::run::Options;
use super::seed::Seed;
use super::shim::Shim;
use super::sink::Sink;

/// How long something that goes on may stand still before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a server may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// How long it may have something to do after a load.
const REST_LIMIT: Duration = Duration::from_secs(600);
/// Connections that a store is filled over.
const FILLERS: usize = 4;
/// Most messages of one request.
const BATCH: usize = 1_000;
/// The type of all messages, unless somebody says otherwise.
pub(super) const EVENT_TYPE: &str = "large.tick";

/// A running server. Killed when dropped.
#[derive(Debug)]
pub(super) struct Stage {
    launch: Launch,
    server: Option<Server>,
    token: Arc<str>,
    store: PathBuf,
    pub(super) sink: Sink,
}

/// Messages to hand in.
#[derive(Debug, Clone)]
pub(super) struct Fill {
    /// How many.
    pub(super) messages: usize,
    /// How many in a request.
    pub(super) batch: usize,
    /// Each of them, as JSON.
    pub(super) message: String,
}

/// The first message of a request: a place in what was handed in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    /// When it was accepted.
    pub(super) timestamp: String,
    /// Its id.
    pub(super) id: String,
}

impl Fill {
    /// Messages with payloads of so many bytes, by the greatest requests.
    #[must_use]
    pub(super) fn of(messages: usize, bytes: usize) -> Self {
        Self { messages, batch: BATCH, message: message(bytes, "") }
    }
}

/// A message as JSON, with a payload of so many bytes and further members, each with a comma behind it.
#[must_use]
pub(super) fn message(bytes: usize, members: &str) -> String {
    let payload = r#"{"text":""}"#;
    let text = "lorem ipsum dolor sit amet ".chars().cycle().take(bytes.saturating_sub(payload.len()));
    format!(r#"{{"eventType":"{EVENT_TYPE}",{members}"payload":{{"text":"{}"}}}}"#, text.collect::<String>())
}

impl Stage {
    /// Starts the server with a new store in a folder.
    ///
    /// # Errors
    /// If it does not come up.
    pub(super) async fn begin(options: &Options, folder: &Path) -> Result<Self> {
        Self::begin_with(options, folder, None).await
    }

    /// The same, of a server whose clock can be moved.
    ///
    /// # Errors
    /// If it does not come up.
    pub(super) async fn begin_with(options: &Options, folder: &Path, shim: Option<&Shim>) -> Result<Self> {
        let (store, output) = (folder.join("store"), folder.join("server.log"));
        let mut launch = Launch::new(&options.binary, store.clone(), output, &Seed::new(options.seed))?;
        launch.environment = shim.map(Shim::environment).unwrap_or_default();
        let token = launch.token().await?;
        let mut stage = Self { launch, server: None, token, store, sink: Sink::start()? };
        stage.start().await?;
        Ok(stage)
    }

    /// A new client of the server.
    #[must_use]
    pub(super) fn client(&self) -> Client {
        Client::new(self.launch.address, self.token.clone())
    }

    fn clients(&self, count: usize) -> Vec<Client> {
        (0..count).map(|_| self.client()).collect()
    }

    /// Registers an application under a uid.
    ///
    /// # Errors
    /// If it is refused.
    pub(super) async fn app(&self, uid: &str) -> Result<()> {
        plan::create(&mut self.client(), "/api/v1/app", &json!({ "name": uid, "uid": uid })).await.map(drop)
    }

    /// Registers a type of events.
    ///
    /// # Errors
    /// If it is refused.
    pub(super) async fn event_type(&self, name: &str) -> Result<()> {
        let path = "/api/v1/event-type";
        let reply = self.client().post(path, &json!({ "name": name, "description": name })).await;
        let reply = reply.context("no answer to an event type")?;
        if reply.status != StatusCode::CREATED {
            bail!("POST {path} was answered {}: {}", reply.status, reply.json());
        }
        Ok(())
    }

    /// Registers an endpoint at a place of the receiver, and returns its id.
    ///
    /// # Errors
    /// If it is refused.
    pub(super) async fn endpoint(&self, app: &str, place: &str, mut body: Value) -> Result<String> {
        body["url"] = json!(self.sink.url(place, app));
        plan::create(&mut self.client(), &format!("/api/v1/app/{app}/endpoint"), &body).await
    }

    /// A GET that is answered 200.
    ///
    /// # Errors
    /// If it is not.
    pub(super) async fn get(&self, client: &mut Client, path: &str) -> Result<Value> {
        let reply = client.get(path).await.with_context(|| format!("no answer to GET {path}"))?;
        if reply.status != StatusCode::OK {
            bail!("GET {path} was answered {}: {}", reply.status, reply.json());
        }
        Ok(reply.json())
    }

    /// Changes something.
    ///
    /// # Errors
    /// If it is refused.
    pub(super) async fn patch(&self, path: &str, body: &Value) -> Result<()> {
        let reply = self.client().call(Method::PATCH, path, None, body.to_string().into()).await;
        let reply = reply.with_context(|| format!("no answer to PATCH {path}"))?;
        if !reply.status.is_success() {
            bail!("PATCH {path} was answered {}: {}", reply.status, reply.json());
        }
        Ok(())
    }

    /// Starts to post messages of 450 bytes at a rate.
    #[must_use]
    pub(super) fn pace(&self, app: &str, rate: u32) -> Pace {
        Pace::start(self.clients(CONNECTIONS), &format!("/api/v1/app/{app}/msg"), &message(450, "").into(), rate)
    }

    /// Posts one message so many times, as fast as posts are answered.
    ///
    /// # Errors
    /// If one is not accepted.
    pub(super) async fn post(&self, app: &str, message: &str, times: usize, connections: usize) -> Result<()> {
        let (next, body) = (Arc::new(AtomicUsize::new(0)), Bytes::from(message.to_owned()));
        let mut posts = JoinSet::new();
        for mut client in self.clients(connections) {
            let (path, next, body) = (format!("/api/v1/app/{app}/msg"), next.clone(), body.clone());
            posts.spawn(async move {
                while next.fetch_add(1, Ordering::Relaxed) < times {
                    let reply = client.call(Method::POST, &path, None, body.clone()).await;
                    let reply = reply.context("a post got no answer")?;
                    if reply.status != StatusCode::ACCEPTED {
                        bail!("a post was answered {}: {}", reply.status, reply.json());
                    }
                }
                Ok(())
            });
        }
        while let Some(posted) = posts.join_next().await {
            posted??;
        }
        Ok(())
    }

    /// Hands in messages, many in a request; returns a mark for each request, the oldest first.
    ///
    /// # Errors
    /// If one is not accepted.
    pub(super) async fn fill(&self, app: &str, fill: &Fill) -> Result<Vec<Mark>> {
        let whole = vec![fill.message.as_str(); fill.batch].join(",");
        let whole = Bytes::from(format!(r#"{{"messages":[{whole}]}}"#));
        let requests = fill.messages.div_ceil(fill.batch);
        let next = Arc::new(AtomicUsize::new(0));
        let mut fillers = JoinSet::new();
        for mut client in self.clients(FILLERS) {
            let (path, next, body) = (format!("/api/v1/app/{app}/msg/batch"), next.clone(), whole.clone());
            fillers.spawn(async move {
                let mut marks = Vec::new();
                while next.fetch_add(1, Ordering::Relaxed) < requests {
                    let reply = client.call(Method::POST, &path, None, body.clone()).await;
                    marks.push(mark(&reply.context("messages got no answer")?)?);
                }
                Ok::<_, anyhow::Error>(marks)
            });
        }
        let mut marks = Vec::new();
        while let Some(filled) = fillers.join_next().await {
            marks.extend(filled??);
        }
        marks.sort_unstable();
        Ok(marks)
    }

    /// Waits until a place of the receiver has got so many requests.
    ///
    /// # Errors
    /// If nothing comes any more.
    pub(super) async fn arrived(&self, place: &str, count: usize) -> Result<()> {
        let (mut seen, mut since) = (self.sink.count(place), Instant::now());
        while seen < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let now = self.sink.count(place);
            if now > seen {
                (seen, since) = (now, Instant::now());
            } else if since.elapsed() > PATIENCE {
                bail!("{} of {count} messages did not arrive at `{place}`", count - seen);
            }
        }
        Ok(())
    }

    /// Waits until nothing is pending for an endpoint.
    ///
    /// # Errors
    /// If that does not come to be.
    pub(super) async fn drained(&self, app: &str, endpoint: &str) -> Result<()> {
        let path = format!("/api/v1/app/{app}/endpoint/{endpoint}/msg?status=1&limit=1&with_content=false");
        let (mut client, began) = (self.client(), Instant::now());
        while self.get(&mut client, &path).await?["data"].as_array().is_none_or(|data| !data.is_empty()) {
            if began.elapsed() > REST_LIMIT {
                bail!("messages of `{app}` are still pending");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// Waits until the server has hardly anything to do: what it does behind a load is over.
    ///
    /// # Errors
    /// If that does not come to be.
    pub(super) async fn at_rest(&self) -> Result<()> {
        let began = Instant::now();
        // The passes in the background look every two seconds.
        let mut used = VecDeque::from([self.cpu_seconds()?]);
        while used.len() <= 6 || used[used.len() - 1] - used[0] > 0.06 {
            if began.elapsed() > REST_LIMIT {
                bail!("the server does not come to rest");
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            used.push_back(self.cpu_seconds()?);
            if used.len() > 7 {
                used.pop_front();
            }
        }
        Ok(())
    }

    /// The seconds of CPU that the server has used since its start.
    ///
    /// # Errors
    /// If it has ended.
    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        self.server.as_ref().context("no server runs")?.cpu_seconds()
    }

    /// The bytes of all files of the store.
    ///
    /// # Errors
    /// If they cannot be looked at.
    pub(super) fn bytes(&self) -> Result<u64> {
        let sizes = std::fs::read_dir(&self.store)?.map(|entry| Ok(entry?.metadata()?.len()));
        sizes.sum::<std::io::Result<u64>>().context("the store cannot be looked at")
    }

    /// Lets the system forget what it holds of the store in memory, as after a start of the machine.
    ///
    /// # Errors
    /// If it refuses.
    pub(super) fn forget_pages(&self) -> Result<()> {
        for entry in std::fs::read_dir(&self.store)? {
            let path = entry?.path();
            if path.is_file() {
                let file = std::fs::File::open(&path)?;
                // What is not on the disk yet is not forgotten.
                file.sync_all()?;
                fadvise(file.as_fd(), 0, None, Advice::DontNeed)?;
            }
        }
        Ok(())
    }

    /// What `check` prints of the store, which has to be whole.
    ///
    /// # Errors
    /// If it is not.
    pub(super) async fn check(&self) -> Result<String> {
        self.launch.check().await
    }

    /// Ends the server.
    ///
    /// # Errors
    /// If it does not end cleanly.
    pub(super) async fn stop(&mut self) -> Result<()> {
        let server = self.server.take().context("no server runs")?;
        match server.stop(STOP_LIMIT).await? {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("the server ended with {status}"),
            None => bail!("the server does not end"),
        }
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) async fn kill(&mut self) -> Result<()> {
        self.server.take().context("no server runs")?.kill().await
    }

    /// Starts the server on the same store; returns how long it took to be ready.
    ///
    /// # Errors
    /// If it does not come up.
    pub(super) async fn start(&mut self) -> Result<Duration> {
        self.server.insert(self.launch.start()?).ready().await.context("the server does not start")
    }
}

/// The first message of an answer, of which all are accepted.
fn mark(reply: &Reply) -> Result<Mark> {
    let answer = reply.json();
    let items = answer["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    if reply.status != StatusCode::ACCEPTED || items.is_empty() {
        bail!("messages were answered {}: {answer}", reply.status);
    }
    if let Some(refused) = items.iter().find(|item| item["status"] != 202) {
        bail!("a message was refused: {refused}");
    }
    let text = |name: &str| items[0]["message"][name].as_str().unwrap_or_default().to_owned();
    Ok(Mark { timestamp: text("timestamp"), id: text("id") })
}
