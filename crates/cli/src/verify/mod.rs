//! `ringback verify`: whether the signature of a captured request holds, and if not, why.
//!
//! `captured.rs` reads the request, `diagnosis.rs` finds the reason, and what is printed is made here; signatures of
//! dialects are looked at in `provider.rs`. Exit status 0 if it holds, 1 if not, 2 if there is nothing to look at.

mod captured;
mod diagnosis;
mod provider;
mod rewritten;

use std::io::{self, Read as _, Write as _};

use anyhow::bail;
use ringback_engine::SystemClock;
use ringback_model::{Clock as _, Timestamp};

use ringback_wire::dialect::{self, Dialect};

use self::diagnosis::Diagnosis;
use self::provider::Findings;
use crate::args::VerifyArgs;
use crate::client::Failure;
use crate::receiver::Arrival;
use crate::receiver::signature::{Key, Signed};
use crate::terminal::{Style, visible};

/// Longest piece of what is signed that is shown.
const SHOWN: usize = 2_000;

/// Runs the command.
pub(crate) fn run(args: &VerifyArgs) -> anyhow::Result<()> {
    let bytes = match args.request.as_str() {
        "-" => {
            let mut bytes = Vec::new();
            let read = io::stdin().lock().read_to_end(&mut bytes);
            read.map(|_| bytes).map_err(|error| unreadable("the request on standard input", &error))?
        }
        file => std::fs::read(file).map_err(|error| unreadable(&format!("the request in {file}"), &error))?,
    };
    let body = args.body.as_ref().map(|file| {
        std::fs::read(file).map_err(|error| unreadable(&format!("the body in {}", file.display()), &error))
    });
    let body = body.transpose()?;
    let arrival = captured::read(&bytes, body).map_err(Failure::Usage)?;
    let at = (!args.any_time).then(|| args.at.unwrap_or_else(|| SystemClock::new().wall()));
    let dialect = dialect::find_or_default(args.dialect.as_deref()).map_err(Failure::Usage)?;
    if dialect.takes_secret() {
        return verify_dialect(args, dialect, &arrival, at);
    }
    let mut keys = Vec::new();
    for secret in &args.secret {
        let text = secret.0.reveal();
        let refused =
            |_| Failure::Usage("a secret is `whsec_` and base64, and a public key `whpk_` and base64".to_owned());
        keys.push((text, Key::parse(text).map_err(refused)?));
    }
    let diagnosis = Diagnosis::of(&arrival, &keys, at);
    let text = describe(&arrival, &keys, &diagnosis, Style::of(&io::stdout()));
    io::stdout().write_all(text.as_bytes())?;
    if !diagnosis.holds() {
        bail!("the signature does not hold");
    }
    Ok(())
}

/// What is told of a file that cannot be read.
fn unreadable(what: &str, error: &io::Error) -> Failure {
    Failure::Usage(format!("cannot read {what}: {error}"))
}

fn verify_dialect(
    args: &VerifyArgs,
    dialect: &'static Dialect,
    arrival: &Arrival,
    at: Option<Timestamp>,
) -> anyhow::Result<()> {
    let secrets: Vec<_> = args.secret.iter().map(|secret| secret.0.reveal()).collect();
    let findings = Findings::of(arrival, dialect, &secrets, args.url.as_deref(), at).map_err(Failure::Usage)?;
    io::stdout().write_all(findings.describe(Style::of(&io::stdout())).as_bytes())?;
    if !findings.hold() {
        bail!("the signature does not hold");
    }
    Ok(())
}

/// What is signed, as far as it is shown, with its length.
fn shown(content: &[u8]) -> String {
    let (text, more) = (visible(&content[..content.len().min(SHOWN)]), content.len().saturating_sub(SHOWN));
    let more = if more == 0 { String::new() } else { format!(", {more} of which are not shown") };
    format!("{text}\n({} bytes{more})\n", content.len())
}

fn describe(arrival: &Arrival, keys: &[(&str, Key)], diagnosis: &Diagnosis, style: Style) -> String {
    let verdict = match diagnosis {
        Diagnosis::Holds { .. } => style.good("the signature holds"),
        _ => format!("{}: {}", style.bad("the signature does not hold"), diagnosis.reason()),
    };
    let mut text = format!("{verdict}\n{diagnosis}\n");
    let Ok(signed) = Signed::of(arrival) else { return text };
    text += &format!(
        "\n{}\n",
        style.bold("what is signed: the id, a dot, the time, a dot, and the body (of a GET, the query)")
    );
    text += &shown(&signed.canonical());
    text += &format!(
        "\n{}\n{}\n",
        style.bold("signatures in the request"),
        visible(signed.signatures.replace(' ', "\n").as_bytes()).replace("\\n", "\n")
    );
    for (_, key) in keys {
        if let Key::Shared(key) = key {
            text += &format!("\n{}\n{}\n", style.bold("signature that the secret makes"), signed.made_with(key));
        }
    }
    text
}

/// A time with how far it is from another.
fn distance(at: Timestamp, from: Timestamp) -> String {
    let (length, word) = if at > from { (at.since(from), "after") } else { (from.since(at), "before") };
    format!("{} s {word}", length.as_secs())
}
