//! `ringback listen`: a receiver for trying things out. Prints each request, and whether its signature verifies.

use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use http::StatusCode;
use ringback_engine::SystemClock;
use ringback_model::{Clock as _, Timestamp};

use crate::args::ListenArgs;
use crate::client::Failure;
use crate::config::Secret;
use crate::receiver::forward::Forward;
use crate::receiver::signature::verify;
use crate::receiver::{Arrival, Receiver, Reply};
use crate::server::runtime;
use crate::signals::Signals;
use crate::terminal::visible;

/// Runs the command.
pub(crate) fn run(args: ListenArgs) -> anyhow::Result<()> {
    runtime()?.block_on(listen(args))
}

async fn listen(args: ListenArgs) -> anyhow::Result<()> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let status = StatusCode::from_u16(args.status)?;
    let (count, fail_every, delay) = (AtomicU64::new(0), args.fail_every, args.delay.0);
    let answers = move |_: &http::Method, _: &str, _: &[u8]| {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        let fails = fail_every.is_some_and(|every| number % every == 0);
        let status = if fails { StatusCode::INTERNAL_SERVER_ERROR } else { status };
        Reply { delay, ..status.into() }
    };
    let address = (Ipv4Addr::LOCALHOST, args.port).into();
    let forward =
        args.forward.as_deref().map(Forward::to).transpose().map_err(|error| Failure::Usage(error.to_string()))?;
    let mut receiver = Receiver::start_on(address, answers, forward)
        .await
        .with_context(|| format!("cannot listen on {address} (choose another port with --port)"))?;
    writeln!(io::stdout(), "Listening on {}", receiver.url("/"))?;
    let clock = SystemClock::new();
    loop {
        tokio::select! {
            Some(arrival) = receiver.next() => io::stdout().write_all(describe(&arrival, &args.secret, clock.wall()).as_bytes())?,
            _ = signals.next() => return Ok(()),
        }
    }
}

/// A request as it arrived, what was answered, and what its signature is worth.
fn describe(arrival: &Arrival, secrets: &[Secret], now: Timestamp) -> String {
    let mut text =
        format!("\n{} {} -> {}\n", arrival.method, visible(arrival.target.as_bytes()), arrival.answered.as_u16());
    for (name, value) in &arrival.headers {
        text += &format!("{name}: {}\n", visible(value.as_bytes()));
    }
    if !arrival.body.is_empty() {
        text += &format!("\n{}\n", visible(&arrival.body));
    }
    text + &format!("signature: {}\n", judge(arrival, secrets, now))
}

fn judge(arrival: &Arrival, secrets: &[Secret], now: Timestamp) -> String {
    if secrets.is_empty() {
        return "not checked (give the secret of the endpoint with --secret)".to_owned();
    }
    let mut refused = String::new();
    for secret in secrets {
        match verify(arrival, secret.0.reveal(), now) {
            Ok(()) => return "verified".to_owned(),
            Err(error) => refused = format!("REFUSED: {error}"),
        }
    }
    refused
}
