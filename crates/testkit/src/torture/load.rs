//! The producers of a run: they post at a steady rate, whatever happens to the server, and keep the ledger.
//!
//! Each producer has one connection and one post under way. It owns its ordering keys, so that the posts of a key
//! follow each other. Of the posts left in doubt, half are repeated with the same idempotency key until they are
//! settled; and now and then a post that was acknowledged is repeated, too, which must change nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::client::Client;
use super::history::PostNumber;
use super::ledger::{Ledger, Settled};
use super::plan::{ORDERED_APP, Registered, SHARES};
use super::seed::{Seed, mix};

/// Producers of a run.
pub(super) const PRODUCERS: u64 = 16;
/// Ordering keys of one producer.
const KEYS: u64 = 2;
/// Most repetitions of one post in doubt.
const REPETITIONS: usize = 20;

/// The running producers.
#[derive(Debug)]
pub(super) struct Load {
    stop: watch::Sender<bool>,
    producers: JoinSet<Tally>,
}

/// What the producers did beside what the ledger shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Repetitions of posts in doubt.
    pub(super) repeated: usize,
    /// Repetitions of acknowledged posts.
    pub(super) replayed: usize,
}

/// A request that can be sent again exactly.
#[derive(Debug, Clone)]
struct Sent {
    number: PostNumber,
    path: String,
    key: String,
    body: Bytes,
}

impl Load {
    /// Starts the producers; together they post `rate` messages a second.
    #[must_use]
    pub(super) fn start(
        client: &dyn Fn() -> Client,
        ledger: &Arc<Ledger>,
        plan: &Registered,
        rate: u32,
        seed: &Seed,
    ) -> Self {
        let (stop, _) = watch::channel(false);
        let mut producers = JoinSet::new();
        let interval = Duration::from_secs(PRODUCERS) / rate.max(1);
        for number in 0..PRODUCERS {
            let producer = Producer {
                number,
                client: client(),
                ledger: ledger.clone(),
                apps: plan.apps.clone(),
                seed: seed.part(1000 + number),
                stop: stop.subscribe(),
                tally: Tally::default(),
            };
            producers.spawn(producer.run(interval));
        }
        Self { stop, producers }
    }

    /// Stops the producers and waits for the posts under way; the server must be up.
    pub(super) async fn stop(mut self) -> Tally {
        self.stop.send_replace(true);
        let mut sum = Tally::default();
        while let Some(tally) = self.producers.join_next().await {
            // A producer that panicked has left its posts in the ledger; the verdict will see what is missing.
            let tally = tally.unwrap_or_default();
            sum.repeated += tally.repeated;
            sum.replayed += tally.replayed;
        }
        sum
    }
}

#[derive(Debug)]
struct Producer {
    number: u64,
    client: Client,
    ledger: Arc<Ledger>,
    apps: Vec<String>,
    seed: Seed,
    stop: watch::Receiver<bool>,
    tally: Tally,
}

impl Producer {
    async fn run(mut self, interval: Duration) -> Tally {
        // Spread over the interval, or all producers would post in one burst.
        let mut next = Instant::now() + self.seed.between(Duration::ZERO, interval);
        let mut last = None;
        while self.pause(next.saturating_duration_since(Instant::now())).await {
            next = (next + interval).max(Instant::now());
            if !self.client.connect().await {
                // The server is down: no intent, nothing sent, nothing to be in doubt about.
                next = Instant::now() + Duration::from_millis(20);
                continue;
            }
            if let Some(sent) = last.take_if(|_| self.seed.chance(2)) {
                self.tally.replayed += 1;
                self.send(&sent).await;
            }
            let sent = self.compose();
            match self.send(&sent).await {
                Settled::Acked => last = Some(sent),
                Settled::Rejected => {}
                Settled::Doubtful => self.doubt(&sent).await,
            }
        }
        self.tally
    }

    /// Sleeps; false if it is time to stop.
    async fn pause(&mut self, pause: Duration) -> bool {
        // An error means that the run has been dropped: a reason to stop as well.
        tokio::time::timeout(pause, self.stop.wait_for(|stop| *stop)).await.is_err()
    }

    /// Writes the next post into the ledger.
    fn compose(&mut self) -> Sent {
        let app = app_at(self.seed.below(100));
        let key = (app == ORDERED_APP).then(|| self.number * KEYS + self.seed.below(KEYS));
        let chance = self.seed.next();
        let (number, payload) = self.ledger.intend(app, key, |number| payload(number, chance));
        let ordering = key.map_or_else(String::new, |key| format!(r#""orderingKey":"key {key}","#));
        Sent {
            number,
            path: format!("/api/v1/app/{}/msg/", self.apps[app]),
            key: format!("torture-{number}-{chance:x}"),
            // Written by hand: the payload must leave here byte by byte as the ledger has it.
            body: format!(r#"{{"eventType":"torture.tick",{ordering}"payload":{payload}}}"#).into(),
        }
    }

    async fn send(&mut self, sent: &Sent) -> Settled {
        let reply = self.client.call(Method::POST, &sent.path, Some(&sent.key), sent.body.clone()).await;
        self.ledger.settle(sent.number, reply.as_ref())
    }

    /// What happens to a post in doubt: it stays so, or is repeated until it is settled.
    async fn doubt(&mut self, sent: &Sent) {
        if !self.seed.chance(50) {
            return;
        }
        let patience = Instant::now() + Duration::from_secs(30);
        for _ in 0..REPETITIONS {
            while !self.client.connect().await {
                if Instant::now() > patience {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            self.tally.repeated += 1;
            if self.send(sent).await != Settled::Doubtful {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The application whose share holds this point of a hundred.
fn app_at(point: u64) -> usize {
    let ends = SHARES.iter().scan(0, |end, share| {
        *end += share;
        Some(*end)
    });
    ends.take_while(|end| *end <= point).count()
}

/// A payload: it begins with its number, and is otherwise of the kind that a re-serializing server would change.
/// One in a hundred has 64 KiB, the others up to 1 KiB.
#[must_use]
pub(super) fn payload(number: PostNumber, chance: u64) -> String {
    let odd = [
        r#""a":1,"a":2"#,
        r#""f":1.0,"big":18446744073709551617"#,
        "\"spaced\" :\t[ 1 ,2 ]",
        r#""text":"\u0041\u00e9 é \/""#,
        r#""z":{},"b":[],"e":1E5,"m":-0"#,
    ];
    let odd = odd[usize::try_from(chance % 5).unwrap_or_default()];
    let length = if chance % 100 == 99 { 64 << 10 } else { mix(chance) % 1000 };
    let pad = "x".repeat(usize::try_from(length).unwrap_or_default());
    format!(r#"{{"n":{number},"chance":{chance},{odd},"pad":"{pad}"}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_application_gets_its_share() {
        for (app, share) in SHARES.iter().enumerate() {
            assert_eq!((0..100).filter(|&point| app_at(point) == app).count() as u64, *share);
        }
    }

    #[test]
    fn payloads_are_json_and_begin_with_their_number() {
        for chance in 0..300 {
            let payload = payload(17, chance);
            assert!(payload.starts_with(r#"{"n":17,"#));
            let raw: Box<serde_json::value::RawValue> = serde_json::from_str(&payload).unwrap();
            assert_eq!(raw.get(), payload);
        }
    }
}
