//! What is registered for a run: applications, their endpoints, and how the receivers behind them behave.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::client::Client;
use super::history::{Endpoint, EndpointNumber, PostNumber};
use super::receivers::Receivers;
use super::seed::{Seed, mix};

/// How a receiver behaves until it is healed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Profile {
    /// Answers 200 at once.
    Steady,
    /// Answers one in ten messages with 500, or with a closed connection, once or twice before 200.
    Flaky,
    /// Takes 20 to 200 ms.
    Slow,
    /// Answers 500 until it is opened, but one message in eight with 200, so that no breaker opens; its endpoint does not
    /// try twice.
    Shut,
}

/// One endpoint of the plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned {
    /// What the reports call it.
    pub(super) name: &'static str,
    /// Index of its application.
    pub(super) app: usize,
    /// How its receiver behaves.
    pub(super) profile: Profile,
    /// Whether it asks for order per key.
    pub(super) ordered: bool,
    /// Its `maxConcurrency`.
    pub(super) cap: usize,
    /// How many messages it takes in one request.
    pub(super) batch: usize,
}

/// Share of the messages that each application gets, in percent. The slow endpoint's must stay below what its cap can
/// take, or the backlog would only measure patience.
pub(super) const SHARES: [u64; 3] = [50, 30, 20];

/// The application whose messages carry ordering keys.
pub(super) const ORDERED_APP: usize = 1;

/// The application whose messages are sent again by background tasks.
pub(super) const TASK_APP: usize = SHARES.len();

/// How many of the endpoints every run has.
pub(super) const USUAL: usize = 6;
/// The endpoint at which all messages of [`TASK_APP`] have failed, and the one that was made after them.
pub(super) const RECOVERED: EndpointNumber = USUAL;
pub(super) const MISSED: EndpointNumber = USUAL + 1;

/// The endpoints of a run: those of every one, then those of background tasks.
pub(super) const ENDPOINTS: [Planned; USUAL + 2] = [
    Planned { name: "steady", app: 0, profile: Profile::Steady, ordered: false, cap: 10, batch: 1 },
    Planned { name: "flaky", app: 0, profile: Profile::Flaky, ordered: false, cap: 16, batch: 1 },
    Planned { name: "ordered", app: 1, profile: Profile::Flaky, ordered: true, cap: 16, batch: 1 },
    Planned { name: "beside_ordered", app: 1, profile: Profile::Steady, ordered: false, cap: 10, batch: 1 },
    Planned { name: "slow", app: 2, profile: Profile::Slow, ordered: false, cap: 16, batch: 1 },
    Planned { name: "gathered", app: 1, profile: Profile::Flaky, ordered: true, cap: 2, batch: 8 },
    Planned { name: "recovered", app: TASK_APP, profile: Profile::Shut, ordered: false, cap: 16, batch: 1 },
    Planned { name: "missed", app: TASK_APP, profile: Profile::Steady, ordered: false, cap: 16, batch: 1 },
];

/// What a receiver does with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mood {
    /// Waits this long first.
    pub(super) delay: Duration,
    /// The status of the answer; `None` closes the connection without one.
    pub(super) status: Option<u16>,
}

impl Profile {
    /// The mood for the `tries`-th request (from 0) of a message. Depends on nothing else, so that it replays.
    #[must_use]
    pub(super) fn mood(self, post: PostNumber, tries: u32) -> Mood {
        let chance = mix(post as u64 ^ 0x0070_0457);
        let calm = Mood { delay: Duration::ZERO, status: Some(200) };
        match self {
            Self::Steady => calm,
            Self::Shut if passes_shut(post) => calm,
            Self::Shut => Mood { status: Some(500), ..calm },
            Self::Slow => Mood { delay: Duration::from_millis(20 + chance % 181), ..calm },
            Self::Flaky => match (chance % 20, tries) {
                (0, 0) | (1, 0) => Mood { status: Some(500), ..calm },
                (0, 1) => Mood { status: None, ..calm },
                _ => calm,
            },
        }
    }
}

/// Whether a receiver that is shut takes a message all the same.
#[must_use]
pub(super) fn passes_shut(post: PostNumber) -> bool {
    post.is_multiple_of(8)
}

impl Planned {
    /// The endpoint as the checker knows it.
    #[must_use]
    pub(super) fn facts(&self) -> Endpoint {
        Endpoint { name: self.name.to_owned(), app: self.app, cap: self.cap * self.batch, ordered: self.ordered }
    }
}

/// A signing secret of 24 bytes, from the seed.
#[must_use]
pub(super) fn secret(seed: &mut Seed) -> String {
    let bytes: Vec<u8> = (0..3).flat_map(|_| seed.next().to_be_bytes()).collect();
    format!("whsec_{}", STANDARD.encode(bytes))
}

/// The ids that the server gave to the plan.
#[derive(Debug, Clone, Default)]
pub(super) struct Registered {
    /// Ids of the applications, by index.
    pub(super) apps: Vec<String>,
    /// Ids of the endpoints, by number.
    pub(super) endpoints: Vec<String>,
}

/// Registers the plan at the server.
///
/// # Errors
/// If any registration is not answered with 201 and an id.
pub(super) async fn register(client: &mut Client, receivers: &Receivers) -> Result<Registered> {
    let mut registered = Registered::default();
    for app in 0..SHARES.len() {
        let name = json!({ "name": format!("torture {app}") });
        registered.apps.push(create(client, "/api/v1/app/", &name).await?);
    }
    for _ in 0..USUAL {
        register_next(client, receivers, &mut registered).await?;
    }
    Ok(registered)
}

/// Registers the next endpoint of the plan.
///
/// # Errors
/// If it is not answered with 201 and an id.
pub(super) async fn register_next(
    client: &mut Client,
    receivers: &Receivers,
    registered: &mut Registered,
) -> Result<()> {
    let number = registered.endpoints.len();
    let planned = &ENDPOINTS[number];
    let mut body = json!({
        "url": receivers.url(number),
        "secret": receivers.secret(number),
        "maxConcurrency": planned.cap,
        "ordering": if planned.ordered { "per_key" } else { "none" },
        "headers": { "x-torture": planned.name },
    });
    if planned.batch > 1 {
        body["batch"] = json!({ "maxMessages": planned.batch, "maxWaitMs": 20 });
    }
    if planned.profile == Profile::Shut {
        body["retrySchedule"] = json!([]);
    }
    let path = format!("/api/v1/app/{}/endpoint/", registered.apps[planned.app]);
    registered.endpoints.push(create(client, &path, &body).await?);
    Ok(())
}

/// Creates one thing and returns its id.
///
/// # Errors
/// If it is not answered with 201 and an id.
pub(super) async fn create(client: &mut Client, path: &str, body: &serde_json::Value) -> Result<String> {
    let reply = client.post(path, body).await.with_context(|| format!("no answer to POST {path}"))?;
    if reply.status != http::StatusCode::CREATED {
        bail!("POST {path} was answered {}: {}", reply.status, String::from_utf8_lossy(&reply.body));
    }
    reply.id().with_context(|| format!("the answer to POST {path} has no id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_answers_200_in_the_end() {
        for post in 0..2000 {
            assert_eq!(Profile::Steady.mood(post, 0).status, Some(200));
            assert_eq!(Profile::Flaky.mood(post, 2).status, Some(200));
            let slow = Profile::Slow.mood(post, 0).delay.as_millis();
            assert!((20..=200).contains(&slow), "{slow}");
        }
    }

    #[test]
    fn a_flaky_receiver_fails_about_one_message_in_ten() {
        let failed = (0..2000).filter(|&post| Profile::Flaky.mood(post, 0).status != Some(200)).count();
        assert!((150..250).contains(&failed), "{failed}");
        assert!((0..200).any(|post| Profile::Flaky.mood(post, 1).status.is_none()));
    }

    #[test]
    fn the_shares_are_all_there_is_and_every_application_has_an_endpoint() {
        assert_eq!(SHARES.iter().sum::<u64>(), 100);
        assert!((0..SHARES.len()).all(|app| ENDPOINTS.iter().any(|endpoint| endpoint.app == app)));
        assert!(ENDPOINTS.iter().any(|endpoint| endpoint.app == ORDERED_APP && endpoint.ordered));
        assert!(ENDPOINTS[..USUAL].iter().all(|endpoint| endpoint.app < TASK_APP));
        assert!([RECOVERED, MISSED].iter().all(|&number| ENDPOINTS[number].app == TASK_APP));
    }
}
