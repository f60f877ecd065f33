//! The end of a run: wait until everything owed has arrived, then ask the API whether it knows.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::client::Client;
use super::history::{End, EndpointNumber, PostNumber};
use super::ledger::Ledger;
use super::plan::{ENDPOINTS, Registered};
use super::receivers::Log;
use super::sampler::{delivery_status, has_successful_attempt, is_success, is_unfinished};
use super::seed::Seed;

/// Longest wait for the backlog.
const DRAIN_LIMIT: Duration = Duration::from_secs(60);
/// The longest silence that is borne: two of the longest steps of the retry schedule. Half of it is the time that the
/// API has to show what has arrived.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// How long nothing may arrive before late repeats are held to be over: longer than two steps of the retry schedule.
const QUIET: Duration = Duration::from_millis(1200);
/// Longest time for questions about deliveries that are missing.
const ASK_LIMIT: Duration = Duration::from_secs(20);
/// Deliveries that are audited at the end.
const AUDITED: usize = 100;

/// One delivery.
type Pair = (PostNumber, EndpointNumber);

/// Waits until every acknowledged message has been answered 2xx by each of its endpoints and nothing more comes.
/// Returns how long that took and what is missing.
///
/// Gives up after a minute, or when nothing has arrived for as long as `patience`: a backlog that moves is not stuck.
pub(super) async fn drain(ledger: &Ledger, log: &Log, patience: Duration) -> (Duration, Vec<Pair>) {
    let started = Instant::now();
    let mut missing = owed(ledger);
    loop {
        let delivered = log.delivered(&missing);
        let mut delivered = delivered.iter();
        missing.retain(|_| !delivered.next().is_some_and(|delivered| *delivered));
        let silent = log.quiet().min(started.elapsed()) > patience;
        if missing.is_empty() || silent || started.elapsed() > DRAIN_LIMIT {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let took = started.elapsed();
    let quiet = QUIET.min(patience);
    let limit = Instant::now() + 4 * quiet;
    while log.quiet() < quiet && Instant::now() < limit {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    (took, missing)
}

/// Every delivery that was acknowledged.
fn owed(ledger: &Ledger) -> Vec<Pair> {
    ledger.with(|posts| {
        let acked = posts.iter().enumerate().filter(|(_, post)| post.acked.is_some());
        acked
            .flat_map(|(number, post)| {
                let endpoints = ENDPOINTS.iter().enumerate().filter(|(_, endpoint)| endpoint.app == post.app);
                endpoints.map(move |(endpoint, _)| (number, endpoint))
            })
            .collect()
    })
}

/// Asks the API how deliveries ended that did not arrive. Those it does not know are not in the answer.
pub(super) async fn ends(
    client: &mut Client,
    ledger: &Ledger,
    plan: &Registered,
    missing: &[Pair],
) -> HashMap<Pair, End> {
    let mut ends = HashMap::new();
    let limit = Instant::now() + ASK_LIMIT;
    for &(post, endpoint) in missing {
        if Instant::now() > limit {
            break;
        }
        let Some((app, message)) = place(ledger, plan, post) else { continue };
        let status = delivery_status(client, &app, &message, &plan.endpoints[endpoint]).await;
        let end = match status {
            Some(status) if is_unfinished(status) => End::Pending,
            // Called delivered although nothing arrived: that is a loss, not an end.
            Some(status) if is_success(status) => continue,
            Some(_) => End::Terminal,
            None => continue,
        };
        ends.insert((post, endpoint), end);
    }
    ends
}

/// What an audit found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Audit {
    /// Deliveries asked about, all of which had arrived.
    pub(super) asked: usize,
    /// Those that the API does not show as delivered, or without a successful attempt.
    pub(super) lies: Vec<String>,
}

/// Asks the API about deliveries that have arrived, taken by chance from the whole run.
pub(super) async fn audit(
    client: &mut Client,
    ledger: &Ledger,
    log: &Log,
    plan: &Registered,
    mut seed: Seed,
    limit: Duration,
) -> Audit {
    let mut audit = Audit::default();
    let mut pairs = owed(ledger);
    let limit = Instant::now() + limit;
    while audit.asked < AUDITED && !pairs.is_empty() {
        let chosen = usize::try_from(seed.below(pairs.len() as u64)).unwrap_or_default();
        let (post, endpoint) = pairs.swap_remove(chosen);
        let Some((app, message)) = place(ledger, plan, post) else { continue };
        if log.delivered(&[(post, endpoint)]) != [true] {
            continue;
        }
        audit.asked += 1;
        if !is_known(client, &app, &message, &plan.endpoints[endpoint], limit).await {
            audit
                .lies
                .push(format!("post {post} {message} arrived at endpoint {endpoint}, but the API does not say so"));
        }
    }
    audit
}

/// Whether the API comes to show a delivery as delivered and with a successful attempt. Asks at least once.
async fn is_known(client: &mut Client, app: &str, message: &str, endpoint: &str, limit: Instant) -> bool {
    loop {
        let delivered = delivery_status(client, app, message, endpoint).await.is_some_and(is_success);
        if delivered && has_successful_attempt(client, app, message, endpoint).await == Some(true) {
            return true;
        }
        if Instant::now() > limit {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The ids of the application and of the message of an acknowledged post.
fn place(ledger: &Ledger, plan: &Registered, post: PostNumber) -> Option<(String, String)> {
    ledger.with(|posts| {
        let post = posts.get(post)?;
        Some((plan.apps[post.app].clone(), post.ids.first()?.clone()))
    })
}
