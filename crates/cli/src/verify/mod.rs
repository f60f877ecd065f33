//! `ringback verify`: whether the signature of a captured request holds, and if not, why.
//!
//! `captured.rs` reads the request, `diagnosis.rs` finds the reason, and what is printed is made here. Exit status 0 if
//! it holds, 1 if not.

mod captured;
mod diagnosis;
mod rewritten;

use std::io::{self, Read as _, Write as _};

use anyhow::{Context as _, bail};
use ringback_engine::SystemClock;
use ringback_model::{Clock as _, Timestamp};

use self::diagnosis::Diagnosis;
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
            io::stdin().lock().read_to_end(&mut bytes).context("cannot read the request on standard input")?;
            bytes
        }
        file => std::fs::read(file).with_context(|| format!("cannot read the request in {file}"))?,
    };
    let body = match &args.body {
        None => None,
        Some(file) => Some(std::fs::read(file).with_context(|| format!("cannot read the body in {}", file.display()))?),
    };
    let arrival = captured::read(&bytes, body).map_err(Failure::Usage)?;
    let at = (!args.any_time).then(|| args.at.unwrap_or_else(|| SystemClock::new().wall()));
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
    if diagnosis != Diagnosis::Holds {
        bail!("the signature does not hold");
    }
    Ok(())
}

fn describe(arrival: &Arrival, keys: &[(&str, Key)], diagnosis: &Diagnosis, style: Style) -> String {
    let verdict = match diagnosis {
        Diagnosis::Holds => style.good("the signature holds"),
        _ => format!("{}: {}", style.bad("the signature does not hold"), diagnosis.reason()),
    };
    let mut text = format!("{verdict}\n{diagnosis}\n");
    let Ok(signed) = Signed::of(arrival) else { return text };
    text += &format!(
        "\n{}\n",
        style.bold("what is signed: the id, a dot, the time, a dot, and the body (of a GET, the query)")
    );
    let canonical = signed.canonical();
    text += &format!("{}\n", visible(&canonical[..canonical.len().min(SHOWN)]));
    let more = canonical.len().saturating_sub(SHOWN);
    text += &if more == 0 {
        format!("({} bytes)\n", canonical.len())
    } else {
        format!("({} bytes, {more} of which are not shown)\n", canonical.len())
    };
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
