//! Where the demo plays: the client, the receiver, and what is known of the webhooks between them.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use http::StatusCode;
use ringback_engine::SystemClock;
use ringback_model::Clock;
use serde_json::json;

use super::case::{CASES, Case, Event};
use super::client::{Client, text};
use super::print;
use super::report::{Checked, Outcome};
use crate::receiver::signature::verify;
use crate::receiver::{Arrival, Receiver};
use crate::terminal::Style;

/// How long the cases may take.
const LIMIT: Duration = Duration::from_secs(20);
/// How long nothing may arrive before the API is asked what has become of the messages.
const QUIET: Duration = Duration::from_millis(150);

/// The parts of the play. Requests that arrive are kept and shown.
#[derive(Debug)]
pub(super) struct Stage {
    client: Client,
    receiver: Receiver,
    clock: SystemClock,
    style: Style,
    /// Secrets of the endpoints, by the path of the receiver.
    secrets: HashMap<String, String>,
    /// What has arrived, in order, by path.
    arrivals: HashMap<String, Vec<Checked>>,
}

impl Stage {
    /// A stage without any webhook yet; its receiver answers as the cases say.
    pub(super) async fn set(client: Client, style: Style) -> anyhow::Result<Self> {
        let counts: Mutex<HashMap<String, usize>> = Mutex::default();
        let receiver = Receiver::start(move |_method, path, _body| {
            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(path.to_owned()).or_default();
            *count += 1;
            CASES.iter().find(|case| case.path() == path).map_or(StatusCode::OK, |case| case.answer(*count - 1)).into()
        });
        Ok(Self {
            client,
            receiver: receiver.await.context("the receiver of the demo cannot listen")?,
            clock: SystemClock::new(),
            style,
            secrets: HashMap::new(),
            arrivals: HashMap::new(),
        })
    }

    /// Where the receiver is.
    pub(super) fn receiver_url(&self) -> String {
        self.receiver.url("")
    }

    /// Makes an application with one endpoint, and learns the endpoint's secret.
    pub(super) async fn open(&mut self, app: &str, ordering: &str) -> anyhow::Result<()> {
        let path = format!("/{app}");
        self.client.post("/app", json!({"name": app, "uid": app}).to_string()).await?;
        let endpoint = json!({"url": self.receiver.url(&path), "ordering": ordering});
        let endpoint = self.client.post(&format!("/app/{app}/endpoint"), endpoint.to_string()).await?;
        let endpoint = text(&endpoint, "id")?;
        let secret = self.client.get(&format!("/app/{app}/endpoint/{endpoint}/secret")).await?;
        self.secrets.insert(path, text(&secret, "key")?);
        Ok(())
    }

    /// Sends the events of a case, one after the other; returns the ids of the messages.
    pub(super) async fn send(&self, case: &Case) -> anyhow::Result<Vec<String>> {
        let mut messages = Vec::with_capacity(case.events.len());
        for event in case.events {
            let message = self.client.post(&format!("/app/{}/msg", case.name), body(event)).await?;
            messages.push(text(&message, "id")?);
        }
        Ok(messages)
    }

    /// Shows what arrives until the API says that every delivery has ended, or the time is up; returns what it says.
    pub(super) async fn watch(&mut self, messages: &[Vec<String>]) -> anyhow::Result<Vec<Vec<Outcome>>> {
        let started = Instant::now();
        loop {
            while let Ok(Some(arrival)) = tokio::time::timeout(QUIET, self.receiver.next()).await {
                self.take(arrival)?;
            }
            let mut outcomes = Vec::with_capacity(messages.len());
            for (case, messages) in CASES.iter().zip(messages) {
                outcomes.push(self.outcomes(case, messages).await?);
            }
            let ended = outcomes.iter().flatten().all(Outcome::is_final);
            if ended || started.elapsed() > LIMIT {
                while let Some(arrival) = self.receiver.try_next() {
                    self.take(arrival)?;
                }
                return Ok(outcomes);
            }
        }
    }

    /// Shows what arrives, for ever.
    pub(super) async fn watch_for_ever(&mut self) -> anyhow::Result<()> {
        while let Some(arrival) = self.receiver.next().await {
            self.take(arrival)?;
        }
        Ok(())
    }

    /// What has arrived for a case.
    pub(super) fn arrivals(&self, case: &Case) -> &[Checked] {
        self.arrivals.get(&case.path()).map(Vec::as_slice).unwrap_or_default()
    }

    async fn outcomes(&self, case: &Case, messages: &[String]) -> anyhow::Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(messages.len());
        for message in messages {
            outcomes.push(Outcome::of(&self.client, case.name, message).await?);
        }
        Ok(outcomes)
    }

    fn take(&mut self, arrival: Arrival) -> anyhow::Result<()> {
        let verified = match self.secrets.get(&arrival.target) {
            Some(secret) => verify(&arrival, secret, self.clock.wall()).map_err(|refused| refused.to_string()),
            None => Err("nobody registered this path".to_owned()),
        };
        let checked = Checked { verified: verified.is_ok(), arrival };
        writeln!(io::stdout(), "{}", print::request(&checked.arrival, verified, self.style))?;
        self.arrivals.entry(checked.arrival.target.clone()).or_default().push(checked);
        Ok(())
    }
}

/// The body of the call that sends an event. The payload goes in as it is written, so that it can be compared with what
/// arrives, byte for byte.
fn body(event: &Event) -> String {
    let key = event.ordering_key.map(|key| format!(r#""orderingKey":"{key}","#)).unwrap_or_default();
    format!(r#"{{"eventType":"{}",{key}"payload":{}}}"#, event.event_type, event.payload)
}
