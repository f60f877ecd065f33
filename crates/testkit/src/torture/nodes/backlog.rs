//! Messages by the thousand that wait for receivers which take one a second: what a node that dies leaves to others.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::super::client::Client;
use crate::Receiver;

/// Over how many applications they are spread, so that each node has some.
const APPS: usize = 12;
/// How many messages one request carries.
const AT_ONCE: usize = 500;
/// The types of those that wait, and of those that a look sends.
const WAITING: &str = "backlog.waiting";
const LOOK: &str = "backlog.look";
/// Where those of a look arrive.
const LOOK_PATH: &str = "/look";

/// What waits.
#[derive(Debug)]
pub(super) struct Backlog {
    apps: Vec<String>,
    receiver: Receiver,
    looks: usize,
}

impl Backlog {
    /// Registers the applications, and posts so many messages to them.
    ///
    /// # Errors
    /// If anything is not taken.
    pub(super) async fn make(client: &mut Client, messages: usize) -> Result<Self> {
        let mut backlog = Self { apps: Vec::new(), receiver: Receiver::start().await?, looks: 0 };
        for name in [WAITING, LOOK] {
            let reply =
                client.post("/api/v1/event-type", &json!({ "name": name, "description": "of a backlog" })).await;
            let status = reply.context("an event type was not answered")?.status;
            if !status.is_success() {
                bail!("an event type was answered with {status}");
            }
        }
        for number in 0..APPS {
            let app = made(client, "/api/v1/app", &json!({ "name": format!("backlog {number}") })).await?;
            let endpoints = format!("/api/v1/app/{app}/endpoint");
            let slow = json!({ "url": backlog.receiver.url("/slow"), "eventTypes": [WAITING], "throttleRate": 1,
                               "maxConcurrency": 1 });
            made(client, &endpoints, &slow).await?;
            let quick = json!({ "url": backlog.receiver.url(LOOK_PATH), "eventTypes": [LOOK] });
            made(client, &endpoints, &quick).await?;
            backlog.apps.push(app);
        }
        let body = json!({ "messages": vec![json!({ "eventType": WAITING, "payload": { "n": 1 } }); AT_ONCE] });
        for number in 0..messages.div_ceil(AT_ONCE) {
            let path = format!("/api/v1/app/{}/msg/batch", backlog.apps[number % APPS]);
            let reply = client.post(&path, &body).await.context("a backlog was not answered")?;
            let taken = reply.json()["data"].as_array().is_some_and(|all| all.iter().all(|one| one["status"] == 202));
            if !taken {
                bail!("a backlog was answered with {}", reply.status);
            }
        }
        Ok(backlog)
    }

    /// Sends a message more to each of the applications and waits until they have arrived.
    ///
    /// # Errors
    /// If one is not taken, or does not arrive within the limit.
    pub(super) async fn look(&mut self, client: &mut Client, limit: Duration) -> Result<()> {
        for app in &self.apps {
            let path = format!("/api/v1/app/{app}/msg");
            made(client, &path, &json!({ "eventType": LOOK, "payload": {} })).await?;
        }
        self.looks += 1;
        let wanted = self.looks * self.apps.len();
        self.receiver.wait_for_path(LOOK_PATH, wanted, limit).await?;
        Ok(())
    }
}

/// Posts what makes something; answers its id.
async fn made(client: &mut Client, path: &str, body: &Value) -> Result<String> {
    let reply = client.post(path, body).await.with_context(|| format!("{path} was not answered"))?;
    reply.id().with_context(|| format!("{path} was answered with {}: {}", reply.status, reply.json()))
}
