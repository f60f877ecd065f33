//! Posts at a steady rate, each with the time that its answer took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::{Method, StatusCode};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::client::Client;
use super::figures::Answered;

/// Connections of a load.
pub(super) const CONNECTIONS: usize = 16;

/// A running load. Ends when stopped or dropped.
#[derive(Debug)]
pub(super) struct Pace {
    stop: watch::Sender<bool>,
    posts: JoinSet<Result<Vec<Answered>>>,
}

impl Pace {
    /// Starts it: together the clients post `rate` times a second.
    #[must_use]
    pub(super) fn start(clients: Vec<Client>, path: &str, body: &Bytes, rate: u32) -> Self {
        let (stop, _) = watch::channel(false);
        let mut posts = JoinSet::new();
        let each = Duration::from_secs(1).mul_f64(clients.len() as f64 / f64::from(rate.max(1)));
        let (path, count, began): (Arc<str>, _, _) = (path.into(), clients.len(), Instant::now());
        for (at, client) in clients.into_iter().enumerate() {
            let first = began + each.mul_f64(at as f64 / count as f64);
            posts.spawn(post(client, path.clone(), body.clone(), first, each, stop.subscribe()));
        }
        Self { stop, posts }
    }

    /// Stops it, and hands over what was answered.
    ///
    /// # Errors
    /// If a post was not answered, or not with 202.
    pub(super) async fn stop(mut self) -> Result<Vec<Answered>> {
        self.stop.send_replace(true);
        let mut all = Vec::new();
        while let Some(answered) = self.posts.join_next().await {
            all.extend(answered??);
        }
        Ok(all)
    }
}

async fn post(
    mut client: Client,
    path: Arc<str>,
    body: Bytes,
    first: Instant,
    each: Duration,
    mut stop: watch::Receiver<bool>,
) -> Result<Vec<Answered>> {
    let (mut due, mut answered) = (first, Vec::new());
    loop {
        let pause = due.saturating_duration_since(Instant::now());
        // An error means that the load has been dropped: a reason to stop as well.
        if tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await.is_ok() {
            return Ok(answered);
        }
        // A client that was held up by the answer before counts from when it should have posted; a timer that is late is
        // the harness's own.
        let at = if pause.is_zero() { due } else { Instant::now() };
        let reply = client.call(Method::POST, &path, None, body.clone()).await.context("a post got no answer")?;
        if reply.status != StatusCode::ACCEPTED {
            bail!("a post was answered {}: {}", reply.status, reply.json());
        }
        answered.push(Answered { at, took: at.elapsed() });
        due += each;
    }
}
