//! `ringback demo`: everything in one go, for a first look.
//!
//! A server with its store in a temporary folder and a receiver run in this process and speak to each other over real
//! HTTP. `vectors.txt` has the formats of messaging platforms: each request is shown as it arrived and compared to the
//! byte. Each case of `case.rs` is an application of its own with one endpoint; its events are sent, each request is
//! shown as it arrived, and `report.rs` holds what the API says of it against what must have come. With `--once` the
//! verdict is the exit status; without, the demo stays up, so that messages can be sent to it by hand.

mod case;
mod client;
mod compare;
mod gallery;
mod print;
mod report;
mod stage;
mod vector;

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use ipnet::IpNet;
use ringback_model::{Redacted, RetryPolicy, Role, parse_schedule};
use ringback_service::{TokenSubject, UserDraft};

use self::case::{CASES, SCHEDULE};
use self::client::Client;
use self::gallery::Gallery;
use self::report::Report;
use self::stage::Stage;
use crate::args::DemoArgs;
use crate::config::{Access, DEFAULT_PORT, JwtSource, LogConfig, LogFormat, ServeConfig, StoreAddress, management_org};
use crate::log;
use crate::server::{Server, runtime};
use crate::signals::Signals;
use crate::terminal::Style;
use crate::token::{default_organization, mint};

/// The application that messages by hand go to.
const BY_HAND: &str = "demo";
/// Who looks around in the console of the demo.
const DEMO_USER: &str = "demo@localhost";
/// How long the token of the demo is good for.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// Runs the command.
pub(crate) fn run(args: DemoArgs) -> anyhow::Result<()> {
    let filter = args.log.unwrap_or_else(|| "error".to_owned());
    log::start(&LogConfig { filter, format: LogFormat::Human }, None)?;
    let folder = tempfile::Builder::new().prefix("ringback-demo-").tempdir().context("no temporary folder")?;
    runtime()?.block_on(demo(folder.path(), args.once))
}

async fn demo(folder: &Path, once: bool) -> anyhow::Result<()> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let config = config(folder, once);
    let token = mint(&config.access, &TokenSubject::Organization(default_organization()), TOKEN_LIFE)?;
    let server = Server::start(config).await?;
    let played = tokio::select! {
        played = play(&server, &token, once) => played,
        _ = signals.next() => if once { Err(anyhow::anyhow!("interrupted")) } else { Ok(()) },
    };
    signals.or_exit(server.stop()).await?;
    played
}

/// The settings of the demo's server. A demo that stays up takes the port that the README names, if it is free.
fn config(folder: &Path, once: bool) -> ServeConfig {
    let free = !once && TcpListener::bind((Ipv4Addr::LOCALHOST, DEFAULT_PORT)).is_ok();
    ServeConfig {
        admin_listen: None,
        public_url: None,
        hosts: Vec::new(),
        migrate_url: None,
        egress_proxy: None,
        listen: (Ipv4Addr::LOCALHOST, if free { DEFAULT_PORT } else { 0 }).into(),
        access: Access { store: StoreAddress::Folder(folder.to_owned()), jwt: JwtSource::Store },
        master_key_file: folder.join("master.key"),
        egress_allow: vec![IpNet::from(IpAddr::from(Ipv4Addr::LOCALHOST))],
        retry: RetryPolicy::new(parse_schedule(SCHEDULE).expect("the schedule of the demo is one")),
        https_only: false,
        management_org: management_org(),
        issuer: None,
        alerts: None,
        telemetry: None,
    }
}

async fn play(server: &Server, token: &Redacted, once: bool) -> anyhow::Result<()> {
    let style = Style::of(&io::stdout());
    let base = format!("http://{}", server.address());
    let mut stage = Stage::set(Client::new(server.address(), token.clone()), style).await?;
    writeln!(
        io::stdout(),
        "{}\n  server    {base}\n  receiver  {}\n  retries   after {}\n",
        style.bold("Ringback demo"),
        stage.receiver_url(),
        SCHEDULE.replace(',', ", "),
    )?;
    let mut problems = play_formats(Client::new(server.address(), token.clone()), style).await?;
    problems.extend(play_receivers(&mut stage, style).await?);
    let verdict = conclude(&problems, style);
    if once {
        return verdict;
    }
    if let Err(problems) = verdict {
        writeln!(io::stdout(), "{}\n", style.bad(problems))?;
    }
    stage.open(BY_HAND, "none").await?;
    writeln!(
        io::stdout(),
        "{} See all of it in the console. This link signs you in once, within 15 minutes:\n\n  {base}{}\n",
        style.bold("Look around."),
        console_link(server).await?,
    )?;
    writeln!(
        io::stdout(),
        "{} Send a message from another terminal, and see it arrive here. Ctrl-C ends the demo.\n\n{}",
        style.bold("Your turn."),
        print::curl(&base, BY_HAND, token.reveal()),
    )?;
    stage.watch_for_ever().await
}

/// The path of a link that signs in to the console, as somebody who was made for it.
async fn console_link(server: &Server) -> anyhow::Result<String> {
    let draft = UserDraft { email: DEMO_USER.to_owned(), name: "Demo".to_owned(), role: Role::Admin, password: None };
    let user = server.service().ensure_user(draft).await?;
    let key = server.service().sign_in_link(user.id).await?;
    Ok(format!("/console/sign-in/link?key={}", key.reveal()))
}

/// The formats of messaging platforms, each for a customer of its own; returns what was not as it had to be.
async fn play_formats(client: Client, style: Style) -> anyhow::Result<Vec<String>> {
    let plays = vector::plays();
    writeln!(
        io::stdout(),
        "{}\n{} customers, each with the webhook that its code expects; every request is compared to the byte.\n",
        style.bold("1. The language of the receiver"),
        plays.len()
    )?;
    let mut gallery = Gallery::new(client, style);
    for (number, play) in plays.into_iter().enumerate() {
        gallery.play(number, play).await?;
    }
    Ok(gallery.end().await)
}

/// Receivers that work, recover, are dead or want an order; returns what was not as it had to be.
async fn play_receivers(stage: &mut Stage, style: Style) -> anyhow::Result<Vec<String>> {
    writeln!(
        io::stdout(),
        "{}\n{} customers with one webhook each. Requests as they arrive:\n",
        style.bold("2. Receivers as they are"),
        CASES.len()
    )?;
    for case in CASES {
        stage.open(case.name, case.ordering).await?;
    }
    let mut messages = Vec::with_capacity(CASES.len());
    for case in CASES {
        messages.push(stage.send(case).await?);
    }
    let outcomes = stage.watch(&messages).await?;
    let facts = CASES.iter().zip(&messages).zip(&outcomes);
    let reports: Vec<_> = facts
        .map(|((case, messages), outcomes)| Report { case, messages, arrivals: stage.arrivals(case), outcomes })
        .collect();
    writeln!(io::stdout(), "What the API says:\n\n{}", print::table(&reports, style))?;
    let problems = |report: &Report<'_>| {
        let name = report.case.name;
        report.problems().into_iter().map(move |problem| format!("{name}: {problem}")).collect::<Vec<_>>()
    };
    Ok(reports.iter().flat_map(problems).collect())
}

/// Says that all is well, or fails with what is not.
fn conclude(problems: &[String], style: Style) -> anyhow::Result<()> {
    if problems.is_empty() {
        let all_well = "Every request arrived as expected, every signature verified, and nothing else arrived.";
        writeln!(io::stdout(), "{}\n", style.good(all_well))?;
        return Ok(());
    }
    bail!("not everything went as expected: {}", problems.join("; "))
}
