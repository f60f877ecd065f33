//! Asks the API, while the run goes on, which recent deliveries it calls delivered.
//!
//! What the API has called delivered is recorded; no crash may make it be sent again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;

use super::client::Client;
use super::history::Sample;
use super::plan::Registered;
use super::receivers::Log;
use super::seed::Seed;

/// `status` of a delivery that has arrived.
const SUCCESS: i64 = 0;
/// `status` of a delivery that is not over: pending, sending.
const UNFINISHED: [i64; 2] = [1, 3];

/// Between two questions.
const INTERVAL: Duration = Duration::from_millis(25);
/// How far back in the log a question may reach.
const REACH: u64 = 300;

/// A running sampler. Ends when stopped or dropped.
#[derive(Debug)]
pub(super) struct Sampler {
    samples: Arc<Mutex<Vec<Sample>>>,
    task: JoinHandle<()>,
}

impl Sampler {
    /// Starts asking.
    #[must_use]
    pub(super) fn start(mut client: Client, log: Arc<Log>, plan: Registered, mut seed: Seed) -> Self {
        let samples = Arc::new(Mutex::new(Vec::new()));
        let into = samples.clone();
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(INTERVAL).await;
                let back = usize::try_from(seed.below(REACH)).unwrap_or_default();
                if let Some(sample) = sample(&mut client, &log, &plan, back).await {
                    into.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
                }
            }
        });
        Self { samples, task }
    }

    /// Stops asking and hands over what was learned.
    #[must_use]
    pub(super) fn stop(self) -> Vec<Sample> {
        self.task.abort();
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn sample(client: &mut Client, log: &Log, plan: &Registered, back: usize) -> Option<Sample> {
    let arrival = log.recent_ok(back)?;
    arrival.post?; // Of this run, not a stray.
    let app = &plan.apps[super::plan::ENDPOINTS[arrival.endpoint].app];
    let status = delivery_status(client, app, &arrival.message_id, &plan.endpoints[arrival.endpoint]).await;
    // IMPORTANT: the position is read after the answer: nothing from there on may be this delivery.
    let at = log.position();
    (status == Some(SUCCESS)).then_some(Sample { message_id: arrival.message_id, endpoint: arrival.endpoint, at })
}

/// The API's `status` of one delivery; `None` if there is no answer or no such delivery.
pub(super) async fn delivery_status(client: &mut Client, app: &str, message: &str, endpoint: &str) -> Option<i64> {
    let reply = client.get(&format!("/api/v1/app/{app}/msg/{message}/endpoint/")).await?;
    let body = reply.json();
    let deliveries = body.get("data")?.as_array()?;
    deliveries.iter().find(|one| text(one, "id") == Some(endpoint))?.get("status")?.as_i64()
}

/// Whether the API shows a successful attempt of one delivery.
pub(super) async fn has_successful_attempt(
    client: &mut Client,
    app: &str,
    message: &str,
    endpoint: &str,
) -> Option<bool> {
    let reply = client.get(&format!("/api/v1/app/{app}/attempt/msg/{message}/")).await?;
    let body = reply.json();
    let ours = |one: &&Value| text(one, "endpointId") == Some(endpoint);
    let status = |one: &Value| one.get("status").and_then(Value::as_i64);
    Some(body.get("data")?.as_array()?.iter().filter(ours).any(|one| status(one) == Some(SUCCESS)))
}

/// Whether a `status` says that the delivery arrived.
#[must_use]
pub(super) fn is_success(status: i64) -> bool {
    status == SUCCESS
}

/// Whether a `status` says that the delivery is not over.
#[must_use]
pub(super) fn is_unfinished(status: i64) -> bool {
    UNFINISHED.contains(&status)
}

fn text<'v>(value: &'v Value, member: &str) -> Option<&'v str> {
    value.get(member)?.as_str()
}
