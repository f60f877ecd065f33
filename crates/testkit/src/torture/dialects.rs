//! What a dialect costs: the same reports through one dialect after another, in turn with the plain payload, on one
//! server. The figure is the server's own CPU per delivered message, as a ratio to the plain one measured
//! right beside it.
//!
//! Turns are short and many, and added up: what the server does behind the load, such as checkpoints and the index for the
//! search, comes seconds later and would else be paid by whoever is measured then.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::{Method, StatusCode};
use ringback_model::SendMethod;
use ringback_wire::dialect;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::client::Client;
use super::process::{Launch, Server};
use super::seed::Seed;
use super::sink::{self, Sink};

/// Connections that messages are posted over.
const CONNECTIONS: usize = 16;
/// Who is measured when in a round: the plain one 0, the other one 1. Right after each other, for the store grows and the
/// machine changes its speed; each as often first as second, for what one leaves to be done in the background, the
/// next one pays.
const TURNS: [usize; 4] = [0, 1, 1, 0];
/// How long a round may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// The report that is sent; the number makes each one another.
const REPORT: &str = r#"{"eventType":"sms.dlr","payload":{"product":"sms","category":"notification","message":{"id":"m-NUMBER","groupId":"t-1001","to":"+254712345678","from":"ACME","status":"delivered","error":{"code":"000"},"parts":1,"price":{"amount":"0.8000"},"acceptedAt":"2024-06-01T09:00:00Z","sentAt":"2024-06-01T09:00:01.120Z","deliveredAt":"2024-06-01T09:00:04.250Z","clientRef":"order/42","custom":{"custom":"a","custom1":"b"},"network":{"countryName":"Kenya","countryCode":"ke","operatorName":"Safaricom","operatorCode":"63902"}}}}"#;

/// Half of a key for those that sign; any text is one for the others.
const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The endpoints that are measured: a name, and what the endpoint says beside its URL. The first one is the plain one once
/// more, for what the measuring itself makes of it; the others are all dialects that the program has, in each method that
/// they know.
fn endpoints() -> Vec<(String, Value)> {
    let every = [SendMethod::Get, SendMethod::Post, SendMethod::Json, SendMethod::Xml];
    let mut endpoints = vec![("again".to_owned(), json!({}))];
    for dialect in dialect::names().filter_map(dialect::find) {
        let known = |method: &SendMethod| dialect.send_methods.is_empty() || dialect.send_methods.contains(method);
        let is_plain = |method: &SendMethod| dialect.is_plain() && *method == SendMethod::Json;
        for method in every.iter().filter(|method| known(method) && !is_plain(method)) {
            let mut said =
                json!({"dialect": dialect.name, "sendMethod": method, "product": "sms", "reportType": "dlr"});
            if dialect.takes_secret() {
                said["providerSecret"] = json!(SECRET);
            }
            let method = said["sendMethod"].as_str().unwrap_or_default();
            endpoints.push((format!("{}_{method}", dialect.name.replace('-', "_")), said));
        }
    }
    endpoints
}

/// What is measured, and how much of it.
#[derive(Debug, Clone)]
pub struct Dialects {
    /// Those endpoints alone whose name begins with one of these; all if there is none.
    pub only: Vec<String>,
    /// Messages of a round and endpoint, half of them in each of two turns.
    pub messages: usize,
    /// Rounds.
    pub rounds: usize,
    /// Messages a second; as fast as they are answered if there is none.
    pub rate: Option<u32>,
}

/// Measures, and returns a line of figures: CPU of a plain message in microseconds, then the ratio of each dialect to the
/// plain one that was measured right beside it.
///
/// # Errors
/// If the server does not work, or a message does not arrive.
pub async fn run(binary: &Path, seed: u64, plan: Dialects) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let launch = Launch::new(binary, folder.path().join("store"), folder.path().join("output"), &Seed::new(seed))?;
    let mut server = launch.start()?;
    server.ready().await.context("the server does not start")?;
    let token = launch.token().await?;
    let receiver = Sink::start()?;
    let mut client = Client::new(launch.address, token.clone());
    let is_asked =
        |(name, _): &(String, Value)| plan.only.is_empty() || plan.only.iter().any(|asked| name.starts_with(asked));
    let endpoints: Vec<_> = endpoints().into_iter().filter(is_asked).collect();
    for (name, endpoint) in endpoints.clone() {
        register(&mut client, &name, endpoint, &receiver).await?;
        register(&mut client, &beside(&name), json!({}), &receiver).await?;
    }
    let mut costs = vec![[0.0; 2]; endpoints.len()];
    // A round that is not counted: pages, connections and caches are warm after it.
    for round in 0..=plan.rounds {
        for ((name, _), costs) in endpoints.iter().zip(&mut costs) {
            for turn in TURNS {
                let app = if turn == 0 { beside(name) } else { name.clone() };
                let clients = (0..CONNECTIONS).map(|_| Client::new(launch.address, token.clone())).collect();
                let cost = measure(&server, clients, &receiver, &app, &plan).await?;
                costs[turn] += if round == 0 { 0.0 } else { cost };
            }
        }
    }
    let plain = costs.iter().map(|[plain, _]| plain).sum::<f64>() / (2 * plan.rounds * endpoints.len()) as f64;
    let measured = endpoints.iter().zip(costs);
    let ratios: String = measured.map(|((name, _), [plain, other])| format!(" {name}={:.3}", other / plain)).collect();
    Ok(format!("plain_cpu_us={:.1}{ratios}", plain * 1e6))
}

/// The application whose plain reports an endpoint is measured beside: each has its own, so that both come to their turn
/// with connections and caches that have rested for as long.
fn beside(name: &str) -> String {
    format!("beside-{name}")
}

async fn register(client: &mut Client, app: &str, mut endpoint: Value, receiver: &Sink) -> Result<()> {
    let made = client.post("/api/v1/app", &json!({"name": app, "uid": app})).await.context("no answer")?;
    if let Some(endpoint) = endpoint.as_object_mut() {
        endpoint.insert("url".to_owned(), json!(receiver.url(sink::TAKEN, app)));
    }
    let registered = client.post(&format!("/api/v1/app/{app}/endpoint"), &endpoint).await.context("no answer")?;
    if !made.status.is_success() || registered.status != StatusCode::CREATED {
        bail!("`{app}` could not be registered: {}", registered.json());
    }
    Ok(())
}

/// Sends messages until all have arrived; returns the server's CPU seconds for each.
async fn measure(server: &Server, clients: Vec<Client>, receiver: &Sink, app: &str, plan: &Dialects) -> Result<f64> {
    let messages = plan.messages / 2;
    let (before, arrived) = (server.cpu_seconds()?, receiver.count(sink::TAKEN));
    let mut posts = JoinSet::new();
    let next = Arc::new(AtomicUsize::new(0));
    let (start, each) = (tokio::time::Instant::now(), plan.rate.map(|rate| Duration::from_secs(1) / rate.max(1)));
    for mut client in clients {
        let (path, next) = (format!("/api/v1/app/{app}/msg"), next.clone());
        posts.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= messages {
                    return Ok(());
                }
                if let Some(each) = each {
                    tokio::time::sleep_until(start + each.mul_f64(number as f64)).await;
                }
                let body: Bytes = REPORT.replace("NUMBER", &number.to_string()).into();
                let reply = client.call(Method::POST, &path, None, body).await.context("a post got no answer")?;
                if reply.status != StatusCode::ACCEPTED {
                    bail!("a post was answered {}: {}", reply.status, reply.json());
                }
            }
        });
    }
    while let Some(posted) = posts.join_next().await {
        posted??;
    }
    let since = Instant::now();
    while receiver.count(sink::TAKEN) < arrived + messages {
        if since.elapsed() > PATIENCE {
            bail!(
                "{} of {messages} messages of `{app}` did not arrive",
                arrived + messages - receiver.count(sink::TAKEN)
            );
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok((server.cpu_seconds()? - before) / messages as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_is_measured_in_each_of_its_methods() {
        let endpoints = endpoints();
        let names: Vec<_> = endpoints.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names[0], "again");
        for dialect in dialect::names() {
            let of = |(_, said): &&(String, Value)| said["dialect"] == *dialect;
            let known = dialect::find(dialect).unwrap().send_methods.len();
            let all = if known == 0 { 4 } else { known };
            let measured = endpoints.iter().filter(of).count();
            assert_eq!(measured, if dialect == dialect::DEFAULT { all - 1 } else { all }, "{dialect}: {names:?}");
        }
        for name in ["ant_xml", "rich_dlr_get", "twilio_post", "telnyx_json", "standard_webhooks_get"] {
            assert!(names.contains(&name), "{name} of {names:?}");
        }
    }
}
