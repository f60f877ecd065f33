//! Plays `vectors.txt`: each play is a customer with a receiver of its own, so that whatever arrives there is its.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{Method, StatusCode};
use ringback_engine::SystemClock;
use ringback_model::Clock as _;
use serde_json::{Value, json};

use super::client::{Client, text};
use super::compare::{challenge, is_answer};
use super::print;
use super::vector::{Call, Expected, Play, Step};
use crate::receiver::signature::verify;
use crate::receiver::{Arrival, Receiver, Reply};
use crate::terminal::Style;

/// How long a request may take to arrive.
const LIMIT: Duration = Duration::from_secs(10);
/// How long is waited at the end for what must not arrive.
const QUIET: Duration = Duration::from_millis(500);

/// The customers that were played, and what was found.
#[derive(Debug)]
pub(super) struct Gallery {
    client: Client,
    clock: SystemClock,
    style: Style,
    receivers: Vec<(&'static str, Receiver)>,
    problems: Vec<String>,
}

/// One customer while it is played.
struct Customer {
    app: String,
    receiver: Receiver,
    /// Secrets of its endpoints, by path.
    secrets: HashMap<String, String>,
    expected: Vec<Expected>,
    arrived: Vec<Arrival>,
    /// What differs since the last check: what had to come, and what came.
    differences: Vec<(String, String)>,
}

impl Gallery {
    /// Nothing played yet.
    pub(super) fn new(client: Client, style: Style) -> Self {
        Self { client, clock: SystemClock::new(), style, receivers: Vec::new(), problems: Vec::new() }
    }

    /// Plays one customer: shows each request as it arrives, and whether it is the one that had to.
    pub(super) async fn play(&mut self, number: usize, play: Play) -> anyhow::Result<()> {
        writeln!(io::stdout(), "{}\n", self.style.bold(format!("— {}", play.title)))?;
        let mut customer = self.open(number, &play).await?;
        for step in play.steps {
            match step {
                Step::Application(_) => {}
                Step::EventType(name) => {
                    let body = json!({"name": name, "description": "Shown by the demo."});
                    self.client.post("/event-type", body.to_string()).await?;
                }
                Step::Endpoint(body) => {
                    let path = format!("/app/{}/endpoint", customer.app);
                    self.client.post(&path, customer.fill(body, "")).await?;
                }
                Step::Event(body) => {
                    self.client.post(&format!("/app/{}/msg", customer.app), body.to_owned()).await?;
                }
                Step::Call(call) => self.call(&mut customer, &call).await?,
                Step::Expect(expected) => customer.expected.push(expected),
                Step::Check(label) => self.check(&mut customer, label).await?,
            }
        }
        self.receivers.push((play.title, customer.receiver));
        Ok(())
    }

    /// Waits for what must not arrive, and tells everything that was not as it had to be.
    pub(super) async fn end(mut self) -> Vec<String> {
        tokio::time::sleep(QUIET).await;
        for (title, receiver) in &mut self.receivers {
            while let Some(arrival) = receiver.try_next() {
                self.problems.push(format!("{title}: {} {} arrived too", arrival.method, arrival.target));
            }
        }
        self.problems
    }

    async fn open(&self, number: usize, play: &Play) -> anyhow::Result<Customer> {
        let app = format!("customer-{}", number + 1);
        let receiver = Receiver::start(answer).await.context("a receiver of the demo cannot listen")?;
        let mut body = json!({"name": play.title, "uid": app});
        for step in &play.steps {
            if let (Step::Application(more), Some(body)) = (step, body.as_object_mut()) {
                body.append(serde_json::from_str::<Value>(more)?.as_object_mut().context("no object")?);
            }
        }
        self.client.post("/app", body.to_string()).await?;
        let (secrets, expected) = (HashMap::new(), Vec::new());
        Ok(Customer { app, receiver, secrets, expected, arrived: Vec::new(), differences: Vec::new() })
    }

    async fn call(&self, customer: &mut Customer, call: &Call) -> anyhow::Result<()> {
        let token = if call.body.contains("TOKEN") { self.token(&customer.app).await? } else { String::new() };
        let path = call.path.replace("APP", &customer.app);
        let body = customer.fill(call.body, &token);
        let shown = customer.fill(call.body, "…");
        let (status, answer) = self.client.ask(call.method.clone(), &path, body).await?;
        let line = format!("{} {path}  ", call.method);
        writeln!(io::stdout(), "{}", print::call(&line, &shown, status, &answer, self.style))?;
        let wanted = customer.fill(call.answer, "");
        if status.as_u16() != call.status || !is_answer(&wanted, &answer) {
            customer.differences.push((format!("{} {wanted}", call.status), format!("{} {answer}", status.as_u16())));
        }
        Ok(())
    }

    /// An access token of the application, as one of its programs gets it (RFC 6749, 4.4).
    async fn token(&self, app: &str) -> anyhow::Result<String> {
        let client = self.client.post(&format!("/app/{app}/oauth-client"), json!({"name": "demo"}).to_string()).await?;
        let pair = format!("{}:{}", text(&client, "clientId")?, text(&client, "clientSecret")?);
        let token = self.client.form("/oauth/token", "grant_type=client_credentials", &BASE64.encode(pair)).await?;
        text(&token, "access_token")
    }

    /// Waits for what must arrive, and compares it.
    async fn check(&mut self, customer: &mut Customer, label: &str) -> anyhow::Result<()> {
        let started = Instant::now();
        while customer.arrived.len() < customer.expected.len() {
            let left = LIMIT.saturating_sub(started.elapsed());
            let Ok(Some(arrival)) = tokio::time::timeout(left, customer.receiver.next()).await else { break };
            self.learn_secrets(customer).await?;
            let verified = self.verified(customer, &arrival);
            writeln!(io::stdout(), "{}", print::arrival(&arrival, verified.as_ref(), self.style))?;
            if let Some(Err(why)) = verified {
                customer.differences.push(("a signature that verifies".to_owned(), why));
            }
            customer.arrived.push(arrival);
        }
        let differences = customer.settle();
        if differences.is_empty() {
            writeln!(io::stdout(), "{}\n", self.style.good(format!("ok {label}")))?;
            return Ok(());
        }
        writeln!(io::stdout(), "{}", self.style.bad(format!("differs {label}")))?;
        for (wanted, came) in &differences {
            writeln!(io::stdout(), "expected:\n{wanted}\ncame:\n{came}\n")?;
        }
        self.problems.push(format!("{label} differs"));
        Ok(())
    }

    async fn learn_secrets(&self, customer: &mut Customer) -> anyhow::Result<()> {
        let base = format!("/app/{}/endpoint", customer.app);
        let endpoints = self.client.get(&base).await?;
        for endpoint in endpoints.get("data").and_then(Value::as_array).into_iter().flatten() {
            let url = text(endpoint, "url")?;
            let path =
                url.strip_prefix(&customer.receiver.url("")).unwrap_or(&url).split('?').next().unwrap_or_default();
            if !customer.secrets.contains_key(path) {
                let secret = self.client.get(&format!("{base}/{}/secret", text(endpoint, "id")?)).await?;
                customer.secrets.insert(path.to_owned(), text(&secret, "key")?);
            }
        }
        Ok(())
    }

    /// Whether the signature is good; `None` for a handshake, which has none.
    fn verified(&self, customer: &Customer, arrival: &Arrival) -> Option<Result<(), String>> {
        if customer.expected.iter().any(|expected| expected.handshake && expected.target == arrival.target) {
            return None;
        }
        let path = arrival.target.split('?').next().unwrap_or_default();
        Some(match customer.secrets.get(path) {
            Some(secret) => verify(arrival, secret, self.clock.wall()).map_err(|refused| refused.to_string()),
            None => Err("nobody registered this path".to_owned()),
        })
    }
}

impl Customer {
    /// A text of the plays with the customer's own values in it.
    fn fill(&self, text: &str, token: &str) -> String {
        text.replace("\"H/", &format!("\"{}/", self.receiver.url(""))).replace("TOKEN", token)
    }

    /// Compares what arrived with what had to, and forgets both.
    fn settle(&mut self) -> Vec<(String, String)> {
        let mut differences = std::mem::take(&mut self.differences);
        for expected in self.expected.drain(..) {
            let Some(at) = self.arrived.iter().position(|arrival| expected.is_meant_by(arrival)) else {
                differences.push((expected.text(), "nothing".to_owned()));
                continue;
            };
            let (wanted, came) = (expected.text(), expected.text_of(&self.arrived.remove(at)));
            if wanted != came {
                differences.push((wanted, came));
            }
        }
        let extra = self.arrived.drain(..);
        differences
            .extend(extra.map(|arrival| ("nothing".to_owned(), format!("{} {}", arrival.method, arrival.target))));
        differences
    }
}

/// What the receivers answer: a handshake is passed, everything else is taken.
fn answer(method: &Method, _target: &str, body: &[u8]) -> Reply {
    let challenge = std::str::from_utf8(body).ok().and_then(challenge).filter(|_| method == Method::POST);
    match challenge {
        Some(challenge) => Reply { body: json!({"challenge": challenge}).to_string().into(), ..StatusCode::OK.into() },
        None => StatusCode::OK.into(),
    }
}
