//! Transformations aside from everything else: the code of endpoints' owners is run by processes of its own, which have
//! no secrets and can be killed.
//!
//! What code does between two looks at the time cannot be interrupted from within (a number of a million digits times
//! itself, a list sorted again and again), and an interpreter may have faults of its own. So a server hands each run to
//! a worker ([`worker`]) and takes one away that is too busy. An endpoint's code runs for one message at a time: an
//! endpoint whose code is slow holds up itself.

mod worker;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ringback_model::{Message, Redacted, Timestamp};
use ringback_wire::{Prepared, RenderError, TransformationJob, Transformed};
use tokio::sync::Semaphore;

use self::worker::{Worker, busy};
use crate::Route;

pub use worker::serve_transformations;

/// Transformations that run at once, of all endpoints: what they do takes processors, and nothing else.
const AT_ONCE: usize = 2;
/// How often a worker is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// The processor time after which a worker is taken away; the code itself is stopped before, where it can be.
const BUSY_MAX: Duration = Duration::from_millis(200);
/// The same of all time, for a worker that gets no processor.
const TIME_MAX: Duration = Duration::from_secs(10);

/// Runs transformations.
#[derive(Debug)]
pub struct Transformer {
    /// The program that is started as a worker; without one, code runs in this process.
    program: Option<PathBuf>,
    idle: Mutex<Vec<Worker>>,
    turns: Semaphore,
}

impl Transformer {
    /// One that runs code in this process: for tests and tools, whose code is their own.
    #[must_use]
    pub fn here() -> Self {
        Self { program: None, idle: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }

    /// One that runs code in processes of this program, started with the argument `transformer` alone: it is to call
    /// [`serve_transformations`] then.
    #[must_use]
    pub fn apart(program: PathBuf) -> Self {
        Self { program: Some(program), ..Self::here() }
    }

    /// Makes the request of one attempt, signed at `wall`.
    ///
    /// # Errors
    /// Those of [`ringback_wire::prepare`].
    pub async fn prepare(&self, route: &Route, message: &Message, wall: Timestamp) -> Result<Prepared, RenderError> {
        let Some(job) = ringback_wire::transformation(&route.recipe, message)? else {
            return ringback_wire::prepare(&route.recipe, message, wall);
        };
        // It is never closed.
        let _turn = route.transforming.acquire().await;
        let transformed = self.run(job).await;
        ringback_wire::prepare_transformed(&route.recipe, message, wall, transformed)
    }

    /// Makes the same request with two routes, such as one with secrets and one with none. What a transformation makes of
    /// the message does not depend on these, so it runs once.
    ///
    /// # Errors
    /// Those of [`ringback_wire::prepare`].
    pub async fn prepare_both(
        &self,
        routes: [&Route; 2],
        message: &Message,
        wall: Timestamp,
    ) -> Result<[Prepared; 2], RenderError> {
        let jobs = routes.map(|route| ringback_wire::transformation(&route.recipe, message));
        let [first, second] = routes;
        match jobs {
            [Ok(Some(job)), Ok(Some(other))] if job.is_same(&other) => {
                // It is never closed.
                let _turn = first.transforming.acquire().await;
                let transformed = self.run(job).await;
                let make = |route: &Route, transformed| {
                    ringback_wire::prepare_transformed(&route.recipe, message, wall, transformed)
                };
                Ok([make(first, transformed.clone())?, make(second, transformed)?])
            }
            _ => Ok([self.prepare(first, message, wall).await?, self.prepare(second, message, wall).await?]),
        }
    }

    /// Looks whether code can be run.
    ///
    /// # Errors
    /// A sentence: what is wrong with it, and in which line.
    pub async fn check(&self, code: &Redacted) -> Result<(), String> {
        self.run(TransformationJob::check(code)).await.map(drop)
    }

    async fn run(&self, job: TransformationJob) -> Result<Transformed, String> {
        let _turn = self.turns.acquire().await;
        let Some(program) = &self.program else {
            return tokio::task::spawn_blocking(move || job.run()).await.unwrap_or_else(|_| Err(LOST.to_owned()));
        };
        let worker = match self.kept() {
            Some(worker) => worker,
            None => Worker::start(program).map_err(|_| "This server has no process to spare for it.".to_owned())?,
        };
        let (worker, answer) = watched(worker, job).await?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        answer
    }

    /// A worker that was used before.
    fn kept(&self) -> Option<Worker> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut worker = idle.pop()?;
            if worker.is_alive() {
                return Some(worker);
            }
        }
    }
}

const LOST: &str = "It was stopped before it had ended.";

/// Has a worker do a job. It is taken away when it takes too long, or when nobody waits any more: it goes with the future.
async fn watched(mut worker: Worker, job: TransformationJob) -> Result<(Worker, Result<Transformed, String>), String> {
    let id = worker.id();
    // Known from the first look on: most jobs are done before it.
    let mut before = None;
    let mut running = Box::pin(async move { worker.call(&job).await.map(|answer| (worker, answer)) });
    let mut waited = Duration::ZERO;
    loop {
        if let Ok(done) = tokio::time::timeout(LOOK, &mut running).await {
            return done.map_err(|_| LOST.to_owned());
        }
        waited += LOOK;
        let now = busy(id);
        before = before.or(now);
        let spent = now.zip(before).map(|(now, before)| now.saturating_sub(before));
        if spent.is_some_and(|spent| spent > BUSY_MAX) || waited > TIME_MAX {
            // With what is under way the worker goes.
            return Err("It took more than 50 ms of processor time.".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;
    use ringback_model::{
        AppNo, Endpoint, EndpointNo, EndpointSecrets, IdMaker, MessageNo, OrganizationSettings, RetryPolicy,
        SeededRandom, SigningKey, SigningSecret, Transformation,
    };
    use ringback_store::EndpointConfig;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const CODE: &str = "function handler(webhook) { webhook.payload.by = 'this one'; return webhook }";

    fn route(code: &str, secret: &str) -> Route {
        let secret = SigningSecret::parse(secret).unwrap();
        let transformation = Transformation {
            code: Some(Redacted::new(code.to_owned())),
            enabled: true,
            variables: IndexMap::new(),
            updated_at: NOW,
        };
        let config = EndpointConfig {
            no: EndpointNo(0),
            app: AppNo(1),
            version: 0,
            deleted: false,
            endpoint: Endpoint::new(
                IdMaker::new().make(NOW, &SeededRandom::new(1)),
                "https://a.example/".to_owned(),
                NOW,
            ),
            secrets: EndpointSecrets {
                keys: vec![SigningKey { secret, expires_at: None }],
                transformation: Some(Box::new(transformation)),
                ..EndpointSecrets::default()
            },
        };
        Route::new(config.into(), &OrganizationSettings::default().into(), &RetryPolicy::default()).unwrap()
    }

    fn message() -> Message {
        Message {
            no: MessageNo(1),
            app: AppNo(1),
            id: IdMaker::new().make(NOW, &SeededRandom::new(2)),
            event_type: "order.paid".to_owned(),
            event_id: None,
            channels: Vec::new(),
            tags: Vec::new(),
            payload: Some("{}".into()),
            raw: None,
            raw_content_type: None,
            ordering_key: None,
            occurred_at: None,
            callback_url: None,
            deliver_at: None,
            deliver_until: None,
            accepted_at: NOW,
            expires_at: Timestamp::MAX,
        }
    }

    #[tokio::test]
    async fn a_request_with_secrets_and_one_without_are_made_of_one_run() {
        let (real, hidden) = (
            route(CODE, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            route(CODE, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
        );
        let (transformer, message) = (Transformer::here(), message());
        // Whoever runs the code for this one waits for its turn, and would wait for ever.
        let _turn = hidden.transforming.acquire().await.unwrap();
        let made = transformer.prepare_both([&real, &hidden], &message, NOW);
        let made = tokio::time::timeout(TIME_MAX, made).await.expect("the code is run for each of the two").unwrap();
        assert_eq!(made.each_ref().map(|one| &*one.body), [br#"{"by":"this one"}"#.as_slice(); 2]);
        let [first, second] = made.map(|one| one.headers["webhook-signature"].clone());
        assert_ne!(first, second, "each is signed with its own secret");
    }

    #[tokio::test]
    async fn two_that_run_other_code_are_made_of_a_run_each() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let other = "function handler(webhook) { webhook.payload.by = 'the other'; return webhook }";
        let routes = [&route(CODE, secret), &route(other, secret)];
        let made = Transformer::here().prepare_both(routes, &message(), NOW).await.unwrap();
        let bodies = made.map(|one| String::from_utf8(one.body.to_vec()).unwrap());
        assert_eq!(bodies, [r#"{"by":"this one"}"#, r#"{"by":"the other"}"#]);
    }
}
