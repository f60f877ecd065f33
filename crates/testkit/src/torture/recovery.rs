//! Background tasks over kills: failed deliveries are recovered and missed messages replayed, and the server is killed
//! while it is about that.
//!
//! An application of its own has many messages. At one endpoint most of them have failed; another one is made after them.
//! The messages are in the ledger like all others, so what a task loses or sends twice is found as always. Beside that
//! the API says how far each task is, and the checker holds it to going on where it was.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::client::{Client, Reply};
use super::history::{Task, TaskSeen};
use super::plan::{self, MISSED, RECOVERED, TASK_APP};
use super::report::Report;
use super::run::Run;
use super::seed::Seed;

/// Messages that the tasks are about: some dozens of the parts that a server does them in.
const MESSAGES: usize = 10_000;
/// Messages of one request.
const BATCH: usize = 1_000;
/// Longest wait until all of them have been tried, and until the tasks are over.
const PATIENCE: Duration = Duration::from_secs(120);
/// Since when messages are meant: all of them.
const SINCE: &str = "2000-01-01T00:00:00Z";
/// What is asked for, and of which endpoint.
const TASKS: [(&str, usize); 2] = [("recover", RECOVERED), ("replay-missing", MISSED)];
/// How often tasks have to be interrupted for the run to have tested something.
const INTERRUPTIONS: usize = 3;

/// The tasks of a run.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// Their ids, once they have begun.
    ids: Vec<String>,
    /// Deliveries that have failed before.
    failed: u64,
    /// Which were running when they were seen last before a kill.
    running: Vec<bool>,
    /// How often one went on after a kill.
    interruptions: usize,
}

impl Recovery {
    /// Hands in the messages, has them fail, and makes the endpoint that has missed them. Nothing is killed meanwhile.
    ///
    /// # Errors
    /// If the server does not do its part.
    pub(super) async fn prepare(run: &mut Run) -> Result<Self> {
        let mut client = run.client();
        let name = json!({ "name": "torture tasks" });
        let app = plan::create(&mut client, "/api/v1/app/", &name).await?;
        run.plan.apps.push(app.clone());
        plan::register_next(&mut client, &run.receivers, &mut run.plan).await?;
        for _ in 0..MESSAGES / BATCH {
            post_batch(run, &mut client, &app).await?;
        }
        let pending = format!(
            "/api/v1/app/{app}/endpoint/{}/msg?status=1&limit=1&with_content=false",
            run.plan.endpoints[RECOVERED]
        );
        let began = Instant::now();
        let log = run.receivers.log().clone();
        while log.count_at(RECOVERED) < MESSAGES || !is_empty(&mut client, &pending).await {
            if began.elapsed() > PATIENCE {
                bail!("only {} of {MESSAGES} messages were tried", log.count_at(RECOVERED));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        log.open();
        plan::register_next(&mut client, &run.receivers, &mut run.plan).await?;
        let failed = run.ledger.with(|posts| (0..posts.len()).filter(|&post| !plan::passes_shut(post)).count());
        Ok(Self { failed: failed as u64, ..Self::default() })
    }

    /// Whether there is still something to interrupt.
    #[must_use]
    pub(super) fn is_under_way(&self) -> bool {
        self.ids.is_empty() || self.running.contains(&true)
    }

    /// One life of the server, short enough to end in the middle of the tasks; false if it does not come up.
    ///
    /// # Errors
    /// If the harness cannot do its part.
    pub(super) async fn live(&mut self, run: &mut Run, seed: &mut Seed) -> Result<bool> {
        if !run.ready().await {
            return Ok(false);
        }
        if self.ids.is_empty() {
            self.begin(run).await?;
        } else {
            let before = std::mem::take(&mut self.running);
            self.look(run).await;
            self.interruptions += before.iter().zip(&self.running).filter(|(was, is)| **was && **is).count();
        }
        run.live(seed.between(Duration::from_millis(20), Duration::from_millis(200))).await?;
        self.look(run).await;
        Ok(true)
    }

    /// Waits until the tasks are over, or long enough, and says how they were interrupted.
    pub(super) async fn end(mut self, run: &mut Run, report: &mut Report) {
        let began = Instant::now();
        while self.is_under_way() && began.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(50)).await;
            self.look(run).await;
        }
        report.field("tasks", self.ids.len()).field("task_kills", self.interruptions);
        report.require(self.interruptions >= INTERRUPTIONS, || {
            format!("tasks went on after a kill {} times, and {INTERRUPTIONS} are wanted", self.interruptions)
        });
    }

    async fn begin(&mut self, run: &mut Run) -> Result<()> {
        let mut client = run.client();
        for (what, endpoint) in TASKS {
            let path =
                format!("/api/v1/app/{}/endpoint/{}/{what}", run.plan.apps[TASK_APP], run.plan.endpoints[endpoint]);
            let reply = client.post(&path, &json!({ "since": SINCE })).await.context("no answer to a task")?;
            let id = reply.id().filter(|_| reply.status == StatusCode::ACCEPTED);
            self.ids.push(id.with_context(|| format!("POST {path} was answered {}", reply.status))?);
            let messages = MESSAGES as u64;
            let changes = if endpoint == RECOVERED { self.failed } else { messages };
            run.tasks.push(Task { name: what.to_owned(), messages, changes, seen: Vec::new() });
        }
        self.running = vec![true; TASKS.len()];
        Ok(())
    }

    /// Asks how far the tasks are. What is not answered is not seen.
    async fn look(&mut self, run: &mut Run) {
        let mut client = run.client();
        self.running.resize(self.ids.len(), true);
        for (at, id) in self.ids.iter().enumerate() {
            let path = format!("/api/v1/background-task/{id}");
            let Some(reply) = client.get(&path).await.filter(|reply| reply.status.is_success()) else { continue };
            let seen = seen(&reply.json());
            self.running[at] = !seen.finished;
            run.tasks[at].seen.push(seen);
        }
    }
}

fn seen(task: &Value) -> TaskSeen {
    let figure = |name: &str| task["data"][name].as_u64().unwrap_or_default();
    TaskSeen {
        finished: task["status"] == "finished",
        looked_at: figure("messagesLookedAt"),
        changed: figure("deliveriesChanged"),
    }
}

/// Whether a list has nothing in it.
async fn is_empty(client: &mut Client, path: &str) -> bool {
    client.get(path).await.is_some_and(|reply| reply.json()["data"].as_array().is_some_and(Vec::is_empty))
}

/// Hands in messages in one request, each with its entry in the ledger.
async fn post_batch(run: &Run, client: &mut Client, app: &str) -> Result<()> {
    let (mut numbers, mut messages) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
    for _ in 0..BATCH {
        let (number, payload) = run.ledger.intend(TASK_APP, None, |number| format!("{{\"n\":{number},\"task\":true}}"));
        numbers.push(number);
        messages.push(format!(r#"{{"eventType":"torture.task","payload":{payload}}}"#));
    }
    let body = format!(r#"{{"messages":[{}]}}"#, messages.join(","));
    let reply = client.call(Method::POST, &format!("/api/v1/app/{app}/msg/batch"), None, body.into()).await;
    let answers = reply.as_ref().map(|reply| reply.json()["data"].take()).unwrap_or_default();
    for (at, number) in numbers.into_iter().enumerate() {
        let answer = &answers[at];
        let status = answer["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        let one = status.map(|status| Reply { status, body: Bytes::from(answer["message"].to_string()) });
        run.ledger.settle(number, one.as_ref());
    }
    match reply {
        Some(reply) if reply.status == StatusCode::ACCEPTED => Ok(()),
        Some(reply) => bail!("messages were answered {}", reply.status),
        None => bail!("no answer to messages"),
    }
}
